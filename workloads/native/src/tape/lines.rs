//! Lines of a recording: the recorder's clock, a space, and what arrived. Plain or gzip, told by their first bytes.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use super::whole::expanded_at_once;

/// Longest line that is read.
pub const LONGEST_LINE: usize = 4 << 20;
/// Bytes asked for at a time.
const BUFFER: usize = 1 << 18;
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Times its size that recordings expand to at the very most.
pub(super) const MOST_EXPANDED: u64 = 32;

/// Why lines cannot be read; the number is the line's, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// Compressed bytes that cannot be expanded, after this many whole lines.
    Compression(u64, String),
    /// A line longer than [`LONGEST_LINE`].
    Long(u64),
    /// More bytes, expanded, than were allowed.
    Large(u64),
}

/// How many bytes there seem to be, expanded: what a gzip file says of itself, and no more than such a file can hold. A guess,
/// by which room may be made; nothing is believed for it.
pub fn expected(data: &[u8]) -> u64 {
    let stated = stated_size(data);
    let length = data.len() as u64;
    if data.starts_with(&GZIP) { stated.clamp(length, length.saturating_mul(MOST_EXPANDED)) } else { length }
}

/// The size that the end of a gzip file says that its last member has.
pub(super) fn stated_size(data: &[u8]) -> u64 {
    data.last_chunk::<4>().map_or(0, |size| u64::from(u32::from_le_bytes(*size)))
}

/// Calls `each` with every line that is not blank and its number from 1, without its end.
///
/// # Errors
/// What `each` says, and [`Broken`] as an error of its kind.
pub fn for_each_line<E: From<Broken>>(
    data: &[u8],
    limit: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if !data.starts_with(&GZIP) {
        return if data.len() as u64 > limit { Err(Broken::Large(limit).into()) } else { plain(data, &mut each) };
    }
    if let Some(text) = expanded_at_once(data, limit) {
        return plain(&text, &mut each);
    }
    in_pieces(data, limit, each)
}

fn in_pieces<E: From<Broken>>(
    data: &[u8],
    limit: u64,
    mut each: impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut decoder = MultiGzDecoder::new(data);
    let (mut buffer, mut filled, mut number, mut expanded) = (vec![0; BUFFER], 0, 0, 0);
    loop {
        if filled == buffer.len() {
            if filled > LONGEST_LINE {
                return Err(Broken::Long(number + 1).into());
            }
            buffer.resize(2 * filled, 0);
        }
        let read = decoder.read(&mut buffer[filled..]);
        let read = read.map_err(|error| Broken::Compression(number, error.to_string()))?;
        if read == 0 {
            break;
        }
        (filled, expanded) = (filled + read, expanded + read as u64);
        if expanded > limit {
            return Err(Broken::Large(limit).into());
        }
        let whole = memchr::memrchr(b'\n', &buffer[..filled]).map_or(0, |end| end + 1);
        number = lines(&buffer[..whole], number, &mut each)?;
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
    lines(&buffer[..filled], number, &mut each).map(drop)
}

fn plain<E: From<Broken>>(data: &[u8], each: &mut impl FnMut(u64, &[u8]) -> Result<(), E>) -> Result<(), E> {
    lines(data, 0, each).map(drop)
}

fn lines<E: From<Broken>>(
    text: &[u8],
    before: u64,
    each: &mut impl FnMut(u64, &[u8]) -> Result<(), E>,
) -> Result<u64, E> {
    let (mut number, mut start) = (before, 0);
    while start < text.len() {
        let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |length| start + length);
        number += 1;
        if end - start > LONGEST_LINE {
            return Err(Broken::Long(number).into());
        }
        let line = text[start..end].trim_ascii();
        if !line.is_empty() {
            each(number, line)?;
        }
        start = end + 1;
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn read(data: &[u8], limit: u64) -> Result<Vec<(u64, Vec<u8>)>, Broken> {
        let mut found = Vec::new();
        for_each_line(data, limit, |number, line| {
            found.push((number, line.to_vec()));
            Ok(())
        })
        .map(|()| found)
    }

    #[test]
    fn blank_lines_count_and_ends_are_taken_off() {
        let text = b"one\r\n\n two\nlast";
        let expected = [(1, b"one".to_vec()), (3, b"two".to_vec()), (4, b"last".to_vec())];
        assert_eq!(read(text, 100).unwrap(), expected);
        assert_eq!(read(&gzip(text), 100).unwrap(), expected);
    }

    #[test]
    fn what_is_expected_is_bounded_by_what_there_is() {
        assert_eq!(expected(b"one\ntwo"), 7);
        let text = b"a line of text\n".repeat(20);
        assert_eq!(expected(&gzip(&text)), 300);
        let mut boasting = gzip(&text);
        let end = boasting.len() - 4;
        boasting[end..].fill(0xff);
        assert_eq!(expected(&boasting), boasting.len() as u64 * MOST_EXPANDED);
        assert_eq!(expected(&GZIP), 2);
    }

    #[test]
    fn files_one_after_the_other_are_one() {
        let both = [gzip(b"one\ntw"), gzip(b"o\n")].concat();
        assert_eq!(read(&both, 100).unwrap(), [(1, b"one".to_vec()), (2, b"two".to_vec())]);
    }

    #[test]
    fn files_that_are_alike_are_read_each() {
        let one = gzip(b"a line\n");
        let both = read(&[one.as_slice(), &one].concat(), 100).unwrap();
        assert_eq!(both, [(1, b"a line".to_vec()), (2, b"a line".to_vec())]);
    }

    #[test]
    fn what_follows_a_file_and_is_none_is_refused() {
        for after in [&b"more"[..], &[0; 20]] {
            let data = [gzip(b"one\ntwo\n").as_slice(), after].concat();
            assert!(matches!(read(&data, 100), Err(Broken::Compression(2, _))), "{after:?}");
        }
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let whole = gzip("a line of text\n".repeat(100).as_bytes());
        for kept in 2..whole.len() {
            assert!(matches!(read(&whole[..kept], 10_000), Err(Broken::Compression(..))), "{kept}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let mut damaged = gzip(b"a line of text\n");
        let place = damaged.len() - 6;
        damaged[place] ^= 1;
        assert!(matches!(read(&damaged, 100), Err(Broken::Compression(..))));
    }

    #[test]
    fn what_expands_beyond_the_limit_is_refused() {
        assert_eq!(read(&gzip(&[b'\n'; 1_000]), 999), Err(Broken::Large(999)));
        assert_eq!(read(&[b'\n'; 1_000], 999), Err(Broken::Large(999)));
        assert_eq!(read(&gzip(&[b'\n'; 1_000]), 1_000), Ok(Vec::new()));
    }

    #[test]
    fn a_line_too_long_is_named() {
        let long = [b"short\n".to_vec(), vec![b'x'; LONGEST_LINE + 1]].concat();
        assert_eq!(read(&long, u64::MAX), Err(Broken::Long(2)));
        assert_eq!(read(&gzip(&[long, vec![b'x'; LONGEST_LINE]].concat()), u64::MAX), Err(Broken::Long(2)));
    }

    proptest! {
        #[test]
        fn compressed_or_not_the_lines_are_the_same(text in "[ab \r\n]{0,200}") {
            prop_assume!(!text.as_bytes().starts_with(&GZIP));
            prop_assert_eq!(read(text.as_bytes(), 1_000), read(&gzip(text.as_bytes()), 1_000));
        }
    }
}
