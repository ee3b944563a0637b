//! What a run leaves, column by column.

use numpy::PyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::{Figures, Words, words};
use crate::engine::{Fill, Records};
use crate::events::{self, Account, Log, Setup};
use crate::instrument::Instrument;
use crate::statistics::Year;

/// A run that is over: its log and what it came to.
#[pyclass(module = "tradeplane_native", frozen)]
pub(super) struct EventRun {
    log: Log,
    holdings: Vec<events::Holding>,
    account: Account,
    /// Of each fill, its row of the log and when it was decided.
    fills: Vec<(usize, i64)>,
    records: Records,
    capital: i128,
}

impl EventRun {
    /// What a desk came to, its account kept over time or empty.
    pub(super) fn of(
        setups: &[Setup],
        holdings: Vec<events::Holding>,
        mut account: Account,
        log: Log,
    ) -> PyResult<Self> {
        let instruments: Vec<Instrument> = setups.iter().map(|setup| setup.instrument).collect();
        let filled = if account.time.is_empty() {
            Vec::new() // nobody asks for the books of a run without an account
        } else {
            events::fills(&log, &instruments, &account.time)?
        };
        let mut records = Records::new(0, instruments.len());
        records.equity = std::mem::take(&mut account.equity);
        records.held = account.held;
        let mut fills = Vec::with_capacity(filled.len());
        for (row, decided, fill) in filled {
            fills.push((row, decided));
            records.fills.push(fill);
        }
        let capital = setups.iter().map(|setup| setup.cash).sum();
        Ok(Self { log, holdings, account, fills, records, capital })
    }
}

#[pymethods]
impl EventRun {
    /// Number of rows of the log.
    fn __len__(&self) -> usize {
        self.log.len()
    }

    /// Names and logical types of the log's columns.
    #[staticmethod]
    fn columns() -> Vec<(&'static str, &'static str)> {
        events::COLUMNS.to_vec()
    }

    /// A column of the log: 64-bit integers; `fee` is had by [`EventRun::fees`].
    fn column<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let log = &self.log;
        Ok(match name {
            "local_time" => PyArray1::from_slice(py, &log.local_time).into_any(),
            "exchange_time" => PyArray1::from_slice(py, &log.exchange_time).into_any(),
            "instrument" => PyArray1::from_slice(py, &log.instrument).into_any(),
            "event" => PyArray1::from_slice(py, &log.event).into_any(),
            "reason" => PyArray1::from_slice(py, &log.reason).into_any(),
            "order" => PyArray1::from_slice(py, &log.order).into_any(),
            "side" => PyArray1::from_slice(py, &log.side).into_any(),
            "price" => PyArray1::from_slice(py, &log.price).into_any(),
            "quantity" => PyArray1::from_slice(py, &log.quantity).into_any(),
            "left" => PyArray1::from_slice(py, &log.left).into_any(),
            "taker" => PyArray1::from_vec(py, log.taker.iter().map(|&taker| taker == 1).collect()).into_any(),
            other => return Err(PyValueError::new_err(format!("the log has no integer column {other}"))),
        })
    }

    /// The column `fee`, 128-bit integers as pairs of little-endian words.
    fn fees<'py>(&self, py: Python<'py>) -> PyResult<Words<'py>> {
        words(py, &self.log.fee)
    }

    /// Digest of the log as a table.
    #[getter]
    fn digest(&self) -> String {
        spelled(self.log.digest())
    }

    /// Digests of the log's blocks.
    #[getter]
    fn blocks(&self) -> Vec<String> {
        self.log.blocks().into_iter().map(spelled).collect()
    }

    /// The times at which the account was taken, in nanoseconds.
    #[getter]
    fn account_times<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<i64>> {
        PyArray1::from_slice(py, &self.account.time)
    }

    /// A column of the account: `equity`, `cash`, `gross` or `net`.
    fn account_amounts<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Words<'py>> {
        let column = match name {
            "equity" => &self.records.equity,
            "cash" => &self.account.cash,
            "gross" => &self.account.gross,
            "net" => &self.account.net,
            other => return Err(PyValueError::new_err(format!("the account has no column {other}"))),
        };
        words(py, column)
    }

    /// An integer column of the fills: `row` (of the log), `decision_time` or `position`.
    fn fill_integers<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let column: Vec<i64> = match name {
            "row" => self.fills.iter().map(|&(row, _)| row as i64).collect(),
            "decision_time" => self.fills.iter().map(|&(_, time)| time).collect(),
            "position" => self.records.fills.iter().map(|fill| fill.position).collect(),
            other => return Err(PyValueError::new_err(format!("fills have no integer column {other}"))),
        };
        Ok(PyArray1::from_vec(py, column))
    }

    /// A column of amounts of the fills: `notional`, `realized` or `entry_value`.
    fn fill_amounts<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Words<'py>> {
        let amount: fn(&Fill) -> i128 = match name {
            "notional" => |fill| fill.notional,
            "realized" => |fill| fill.realized,
            "entry_value" => |fill| fill.entry_value,
            other => return Err(PyValueError::new_err(format!("fills have no column of amounts {other}"))),
        };
        words(py, &self.records.fills.iter().map(amount).collect::<Vec<_>>())
    }

    /// Figures of the summary, of a run with periods.
    fn figures(&self, periods_per_year: f64, risk_free_rate: f64) -> PyResult<Figures> {
        if self.records.equity.is_empty() {
            return Err(PyValueError::new_err("the run had no periods; give period_ns"));
        }
        let year = Year { periods: periods_per_year, risk_free_rate };
        Ok(Figures::of(&self.records, self.capital, year))
    }

    /// Position, cash, fees, traded value, traded lots and trades of an instrument.
    #[pyo3(signature = (instrument=0))]
    fn holding(&self, instrument: usize) -> PyResult<(i64, i128, i128, i128, i128, u64)> {
        let holding = self.holdings.get(instrument);
        let one = holding.ok_or_else(|| PyValueError::new_err(format!("there is no instrument {instrument}")))?;
        Ok((one.position, one.cash, one.fees, one.volume, one.lots, one.trades))
    }
}

fn spelled(digest: [u8; 32]) -> String {
    digest.iter().fold(String::from("sha256:"), |text, byte| text + &format!("{byte:02x}"))
}
