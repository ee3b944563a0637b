//! Feeding a recording's inputs to a fresh session: a replay, and what a restart does, are the same thing.
//!
//! What the session writes while it is fed must be, byte for byte, what was recorded. So every decision, every row of
//! the log, the random numbers and the digests are compared, and the first field that differs is named.

use super::journal::{Damage, Difference, Frames, Header, Journal, Record, difference_of, read};
use super::session::{Refusal, Session};
use super::strategy::Strategy;

/// A session that was fed a recording.
#[derive(Debug, Clone)]
pub struct Replayed<S> {
    /// As it is after the last input, or after the one where it differed. What it wrote that the recording lacks, as a
    /// crash came first, is in its journal: it belongs after the recording's whole records. The requests that it says
    /// are those of an input whose record was not whole, which so were never sent.
    pub session: Session<S>,
    /// Bytes of the recording's header and whole records.
    pub whole: usize,
    /// Whether a crash tore off what came after.
    pub torn: bool,
    /// The first thing that it did otherwise; `None` where it did the same.
    pub difference: Option<Difference>,
}

/// Feeds a recording to a session made by `begin` from its header: the same strategy, setups and limits give the same
/// decisions, and the session can go on from there.
///
/// # Errors
/// [`Damage`] naming the record that was altered.
pub fn replay<S: Strategy>(recording: &[u8], begin: impl FnOnce(&Header) -> Session<S>) -> Result<Replayed<S>, Damage> {
    let journal = Journal::read(recording)?;
    let mut session = begin(&journal.header);
    session.forget_journal(session.journal().len());
    let mut course = Course { session, matched: 0, number: 0, input: 0 };
    let mut difference = None;
    for frame in journal.frames() {
        let frame = frame?;
        difference = course.follow(frame.bytes, frame.number, &read(&frame)?)?;
        if difference.is_some() {
            break;
        }
    }
    let Course { mut session, matched, .. } = course;
    if matched == session.journal().len() {
        session.drop_requests();
    }
    session.forget_journal(matched);
    Ok(Replayed { session, whole: journal.whole, torn: journal.torn, difference })
}

/// A session on its way through a recording.
struct Course<S> {
    session: Session<S>,
    /// Bytes of the session's journal that were found in the recording.
    matched: usize,
    /// Record and input that were read last.
    number: u64,
    input: u64,
}

impl<S: Strategy> Course<S> {
    /// Goes on by a record; gives what differs.
    fn follow(&mut self, bytes: &[u8], number: u64, record: &Record) -> Result<Option<Difference>, Damage> {
        self.number = number;
        if let Record::Input(recorded) = record {
            if let Some(difference) = self.differ(record)? {
                return Ok(Some(difference)); // by what the recording does not have
            }
            self.session.forget_journal(self.matched);
            self.session.drop_requests();
            self.matched = 0;
            self.input += 1;
            match self.session.feed(recorded.time, &recorded.input()) {
                Ok(()) | Err(Refusal::Overflow(_)) => {}
                Err(refusal) => return Ok(Some(self.refused(&refusal))),
            }
        }
        if self.session.journal()[self.matched..].starts_with(bytes) {
            self.matched += bytes.len();
            return Ok(None);
        }
        let written = self.written()?;
        Ok(difference_of(Some(record), written.as_ref(), (number, self.input)))
    }

    /// What the session wrote that was not found so far, beside what the recording has in its place.
    fn differ(&self, record: &Record) -> Result<Option<Difference>, Damage> {
        let written = self.written()?;
        Ok(written.and_then(|written| difference_of(Some(record), Some(&written), (self.number, self.input))))
    }

    fn written(&self) -> Result<Option<Record>, Damage> {
        let mut frames = Frames::after(self.session.journal(), self.matched, self.number - 1);
        frames.next().map(|frame| frame.and_then(|frame| read(&frame))).transpose()
    }

    fn refused(&self, refusal: &Refusal) -> Difference {
        Difference {
            record: self.number,
            input: self.input,
            field: "input".into(),
            expected: "taken".into(),
            got: format!("refused: {refusal}"),
        }
    }
}
