//! The session machine: a strategy at its desk, fed one input after the other, which says what is to be sent.
//!
//! It has no clock, no wire and no disk: time is in its inputs, and what it decides is handed out. So what it was fed is
//! all there is to know of it, and feeding the same again, in a replay or after a crash, gives the same decisions. Each
//! input and what it led to is written into a journal that is to be safe before the decisions are acted on.

mod closing;
mod input;

use super::desk::{Desk, Setup};
use super::journal::{Entry, Header, SEAL_INPUTS, Seal, Writer};
use super::log::Log;
use super::periods::{Account, Bar, Periods};
use super::strategy::Strategy;
use super::trader::Trader;
use crate::exchange::Event;
use crate::fixed::Overflow;
use crate::orders::Request;
use crate::risk::Rate;
use crate::tape::Columns;
use closing::Closing;
use input::check_input;

pub use input::{Command, Input, MAX_ROWS, Refusal};

/// Rows of the log that room is made for at the start.
const ROOM: usize = 4_096;

/// A strategy that trades on what it is fed.
#[derive(Debug, Clone)]
pub struct Session<S> {
    trader: Trader<S>,
    periods: Periods,
    /// Of each instrument, the trades heard in the period.
    bars: Vec<Option<Bar>>,
    journal: Writer,
    entries: Vec<Entry>,
    requests: Vec<(u32, Request)>,
    closing: Option<Closing>,
    started: bool,
    failed: bool,
    inputs: u64,
    jumps: u64,
}

impl<S: Strategy> Session<S> {
    /// A session that has not begun; one setup an instrument. The latency, queue and impact of its rules are those of
    /// a simulated exchange, and not looked at.
    ///
    /// # Panics
    /// Where the header's instruments are not as many as the setups, or its period is below zero.
    #[must_use]
    pub fn new(header: &Header, setups: &[Setup], rate: Option<Rate>, strategy: S) -> Self {
        assert_eq!(header.instruments as usize, setups.len(), "there must be one setup an instrument");
        assert!(header.period >= 0, "a period must have a length");
        Self {
            trader: Trader { desk: Desk::new(setups, rate, Log::with_capacity(ROOM)), strategy },
            periods: if header.period == 0 { Periods::none() } else { Periods::of(header.period) },
            bars: vec![None; setups.len()],
            journal: Writer::new(header),
            entries: Vec::new(),
            requests: Vec::new(),
            closing: None,
            started: false,
            failed: false,
            inputs: 0,
            jumps: 0,
        }
    }

    /// Takes in what the trader came to have at a time. A clock that went back stands still.
    ///
    /// # Errors
    /// The [`Refusal`] of what cannot be; but for an overflow, nothing was changed and nothing recorded.
    pub fn feed(&mut self, time: i64, input: &Input<'_>) -> Result<(), Refusal> {
        self.check(time, input)?;
        self.journal.input(time, input);
        self.inputs += 1;
        self.jumps += u64::from(self.started && time < self.trader.desk.now);
        self.trader.desk.now = self.trader.desk.now.max(time);
        let told = self.trader.desk.log().len();
        let applied = self.apply(input);
        self.failed = applied.is_err();
        self.record(told);
        if self.is_over() || self.inputs.is_multiple_of(SEAL_INPUTS) {
            self.seal();
        }
        applied.map_err(Refusal::Overflow)
    }

    /// The trader's side.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.trader.desk
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &S {
        &self.trader.strategy
    }

    /// Number of inputs so far.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// Inputs whose time was below that of one before.
    #[must_use]
    pub fn jumps(&self) -> u64 {
        self.jumps
    }

    /// When the strategy wants to be woken.
    #[must_use]
    pub fn next_timer(&self) -> Option<i64> {
        self.trader.desk.timer.filter(|_| self.asks())
    }

    /// When the period ends.
    #[must_use]
    pub fn next_period(&self) -> Option<i64> {
        Some(self.periods.end).filter(|&end| end != i64::MAX && !self.is_over())
    }

