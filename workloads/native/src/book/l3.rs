//! The orders of a book, where a tape tells them apart.

use super::l2::{Book, Half};
use crate::tape::Kind;
use rustc_hash::FxHashMap;
use std::fmt;

/// What a row about an order did to its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Side of the order.
    pub half: Half,
    /// Level it stood at.
    pub key: i64,
    /// Quantity that left the level; 0 where the order joined it.
    pub left: i64,
    /// When the order joined the level: numbers ascend, so a lower one stands ahead.
    pub joined: u64,
    /// Whether the quantity left by a trade.
    pub traded: bool,
}

/// A row names an order that is not in the book, or adds one that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown(pub u64);

impl fmt::Display for Unknown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "order {}: added twice, or not in the book", self.0)
    }
}

impl std::error::Error for Unknown {}

#[derive(Debug, Clone, Copy)]
struct Standing {
    half: Half,
    key: i64,
    quantity: i64,
    joined: u64,
}

/// The orders of a book, in their price and time priority.
///
/// Their levels are kept in a [`Book`], so that what asks for prices and quantities need not know orders. The map is
/// only looked up in, never gone through: its order has no say.
#[derive(Debug, Clone, Default)]
pub struct Orders {
    standing: FxHashMap<u64, Standing>,
    joined: u64,
}

impl Orders {
    /// No orders.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The number the next order to join has: what joins from elsewhere at this moment stands behind all lower ones.
    #[must_use]
    pub fn next(&self) -> u64 {
        self.joined
    }

