//! Numbers for tests of what holds for all of them.

use proptest::prelude::*;

/// The longest column that tests try: past two vectors of the widest path and a remainder, several times over.
const LONGEST: usize = 130;

/// Any float there is, with those that make trouble more often than chance would, and plain ones so that sums stay sums.
pub(crate) fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-500_i32..500).prop_map(|ticks| 1_000.0 + f64::from(ticks) / 7.0),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => prop::sample::select(vec![
            0.0,
            -0.0,
            f64::NAN,
            -f64::NAN,
            f64::from_bits(0x7ff0_0000_0000_0001),
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MIN_POSITIVE / 3.0,
            f64::from_bits(1),
            f64::MAX,
            f64::MIN,
        ]),
    ]
}

/// A column of any numbers, and where a slice of it begins, so that vectors are not aligned. One in two has only plain
/// numbers.
pub(crate) fn column() -> impl Strategy<Value = (Vec<f64>, usize)> {
    let plain = || (-500_i32..500).prop_map(|ticks| 1_000.0 + f64::from(ticks) / 7.0);
    let any = prop::collection::vec(number(), 0..=LONGEST + 8);
    let tame = prop::collection::vec(plain(), 0..=LONGEST + 8);
    (prop_oneof![any, tame], 0_usize..8).prop_map(|(column, skipped)| {
        let skipped = skipped.min(column.len());
        (column, skipped)
    })
}

/// Whether every NaN among numbers is the canonical one.
pub(crate) fn canonical(numbers: &[f64]) -> bool {
    numbers.iter().all(|number| !number.is_nan() || number.to_bits() == f64::NAN.to_bits())
}

/// What numbers are to the last bit.
pub(crate) fn bits(numbers: &[f64]) -> Vec<u64> {
    numbers.iter().map(|number| number.to_bits()).collect()
}