    /// Whether it takes no more inputs.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.failed || self.trader.desk.stopped
    }

    /// Whether nothing is held and no order is alive.
    #[must_use]
    pub fn is_flat(&self) -> bool {
        let desk = &self.trader.desk;
        (0..desk.width()).all(|one| desk.holding(one).position == 0 && desk.tickets(one).is_empty())
    }

    /// Whether it was told to get flat, is not, and does no more about it.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.gave_up(&self.trader.desk))
    }

    /// The requests decided on since they were last taken, each with its instrument.
    pub fn take_requests(&mut self) -> Vec<(u32, Request)> {
        std::mem::take(&mut self.requests)
    }

    /// What was recorded since it was last forgotten.
    #[must_use]
    pub fn journal(&self) -> &[u8] {
        self.journal.bytes()
    }

    /// Forgets the first bytes of the journal, which are kept elsewhere now.
    pub fn forget_journal(&mut self, bytes: usize) {
        self.journal.taken(bytes);
    }

    /// The account over time, as it stands.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub fn account(&self) -> Result<Account, Overflow> {
        let mut periods = self.periods.clone();
        periods.finish(&self.trader.desk)?;
        Ok(periods.account)
    }

    pub(super) fn drop_requests(&mut self) {
        self.requests.clear();
    }

    /// Whether the strategy is asked.
    fn asks(&self) -> bool {
        self.closing.is_none() && !self.is_over()
    }

    fn check(&self, time: i64, input: &Input<'_>) -> Result<(), Refusal> {
        check_input(time, input, self.bars.len())?;
        if self.is_over() {
            return Err(Refusal::Over);
        }
        let due = |at: Option<i64>| at.is_some_and(|at| at <= time.max(self.trader.desk.now));
        match input {
            Input::Start if self.started => Err(Refusal::Started),
            Input::Start => Ok(()),
            _ if !self.started => Err(Refusal::NotStarted),
            Input::Timer if !due(self.next_timer()) => Err(Refusal::Timer(self.next_timer())),
            Input::Period if !due(self.next_period()) => Err(Refusal::Period(self.next_period())),
            _ => Ok(()),
        }
    }

    fn apply(&mut self, input: &Input<'_>) -> Result<(), Overflow> {
        match input {
            Input::Start => {
                self.started = true;
                self.periods.start(&self.trader.desk)?;
                self.trader.start();
            }
            Input::Message { instrument, rows } => self.hear(*instrument as usize, rows),
            Input::Report { instrument, report } => {
                let instrument = *instrument as usize;
                match &mut self.closing {
                    None => self.trader.deliver(instrument, report)?,
                    Some(closing) => {
                        self.trader.desk.receive(instrument, report)?;
                        closing.go_on(&mut self.trader.desk, instrument);
                    }
                }
            }
            Input::Timer => self.trader.ring(),
            Input::Period => self.end_period()?,
            Input::Command(Command::Halt) => self.trader.desk.halt(crate::exchange::Reason::None),
            Input::Command(Command::Flatten) => self.closing = Some(Closing::begin(&mut self.trader.desk)),
            Input::Command(Command::Stop) => self.trader.desk.stop(),
        }
        Ok(())
    }

    fn hear(&mut self, instrument: usize, rows: &Columns<'_>) {
        let all = 0..rows.len();
        if S::BARS {
            self.bars[instrument] = Bar::after(self.bars[instrument], rows, all.clone());
        }
        if self.closing.is_none() {
            self.trader.hear(instrument, rows, all);
        } else {
            self.trader.desk.see(instrument, rows, all);
        }
    }

    fn end_period(&mut self) -> Result<(), Overflow> {
        let end = self.periods.end;
        self.periods.close(&self.trader.desk)?;
        if S::BARS {
            if self.closing.is_none() {
                self.trader.strategy.on_bars(&mut self.trader.desk, end, &self.bars);
            }
            self.bars.fill(None);
        }
        Ok(())
    }

    /// Records the rows of the log from one on, and hands out the requests that go with them.
    fn record(&mut self, first: usize) {
        let last = self.trader.desk.log().len();
        if first == last {
            return;
        }
        self.entries.clear();
        for index in first..last {
            let row = self.trader.desk.log().row(index);
            let sent = matches!(row.event, Event::Submit | Event::AskCancel | Event::AskReplace);
            let request = if sent { self.trader.desk.take_request(row.instrument as usize) } else { None };
            self.requests.extend(request.map(|request| (row.instrument, request)));
            self.entries.push(Entry { row, request });
        }
        self.journal.outcome(&self.entries);
    }

    fn seal(&mut self) {
        let desk = &self.trader.desk;
        self.journal.seal(&Seal {
            inputs: self.inputs,
            rows: desk.log().len() as u64,
            jumps: self.jumps,
            last_order: desk.last_order(),
            timer: desk.timer,
            over: self.is_over(),
            generator: self.trader.strategy.randomness(),
            inputs_digest: [0; 32],
            outcomes_digest: [0; 32],
        });
    }
}
