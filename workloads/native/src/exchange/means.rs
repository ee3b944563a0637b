//! What accounts can pay while an instrument trades, for orders to buy whose price nobody knew when they were sent.

use crate::book::Half;
use crate::fees::Fees;
use crate::fixed::{Overflow, bounded};
use crate::instrument::Instrument;
use crate::orders::NewOrder;
use std::collections::BTreeMap;

/// Money of an account at one instrument, in billionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// What may be spent.
    pub free: i128,
    /// Value traded, which the fee goes by.
    pub volume: i128,
}

/// Purses of accounts, kept up to date by what trades until their owner has booked it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Means {
    instrument: Instrument,
    fees: Fees,
    purses: Vec<Purse>,
    /// Of orders that are alive, whose purse is theirs.
    orders: BTreeMap<u64, Owner>,
}

/// Whose an order is, and whether its money is looked at when it begins to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// The number of the purse.
    pub purse: usize,
    /// Whether nothing was set aside for it, though it buys: it trades only if what it takes can be paid.
    pub asks: bool,
    /// What is set aside for what it buys. It is free for its other leg: that is over once it trades, and so is this.
    pub aside: i128,
}

impl Means {
    /// Purses, and whose orders are.
    #[must_use]
    pub fn new(instrument: Instrument, fees: Fees, purses: Vec<Purse>, orders: BTreeMap<u64, Owner>) -> Self {
        Self { instrument, fees, purses, orders }
    }

    /// Whether an order may trade with what it would take, prices and lots.
    pub(super) fn reach(&self, order: &NewOrder, takes: &[(i64, i64)]) -> bool {
        let Some(owner) = self.orders.get(&order.id).filter(|owner| owner.asks) else {
            return true;
        };
        let Purse { free, volume } = self.purses[owner.purse];
        let before = Purse { free: free + self.orders.get(&order.peer).map_or(0, |leg| leg.aside), volume };
        let mut each = takes.iter();
        let spent = each.try_fold(before, |purse, &(price, lots)| self.after(purse, order.half, lots, price, true));
        spent.is_ok_and(|purse| takes.is_empty() || purse.free >= 0)
    }

    /// Takes in a trade. An order that money was set aside for spends that.
    pub(super) fn book(&mut self, order: &NewOrder, lots: i64, price: i64, taker: bool) {
        let Some(owner) = self.orders.get_mut(&order.id) else {
            return;
        };
        let (number, asks, aside) = (owner.purse, owner.asks, owner.aside);
        let before = self.purses[number];
        let Ok(mut after) = self.after(before, order.half, lots, price, taker) else {
            return; // whoever books it says so
        };
        if asks && let Some(leg) = self.orders.get_mut(&order.peer) {
            after.free += std::mem::take(&mut leg.aside);
        }
        if aside > 0
            && let Some(owner) = self.orders.get_mut(&order.id)
        {
            owner.aside = (aside - (before.free - after.free)).max(0);
            after.free = before.free;
        }
        self.purses[number] = after;
    }

    fn after(&self, purse: Purse, half: Half, lots: i64, price: i64, taker: bool) -> Result<Purse, Overflow> {
        let value = self.instrument.value(lots, price)?;
        let fee = self.fees.charge(value, lots, taker, purse.volume)?;
        let paid = if half == Half::Bid { value + fee } else { fee - value };
        Ok(Purse { free: bounded(purse.free - paid)?, volume: bounded(purse.volume + value)? })
    }
}
