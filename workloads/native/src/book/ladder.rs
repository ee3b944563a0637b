//! One side of a book: price levels in a flat array around the best one.
//!
//! Levels are named by a **key**: the price on the bid side, the price's negative on the ask side. The best level is
//! then the one with the highest key on either side, and one piece of code serves both. Near the best level the
//! quantity of a key is an array element; two layers of bits say which elements hold something, so that the next best
//! level is found in a few instructions however far away it is. Levels far below the best lie in a sorted map until the
//! market comes near them.

use std::collections::BTreeMap;

/// The best key of a side without levels; below every key, and adding two of them does not overflow.
pub const NOTHING: i64 = -(1 << 61);

/// Prices (and so keys) lie within plus and minus this.
pub const PRICE_LIMIT: i64 = 1 << 60;

/// Levels of the array where nobody asks for another number: 65,536 ticks.
pub const WINDOW: usize = 1 << 16;

/// One side of a book.
///
/// Invariant: where there are levels, the best one is in the array, and no level of the map is above the array.
#[derive(Debug, Clone)]
pub struct Ladder {
    base: i64,
    best: i64,
    quantity: Box<[i64]>,
    occupied: Box<[u64]>,
    summary: Box<[u64]>,
    far: BTreeMap<i64, i64>,
}

impl Ladder {
    /// A side without levels; `window` is the size of its array, rounded up to a multiple of 64.
    #[must_use]
    pub fn new(window: usize) -> Self {
        let words = window.div_ceil(64).max(1);
        Self {
            base: 0,
            best: NOTHING,
            quantity: vec![0; words * 64].into_boxed_slice(),
            occupied: vec![0; words].into_boxed_slice(),
            summary: vec![0; words.div_ceil(64)].into_boxed_slice(),
            far: BTreeMap::new(),
        }
    }

    /// Key of the best level, [`NOTHING`] where there is none.
    #[inline]
    #[must_use]
    pub fn best(&self) -> i64 {
        self.best
    }

    /// Quantity at a key.
    #[inline]
    #[must_use]
    pub fn quantity(&self, key: i64) -> i64 {
        match self.quantity.get(self.slot(key)) {
            Some(&quantity) => quantity,
            None => self.far.get(&key).copied().unwrap_or(0),
        }
    }

    /// Sets the quantity at a key, 0 to remove the level, and gives the quantity that was there.
    #[inline]
    pub fn set(&mut self, key: i64, quantity: i64) -> i64 {
        let slot = self.slot(key);
        let Some(level) = self.quantity.get_mut(slot) else {
            return self.set_outside(key, quantity);
        };
        let before = std::mem::replace(level, quantity);
        if quantity == 0 {
            if before != 0 {
                self.leave(slot, key);
            }
        } else {
            if before == 0 {
                self.occupied[slot >> 6] |= 1 << (slot & 63);
                self.summary[slot >> 12] |= 1 << (slot >> 6 & 63);
            }
            self.best = self.best.max(key);
        }
        before
    }

    /// Removes every level.
    pub fn clear(&mut self) {
        self.far.clear();
        while self.best != NOTHING {
            self.set(self.best, 0);
        }
    }

    /// Removes the levels from the best down to `key` and gives how many there were.
    pub fn cut(&mut self, key: i64) -> usize {
        let mut removed = 0;
        while self.best >= key && self.best != NOTHING {
            self.set(self.best, 0);
            removed += 1;
        }
        removed
    }

    /// Levels as (key, quantity), best first.
    pub fn levels(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        let mut next = self.slot(self.best);
        if self.best == NOTHING {
            next = usize::MAX;
        }
        let near = std::iter::from_fn(move || {
            let slot = self.occupied_at_or_below(next)?;
            next = slot.wrapping_sub(1);
            Some((self.base + slot as i64, self.quantity[slot]))
        });
        near.chain(self.far.iter().rev().map(|(&key, &quantity)| (key, quantity)))
    }

    #[inline]
    fn slot(&self, key: i64) -> usize {
        key.wrapping_sub(self.base) as usize
    }

    /// The level of a slot is gone: finds the best again where it was that one.
    #[inline]
    fn leave(&mut self, slot: usize, key: i64) {
        let word = slot >> 6;
        self.occupied[word] &= !(1 << (slot & 63));
        if self.occupied[word] == 0 {
            self.summary[word >> 6] &= !(1 << (word & 63));
        }
        if key == self.best {
            match self.occupied_at_or_below(slot) {
                Some(next) if next >= self.quantity.len() / 4 || self.far.is_empty() => {
                    self.best = self.base + next as i64;
                }
                next => self.come_down(next),
            }
        }
    }

    /// The next best level is low in the array, or not in it.
    #[cold]
    fn come_down(&mut self, next: Option<usize>) {
        let key = next.map(|slot| self.base + slot as i64).or_else(|| self.far.last_key_value().map(|(&key, _)| key));
        match key {
            Some(key) => {
                self.move_to(key);
                self.best = key;
            }
            None => self.best = NOTHING,
        }
    }

    #[cold]
    fn set_outside(&mut self, key: i64, quantity: i64) -> i64 {
        if quantity == 0 {
            return self.far.remove(&key).unwrap_or(0);
        }
        if key > self.best {
            self.move_to(key);
            return self.set(key, quantity);
        }
        self.far.insert(key, quantity).unwrap_or(0)
    }

    /// Moves the array so that `key`, the best one, lies at three quarters of its height.
    fn move_to(&mut self, key: i64) {
        while let Some(slot) = self.occupied_at_or_below(self.quantity.len() - 1) {
            self.far.insert(self.base + slot as i64, std::mem::take(&mut self.quantity[slot]));
            self.occupied[slot >> 6] &= !(1 << (slot & 63));
            if self.occupied[slot >> 6] == 0 {
                self.summary[slot >> 12] &= !(1 << (slot >> 6 & 63));
            }
        }
        self.base = key - (self.quantity.len() / 4 * 3) as i64;
        for (key, quantity) in self.far.split_off(&self.base) {
            let slot = self.slot(key);
            self.quantity[slot] = quantity;
            self.occupied[slot >> 6] |= 1 << (slot & 63);
            self.summary[slot >> 12] |= 1 << (slot >> 6 & 63);
        }
    }

    /// The highest slot at or below `slot` that holds something.
    #[inline]
    fn occupied_at_or_below(&self, slot: usize) -> Option<usize> {
        let word = slot >> 6;
        let here = self.occupied.get(word)? & (u64::MAX >> (63 - (slot & 63)));
        if here != 0 {
            return Some(word << 6 | top(here));
        }
        let mut group = word >> 6;
        let mut words = self.summary[group] & ((1 << (word & 63)) - 1);
        while words == 0 {
            group = group.checked_sub(1)?;
            words = self.summary[group];
        }
        let word = group << 6 | top(words);
        Some(word << 6 | top(self.occupied[word]))
    }
}

/// The number of the highest bit; `bits` is not zero.
#[inline]
fn top(bits: u64) -> usize {
    63 - bits.leading_zeros() as usize
}
