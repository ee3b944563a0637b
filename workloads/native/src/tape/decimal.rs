//! Decimals as venues write them, exactly: digits and how many of them stand after the point.

use super::form::BOUND;

/// Bytes that are read at once; fewer digits fit into 62 bits whatever they are.
const WIDE: usize = 16;
/// A byte that ends a decimal.
const END: u8 = b'"';
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
        let mut padded = [END; WIDE];
        if let Some(room) = padded.get_mut(..text.len()) {
            room.copy_from_slice(text);
            if let Some((decimal, length)) = Self::first(&padded)
                && length == text.len()
            {
                return Some(decimal);
            }
        }
        Self::parse_each(text)
    }

    /// Reads digit by digit.
    fn parse_each(text: &[u8]) -> Option<Self> {
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

    /// Reads the decimal that a text begins with and says how long it is, all of its bytes at once; none where it, with
    /// the byte that ends it, is longer than what is read at once, or is none. What it gives, [`Decimal::parse`] gives for
    /// that beginning.
    #[must_use]
    #[inline]
    pub fn first(text: &[u8]) -> Option<(Self, usize)> {
        let bytes: [u8; WIDE] = text.get(..WIDE)?.try_into().ok()?;
        // The value of each byte that is a digit, and the top bit of each that is none.
        let values = u128::from_le_bytes(bytes) ^ each(b'0');
        let others = (((values & each(0x7f)) + each(0x76)) | values) & each(0x80);
        let whole = others.trailing_zeros() as usize / 8;
        let pointed = bytes.get(whole) == Some(&b'.');
        let behind = if pointed { others & (others - 1) } else { others };
        if behind == 0 || whole == 0 {
            return None;
        }
        let length = behind.trailing_zeros() as usize / 8;
        let (digits, places) = if pointed {
            let before = values & ((1 << (8 * whole)) - 1);
            (before | (values >> (8 * whole) >> 8) << (8 * whole), length - whole - 1)
        } else {
            (values, 0)
        };
        if pointed && places == 0 {
            return None;
        }
        // The last digit goes to the top, so that zeros come before the first; then zeros after the point leave there.
        let digits = digits << (8 * (WIDE - whole - places));
        let zeros = places.min(digits.leading_zeros() as usize / 8);
        let digits = digits << (8 * zeros);
        let mantissa = eight_digits(digits as u64) * 100_000_000 + eight_digits((digits >> 64) as u64);
        let places = u32::try_from(places - zeros).ok().filter(|&places| places <= MOST_PLACES)?;
        Some((Self { mantissa: mantissa as i64, places }, length))
    }
}

/// A number all of whose bytes are one.
const fn each(byte: u8) -> u128 {
    u128::from_le_bytes([byte; WIDE])
}

/// The number of eight digits, each a byte, the first of them the lowest: first pairs, then fours, then all.
fn eight_digits(digits: u64) -> u64 {
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let one_of_two = 0x0000_00ff_0000_00ff;
    let first = (pairs & one_of_two).wrapping_mul(100 + (1_000_000 << 32));
    let second = (pairs >> 16 & one_of_two).wrapping_mul(1 + (10_000 << 32));
    first.wrapping_add(second) >> 32
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
        fn all_at_once_or_one_by_one_a_decimal_is_the_same(
            text in prop_oneof!["[0-9]{0,16}(\\.[0-9]{0,16})?", "0{0,3}[0-9]{0,4}\\.0{0,4}[0-9]{0,4}0{0,4}", "[0-9.a-]{0,16}"],
            after in "[^0-9.]\\PC{0,20}",
        ) {
            let expected = Decimal::parse_each(text.as_bytes());
            prop_assert_eq!(Decimal::parse(text.as_bytes()), expected);
            let followed = format!("{text}{after}");
            if let Some((decimal, length)) = Decimal::first(followed.as_bytes()) {
                prop_assert_eq!(Decimal::parse_each(&followed.as_bytes()[..length]), Some(decimal));
                prop_assert!(length != text.len() || expected == Some(decimal));
            } else {
                // None only where it is no decimal, or too long to be read at once.
                prop_assert!(expected.is_none() || text.len() >= WIDE || followed.len() < WIDE, "{}", followed);
            }
        }

        #[test]
        fn no_bytes_panic(text in prop::collection::vec(any::<u8>(), 0..40)) {
            let _ = Decimal::parse(&text);
        }
    }
}
