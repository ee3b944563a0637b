//! A frame: how long it is, its number, what it holds, and what tells that it is whole.
//!
//! The head has a checksum of its own, so that a length can be believed before what it measures is there: only so is a
//! frame whose end is missing known to be torn rather than altered.

/// Bytes of a payload, at most.
pub(crate) const MAX_PAYLOAD: usize = 1 << 22;

/// Length, number, tag and checksum.
const HEAD_BYTES: usize = 4 + 8 + 1 + 4;

/// Checksum of head and payload.
const TAIL_BYTES: usize = 4;

/// A frame is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Altered;

/// What is at a place where a frame should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// A frame: what it holds, and all of it.
    Whole { tag: u8, payload: &'a [u8], bytes: &'a [u8] },
    /// The beginning of a frame, or nothing.
    Torn,
}

/// The frame that comes next, which must have this number.
///
/// Torn is what ends early, and what from a checksum on is zeros: a file is made longer before it has its content.
pub(crate) fn next(bytes: &[u8], number: u64) -> Result<Found<'_>, Altered> {
    let Some((head, rest)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Ok(Found::Torn);
    };
    let altered = |checksum: &[u8]| {
        let blank = checksum.iter().all(|&byte| byte == 0);
        if blank { Ok(Found::Torn) } else { Err(Altered) }
    };
    let (fields, sum) = head.split_at(HEAD_BYTES - 4);
    let checksum = crc32c::crc32c(fields);
    if word(sum) != checksum {
        return altered(&bytes[HEAD_BYTES - 4..]);
    }
    let length = word(&fields[..4]) as usize;
    if fields[4..12] != number.to_le_bytes() || length > MAX_PAYLOAD {
        return Err(Altered);
    }
    let Some(sum) = rest.get(length..length + TAIL_BYTES) else {
        return Ok(Found::Torn);
    };
    let payload = &rest[..length];
    if word(sum) != crc32c::crc32c_append(checksum, payload) {
        return altered(&rest[length..]);
    }
    Ok(Found::Whole { tag: fields[12], payload, bytes: &bytes[..HEAD_BYTES + length + TAIL_BYTES] })
}

/// Appends a frame whose payload `write` appends; gives where in `bytes` the payload is.
pub(crate) fn append(
    bytes: &mut Vec<u8>,
    number: u64,
    tag: u8,
    write: impl FnOnce(&mut Vec<u8>),
) -> std::ops::Range<usize> {
    let start = bytes.len();
    bytes.extend([0; HEAD_BYTES]);
    write(bytes);
    let payload = start + HEAD_BYTES..bytes.len();
    let head = &mut bytes[start..payload.start];
    head[..4].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[4..12].copy_from_slice(&number.to_le_bytes());
    head[12] = tag;
    let sum = crc32c::crc32c(&head[..HEAD_BYTES - 4]);
    head[HEAD_BYTES - 4..].copy_from_slice(&sum.to_le_bytes());
    let sum = crc32c::crc32c_append(sum, &bytes[payload.clone()]);
    bytes.extend(sum.to_le_bytes());
    payload
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(number: u64, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        append(&mut bytes, number, 7, |bytes| bytes.extend(payload));
        bytes
    }

    #[test]
    fn a_frame_of_another_number_or_beyond_all_length_is_altered() {
        let bytes = frame(3, b"abc");
        assert_eq!(next(&bytes, 4), Err(Altered));
        let mut long = frame(3, b"abc");
        long[..4].copy_from_slice(&(MAX_PAYLOAD as u32 + 1).to_le_bytes());
        let sum = crc32c::crc32c(&long[..HEAD_BYTES - 4]);
        long[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(next(&long, 3), Err(Altered));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(payload in prop::collection::vec(any::<u8>(), 0..40), number in any::<u64>()) {
            let bytes = frame(number, &payload);
            prop_assert_eq!(next(&bytes, number), Ok(Found::Whole { tag: 7, payload: &payload, bytes: &bytes }));
        }

        #[test]
        fn what_is_cut_is_torn_and_what_is_turned_over_is_altered(
            payload in prop::collection::vec(any::<u8>(), 0..40), at in any::<prop::sample::Index>(), bit in 0u8..8
        ) {
            let mut bytes = frame(5, &payload);
            let place = at.index(bytes.len());
            prop_assert_eq!(next(&bytes[..place], 5), Ok(Found::Torn));
            bytes[place] ^= 1 << bit;
            prop_assert_eq!(next(&bytes, 5), Err(Altered));
        }
    }
}