    /// Number of orders.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standing.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.standing.is_empty()
    }

    /// Removes every order of a side. The levels are the book's to clear.
    pub fn clear(&mut self, half: Half) {
        self.standing.retain(|_, order| order.half != half);
    }

    /// An order joins the back of its level.
    ///
    /// # Errors
    /// [`Unknown`] where an order of this name is in the book.
    pub fn add(&mut self, book: &mut Book, id: u64, half: Half, key: i64, quantity: i64) -> Result<Change, Unknown> {
        if self.standing.contains_key(&id) {
            return Err(Unknown(id));
        }
        Ok(self.join(book, id, half, key, quantity))
    }

    /// The side of an order, where it is in the book.
    #[must_use]
    pub fn half(&self, id: u64) -> Option<Half> {
        self.standing.get(&id).map(|order| order.half)
    }

    /// An order has another price or quantity: with the same price and no more quantity it keeps its place, otherwise
    /// it goes to the back. Its side stays what it was. The change is of the level it stood at.
    ///
    /// # Errors
    /// [`Unknown`] where no order of this name is in the book.
    pub fn modify(&mut self, book: &mut Book, id: u64, price: i64, quantity: i64) -> Result<Change, Unknown> {
        let order = *self.standing.get(&id).ok_or(Unknown(id))?;
        let key = order.half.key(price);
        if order.key == key && quantity <= order.quantity {
            return self.leave(book, id, order.quantity - quantity, Kind::Modify);
        }
        let change = self.leave(book, id, order.quantity, Kind::Modify)?;
        self.join(book, id, order.half, key, quantity);
        Ok(change)
    }

    /// `quantity` of an order left the book (all of it where it has no more), by a trade where `kind` is
    /// [`Kind::Execute`].
    ///
    /// # Errors
    /// [`Unknown`] where no order of this name is in the book.
    pub fn leave(&mut self, book: &mut Book, id: u64, quantity: i64, kind: Kind) -> Result<Change, Unknown> {
        let order = self.standing.get_mut(&id).ok_or(Unknown(id))?;
        let left = quantity.min(order.quantity);
        order.quantity -= left;
        let Standing { half, key, quantity, joined } = *order;
        if quantity == 0 {
            self.standing.remove(&id);
        }
        let level = book.half(half).quantity(key);
        book.set(half, key, (level - left).max(0));
        Ok(Change { half, key, left, joined, traded: kind == Kind::Execute })
    }

    fn join(&mut self, book: &mut Book, id: u64, half: Half, key: i64, quantity: i64) -> Change {
        let joined = self.joined;
        self.joined += 1;
        if quantity > 0 {
            self.standing.insert(id, Standing { half, key, quantity, joined });
            let level = book.half(half).quantity(key);
            book.set(half, key, level.saturating_add(quantity));
        }
        Change { half, key, left: 0, joined, traded: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BID: Half = Half::Bid;

    #[test]
    fn an_order_keeps_its_place_unless_it_asks_for_more() {
        let (mut orders, mut book) = (Orders::new(), Book::new(64));
        for (id, quantity) in [(1, 5), (2, 7)] {
            orders.add(&mut book, id, BID, 100, quantity).expect("new");
        }
        // Less at the same price: 2 left the level, and order 1 still stands first.
        let change = orders.modify(&mut book, 1, 100, 3).expect("known");
        assert_eq!(change, Change { half: BID, key: 100, left: 2, joined: 0, traded: false });
        // More: all 3 left, and it joined again behind order 2.
        let change = orders.modify(&mut book, 1, 100, 4).expect("known");
        assert_eq!((change.left, change.joined), (3, 0));
        assert_eq!(orders.leave(&mut book, 1, 9, Kind::Cancel).expect("known").joined, 2);
        assert_eq!((book.quantity(BID, 100), orders.len()), (7, 1));
    }

    #[test]
    fn another_price_is_another_level() {
        let (mut orders, mut book) = (Orders::new(), Book::new(64));
        orders.add(&mut book, 1, Half::Ask, -100, 5).expect("new");
        orders.modify(&mut book, 1, 103, 5).expect("known");
        assert_eq!(book.levels(Half::Ask).collect::<Vec<_>>(), [(103, 5)]);
    }

    #[test]
    fn strangers_and_doubles_are_refused() {
        let (mut orders, mut book) = (Orders::new(), Book::new(64));
        assert_eq!(orders.leave(&mut book, 7, 1, Kind::Execute), Err(Unknown(7)));
        assert_eq!(orders.modify(&mut book, 7, 100, 1), Err(Unknown(7)));
        orders.add(&mut book, 7, BID, 100, 5).expect("new");
        assert_eq!(orders.add(&mut book, 7, BID, 101, 5), Err(Unknown(7)));
        assert_eq!(book.levels(BID).collect::<Vec<_>>(), [(100, 5)]);
    }

    proptest! {
        /// Every level holds the sum of its orders, kept in a plain list.
        #[test]
        fn levels_are_sums_of_orders(
            rows in prop::collection::vec((0u8..4, 0u64..12, 0i64..20, 0i64..9), 0..200)
        ) {
            let (mut orders, mut book) = (Orders::new(), Book::new(64));
            let mut list: Vec<(u64, i64, i64)> = Vec::new();
            for (kind, id, key, quantity) in rows {
                let place = list.iter().position(|(other, ..)| *other == id);
                let known = match kind {
                    0 => orders.add(&mut book, id, BID, key, quantity).is_ok() != place.is_some(),
                    1 => orders.modify(&mut book, id, key, quantity).is_ok() == place.is_some(),
                    _ => orders.leave(&mut book, id, quantity, Kind::Cancel).is_ok() == place.is_some(),
                };
                prop_assert!(known);
                match (kind, place) {
                    (0, None) => list.push((id, key, quantity)),
                    (1, Some(place)) => list[place] = (id, key, quantity),
                    (2.., Some(place)) => list[place].2 -= quantity.min(list[place].2),
                    _ => {}
                }
                list.retain(|(_, _, quantity)| *quantity > 0);
                for key in 0..20 {
                    let sum: i64 = list.iter().filter(|(_, other, _)| *other == key).map(|(_, _, lots)| lots).sum();
                    prop_assert_eq!(book.quantity(BID, key), sum);
                }
            }
        }
    }
}
