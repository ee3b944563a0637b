//! Moving average convergence divergence.

use super::moving_average::Average;
use super::{canonical, first_number, undefined};

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
///
/// The three averages wait for themselves alone, so one pass that carries all of them takes hardly longer than one of
/// them would.
#[must_use]
pub fn macd(series: &[f64], fast: usize, slow: usize, signal: usize) -> Macd {
    let (fast, slow) = if slow < fast { (slow, fast) } else { (fast, slow) };
    let length = series.len();
    let start = first_number(series);
    let mut lines = Macd { macd: undefined(length), signal: undefined(length), histogram: undefined(length) };
    if fast == 0 || signal == 0 || length - start < slow + signal - 1 {
        return lines;
    }
    let first = start + slow - 1;
    let defined = first + signal - 1;
    let mut averages = Averages {
        quick: Average::seeded(&series[start + slow - fast..=first]),
        slow: Average::seeded(&series[start..=first]),
    };
    // The differences that seed the signal pass through the line of the histogram, which is not defined there yet.
    lines.histogram[first] = averages.difference();
    for (difference, &value) in lines.histogram[first + 1..=defined].iter_mut().zip(&series[first + 1..]) {
        *difference = averages.after(value);
    }
    let seed = lines.histogram[defined];
    let mut smoothed = Average::seeded(&lines.histogram[first..=defined]);
    lines.histogram[first..defined].fill(f64::NAN);
    lines.put(defined, seed, smoothed.value);
    for (index, &value) in series.iter().enumerate().skip(defined + 1) {
        let difference = averages.after(value);
        smoothed.add(difference);
        lines.put(index, difference, smoothed.value);
    }
    lines
}

impl Macd {
    /// Writes what the three lines are at an index.
    #[inline(always)]
    fn put(&mut self, index: usize, difference: f64, smoothed: f64) {
        self.macd[index] = if smoothed.is_nan() { f64::NAN } else { difference };
        self.signal[index] = canonical(smoothed);
        self.histogram[index] = canonical(difference - smoothed);
    }
}

/// The two averages of the series.
struct Averages {
    quick: Average,
    slow: Average,
}

impl Averages {
    #[inline(always)]
    fn difference(&self) -> f64 {
        self.quick.value - self.slow.value
    }

    /// The difference after one more value.
    #[inline(always)]
    fn after(&mut self, value: f64) -> f64 {
        self.quick.add(value);
        self.slow.add(value);
        self.difference()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::indicators::ema;
    use crate::simd::arbitrary::{self, bits, column};

    /// The same, one average after the other.
    fn by_definition(series: &[f64], fast: usize, slow: usize, signal: usize) -> [Vec<f64>; 3] {
        let start = first_number(series);
        let first = start + slow - 1;
        let quick = ema(&series[(start + slow - fast).min(series.len())..], fast);
        let slower = ema(series, slow);
        let mut difference = undefined(series.len());
        for index in first..series.len() {
            difference[index] = canonical(quick[index - (start + slow - fast)] - slower[index]);
        }
        let smoothed = ema(&difference, signal);
        let known = |number: f64, index: usize| if smoothed[index].is_nan() { f64::NAN } else { canonical(number) };
        let at = |number: &dyn Fn(usize) -> f64| (0..series.len()).map(|index| known(number(index), index)).collect();
        [at(&|index| difference[index]), smoothed.clone(), at(&|index| difference[index] - smoothed[index])]
    }

    proptest! {
        #[test]
        fn one_pass_gives_the_bits_of_three(
            (column, skipped) in column(), fast in 1_usize..20, more in 0_usize..20, signal in 1_usize..12
        ) {
            let column = &column[skipped..];
            let lines = macd(column, fast, fast + more, signal);
            prop_assert!([&lines.macd, &lines.signal, &lines.histogram].iter().all(|line| arbitrary::canonical(line)));
            let found = [lines.macd, lines.signal, lines.histogram].map(|line| bits(&line));
            prop_assert_eq!(found, by_definition(column, fast, fast + more, signal).map(|line| bits(&line)));
        }
    }

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
