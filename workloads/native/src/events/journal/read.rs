//! A journal as it is read: record after record, as far as they are whole.

use super::frame::{Damage, Found, Frame, next};
use super::header::{HEADER_BYTES, Header};
use super::record::{Record, decode};

/// A journal whose records were all looked at.
#[derive(Debug, Clone, Copy)]
pub struct Journal<'a> {
    /// What it begins with.
    pub header: Header,
    /// Number of whole records.
    pub records: u64,
    /// Number of inputs among them.
    pub inputs: u64,
    /// Bytes of the header and the whole records. What comes after was torn off by a crash.
    pub whole: usize,
    /// Whether something does come after.
    pub torn: bool,
    pub(super) bytes: &'a [u8],
}

impl<'a> Journal<'a> {
    /// Looks at all records.
    ///
    /// # Errors
    /// [`Damage`] naming the first record that was altered. A torn end is none.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Damage> {
        let header = Header::decode(bytes)?;
        let mut frames = Frames::of(bytes);
        let mut inputs = 0;
        for frame in frames.by_ref() {
            inputs += u64::from(frame?.tag.is_input());
        }
        let (records, whole) = (frames.number, frames.place);
        Ok(Self { header, records, inputs, whole, torn: whole < bytes.len(), bytes: &bytes[..whole] })
    }

    /// The records, one after the other, each with its number.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records(self.frames())
    }

    pub(in crate::events) fn frames(&self) -> Frames<'a> {
        Frames::of(self.bytes)
    }
}

/// The records of a journal, each with its number.
#[derive(Debug, Clone)]
pub struct Records<'a>(Frames<'a>);

impl Iterator for Records<'_> {
    type Item = Result<(u64, Record), Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        let frame = self.0.next()?;
        Some(frame.and_then(|frame| read(&frame).map(|record| (frame.number, record))))
    }
}

/// What a whole record says. One that says nothing was not written by a session.
pub(in crate::events) fn read(frame: &Frame<'_>) -> Result<Record, Damage> {
    decode(frame).map_err(|_| Damage::Altered(frame.number))
}

/// The whole records of a journal.
#[derive(Debug, Clone)]
pub(in crate::events) struct Frames<'a> {
    bytes: &'a [u8],
    /// Where the next one begins.
    pub place: usize,
    /// Of the last one.
    pub number: u64,
}

impl<'a> Frames<'a> {
    /// Those of a journal that has a header.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, place: HEADER_BYTES, number: 0 }
    }

    /// Those from a place on, after a number of others.
    pub fn after(bytes: &'a [u8], place: usize, number: u64) -> Self {
        Self { bytes, place, number }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match next(&self.bytes[self.place..], self.number + 1) {
            Ok(Found::Whole(frame)) => {
                self.place += frame.bytes.len();
                self.number = frame.number;
                Some(Ok(frame))
            }
            Ok(Found::Torn) => None,
            Err(damage) => {
                self.bytes = &self.bytes[..self.place]; // nothing can be read from here on
                Some(Err(damage))
            }
        }
    }
}
