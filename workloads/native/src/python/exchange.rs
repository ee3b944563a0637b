//! Tapes in, runs of the event engine out; strategies in Rust, or Python objects that are called.
//!
//! A Python strategy is called with objects that are made once and filled anew each time, so that a call costs little
//! more than Python's own. What it asks for is put down and done when it returns.

use std::sync::Arc;

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::{Figures, Words, words};
use crate::book::{Half, WINDOW};
use crate::engine::{Fill, Records};
use crate::events::{self, Account, Bar, Engine, Feed, Log, Prepared, Quoting, Recorder, Setup, Strategy};
use crate::exchange::{Event, Form, Function, Impact, Model, Probability, Reason, Report, Rules};
use crate::fees::{Fees, Tier};
use crate::instrument::{Instrument, Settlement};
use crate::latency::{Latency, Observation, Recorded};
use crate::orders::{Kind, NewOrder, TimeInForce};
use crate::risk::{Limits, Rate};
use crate::statistics::Year;
use crate::tape::Columns;

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<EventTape>()?;
    module.add_class::<EventRun>()?;
    module.add_class::<MarketMaker>()?;
    module.add_class::<PairsTrader>()?;
    module.add_class::<SignalTrader>()?;
    module.add_class::<Desk>()?;
    module.add_class::<MarketTrade>()?;
    module.add_class::<OrderReport>()?;
    module.add_class::<MarketBar>()?;
    module.add_function(wrap_pyfunction!(event_bars, module)?)?;
    module.add_function(wrap_pyfunction!(run_events, module)?)
}

fn named<T>(value: Option<T>, what: &str, name: &str) -> PyResult<T> {
    value.ok_or_else(|| PyValueError::new_err(format!("unknown {what} {name}")))
}

/// One instrument's tape, checked. Its arrays are read in place and must not change from here on.
#[pyclass(module = "tradeplane_native", frozen)]
struct EventTape {
    sequence: Py<PyArray1<u64>>,
    numbers: [Py<PyArray1<i64>>; 4],
    bytes: [Py<PyArray1<u8>>; 2],
    order: Option<Py<PyArray1<u64>>>,
    prepared: Arc<Prepared>,
    skew: i64,
}

#[pymethods]
impl EventTape {
    #[new]
    #[pyo3(signature = (sequence, exchange_time, local_time, kind, side, price, quantity, order=None, *, base_latency_ns=0))]
    #[allow(clippy::too_many_arguments)] // the columns of a tape
    fn new(
        py: Python<'_>,
        sequence: PyReadonlyArray1<'_, u64>,
        exchange_time: PyReadonlyArray1<'_, i64>,
        local_time: PyReadonlyArray1<'_, i64>,
        kind: PyReadonlyArray1<'_, u8>,
        side: PyReadonlyArray1<'_, u8>,
        price: PyReadonlyArray1<'_, i64>,
        quantity: PyReadonlyArray1<'_, i64>,
        order: Option<PyReadonlyArray1<'_, u64>>,
        base_latency_ns: i64,
    ) -> PyResult<Self> {
        let columns = Columns {
            sequence: sequence.as_slice()?,
            exchange_time: exchange_time.as_slice()?,
            local_time: local_time.as_slice()?,
            kind: kind.as_slice()?,
            side: side.as_slice()?,
            price: price.as_slice()?,
            quantity: quantity.as_slice()?,
            order: order.as_ref().map_or(Ok(&[][..]), |order| order.as_slice())?,
        };
        let feed = Feed::new(columns, base_latency_ns).map_err(|unfit| PyValueError::new_err(unfit.to_string()))?;
        let (prepared, skew) = (feed.prepared(), feed.skew());
        Ok(Self {
            sequence: sequence.as_unbound().clone_ref(py),
            numbers: [exchange_time, local_time, price, quantity].map(|column| column.as_unbound().clone_ref(py)),
            bytes: [kind, side].map(|column| column.as_unbound().clone_ref(py)),
            order: order.map(|order| order.as_unbound().clone_ref(py)),
            prepared,
            skew,
        })
    }

    /// What was added to the local times, in nanoseconds.
    #[getter]
    fn skew_ns(&self) -> i64 {
        self.skew
    }
}

