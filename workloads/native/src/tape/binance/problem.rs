//! What can be wrong with a recording, in words for whoever has it.

use std::fmt;

use super::super::lines::Broken;

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "said by Display")]
pub enum Problem {
    Broken(Broken),
    Time,
    Text,
    Json(usize),
    Field(&'static str),
    Number(&'static str),
    Symbol,
    Instruments(usize),
    Unnamed,
    Waiting,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(Broken::Compression(_, error)) => {
                write!(
                    formatter,
                    "what follows cannot be expanded ({error}); it was cut short or damaged: copy it again"
                )
            }
            Self::Broken(Broken::Long(_)) => write!(formatter, "is too long for a message; give a recording of lines"),
            Self::Broken(Broken::Large(limit)) => {
                write!(formatter, "it expands to more than {limit} bytes; split it, or raise the limit")
            }
            Self::Time => write!(
                formatter,
                "does not begin with a local time in nanoseconds since 1970 and a space; give lines such as \
                 1723161255030314667 {{\"stream\":...}}"
            ),
            Self::Text => write!(formatter, "is not UTF-8 text; correct the line, or take it out"),
            Self::Json(place) => write!(
                formatter,
                "the message is not JSON that can be used, from its byte {place} on; correct the line, or take it out"
            ),
            Self::Field(field) => {
                write!(formatter, "the message has no {field} that can be used; correct the line, or take it out")
            }
            Self::Number(field) => write!(
                formatter,
                "the {field} does not fit into 62 bits beside the others of its instrument; take the line out"
            ),
            Self::Symbol => write!(formatter, "the symbol is not 1 to 64 characters; correct the line, or take it out"),
            Self::Instruments(most) => {
                write!(formatter, "is about more than {most} instruments with those before; split the recording")
            }
            Self::Unnamed => write!(
                formatter,
                "the snapshot of the book names no symbol, and there are several instruments; say whose it is"
            ),
            Self::Waiting => write!(
                formatter,
                "is a snapshot of the book, and nothing until then tells of which instrument; say whose it is"
            ),
        }
    }
}

/// Why a recording is refused: the line, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line, from 1; none where it is about the whole.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: Problem,
}

impl From<Broken> for Refused {
    fn from(broken: Broken) -> Self {
        let line = match &broken {
            Broken::Compression(lines, _) => Some(lines + 1),
            Broken::Long(line) => Some(*line),
            Broken::Large(_) => None,
        };
        Self { line, problem: Problem::Broken(broken) }
    }
}
