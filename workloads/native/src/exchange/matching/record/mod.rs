//! The recorded input order of an exchange: each input with its number and time, and what it led to.
//!
//! `docs/simulated-exchange.md` states the form. An input and its outcomes are one frame, so that of a crash while it is
//! written nothing is left but a torn end, which is told apart from a record that was altered.

mod fields;

use super::{Input, Outcome};
use crate::recording::{self, Altered, Cursor, Found, Malformed};
use std::fmt;

/// Version of the form.
pub const VERSION: u32 = 1;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 48;

/// What every record begins with. The line ends are there to be damaged by what takes the file for text.
const MAGIC: [u8; 8] = *b"TPEXC\r\n\0";

/// Outcomes of one input, at most: more orders than an exchange holds cannot each have so many.
const MAX_OUTCOMES: usize = 1 << 14;

/// Assets of an account, at most.
const MAX_ASSETS: usize = 1 << 10;

/// Bytes of the name of an account, and of its name for an order, at most.
pub const MAX_NAME: usize = 64;

/// Why a record cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends within its header.
    Short,
    /// It is something else.
    NoRecord,
    /// It is of a version this code does not read.
    Version(u32),
    /// It is of an exchange with another market or other terms.
    OtherMarket,
    /// An input is not what was written: its number; 0 for the header.
    Altered(u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => formatter.write_str("it ends within its header; nothing was recorded, so start it anew"),
            Self::NoRecord => {
                formatter.write_str("it is no record of an exchange; give the file that an exchange wrote")
            }
            Self::Version(version) => {
                write!(formatter, "it is of version {version} and this reads {VERSION}; use the release that wrote it")
            }
            Self::OtherMarket => {
                formatter.write_str("it is of another market or other terms; give the specification it was made with")
            }
            Self::Altered(0) => formatter.write_str("its header was altered; restore it from a copy"),
            Self::Altered(input) => write!(formatter, "input {input} was altered; restore it from a copy"),
        }
    }
}

impl std::error::Error for Damage {}

/// An input as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 1.
    pub number: u64,
    /// The exchange's clock.
    pub time: i64,
    /// The input.
    pub input: Input,
    /// What it led to.
    pub outcomes: Vec<Outcome>,
}

/// The header of a record of an exchange whose market and terms have this SHA-256.
#[must_use]
pub fn header(market: &[u8; 32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES);
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(market);
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    bytes
}

/// Appends an input and its outcomes.
pub fn append(bytes: &mut Vec<u8>, number: u64, time: i64, input: &Input, outcomes: &[Outcome]) {
    recording::append(bytes, number, fields::tag(input), |payload| {
        payload.extend(time.to_le_bytes());
        fields::write_input(payload, input);
        payload.extend((outcomes.len() as u32).to_le_bytes());
        for outcome in outcomes {
            fields::write_outcome(payload, outcome);
        }
    });
}

/// Reads a record step by step, up to a torn end.
#[derive(Debug)]
pub struct Steps<'a> {
    bytes: &'a [u8],
    whole: usize,
    number: u64,
    time: i64,
    over: bool,
}

impl<'a> Steps<'a> {
    /// Begins to read the record of an exchange whose market and terms have this SHA-256.
    ///
    /// # Errors
    /// [`Damage`] of the header.
    pub fn new(bytes: &'a [u8], market: &[u8; 32]) -> Result<Self, Damage> {
        let Some(given) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(Damage::Short);
        };
        if !given.starts_with(&MAGIC) {
            return Err(Damage::NoRecord);
        }
        let mut cursor = Cursor::new(&given[MAGIC.len()..]);
        let version = cursor.u32().map_err(|Malformed| Damage::Short)?;
        if version != VERSION {
            return Err(Damage::Version(version));
        }
        let of: [u8; 32] = cursor.array().map_err(|Malformed| Damage::Short)?;
        if header(&of) != given {
            return Err(Damage::Altered(0));
        }
        if of != *market {
            return Err(Damage::OtherMarket);
        }
        Ok(Self { bytes, whole: HEADER_BYTES, number: 0, time: i64::MIN, over: false })
    }

    /// How many bytes were read whole; what comes after them when there is no further step is a torn end.
    #[must_use]
    pub fn whole(&self) -> usize {
        self.whole
    }

    fn step(&mut self) -> Result<Option<Step>, Damage> {
        let number = self.number + 1;
        let found = recording::next(&self.bytes[self.whole..], number).map_err(|Altered| Damage::Altered(number))?;
        let Found::Whole { tag, payload, bytes } = found else {
            return Ok(None);
        };
        let step = read_step(number, tag, payload).map_err(|Malformed| Damage::Altered(number))?;
        if step.time < self.time {
            return Err(Damage::Altered(number));
        }
        self.whole += bytes.len();
        (self.number, self.time) = (number, step.time);
        Ok(Some(step))
    }
}

impl Iterator for Steps<'_> {
    type Item = Result<Step, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step().transpose();
        self.over = !matches!(step, Some(Ok(_)));
        step
    }
}

fn read_step(number: u64, tag: u8, payload: &[u8]) -> Result<Step, Malformed> {
    let mut cursor = Cursor::new(payload);
    let time = cursor.i64()?;
    let input = fields::read_input(tag, &mut cursor)?;
    let count = cursor.u32()? as usize;
    if count > MAX_OUTCOMES {
        return Err(Malformed);
    }
    let outcomes = (0..count).map(|_| fields::read_outcome(&mut cursor)).collect::<Result<Vec<_>, Malformed>>()?;
    cursor.end()?;
    Ok(Step { number, time, input, outcomes })
}
