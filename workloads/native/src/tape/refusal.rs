//! Why a tape that was stored is refused, in words for whoever has to put it right.

use std::fmt;

/// Why planes are no encoding of a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are not the columns that a tape has.
    Columns,
    /// Planes, or the room for columns, have different lengths.
    Lengths,
    /// There are more or fewer rows than stated.
    Rows(usize),
    /// There are more or fewer messages than stated, or than rows begin.
    Messages(usize),
    /// A message that is that of the message before.
    Same(usize),
    /// A byte that is no kind and side, or a first row that begins no message.
    Event(usize),
    /// A first value or unit that no column has.
    Origin(&'static str),
    /// The first row differs from the first value.
    First(&'static str),
    /// More planes than the numbers need.
    Width(&'static str),
    /// A unit that is not the greatest.
    Unit(&'static str),
    /// A value is beyond the range.
    Range(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns => write!(formatter, "it does not have the columns of a tape"),
            Self::Lengths => write!(formatter, "its columns have different lengths"),
            Self::Rows(rows) => write!(formatter, "it has {rows} rows, not those that are stated"),
            Self::Messages(messages) => {
                write!(formatter, "it has {messages} messages, not those that are stated and that its rows begin")
            }
            Self::Same(message) => write!(formatter, "message {message}: it is the one before"),
            Self::Event(row) => write!(formatter, "row {row}: its event is none of a tape"),
            Self::Origin(column) => write!(formatter, "column {column}: no column has this first value or unit"),
            Self::First(column) => write!(formatter, "column {column}: the first row is not the first value"),
            Self::Width(column) => write!(formatter, "column {column}: it has more planes than it needs"),
            Self::Unit(column) => write!(formatter, "column {column}: its unit is not the greatest"),
            Self::Range(column) => write!(formatter, "column {column}: a value is out of range"),
        }
    }
}

impl std::error::Error for Refusal {}
