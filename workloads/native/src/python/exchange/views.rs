//! Outcomes as Python reads them.

use pyo3::prelude::*;

use crate::exchange::matching::Outcome;

/// What an input led to, for one order. `event` and `reason` are numbers of the event log; `side` is 1 or -1.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
#[derive(Clone)]
pub(super) struct ExchangeOutcome {
    account: u32,
    instrument: u32,
    order: u64,
    event: u8,
    reason: u8,
    side: i64,
    price: i64,
    quantity: i64,
    left: i64,
    taker: bool,
    exchange_time: i64,
    trade: u64,
    fee: i128,
    realized: i128,
}

impl ExchangeOutcome {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let report = &outcome.report;
        Self {
            account: outcome.account,
            instrument: outcome.instrument,
            order: report.id,
            event: report.event as u8,
            reason: report.reason as u8,
            side: report.half.sign(),
            price: report.price,
            quantity: report.quantity,
            left: report.left,
            taker: report.taker,
            exchange_time: report.exchange_time,
            trade: outcome.trade,
            fee: outcome.fee,
            realized: outcome.realized,
        }
    }
}
