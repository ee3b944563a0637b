//! The spool of a capture for Python: a message in, lines out.

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::spool;

/// Lines of a recording that are not written yet, and what was counted of those that were.
#[pyclass(module = "tradeplane_native")]
struct Spool {
    spool: spool::Spool,
    symbols: usize,
}

impl Spool {
    fn checked(&self, instrument: usize) -> PyResult<usize> {
        let there = instrument < self.symbols;
        there.then_some(instrument).ok_or_else(|| PyIndexError::new_err(format!("there is no instrument {instrument}")))
    }
}

#[pymethods]
impl Spool {
    #[new]
    fn new(symbols: Vec<String>, longest: usize) -> PyResult<Self> {
        let plain = |symbol: &String| symbol.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(&byte));
        if !symbols.iter().all(plain) {
            return Err(PyValueError::new_err("a symbol is not plain text; give one such as BTCUSDT"));
        }
        Ok(Self { symbols: symbols.len(), spool: spool::Spool::new(symbols, longest) })
    }

    /// Appends a message, or keeps it out. Says whether a book was lost by it.
    fn append(&mut self, time: i64, message: &[u8]) -> bool {
        self.spool.append(time, message)
    }

    /// Appends a snapshot of an instrument's book, and says whether the book is known by it.
    fn append_snapshot(&mut self, time: i64, instrument: usize, message: &[u8]) -> PyResult<bool> {
        let instrument = self.checked(instrument)?;
        self.spool.append_snapshot(time, instrument, message).map_err(|why| PyValueError::new_err(why.name()))
    }

    /// Says that what was taken ends a recording.
    fn cut(&mut self) {
        self.spool.cut();
    }

    /// Appends that there was no feed until now.
    fn lose_feed(&mut self, time: i64) {
        self.spool.lose_feed(time);
    }

    /// The lines since the last time.
    fn take<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.spool.take())
    }

    /// The instruments whose book was lost since the last time.
    fn take_lost(&mut self) -> Vec<usize> {
        self.spool.take_lost()
    }

    /// Whether the book of an instrument is known.
    fn knows(&self, instrument: usize) -> PyResult<bool> {
        Ok(self.spool.knows(self.checked(instrument)?))
    }

    /// Bytes that are not written yet.
    #[getter]
    fn waiting(&self) -> usize {
        self.spool.waiting()
    }

    /// Messages of the feed that were appended.
    #[getter]
    fn messages(&self) -> u64 {
        self.spool.messages()
    }

    /// How many messages were kept out, by why.
    #[getter]
    fn kept_out(&self) -> Vec<(&'static str, u64)> {
        self.spool.kept_out().map(|(why, times)| (why.name(), times)).collect()
    }
}

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Spool>()
}
