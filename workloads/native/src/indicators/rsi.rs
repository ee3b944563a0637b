//! Relative strength index.

use super::{EPSILON, canonical, first_number, undefined};

/// Relative strength index of J. Welles Wilder (New Concepts in Technical Trading Systems, 1978), as TA-Lib's `RSI`:
/// 100 * gain / (gain + loss) of Wilder-smoothed gains and losses, defined from index `period` on. 0 where neither
/// gains nor losses occurred, as in TA-Lib.
#[must_use]
pub fn rsi(series: &[f64], period: usize) -> Vec<f64> {
    let mut output = undefined(series.len());
    let start = first_number(series);
    if period == 0 || series.len() - start <= period {
        return output;
    }
    let (mut gain, mut loss) = (0.0, 0.0);
    let length = period as f64;
    for index in start + 1..series.len() {
        let change = series[index] - series[index - 1];
        let (up, down) = if change < 0.0 { (0.0, -change) } else { (change, 0.0) };
        if index <= start + period {
            gain += up;
            loss += down;
            if index < start + period {
                continue;
            }
            gain /= length;
            loss /= length;
        } else {
            gain = (gain * (length - 1.0) + up) / length;
            loss = (loss * (length - 1.0) + down) / length;
        }
        let sum = gain + loss;
        output[index] = if sum.abs() < EPSILON { 0.0 } else { canonical(100.0 * (gain / sum)) };
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Changes +2, -1 | +3: gain 1, loss 0.5 -> 100*1/1.5; then gain (1+3)/2 = 2, loss 0.25 -> 100*2/2.25.
        let output = rsi(&[10.0, 12.0, 11.0, 14.0], 2);
        assert!(output[1].is_nan());
        assert_eq!(output[2..], [100.0 * (1.0 / 1.5), 100.0 * (2.0 / 2.25)]);
    }

    #[test]
    fn only_gains_only_losses_and_neither() {
        assert_eq!(rsi(&[1.0, 2.0, 3.0], 2)[2], 100.0);
        assert_eq!(rsi(&[3.0, 2.0, 1.0], 2)[2], 0.0);
        assert_eq!(rsi(&[1.0, 1.0, 1.0], 2)[2], 0.0);
    }

    #[test]
    fn a_later_nan_spreads() {
        assert!(rsi(&[1.0, 2.0, f64::NAN, 3.0, 4.0], 2)[4].is_nan());
    }
}
