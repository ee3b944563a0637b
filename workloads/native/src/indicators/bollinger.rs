//! Bollinger bands.

use fearless_simd::{Simd, SimdBase};

use super::undefined;
use super::window::{Stretch, Windows};
use crate::simd::{self, Kernel, Path, canonical, store};

/// The three lines of [`bollinger`].
pub struct Bands {
    /// Mean plus `width` deviations.
    pub upper: Vec<f64>,
    /// Simple moving average.
    pub middle: Vec<f64>,
    /// Mean less `width` deviations.
    pub lower: Vec<f64>,
}

/// Bands of John Bollinger (Bollinger on Bollinger Bands, 2001), as TA-Lib's `BBANDS` with a simple average: the mean
/// of the last `period` values and `width` population standard deviations above and below, defined from the
/// `period`-th value on.
#[must_use]
pub fn bollinger(series: &[f64], period: usize, width: f64) -> Bands {
    bollinger_on(simd::active(), series, period, width)
}

fn bollinger_on(path: Path, series: &[f64], period: usize, width: f64) -> Bands {
    let length = series.len();
    let mut bands = Bands { upper: undefined(length), middle: undefined(length), lower: undefined(length) };
    path.run(Around { windows: Windows::new(series, period), period: period as f64, width, bands: &mut bands });
    bands
}

/// The bands of all windows.
struct Around<'a> {
    windows: Windows<'a>,
    period: f64,
    width: f64,
    bands: &'a mut Bands,
}

impl Kernel for Around<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let mut stretch = Stretch::default();
        while let Some(range) = self.windows.take(&mut stretch) {
            let [upper, middle, lower] = [&mut self.bands.upper, &mut self.bands.middle, &mut self.bands.lower]
                .map(|line| &mut line[range.clone()]);
            for at in (0..range.len()).step_by(S::f64s::LEN) {
                let moments = stretch.moments(simd, at, self.period);
                let distance = moments.deviation * self.width;
                store::<S>(canonical(simd, moments.mean + distance), upper, at);
                store::<S>(canonical(simd, moments.mean), middle, at);
                store::<S>(canonical(simd, moments.mean - distance), lower, at);
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
        fn every_path_gives_the_bits_of_the_scalar_one(
            (column, skipped) in column(), period in 0_usize..40, width in 0.0..10.0
        ) {
            let column = &column[skipped..];
            let lines = |path| {
                let bands = bollinger_on(path, column, period, width);
                [bands.upper, bands.middle, bands.lower]
            };
            let scalar = lines(Path::scalar());
            prop_assert!(scalar.iter().all(|line| arbitrary::canonical(line)));
            for path in Path::available() {
                let found = lines(path).map(|line| bits(&line));
                prop_assert_eq!(found, scalar.each_ref().map(|line| bits(line)), "{}", path.name());
            }
        }
    }

    #[test]
    fn by_hand() {
        // Mean 4, population variance ((2-4)^2 + (6-4)^2)/2 = 4, deviation 2.
        let bands = bollinger(&[2.0, 6.0], 2, 2.0);
        assert_eq!((bands.lower[1], bands.middle[1], bands.upper[1]), (0.0, 4.0, 8.0));
        assert!(bands.middle[0].is_nan());
    }

    #[test]
    fn equal_values_have_no_width_after_any_history() {
        let mut series: Vec<f64> = (0..37).map(|value| 1e6 + f64::from(value) * 0.1).collect();
        series.extend([0.1; 7]);
        let bands = bollinger(&series, 5, 2.0);
        assert_eq!((bands.lower[43], bands.upper[43]), (0.1, 0.1));
    }

    #[test]
    fn a_nan_leaves_with_its_window() {
        let bands = bollinger(&[1.0, 2.0, f64::NAN, 4.0, 6.0, 8.0], 2, 1.0);
        assert!(bands.middle[2].is_nan() && bands.middle[3].is_nan());
        assert_eq!(bands.middle[4..], [5.0, 7.0]);
    }
}
