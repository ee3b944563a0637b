//! Messages as they come from a feed: which of them a recording can hold, and whether a book was lost by them.
//!
//! One message that cannot be read would have a whole recording refused later, so what a reader would refuse is found
//! here, while it can still be left out by itself.

use std::collections::BTreeMap;

use super::super::form::BOUND;
use super::super::lines::LONGEST_LINE;
use super::instrument::Updates;
use super::message::{Field, Fields, Level, Message};
use super::reader::EARLIEST;
use super::said::{Said, exchange_time, said};

/// Bytes of a line that are not the message: the time, the space, the end.
const AROUND: usize = 64;

/// Why a message is kept out of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named for what they are")]
pub enum KeptOut {
    TooLong,
    NotText,
    NotJson,
    Field,
    Symbol,
    Untold,
    Clock,
}

impl KeptOut {
    /// All reasons, in the order in which they are counted.
    pub const ALL: [Self; 7] =
        [Self::TooLong, Self::NotText, Self::NotJson, Self::Field, Self::Symbol, Self::Untold, Self::Clock];

    /// The name it is counted by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooLong => "tooLong",
            Self::NotText => "notText",
            Self::NotJson => "notJson",
            Self::Field => "field",
            Self::Symbol => "symbol",
            Self::Untold => "untold",
            Self::Clock => "clock",
        }
    }
}

/// How far the book of an instrument is known; what a reader of the recording will find, without the levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Course {
    /// No message of it came yet.
    None,
    /// Levels are missing; the first message since the last gap and the last update.
    Blind(Option<(Updates, u64)>),
    Known(u64),
}

impl Course {
    /// Goes on with changes of the book, and says whether it was lost by them.
    fn depth(&mut self, updates: Updates) -> bool {
        let (lost, next) = match *self {
            Self::None => (true, Self::Blind(Some((updates, updates.last)))),
            Self::Known(last) if updates.last <= last => (false, *self),
            Self::Known(last) if updates.follow(last) => (false, Self::Known(updates.last)),
            Self::Known(_) | Self::Blind(None) => {
                (matches!(self, Self::Known(_)), Self::Blind(Some((updates, updates.last))))
            }
            Self::Blind(Some((_, last))) if updates.last <= last => (false, *self),
            Self::Blind(Some((first, last))) if updates.follow(last) => {
                (false, Self::Blind(Some((first, updates.last))))
            }
            Self::Blind(Some(_)) => (true, Self::Blind(Some((updates, updates.last)))),
        };
        *self = next;
        lost
    }

    /// Goes on with a snapshot of the book, which joins or is left out.
    fn snapshot(&mut self, update: u64) {
        *self = match *self {
            Self::None | Self::Blind(None) => Self::Known(update),
            Self::Known(last) => Self::Known(last.max(update)),
            Self::Blind(Some((first, last))) if first.last <= update || first.follow(update) => {
                Self::Known(last.max(update))
            }
            blind @ Self::Blind(Some(_)) => blind,
        };
    }
}

/// What was found of a message that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Which of the instruments it is about.
    pub instrument: usize,
    /// Whether it says so itself.
    pub named: bool,
    /// Whether their book was lost by it: another snapshot is needed.
    pub lost: bool,
}

/// What looks at the messages of a feed.
#[derive(Debug)]
pub struct Intake {
    places: BTreeMap<Box<[u8]>, usize>,
    courses: Vec<Course>,
    longest: usize,
    levels: Vec<Level>,
}

impl Intake {
    /// An intake of these instruments, of messages of at most so many bytes.
    #[must_use]
    pub fn new(symbols: &[String], longest: usize) -> Self {
        let places = symbols.iter().enumerate().map(|(place, symbol)| (symbol.as_bytes().into(), place)).collect();
        Self {
            places,
            courses: vec![Course::None; symbols.len()],
            longest: longest.min(LONGEST_LINE - AROUND),
            levels: Vec::new(),
        }
    }

    /// Looks at a message that came at a local time; it names its instrument, or `of` does.
    ///
    /// # Errors
    /// Why no recording can hold it.
    pub fn look(&mut self, time: i64, message: &[u8], of: Option<usize>) -> Result<Kept, KeptOut> {
        if !(EARLIEST..BOUND).contains(&time) {
            return Err(KeptOut::Clock);
        }
        if message.len() > self.longest {
            return Err(KeptOut::TooLong);
        }
        let text = std::str::from_utf8(message).map_err(|_| KeptOut::NotText)?;
        let mut parsed = Message::default();
        parsed.read(text.as_bytes(), &mut self.levels).map_err(|_| KeptOut::NotJson)?;
        exchange_time(&parsed).map_err(|_| KeptOut::Field)?;
        let said = said(&parsed, &self.levels).map_err(|_| KeptOut::Field)?;
        let symbol = if matches!(said, Said::Snapshot { .. }) { Field::SnapshotSymbol } else { Field::Symbol };
        let named =
            parsed.text(symbol).map(|symbol| self.places.get(symbol).copied().ok_or(KeptOut::Symbol)).transpose()?;
        if let (Some(named), Some(of)) = (named, of)
            && named != of
        {
            return Err(KeptOut::Symbol);
        }
        let instrument = named.or(of).ok_or(KeptOut::Untold)?;
        let course = &mut self.courses[instrument];
        let lost = match said {
            Said::Nothing => return Err(KeptOut::Untold),
            Said::Depth(updates, ..) => course.depth(updates),
            Said::Snapshot { update, .. } => {
                course.snapshot(update);
                false
            }
            Said::FeedLost | Said::CarriedTrade(..) | Said::CarriedBook(..) => return Err(KeptOut::Untold),
            Said::FewLevels | Said::Trade { .. } | Said::Quotes(..) => false,
        };
        Ok(Kept { instrument, named: named.is_some(), lost })
    }

    /// Notes that there was no feed: no book is known any more.
    pub fn lose_all(&mut self) {
        self.courses.fill(Course::Blind(None));
    }

    /// Notes that a recording ends and another begins: what is known of no book only the former has.
    pub fn cut(&mut self) {
        for course in &mut self.courses {
            if let Course::Blind(Some((first, last))) = course {
                *first = Updates::until(*last);
            }
        }
    }

    /// Whether the book of an instrument is known.
    #[must_use]
    pub fn knows(&self, instrument: usize) -> bool {
        matches!(self.courses[instrument], Course::Known(_))
    }
}

#[cfg(test)]
mod tests;
