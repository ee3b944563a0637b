//! The session as Python has it.

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::super::super::Generator;
use super::super::choice::{Shape, choose};
use super::super::course::checked_period;
use super::super::named;
use super::super::record::EventRun;
use super::super::terms::Terms;
use super::live::{Begin, Live};
use super::orders::{OpenOrder, OrderRequest};
use crate::book::Half;
use crate::events::journal::Header;
use crate::events::{Account, Command, Input, Refusal, Setup};
use crate::exchange::{Event, Reason, Report};
use crate::risk::Rate;
use crate::tape::Tape;

/// A strategy that trades on what it is fed.
#[pyclass(module = "tradeplane_native")]
pub(super) struct Session {
    live: Box<dyn Live>,
    setups: Vec<Setup>,
    /// Rows of a message, while they are taken in.
    rows: Tape,
    told: bool,
}

impl Session {
    pub(super) fn of(live: Box<dyn Live>, setups: Vec<Setup>) -> Self {
        Self { live, setups, rows: Tape::default(), told: false }
    }

    fn known(&self, instrument: u32) -> PyResult<usize> {
        if (instrument as usize) < self.setups.len() {
            return Ok(instrument as usize);
        }
        let known = self.setups.len();
        Err(PyValueError::new_err(format!("instrument {instrument}: there are {known}, counted from 0")))
    }

    fn feed(&mut self, py: Python<'_>, time: i64, input: &Input<'_>) -> PyResult<()> {
        let taken = self.live.feed(time, input);
        self.answer(py, taken)
    }

    /// Tells of a refusal, and once of the error of a strategy.
    fn answer(&mut self, py: Python<'_>, taken: Result<(), Refusal>) -> PyResult<()> {
        match taken {
            Ok(()) => {}
            Err(Refusal::Overflow(overflow)) => return Err(overflow.into()),
            Err(refusal) => return Err(PyValueError::new_err(refusal.to_string())),
        }
        match self.live.failure() {
            Some(error) if !self.told => {
                self.told = true;
                Err(error.clone_ref(py))
            }
            _ => Ok(()),
        }
    }
}

