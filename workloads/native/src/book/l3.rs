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

    /// An order has another price or quantity: with the same price and no more quantity it keeps its place, otherwise
    /// it goes to the back. The change is of the level it stood at.
    ///
    /// # Errors
    /// [`Unknown`] where no order of this name is in the book.
    pub fn modify(&mut self, book: &mut Book, id: u64, key: i64, quantity: i64) -> Result<Change, Unknown> {
        let order = *self.standing.get(&id).ok_or(Unknown(id))?;
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
