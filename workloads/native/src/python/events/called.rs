//! A Python object as a strategy of the engine. What it asks for is put down and done when it returns.

use pyo3::prelude::*;

use super::super::Generator;
use super::desk::{Command, Desk, MarketBar, MarketTrade, OrderReport};
use crate::events::{self, Bar, Strategy};
use crate::exchange::{Event, Reason, Report};
use crate::orders::NewOrder;

/// A Python object as a strategy; what it has no method for is not called.
pub(super) struct Called<const DEPTH: bool, const TRADES: bool> {
    desk: Py<Desk>,
    trade: Py<MarketTrade>,
    bar: Py<MarketBar>,
    report: Py<OrderReport>,
    methods: Methods,
    /// What it draws from, where a recording is to hold that.
    generator: Option<Py<Generator>>,
    error: Option<PyErr>,
}

/// A strategy that asks Python, whose error ends the run.
pub(super) trait Fallible {
    /// What it ended with.
    fn error(&self) -> Option<&PyErr>;
}

impl<const DEPTH: bool, const TRADES: bool> Fallible for Called<DEPTH, TRADES> {
    fn error(&self) -> Option<&PyErr> {
        self.error.as_ref()
    }
}

/// Notes at an error of Python when it came, and ends the run.
pub(super) fn ended_by(py: Python<'_>, error: PyErr, desk: &mut events::Desk) -> PyErr {
    // Where it is of no help that a note cannot be added, the error itself is told.
    let _ = error.value(py).call_method1("add_note", (format!("at local time {}", desk.now()),));
    desk.stop();
    error
}

#[derive(Default)]
pub(super) struct Methods {
    start: Option<Py<PyAny>>,
    pub(super) depth: Option<Py<PyAny>>,
    pub(super) trade: Option<Py<PyAny>>,
    bar: Option<Py<PyAny>>,
    fill: Option<Py<PyAny>>,
    report: Option<Py<PyAny>>,
    timer: Option<Py<PyAny>>,
}

impl Methods {
    pub(super) fn of(strategy: &Bound<'_, PyAny>) -> PyResult<Self> {
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

impl<const DEPTH: bool, const TRADES: bool> Called<DEPTH, TRADES> {
    pub(super) fn new(
        py: Python<'_>,
        methods: Methods,
        instruments: usize,
        generator: Option<Py<Generator>>,
    ) -> PyResult<Self> {
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
            desk: Py::new(py, desk)?,
            trade: Py::new(py, trade)?,
            bar: Py::new(py, MarketBar { instrument: 0, time: 0, open: 0, high: 0, low: 0, close: 0, volume: 0 })?,
            report: empty_report(py)?,
            methods,
            generator,
            error: None,
        })
    }

    /// Shows the desk as it is, calls, and does what was asked for. An error ends the run.
    fn call(
        &mut self,
        desk: &mut events::Desk,
        instrument: Option<usize>,
        call: impl FnOnce(&Self, Python<'_>) -> PyResult<()>,
    ) {
        if self.error.is_some() {
            return;
        }
        Python::attach(|py| {
            let shown = self.show(py, desk, instrument);
            let called = shown.and_then(|()| call(self, py)).and_then(|()| self.obey(py, desk));
            if let Err(error) = called {
                self.error = Some(ended_by(py, error, desk));
            }
        });
    }

    fn show(&self, py: Python<'_>, desk: &events::Desk, instrument: Option<usize>) -> PyResult<()> {
        let mut shown = self.desk.try_borrow_mut(py)?;
        shown.now = desk.now();
        let all = 0..desk.width();
        for instrument in instrument.map_or(all, |one| one..one + 1) {
            shown.touches[instrument] = desk.touch(instrument);
            shown.positions[instrument] = desk.holding(instrument).position;
        }
        Ok(())
    }

    fn obey(&self, py: Python<'_>, desk: &mut events::Desk) -> PyResult<()> {
        let mut shown = self.desk.try_borrow_mut(py)?;
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
                        refused.push((instrument, refusal(Event::Refuse, &order, reason)));
                    }
                }
                Command::Cancel(id) => desk.cancel(instrument, id),
                Command::Replace(id, price, quantity) => {
                    let changed = desk.changed(instrument, id, price, quantity);
                    if let Err(reason) = desk.replace(instrument, id, price, quantity) {
                        refused.push((instrument, refusal(Event::Deny, &changed, reason)));
                    }
                }
                Command::Halt => desk.halt(Reason::None),
            }
        }
        for (instrument, report) in refused {
            self.tell(py, instrument, &report)?;
        }
        Ok(())
    }

    /// Tells of a report; of a fill, the method for fills after the one for all.
    fn tell(&self, py: Python<'_>, instrument: usize, report: &Report) -> PyResult<()> {
        let traded = matches!(report.event, Event::Trade | Event::Fill);
        let methods = [self.methods.report.as_ref(), self.methods.fill.as_ref().filter(|_| traded)];
        if methods.iter().all(Option::is_none) {
            return Ok(());
        }
        *self.report.try_borrow_mut(py)? = OrderReport {
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
            method.call1(py, (&self.desk, &self.report))?;
        }
        Ok(())
    }

    fn tell_bar(&self, py: Python<'_>, instrument: usize, time: i64, bar: &Bar) -> PyResult<()> {
        let Some(method) = &self.methods.bar else {
            return Ok(());
        };
        let Bar { open, high, low, close, volume } = *bar;
        *self.bar.try_borrow_mut(py)? = MarketBar { instrument, time, open, high, low, close, volume };
        method.call1(py, (&self.desk, &self.bar)).map(drop)
    }
}

