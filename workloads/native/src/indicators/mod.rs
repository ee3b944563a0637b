//! Technical indicators on float64 series, with TA-Lib's definitions and warm-up.
//!
//! Each function takes a series and gives one or more of the same length, NaN where the indicator is undefined. NaN
//! before the first number of a series (an instrument not yet listed) delays the warm-up; a NaN after it makes what
//! depends on it NaN. Every NaN given back is the one canonical quiet NaN, for 0/0 has another sign bit on arm64 than
//! on x86-64. Sums run in the order of time and are never reordered.

mod atr;
mod bollinger;
mod macd;
mod moving_average;
mod rsi;
mod window;
mod zscore;

pub use atr::atr;
pub use bollinger::{Bands, bollinger};
pub use macd::{Macd, macd};
pub use moving_average::{ema, sma};
pub use rsi::rsi;
pub use zscore::zscore;

/// What TA-Lib takes for zero.
const EPSILON: f64 = 1e-14;

/// A series of undefined values.
fn undefined(length: usize) -> Vec<f64> {
    vec![f64::NAN; length]
}

/// Index of the first number; the length where there is none.
fn first_number(series: &[f64]) -> usize {
    series.iter().position(|value| !value.is_nan()).unwrap_or(series.len())
}

/// The number itself, or the canonical NaN.
#[inline(always)]
fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::NAN } else { number }
}
