//! The strategies in Rust, as Python makes them.

use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::events::{self, Quoting};

/// The market maker of the event engine.
#[pyclass(module = "tradeplane_native", frozen)]
pub(super) struct MarketMaker {
    pub(super) quoting: Quoting,
    pub(super) on_touch: bool,
}

#[pymethods]
impl MarketMaker {
    #[new]
    #[pyo3(signature = (
        *, half_spread, quantity, most, first_ns, interval_ns, instrument=0, skew=0, skew_lots=1, on_touch=false
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of Quoting
    fn new(
        half_spread: i64,
        quantity: i64,
        most: i64,
        first_ns: i64,
        interval_ns: i64,
        instrument: usize,
        skew: i64,
        skew_lots: i64,
        on_touch: bool,
    ) -> PyResult<Self> {
        if interval_ns <= 0 || skew_lots <= 0 || !(0..1 << 32).contains(&half_spread) {
            return Err(PyValueError::new_err(
                "interval_ns and skew_lots must be above zero, half_spread from 0 to below 2^32",
            ));
        }
        let quoting = Quoting {
            instrument,
            half_spread,
            skew,
            skew_lots,
            quantity,
            most,
            first: first_ns,
            interval: interval_ns,
        };
        Ok(Self { quoting, on_touch })
    }
}

/// The pairs trader of the event engine.
#[pyclass(module = "tradeplane_native", frozen)]
pub(super) struct PairsTrader {
    pub(super) pair: events::Pair,
}

#[pymethods]
impl PairsTrader {
    #[new]
    #[pyo3(signature = (
        *, quantity, window, entry, exit, first_ns, interval_ns, instruments=[0, 1], ratio=[1, 1]
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of Pair
    fn new(
        quantity: [i64; 2],
        window: usize,
        entry: i64,
        exit: i64,
        first_ns: i64,
        interval_ns: i64,
        instruments: [usize; 2],
        ratio: [i64; 2],
    ) -> PyResult<Self> {
        if interval_ns <= 0 || !(2..1 << 24).contains(&window) || entry < 0 || exit < 0 {
            return Err(PyValueError::new_err(
                "interval_ns must be above zero, window from 2 to below 2^24, entry and exit not below zero",
            ));
        }
        let (first, interval) = (first_ns, interval_ns);
        Ok(Self { pair: events::Pair { instruments, ratio, quantity, window, entry, exit, first, interval } })
    }
}

/// What trades towards targets that were decided beforehand.
#[pyclass(module = "tradeplane_native", frozen)]
pub(super) struct SignalTrader {
    pub(super) targets: Vec<i64>,
    pub(super) instruments: usize,
    pub(super) fraction: i64,
    pub(super) allow_short: bool,
}

#[pymethods]
impl SignalTrader {
    #[new]
    #[pyo3(signature = (targets, *, fraction, allow_short=false))]
    fn new(targets: PyReadonlyArray2<'_, i64>, fraction: i64, allow_short: bool) -> PyResult<Self> {
        let instruments = targets.shape()[1];
        if instruments == 0 {
            return Err(PyValueError::new_err("targets must have a column an instrument"));
        }
        Ok(Self { targets: targets.as_slice()?.to_vec(), instruments, fraction, allow_short })
    }
}
