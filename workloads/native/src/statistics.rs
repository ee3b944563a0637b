//! The figures of a summary, from the equity at each close.
//!
//! Every figure is defined in docs/results.md. Sums run in the order of time; the one power is the `libm` crate's.

use fearless_simd::{Simd, SimdBase, SimdMask};

use crate::engine::{Fill, Records};
use crate::fixed::{ONE, divide};
use crate::simd::{self, Kernel, Path, Source, store};

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
    figures_on(simd::active(), records, capital, year)
}

fn figures_on(path: Path, records: &Records, capital: i128, year: Year) -> Figures {
    let equity = floats(&records.equity);
    let last = records.equity[records.equity.len() - 1];
    let years = (equity.len() - 1) as f64 / year.periods;
    let annual_return = annual_return(last as f64 / capital as f64, years);
    let drawdown = deepest_drawdown(path, &equity);
    let (volatility, sharpe, sortino) = ratios(path, &equity, year);
    Figures {
        total_return: divide((last - capital) * ONE, capital),
        annual_return,
        volatility,
        sharpe,
        sortino,
        calmar: annual_return.zip(drawdown).map(|(annual, fall)| annual / fall.depth).filter(|ratio| ratio.is_finite()),
        drawdown,
        turnover: turnover(&records.fills, &equity, years),
        exposure: records.held as f64 / equity.len() as f64,
        hit_rate: hit_rate(&records.fills),
    }
}

/// The floats nearest to amounts. Where 64 bits hold all of them the processor converts, which gives the same numbers
/// in a tenth of the time.
fn floats(amounts: &[i128]) -> Vec<f64> {
    if amounts.iter().all(|&amount| i64::try_from(amount).is_ok()) {
        return amounts.iter().map(|&amount| amount as i64 as f64).collect();
    }
    amounts.iter().map(|&amount| amount as f64).collect()
}

fn annual_return(growth: f64, years: f64) -> Option<f64> {
    (years > 0.0 && growth > 0.0).then(|| libm::pow(growth, 1.0 / years) - 1.0).filter(|rate| rate.is_finite())
}

/// Volatility, Sharpe and Sortino ratio of the returns between consecutive closes.
fn ratios(path: Path, equity: &[f64], year: Year) -> (Option<f64>, Option<f64>, Option<f64>) {
    let Some(returns) = returns_if_known(path, equity) else {
        return (None, None, None);
    };
    let rate = year.risk_free_rate / year.periods;
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let (mut squares, mut below) = (0.0, 0.0);
    for value in returns {
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

/// Returns between consecutive closes, in the order of time; `None` where their deviation is not defined.
pub(crate) fn known_returns(path: Path, equity: &[i128]) -> Option<Vec<f64>> {
    returns_if_known(path, &floats(equity))
}

fn returns_if_known(path: Path, equity: &[f64]) -> Option<Vec<f64>> {
    let known = equity.len() >= 3 && equity.iter().all(|&amount| amount > 0.0);
    known.then(|| returns(path, equity))
}

/// Simple returns between consecutive amounts.
fn returns(path: Path, equity: &[f64]) -> Vec<f64> {
    let mut line = vec![0.0; equity.len().saturating_sub(1)];
    path.run(Returns { equity, line: &mut line });
    line
}

/// Each amount over the one before, less one.
struct Returns<'a> {
    equity: &'a [f64],
    line: &'a mut [f64],
}

impl Kernel for Returns<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        for at in (0..self.line.len()).step_by(S::f64s::LEN) {
            let earlier = Source(self.equity).load(simd, at);
            let later = Source(&self.equity[1..]).load(simd, at);
            store::<S>(later / earlier - 1.0, self.line, at);
        }
    }
}

fn deepest_drawdown(path: Path, equity: &[f64]) -> Option<Drawdown> {
    let fall = path.run(DeepestFall { equity })?;
    // A highest amount was the highest when it came first.
    let peak = equity.iter().position(|&amount| amount == fall.peak)?;
    Some(Drawdown { depth: fall.depth, peak, trough: fall.trough })
}

/// A fall as it is found: its peak by the amount.
struct Fall {
    depth: f64,
    peak: f64,
    trough: usize,
}

/// Amounts whose highest so far are found before their falls are computed: few enough to stay in the nearest cache.
const STRETCH: usize = 256;

