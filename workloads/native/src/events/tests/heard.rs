//! What the trader of a run on tapes heard, in its order, and a session fed the same.

use super::*;
use crate::events::journal::Header;
use crate::events::{Command, Input, Session};
use std::ops::Range;

/// Something the trader came to have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Had {
    Start,
    Message(usize, Range<usize>),
    Report(usize, Report),
    Timer,
    Period,
    Command(Command),
}

/// Hears everything, writes it down, and lets another strategy decide.
pub(super) struct Hearing<'a, S> {
    decides: S,
    tapes: &'a [Tape],
    /// Of each tape, the row after the newest message, and how often the strategy is asked about that one still.
    place: Vec<(usize, usize)>,
    pub had: Vec<(i64, Had)>,
}

impl<'a, S> Hearing<'a, S> {
    pub fn new(tapes: &'a [Tape], decides: S) -> Self {
        Self { decides, tapes, place: vec![(0, 0); tapes.len()], had: Vec::new() }
    }

    /// Asked about a message: whether it is the next one.
    fn asked(&mut self, now: i64, instrument: usize) {
        let (first, left) = self.place[instrument];
        if left > 0 {
            self.place[instrument].1 -= 1;
            return;
        }
        let tape = &self.tapes[instrument];
        let same = |row: &usize| tape.sequence[*row] == tape.sequence[first];
        let end = (first..tape.kind.len()).take_while(same).last().expect("a row") + 1;
        let trades = tape.kind[first..end].iter().filter(|&&kind| kind == Row::Trade as u8).count();
        let depth = usize::from(trades < end - first);
        self.place[instrument] = (end, trades + depth - 1);
        self.had.push((now, Had::Message(instrument, first..end)));
    }
}

impl<S: Strategy> Strategy for Hearing<'_, S> {
    const DEPTH: bool = true;
    const TRADES: bool = true;
    const BARS: bool = true;

    fn start(&mut self, desk: &mut Desk) {
        self.had.push((desk.now(), Had::Start));
        self.decides.start(desk);
    }

    fn on_depth(&mut self, desk: &mut Desk, instrument: usize) {
        self.asked(desk.now(), instrument);
        if S::DEPTH {
            self.decides.on_depth(desk, instrument);
        }
    }

    fn on_trade(&mut self, desk: &mut Desk, instrument: usize, trade: &Trade) {
        self.asked(desk.now(), instrument);
        if S::TRADES {
            self.decides.on_trade(desk, instrument, trade);
        }
    }

    fn on_bars(&mut self, desk: &mut Desk, end: i64, bars: &[Option<Bar>]) {
        self.had.push((desk.now(), Had::Period));
        if S::BARS {
            self.decides.on_bars(desk, end, bars);
        }
    }

    fn on_report(&mut self, desk: &mut Desk, instrument: usize, report: &Report) {
        self.had.push((desk.now(), Had::Report(instrument, *report)));
        self.decides.on_report(desk, instrument, report);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        self.had.push((desk.now(), Had::Timer));
        self.decides.on_timer(desk);
    }
}

/// Acts on market data, every few times it hears of any.
pub(super) struct Chatting(pub Monkey);

impl Strategy for Chatting {
    const DEPTH: bool = true;
    const TRADES: bool = true;

    fn on_depth(&mut self, desk: &mut Desk, _instrument: usize) {
        if self.0.random.below(4) == 0 {
            self.0.on_timer(desk);
        }
    }

    fn on_trade(&mut self, desk: &mut Desk, instrument: usize, _trade: &Trade) {
        self.on_depth(desk, instrument);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        self.0.on_timer(desk);
    }

    fn randomness(&self) -> Option<(u128, u128)> {
        Some(self.0.random.words())
    }
}

pub(super) fn chatting(seed: u64) -> Chatting {
    Chatting(Monkey { random: Pcg64::new(seed), interval: 11 })
}

pub(super) fn header(instruments: usize, period: i64) -> Header {
    Header { session: [7; 16], specification: [9; 32], seed: 5, period, instruments: instruments as u32 }
}

pub(super) fn feed<S: Strategy>(session: &mut Session<S>, tapes: &[Tape], had: &[(i64, Had)]) {
    for (time, had) in had {
        let taken = match had {
            Had::Start => session.feed(*time, &Input::Start),
            Had::Message(instrument, rows) => {
                let rows = slice(&tapes[*instrument], rows.clone());
                session.feed(*time, &Input::Message { instrument: *instrument as u32, rows })
            }
            Had::Report(instrument, report) => {
                session.feed(*time, &Input::Report { instrument: *instrument as u32, report: *report })
            }
            Had::Timer => session.feed(*time, &Input::Timer),
            Had::Period => session.feed(*time, &Input::Period),
            Had::Command(command) => session.feed(*time, &Input::Command(*command)),
        };
        assert_eq!(taken, Ok(()), "{had:?} at {time}");
    }
}

fn slice(tape: &Tape, rows: Range<usize>) -> Columns<'_> {
    Columns {
        sequence: &tape.sequence[rows.clone()],
        exchange_time: &tape.exchange[rows.clone()],
        local_time: &tape.local[rows.clone()],
        kind: &tape.kind[rows.clone()],
        side: &tape.side[rows.clone()],
        price: &tape.price[rows.clone()],
        quantity: &tape.quantity[rows],
        order: &[],
    }
}

/// What a run on tapes heard.
pub(super) fn hear<S: Strategy>(tapes: &[Tape], setups: &[Setup], period: i64, strategy: S) -> Vec<(i64, Had)> {
    let feeds = tapes.iter().map(Tape::feed).collect();
    let mut engine = Engine::new(feeds, setups, None, Hearing::new(tapes, strategy));
    if period > 0 {
        engine = engine.with_periods(period);
    }
    engine.run().expect("amounts fit");
    engine.into_records().1.had
}
