//! Tapes in, runs of the event engine out; strategies in Rust, or Python objects that are called.

mod called;
mod choice;
mod course;
mod deciding;
mod desk;
mod record;
mod session;
mod tapes;
mod terms;
mod traders;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use course::{event_bars, run_events};
use deciding::BarTrader;
use desk::{Desk, MarketBar, MarketTrade, OrderReport};
use record::EventRun;
pub(super) use tapes::{EventTape, Tapes};
pub(super) use terms::Terms;
use traders::{MarketMaker, PairsTrader, SignalTrader};

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<EventTape>()?;
    module.add_class::<EventRun>()?;
    module.add_class::<MarketMaker>()?;
    module.add_class::<PairsTrader>()?;
    module.add_class::<SignalTrader>()?;
    module.add_class::<BarTrader>()?;
    module.add_class::<Desk>()?;
    module.add_class::<MarketTrade>()?;
    module.add_class::<OrderReport>()?;
    module.add_class::<MarketBar>()?;
    session::register(module)?;
    module.add_function(wrap_pyfunction!(event_bars, module)?)?;
    module.add_function(wrap_pyfunction!(run_events, module)?)
}

pub(super) fn named<T>(value: Option<T>, what: &str, name: &str) -> PyResult<T> {
    value.ok_or_else(|| PyValueError::new_err(format!("unknown {what} {name}")))
}
