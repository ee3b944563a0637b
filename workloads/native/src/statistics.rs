//! The figures of a summary, from the equity at each close.
//!
//! Every figure is defined in docs/results.md. Sums run in the order of time; the one power is the `libm` crate's.

use crate::engine::{Fill, Records};
use crate::fixed::{ONE, divide};

/// What annualises.
#[derive(Debug, Clone, Copy)]
pub struct Year {
    /// Bars in a year.
    pub periods: f64,
    /// Yearly risk-free rate.
    pub risk_free_rate: f64,
}

/// The deepest fall of equity from its highest point before.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawdown {
    /// As a share of the peak.
    pub depth: f64,
    /// Bar of the peak.
    pub peak: usize,
    /// Bar of the deepest point.
    pub trough: usize,
}

/// Figures of a simulation; None where one is undefined.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Final equity over capital, less one, in billionths.
    pub total_return: i128,
    /// The yearly rate that compounds to the total return.
    pub annual_return: Option<f64>,
    /// Sample standard deviation of returns, annualised.
    pub volatility: Option<f64>,
    /// Mean excess return over its deviation, annualised.
    pub sharpe: Option<f64>,
    /// Mean excess return over its downside deviation, annualised.
    pub sortino: Option<f64>,
    /// Annual return over the deepest drawdown.
    pub calmar: Option<f64>,
    /// The deepest drawdown; None where equity never fell.
    pub drawdown: Option<Drawdown>,
    /// Half the money traded in a year over mean equity.
    pub turnover: Option<f64>,
    /// Share of bars at whose close a position was held.
    pub exposure: f64,
    /// Share of closing fills with a profit.
    pub hit_rate: Option<f64>,
}

/// Computes the figures of a run that started with a capital; there is at least one bar.
#[must_use]
pub fn figures(records: &Records, capital: i128, year: Year) -> Figures {
    let equity: Vec<f64> = records.equity.iter().map(|&amount| amount as f64).collect();
    let last = records.equity[records.equity.len() - 1];
    let years = (equity.len() - 1) as f64 / year.periods;
    let annual_return = annual_return(last as f64 / capital as f64, years);
    let drawdown = deepest_drawdown(&equity);
    let (volatility, sharpe, sortino) = ratios(&equity, year);
    Figures {
        total_return: divide((last - capital) * ONE, capital),
        annual_return,
        volatility,
        sharpe,
        sortino,
        calmar: annual_return.zip(drawdown).map(|(annual, fall)| annual / fall.depth),
        drawdown,
        turnover: turnover(&records.fills, &equity, years),
        exposure: records.held as f64 / equity.len() as f64,
        hit_rate: hit_rate(&records.fills),
    }
}

fn annual_return(growth: f64, years: f64) -> Option<f64> {
    (years > 0.0 && growth > 0.0).then(|| libm::pow(growth, 1.0 / years) - 1.0).filter(|rate| rate.is_finite())
}

/// Volatility, Sharpe and Sortino ratio of the returns between consecutive closes.
fn ratios(equity: &[f64], year: Year) -> (Option<f64>, Option<f64>, Option<f64>) {
    if equity.len() < 3 || equity.iter().any(|&amount| amount <= 0.0) {
        return (None, None, None);
    }
    let rate = year.risk_free_rate / year.periods;
    let returns = || equity.windows(2).map(|pair| pair[1] / pair[0] - 1.0);
    let count = (equity.len() - 1) as f64;
    let mean = returns().sum::<f64>() / count;
    let (mut squares, mut below) = (0.0, 0.0);
    for value in returns() {
        squares += (value - mean) * (value - mean);
        let shortfall = (value - rate).min(0.0);
        below += shortfall * shortfall;
    }
    let deviation = (squares / (count - 1.0)).sqrt();
    let downside = (below / count).sqrt();
    let scale = year.periods.sqrt();
    let ratio = |risk: f64| (risk > 0.0).then(|| (mean - rate) / risk * scale);
    (Some(deviation * scale), ratio(deviation), ratio(downside))
}

