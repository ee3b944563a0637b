//! Standard score over a moving window.

use fearless_simd::{Select, Simd, SimdBase};

use super::undefined;
use super::window::{Stretch, Windows};
use crate::simd::{self, Kernel, Path, canonical, store};

/// (value - mean) / population standard deviation of the last `period` values; NaN where the deviation is 0.
#[must_use]
pub fn zscore(series: &[f64], period: usize) -> Vec<f64> {
    zscore_on(simd::active(), series, period)
}

fn zscore_on(path: Path, series: &[f64], period: usize) -> Vec<f64> {
    let mut line = undefined(series.len());
    path.run(Scores { windows: Windows::new(series, period), period: period as f64, line: &mut line });
    line
}

/// The scores of all windows.
struct Scores<'a> {
    windows: Windows<'a>,
    period: f64,
    line: &'a mut [f64],
}

impl Kernel for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let undefined = S::f64s::splat(simd, f64::NAN);
        let mut stretch = Stretch::default();
        while let Some(range) = self.windows.take(&mut stretch) {
            let line = &mut self.line[range];
            for at in (0..line.len()).step_by(S::f64s::LEN) {
                let moments = stretch.moments(simd, at, self.period);
                let score = moments.distance / moments.deviation;
                let score = moments.deviation.simd_gt(0.0).select(score, undefined);
                store::<S>(canonical(simd, score), line, at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::arbitrary::{self, bits, column};

    proptest! {
        #[test]
        fn every_path_gives_the_bits_of_the_scalar_one((column, skipped) in column(), period in 0_usize..40) {
            let column = &column[skipped..];
            let line = |path| bits(&zscore_on(path, column, period));
            prop_assert!(arbitrary::canonical(&zscore_on(Path::scalar(), column, period)));
            for path in Path::available() {
                prop_assert_eq!(line(path), line(Path::scalar()), "{}", path.name());
            }
        }
    }

    #[test]
    fn by_hand() {
        // Mean 4, deviation 2: (6-4)/2 = 1; then mean 3, deviation 3: (0-3)/3 = -1.
        assert_eq!(zscore(&[2.0, 6.0, 0.0], 2)[1..], [1.0, -1.0]);
    }

    #[test]
    fn undefined_without_deviation() {
        assert!(zscore(&[0.1, 0.1, 0.1], 3)[2].is_nan());
    }
}
