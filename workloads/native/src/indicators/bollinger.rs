//! Bollinger bands.

use super::window::moments;
use super::{canonical, first_number, undefined};

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
    let length = series.len();
    let mut bands = Bands { upper: undefined(length), middle: undefined(length), lower: undefined(length) };
    moments(series, period, first_number(series), |index, moments| {
        bands.middle[index] = moments.mean;
        bands.upper[index] = moments.mean + width * moments.deviation;
        bands.lower[index] = moments.mean - width * moments.deviation;
    });
    Bands { upper: canonical(bands.upper), middle: canonical(bands.middle), lower: canonical(bands.lower) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