/// What the strategy is told of an order, or a change of one, that risk did not let out: what the log says of it.
fn refusal(event: Event, order: &NewOrder, reason: Reason) -> Report {
    Report {
        exchange_time: 0,
        event,
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

impl<const DEPTH: bool, const TRADES: bool> Strategy for Called<DEPTH, TRADES> {
    const DEPTH: bool = DEPTH;
    const TRADES: bool = TRADES;
    const BARS: bool = true;

    fn start(&mut self, desk: &mut events::Desk) {
        self.call(desk, None, |this, py| match &this.methods.start {
            Some(method) => method.call1(py, (&this.desk,)).map(drop),
            None => Ok(()),
        });
    }

    fn on_depth(&mut self, desk: &mut events::Desk, instrument: usize) {
        self.call(desk, Some(instrument), |this, py| match &this.methods.depth {
            Some(method) => method.call1(py, (&this.desk, instrument)).map(drop),
            None => Ok(()),
        });
    }

    fn on_trade(&mut self, desk: &mut events::Desk, instrument: usize, trade: &events::Trade) {
        self.call(desk, Some(instrument), |this, py| {
            let Some(method) = &this.methods.trade else {
                return Ok(());
            };
            *this.trade.try_borrow_mut(py)? = MarketTrade {
                instrument,
                local_time: trade.local_time,
                exchange_time: trade.exchange_time,
                price: trade.price,
                quantity: trade.quantity,
                taker: trade.taker.map_or(0, |half| half.sign() as i8),
            };
            method.call1(py, (&this.desk, &this.trade)).map(drop)
        });
    }

    fn on_bars(&mut self, desk: &mut events::Desk, _end: i64, bars: &[Option<Bar>]) {
        if self.methods.bar.is_none() {
            return;
        }
        let time = desk.now();
        for (instrument, bar) in bars.iter().enumerate() {
            if let Some(bar) = bar {
                self.call(desk, None, |this, py| this.tell_bar(py, instrument, time, bar));
            }
        }
    }

    fn on_report(&mut self, desk: &mut events::Desk, instrument: usize, report: &Report) {
        self.call(desk, Some(instrument), |this, py| this.tell(py, instrument, report));
    }

    fn on_timer(&mut self, desk: &mut events::Desk) {
        self.call(desk, None, |this, py| match &this.methods.timer {
            Some(method) => method.call1(py, (&this.desk,)).map(drop),
            None => Ok(()),
        });
    }

    fn randomness(&self) -> Option<(u128, u128)> {
        let generator = self.generator.as_ref()?;
        // Nobody draws while this is asked: a draw does not let other threads of Python go on.
        Python::attach(|py| generator.try_borrow(py).ok().map(|generator| generator.0.words()))
    }
}