/// The arrays of a tape while it is run.
struct Borrowed<'py> {
    sequence: PyReadonlyArray1<'py, u64>,
    numbers: [PyReadonlyArray1<'py, i64>; 4],
    bytes: [PyReadonlyArray1<'py, u8>; 2],
    order: Option<PyReadonlyArray1<'py, u64>>,
}

impl<'py> Borrowed<'py> {
    fn of(py: Python<'py>, tape: &EventTape) -> Self {
        Self {
            sequence: tape.sequence.bind(py).readonly(),
            numbers: tape.numbers.each_ref().map(|column| column.bind(py).readonly()),
            bytes: tape.bytes.each_ref().map(|column| column.bind(py).readonly()),
            order: tape.order.as_ref().map(|order| order.bind(py).readonly()),
        }
    }

    fn columns(&self) -> PyResult<Columns<'_>> {
        Ok(Columns {
            sequence: self.sequence.as_slice()?,
            exchange_time: self.numbers[0].as_slice()?,
            local_time: self.numbers[1].as_slice()?,
            price: self.numbers[2].as_slice()?,
            quantity: self.numbers[3].as_slice()?,
            kind: self.bytes[0].as_slice()?,
            side: self.bytes[1].as_slice()?,
            order: self.order.as_ref().map_or(Ok(&[][..]), |order| order.as_slice())?,
        })
    }
}

/// How an instrument is traded: the attributes of a Python object.
#[derive(FromPyObject)]
struct Terms {
    settlement: String,
    numerator: i128,
    denominator: i128,
    cash: i128,
    fee_tiers: Vec<(i128, i128, i128)>,
    fee_per_lot: i128,
    fee_minimum: Option<i128>,
    order_size: Option<i64>,
    position: Option<i64>,
    notional: Option<i128>,
    collar: Option<i64>,
    daily_loss: Option<i128>,
    latency: String,
    entry_ns: i64,
    response_ns: i64,
    observations: Vec<(i64, i64, i64)>,
    queue: String,
    queue_form: String,
    queue_exponent: f64,
    queue_seed: Option<u64>,
    impact: String,
    impact_coefficient: i64,
    impact_reference: i64,
}

impl Terms {
    fn setup(self) -> PyResult<Setup> {
        if self.numerator <= 0 || self.denominator <= 0 {
            return Err(PyValueError::new_err("numerator and denominator must be above zero"));
        }
        let settlement = match self.settlement.as_str() {
            "spot" => Some(Settlement::Spot),
            "linear" => Some(Settlement::Linear),
            "inverse" => Some(Settlement::Inverse),
            _ => None,
        };
        let (latency, model, impact) = (self.latency()?, self.model()?, self.impact()?);
        let tier = |(from_volume, maker, taker)| Tier { from_volume, maker, taker };
        Ok(Setup {
            instrument: Instrument {
                settlement: named(settlement, "settlement", &self.settlement)?,
                numerator: self.numerator,
                denominator: self.denominator,
            },
            fees: Fees {
                tiers: self.fee_tiers.into_iter().map(tier).collect(),
                per_lot: self.fee_per_lot,
                minimum: self.fee_minimum,
            },
            limits: Limits {
                order_size: self.order_size,
                position: self.position,
                notional: self.notional,
                collar: self.collar,
                daily_loss: self.daily_loss,
            },
            cash: self.cash,
            rules: Rules { latency, model, impact, window: WINDOW },
        })
    }

    fn latency(&self) -> PyResult<Latency> {
        match self.latency.as_str() {
            "constant" if self.entry_ns < 0 || self.response_ns < 0 => {
                Err(PyValueError::new_err("latency must not be below zero"))
            }
            "constant" => Ok(Latency::Constant { entry: self.entry_ns, response: self.response_ns }),
            "feed" => Ok(Latency::Feed),
            "recorded" => {
                let observation = |&(request, exchange, response)| Observation { request, exchange, response };
                let recorded = Recorded::new(self.observations.iter().map(observation).collect());
                Ok(Latency::Recorded(recorded.map_err(|error| PyValueError::new_err(error.to_string()))?))
            }
            other => named(None, "latency", other),
        }
    }

