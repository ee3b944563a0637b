//! Mean and variance over a moving window, without the cancellation of a running sum of squares.
//!
//! Sums run in the order of time, one window after the other, so they are taken one by one; what follows from each (two
//! or three divisions and a square root) is the greater part of the work and has no order, so it is done on vectors, a
//! stretch of windows at a time.

use std::ops::Range;

use fearless_simd::{Select, Simd, SimdBase, SimdFloat};

use super::first_number;
use crate::simd::Source;

/// Windows whose sums are taken before what follows from them is computed: few enough to stay in the nearest cache.
const STRETCH: usize = 256;

/// Sums of consecutive windows, a column for each.
pub(super) struct Stretch {
    /// Value that differences are taken to.
    anchor: [f64; STRETCH],
    /// Newest value less the anchor.
    newest: [f64; STRETCH],
    /// Sum of the differences.
    sum: [f64; STRETCH],
    /// Sum of their squares.
    squares: [f64; STRETCH],
}

impl Default for Stretch {
    fn default() -> Self {
        let column = [0.0; STRETCH];
        Self { anchor: column, newest: column, sum: column, squares: column }
    }
}

/// Moments of a vector of windows.
pub(super) struct Moments<S: Simd> {
    /// Mean of the window.
    pub mean: S::f64s,
    /// Population standard deviation.
    pub deviation: S::f64s,
    /// The newest value less the mean, taken before either is rounded to the level of the values.
    pub distance: S::f64s,
}

impl Stretch {
    /// Moments of the windows from index `at` of the stretch on; all NaN where a window has no variance to speak of.
    #[inline(always)]
    pub(super) fn moments<S: Simd>(&self, simd: S, at: usize, period: f64) -> Moments<S> {
        let undefined = S::f64s::splat(simd, f64::NAN);
        let zero = S::f64s::splat(simd, 0.0);
        let mean = Source(&self.sum).load(simd, at) / period;
        let variance = Source(&self.squares).load(simd, at) / period - mean * mean;
        let known = variance.simd_eq(variance);
        let deviation = variance.simd_gt(zero).select(variance, zero).sqrt();
        Moments {
            mean: known.select(Source(&self.anchor).load(simd, at) + mean, undefined),
            deviation: known.select(deviation, undefined),
            distance: known.select(Source(&self.newest).load(simd, at) - mean, undefined),
        }
    }
}

/// The windows of a series, in order.
///
/// Sums are of differences to an anchor, a value of the window itself, and are taken anew every `period` values: their
/// rounding neither grows with the length of the series nor with the level of the values, only with the largest
/// difference within the last two windows, and the work stays linear.
/// A window of equal values has a deviation of exactly 0.
pub(super) struct Windows<'a> {
    series: &'a [f64],
    period: usize,
    next: usize,
    anchor: f64,
    sum: f64,
    squares: f64,
    /// Windows until the sums are taken anew.
    until_anew: usize,
    /// How many values up to the last one are equal.
    equal: usize,
    /// Index after the last value that is not finite.
    broken: usize,
}

impl<'a> Windows<'a> {
    /// The full windows of `period` values from the first number of a series on.
    pub(super) fn new(series: &'a [f64], period: usize) -> Self {
        let start = first_number(series);
        let some = period > 0 && series.len() - start >= period;
        let next = if some { start + period - 1 } else { series.len() };
        let (anchor, sum, squares) = (0.0, 0.0, 0.0);
        let mut windows = Self { series, period, next, anchor, sum, squares, until_anew: 0, equal: 0, broken: 0 };
        (start..next).for_each(|index| windows.note(index));
        windows
    }

    /// Takes the sums of the next windows; gives the indices of their newest values, or None where there are no more.
    /// Inlined, so that it is compiled with the instructions of each path: it has no lanes, and gains all the same.
    #[inline(always)]
    pub(super) fn take(&mut self, stretch: &mut Stretch) -> Option<Range<usize>> {
        let first = self.next;
        let count = (self.series.len() - first).min(STRETCH);
        for at in 0..count {
            let index = first + at;
            let value = self.series[index];
            self.note(index);
            self.slide(index, value);
            if self.equal >= self.period {
                // What the sums would say but for rounding; the sign of zero survives.
                (stretch.anchor[at], stretch.newest[at]) = (value, 0.0);
                (stretch.sum[at], stretch.squares[at]) = (-0.0, 0.0);
            } else {
                (stretch.anchor[at], stretch.newest[at]) = (self.anchor, value - self.anchor);
                (stretch.sum[at], stretch.squares[at]) = (self.sum, self.squares);
            }
        }
        self.next += count;
        (count > 0).then_some(first..self.next)
    }

