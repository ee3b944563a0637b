//! Moving average convergence divergence.

use super::moving_average::{ema, ema_from};
use super::{first_number, undefined};

/// The three lines of [`macd`].
pub struct Macd {
    /// Fast less slow average.
    pub macd: Vec<f64>,
    /// Exponential average of `macd`.
    pub signal: Vec<f64>,
    /// `macd` less `signal`.
    pub histogram: Vec<f64>,
}

/// MACD of Gerald Appel, with the alignment of TA-Lib's `MACD`.
///
/// The fast average is seeded by the `fast` values that end where the slow average's seed ends, so that both have the
/// same first index; all three lines are defined from index `slow + signal - 2` on. As in TA-Lib, `fast` and `slow`
/// change places where `slow` is the smaller.
#[must_use]
pub fn macd(series: &[f64], fast: usize, slow: usize, signal: usize) -> Macd {
    let (fast, slow) = if slow < fast { (slow, fast) } else { (fast, slow) };
    let length = series.len();
    let start = first_number(series);
    let mut lines = Macd { macd: undefined(length), signal: undefined(length), histogram: undefined(length) };
    if fast == 0 || signal == 0 || length - start < slow + signal - 1 {
        return lines;
    }
    let quick = ema_from(series, fast, start + slow - fast);
    let mut difference = ema_from(series, slow, start);
    for (value, quick) in difference.iter_mut().zip(quick) {
        *value = if value.is_nan() { f64::NAN } else { quick - *value };
    }
    lines.signal = ema(&difference, signal);
    for (index, &difference) in difference.iter().enumerate().skip(start + slow + signal - 2) {
        if !lines.signal[index].is_nan() {
            lines.macd[index] = difference;
            lines.histogram[index] = difference - lines.signal[index];
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // fast 1 is the series itself; slow 2 smooths by 2/3 from (1+2)/2 = 1.5: 1.5, 2.5, 6.5, ...
        // macd: 0.5, 0.5, 1.5; the signal of period 2 is seeded at index 2 by (0.5+0.5)/2.
        let lines = macd(&[1.0, 2.0, 3.0, 8.0], 1, 2, 2);
        assert!(lines.macd[1].is_nan() && lines.signal[1].is_nan());
        assert_eq!((lines.macd[2], lines.signal[2], lines.histogram[2]), (0.5, 0.5, 0.0));
        assert!((lines.macd[3] - (8.0 - (2.5 + 5.5 * 2.0 / 3.0))).abs() < 1e-12);
    }

    #[test]
    fn swapped_periods_are_put_right() {
        let series: Vec<f64> = (0..40).map(|value| f64::from(value * value % 17)).collect();
        assert_eq!(macd(&series, 5, 12, 3).macd[20], macd(&series, 12, 5, 3).macd[20]);
    }

    #[test]
    fn too_short_is_undefined() {
        assert!(macd(&[1.0; 33], 12, 26, 9).macd.iter().all(|value| value.is_nan()));
        assert!(!macd(&[1.0; 34], 12, 26, 9).macd[33].is_nan());
    }
}
