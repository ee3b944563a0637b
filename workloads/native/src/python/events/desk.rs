//! What a Python strategy is called with. Each object is made once and filled anew, so that a call costs little more
//! than Python's own.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::named;
use crate::book::Half;
use crate::orders::{Kind, NewOrder, TimeInForce};

/// Trades of the market in a period; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
pub(super) struct MarketBar {
    pub(super) instrument: usize,
    /// When the period ended, by the local clock.
    pub(super) time: i64,
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    pub(super) volume: i64,
}

/// A trade of the market; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
pub(super) struct MarketTrade {
    pub(super) instrument: usize,
    pub(super) local_time: i64,
    pub(super) exchange_time: i64,
    pub(super) price: i64,
    pub(super) quantity: i64,
    /// 1 where a buyer took, -1 where a seller did, 0 where nobody said.
    pub(super) taker: i8,
}

/// What became of an order; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
pub(super) struct OrderReport {
    pub(super) instrument: usize,
    pub(super) exchange_time: i64,
    pub(super) event: u8,
    pub(super) reason: u8,
    pub(super) order: u64,
    /// 1 for an order to buy, -1 for one to sell.
    pub(super) side: i64,
    pub(super) price: i64,
    pub(super) quantity: i64,
    pub(super) left: i64,
    pub(super) taker: bool,
}

/// What a strategy asked for.
pub(super) enum Command {
    Submit(NewOrder),
    Cancel(u64),
    Replace(u64, i64, i64),
    Halt,
}

/// The trader's side as a Python strategy sees it, at the moment it is called.
#[pyclass(module = "tradeplane_native")]
pub(super) struct Desk {
    pub(super) now: i64,
    pub(super) last_id: u64,
    pub(super) touches: Vec<Option<(i64, i64)>>,
    pub(super) positions: Vec<i64>,
    pub(super) commands: Vec<(usize, Command)>,
    pub(super) wake: Option<i64>,
    pub(super) stop: bool,
}

impl Desk {
    fn known(&self, instrument: usize) -> PyResult<usize> {
        if instrument < self.positions.len() {
            return Ok(instrument);
        }
        let known = self.positions.len();
        Err(PyValueError::new_err(format!("instrument {instrument}: there are {known}, counted from 0")))
    }
}

#[pymethods]
impl Desk {
    /// The local time.
    #[getter]
    fn now(&self) -> i64 {
        self.now
    }

    /// Best bid and ask, where there are both.
    #[pyo3(signature = (instrument=0))]
    fn touch(&self, instrument: usize) -> PyResult<Option<(i64, i64)>> {
        Ok(self.touches[self.known(instrument)?])
    }

    /// Lots held.
    #[pyo3(signature = (instrument=0))]
    fn position(&self, instrument: usize) -> PyResult<i64> {
        Ok(self.positions[self.known(instrument)?])
    }

    /// Sends an order to buy (side 1) or sell (-1); returns its identifier.
    #[pyo3(signature = (
        side, quantity, price=None, *, instrument=0, trigger=None, take_profit=false, distance=None, terms="GTC",
        display=0, peer=0, parent=0
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of NewOrder
    fn submit(
        &mut self,
        side: i64,
        quantity: i64,
        price: Option<i64>,
        instrument: usize,
        trigger: Option<i64>,
        take_profit: bool,
        distance: Option<i64>,
        terms: &str,
        display: i64,
        peer: u64,
        parent: u64,
    ) -> PyResult<u64> {
        let half = match side {
            1 => Half::Bid,
            -1 => Half::Ask,
            _ => return Err(PyValueError::new_err("side must be 1 to buy or -1 to sell")),
        };
        let kind = match (price, trigger, distance, take_profit) {
            (None, None, None, false) => Kind::Market,
            (Some(price), None, None, false) => Kind::Limit { price },
            (None, Some(trigger), None, false) => Kind::Stop { trigger },
            (Some(price), Some(trigger), None, false) => Kind::StopLimit { trigger, price },
            (None, Some(trigger), None, true) => Kind::TakeProfit { trigger },
            (None, None, Some(distance), false) => Kind::TrailingStop { distance },
            _ => {
                return Err(PyValueError::new_err(
                    "an order has a price, a trigger (with take_profit or a price), or a distance; leave out the others",
                ));
            }
        };
        let time_in_force = match terms {
            "GTC" => Some(TimeInForce::GoodTillCancelled),
            "IOC" => Some(TimeInForce::ImmediateOrCancel),
            "FOK" => Some(TimeInForce::FillOrKill),
            "post-only" => Some(TimeInForce::PostOnly),
            _ => None,
        };
        let instrument = self.known(instrument)?;
        let id = self.last_id + 1;
        let time_in_force = named(time_in_force, "terms", terms)?;
        self.last_id = id;
        let order = NewOrder { id, half, kind, time_in_force, quantity, display, peer, parent };
        self.commands.push((instrument, Command::Submit(order)));
        Ok(id)
    }

    /// Asks to take an order back.
    #[pyo3(signature = (order, *, instrument=0))]
    fn cancel(&mut self, order: u64, instrument: usize) -> PyResult<()> {
        let instrument = self.known(instrument)?;
        self.commands.push((instrument, Command::Cancel(order)));
        Ok(())
    }

    /// Asks to give an order another price and what is left of it another quantity.
    #[pyo3(signature = (order, price, quantity, *, instrument=0))]
    fn replace(&mut self, order: u64, price: i64, quantity: i64, instrument: usize) -> PyResult<()> {
        let instrument = self.known(instrument)?;
        self.commands.push((instrument, Command::Replace(order, price, quantity)));
        Ok(())
    }

    /// Asks for `on_timer` at a time.
    fn wake(&mut self, time: i64) {
        self.wake = Some(time);
    }

    /// Stops trading: every order is taken back and no more are sent.
    fn halt(&mut self) {
        self.commands.push((0, Command::Halt));
    }

    /// Ends the run.
    fn stop(&mut self) {
        self.stop = true;
    }
}
