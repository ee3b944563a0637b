//! Where two recordings first differ, found without running anything.

use super::digests::Digests;
use super::fields::{difference_of, difference_of_headers};
use super::frame::{Damage, Frame, Tag};
use super::read::{Frames, Journal, read};
use super::record::{Record, Seal};
use std::fmt;

/// The first thing in which two recordings differ, or a recording and what is decided from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Number of the record; 0 for the header.
    pub record: u64,
    /// Number of the input it is, or that led to it, counted from 1; 0 for the header.
    pub input: u64,
    /// Which field of it.
    pub field: String,
    /// What was recorded, of two recordings in the first.
    pub expected: String,
    /// What is there instead.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { record, input, field, expected, got } = self;
        write!(formatter, "record {record}, of input {input}: {field} is {got}, and was to be {expected}")
    }
}

/// Where two recordings first differ; `None` where they say the same. Their names do not matter.
///
/// The seals hold digests of all that is before them: the first pair that differs is searched by halves, and only what
/// comes after the pair before it is compared. A seal that is not true of its own records ends the search.
///
/// # Errors
/// [`Damage`] naming the record that was altered, of either.
pub fn first_difference(expected: &[u8], got: &[u8]) -> Result<Option<Difference>, Damage> {
    let (expected, got) = (Journal::read(expected)?, Journal::read(got)?);
    if let Some(difference) = difference_of_headers(&expected.header, &got.header) {
        return Ok(Some(difference));
    }
    let (ours, theirs) = (true_seals(&expected)?, true_seals(&got)?);
    match same_seals(&ours, &theirs).checked_sub(1) {
        Some(last) => compare(
            Frames::after(expected.bytes, ours[last].place, ours[last].number),
            Frames::after(got.bytes, theirs[last].place, theirs[last].number),
            ours[last].seal.inputs,
        ),
        None => compare(expected.frames(), got.frames(), 0),
    }
}

/// A seal, and where what comes after it begins.
#[derive(Debug)]
struct Place {
    seal: Seal,
    number: u64,
    place: usize,
}

/// The seals, up to the first that is not true.
fn true_seals(journal: &Journal<'_>) -> Result<Vec<Place>, Damage> {
    let mut frames = journal.frames();
    let mut digests = Digests::default();
    let mut places = Vec::new();
    while let Some(frame) = frames.next() {
        let frame = frame?;
        digests.add(frame.tag, frame.payload);
        if frame.tag == Tag::Seal
            && let Record::Seal(seal) = read(&frame)?
        {
            if digests.values() != (seal.inputs_digest, seal.outcomes_digest) {
                break;
            }
            places.push(Place { seal, number: frame.number, place: frames.place });
        }
    }
    Ok(places)
}

/// How many seals are the same from the first on: once two differ, so do all after them.
fn same_seals(ours: &[Place], theirs: &[Place]) -> usize {
    let (mut same, mut differ) = (0, ours.len().min(theirs.len()));
    while same < differ {
        let middle = same + (differ - same) / 2;
        let (one, other) = (&ours[middle], &theirs[middle]);
        if one.seal == other.seal && one.number == other.number {
            same = middle + 1;
        } else {
            differ = middle;
        }
    }
    same
}

/// Goes through records that come after `input` inputs.
fn compare(mut expected: Frames<'_>, mut got: Frames<'_>, mut input: u64) -> Result<Option<Difference>, Damage> {
    loop {
        let (one, other) = (expected.next().transpose()?, got.next().transpose()?);
        let Some(first) = one.or(other) else {
            return Ok(None);
        };
        input += u64::from(first.tag.is_input());
        if one.map(|frame| frame.bytes) != other.map(|frame| frame.bytes) {
            let record = |frame: Option<Frame<'_>>| frame.map(|frame| read(&frame)).transpose();
            return Ok(difference_of(record(one)?.as_ref(), record(other)?.as_ref(), (first.number, input)));
        }
    }
}
