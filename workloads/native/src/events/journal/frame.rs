//! A record's frame: how long it is, which it is, and what tells that it is whole.
//!
//! The head has a checksum of its own, so that a length can be believed before what it measures is there: only so is a
//! record whose end is missing known to be torn rather than altered.

use std::fmt;

/// Bytes of a record's payload, at most.
pub const MAX_PAYLOAD: usize = 1 << 22;

/// Length, number, kind and checksum.
pub(super) const HEAD_BYTES: usize = 4 + 8 + 1 + 4;

/// Checksum of the payload.
const TAIL_BYTES: usize = 4;

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
///
/// Torn is what ends early, and what from a checksum on is zeros: a file is made longer before it has its content.
pub(super) fn next(bytes: &[u8], number: u64) -> Result<Found<'_>, Damage> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(Found::Torn);
    };
    let altered = |checksum: &[u8]| {
        let blank = checksum.iter().all(|&byte| byte == 0);
        if blank { Ok(Found::Torn) } else { Err(Damage::Altered(number)) }
    };
    let (fields, sum) = head.split_at(HEAD_BYTES - 4);
    let checksum = crc32c::crc32c(fields);
    if word(sum) != checksum {
        return altered(&bytes[HEAD_BYTES - 4..]);
    }
    let length = word(&fields[..4]) as usize;
    let counted = fields[4..12] == number.to_le_bytes();
    let (true, true, Some(&tag)) = (counted, length <= MAX_PAYLOAD, Tag::ALL.get(usize::from(fields[12]))) else {
        return Err(Damage::Altered(number));
    };
    let Some(sum) = rest.get(length..length + TAIL_BYTES) else {
        return Ok(Found::Torn);
    };
    let payload = &rest[..length];
    if word(sum) != crc32c::crc32c_append(checksum, payload) {
        return altered(&rest[length..]);
    }
    Ok(Found::Whole(Frame { number, tag, payload, bytes: &bytes[..HEAD_BYTES + length + TAIL_BYTES] }))
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

/// Appends a record whose payload `write` appends; gives where in `bytes` the payload is.
pub(super) fn append(
    bytes: &mut Vec<u8>,
    number: u64,
    tag: Tag,
    write: impl FnOnce(&mut Vec<u8>),
) -> std::ops::Range<usize> {
    let start = bytes.len();
    bytes.extend([0; HEAD_BYTES]);
    write(bytes);
    let payload = start + HEAD_BYTES..bytes.len();
    let head = &mut bytes[start..payload.start];
    head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[4..12].copy_from_slice(&number.to_le_bytes());
    head[12] = tag as u8;
    let sum = crc32c::crc32c(&head[..HEAD_BYTES - 4]);
    head[HEAD_BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &bytes[payload.clone()]);
    bytes.extend(sum.to_le_bytes());
    payload
}
