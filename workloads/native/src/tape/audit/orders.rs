//! The book of a tape that tells orders apart, as far as an audit needs it: where each order stands.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::columns::{Kind, Side};

#[derive(Debug, Clone, Copy)]
struct Standing {
    side: Side,
    price: i64,
    quantity: i64,
}

/// Orders by their names, which are only looked up, and how many of them stand at each price of a side.
#[derive(Debug, Default)]
pub(super) struct OrderBook {
    standing: FxHashMap<u64, Standing>,
    bids: BTreeMap<i64, usize>,
    asks: BTreeMap<i64, usize>,
}

impl OrderBook {
    /// What happened to an order. One that the book does not know, or knows already, changes nothing: `false`.
    pub fn row(&mut self, kind: Kind, order: u64, side: Side, (price, quantity): (i64, i64)) -> bool {
        let before = self.standing.get(&order).copied();
        let after = match (kind, before) {
            (Kind::Add, None) => Standing { side, price, quantity },
            (Kind::Modify, Some(before)) => Standing { price, quantity, ..before },
            (Kind::Cancel | Kind::Execute, Some(before)) => {
                Standing { quantity: before.quantity.saturating_sub(quantity), ..before }
            }
            _ => return false,
        };
        if let Some(before) = before {
            self.leave(order, before);
        }
        if after.quantity > 0 {
            self.join(order, after);
        }
        true
    }

    /// Empties a side, or both.
    pub fn clear(&mut self, side: Side) {
        if side == Side::None {
            return *self = Self::default();
        }
        self.standing.retain(|_, standing| standing.side != side);
        self.prices(side).clear();
    }

    /// Best bid and best ask, where there are both.
    pub fn touch(&self) -> Option<(i64, i64)> {
        Some((*self.bids.last_key_value()?.0, *self.asks.first_key_value()?.0))
    }

    fn join(&mut self, order: u64, standing: Standing) {
        if standing.side != Side::None {
            self.standing.insert(order, standing);
            *self.prices(standing.side).entry(standing.price).or_default() += 1;
        }
    }

    fn leave(&mut self, order: u64, standing: Standing) {
        self.standing.remove(&order);
        let prices = self.prices(standing.side);
        if let Some(orders) = prices.get_mut(&standing.price) {
            *orders -= 1;
            if *orders == 0 {
                prices.remove(&standing.price);
            }
        }
    }

    fn prices(&mut self, side: Side) -> &mut BTreeMap<i64, usize> {
        if side == Side::Bid { &mut self.bids } else { &mut self.asks }
    }
}
