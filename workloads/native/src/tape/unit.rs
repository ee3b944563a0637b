//! Decimals in a unit that is known before they are read: ticks of a price, lots of a quantity.

use super::decimal::{Decimal, MOST_PLACES};

/// Digits before, and after, the point of what is read.
const LONGEST: usize = 18;

/// A unit: `steps` x 10^-`digits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    digits: u32,
    steps: i64,
}

impl Unit {
    /// A unit; none of more digits than a decimal can have, or of no steps.
    #[must_use]
    pub fn new(digits: u32, steps: i64) -> Option<Self> {
        (digits <= MOST_PLACES && steps > 0).then_some(Self { digits, steps })
    }

    /// How many units a plain decimal is. None where they are not whole, for what [`Decimal::parse`] does not read, and
    /// for more than [`LONGEST`] digits on either side of the point.
    #[must_use]
    pub fn count(self, text: &[u8]) -> Option<i64> {
        let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
        if point > LONGEST || text.len() > point + 1 + LONGEST {
            return None;
        }
        let decimal = Decimal::parse(text)?;
        let finer = self.digits.checked_sub(decimal.places)?;
        let steps = decimal.mantissa.checked_mul(10_i64.pow(finer))?;
        (steps % self.steps == 0).then(|| steps / self.steps)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit(digits: u32, steps: i64) -> Unit {
        Unit::new(digits, steps).unwrap()
    }

    #[test]
    fn what_is_whole_is_counted() {
        assert_eq!(unit(1, 1).count(b"30000.1"), Some(300_001));
        assert_eq!(unit(1, 1).count(b"30000.10"), Some(300_001));
        assert_eq!(unit(2, 25).count(b"1.75"), Some(7));
        assert_eq!(unit(0, 100).count(b"1200"), Some(12));
        assert_eq!(unit(3, 1).count(b"0.000"), Some(0));
    }

    #[test]
    fn what_is_not_whole_or_no_decimal_is_not() {
        assert_eq!(unit(1, 1).count(b"30000.15"), None);
        assert_eq!(unit(2, 25).count(b"1.76"), None);
        assert_eq!(unit(0, 100).count(b"1250"), None);
        assert_eq!(unit(12, 1).count(b"4611686018427387903"), None);
        for text in [&b""[..], b"-1", b"1.", b".1", b"1e3", b"1_0", b" 1"] {
            assert_eq!(unit(1, 1).count(text), None);
        }
        assert_eq!(unit(1, 1).count(b"000000000000000001.000000000000000000"), Some(10));
        assert_eq!(unit(1, 1).count(b"0000000000000000001"), None);
        assert_eq!(unit(1, 1).count(b"1.0000000000000000000"), None);
    }

    #[test]
    fn a_unit_has_few_digits_and_some_steps() {
        assert_eq!(Unit::new(13, 1), None);
        assert_eq!(Unit::new(1, 0), None);
        assert_eq!(Unit::new(1, -5), None);
    }

    proptest! {
        #[test]
        fn a_count_is_the_number_of_steps(count in 0i64..1_000_000_000, digits in 0u32..=8, steps in 1i64..1_000) {
            let number = count * steps;
            let written = format!("{number:0>width$}", width = digits as usize + 1);
            let (whole, fraction) = written.split_at(written.len() - digits as usize);
            let text = if digits == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") };
            prop_assert_eq!(unit(digits, steps).count(text.as_bytes()), Some(count));
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40), digits in 0u32..=12, steps in 1i64..) {
            let _ = unit(digits, steps).count(&text);
        }
    }
}
