//! How each column of a tape is stored; `docs/formats/tape.md` states it for people.

/// Bound of sequences, times, prices and quantities, so that a difference of two never leaves 64 bits.
pub const BOUND: i64 = 1 << 62;

/// What the stored numbers of a column are, row by row, or message by message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Differences to the one before, none below zero.
    Ascending,
    /// Differences to the one before, folded by zigzag.
    Walk,
    /// As `Walk`, of names that may be any 64 bits: differences wrap, and have no unit.
    Names,
    /// The values themselves, none below zero.
    Plain,
}

/// A column that is stored as planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    pub name: &'static str,
    pub form: Form,
    /// Planes it has at least: one column of each part has one, which tells how many rows there are.
    pub least: usize,
}

const fn stored(name: &'static str, form: Form, least: usize) -> Stored {
    Stored { name, form, least }
}

pub(super) const SEQUENCE: Stored = stored("sequence", Form::Ascending, 1);
pub(super) const EXCHANGE_TIME: Stored = stored("exchange_time", Form::Walk, 0);
pub(super) const LOCAL_TIME: Stored = stored("local_time", Form::Walk, 0);
pub(super) const PRICE: Stored = stored("price", Form::Walk, 0);
pub(super) const QUANTITY: Stored = stored("quantity", Form::Plain, 0);
pub(super) const ORDER: Stored = stored("order", Form::Names, 0);

/// What the numbers of a column start from and are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The first row's value, of `order` its bits; 0 for `quantity`, whose values are stored themselves.
    pub first: i64,
    /// Greatest common divisor of all differences, of `quantity` of all values; 1 where all are zero, and of `order`.
    pub unit: u64,
}

/// Greatest common divisor, where 0 stands for nothing seen yet.
pub(super) fn common_divisor(one: u64, other: u64) -> u64 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

/// The bit of an event that says that its row is the first of a message.
pub(super) const BEGINS: u8 = 64;

/// Kind and side of a row in one byte, and whether it begins a message.
pub(super) fn event(kind: u8, side: u8, begins: bool) -> u8 {
    kind | side << 4 | if begins { BEGINS } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divisors_start_from_nothing() {
        assert_eq!(common_divisor(0, 12), 12);
        assert_eq!(common_divisor(12, 0), 12);
        assert_eq!(common_divisor(12, 18), 6);
        assert_eq!(common_divisor(7, 5), 1);
        assert_eq!(common_divisor(0, 0), 0);
    }
}
