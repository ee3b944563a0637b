//! The columns of a tape in memory.

use std::fmt;

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A side of the book (both for [`Side::None`]) is empty from here on; a snapshot's levels follow.
    Clear = 0,
    /// One price level of a snapshot of the book: the quantity there.
    Snapshot = 1,
    /// One price level changed: the quantity there now, 0 where the level is gone.
    Level = 2,
    /// A trade; the side is the aggressor's.
    Trade = 3,
    /// The best level of a side, as a feed of best quotes says it: the quantity there, 0 where the side is empty.
    Quote = 4,
    /// An order joined the book.
    Add = 5,
    /// An order has a new price or quantity.
    Modify = 6,
    /// An order, or the part of it in `quantity`, left the book without a trade.
    Cancel = 7,
    /// A resting order traded `quantity`.
    Execute = 8,
    /// Messages were lost before this row; `quantity` is how many, 0 where nobody knows.
    Gap = 9,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::Clear,
        Self::Snapshot,
        Self::Level,
        Self::Trade,
        Self::Quote,
        Self::Add,
        Self::Modify,
        Self::Cancel,
        Self::Execute,
        Self::Gap,
    ];

    /// The kind of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which side of the book a row is about; for a trade, which side took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Side {
    /// Neither, or nobody said.
    None = 0,
    /// Those who buy.
    Bid = 1,
    /// Those who sell.
    Ask = 2,
}

impl Side {
    /// The side of a number.
    #[must_use]
    pub fn of(number: u8) -> Option<Self> {
        [Self::None, Self::Bid, Self::Ask].get(usize::from(number)).copied()
    }
}

/// Why columns are no tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A column has another length than `sequence`.
    Length(&'static str),
    /// A row's kind has no meaning here.
    Kind(usize),
    /// A row's side has no meaning here.
    Side(usize),
    /// A row's sequence is below that of the row before.
    Sequence(usize),
    /// A row's quantity is below zero.
    Quantity(usize),
    /// A value of a column is too large to be stored: beyond 62 bits.
    Range(&'static str, usize),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(column) => write!(formatter, "the column {column} has another length than sequence"),
            Self::Kind(row) => write!(formatter, "row {row}: its kind is not known"),
            Self::Side(row) => write!(formatter, "row {row}: its side is not 0, 1 or 2"),
            Self::Sequence(row) => write!(formatter, "row {row}: its sequence is below that of the row before"),
            Self::Quantity(row) => write!(formatter, "row {row}: its quantity is below zero"),
            Self::Range(column, row) => write!(formatter, "row {row}: its {column} does not fit into 62 bits"),
        }
    }
}

impl std::error::Error for Fault {}

/// One instrument's rows of a recording, in the order they arrived.
///
/// `sequence` numbers the messages of the whole recording as they arrived, so rows of one message share it, and rows of
/// several instruments recorded together are merged by it. `exchange_time` and `local_time` are nanoseconds since the
/// Unix epoch, by the venue's clock and by the recorder's. `kind` and `side` hold [`Kind`] and [`Side`]. `price` is in
/// ticks, `quantity` in lots. `order` names the order of a row about one, and is empty for a tape without such rows.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "described together")]
pub struct Columns<'a> {
    pub sequence: &'a [u64],
    pub exchange_time: &'a [i64],
    pub local_time: &'a [i64],
    pub kind: &'a [u8],
    pub side: &'a [u8],
    pub price: &'a [i64],
    pub quantity: &'a [i64],
    pub order: &'a [u64],
}

impl Columns<'_> {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sequence.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequence.is_empty()
    }

    /// Checks that the columns are a tape, so that what reads them need not.
    ///
    /// # Errors
    /// [`Fault`] naming the first column or row that is wrong.
    pub fn check(&self) -> Result<(), Fault> {
        let lengths = [
            ("exchange_time", self.exchange_time.len()),
            ("local_time", self.local_time.len()),
            ("kind", self.kind.len()),
            ("side", self.side.len()),
            ("price", self.price.len()),
            ("quantity", self.quantity.len()),
            ("order", if self.order.is_empty() { self.len() } else { self.order.len() }),
        ];
        if let Some((column, _)) = lengths.iter().find(|(_, length)| *length != self.len()) {
            return Err(Fault::Length(column));
        }
        let kinds = self.kind.iter().position(|&kind| Kind::of(kind).is_none());
        let sides = self.side.iter().position(|&side| Side::of(side).is_none());
        let descents = self.sequence.windows(2).position(|pair| pair[1] < pair[0]).map(|row| row + 1);
        let negatives = self.quantity.iter().position(|&quantity| quantity < 0);
        let first = [
            kinds.map(|row| (row, Fault::Kind(row))),
            sides.map(|row| (row, Fault::Side(row))),
            descents.map(|row| (row, Fault::Sequence(row))),
            negatives.map(|row| (row, Fault::Quantity(row))),
        ];
        first.into_iter().flatten().min_by_key(|(row, _)| *row).map_or(Ok(()), |(_, fault)| Err(fault))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns<'a>(sequence: &'a [u64], numbers: &'a [i64], kind: &'a [u8], side: &'a [u8]) -> Columns<'a> {
        Columns {
            sequence,
            exchange_time: numbers,
            local_time: numbers,
            kind,
            side,
            price: numbers,
            quantity: numbers,
            order: &[],
        }
    }

    #[test]
    fn numbers_and_kinds_are_one_to_one() {
        for (number, kind) in (0u8..).zip(Kind::ALL) {
            assert_eq!(kind as u8, number);
            assert_eq!(Kind::of(number), Some(kind));
        }
        assert_eq!(Kind::of(10), None);
        assert_eq!(Side::of(3), None);
    }

    #[test]
    fn rows_of_one_message_may_share_a_sequence() {
        assert_eq!(columns(&[1, 1, 2], &[0, 5, 0], &[0, 2, 3], &[0, 1, 2]).check(), Ok(()));
        assert_eq!(columns(&[], &[], &[], &[]).check(), Ok(()));
    }

    #[test]
    fn the_first_fault_is_named() {
        assert_eq!(columns(&[1, 2], &[0], &[0, 0], &[0, 0]).check(), Err(Fault::Length("exchange_time")));
        assert_eq!(columns(&[1, 2], &[0, 0], &[0, 10], &[0, 0]).check(), Err(Fault::Kind(1)));
        assert_eq!(columns(&[1, 2], &[0, 0], &[0, 10], &[3, 0]).check(), Err(Fault::Side(0)));
        assert_eq!(columns(&[2, 1], &[0, 0], &[0, 0], &[0, 0]).check(), Err(Fault::Sequence(1)));
        assert_eq!(columns(&[1, 2], &[0, -1], &[0, 0], &[0, 0]).check(), Err(Fault::Quantity(1)));
    }

    #[test]
    fn an_order_column_is_for_every_row_or_none() {
        let (numbers, bytes) = ([0i64, 0], [0u8, 0]);
        let without = columns(&[1, 2], &numbers, &bytes, &bytes);
        assert_eq!(Columns { order: &[7], ..without }.check(), Err(Fault::Length("order")));
        assert_eq!(Columns { order: &[7, 8], ..without }.check(), Ok(()));
    }
}
