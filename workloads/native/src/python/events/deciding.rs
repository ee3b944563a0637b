//! What trades towards targets that Python decides bar by bar: for a session, which has no bars beforehand.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::called::{Fallible, ended_by};
use crate::events::{Bar, Desk, SignalTrader, Targets};

/// What trades towards targets that are asked for at the end of each period.
#[pyclass(module = "tradeplane_native", frozen)]
pub(super) struct BarTrader {
    pub(super) decide: Py<PyAny>,
    pub(super) instruments: usize,
    pub(super) fraction: i64,
    pub(super) allow_short: bool,
}

#[pymethods]
impl BarTrader {
    #[new]
    #[pyo3(signature = (decide, *, instruments, fraction, allow_short=false))]
    fn new(decide: Py<PyAny>, instruments: usize, fraction: i64, allow_short: bool) -> PyResult<Self> {
        if instruments == 0 {
            return Err(PyValueError::new_err("there must be an instrument"));
        }
        Ok(Self { decide, instruments, fraction, allow_short })
    }
}

/// Targets that Python is asked for.
pub(super) struct Asked {
    decide: Py<PyAny>,
    targets: Vec<i64>,
    error: Option<PyErr>,
}

impl Asked {
    pub(super) fn new(decide: Py<PyAny>) -> Self {
        Self { decide, targets: Vec::new(), error: None }
    }

    fn ask(&self, py: Python<'_>, end: i64, bars: &[Option<Bar>]) -> PyResult<Vec<i64>> {
        let told: Vec<_> =
            bars.iter().map(|bar| bar.map(|bar| (bar.open, bar.high, bar.low, bar.close, bar.volume))).collect();
        let targets: Vec<i64> = self.decide.call1(py, (end, told))?.extract(py)?;
        if targets.len() == bars.len() {
            return Ok(targets);
        }
        let (given, wanted) = (targets.len(), bars.len());
        Err(PyValueError::new_err(format!("{given} targets were decided of {wanted} instruments; give one of each")))
    }
}

impl Targets for Asked {
    fn decide(&mut self, desk: &mut Desk, end: i64, bars: &[Option<Bar>]) -> Option<&[i64]> {
        if self.error.is_some() {
            return None;
        }
        Python::attach(|py| match self.ask(py, end, bars) {
            Ok(targets) => self.targets = targets,
            Err(error) => self.error = Some(ended_by(py, error, desk)),
        });
        self.error.is_none().then_some(&self.targets)
    }
}

impl Fallible for SignalTrader<Asked> {
    fn error(&self) -> Option<&PyErr> {
        self.targets().error.as_ref()
    }
}