    fn model(&self) -> PyResult<Model> {
        let function = match self.queue.as_str() {
            "risk-averse" => return Ok(Model::RiskAverse),
            "exact" => return Ok(Model::Exact),
            "power" => Function::Power(self.queue_exponent),
            "logarithm" => Function::Logarithm,
            other => return named(None, "queue", other),
        };
        let form = match self.queue_form.as_str() {
            "parts" => Some(Form::Parts),
            "whole" => Some(Form::Whole),
            "rest" => Some(Form::Rest),
            _ => None,
        };
        let probability = Probability { function, form: named(form, "queue form", &self.queue_form)? };
        Ok(match self.queue_seed {
            Some(seed) => Model::Drawn { probability, seed },
            None => Model::Probable(probability),
        })
    }

    fn impact(&self) -> PyResult<Impact> {
        let (coefficient, reference) = (self.impact_coefficient, self.impact_reference);
        if self.impact != "none" && (coefficient < 0 || reference <= 0) {
            return Err(PyValueError::new_err("impact needs a coefficient of zero or more and a reference above zero"));
        }
        match self.impact.as_str() {
            "none" => Ok(Impact::None),
            "linear" => Ok(Impact::Linear { coefficient, reference }),
            "square-root" => Ok(Impact::SquareRoot { coefficient, reference }),
            other => named(None, "impact", other),
        }
    }
}

/// The market maker of the event engine.
#[pyclass(module = "tradeplane_native", frozen)]
struct MarketMaker {
    quoting: Quoting,
    on_touch: bool,
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
struct PairsTrader {
    pair: events::Pair,
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
struct SignalTrader {
    targets: Vec<i64>,
    instruments: usize,
    fraction: i64,
    allow_short: bool,
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

/// Trades of the market in a period; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
struct MarketBar {
    instrument: usize,
    /// When the period ended, by the local clock.
    time: i64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: i64,
}

/// A trade of the market; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
struct MarketTrade {
    instrument: usize,
    local_time: i64,
    exchange_time: i64,
    price: i64,
    quantity: i64,
    /// 1 where a buyer took, -1 where a seller did, 0 where nobody said.
    taker: i8,
}

/// What became of an order; the same object each time.
#[pyclass(module = "tradeplane_native", get_all)]
struct OrderReport {
    instrument: usize,
    exchange_time: i64,
    event: u8,
    reason: u8,
    order: u64,
    /// 1 for an order to buy, -1 for one to sell.
    side: i64,
    price: i64,
    quantity: i64,
    left: i64,
    taker: bool,
}

/// What a strategy asked for.
enum Command {
    Submit(NewOrder),
    Cancel(u64),
    Replace(u64, i64, i64),
    Halt,
}

/// The trader's side as a Python strategy sees it, at the moment it is called.
#[pyclass(module = "tradeplane_native")]
struct Desk {
    now: i64,
    last_id: u64,
    touches: Vec<Option<(i64, i64)>>,
    positions: Vec<i64>,
    commands: Vec<(usize, Command)>,
    wake: Option<i64>,
    stop: bool,
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

/// A Python object as a strategy; what it has no method for is not called.
struct Called<'py, const DEPTH: bool, const TRADES: bool> {
    py: Python<'py>,
    desk: Py<Desk>,
    trade: Py<MarketTrade>,
    bar: Py<MarketBar>,
    report: Py<OrderReport>,
    methods: Methods,
    error: Option<PyErr>,
}

#[derive(Default)]
struct Methods {
    start: Option<Py<PyAny>>,
    depth: Option<Py<PyAny>>,
    trade: Option<Py<PyAny>>,
    bar: Option<Py<PyAny>>,
    fill: Option<Py<PyAny>>,
    report: Option<Py<PyAny>>,
    timer: Option<Py<PyAny>>,
}

impl Methods {
    fn of(strategy: &Bound<'_, PyAny>) -> PyResult<Self> {
        let method = |name| -> PyResult<Option<Py<PyAny>>> { Ok(strategy.getattr_opt(name)?.map(Bound::unbind)) };
        Ok(Self {
            start: method("start")?,
            depth: method("on_depth")?,
            trade: method("on_trade")?,
            bar: method("on_bar")?,
            fill: method("on_fill")?,
            report: method("on_report")?,
            timer: method("on_timer")?,
        })
    }
}

impl<'py, const DEPTH: bool, const TRADES: bool> Called<'py, DEPTH, TRADES> {
    fn new(py: Python<'py>, methods: Methods, instruments: usize) -> PyResult<Self> {
        let desk = Desk {
            now: 0,
            last_id: 0,
            touches: vec![None; instruments],
            positions: vec![0; instruments],
            commands: Vec::new(),
            wake: None,
            stop: false,
        };
        let trade = MarketTrade { instrument: 0, local_time: 0, exchange_time: 0, price: 0, quantity: 0, taker: 0 };
        Ok(Self {
            py,
            desk: Py::new(py, desk)?,
            trade: Py::new(py, trade)?,
            bar: Py::new(py, MarketBar { instrument: 0, time: 0, open: 0, high: 0, low: 0, close: 0, volume: 0 })?,
            report: empty_report(py)?,
            methods,
            error: None,
        })
    }

