//! Decimals as venues write them, exactly: digits and how many of them stand after the point.

use super::form::BOUND;

/// Most decimal places that a tick or lot can have.
pub const MOST_PLACES: u32 = 12;

/// `mantissa` x 10^-`places`, without trailing zeros after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits as one number, at least zero and less than [`BOUND`].
    pub mantissa: i64,
    /// Digits after the point.
    pub places: u32,
}

impl Decimal {
    /// Reads plain digits with at most one point: no sign, no exponent, nothing around.
    ///
    /// None for anything else, for more digits than 62 bits hold and for more than [`MOST_PLACES`] places.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let point = text.iter().position(|&byte| byte == b'.').unwrap_or(text.len());
        let (whole, fraction) = text.split_at(point);
        let fraction = fraction.get(1..).unwrap_or(&[]);
        if whole.is_empty() || (point + 1 == text.len()) {
            return None;
        }
        let zeros = fraction.iter().rev().take_while(|&&byte| byte == b'0').count();
        let fraction = &fraction[..fraction.len() - zeros];
        let places = u32::try_from(fraction.len()).ok().filter(|&places| places <= MOST_PLACES)?;
        let mantissa = digits(fraction, digits(whole, 0)?)?;
        Some(Self { mantissa, places })
    }
}

/// Appends digits to a number.
fn digits(text: &[u8], start: i64) -> Option<i64> {
    // Eighteen digits fit whatever they are; longer ones are looked at one by one.
    if text.len() + if start == 0 { 0 } else { 19 } <= 18 {
        return text.iter().try_fold(0, |number, byte| Some(number * 10 + digit(*byte)?));
    }
    text.iter().try_fold(start, |number, byte| {
        number.checked_mul(10)?.checked_add(digit(*byte)?).filter(|&number| number < BOUND)
    })
}

fn digit(byte: u8) -> Option<i64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(i64::from(digit))
}

/// A column of integers in one unit of 10^-`places`, which grows finer as its values ask for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scale {
    /// Decimal places of the unit.
    pub places: u32,
}

impl Scale {
    /// A decimal in the unit, after making the unit, and all of `column`, fine enough for it. None beyond 62 bits.
    pub fn fit(&mut self, decimal: Decimal, column: &mut [i64]) -> Option<i64> {
        if decimal.places > self.places {
            let factor = 10i64.pow(decimal.places - self.places);
            for value in column {
                *value = value.checked_mul(factor).filter(|value| *value < BOUND)?;
            }
            self.places = decimal.places;
        }
        decimal.mantissa.checked_mul(10i64.pow(self.places - decimal.places)).filter(|value| *value < BOUND)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Option<(i64, u32)> {
        Decimal::parse(text.as_bytes()).map(|decimal| (decimal.mantissa, decimal.places))
    }

    #[test]
    fn trailing_zeros_are_no_places() {
        assert_eq!(parsed("61800.20"), Some((618_002, 1)));
        assert_eq!(parsed("0.00010000"), Some((1, 4)));
        assert_eq!(parsed("1000"), Some((1_000, 0)));
        assert_eq!(parsed("0.000"), Some((0, 0)));
        assert_eq!(parsed("4611686018427387903"), Some((BOUND - 1, 0)));
    }

    #[test]
    fn what_is_no_plain_decimal_is_none() {
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e5", "1,5", " 1", "1.2.3", "nan", "1_0"] {
            assert_eq!(parsed(text), None, "{text}");
        }
        assert_eq!(parsed("4611686018427387904"), None);
        assert_eq!(parsed("0.0000000000001"), None);
        assert_eq!(parsed(&"9".repeat(400)), None);
    }

    #[test]
    fn a_scale_becomes_as_fine_as_its_values() {
        let (mut scale, mut column) = (Scale::default(), vec![7, 0]);
        let value = scale.fit(Decimal { mantissa: 125, places: 2 }, &mut column);
        assert_eq!((value, scale.places, column.as_slice()), (Some(125), 2, &[700, 0][..]));
        assert_eq!(scale.fit(Decimal { mantissa: 3, places: 1 }, &mut column), Some(30));
        assert_eq!(scale.fit(Decimal { mantissa: BOUND - 1, places: 0 }, &mut column), None);
        assert_eq!(scale.fit(Decimal { mantissa: 1, places: 12 }, &mut [BOUND - 1]), None);
    }

    proptest! {
        #[test]
        fn every_decimal_is_read_as_it_is_written(mantissa in 0..BOUND, places in 0u32..=12) {
            let digits = format!("{mantissa:0>width$}", width = places as usize + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places as usize);
            let text = if places == 0 { digits.clone() } else { format!("{whole}.{fraction}") };
            let read = Decimal::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(i128::from(read.mantissa) * 10i128.pow(places - read.places), i128::from(mantissa));
            prop_assert!(read.places == 0 || read.mantissa % 10 != 0);
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&text);
        }
    }
}
