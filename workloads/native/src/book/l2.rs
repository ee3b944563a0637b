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
        if (key + self.halves[half.other() as usize].best() >= 0) & (quantity > 0) {
            self.uncross(half, key);
        }
        before
    }

    /// Sets the quantity of a level that is behind the best of its side, so that nothing else can change.
    #[inline(always)]
    pub fn set_behind(&mut self, half: Half, key: i64, quantity: i64) {
        self.halves[half as usize].set_behind(key, quantity);
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn book(levels: &[(Half, i64, i64)]) -> Book {
        let mut book = Book::new(64);
        for &(half, price, quantity) in levels {
            book.set(half, half.key(price), quantity);
        }
        book
    }

    #[test]
    fn a_level_that_crosses_removes_what_it_passed() {
        let mut book = book(&[(Half::Bid, 99, 5), (Half::Ask, 101, 1), (Half::Ask, 102, 2), (Half::Ask, 103, 3)]);
        // A bid at 102 passes 101 and meets 102: both are gone.
        book.set(Half::Bid, 102, 4);
        assert_eq!(book.touch(), Some((102, 103)));
        assert_eq!(book.crossings(), (1, 0));
        // An ask at 102 meets the bid there: it is gone.
        book.set(Half::Ask, -102, 6);
        assert_eq!(book.touch(), Some((99, 102)));
        assert_eq!(book.crossings(), (1, 1));
    }

    #[test]
    fn removing_a_level_crosses_nothing() {
        let mut book = book(&[(Half::Bid, 99, 5), (Half::Ask, 101, 1)]);
        assert_eq!(book.set(Half::Bid, 105, 0), 0);
        assert_eq!((book.touch(), book.crossings()), (Some((99, 101)), (0, 0)));
    }

    #[test]
    fn a_quote_is_the_best_level() {
        let mut book = book(&[(Half::Bid, 99, 5), (Half::Bid, 98, 7), (Half::Ask, 101, 1)]);
        book.quote(Half::Bid, 98, 3);
        assert_eq!(book.levels(Half::Bid).collect::<Vec<_>>(), [(98, 3)]);
        book.quote(Half::Ask, -100, 4);
        assert_eq!(book.levels(Half::Ask).collect::<Vec<_>>(), [(100, 4), (101, 1)]);
        book.quote(Half::Bid, 98, 0);
        assert_eq!(book.touch(), None);
    }

    #[test]
    fn depth_is_of_the_best_levels() {
        let book = book(&[(Half::Ask, 101, 1), (Half::Ask, 105, 2), (Half::Ask, 103, 4)]);
        assert_eq!([0, 1, 2, 9].map(|levels| book.depth(Half::Ask, levels)), [0, 1, 5, 7]);
    }

    proptest! {
        /// Against two sorted maps where a level removes what it reaches on the other side.
        #[test]
        fn bids_are_below_asks_whatever_comes(
            rows in prop::collection::vec((any::<bool>(), 0i64..60, prop_oneof![Just(0i64), 1i64..5]), 0..300)
        ) {
            let mut book = Book::new(64);
            let (mut bids, mut asks) = (BTreeMap::new(), BTreeMap::new());
            for (buys, price, quantity) in rows {
                let half = if buys { Half::Bid } else { Half::Ask };
                let key = half.key(price);
                if key < book.half(half).best() {
                    book.set_behind(half, key, quantity);
                } else {
                    book.set(half, key, quantity);
                }
                let side = if buys { &mut bids } else { &mut asks };
                side.remove(&price);
                if quantity > 0 {
                    side.insert(price, quantity);
                    if buys {
                        asks.retain(|&ask, _| ask > price);
                    } else {
                        bids.retain(|&bid, _| bid < price);
                    }
                }
                if let Some((bid, ask)) = book.touch() {
                    prop_assert!(bid < ask);
                }
                prop_assert!(book.levels(Half::Bid).eq(bids.iter().rev().map(|(&price, &quantity)| (price, quantity))));
                prop_assert!(book.levels(Half::Ask).eq(asks.iter().map(|(&price, &quantity)| (price, quantity))));
            }
        }
    }
}