/// The terms of instruments, checked.
pub(super) fn setups_of(terms: Vec<Terms>) -> PyResult<Vec<Setup>> {
    if terms.is_empty() || terms.len() > 1 << 16 {
        return Err(PyValueError::new_err("there must be from 1 to 65536 sets of terms, one an instrument"));
    }
    terms.into_iter().map(Terms::setup).collect()
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (
        terms, strategy, *, session, specification, seed=0, rate=None, period_ns=None, generator=None
    ))]
    #[allow(clippy::too_many_arguments)] // what decides what a session does
    fn new(
        terms: Vec<Terms>,
        strategy: &Bound<'_, PyAny>,
        session: [u8; 16],
        specification: [u8; 32],
        seed: u64,
        rate: Option<(u32, i64)>,
        period_ns: Option<i64>,
        generator: Option<Py<Generator>>,
    ) -> PyResult<Self> {
        let setups = setups_of(terms)?;
        let period = period_ns.map(checked_period).transpose()?.unwrap_or(0);
        let header = Header { session, specification, seed, period, instruments: setups.len() as u32 };
        let rate = rate.map(|(most, window)| Rate::new(most, window));
        let shape = Shape { instruments: setups.len(), periods: period > 0 };
        let live = choose(strategy, shape, generator, Begin { header: &header, setups: &setups, rate })?;
        Ok(Self::of(live, setups))
    }

    /// The session begins.
    fn start(&mut self, py: Python<'_>, time: i64) -> PyResult<()> {
        self.feed(py, time, &Input::Start)
    }

    /// A message of the market: rows of kind, side, price and quantity.
    #[pyo3(signature = (time, instrument, sequence, exchange_time, rows, orders=None))]
    #[allow(clippy::too_many_arguments)] // a message
    fn message(
        &mut self,
        py: Python<'_>,
        time: i64,
        instrument: u32,
        sequence: u64,
        exchange_time: i64,
        rows: Vec<(u8, u8, i64, i64)>,
        orders: Option<Vec<u64>>,
    ) -> PyResult<()> {
        fill(&mut self.rows, (sequence, exchange_time), &rows, orders);
        let taken = self.live.feed(time, &Input::Message { instrument, rows: self.rows.columns() });
        self.answer(py, taken)
    }

    /// An answer of the exchange.
    #[pyo3(signature = (
        time, instrument, *, exchange_time, event, order, side, price, quantity, left, reason=0, taker=false
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of Report
    fn report(
        &mut self,
        py: Python<'_>,
        time: i64,
        instrument: u32,
        exchange_time: i64,
        event: u8,
        order: u64,
        side: i64,
        price: i64,
        quantity: i64,
        left: i64,
        reason: u8,
        taker: bool,
    ) -> PyResult<()> {
        let half = match side {
            1 => Half::Bid,
            -1 => Half::Ask,
            _ => return Err(PyValueError::new_err("side must be 1 to buy or -1 to sell")),
        };
        let event = named(Event::ALL.get(usize::from(event)).copied(), "event", &event.to_string())?;
        let reason = named(Reason::ALL.get(usize::from(reason)).copied(), "reason", &reason.to_string())?;
        let report = Report { exchange_time, event, reason, id: order, half, price, quantity, left, taker };
        self.feed(py, time, &Input::Report { instrument, report })
    }

    /// The time has come that `next_timer` says.
    fn timer(&mut self, py: Python<'_>, time: i64) -> PyResult<()> {
        self.feed(py, time, &Input::Timer)
    }

    /// The period has ended that `next_period` says.
    fn period(&mut self, py: Python<'_>, time: i64) -> PyResult<()> {
        self.feed(py, time, &Input::Period)
    }

    /// Asks for `halt`, `flatten` or `stop`.
    fn command(&mut self, py: Python<'_>, time: i64, command: &str) -> PyResult<()> {
        let known = match command {
            "halt" => Some(Command::Halt),
            "flatten" => Some(Command::Flatten),
            "stop" => Some(Command::Stop),
            _ => None,
        };
        let command = named(known, "command", command)?;
        self.feed(py, time, &Input::Command(command))
    }

    /// When the strategy wants to be woken.
    #[getter]
    fn next_timer(&self) -> Option<i64> {
        self.live.next_timer()
    }

    /// When the period ends.
    #[getter]
    fn next_period(&self) -> Option<i64> {
        self.live.next_period()
    }

    /// Number of inputs so far.
    #[getter]
    fn inputs(&self) -> u64 {
        self.live.inputs()
    }

    /// Inputs whose time was below that of one before.
    #[getter]
    fn jumps(&self) -> u64 {
        self.live.jumps()
    }

    /// The trader's time.
    #[getter]
    fn now(&self) -> i64 {
        self.live.desk().now()
    }

    /// Whether it takes no more inputs.
    #[getter]
    fn over(&self) -> bool {
        self.live.is_over()
    }

    /// The error of a strategy in Python that ended it.
    #[getter]
    fn failure(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.live.failure().map(|error| error.clone_ref(py).into_value(py).into_any())
    }

    /// Whether trading was stopped.
    #[getter]
    fn halted(&self) -> bool {
        self.live.desk().is_halted()
    }

    /// Whether nothing is held and no order is alive.
    #[getter]
    fn flat(&self) -> bool {
        self.live.is_flat()
    }

    /// Whether it was told to get flat, is not, and does no more about it.
    #[getter]
    fn gave_up(&self) -> bool {
        self.live.gave_up()
    }

    /// Takes what was recorded since it was last taken, to be kept before the requests are sent.
    fn take_journal<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let journal = self.live.journal();
        let taken = PyBytes::new(py, journal);
        let length = journal.len();
        self.live.forget_journal(length);
        taken
    }

    /// Takes the requests decided on since they were last taken. Their records come first.
    fn requests(&mut self) -> PyResult<Vec<OrderRequest>> {
        if !self.live.journal().is_empty() {
            return Err(PyRuntimeError::new_err(
                "the journal has records that were not taken; keep them with take_journal before requests are sent",
            ));
        }
        let requests = self.live.take_requests();
        Ok(requests.iter().map(|(instrument, request)| OrderRequest::of(*instrument, request)).collect())
    }

    /// Orders of an instrument that are not over, in the order they were sent.
    #[pyo3(signature = (instrument=0))]
    fn open_orders(&self, instrument: u32) -> PyResult<Vec<OpenOrder>> {
        let tickets = self.live.desk().tickets(self.known(instrument)?);
        tickets.iter().map(|ticket| OpenOrder::of(instrument, ticket)).collect()
    }

    /// Best bid and ask of an instrument, where there are both.
    #[pyo3(signature = (instrument=0))]
    fn touch(&self, instrument: u32) -> PyResult<Option<(i64, i64)>> {
        Ok(self.live.desk().touch(self.known(instrument)?))
    }

    /// Position, cash, fees, traded value, traded lots and trades of an instrument.
    #[pyo3(signature = (instrument=0))]
    fn holding(&self, instrument: u32) -> PyResult<(i64, i128, i128, i128, i128, u64)> {
        let one = self.live.desk().holding(self.known(instrument)?);
        Ok((one.position, one.cash, one.fees, one.volume, one.lots, one.trades))
    }

    /// Cash, and what all positions are worth, in billionths.
    #[getter]
    fn equity(&self) -> PyResult<i128> {
        Ok(self.live.desk().equity()?)
    }

    /// The log and what it comes to, so far.
    fn run(&self) -> PyResult<EventRun> {
        let desk = self.live.desk();
        let account = if self.live.inputs() == 0 { Account::default() } else { self.live.account()? };
        let holdings = (0..desk.width()).map(|instrument| *desk.holding(instrument)).collect();
        EventRun::of(&self.setups, holdings, account, desk.log().clone())
    }
}

/// Writes the rows of a message over those of the one before.
fn fill(tape: &mut Tape, (sequence, time): (u64, i64), rows: &[(u8, u8, i64, i64)], orders: Option<Vec<u64>>) {
    tape.clear();
    for &(kind, side, price, quantity) in rows {
        tape.sequence.push(sequence);
        tape.exchange_time.push(time);
        tape.local_time.push(time);
        tape.kind.push(kind);
        tape.side.push(side);
        tape.price.push(price);
        tape.quantity.push(quantity);
    }
    tape.order = orders.unwrap_or_default();
}
