//! Simple and exponential moving averages.

use super::{canonical, first_number, undefined};

/// Simple moving average (TA-Lib `SMA`): the mean of the last `period` values, defined from the `period`-th on.
///
/// The sum runs: the newest value is added, the mean is taken, the oldest is taken off, as TA-Lib does.
#[must_use]
pub fn sma(series: &[f64], period: usize) -> Vec<f64> {
    let mut output = undefined(series.len());
    let start = first_number(series);
    if period == 0 || series.len() - start < period {
        return output;
    }
    let mut sum: f64 = series[start..start + period - 1].iter().sum();
    for index in start + period - 1..series.len() {
        sum += series[index];
        output[index] = canonical(sum / period as f64);
        sum -= series[index + 1 - period];
    }
    output
}

/// Exponential moving average (TA-Lib `EMA`): smoothing 2/(period+1), seeded by the simple mean of the first `period`
/// values, defined from the `period`-th on.
#[must_use]
pub fn ema(series: &[f64], period: usize) -> Vec<f64> {
    let mut output = undefined(series.len());
    let start = first_number(series);
    if period == 0 || series.len() - start < period {
        return output;
    }
    let seed = start + period - 1;
    let mut average = Average::seeded(&series[start..=seed]);
    output[seed] = canonical(average.value);
    for index in seed + 1..series.len() {
        average.add(series[index]);
        output[index] = canonical(average.value);
    }
    output
}

/// An exponential average as it runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Average {
    /// What it is now.
    pub value: f64,
    smoothing: f64,
}

impl Average {
    /// The average whose period is the number of values given, and which begins with their mean.
    pub(super) fn seeded(values: &[f64]) -> Self {
        let period = values.len() as f64;
        Self { value: values.iter().sum::<f64>() / period, smoothing: 2.0 / (period + 1.0) }
    }

    /// Takes the next value in.
    #[inline(always)]
    pub(super) fn add(&mut self, value: f64) {
        self.value += (value - self.value) * self.smoothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sma_by_hand() {
        // (1+2+3)/3 = 2, (2+3+7)/3 = 4
        let output = sma(&[1.0, 2.0, 3.0, 7.0], 3);
        assert!(output[0].is_nan() && output[1].is_nan());
        assert_eq!(output[2..], [2.0, 4.0]);
    }

    #[test]
    fn ema_by_hand() {
        // Seed (1+2+3)/3 = 2; smoothing 1/2: 2 + (7-2)/2 = 4.5, 4.5 + (0.5-4.5)/2 = 2.5
        assert_eq!(ema(&[1.0, 2.0, 3.0, 7.0, 0.5], 3)[2..], [2.0, 4.5, 2.5]);
    }

    #[test]
    fn leading_nan_delays_and_later_nan_spreads() {
        let output = sma(&[f64::NAN, 1.0, 3.0, -f64::NAN, 5.0], 2);
        assert_eq!(output[2], 2.0);
        assert!(output.iter().skip(3).all(|value| value.to_bits() == f64::NAN.to_bits()));
    }

    #[test]
    fn a_short_series_is_undefined() {
        assert!(sma(&[1.0], 2).iter().chain(&ema(&[], 2)).all(|value| value.is_nan()));
    }
}