    /// Shows the desk as it is, calls, and does what was asked for. An error ends the run.
    fn call(&mut self, desk: &mut events::Desk, instrument: Option<usize>, call: impl FnOnce(&Self) -> PyResult<()>) {
        if self.error.is_some() {
            return;
        }
        let called = self.show(desk, instrument).and_then(|()| call(self)).and_then(|()| self.obey(desk));
        if let Err(error) = called {
            // Where it is of no help that a note cannot be added, the error itself is told.
            let _ = error.value(self.py).call_method1("add_note", (format!("at local time {}", desk.now()),));
            self.error = Some(error);
            desk.stop();
        }
    }

    fn show(&self, desk: &events::Desk, instrument: Option<usize>) -> PyResult<()> {
        let mut shown = self.desk.try_borrow_mut(self.py)?;
        shown.now = desk.now();
        let all = 0..desk.width();
        for instrument in instrument.map_or(all, |one| one..one + 1) {
            shown.touches[instrument] = desk.touch(instrument);
            shown.positions[instrument] = desk.holding(instrument).position;
        }
        Ok(())
    }

    fn obey(&self, desk: &mut events::Desk) -> PyResult<()> {
        let mut shown = self.desk.try_borrow_mut(self.py)?;
        if let Some(time) = shown.wake.take() {
            desk.wake(time);
        }
        if shown.stop {
            desk.stop();
        }
        if shown.commands.is_empty() {
            return Ok(());
        }
        let commands = std::mem::take(&mut shown.commands);
        drop(shown);
        let mut refused = Vec::new();
        for (instrument, command) in commands {
            match command {
                Command::Submit(order) => {
                    if let Err(reason) = desk.submit(instrument, order) {
                        refused.push((instrument, order, reason));
                    }
                }
                Command::Cancel(id) => desk.cancel(instrument, id),
                // What risk refuses of a change is in the log; the order stays as it is.
                Command::Replace(id, price, quantity) => drop(desk.replace(instrument, id, price, quantity)),
                Command::Halt => desk.halt(Reason::None),
            }
        }
        for (instrument, order, reason) in refused {
            self.tell(instrument, &refusal(&order, reason))?;
        }
        Ok(())
    }

    /// Tells of a report; of a fill, the method for fills after the one for all.
    fn tell(&self, instrument: usize, report: &Report) -> PyResult<()> {
        let traded = matches!(report.event, Event::Trade | Event::Fill);
        let methods = [self.methods.report.as_ref(), self.methods.fill.as_ref().filter(|_| traded)];
        if methods.iter().all(Option::is_none) {
            return Ok(());
        }
        *self.report.try_borrow_mut(self.py)? = OrderReport {
            instrument,
            exchange_time: report.exchange_time,
            event: report.event as u8,
            reason: report.reason as u8,
            order: report.id,
            side: report.half.sign(),
            price: report.price,
            quantity: report.quantity,
            left: report.left,
            taker: report.taker,
        };
        for method in methods.into_iter().flatten() {
            method.call1(self.py, (&self.desk, &self.report))?;
        }
        Ok(())
    }

