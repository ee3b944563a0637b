//! Kinds of orders as numbers, the same in a recorded session and in a recorded exchange.

use super::Malformed;
use crate::book::Half;
use crate::orders::{Kind, TimeInForce};

/// The sides, each at its number.
pub(crate) const HALVES: [Half; 2] = [Half::Bid, Half::Ask];

/// How long orders stand, each at its number.
pub(crate) const TERMS: [TimeInForce; 4] =
    [TimeInForce::GoodTillCancelled, TimeInForce::ImmediateOrCancel, TimeInForce::FillOrKill, TimeInForce::PostOnly];

/// A kind as its number and two more; what it does not have is 0.
pub(crate) fn kind_numbers(kind: Kind) -> (u8, i64, i64) {
    match kind {
        Kind::Market => (0, 0, 0),
        Kind::Limit { price } => (1, price, 0),
        Kind::Stop { trigger } => (2, trigger, 0),
        Kind::StopLimit { trigger, price } => (3, trigger, price),
        Kind::TakeProfit { trigger } => (4, trigger, 0),
        Kind::TrailingStop { distance } => (5, distance, 0),
    }
}

/// The kind of these numbers; each has one form.
pub(crate) fn kind_of(numbers: (u8, i64, i64)) -> Result<Kind, Malformed> {
    Ok(match numbers {
        (0, 0, 0) => Kind::Market,
        (1, price, 0) => Kind::Limit { price },
        (2, trigger, 0) => Kind::Stop { trigger },
        (3, trigger, price) => Kind::StopLimit { trigger, price },
        (4, trigger, 0) => Kind::TakeProfit { trigger },
        (5, distance, 0) => Kind::TrailingStop { distance },
        _ => return Err(Malformed),
    })
}
