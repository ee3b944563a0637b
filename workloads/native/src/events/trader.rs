//! Who trades: a desk, and the strategy that decides at it. What they are told may come from a tape or from a wire.

use super::desk::Desk;
use super::strategy::{Strategy, Trade};
use crate::book::Half;
use crate::exchange::Report;
use crate::fixed::Overflow;
use crate::tape::{Columns, Kind, Side};
use std::ops::Range;

/// A desk and the strategy that decides at it.
#[derive(Debug, Clone)]
pub(super) struct Trader<S> {
    pub desk: Desk,
    pub strategy: S,
}

impl<S: Strategy> Trader<S> {
    /// Before the first message.
    pub fn start(&mut self) {
        self.strategy.start(&mut self.desk);
    }

    /// A message about an instrument: some rows. The strategy is asked at each trade, and of the book when all of them
    /// are applied.
    #[inline]
    pub fn hear(&mut self, instrument: usize, columns: &Columns<'_>, rows: Range<usize>) {
        self.desk.time_feed(instrument, columns, rows.end - 1);
        let mut depth = false;
        let mut from = rows.start;
        for row in rows.clone() {
            if columns.kind[row] == Kind::Trade as u8 {
                self.desk.places[instrument].view.rows(columns, from..row + 1);
                from = row + 1;
                if S::TRADES {
                    let trade = Trade {
                        local_time: self.desk.now,
                        exchange_time: columns.exchange_time[row],
                        price: columns.price[row],
                        quantity: columns.quantity[row],
                        taker: Side::of(columns.side[row]).and_then(Half::of),
                    };
                    self.strategy.on_trade(&mut self.desk, instrument, &trade);
                }
            } else {
                depth = true;
            }
        }
        self.desk.places[instrument].view.rows(columns, from..rows.end);
        if S::DEPTH && depth {
            self.strategy.on_depth(&mut self.desk, instrument);
        }
    }

    /// A report about an instrument: the desk takes it in, then the strategy is asked.
    pub fn deliver(&mut self, instrument: usize, report: &Report) -> Result<(), Overflow> {
        self.desk.receive(instrument, report)?;
        self.strategy.on_report(&mut self.desk, instrument, report);
        Ok(())
    }

    /// The time asked for has come.
    pub fn ring(&mut self) {
        self.desk.timer = None;
        self.strategy.on_timer(&mut self.desk);
    }
}
