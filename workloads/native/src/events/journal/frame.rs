//! A journal's records: what each is, and why one cannot be read.

use crate::recording;
use std::fmt;

/// Bytes of a record's payload, at most.
pub const MAX_PAYLOAD: usize = recording::MAX_PAYLOAD;

/// Why a journal cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// It ends within its header.
    Short,
    /// It is something else.
    NoJournal,
    /// It is of a version this code does not read.
    Version(u32),
    /// A record is not what was written: its number; 0 for the header.
    Altered(u64),
}

impl fmt::Display for Damage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => formatter.write_str("it ends within its header; nothing was recorded, so start it anew"),
            Self::NoJournal => formatter.write_str("it is no session journal; give the file that a session wrote"),
            Self::Version(version) => write!(
                formatter,
                "it is of version {version} and this reads version {}; use the release that wrote it",
                super::VERSION
            ),
            Self::Altered(0) => formatter.write_str("its header was altered; restore it from a copy"),
            Self::Altered(record) => write!(formatter, "record {record} was altered; restore it from a copy"),
        }
    }
}

impl std::error::Error for Damage {}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::events) enum Tag {
    Start = 0,
    Message = 1,
    Report = 2,
    Timer = 3,
    Period = 4,
    Command = 5,
    Outcome = 6,
    Seal = 7,
}

impl Tag {
    pub const ALL: [Self; 8] =
        [Self::Start, Self::Message, Self::Report, Self::Timer, Self::Period, Self::Command, Self::Outcome, Self::Seal];

    pub fn is_input(self) -> bool {
        !matches!(self, Self::Outcome | Self::Seal)
    }
}

/// A whole record.
#[derive(Debug, Clone, Copy)]
pub(in crate::events) struct Frame<'a> {
    pub number: u64,
    pub tag: Tag,
    pub payload: &'a [u8],
    /// All of it.
    pub bytes: &'a [u8],
}

/// What is at a place where a record should be.
pub(super) enum Found<'a> {
    Whole(Frame<'a>),
    /// The beginning of a record, or nothing.
    Torn,
}

/// The record a journal goes on with, which must have this number.
pub(super) fn next(bytes: &[u8], number: u64) -> Result<Found<'_>, Damage> {
    match recording::next(bytes, number).map_err(|recording::Altered| Damage::Altered(number))? {
        recording::Found::Torn => Ok(Found::Torn),
        recording::Found::Whole { tag, payload, bytes } => {
            let tag = *Tag::ALL.get(usize::from(tag)).ok_or(Damage::Altered(number))?;
            Ok(Found::Whole(Frame { number, tag, payload, bytes }))
        }
    }
}

/// Appends a record whose payload `write` appends; gives where in `bytes` the payload is.
pub(super) fn append(
    bytes: &mut Vec<u8>,
    number: u64,
    tag: Tag,
    write: impl FnOnce(&mut Vec<u8>),
) -> std::ops::Range<usize> {
    recording::append(bytes, number, tag as u8, write)
}
