//! Mean and variance over a moving window, without the cancellation of a running sum of squares.

/// Moments of one window.
pub(super) struct Moments {
    /// Mean of the window.
    pub mean: f64,
    /// Population standard deviation.
    pub deviation: f64,
    /// The newest value less the mean, taken before either is rounded to the level of the values.
    pub distance: f64,
}

/// Calls `visit` with the index and moments of each full window of `period` values from `start` on.
///
/// Sums are of differences to an anchor, a value of the window itself, and are taken anew every `period` values: their
/// rounding neither grows with the length of the series nor with the level of the values, only with the largest
/// difference within the last two windows, and the work stays linear.
/// A window of equal values has a deviation of exactly 0.
pub(super) fn moments(series: &[f64], period: usize, start: usize, mut visit: impl FnMut(usize, Moments)) {
    if period == 0 || series.len() < start + period {
        return;
    }
    let length = period as f64;
    let (mut anchor, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let mut equal = 0;
    let mut broken = 0;
    for (index, &value) in series.iter().enumerate().skip(start) {
        equal = if index > start && value == series[index - 1] { equal + 1 } else { 1 };
        broken = if value.is_finite() { broken } else { index + 1 };
        if index + 1 < start + period {
            continue;
        }
        if (index + 1 - start).is_multiple_of(period) || broken + period > index {
            anchor = value;
            (sum, squares) = anchored(&series[index + 1 - period..=index], anchor);
        } else {
            let (new, old) = (value - anchor, series[index - period] - anchor);
            sum += new - old;
            squares += new * new - old * old;
        }
        let mean = sum / length;
        let variance = squares / length - mean * mean;
        if equal >= period {
            visit(index, Moments { mean: value, deviation: 0.0, distance: 0.0 });
        } else if variance.is_nan() {
            visit(index, Moments { mean: f64::NAN, deviation: f64::NAN, distance: f64::NAN });
        } else {
            let deviation = variance.max(0.0).sqrt();
            visit(index, Moments { mean: anchor + mean, deviation, distance: value - anchor - mean });
        }
    }
}

/// Sum and sum of squares of the differences to an anchor.
fn anchored(window: &[f64], anchor: f64) -> (f64, f64) {
    window.iter().fold((0.0, 0.0), |(sum, squares), value| {
        let difference = value - anchor;
        (sum + difference, squares + difference * difference)
    })
}
