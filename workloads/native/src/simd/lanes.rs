//! Numbers into lanes and back, for kernels that are generic over the number of lanes.

use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

/// A column that is read a vector at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a>(pub(crate) &'a [f64]);

impl Source<'_> {
    /// The vector from index `at` on; lanes past the end hold 1.
    #[inline(always)]
    pub(crate) fn load<S: Simd>(self, simd: S, at: usize) -> S::f64s {
        match self.0.get(at..at + S::f64s::LEN) {
            Some(lanes) => S::f64s::from_slice(simd, lanes),
            None => S::f64s::from_fn(simd, |lane| self.0.get(at + lane).copied().unwrap_or(1.0)),
        }
    }
}

/// Writes the lanes of a vector from index `at` of a line on, as far as the line goes.
#[inline(always)]
pub(crate) fn store<S: Simd>(vector: S::f64s, line: &mut [f64], at: usize) {
    match line.get_mut(at..at + S::f64s::LEN) {
        Some(lanes) => vector.store_slice(lanes),
        None => {
            for (lane, number) in line[at..].iter_mut().enumerate() {
                *number = vector[lane];
            }
        }
    }
}

/// The vector with every NaN the canonical one.
#[inline(always)]
pub(crate) fn canonical<S: Simd>(simd: S, vector: S::f64s) -> S::f64s {
    vector.is_nan().select(S::f64s::splat(simd, f64::NAN), vector)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::arbitrary::{bits, column};
    use crate::simd::{Kernel, Path};

    /// Copies a column into a line, NaN made canonical.
    struct Copy<'a>(&'a [f64], &'a mut [f64]);

    impl Kernel for Copy<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            for at in (0..self.0.len()).step_by(S::f64s::LEN) {
                store::<S>(canonical(simd, Source(self.0).load(simd, at)), self.1, at);
            }
        }
    }

    proptest! {
        #[test]
        fn a_copy_is_whole_and_its_nan_canonical((column, skipped) in column()) {
            let column = &column[skipped..];
            let expected: Vec<f64> = column.iter().map(|&n| if n.is_nan() { f64::NAN } else { n }).collect();
            for path in Path::available() {
                let mut line = vec![0.0; column.len()];
                path.run(Copy(column, &mut line));
                prop_assert_eq!(bits(&line), bits(&expected), "{}", path.name());
            }
        }
    }

    #[test]
    fn every_length_is_copied_whole() {
        let column: Vec<f64> = (0..=130).map(f64::from).collect();
        for length in 0..=130 {
            for path in Path::available() {
                let mut line = vec![-1.0; length];
                path.run(Copy(&column[..length], &mut line));
                assert_eq!(line, column[..length], "{} {length}", path.name());
            }
        }
    }
}
