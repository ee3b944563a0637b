//! The account at the end of each period of the trader's clock, and the bars of the trades heard in it.
//!
//! Periods end at whole multiples of their length since the Unix epoch, so that those of two runs, or of two tapes,
//! are the same ones. What arrives at the very end of a period belongs to it.

use super::desk::Desk;
use crate::fixed::{Overflow, bounded};
use crate::tape::{Columns, Kind};
use std::ops::Range;

/// Trades of one instrument within a period, in ticks and lots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "as every bar")]
pub struct Bar {
    pub open: i64,
    pub high: i64,
    pub low: i64,
    pub close: i64,
    pub volume: i64,
}

impl Bar {
    /// The bar of the trades among some rows; `None` where there is none. A volume past 64 bits stays at their end.
    #[must_use]
    pub fn of(tape: &Columns<'_>, rows: Range<usize>) -> Option<Self> {
        Self::after(None, tape, rows)
    }

    /// The bar of the trades so far and those among some rows.
    pub(super) fn after(so_far: Option<Self>, tape: &Columns<'_>, rows: Range<usize>) -> Option<Self> {
        let trades = rows.filter(|&row| tape.kind[row] == Kind::Trade as u8);
        trades.fold(so_far, |bar, row| {
            let (price, quantity) = (tape.price[row], tape.quantity[row]);
            let first = Self { open: price, high: price, low: price, close: price, volume: 0 };
            let so_far = bar.unwrap_or(first);
            Some(Self {
                open: so_far.open,
                high: so_far.high.max(price),
                low: so_far.low.min(price),
                close: price,
                volume: so_far.volume.saturating_add(quantity),
            })
        })
    }
}

/// The account at the start of a run, at the end of each period, and at the end of the run; amounts in billionths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// By the trader's clock, ascending.
    pub time: Vec<i64>,
    /// Cash and what positions are worth.
    pub equity: Vec<i128>,
    /// Cash.
    pub cash: Vec<i128>,
    /// Absolute worth of positions.
    pub gross: Vec<i128>,
    /// Worth of positions, below zero where they are owed.
    pub net: Vec<i128>,
    /// Rows at which something was held.
    pub held: usize,
}

impl Account {
    fn push(&mut self, desk: &Desk) -> Result<(), Overflow> {
        let (mut cash, mut gross, mut net, mut held) = (0, 0, 0, false);
        for instrument in 0..desk.width() {
            let worth = desk.worth(instrument)?;
            cash += desk.holding(instrument).cash;
            gross += worth.abs();
            net += worth;
            held |= desk.holding(instrument).position != 0;
        }
        self.time.push(desk.now());
        self.equity.push(bounded(cash + net)?);
        self.cash.push(bounded(cash)?);
        self.gross.push(bounded(gross)?);
        self.net.push(bounded(net)?);
        self.held += usize::from(held);
        Ok(())
    }
}

/// Where a run is in its periods.
#[derive(Debug, Clone)]
pub(super) struct Periods {
    length: i64,
    /// When the period ends; the end of time where none is kept.
    pub end: i64,
    pub account: Account,
}

impl Periods {
    /// None are kept.
    pub fn none() -> Self {
        Self { length: i64::MAX, end: i64::MAX, account: Account::default() }
    }

    /// Periods of a length, above zero.
    pub fn of(length: i64) -> Self {
        Self { length, ..Self::none() }
    }

    pub fn start(&mut self, desk: &Desk) -> Result<(), Overflow> {
        if self.length == i64::MAX {
            return Ok(());
        }
        self.end = desk.now().div_euclid(self.length).saturating_mul(self.length);
        if self.end == desk.now() {
            return Ok(()); // the first period ends at once, and the account is written down then
        }
        self.end = self.end.saturating_add(self.length);
        self.account.push(desk)
    }

    /// Ends a period: writes down the account.
    pub fn close(&mut self, desk: &Desk) -> Result<(), Overflow> {
        self.end = self.end.saturating_add(self.length);
        self.account.push(desk)
    }

    /// Writes down the account at the end of the run, where a period did not end with it.
    pub fn finish(&mut self, desk: &Desk) -> Result<(), Overflow> {
        if self.account.time.last().is_none_or(|&last| last < desk.now()) && self.length != i64::MAX {
            self.account.push(desk)?;
        }
        Ok(())
    }
}
