//! Decimals as venues write them, exactly: digits and how many of them stand after the point.

use super::digits;
use super::form::BOUND;

/// Most decimal places that a tick or lot can have.
pub const MOST_PLACES: u32 = 12;

/// `mantissa` x 10^-`places`. A number has several; the one of fewest places is the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// All digits as one number, at least zero and less than [`BOUND`].
    pub mantissa: i64,
    /// Digits after the point.
    pub places: u32,
}

impl Decimal {
    /// Reads plain digits with at most one point: no sign, no exponent, nothing around. What it gives is the shortest.
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

    /// Reads a decimal of few digits from the beginning of a text, and says how long it is; none where it is no short
    /// one. What [`Decimal::parse`] gives for that beginning is the same number, in fewer digits where zeros end it.
    #[must_use]
    #[inline]
    pub fn short(text: &[u8]) -> Option<(Self, usize)> {
        let (whole, count) = digits::leading(text)?;
        if count == 0 {
            return None;
        }
        if text.get(count) != Some(&b'.') {
            return Some((Self { mantissa: whole as i64, places: 0 }, count));
        }
        let (fraction, places) = digits::leading(&text[count + 1..])?;
        // Both have eight digits at most, so together they are far from 62 bits.
        let mantissa = whole as i64 * POWERS[places] + fraction as i64;
        (places > 0).then_some((Self { mantissa, places: places as u32 }, count + 1 + places))
    }

    /// As [`Decimal::short`], of so many digits before the point and after it, one to eight each.
    #[inline(always)]
    pub fn of_lengths(text: &[u8], whole: usize, places: usize) -> Option<Self> {
        let first = digits::exactly(text, whole)?;
        let second = digits::exactly(text.get(whole + 1..)?, places)?;
        let mantissa = first as i64 * POWERS[places] + second as i64;
        (text[whole] == b'.').then_some(Self { mantissa, places: places as u32 })
    }

    /// The same number without zeros at the end of its fraction.
    #[must_use]
    pub fn shortest(self) -> Self {
        let Self { mut mantissa, mut places } = self;
        while places > 0 && mantissa % 10 == 0 {
            (mantissa, places) = (mantissa / 10, places - 1);
        }
        Self { mantissa, places }
    }
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
    ///
    /// A venue writes all its prices with as many places, often with more of them than its tick has: mostly there is
    /// nothing to be done, or the same zeros to be taken off.
    #[inline]
    pub fn fit(&mut self, decimal: Decimal, column: &mut [i64]) -> Option<i64> {
        let fitting = match decimal.places.checked_sub(self.places) {
            Some(0) => Some(decimal.mantissa),
            Some(1) => multiple(decimal.mantissa, 10),
            Some(more) => multiple(decimal.mantissa, POWERS[more as usize]),
            None => None,
        };
        if fitting.is_some() { fitting } else { self.make_fit(decimal.shortest(), column) }
    }

    #[cold]
    fn make_fit(&mut self, decimal: Decimal, column: &mut [i64]) -> Option<i64> {
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

/// How often a number has another in it, where it is a multiple.
#[inline(always)]
fn multiple(number: i64, of: i64) -> Option<i64> {
    (number % of == 0).then(|| number / of)
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
                prop_assert_eq!(Decimal::parse(&text.as_bytes()[..length]), Some(decimal.shortest()));
            }
        }

        #[test]
        fn a_scale_does_not_care_how_a_number_is_written(
            numbers in prop::collection::vec((0i64..1_000_000, 0u32..=8, 0u32..=4), 1..20),
        ) {
            let fitted = |zeros: bool| {
                let (mut scale, mut column) = (Scale::default(), Vec::new());
                for &(mantissa, places, more) in &numbers {
                    let written = Decimal { mantissa: mantissa * POWERS[more as usize], places: places + more };
                    let decimal = if zeros { written } else { written.shortest() };
                    let value = scale.fit(decimal, &mut column).unwrap();
                    column.push(value);
                }
                (scale, column)
            };
            prop_assert_eq!(fitted(true), fitted(false));
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&text);
            let _ = Decimal::short(&text);
        }
    }
}
