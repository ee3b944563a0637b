//! Recordings of sessions: read, replayed, compared.

use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::super::Generator;
use super::super::choice::{Shape, choose};
use super::super::terms::Terms;
use super::live::{Again, Fed, refused};
use super::machine::{Session, setups_of};
use crate::events::journal::{self, Difference, Header, Journal};
use crate::risk::Rate;

/// The first thing in which two recordings differ, or a recording and what is decided from it.
#[pyclass(module = "tradeplane_native", frozen, get_all, eq)]
#[derive(Clone, PartialEq, Eq)]
pub(super) struct JournalDifference {
    record: u64,
    input: u64,
    field: String,
    expected: String,
    got: String,
}

#[pymethods]
impl JournalDifference {
    fn __str__(&self) -> String {
        let Self { record, input, field, expected, got } = self.clone();
        Difference { record, input, field, expected, got }.to_string()
    }
}

impl From<Difference> for JournalDifference {
    fn from(difference: Difference) -> Self {
        let Difference { record, input, field, expected, got } = difference;
        Self { record, input, field, expected, got }
    }
}

/// What a journal says of itself.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
pub(super) struct JournalSummary {
    session: [u8; 16],
    specification: [u8; 32],
    seed: u64,
    period_ns: Option<i64>,
    instruments: u32,
    records: u64,
    inputs: u64,
    /// Bytes that are whole; what comes after was torn off by a crash.
    whole: usize,
    torn: bool,
}

/// Reads a journal through.
#[pyfunction]
pub(super) fn read_journal(py: Python<'_>, journal: PyReadonlyArray1<'_, u8>) -> PyResult<JournalSummary> {
    let bytes = journal.as_slice()?;
    let read = py.detach(|| Journal::read(bytes)).map_err(refused)?;
    let Journal { header, records, inputs, whole, torn, .. } = read;
    let Header { session, specification, seed, period, instruments } = header;
    let period_ns = Some(period).filter(|&period| period > 0);
    Ok(JournalSummary { session, specification, seed, period_ns, instruments, records, inputs, whole, torn })
}

/// Feeds a recording to a fresh session: that, how many bytes of the recording are whole, whether more were torn off,
/// and the first thing it did otherwise.
#[pyfunction]
#[pyo3(signature = (journal, terms, strategy, *, rate=None, generator=None))]
pub(super) fn replay_session(
    py: Python<'_>,
    journal: PyReadonlyArray1<'_, u8>,
    terms: Vec<Terms>,
    strategy: &Bound<'_, PyAny>,
    rate: Option<(u32, i64)>,
    generator: Option<Py<Generator>>,
) -> PyResult<(Session, usize, bool, Option<JournalDifference>)> {
    let (setups, recording) = (setups_of(terms)?, journal.as_slice()?);
    let header = Header::decode(recording).map_err(refused)?;
    if header.instruments as usize != setups.len() {
        let (recorded, given) = (header.instruments, setups.len());
        return Err(PyValueError::new_err(format!(
            "the journal is of {recorded} instruments, and terms of {given} are given; give those of its session"
        )));
    }
    let shape = Shape { instruments: setups.len(), periods: header.period > 0 };
    let rate = rate.map(|(most, window)| Rate::new(most, window));
    let again = Again { py, setups: &setups, rate, recording };
    let Fed { live, whole, torn, difference } = choose(strategy, shape, generator, again)?;
    Ok((Session::of(live, setups), whole, torn, difference.map(JournalDifference::from)))
}

/// Finds where two recordings first differ, without running anything.
#[pyfunction]
pub(super) fn first_difference(
    py: Python<'_>,
    expected: PyReadonlyArray1<'_, u8>,
    got: PyReadonlyArray1<'_, u8>,
) -> PyResult<Option<JournalDifference>> {
    let (expected, got) = (expected.as_slice()?, got.as_slice()?);
    let found = py.detach(|| journal::first_difference(expected, got)).map_err(refused)?;
    Ok(found.map(JournalDifference::from))
}
