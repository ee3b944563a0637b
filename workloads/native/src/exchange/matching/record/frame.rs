//! A frame: how long it is, its number, what it holds, and what tells that it is whole.
//!
//! The head has a checksum of its own, so that a length can be believed before what it measures is there: only so is a
//! frame whose end is missing known to be torn rather than altered.

use super::Damage;

/// Bytes of a payload, at most.
const MAX_PAYLOAD: usize = 1 << 22;

/// Length, number, tag and checksum.
const HEAD: usize = 4 + 8 + 1 + 4;

/// Checksum of the payload.
const TAIL: usize = 4;

/// What is at a place where a frame should be.
pub(super) enum Found<'a> {
    /// A frame: what it holds, and how many bytes it has in all.
    Whole { tag: u8, payload: &'a [u8], length: usize },
    /// The beginning of a frame, or nothing.
    Torn,
}

/// The frame that comes next, which must have this number.
pub(super) fn next(bytes: &[u8], number: u64) -> Result<Found<'_>, Damage> {
    let Some((head, rest)) = bytes.split_at_checked(HEAD) else {
        return Ok(Found::Torn);
    };
    let (fields, sum) = head.split_at(HEAD - 4);
    let length = word(&fields[..4]) as usize;
    if word(sum) != crc32c::crc32c(fields) || fields[4..12] != number.to_le_bytes() || length > MAX_PAYLOAD {
        return Err(Damage::Altered(number));
    }
    let Some((payload, rest)) = rest.split_at_checked(length) else {
        return Ok(Found::Torn);
    };
    let Some((sum, _)) = rest.split_at_checked(TAIL) else {
        return Ok(Found::Torn);
    };
    if word(sum) != crc32c::crc32c(payload) {
        return Err(Damage::Altered(number));
    }
    Ok(Found::Whole { tag: fields[12], payload, length: HEAD + length + TAIL })
}

/// Appends a frame whose payload `write` appends.
pub(super) fn append(bytes: &mut Vec<u8>, number: u64, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = bytes.len();
    bytes.resize(start + HEAD, 0);
    write(bytes);
    let length = (bytes.len() - start - HEAD) as u32;
    let head = &mut bytes[start..start + HEAD];
    head[..4].copy_from_slice(&length.to_le_bytes());
    head[4..12].copy_from_slice(&number.to_le_bytes());
    head[12] = tag;
    let sum = crc32c::crc32c(&head[..HEAD - 4]);
    head[HEAD - 4..].copy_from_slice(&sum.to_le_bytes());
    let sum = crc32c::crc32c(&bytes[start + HEAD..]);
    bytes.extend(sum.to_le_bytes());
}

fn word(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
}
