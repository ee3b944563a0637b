//! Fixed-point arithmetic: money and ratios are integers in units of one billionth.
//!
//! Every division rounds half to even (IEEE 754's roundTiesToEven on exact quotients), so that no sum drifts in one
//! direction and no processor has a say. What does not fit is an error, never a wrapped number.

use std::fmt;

/// Units of money, and of ratios, in one.
pub const ONE: i128 = 1_000_000_000;

/// Amounts stay below this: 10^18 units of a currency, so that a product with a ratio still fits 128 bits.
pub const LIMIT: i128 = 1_000_000_000_000_000_000_000_000_000;

/// An amount grew past [`LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow;

impl fmt::Display for Overflow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an amount of money passed 10^18 units of the currency")
    }
}

impl std::error::Error for Overflow {}

/// `numerator / denominator`, rounded half to even; `denominator` is positive.
#[inline]
#[must_use]
pub fn divide(numerator: i128, denominator: i128) -> i128 {
    debug_assert!(denominator > 0);
    let (quotient, remainder) = divide_with_remainder(numerator, denominator);
    let twice = remainder.unsigned_abs() * 2;
    let half = denominator.unsigned_abs();
    if twice > half || (twice == half && quotient & 1 == 1) { quotient + numerator.signum() } else { quotient }
}

/// `numerator / denominator`, rounded toward zero; `denominator` is positive.
#[inline]
#[must_use]
pub fn truncate(numerator: i128, denominator: i128) -> i128 {
    divide_with_remainder(numerator, denominator).0
}

/// Quotient toward zero and remainder; takes the processor's 64-bit division where both fit, which is several times
/// faster and the same number.
#[inline]
fn divide_with_remainder(numerator: i128, denominator: i128) -> (i128, i128) {
    if let (Ok(n), Ok(d)) = (i64::try_from(numerator), i64::try_from(denominator))
        && n != i64::MIN
    {
        return (i128::from(n / d), i128::from(n % d));
    }
    (numerator / denominator, numerator % denominator)
}

/// `amount * factor / denominator`, rounded half to even.
///
/// # Errors
/// [`Overflow`] when the product does not fit 128 bits or the result passes [`LIMIT`].
#[inline]
pub fn scale(amount: i128, factor: i128, denominator: i128) -> Result<i128, Overflow> {
    if factor == 0 || amount == 0 {
        return Ok(0);
    }
    bounded(divide(amount.checked_mul(factor).ok_or(Overflow)?, denominator))
}

/// The amount itself, where it is within [`LIMIT`].
///
/// # Errors
/// [`Overflow`] where it is not.
#[inline]
pub fn bounded(amount: i128) -> Result<i128, Overflow> {
    if (-LIMIT..=LIMIT).contains(&amount) { Ok(amount) } else { Err(Overflow) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        // 0.5 -> 0, 1.5 -> 2, 2.5 -> 2, and the same below zero.
        for (numerator, expected) in [(1, 0), (3, 2), (5, 2), (-1, 0), (-3, -2), (-5, -2)] {
            assert_eq!(divide(numerator, 2), expected);
        }
    }

    #[test]
    fn other_fractions_go_to_the_nearest() {
        for (numerator, expected) in [(7, 2), (8, 3), (-7, -2), (-8, -3), (0, 0)] {
            assert_eq!(divide(numerator, 3), expected);
        }
    }

    #[test]
    fn wide_and_narrow_division_agree() {
        // The quotient ends in a half, and i64::MAX is odd: the even neighbour is the one above.
        assert_eq!(divide(i128::from(i64::MAX) * 6 + 3, 6), i128::from(i64::MAX) + 1);
        assert_eq!(divide(i128::from(i64::MAX) * 6 + 2, 6), i128::from(i64::MAX));
        assert_eq!(divide(i128::from(i64::MIN), 1), i128::from(i64::MIN));
    }

    #[test]
    fn a_product_that_does_not_fit_is_refused() {
        assert_eq!(scale(i128::MAX, 2, 1), Err(Overflow));
        assert_eq!(scale(LIMIT, 2, 1), Err(Overflow));
        assert_eq!(scale(LIMIT, ONE, ONE), Ok(LIMIT));
    }
}