fn deepest_drawdown(equity: &[f64]) -> Option<Drawdown> {
    let mut peak = 0;
    let mut deepest: Option<Drawdown> = None;
    for (bar, &amount) in equity.iter().enumerate() {
        if amount > equity[peak] {
            peak = bar;
        }
        let depth = (equity[peak] - amount) / equity[peak];
        if depth > deepest.map_or(0.0, |fall| fall.depth) {
            deepest = Some(Drawdown { depth, peak, trough: bar });
        }
    }
    deepest
}

fn turnover(fills: &[Fill], equity: &[f64], years: f64) -> Option<f64> {
    let traded: f64 = fills.iter().map(|fill| fill.notional as f64).sum();
    let mean = equity.iter().sum::<f64>() / equity.len() as f64;
    (years > 0.0 && mean > 0.0).then(|| traded / 2.0 / mean / years)
}

fn hit_rate(fills: &[Fill]) -> Option<f64> {
    let closing = |fill: &&Fill| {
        fill.position.unsigned_abs() < (fill.position - fill.quantity).unsigned_abs() || {
            let before = fill.position - fill.quantity;
            before != 0 && (before > 0) != (fill.quantity > 0)
        }
    };
    let closed = fills.iter().filter(closing).count();
    let profitable = fills.iter().filter(closing).filter(|fill| fill.realized > 0).count();
    (closed > 0).then(|| profitable as f64 / closed as f64)
}

/// A number as a decimal string of nine places, correctly rounded; zero has no sign.
#[must_use]
pub fn decimal(number: f64) -> String {
    let text = format!("{number:.9}");
    if text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.')) { String::from("0.000000000") } else { text }
}

/// Billionths as a decimal string of nine places.
#[must_use]
pub fn decimal_billionths(amount: i128) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let size = amount.unsigned_abs();
    let one = ONE.unsigned_abs();
    format!("{sign}{}.{:09}", size / one, size % one)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR: Year = Year { periods: 4.0, risk_free_rate: 0.0 };

    fn run(equity: &[i128]) -> Figures {
        let records = Records { equity: equity.to_vec(), ..Records::default() };
        figures(&records, equity[0], YEAR)
    }

    #[test]
    fn a_doubling_in_a_year() {
        let figures = run(&[100, 120, 90, 150, 200]);
        assert_eq!(figures.total_return, ONE);
        assert_eq!(figures.annual_return, Some(1.0));
        assert_eq!(figures.drawdown, Some(Drawdown { depth: 0.25, peak: 1, trough: 2 }));
        assert_eq!(figures.calmar, Some(4.0));
    }

    #[test]
    fn volatility_and_ratios_by_hand() {
        // Returns 0.5 and -0.5: mean 0, sample deviation sqrt(0.5), downside sqrt(0.125).
        let figures = run(&[100, 150, 75]);
        assert_eq!(figures.volatility, Some(0.5_f64.sqrt() * 2.0));
        assert_eq!((figures.sharpe, figures.sortino), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn undefined_figures_are_none() {
        let flat = run(&[100, 100, 100]);
        assert_eq!((flat.sharpe, flat.sortino, flat.drawdown, flat.calmar), (None, None, None, None));
        assert_eq!(flat.volatility, Some(0.0));
        let ruined = run(&[100, -5, -5]);
        assert_eq!((ruined.annual_return, ruined.volatility), (None, None));
        assert_eq!(run(&[100]).annual_return, None);
    }

    #[test]
    fn decimals_have_nine_places_and_no_negative_zero() {
        assert_eq!(decimal(-1e-12), "0.000000000");
        assert_eq!(decimal(-1.5), "-1.500000000");
        assert_eq!(decimal_billionths(-1_500_000_000), "-1.500000000");
        assert_eq!(decimal_billionths(7), "0.000000007");
    }
}
