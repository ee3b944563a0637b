//! From a target to a share of equity.

use super::market::Market;
use super::rules::{Method, Rules, Sizing};
use crate::fixed::{ONE, divide};

/// Shares of equity are cut here: a hundredfold; the leverage limit binds long before.
const LARGEST_SHARE: f64 = 100.0;

/// Share of equity, in billionths and signed, that a target of `weight` billionths asks for at the close of `bar`; None
/// while volatility or drift cannot be estimated.
#[must_use]
pub fn share_of_equity(market: &Market<'_>, rules: &Rules, bar: usize, instrument: usize, weight: i64) -> Option<i64> {
    let sizing = &rules.sizing;
    if weight == 0 {
        return Some(0);
    }
    match sizing.method {
        Method::FixedFraction => Some(multiply(weight, sizing.fraction)),
        Method::VolatilityTarget => {
            let (_, deviation) = moments(market, sizing, bar, instrument)?;
            let volatility = deviation * rules.periods_per_year.sqrt();
            (volatility > 0.0).then(|| multiply(weight, billionths(sizing.target_volatility / volatility)))
        }
        Method::Kelly => {
            let (mean, deviation) = moments(market, sizing, bar, instrument)?;
            let variance = deviation * deviation;
            let excess = mean - rules.risk_free_rate / rules.periods_per_year;
            let toward = if weight > 0 { excess } else { -excess };
            let bet = || billionths((toward / variance).max(0.0));
            (variance > 0.0).then(|| multiply(multiply(weight, bet()), sizing.fraction))
        }
    }
}

/// Product of two numbers of billionths, within the largest share.
fn multiply(left: i64, right: i64) -> i64 {
    let limit = LARGEST_SHARE as i128 * ONE;
    let product =
        if right as i128 == ONE { i128::from(left) } else { divide(i128::from(left) * i128::from(right), ONE) };
    product.clamp(-limit, limit) as i64
}

/// A number in billionths, cut to the largest share and toward zero.
fn billionths(number: f64) -> i64 {
    (number.min(LARGEST_SHARE) * 1e9) as i64
}

/// Mean and sample standard deviation of the last `window` simple returns of an instrument's own bars up to `bar`.
fn moments(market: &Market<'_>, sizing: &Sizing, bar: usize, instrument: usize) -> Option<(f64, f64)> {
    let width = market.width();
    let mut closes = (0..=bar)
        .rev()
        .map(|row| row * width + instrument)
        .filter(|&cell| market.present[cell])
        .map(|cell| market.close[cell] as f64);
    let mut later = closes.next()?;
    let mut returns = Vec::with_capacity(sizing.window);
    for earlier in closes.take(sizing.window) {
        if earlier <= 0.0 {
            return None;
        }
        returns.push(later / earlier - 1.0);
        later = earlier;
    }
    if returns.len() < sizing.window {
        return None;
    }
    let count = sizing.window as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let squares: f64 = returns.iter().map(|value| (value - mean) * (value - mean)).sum();
    Some((mean, (squares / (count - 1.0)).sqrt()))
}
