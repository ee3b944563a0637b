//! Standard score over a moving window.

use super::window::moments;
use super::{canonical, first_number, undefined};

/// (value - mean) / population standard deviation of the last `period` values; NaN where the deviation is 0.
#[must_use]
pub fn zscore(series: &[f64], period: usize) -> Vec<f64> {
    let mut output = undefined(series.len());
    moments(series, period, first_number(series), |index, moments| {
        if moments.deviation > 0.0 {
            output[index] = moments.distance / moments.deviation;
        }
    });
    canonical(output)
}

#[cfg(test)]
mod tests {
    use super::*;

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
