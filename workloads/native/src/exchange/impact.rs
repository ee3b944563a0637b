//! How much worse than the book an order trades because it takes.
//!
//! The tape's book does not change by what we take; this is what we charge for that.

use crate::fixed::{ONE, divide};

/// Price impact of an order that takes, on every price it trades at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Impact {
    /// None.
    #[default]
    None,
    /// coefficient x quantity / reference.
    Linear {
        /// In billionths of a tick, 0 or more.
        coefficient: i64,
        /// Lots, more than 0.
        reference: i64,
    },
    /// coefficient x square root of (quantity / reference).
    SquareRoot {
        /// In billionths of a tick, 0 or more.
        coefficient: i64,
        /// Lots, more than 0.
        reference: i64,
    },
}

impl Impact {
    /// Ticks for an order that takes `quantity` lots, rounded half to even; the square root is taken of the ratio in
    /// billionths of billionths and rounded down to a billionth.
    #[must_use]
    pub fn ticks(self, quantity: i64) -> i64 {
        let ticks = match self {
            Self::None => 0,
            Self::Linear { coefficient, reference } => {
                let ratio = divide(i128::from(quantity) * ONE, i128::from(reference));
                i128::from(coefficient).checked_mul(ratio).map_or(i128::MAX, |ticks| divide(ticks, ONE * ONE))
            }
            Self::SquareRoot { coefficient, reference } => {
                let root = (i128::from(quantity) * ONE * ONE / i128::from(reference)).isqrt();
                i128::from(coefficient).checked_mul(root).map_or(i128::MAX, |ticks| divide(ticks, ONE * ONE))
            }
        };
        i64::try_from(ticks).map_or(LARGEST, |ticks| ticks.min(LARGEST))
    }
}

/// No impact is larger: prices plus it stay within 64 bits.
const LARGEST: i64 = 1 << 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_impact_is_the_share_of_the_reference() {
        let impact = Impact::Linear { coefficient: 10 * ONE as i64, reference: 100 };
        // 10 ticks for 100 lots: 0.5, 1.5 and 25 for 5, 15 and 250.
        assert_eq!([0, 5, 15, 250].map(|lots| impact.ticks(lots)), [0, 0, 2, 25]);
    }

    #[test]
    fn four_times_the_quantity_has_twice_the_root() {
        let impact = Impact::SquareRoot { coefficient: 6 * ONE as i64, reference: 100 };
        assert_eq!([25, 100, 400, 900].map(|lots| impact.ticks(lots)), [3, 6, 12, 18]);
    }

    #[test]
    fn nothing_overflows() {
        let coefficient = i64::MAX;
        for impact in [Impact::Linear { coefficient, reference: 1 }, Impact::SquareRoot { coefficient, reference: 1 }] {
            assert_eq!(impact.ticks(1 << 61), LARGEST);
        }
        assert_eq!(Impact::None.ticks(i64::MAX), 0);
    }
}
