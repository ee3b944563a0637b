//! Which strategy a Python object stands for, and what is done with it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::Generator;
use super::called::{Called, Fallible, Methods};
use super::deciding::{Asked, BarTrader};
use super::traders::{MarketMaker, PairsTrader, SignalTrader};
use crate::events::{self, Strategy};

/// What is done with a strategy, whichever it is.
pub(super) trait Purpose {
    type Outcome;

    /// With one in Rust.
    fn built_in<S: Strategy + Send + Sync + 'static>(self, strategy: S) -> PyResult<Self::Outcome>;

    /// With one that asks Python.
    fn called<S: Strategy + Fallible + Send + Sync + 'static>(self, strategy: S) -> PyResult<Self::Outcome>;
}

/// What strategies are for: so many instruments, with periods or without.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) instruments: usize,
    pub(super) periods: bool,
}

impl Shape {
    fn known(self, instrument: usize) -> PyResult<()> {
        if instrument < self.instruments {
            return Ok(());
        }
        Err(PyValueError::new_err(format!("there is no instrument {instrument}")))
    }
}

/// Does with a strategy what is to be done.
pub(super) fn choose<P: Purpose>(
    strategy: &Bound<'_, PyAny>,
    shape: Shape,
    generator: Option<Py<Generator>>,
    purpose: P,
) -> PyResult<P::Outcome> {
    if let Ok(maker) = strategy.cast::<MarketMaker>() {
        let (quoting, on_touch) = (maker.get().quoting, maker.get().on_touch);
        shape.known(quoting.instrument)?;
        return if on_touch {
            purpose.built_in(events::MarketMaker::<true>::new(quoting))
        } else {
            purpose.built_in(events::MarketMaker::<false>::new(quoting))
        };
    }
    if let Ok(pairs) = strategy.cast::<PairsTrader>() {
        let pair = pairs.get().pair;
        pair.instruments.into_iter().try_for_each(|instrument| shape.known(instrument))?;
        return purpose.built_in(events::PairsTrader::new(pair));
    }
    if let Ok(signals) = strategy.cast::<SignalTrader>() {
        let SignalTrader { targets, instruments, fraction, allow_short } = signals.get();
        if *instruments != shape.instruments || !shape.periods {
            return Err(PyValueError::new_err("targets must have a column a tape, and the run periods"));
        }
        return purpose.built_in(events::SignalTrader::new(targets.clone(), *instruments, *fraction, *allow_short));
    }
    if let Ok(bars) = strategy.cast::<BarTrader>() {
        let BarTrader { decide, instruments, fraction, allow_short } = bars.get();
        if *instruments != shape.instruments || !shape.periods {
            return Err(PyValueError::new_err("there must be a target an instrument, and periods"));
        }
        let asked = Asked::new(decide.clone_ref(strategy.py()));
        return purpose.called(events::SignalTrader::by(asked, *instruments, *fraction, *allow_short));
    }
    let (py, methods) = (strategy.py(), Methods::of(strategy)?);
    match (methods.depth.is_some(), methods.trade.is_some()) {
        (false, false) => purpose.called(Called::<false, false>::new(py, methods, shape.instruments, generator)?),
        (false, true) => purpose.called(Called::<false, true>::new(py, methods, shape.instruments, generator)?),
        (true, false) => purpose.called(Called::<true, false>::new(py, methods, shape.instruments, generator)?),
        (true, true) => purpose.called(Called::<true, true>::new(py, methods, shape.instruments, generator)?),
    }
}