    fn tell_bar(&self, instrument: usize, time: i64, bar: &Bar) -> PyResult<()> {
        let Some(method) = &self.methods.bar else {
            return Ok(());
        };
        let Bar { open, high, low, close, volume } = *bar;
        *self.bar.try_borrow_mut(self.py)? = MarketBar { instrument, time, open, high, low, close, volume };
        method.call1(self.py, (&self.desk, &self.bar)).map(drop)
    }
}

/// What the strategy is told of an order that risk did not let out.
fn refusal(order: &NewOrder, reason: Reason) -> Report {
    Report {
        exchange_time: 0,
        event: Event::Refuse,
        reason,
        id: order.id,
        half: order.half,
        price: order.kind.price(),
        quantity: order.quantity,
        left: order.quantity,
        taker: false,
    }
}

fn empty_report(py: Python<'_>) -> PyResult<Py<OrderReport>> {
    let report = OrderReport {
        instrument: 0,
        exchange_time: 0,
        event: 0,
        reason: 0,
        order: 0,
        side: 0,
        price: 0,
        quantity: 0,
        left: 0,
        taker: false,
    };
    Py::new(py, report)
}

impl<const DEPTH: bool, const TRADES: bool> Strategy for Called<'_, DEPTH, TRADES> {
    const DEPTH: bool = DEPTH;
    const TRADES: bool = TRADES;
    const BARS: bool = true;

    fn start(&mut self, desk: &mut events::Desk) {
        self.call(desk, None, |this| match &this.methods.start {
            Some(method) => method.call1(this.py, (&this.desk,)).map(drop),
            None => Ok(()),
        });
    }

    fn on_depth(&mut self, desk: &mut events::Desk, instrument: usize) {
        self.call(desk, Some(instrument), |this| match &this.methods.depth {
            Some(method) => method.call1(this.py, (&this.desk, instrument)).map(drop),
            None => Ok(()),
        });
    }

    fn on_trade(&mut self, desk: &mut events::Desk, instrument: usize, trade: &events::Trade) {
        self.call(desk, Some(instrument), |this| {
            let Some(method) = &this.methods.trade else {
                return Ok(());
            };
            *this.trade.try_borrow_mut(this.py)? = MarketTrade {
                instrument,
                local_time: trade.local_time,
                exchange_time: trade.exchange_time,
                price: trade.price,
                quantity: trade.quantity,
                taker: trade.taker.map_or(0, |half| half.sign() as i8),
            };
            method.call1(this.py, (&this.desk, &this.trade)).map(drop)
        });
    }

    fn on_bars(&mut self, desk: &mut events::Desk, bars: &[Option<Bar>]) {
        if self.methods.bar.is_none() {
            return;
        }
        let time = desk.now();
        for (instrument, bar) in bars.iter().enumerate() {
            if let Some(bar) = bar {
                self.call(desk, None, |this| this.tell_bar(instrument, time, bar));
            }
        }
    }

    fn on_report(&mut self, desk: &mut events::Desk, instrument: usize, report: &Report) {
        self.call(desk, Some(instrument), |this| this.tell(instrument, report));
    }

    fn on_timer(&mut self, desk: &mut events::Desk) {
        self.call(desk, None, |this| match &this.methods.timer {
            Some(method) => method.call1(this.py, (&this.desk,)).map(drop),
            None => Ok(()),
        });
    }
}

/// A run that is over: its log and what it came to.
#[pyclass(module = "tradeplane_native", frozen)]
struct EventRun {
    log: Log,
    holdings: Vec<events::Holding>,
    account: Account,
    /// Of each fill, its row of the log and when it was decided.
    fills: Vec<(usize, i64)>,
    records: Records,
    capital: i128,
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

/// The tapes of a run, their arrays borrowed.
struct Tapes<'py> {
    borrowed: Vec<Borrowed<'py>>,
    prepared: Vec<Arc<Prepared>>,
}

impl<'py> Tapes<'py> {
    fn of(py: Python<'py>, tapes: &[PyRef<'_, EventTape>]) -> PyResult<Self> {
        if tapes.is_empty() {
            return Err(PyValueError::new_err("there must be at least one tape"));
        }
        Ok(Self {
            borrowed: tapes.iter().map(|tape| Borrowed::of(py, tape)).collect(),
            prepared: tapes.iter().map(|tape| Arc::clone(&tape.prepared)).collect(),
        })
    }

