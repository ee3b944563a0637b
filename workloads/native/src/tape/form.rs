//! How each column of a tape is stored; `docs/formats/tape.md` states it for people.

/// Bound of sequences, times, prices and quantities, so that a difference of two never leaves 64 bits.
pub const BOUND: i64 = 1 << 62;

/// What the stored numbers of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Differences to the row before, none below zero.
    Ascending,
    /// Differences to the row before, folded by zigzag.
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
}

pub(super) const SEQUENCE: Stored = Stored { name: "sequence", form: Form::Ascending };
pub(super) const EXCHANGE_TIME: Stored = Stored { name: "exchange_time", form: Form::Walk };
pub(super) const LOCAL_TIME: Stored = Stored { name: "local_time", form: Form::Walk };
pub(super) const PRICE: Stored = Stored { name: "price", form: Form::Walk };
pub(super) const QUANTITY: Stored = Stored { name: "quantity", form: Form::Plain };
pub(super) const ORDER: Stored = Stored { name: "order", form: Form::Names };

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

/// Kind and side of a row in one byte.
pub(super) fn event(kind: u8, side: u8) -> u8 {
    kind | side << 4
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
