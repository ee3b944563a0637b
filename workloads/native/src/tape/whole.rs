//! A gzip file expanded at once, where that is possible: twice as fast as piece by piece, because neither the state of
//! the decoder nor the window of what went before has to be kept.

use std::ops::Deref;

use libdeflater::Decompressor;
use memmap2::MmapMut;

use super::lines::{MOST_EXPANDED, stated_size};

/// Most bytes that are expanded at once. The columns that are read from them take as many.
const MOST: u64 = 256 << 20;
/// Bit of a gzip header's flags that says that the header has a checksum, which is not looked at here.
const HEADER_CHECKSUM: u8 = 1 << 1;

/// Expands a gzip file of one member, of which all is checked: that it is whole, its checksum and its size.
///
/// None where it is anything else, or damaged, or larger than what is expanded at once or than `limit`: reading it piece by
/// piece tells.
pub(super) fn expanded_at_once(data: &[u8], limit: u64) -> Option<impl Deref<Target = [u8]>> {
    let stated = stated_size(data);
    let allowed = limit.min(MOST).min((data.len() as u64).saturating_mul(MOST_EXPANDED));
    if !(1..=allowed).contains(&stated) || data.get(3)? & HEADER_CHECKSUM != 0 {
        return None;
    }
    let size = usize::try_from(stated).ok()?;
    let mut room = in_large_pages(size)?;
    let length = Decompressor::new().gzip_decompress(data, &mut room).ok()?;
    (length == size && ends_alone(data)).then_some(room)
}

/// Whether the first member of a file, whose size is the one that the file's last bytes say, is all of the file.
///
/// The member ends with its size. If those four bytes stand nowhere in the file but at its end, that is where it ends.
fn ends_alone(data: &[u8]) -> bool {
    let body = data.len().saturating_sub(4);
    memchr::memmem::find(data, &data[body..]) == Some(body)
}

/// Memory of zeros. To be given small pages by the kernel, one after the other, would take as long as expanding does.
fn in_large_pages(size: usize) -> Option<MmapMut> {
    let room = MmapMut::map_anon(size).ok()?;
    #[cfg(target_os = "linux")]
    room.advise(memmap2::Advice::HugePage).ok(); // a kernel without large pages gives small ones, which are as good
    Some(room)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, GzBuilder};

    use super::*;

    const LIMIT: u64 = 1 << 20;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().filename("a name").write(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn expanded(data: &[u8], limit: u64) -> Option<Vec<u8>> {
        expanded_at_once(data, limit).map(|text| text.to_vec())
    }

    #[test]
    fn a_file_of_one_member_is_expanded() {
        let text: Vec<u8> = (0..100_000u32).flat_map(|number| (number / 3).to_le_bytes()).collect();
        assert_eq!(expanded(&gzip(&text), LIMIT), Some(text));
    }

    #[test]
    fn what_is_larger_than_allowed_is_left() {
        let one = gzip(&[1; 20]);
        assert_eq!(expanded(&one, 20), Some(vec![1; 20]));
        assert_eq!(expanded(&one, 19), None);
        assert_eq!(expanded(&gzip(&[1; 100_000]), LIMIT), None); // more than any recording expands to
        assert_eq!(expanded(&gzip(b""), LIMIT), None);
    }

    #[test]
    fn members_of_any_size_are_left() {
        let (one, same, other) = (gzip(b"one"), gzip(b"two"), gzip(b"three"));
        for parts in [[&one, &same], [&one, &one], [&one, &other], [&other, &one]] {
            assert_eq!(expanded(&parts.map(Vec::as_slice).concat(), LIMIT), None);
        }
    }

    #[test]
    fn what_follows_and_states_the_size_again_is_left() {
        let one = gzip(b"one");
        for after in [[3, 0, 0, 0].as_slice(), &one[one.len() - 8..], &[9, 9, 3, 0, 0, 0]] {
            assert_eq!(expanded(&[one.as_slice(), after].concat(), LIMIT), None);
        }
    }

    #[test]
    fn a_changed_byte_is_never_expanded() {
        let one = gzip(b"a line of text, and another line of text");
        for place in 10 + "a name".len() + 1..one.len() {
            let mut damaged = one.clone();
            damaged[place] ^= 1;
            assert_eq!(expanded(&damaged, LIMIT), None, "{place}");
        }
        assert!((0..one.len()).all(|kept| expanded(&one[..kept], LIMIT).is_none()));
    }

    #[test]
    fn a_header_with_a_checksum_is_left() {
        let mut one = gzip(b"one");
        one[3] |= HEADER_CHECKSUM;
        let end = 10 + "a name".len() + 1;
        one.splice(end..end, [0, 0]);
        assert_eq!(expanded(&one, LIMIT), None);
    }
}
