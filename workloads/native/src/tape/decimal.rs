//! Decimals as venues write them, exactly: digits and how many of them stand after the point.

use super::form::BOUND;

/// Length from which a decimal is no short one: fewer digits fit into 62 bits whatever they are.
const SHORT: usize = 18;
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
        let (whole, fraction) = (&text[..point], text.get(point + 1..).unwrap_or(&[]));
        if whole.is_empty() || point + 1 == text.len() {
            return None;
        }
        let mut mantissa = 0;
        for &byte in whole {
            mantissa = appended(mantissa, 1, digit(byte)?)?;
        }
        // Zeros after the point are held back until a digit follows that makes them count.
        let (mut places, mut held) = (0, 0);
        for &byte in fraction {
            let digit = digit(byte)?;
            held += 1;
            if digit != 0 {
                (mantissa, places) = (appended(mantissa, held, digit)?, places + held);
                held = 0;
            }
        }
        (places <= MOST_PLACES).then_some(Self { mantissa, places })
    }

    /// Reads a decimal of few digits from the beginning of a text, and says how long it is; none where it is no short one.
    /// What it gives, [`Decimal::parse`] gives for that beginning.
    #[must_use]
    pub fn short(text: &[u8]) -> Option<(Self, usize)> {
        let mut mantissa = 0;
        let whole = run(text, 0, &mut mantissa);
        let (mut length, mut places) = (whole, 0);
        if text.get(whole) == Some(&b'.') {
            length = run(text, whole + 1, &mut mantissa);
            places = length - whole - 1;
            if places == 0 {
                return None;
            }
        }
        if whole == 0 || length >= SHORT {
            return None;
        }
        while places > 0 && mantissa % 10 == 0 {
            (mantissa, places) = (mantissa / 10, places - 1);
        }
        let places = u32::try_from(places).ok().filter(|&places| places <= MOST_PLACES)?;
        Some((Self { mantissa, places }, length))
    }
}

/// Appends the digits that stand in a text from a place on, and says where they end, at [`SHORT`] at the latest.
fn run(text: &[u8], from: usize, number: &mut i64) -> usize {
    let mut at = from;
    while at < SHORT
        && let Some(digit) = text.get(at).and_then(|&byte| digit(byte))
    {
        *number = *number * 10 + digit;
        at += 1;
    }
    at
}

/// A number with `places` digits more, the last of them given and the others zeros. None beyond 62 bits.
fn appended(number: i64, places: u32, digit: i64) -> Option<i64> {
    let factor = *POWERS.get(places as usize)?;
    number.checked_mul(factor)?.checked_add(digit).filter(|&number| number < BOUND)
}

fn digit(byte: u8) -> Option<i64> {
    let digit = byte.wrapping_sub(b'0');
    (digit < 10).then_some(i64::from(digit))
}

/// Powers of ten that fit into 64 bits.
const POWERS: [i64; 19] = {
    let mut powers = [1; 19];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

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
            let factor = POWERS[(decimal.places - self.places) as usize];
            for value in column {
                *value = value.checked_mul(factor).filter(|value| *value < BOUND)?;
            }
            self.places = decimal.places;
        }
        decimal.mantissa.checked_mul(POWERS[(self.places - decimal.places) as usize]).filter(|value| *value < BOUND)
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
        fn short_ones_are_read_alike(text in "[0-9]{0,12}(\\.[0-9]{0,12})?[a\"]?") {
            if let Some((decimal, length)) = Decimal::short(text.as_bytes()) {
                prop_assert_eq!(Decimal::parse(&text.as_bytes()[..length]), Some(decimal));
            }
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&text);
        }
    }
}
