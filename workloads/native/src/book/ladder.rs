//! One side of a book: price levels in a flat array around the best one.
//!
//! Levels are named by a **key**: the price on the bid side, the price's negative on the ask side. The best level is
//! then the one with the highest key on either side, and one piece of code serves both. Near the best level the
//! quantity of a key is an array element. Of each block of elements a byte says whether it may hold something, so that
//! the next best level is found soon however far away it is; the byte is only ever set while levels change, and cleared
//! when a search finds the block empty. So a level behind the best, as nearly all are, is two stores that wait for
//! nothing. Levels far below the best lie in a sorted map until the market comes near them.

use super::scan::{BLOCK, held_at_or_below};
use crate::simd::{self, Path};
use std::collections::BTreeMap;

/// The best key of a side without levels; below every key, and adding two of them does not overflow.
pub const NOTHING: i64 = -(1 << 61);

/// Prices (and so keys) lie within plus and minus this.
pub const PRICE_LIMIT: i64 = 1 << 60;

/// Levels of the array where nobody asks for another number: 65,536 ticks.
pub const WINDOW: usize = 1 << 16;

/// One side of a book.
///
/// Invariant: where there are levels, the best one is in the array, and no level of the map is above the array. What is above
/// the best one in the array is 0, and a block of which the byte is 0 holds nothing.
#[derive(Debug, Clone)]
pub struct Ladder {
    base: i64,
    best: i64,
    quantity: Box<[i64]>,
    touched: Box<[u8]>,
    far: BTreeMap<i64, i64>,
    path: Path,
}