/// The first of the deepest falls. The highest amount so far is carried from one to the next; how deep each lies below
/// it is computed on vectors, and looked at one by one only where a fall is deeper than all before.
struct DeepestFall<'a> {
    equity: &'a [f64],
}

impl Kernel for DeepestFall<'_> {
    type Output = Option<Fall>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Option<Fall> {
        let mut peak = *self.equity.first()?;
        let mut deepest = Fall { depth: 0.0, peak, trough: 0 };
        let mut peaks = [0.0; STRETCH];
        for (number, stretch) in self.equity.chunks(STRETCH).enumerate() {
            for (highest, &amount) in peaks.iter_mut().zip(stretch) {
                peak = if amount > peak { amount } else { peak };
                *highest = peak;
            }
            for at in (0..stretch.len()).step_by(S::f64s::LEN) {
                let highest = Source(&peaks).load(simd, at);
                let depths = (highest - Source(stretch).load(simd, at)) / highest;
                if depths.simd_gt(deepest.depth).any_true() {
                    for lane in 0..S::f64s::LEN.min(stretch.len() - at) {
                        if depths[lane] > deepest.depth {
                            let trough = number * STRETCH + at + lane;
                            deepest = Fall { depth: depths[lane], peak: highest[lane], trough };
                        }
                    }
                }
            }
        }
        (deepest.depth > 0.0).then_some(deepest)
    }
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
    use proptest::prelude::*;

    use super::*;
    use crate::simd::arbitrary::{bits, column};

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
        let records = Records { equity: vec![100_000, 99_999, 101_428], ..Records::default() };
        let steep = figures(&records, 100_000, Year { periods: 100_000.0, risk_free_rate: 0.0 });
        assert!(steep.annual_return.is_some_and(|rate| rate > 1e307));
        assert_eq!(steep.calmar, None, "beyond what 64 bits hold");
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

    /// The deepest fall as its definition says it, one amount after the other.
    fn fall_by_definition(equity: &[f64]) -> Option<(u64, usize, usize)> {
        let mut peak = 0;
        let mut deepest = (0.0, 0, 0);
        for (bar, &amount) in equity.iter().enumerate() {
            peak = if amount > equity[peak] { bar } else { peak };
            let depth = (equity[peak] - amount) / equity[peak];
            deepest = if depth > deepest.0 { (depth, peak, bar) } else { deepest };
        }
        (deepest.0 > 0.0).then_some((deepest.0.to_bits(), deepest.1, deepest.2))
    }

    proptest! {
        #[test]
        fn returns_are_those_of_the_definition_on_every_path((column, skipped) in column()) {
            let column = &column[skipped..];
            let known = |line: Vec<f64>| line.into_iter().map(|n| if n.is_nan() { f64::NAN } else { n }).collect::<Vec<_>>();
            let expected = known(column.windows(2).map(|pair| pair[1] / pair[0] - 1.0).collect());
            for path in Path::available() {
                prop_assert_eq!(bits(&known(returns(path, column))), bits(&expected), "{}", path.name());
            }
        }

        #[test]
        fn the_deepest_fall_is_found_on_every_path(
            amounts in prop_oneof![
                prop::collection::vec(-1_000_000_i64..=i64::MAX, 0..=700),
                prop::collection::vec(90_i64..=110, 0..=130),
            ]
        ) {
            let equity: Vec<f64> = amounts.iter().map(|&amount| amount as f64).collect();
            for path in Path::available() {
                let found = deepest_drawdown(path, &equity).map(|fall| (fall.depth.to_bits(), fall.peak, fall.trough));
                prop_assert_eq!(found, fall_by_definition(&equity), "{}", path.name());
            }
        }

        #[test]
        fn figures_are_those_of_the_scalar_path(amounts in prop::collection::vec(1_i128..=1 << 80, 1..=300)) {
            let records = Records { equity: amounts, ..Records::default() };
            let capital = records.equity[0];
            for path in Path::available() {
                let found = format!("{:?}", figures_on(path, &records, capital, YEAR));
                prop_assert_eq!(found, format!("{:?}", figures_on(Path::scalar(), &records, capital, YEAR)));
            }
        }
    }

    #[test]
    fn amounts_past_64_bits_are_the_nearest_floats() {
        let amounts = [1, -3, i128::from(i64::MAX) + 3];
        assert_eq!(floats(&amounts), [1.0, -3.0, 9_223_372_036_854_775_808.0]);
        assert_eq!(floats(&amounts[..2]), [1.0, -3.0]);
    }
}
