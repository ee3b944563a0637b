//! The search of a side of a book for its next level, on the path of the processor.
//!
//! What is looked for is a place, the highest of which something is known: which lanes of a vector hold something is told in
//! bits, and the highest bit is the place, so that no width finds another.

use fearless_simd::{Simd, SimdBase, SimdMask};

use crate::simd::{Kernel, Path};

/// Levels of a block: where its byte is 0, none of them is looked at.
pub(super) const BLOCK: usize = 32;

/// The highest slot at or below `slot` whose quantity is not 0. Blocks below that of the slot are looked at where their
/// byte in `touched` is not 0.
///
/// # Panics
/// Where the slot is not in the array, or there are fewer bytes than blocks up to its own.
#[inline]
pub(super) fn held_at_or_below(path: Path, quantity: &[i64], touched: &[u8], slot: usize) -> Option<usize> {
    path.run(Held { quantity, touched, slot })
}

struct Held<'a> {
    quantity: &'a [i64],
    touched: &'a [u8],
    slot: usize,
}

impl Kernel for Held<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Self::Output {
        let (mut block, mut end) = (self.slot / BLOCK, self.slot + 1);
        loop {
            let start = block * BLOCK;
            if let Some(offset) = last_quantity(simd, &self.quantity[start..end]) {
                return Some(start + offset);
            }
            block = last_touched(simd, &self.touched[..block])?;
            end = (block + 1) * BLOCK;
        }
    }
}

/// The last of some quantities that is not 0.
#[inline(always)]
fn last_quantity<S: Simd>(simd: S, quantities: &[i64]) -> Option<usize> {
    let zero = S::i64s::splat(simd, 0);
    let mut end = quantities.len();
    while let Some(start) = end.checked_sub(S::i64s::LEN) {
        let held = S::i64s::from_slice(simd, &quantities[start..end]).simd_ne(zero).to_bitmask();
        if let Some(lane) = held.checked_ilog2() {
            return Some(start + lane as usize);
        }
        end = start;
    }
    quantities[..end].iter().rposition(|&quantity| quantity != 0)
}

/// The last of some bytes that is not 0.
#[inline(always)]
fn last_touched<S: Simd>(simd: S, touched: &[u8]) -> Option<usize> {
    let zero = S::u8s::splat(simd, 0);
    let mut end = touched.len();
    while let Some(start) = end.checked_sub(S::u8s::LEN) {
        let set = S::u8s::from_slice(simd, &touched[start..end]).simd_ne(zero).to_bitmask();
        if let Some(lane) = set.checked_ilog2() {
            return Some(start + lane as usize);
        }
        end = start;
    }
    touched[..end].iter().rposition(|&byte| byte != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An array of whole blocks that is empty but for a few places, and for each block whether its byte is set though it
    /// holds nothing.
    fn arrays() -> impl Strategy<Value = (Vec<i64>, Vec<u8>)> {
        let quantity = prop_oneof![1i64..9, Just(1 << 59), Just(1 << 32), Just(i64::MIN)];
        let held = prop::collection::vec((any::<prop::sample::Index>(), quantity), 0..6);
        (prop::collection::vec(0u8..2, 1..150), held).prop_map(|(mut touched, held)| {
            let mut quantities = vec![0; touched.len() * BLOCK];
            for (place, quantity) in held {
                let slot = place.index(quantities.len());
                quantities[slot] = quantity;
                touched[slot / BLOCK] = 1;
            }
            (quantities, touched)
        })
    }

    proptest! {
        #[test]
        fn every_path_finds_the_highest_slot_that_holds_something(
            (quantity, touched) in arrays(), slot in any::<prop::sample::Index>()
        ) {
            let slot = slot.index(quantity.len());
            let expected = quantity[..=slot].iter().rposition(|&quantity| quantity != 0);
            for path in Path::available() {
                let found = held_at_or_below(path, &quantity, &touched, slot);
                prop_assert_eq!(found, expected, "{}", path.name());
            }
        }
    }

    #[test]
    fn one_quantity_is_found_from_each_slot_above_it_and_from_none_below() {
        for path in Path::available() {
            for held in 0..3 * BLOCK {
                let mut quantity = vec![0; 3 * BLOCK];
                quantity[held] = 1;
                for slot in 0..3 * BLOCK {
                    let found = held_at_or_below(path, &quantity, &[1; 3], slot);
                    assert_eq!(found, (slot >= held).then_some(held), "{} {held} {slot}", path.name());
                }
            }
        }
    }

    /// Past a vector of the widest path and into what is left of it, the one byte that is set is the one that is found.
    #[test]
    fn one_byte_is_found_however_far_it_is() {
        for path in Path::available() {
            for block in 0..140 {
                let (mut quantity, mut touched) = (vec![0; 140 * BLOCK], vec![0; 140]);
                quantity[block * BLOCK + 5] = 1;
                touched[block] = 1;
                let found = held_at_or_below(path, &quantity, &touched, 140 * BLOCK - 1);
                assert_eq!(found, Some(block * BLOCK + 5), "{}", path.name());
            }
        }
    }

    #[test]
    fn a_block_whose_byte_says_nothing_is_not_looked_at() {
        let (mut quantity, touched) = (vec![0; 4 * BLOCK], [1, 0, 0, 0]);
        quantity[2 * BLOCK] = 7;
        for path in Path::available() {
            assert_eq!(held_at_or_below(path, &quantity, &touched, 4 * BLOCK - 1), None, "{}", path.name());
        }
    }
}