    fn feeds(&self) -> PyResult<Vec<Feed<'_>>> {
        let tapes = self.borrowed.iter().zip(&self.prepared);
        tapes.map(|(arrays, prepared)| Ok(Feed::again(arrays.columns()?, Arc::clone(prepared)))).collect()
    }
}

/// How a run goes beside its strategy.
struct Course {
    setups: Vec<Setup>,
    rate: Option<Rate>,
    period: Option<i64>,
}

impl Course {
    fn of(tapes: &[PyRef<'_, EventTape>], terms: Vec<Terms>) -> PyResult<Self> {
        if tapes.len() != terms.len() {
            return Err(PyValueError::new_err("there must be one set of terms a tape"));
        }
        let setups = terms.into_iter().map(Terms::setup).collect::<PyResult<Vec<Setup>>>()?;
        let mut both = setups.iter().zip(tapes);
        match both.position(|(setup, tape)| setup.rules.model == Model::Exact && tape.order.is_none()) {
            Some(tape) => {
                Err(PyValueError::new_err(format!("tape {tape} has no orders; choose another queue than exact")))
            }
            None => Ok(Self { setups, rate: None, period: None }),
        }
    }

    fn engine<'a, S: Strategy>(&self, feeds: Vec<Feed<'a>>, strategy: S) -> Engine<'a, S> {
        let engine = Engine::new(feeds, &self.setups, self.rate.clone(), strategy);
        match self.period {
            Some(length) => engine.with_periods(length),
            None => engine,
        }
    }

    /// The instrument, where there is one of that number.
    fn known(&self, instrument: usize) -> PyResult<()> {
        if instrument < self.setups.len() {
            return Ok(());
        }
        Err(PyValueError::new_err(format!("there is no instrument {instrument}")))
    }

    /// Runs a strategy in Rust, other Python threads going on meanwhile.
    fn run<S: Strategy + Send>(&self, py: Python<'_>, feeds: Vec<Feed<'_>>, strategy: S) -> PyResult<EventRun> {
        let engine = py.detach(|| {
            let mut engine = self.engine(feeds, strategy);
            engine.run().map(|()| engine)
        })?;
        self.over(engine)
    }

    /// Runs a Python object.
    fn call<const DEPTH: bool, const TRADES: bool>(
        &self,
        py: Python<'_>,
        feeds: Vec<Feed<'_>>,
        methods: Methods,
    ) -> PyResult<EventRun> {
        let strategy = Called::<DEPTH, TRADES>::new(py, methods, self.setups.len())?;
        let mut engine = self.engine(feeds, strategy);
        engine.run()?;
        match engine.strategy().error.as_ref() {
            Some(error) => Err(error.clone_ref(py)),
            None => self.over(engine),
        }
    }

    fn over<S: Strategy>(&self, engine: Engine<'_, S>) -> PyResult<EventRun> {
        let holdings = (0..engine.desk().width()).map(|instrument| *engine.desk().holding(instrument)).collect();
        let (mut account, _, log) = engine.into_records();
        let instruments: Vec<Instrument> = self.setups.iter().map(|setup| setup.instrument).collect();
        let filled = match self.period {
            Some(_) => events::fills(&log, &instruments, &account.time)?,
            None => Vec::new(), // nobody asks for the books of a run without an account
        };
        let mut records = Records::new(0, instruments.len());
        records.equity = std::mem::take(&mut account.equity);
        records.held = account.held;
        let mut fills = Vec::with_capacity(filled.len());
        for (row, decided, fill) in filled {
            fills.push((row, decided));
            records.fills.push(fill);
        }
        let capital = self.setups.iter().map(|setup| setup.cash).sum();
        Ok(EventRun { log, holdings, account, fills, records, capital })
    }
}

