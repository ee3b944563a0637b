//! A column of integers as planes of bytes: the first plane holds the lowest byte of each value, the next the second.
//!
//! A column has as many planes as its largest value has bytes, none where all are zero. Planes of high bytes are nearly
//! all zeros, so they compress to almost nothing, and there is no padding to a power of two to hash.

/// Rows that are worked on at a time, so that what lies between two steps stays in the first-level cache.
pub(super) const CHUNK: usize = 1_024;

/// A signed integer as an unsigned one that is small where the magnitude is: 0, -1, 1, -2 are 0, 1, 2, 3.
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The signed integer of [`zigzag`].
#[inline(always)]
pub(super) fn unzigzag(folded: u64) -> i64 {
    (folded >> 1) as i64 ^ -((folded & 1) as i64)
}

/// Number of planes that values up to `largest` need.
pub(super) fn width_of(largest: u64) -> usize {
    (u64::BITS - largest.leading_zeros()).div_ceil(8) as usize
}

/// Appends a chunk of values to their planes.
pub(super) fn split(values: &[u64], planes: &mut [Vec<u8>]) {
    for (index, plane) in planes.iter_mut().enumerate() {
        plane.extend(values.iter().map(|value| (value >> (8 * index)) as u8));
    }
}

/// Puts the values of a chunk together from its planes, each as long as `values`.
#[inline(always)]
pub(super) fn join(planes: &[&[u8]], values: &mut [u64]) {
    match *planes {
        [] => values.fill(0),
        [a] => join_each([a], values),
        [a, b] => join_each([a, b], values),
        [a, b, c] => join_each([a, b, c], values),
        [a, b, c, d] => join_each([a, b, c, d], values),
        [a, b, c, d, ref higher @ ..] => {
            join_each([a, b, c, d], values);
            for (index, plane) in higher.iter().enumerate() {
                for (value, &byte) in values.iter_mut().zip(*plane) {
                    *value |= u64::from(byte) << (8 * (index + 4));
                }
            }
        }
    }
}

#[inline(always)]
fn join_each<const WIDTH: usize>(planes: [&[u8]; WIDTH], values: &mut [u64]) {
    let planes = planes.map(|plane| &plane[..values.len()]);
    for (row, value) in values.iter_mut().enumerate() {
        *value = (0..WIDTH).fold(0, |joined, index| joined | u64::from(planes[index][row]) << (8 * index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_magnitudes_fold_to_small_numbers() {
        let folded: Vec<u64> = [0, -1, 1, -2, i64::MAX, i64::MIN].map(zigzag).to_vec();
        assert_eq!(folded, [0, 1, 2, 3, u64::MAX - 1, u64::MAX]);
        assert!(folded.iter().map(|&number| unzigzag(number)).eq([0, -1, 1, -2, i64::MAX, i64::MIN]));
    }

    #[test]
    fn a_width_is_the_bytes_of_the_largest() {
        assert_eq!([0, 1, 255, 256, 65_535, 65_536, u64::MAX].map(width_of), [0, 1, 1, 2, 2, 3, 8]);
    }

    #[test]
    fn values_of_every_width_come_back() {
        for width in 0..=8 {
            let mask = if width == 0 { 0 } else { u64::MAX >> (64 - 8 * width) };
            let values: Vec<u64> =
                (0..CHUNK as u64).map(|row| row.wrapping_mul(0x9e37_79b9_7f4a_7c15) & mask).collect();
            let mut planes = vec![Vec::new(); width];
            split(&values, &mut planes);
            let mut joined = vec![7; CHUNK];
            join(&planes.iter().map(Vec::as_slice).collect::<Vec<_>>(), &mut joined);
            assert_eq!(joined, values);
        }
    }
}
