//! Average true range.

use super::{canonical, undefined};

/// Average true range of J. Welles Wilder (1978), as TA-Lib's `ATR`: the true range is the greatest of high - low,
/// |high - previous close| and |low - previous close|, from the second bar on; it is smoothed by Wilder's method,
/// seeded by the mean of the first `period`; defined from index `period` on. The three series have one length.
#[must_use]
pub fn atr(high: &[f64], low: &[f64], close: &[f64], period: usize) -> Vec<f64> {
    let mut output = undefined(close.len());
    let complete = |index: &usize| !(high[*index].is_nan() || low[*index].is_nan() || close[*index].is_nan());
    let start = (0..close.len()).find(complete).unwrap_or(close.len());
    if period == 0 || close.len() - start <= period {
        return output;
    }
    let length = period as f64;
    let mut average = 0.0;
    for index in start + 1..close.len() {
        let range = true_range(high[index], low[index], close[index - 1]);
        if index <= start + period {
            average += range;
            if index < start + period {
                continue;
            }
            average /= length;
        } else {
            average = (average * (length - 1.0) + range) / length;
        }
        output[index] = canonical(average);
    }
    output
}

/// The greatest of the three distances; NaN where any is.
fn true_range(high: f64, low: f64, previous: f64) -> f64 {
    let mut range = high - low;
    for distance in [(previous - high).abs(), (previous - low).abs()] {
        if distance > range || distance.is_nan() {
            range = distance;
        }
    }
    range
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // True ranges: max(2, |9-11|=2, |9-9|=0) = 2; max(1, |10-15|=5, |10-14|=4) = 5; then Wilder: (3.5*1 + 3)/2.
        let high = [10.0, 11.0, 15.0, 16.0];
        let low = [8.0, 9.0, 14.0, 13.0];
        let close = [9.0, 10.0, 14.5, 15.0];
        let output = atr(&high, &low, &close, 2);
        assert!(output[1].is_nan());
        assert_eq!(output[2..], [3.5, 3.25]);
    }

    #[test]
    fn a_gap_counts() {
        assert_eq!(atr(&[1.0, 9.0], &[1.0, 9.0], &[1.0, 9.0], 1)[1], 8.0);
    }
}
