//! What a session is fed, and what it refuses: checked before it is recorded, so that a recording has nothing it cannot
//! be run from.

use crate::book::PRICE_LIMIT;
use crate::events::feed::{TIME_LIMIT, Unfit, check};
use crate::exchange::{Event, QUANTITY_LIMIT, Report};
use crate::fixed::Overflow;
use crate::tape::Columns;
use std::fmt;

/// Rows of one message, at most.
pub const MAX_ROWS: usize = 65_536;

/// What whoever runs a session may ask of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Command {
    /// Take every order back and send no more; the strategy goes on being asked.
    Halt = 0,
    /// Take every order back and close what is held at the market; the strategy is asked no more.
    Flatten = 1,
    /// End the session here, whatever is open.
    Stop = 2,
}

impl Command {
    /// Every command, in the order of its number.
    pub const ALL: [Self; 3] = [Self::Halt, Self::Flatten, Self::Stop];
}

/// Something the trader came to have.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// The session begins.
    Start,
    /// One message of the market: rows of one sequence and one exchange time. Their local times are not looked at.
    Message {
        /// About which instrument.
        instrument: u32,
        /// What it says.
        rows: Columns<'a>,
    },
    /// An answer of the exchange.
    Report {
        /// About which instrument.
        instrument: u32,
        /// What it says.
        report: Report,
    },
    /// The time has come that the strategy asked to be woken at.
    Timer,
    /// A period ended.
    Period,
    /// What whoever runs the session asks.
    Command(Command),
}

/// Why an input was not taken. Nothing was changed or recorded, but for [`Refusal::Overflow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The first input must be the start.
    NotStarted,
    /// It has begun already.
    Started,
    /// It is over.
    Over,
    /// The time is before the epoch or beyond the range of numbers.
    Time(i64),
    /// There is no such instrument: its number, and how many there are.
    Instrument(u32, usize),
    /// A message has no rows, or too many.
    Rows(usize),
    /// A row of a message cannot be.
    Row(Unfit),
    /// The rows are of more than one message.
    Messages,
    /// A report tells what an exchange does not.
    Report(&'static str),
    /// No timer is due: it is so at this time, where there is one.
    Timer(Option<i64>),
    /// No period ends: one does at this time, where there are any.
    Period(Option<i64>),
    /// An amount passed what is allowed. The input is recorded, and the session over.
    Overflow(Overflow),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotStarted => formatter.write_str("the session has not begun; start it first"),
            Self::Started => formatter.write_str("the session has begun already; start it once"),
            Self::Over => formatter.write_str("the session is over; open another"),
            Self::Time(time) => write!(formatter, "the time {time} is not from 0 to below 2^62; give nanoseconds"),
            Self::Instrument(number, known) => {
                write!(formatter, "there is no instrument {number}; there are {known}, counted from 0")
            }
            Self::Rows(rows) => write!(formatter, "a message has {rows} rows; give from 1 to {MAX_ROWS}"),
            Self::Row(unfit) => write!(formatter, "{unfit}; correct the message"),
            Self::Messages => {
                formatter.write_str("the rows have several sequences or exchange times; give each message by itself")
            }
            Self::Report(field) => write!(formatter, "the report's {field} is none an exchange gives; correct it"),
            Self::Timer(None) => formatter.write_str("no timer was asked for; look at the next timer first"),
            Self::Timer(Some(time)) => write!(formatter, "the timer is due at {time}; wait for it"),
            Self::Period(None) => formatter.write_str("the session has no periods; give it a length of them"),
            Self::Period(Some(time)) => write!(formatter, "the period ends at {time}; wait for it"),
            Self::Overflow(overflow) => write!(formatter, "{overflow}; the session is over"),
        }
    }
}

impl std::error::Error for Refusal {}

/// Checks what an input says by itself, in a session of so many instruments.
pub(super) fn check_input(time: i64, input: &Input<'_>, instruments: usize) -> Result<(), Refusal> {
    if !(0..TIME_LIMIT).contains(&time) {
        return Err(Refusal::Time(time));
    }
    let known = |instrument: u32| {
        let there = (instrument as usize) < instruments;
        if there { Ok(()) } else { Err(Refusal::Instrument(instrument, instruments)) }
    };
    match input {
        Input::Message { instrument, rows } => known(*instrument).and_then(|()| check_message(rows)),
        Input::Report { instrument, report } => known(*instrument).and_then(|()| check_report(report)),
        Input::Start | Input::Timer | Input::Period | Input::Command(_) => Ok(()),
    }
}

fn check_message(rows: &Columns<'_>) -> Result<(), Refusal> {
    if !(1..=MAX_ROWS).contains(&rows.len()) {
        return Err(Refusal::Rows(rows.len()));
    }
    rows.check().map_err(|fault| Refusal::Row(Unfit::Fault(fault)))?;
    check(rows).map_err(Refusal::Row)?;
    let same = rows.sequence.iter().all(|&sequence| sequence == rows.sequence[0])
        && rows.exchange_time.iter().all(|&time| time == rows.exchange_time[0]);
    if same { Ok(()) } else { Err(Refusal::Messages) }
}

/// What an exchange refuses or denies may have any numbers, as the request had.
fn check_report(report: &Report) -> Result<(), Refusal> {
    let fail = |field, good: bool| if good { Ok(()) } else { Err(Refusal::Report(field)) };
    fail("exchange time", (0..TIME_LIMIT).contains(&report.exchange_time))?;
    fail("event", (Event::Hold as u8..=Event::Deny as u8).contains(&(report.event as u8)))?;
    if matches!(report.event, Event::Refuse | Event::Deny) {
        return Ok(());
    }
    let traded = matches!(report.event, Event::Trade | Event::Fill);
    fail("price", report.price.unsigned_abs() < PRICE_LIMIT.unsigned_abs())?;
    fail("quantity", (i64::from(traded)..QUANTITY_LIMIT).contains(&report.quantity))?;
    fail("rest", (0..QUANTITY_LIMIT).contains(&report.left))
}
