//! Digits of text, eight at a time.
//!
//! A recording is mostly numbers of a few digits. To look at each alone takes longer than all else that is done with
//! them; a word of 64 bits holds eight, and their number is found in it with three multiplications, however many they are.

/// Digits in a word.
const WORD: usize = 8;
/// A byte for each of a word's.
const EACH: u64 = 0x0101_0101_0101_0101;
const HIGHEST: u64 = 0x80 * EACH;

/// The digits at the beginning of a text, eight at most: their number, and how many they are. None where less than a
/// word of the text is left.
#[inline]
pub(super) fn leading(text: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*text.first_chunk::<WORD>()?);
    // Digits become 0 to 9. The first byte that is none has its highest bit set in `others`; what comes after it there is
    // not looked at, so that a carry does not matter.
    let digits = word ^ (u64::from(b'0') * EACH);
    let others = (digits.wrapping_add(0x76 * EACH) | digits) & HIGHEST;
    let count = others.trailing_zeros() as usize / 8;
    // To the end of the word, so that zeros stand before them and nothing behind.
    let aligned = digits.checked_shl(64 - 8 * count as u32).unwrap_or(0);
    Some((number(aligned), count))
}

/// The number of so many digits, one to eight, at the beginning of a text. None where they are not all digits, or less than
/// a word of the text is left; what follows them is not looked at.
///
/// Where lengths are known beforehand, nothing has to be counted before the next can be read.
#[inline(always)]
pub(super) fn exactly(text: &[u8], count: usize) -> Option<u64> {
    let word = u64::from_le_bytes(*text.first_chunk::<WORD>()?);
    let digits = (word ^ (u64::from(b'0') * EACH)) << ((64 - 8 * count as u32) % 64);
    let others = (digits.wrapping_add(0x76 * EACH) | digits) & HIGHEST;
    (others == 0).then(|| number(digits))
}

/// The number of eight digits from 0 to 9, the first in the lowest byte: of pairs, then of fours, then of all.
#[inline]
fn number(digits: u64) -> u64 {
    const EVERY_FOURTH: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let first = (pairs & EVERY_FOURTH).wrapping_mul(100 + (1_000_000 << 32));
    let second = ((pairs >> 16) & EVERY_FOURTH).wrapping_mul(1 + (10_000 << 32));
    first.wrapping_add(second) >> 32
}

/// The number of at most sixteen digits at the beginning of a text, and how many they are; a seventeenth is not looked
/// at. None where the text ends too soon after them to be read by words.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<(u64, usize)> {
    let (first, count) = leading(text)?;
    if count < WORD {
        return Some((first, count));
    }
    let (second, more) = leading(&text[WORD..])?;
    Some((first * POWERS[more] + second, WORD + more))
}

/// The number of a text that is nineteen digits, as nanoseconds since 1970 are for centuries.
pub(super) fn nineteen(text: &[u8]) -> Option<u64> {
    const LENGTH: usize = 19;
    if text.len() != LENGTH {
        return None;
    }
    let ((first, eight), (last, more)) = (leading(text)?, leading(&text[LENGTH - WORD..])?);
    let (middle, also) = leading(&text[WORD..])?;
    // Of the eight in the middle, five are the first of the last eight.
    (eight + more + also == 3 * WORD).then(|| first * 100_000_000_000 + middle / 100_000 * 100_000_000 + last)
}

/// Powers of ten up to that of a word's digits.
const POWERS: [u64; WORD + 1] = {
    let mut powers = [1; WORD + 1];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// How many bytes at the beginning of a text may stand in a JSON string for themselves, looked at by words: eight where
/// all of the first eight may. None where less than a word of the text is left.
#[inline]
pub(super) fn plain(text: &[u8]) -> Option<usize> {
    let word = u64::from_le_bytes(*text.first_chunk::<WORD>()?);
    // Again the first that is found is one; those behind it may be none.
    let zeros = |word: u64| word.wrapping_sub(EACH) & !word;
    let quotes = zeros(word ^ (u64::from(b'"') * EACH));
    let escapes = zeros(word ^ (u64::from(b'\\') * EACH));
    let controls = word.wrapping_sub(0x20 * EACH) & !word;
    Some(((quotes | escapes | controls) & HIGHEST).trailing_zeros() as usize / 8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Digits one by one.
    fn counted(text: &[u8], most: usize) -> (u64, usize) {
        let digits = text.iter().take(most).take_while(|byte| byte.is_ascii_digit());
        digits.fold((0, 0), |(number, count), byte| (number * 10 + u64::from(byte - b'0'), count + 1))
    }

    #[test]
    fn the_end_of_a_text_is_left_to_others() {
        assert_eq!(leading(b"1234567"), None);
        assert_eq!(whole(b"12345678"), None);
        assert_eq!(plain(b"abcdefg"), None);
    }

    #[test]
    fn a_word_is_all_digits_or_none() {
        assert_eq!(leading(b"99999999"), Some((99_999_999, 8)));
        assert_eq!(leading(b"/1234567"), Some((0, 0)));
        assert_eq!(leading(b":1234567"), Some((0, 0)));
        assert_eq!(whole(b"99999999999999999"), Some((9_999_999_999_999_999, 16)));
    }

    #[test]
    fn nanoseconds_are_nineteen_digits() {
        assert_eq!(nineteen(b"1723161255030314667"), Some(1_723_161_255_030_314_667));
        assert_eq!(nineteen(b"9999999999999999999"), Some(9_999_999_999_999_999_999));
        for text in [&b"123456789012345678"[..], b"12345678901234567890", b"+123456789012345678", b""] {
            assert_eq!(nineteen(text), None);
        }
        for place in 0..19 {
            let mut text = *b"1723161255030314667";
            text[place] = b'.';
            assert_eq!(nineteen(&text), None, "{place}");
        }
    }

    proptest! {
        #[test]
        fn by_words_is_as_one_by_one(
            text in prop_oneof![
                prop::collection::vec(any::<u8>(), 24),
                prop::collection::vec(b'0'..=b'9', 24),
                (prop::collection::vec(b'0'..=b'9', 0..20), any::<u8>())
                    .prop_map(|(digits, other)| [digits, vec![other; 24]].concat()),
            ],
        ) {
            prop_assert_eq!(leading(&text), Some(counted(&text, 8)));
            prop_assert_eq!(whole(&text), Some(counted(&text, 16)));
            for count in 1..=8 {
                let expected = counted(&text, count);
                prop_assert_eq!(exactly(&text, count), (expected.1 == count).then_some(expected.0));
            }
        }

        #[test]
        fn what_is_plain_is_found_as_one_by_one(
            text in prop_oneof![
                prop::collection::vec(any::<u8>(), 8),
                prop::collection::vec(prop::sample::select(b"ab\"\\\x1f\x20\x7f\x80\xff\x00".as_slice()), 8),
            ],
        ) {
            let expected = text.iter().take_while(|&&byte| byte >= 0x20 && byte != b'"' && byte != b'\\').count();
            prop_assert_eq!(plain(&text), Some(expected));
        }
    }
}