    /// Notes whether a value equals the one before, and whether it is finite.
    #[inline(always)]
    fn note(&mut self, index: usize) {
        let value = self.series[index];
        let equal = index > 0 && value == self.series[index - 1];
        self.equal = self.equal * usize::from(equal) + 1;
        self.broken = if value.is_finite() { self.broken } else { index + 1 };
    }

    /// Moves the sums on to the window that ends at an index.
    #[inline(always)]
    fn slide(&mut self, index: usize, value: f64) {
        if self.until_anew == 0 || self.broken + self.period > index {
            self.anchor = value;
            (self.sum, self.squares) = anchored(&self.series[index + 1 - self.period..=index], value);
        } else {
            let (new, old) = (value - self.anchor, self.series[index - self.period] - self.anchor);
            self.sum += new - old;
            self.squares += new * new - old * old;
        }
        self.until_anew = if self.until_anew == 0 { self.period - 1 } else { self.until_anew - 1 };
    }
}

/// Sum and sum of squares of the differences to an anchor.
#[inline(always)]
fn anchored(window: &[f64], anchor: f64) -> (f64, f64) {
    window.iter().fold((0.0, 0.0), |(sum, squares), value| {
        let difference = value - anchor;
        (sum + difference, squares + difference * difference)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::simd::arbitrary::{bits, column};
    use crate::simd::{Kernel, Path, canonical, store};

    /// Means, deviations and distances of a stretch.
    struct All<'a>(&'a Stretch, f64, [&'a mut [f64]; 3]);

    impl Kernel for All<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            let [means, deviations, distances] = self.2;
            for at in (0..means.len()).step_by(S::f64s::LEN) {
                let moments = self.0.moments(simd, at, self.1);
                store::<S>(canonical(simd, moments.mean), means, at);
                store::<S>(canonical(simd, moments.deviation), deviations, at);
                store::<S>(canonical(simd, moments.distance), distances, at);
            }
        }
    }

    /// The moments of every full window on a path.
    fn found(path: Path, series: &[f64], period: usize) -> [Vec<f64>; 3] {
        let mut lines: [Vec<f64>; 3] = Default::default();
        let (mut windows, mut stretch) = (Windows::new(series, period), Stretch::default());
        while let Some(range) = windows.take(&mut stretch) {
            let from = lines[0].len();
            lines.iter_mut().for_each(|line| line.resize(from + range.len(), 0.0));
            path.run(All(&stretch, period as f64, lines.each_mut().map(|line| &mut line[from..])));
        }
        lines
    }

    /// The same, one window after the other, as the definition says it.
    fn by_definition(series: &[f64], period: usize) -> [Vec<f64>; 3] {
        let mut lines: [Vec<f64>; 3] = Default::default();
        let start = first_number(series);
        let (mut anchor, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for last in start + period - 1..series.len() {
            let window = &series[last + 1 - period..=last];
            let since = &series[last.saturating_sub(period)..=last];
            if (last + 1 - start).is_multiple_of(period) || since.iter().any(|value| !value.is_finite()) {
                anchor = series[last];
                (sum, squares) = anchored(window, anchor);
            } else {
                let (new, old) = (series[last] - anchor, series[last - period] - anchor);
                sum += new - old;
                squares += new * new - old * old;
            }
            let mean = sum / period as f64;
            let variance = squares / period as f64 - mean * mean;
            let moments = if window.iter().all(|value| *value == series[last]) || period == 1 {
                [series[last], 0.0, 0.0]
            } else if variance.is_nan() {
                [f64::NAN; 3]
            } else {
                [anchor + mean, variance.max(0.0).sqrt(), series[last] - anchor - mean]
            };
            lines.iter_mut().zip(moments).for_each(|(line, number)| line.push(crate::indicators::canonical(number)));
        }
        lines
    }

    proptest! {
        #[test]
        fn moments_are_those_of_the_definition_on_every_path((column, skipped) in column(), period in 1_usize..40) {
            let column = &column[skipped..];
            let expected = by_definition(column, period).map(|line| bits(&line));
            for path in Path::available() {
                prop_assert_eq!(found(path, column, period).map(|line| bits(&line)), expected.clone(), "{}", path.name());
            }
        }
    }

    #[test]
    fn a_series_longer_than_a_stretch_goes_on_where_it_was() {
        let series: Vec<f64> = (0..2 * STRETCH + 7).map(|value| f64::from(value as u32 * 7919 % 1013)).collect();
        for path in Path::available() {
            assert_eq!(
                found(path, &series, 9).map(|line| bits(&line)),
                by_definition(&series, 9).map(|line| bits(&line))
            );
        }
    }

    #[test]
    fn no_window_is_full_of_too_short_a_series_or_of_none() {
        for (series, period) in [(&[1.0, 2.0][..], 3), (&[], 1), (&[f64::NAN, 1.0], 2), (&[1.0], 0)] {
            assert!(found(Path::scalar(), series, period)[0].is_empty());
        }
    }
}
