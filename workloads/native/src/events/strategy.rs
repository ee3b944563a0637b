//! What a strategy is asked.

use super::desk::Desk;
use super::periods::Bar;
use crate::book::Half;
use crate::exchange::Report;

/// A trade of the market, as the trader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trade {
    /// When it arrived.
    pub local_time: i64,
    /// When it happened.
    pub exchange_time: i64,
    /// Ticks.
    pub price: i64,
    /// Lots.
    pub quantity: i64,
    /// Who took; `None` where nobody said.
    pub taker: Option<Half>,
}

/// A strategy on events. Each method may look at the desk and send orders through it.
///
/// The constants say which market data it wants to be called for: what it does not want costs nothing, and the rows up
/// to its next timer or report are applied in one go.
pub trait Strategy {
    /// Whether [`Strategy::on_depth`] is called.
    const DEPTH: bool;
    /// Whether [`Strategy::on_trade`] is called.
    const TRADES: bool;
    /// Whether [`Strategy::on_bars`] is called, where the run has periods.
    const BARS: bool = false;

    /// Before the first row; the time is that of its arrival.
    fn start(&mut self, desk: &mut Desk) {
        let _ = desk;
    }

    /// A message changed the book of an instrument; all of it is applied.
    fn on_depth(&mut self, desk: &mut Desk, instrument: usize) {
        let _ = (desk, instrument);
    }

    /// The market traded.
    fn on_trade(&mut self, desk: &mut Desk, instrument: usize, trade: &Trade) {
        let _ = (desk, instrument, trade);
    }

    /// The period that ends at `end` is over: the bar of each instrument that traded in it. A session may be told later.
    fn on_bars(&mut self, desk: &mut Desk, end: i64, bars: &[Option<Bar>]) {
        let _ = (desk, end, bars);
    }

    /// The exchange answered, or risk refused an order; the desk knows already.
    fn on_report(&mut self, desk: &mut Desk, instrument: usize, report: &Report) {
        let _ = (desk, instrument, report);
    }

    /// The time asked for by [`Desk::wake`] has come.
    fn on_timer(&mut self, desk: &mut Desk) {
        let _ = desk;
    }

    /// State and increment of the random numbers it draws, where it draws any: a recording holds them.
    fn randomness(&self) -> Option<(u128, u128)> {
        None
    }
}