/// Runs a strategy on tapes, one set of terms a tape. `rate` is orders and nanoseconds; with `period_ns` the account is
/// kept at the end of each period, and `on_bar` called.
#[pyfunction]
#[pyo3(signature = (tapes, terms, strategy, *, rate=None, period_ns=None))]
fn run_events(
    py: Python<'_>,
    tapes: Vec<PyRef<'_, EventTape>>,
    terms: Vec<Terms>,
    strategy: &Bound<'_, PyAny>,
    rate: Option<(u32, i64)>,
    period_ns: Option<i64>,
) -> PyResult<EventRun> {
    let held = Tapes::of(py, &tapes)?;
    let mut course = Course::of(&tapes, terms)?;
    course.rate = rate.map(|(most, window)| Rate::new(most, window));
    course.period = period_ns.map(checked_period).transpose()?;
    let feeds = held.feeds()?;
    if let Ok(maker) = strategy.cast::<MarketMaker>() {
        let (quoting, on_touch) = (maker.get().quoting, maker.get().on_touch);
        course.known(quoting.instrument)?;
        return if on_touch {
            course.run(py, feeds, events::MarketMaker::<true>::new(quoting))
        } else {
            course.run(py, feeds, events::MarketMaker::<false>::new(quoting))
        };
    }
    if let Ok(pairs) = strategy.cast::<PairsTrader>() {
        let pair = pairs.get().pair;
        pair.instruments.into_iter().try_for_each(|instrument| course.known(instrument))?;
        return course.run(py, feeds, events::PairsTrader::new(pair));
    }
    if let Ok(signals) = strategy.cast::<SignalTrader>() {
        let SignalTrader { targets, instruments, fraction, allow_short } = signals.get();
        if *instruments != tapes.len() || course.period.is_none() {
            return Err(PyValueError::new_err("targets must have a column a tape, and the run periods"));
        }
        let trader = events::SignalTrader::new(targets.clone(), *instruments, *fraction, *allow_short);
        return course.run(py, feeds, trader);
    }
    let methods = Methods::of(strategy)?;
    match (methods.depth.is_some(), methods.trade.is_some()) {
        (false, false) => course.call::<false, false>(py, feeds, methods),
        (false, true) => course.call::<false, true>(py, feeds, methods),
        (true, false) => course.call::<true, false>(py, feeds, methods),
        (true, true) => course.call::<true, true>(py, feeds, methods),
    }
}

fn checked_period(length: i64) -> PyResult<i64> {
    if length > 0 { Ok(length) } else { Err(PyValueError::new_err("period_ns must be above zero")) }
}

/// Times, shape (n,); opens, highs, lows, closes and volumes, shape (n, k); and where there is a bar.
type BarArrays<'py> = (Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArray2<i64>>>, Bound<'py, PyArray2<bool>>);

/// The bars that a run on tapes hears, trading nothing: those that `on_bar` is called with.
#[pyfunction]
fn event_bars<'py>(
    py: Python<'py>,
    tapes: Vec<PyRef<'_, EventTape>>,
    terms: Vec<Terms>,
    period_ns: i64,
) -> PyResult<BarArrays<'py>> {
    let held = Tapes::of(py, &tapes)?;
    let mut course = Course::of(&tapes, terms)?;
    course.period = Some(checked_period(period_ns)?);
    let feeds = held.feeds()?;
    let recorder = py.detach(|| {
        let mut engine = course.engine(feeds, Recorder::default());
        engine.run().map(|()| engine.into_records().1)
    })?;
    let shape = [recorder.time.len(), tapes.len()];
    let column = |value: fn(&Bar) -> i64| {
        let flat: Vec<i64> = recorder.bars.iter().map(|bar| bar.as_ref().map_or(0, value)).collect();
        PyArray1::from_vec(py, flat).reshape(shape)
    };
    let values: [fn(&Bar) -> i64; 5] =
        [|bar| bar.open, |bar| bar.high, |bar| bar.low, |bar| bar.close, |bar| bar.volume];
    let columns = values.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
    let present: Vec<bool> = recorder.bars.iter().map(Option::is_some).collect();
    Ok((PyArray1::from_slice(py, &recorder.time), columns, PyArray1::from_vec(py, present).reshape(shape)?))
}