impl Ladder {
    /// A side without levels; `window` is the size of its array, rounded up to whole blocks, two at least.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self::on(simd::active(), window)
    }

    fn on(path: Path, window: usize) -> Self {
        let blocks = window.div_ceil(BLOCK).max(2);
        Self {
            base: 0,
            best: NOTHING,
            quantity: vec![0; blocks * BLOCK].into_boxed_slice(),
            touched: vec![0; blocks].into_boxed_slice(),
            far: BTreeMap::new(),
            path,
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
        self.touched[slot / BLOCK] = 1;
        if quantity != 0 {
            self.best = self.best.max(key);
        } else if key == self.best {
            self.best_left(slot);
        }
        before
    }

    /// Sets the quantity at a key that is below the best: no other level becomes the best, and what was there is not
    /// asked for.
    #[inline(always)]
    pub fn set_behind(&mut self, key: i64, quantity: i64) {
        debug_assert!(key < self.best, "{key} is not behind {}", self.best);
        let slot = self.slot(key);
        if let Some(level) = self.quantity.get_mut(slot)
            && let Some(touched) = self.touched.get_mut(slot / BLOCK)
        {
            *level = quantity;
            *touched = 1;
        } else {
            self.set_outside(key, quantity);
        }
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
        let mut next = (self.best != NOTHING).then(|| self.slot(self.best));
        let near = std::iter::from_fn(move || {
            let slot = self.held_at_or_below(next?)?;
            next = slot.checked_sub(1);
            Some((self.base + slot as i64, self.quantity[slot]))
        });
        near.chain(self.far.iter().rev().map(|(&key, &quantity)| (key, quantity)))
    }

    #[inline]
    fn slot(&self, key: i64) -> usize {
        key.wrapping_sub(self.base) as usize
    }

    /// The best level, of this slot, is gone: finds the next.
    #[inline(never)]
    fn best_left(&mut self, slot: usize) {
        let next = self.held_at_or_below(slot);
        let empty = next.map_or(0, |next| next / BLOCK + 1)..slot / BLOCK + 1;
        self.touched[empty].fill(0);
        match next {
            Some(next) if next >= self.quantity.len() / 4 || self.far.is_empty() => {
                self.best = self.base + next as i64;
            }
            next => self.come_down(next),
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
        let mut next = Some(self.quantity.len() - 1);
        while let Some(slot) = next.and_then(|next| self.held_at_or_below(next)) {
            self.far.insert(self.base + slot as i64, std::mem::take(&mut self.quantity[slot]));
            next = slot.checked_sub(1);
        }
        self.touched.fill(0);
        self.base = key - (self.quantity.len() / 4 * 3) as i64;
        for (key, quantity) in self.far.split_off(&self.base) {
            let slot = self.slot(key);
            self.quantity[slot] = quantity;
            self.touched[slot / BLOCK] = 1;
        }
    }

    /// The highest slot at or below `slot` that holds something.
    #[inline]
    fn held_at_or_below(&self, slot: usize) -> Option<usize> {
        held_at_or_below(self.path, &self.quantity, &self.touched, slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was done to a ladder: a key, relative to a middle that walks, and a quantity; or a clearing, or a cut.
    #[derive(Debug, Clone)]
    enum Act {
        Set(i64, i64),
        Clear,
        Cut(i64),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let near = (-40i64..10, prop_oneof![Just(0i64), 1i64..9]).prop_map(|(key, quantity)| Act::Set(key, quantity));
        let far =
            (-3000i64..3000, prop_oneof![Just(0i64), 1i64..9]).prop_map(|(key, quantity)| Act::Set(key, quantity));
        let act = prop_oneof![12 => near, 4 => far, 1 => (-40i64..10).prop_map(Act::Cut), 1 => Just(Act::Clear)];
        prop::collection::vec(act, 0..200)
    }

    fn naive(map: &mut BTreeMap<i64, i64>, act: &Act, middle: i64) {
        match *act {
            Act::Set(key, 0) => drop(map.remove(&(middle + key))),
            Act::Set(key, quantity) => drop(map.insert(middle + key, quantity)),
            Act::Clear => map.clear(),
            Act::Cut(key) => drop(map.split_off(&(middle + key))),
        }
    }

    proptest! {
        #[test]
        fn a_ladder_is_a_sorted_map_on_every_path(
            acts in acts(), window in 1usize..300, start in -5000i64..5000, step in -7i64..8,
            path in prop::sample::select(Path::available())
        ) {
            let (mut ladder, mut map) = (Ladder::on(path, window), BTreeMap::new());
            for (number, act) in acts.iter().enumerate() {
                let middle = start + step * number as i64;
                match *act {
                    Act::Set(key, quantity) if number % 2 == 0 && middle + key < ladder.best() => {
                        ladder.set_behind(middle + key, quantity);
                    }
                    Act::Set(key, quantity) => {
                        let before = map.get(&(middle + key)).copied().unwrap_or(0);
                        prop_assert_eq!(ladder.set(middle + key, quantity), before);
                    }
                    Act::Clear => ladder.clear(),
                    Act::Cut(key) => {
                        let expected = map.range(middle + key..).count();
                        prop_assert_eq!(ladder.cut(middle + key), expected);
                    }
                }
                naive(&mut map, act, middle);
                prop_assert_eq!(ladder.best(), map.last_key_value().map_or(NOTHING, |(&key, _)| key));
                let levels: Vec<(i64, i64)> = ladder.levels().collect();
                let expected: Vec<(i64, i64)> = map.iter().rev().map(|(&key, &quantity)| (key, quantity)).collect();
                prop_assert_eq!(levels, expected);
                for key in [middle - 50, middle, middle + 9] {
                    prop_assert_eq!(ladder.quantity(key), map.get(&key).copied().unwrap_or(0));
                }
            }
        }
    }

    #[test]
    fn keys_at_the_edges_of_their_range_are_kept() {
        let mut ladder = Ladder::new(64);
        for key in [0, PRICE_LIMIT, -PRICE_LIMIT, PRICE_LIMIT - 1] {
            assert_eq!(ladder.set(key, 1), 0);
        }
        let keys: Vec<i64> = ladder.levels().map(|(key, _)| key).collect();
        assert_eq!(keys, [PRICE_LIMIT, PRICE_LIMIT - 1, 0, -PRICE_LIMIT]);
    }
}
