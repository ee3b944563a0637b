//! A book by price levels.

use super::ladder::{Ladder, NOTHING};
use crate::tape::Side;

/// A side of a book as an index, with the keys of its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Half {
    /// Those who buy.
    Bid = 0,
    /// Those who sell.
    Ask = 1,
}

impl Half {
    /// The half of a side; `None` for neither.
    #[must_use]
    pub fn of(side: Side) -> Option<Self> {
        match side {
            Side::None => None,
            Side::Bid => Some(Self::Bid),
            Side::Ask => Some(Self::Ask),
        }
    }

    /// The half of a tape's number for a side, where 2 is ask and everything else bid.
    #[inline]
    #[must_use]
    pub fn of_number(side: u8) -> Self {
        if side == Side::Ask as u8 { Self::Ask } else { Self::Bid }
    }

    /// The other half.
    #[inline]
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Bid => Self::Ask,
            Self::Ask => Self::Bid,
        }
    }

    /// The key of a price: the price of a bid, the negative of an ask's, so that better is higher on both sides. The
    /// same turns a key into its price.
    #[inline]
    #[must_use]
    pub fn key(self, price: i64) -> i64 {
        match self {
            Self::Bid => price,
            Self::Ask => -price,
        }
    }

    /// 1 for bids, -1 for asks: what a quantity of this half does to a position.
    #[inline]
    #[must_use]
    pub fn sign(self) -> i64 {
        self.key(1)
    }
}

/// A book by price levels, bids below asks.
///
/// A level that reaches the other side's prices shows that those are gone though the feed has not said so yet, or never
/// will: they are removed, and counted.
#[derive(Debug, Clone)]
pub struct Book {
    halves: [Ladder; 2],
    crossed: u64,
    locked: u64,
}

impl Book {
    /// An empty book whose sides have arrays of `window` levels.
    #[must_use]
    pub fn new(window: usize) -> Self {
        Self { halves: [Ladder::new(window), Ladder::new(window)], crossed: 0, locked: 0 }
    }

    /// Sets the quantity of a level, 0 to remove it, and gives the quantity that was there.
    #[inline]
    pub fn set(&mut self, half: Half, key: i64, quantity: i64) -> i64 {
        let before = self.halves[half as usize].set(key, quantity);
        if key + self.halves[half.other() as usize].best() >= 0 && quantity > 0 {
            self.uncross(half, key);
        }
        before
    }

    /// Sets the best level of a side: better ones are gone. Quantity 0 empties the side.
    pub fn quote(&mut self, half: Half, key: i64, quantity: i64) {
        if quantity == 0 {
            self.clear(half);
        } else {
            self.halves[half as usize].cut(key + 1);
            self.set(half, key, quantity);
        }
    }

    /// Empties a side.
    pub fn clear(&mut self, half: Half) {
        self.halves[half as usize].clear();
    }

    /// One side.
    #[inline]
    #[must_use]
    pub fn half(&self, half: Half) -> &Ladder {
        &self.halves[half as usize]
    }

    /// Best price of a side, if it has one.
    #[inline]
    #[must_use]
    pub fn best(&self, half: Half) -> Option<i64> {
        let key = self.half(half).best();
        (key != NOTHING).then(|| half.key(key))
    }

    /// Best bid and best ask, where both sides have levels.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> Option<(i64, i64)> {
        Some((self.best(Half::Bid)?, self.best(Half::Ask)?))
    }

    /// Quantity at a price of a side.
    #[inline]
    #[must_use]
    pub fn quantity(&self, half: Half, price: i64) -> i64 {
        self.half(half).quantity(half.key(price))
    }

    /// Levels of a side as (price, quantity), best first.
    pub fn levels(&self, half: Half) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.half(half).levels().map(move |(key, quantity)| (half.key(key), quantity))
    }

    /// Quantity of the best `levels` levels of a side.
    #[must_use]
    pub fn depth(&self, half: Half, levels: usize) -> i128 {
        self.levels(half).take(levels).map(|(_, quantity)| i128::from(quantity)).sum()
    }

    /// How many levels reached past the other side's best, and how many met it.
    #[must_use]
    pub fn crossings(&self) -> (u64, u64) {
        (self.crossed, self.locked)
    }

    #[cold]
    fn uncross(&mut self, half: Half, key: i64) {
        let other = &mut self.halves[half.other() as usize];
        if key + other.best() > 0 {
            self.crossed += 1;
        } else {
            self.locked += 1;
        }
        other.cut(-key);
    }
}
