//! The built-in strategies, decided and simulated without Python, on bars and terms that a file says.
//!
//! A file is lines of words: `strategy NAME`, then a line for each term (its name, its numbers), then `bars`, and from
//! there on a line for each bar: its time, and open, high, low, close and presence of each instrument. What is decided
//! is written here a second time, from docs/engine.md, so that it checks the strategies as well.

use std::collections::HashMap;

use _native::engine::{Costs, Market, Method, Records, Rules, Simulation, Sizing, Stops, Tier, Units};
use _native::indicators;
use _native::statistics::{Figures, Year, decimal, decimal_billionths, figures};

use crate::{Computed, digest};

/// A strategy on bars, and the terms of its simulation.
pub struct Case {
    strategy: String,
    rules: Rules,
    units: Vec<Units>,
    time: Vec<i64>,
    prices: [Vec<i64>; 4],
    present: Vec<bool>,
}

impl Case {
    /// Reads a file's text; what is wrong with it ends the program.
    pub fn read(text: &str) -> Self {
        let (terms, bars) = text.split_once("\nbars\n").expect("a line says bars");
        let terms: HashMap<&str, Vec<&str>> = terms.lines().map(term).collect();
        let exponents: Vec<i32> = numbers(&terms["exponents"]);
        let unit = |pair: &[i32]| Units { price_exponent: pair[0], quantity_exponent: pair[1] };
        let mut case = Self {
            strategy: terms["strategy"][0].to_owned(),
            rules: rules(&terms),
            units: exponents.chunks_exact(2).map(unit).collect(),
            time: Vec::new(),
            prices: Default::default(),
            present: Vec::new(),
        };
        for line in bars.lines() {
            let words: Vec<i64> = numbers(&line.split_whitespace().collect::<Vec<_>>());
            case.time.push(words[0]);
            for cell in words[1..].chunks_exact(5) {
                case.prices.iter_mut().zip(cell).for_each(|(column, &price)| column.push(price));
                case.present.push(cell[4] == 1);
            }
        }
        case
    }

    /// Name of the strategy.
    pub fn strategy(&self) -> &str {
        &self.strategy
    }

    /// Decides and simulates; the lines are digests of the decisions, and of the simulation's equity, fills and figures.
    pub fn compute(&self) -> Computed {
        let weights = self.weights();
        let [open, high, low, close] = &self.prices;
        let (time, present, units) = (&self.time, &self.present, &self.units);
        let market = Market { time, open, high, low, close, present, units };
        let mut records = Records::new(self.time.len(), self.units.len());
        Simulation::new(market, &weights, &self.rules).run(&mut records).expect("amounts stay small");
        let year = Year { periods: self.rules.periods_per_year, risk_free_rate: self.rules.risk_free_rate };
        let found = figures(&records, self.rules.capital, year);
        Box::new(move |name| {
            let lines = [
                ("decisions", digest(weights.iter().flat_map(|weight| weight.to_le_bytes()))),
                ("equity", equity(&records)),
                ("fills", fills(&records)),
                ("figures", digest(texts(&records, &found).join("\n").into_bytes())),
            ];
            lines.into_iter().map(|(part, text)| (format!("{name}.{part}"), text)).collect()
        })
    }

    /// Targets in billionths, a row a bar.
    fn weights(&self) -> Vec<i64> {
        let width = self.units.len();
        if self.strategy == "pairs" {
            return self.pair().into_iter().flat_map(|first| [first, -first]).collect();
        }
        let mut weights = vec![0; self.time.len() * width];
        for instrument in 0..width {
            let cells: Vec<usize> =
                (0..self.time.len()).map(|bar| bar * width + instrument).filter(|&cell| self.present[cell]).collect();
            let close: Vec<f64> = cells.iter().map(|&cell| self.prices[3][cell] as f64).collect();
            let mut decided = cells.iter().zip(self.directions(&close)).peekable();
            let mut target = 0;
            for cell in (instrument..weights.len()).step_by(width) {
                if let Some((_, direction)) = decided.next_if(|(own, _)| **own == cell) {
                    target = billionths(f64::from(direction) * (1.0 / width as f64));
                }
                weights[cell] = target;
            }
        }
        weights
    }

    /// Half of the whole in the first of two instruments, against the score of the ratio of their closes.
    fn pair(&self) -> Vec<i64> {
        let both = |bar: usize| self.present[2 * bar] && self.present[2 * bar + 1];
        let close = |cell: usize| self.prices[3][cell] as f64;
        let bars: Vec<usize> = (0..self.time.len()).filter(|&bar| both(bar)).collect();
        let ratio: Vec<f64> = bars.iter().map(|&bar| close(2 * bar) / close(2 * bar + 1)).collect();
        let mut decided = bars.iter().zip(scored(&ratio)).peekable();
        let mut target = 0;
        (0..self.time.len())
            .map(|bar| {
                if let Some((_, direction)) = decided.next_if(|(own, _)| **own == bar) {
                    target = billionths(f64::from(direction) * 0.5);
                }
                target
            })
            .collect()
    }

    /// Which way the strategy goes at each close, with its default parameters.
    fn directions(&self, close: &[f64]) -> Vec<i8> {
        match self.strategy.as_str() {
            "buy-and-hold" => vec![1; close.len()],
            "sma-cross" => sides(&indicators::sma(close, 50), &indicators::sma(close, 200)),
            "macd-momentum" => {
                let lines = indicators::macd(close, 12, 26, 9);
                sides(&lines.macd, &lines.signal)
            }
            "rsi-reversion" => {
                let rsi = indicators::rsi(close, 14);
                against(&rsi, |_| [30.0, 50.0, 70.0])
            }
            "bollinger-reversion" => {
                let bands = indicators::bollinger(close, 20, 2.0);
                against(close, |bar| [bands.lower[bar], bands.middle[bar], bands.upper[bar]])
            }
            "zscore-reversion" => scored(close),
            other => panic!("no strategy {other}"),
        }
    }
}

/// 1 where the first line is above, -1 where it is below, 0 where neither or undefined.
fn sides(first: &[f64], second: &[f64]) -> Vec<i8> {
    first.iter().zip(second).map(|(first, second)| i8::from(first > second) - i8::from(first < second)).collect()
}

/// Against the z-score of a series: from 2 until within a half.
fn scored(series: &[f64]) -> Vec<i8> {
    let score = indicators::zscore(series, 20);
    let long = held(score.iter().map(|&score| (score < -2.0, score >= -0.5)));
    let short = held(score.iter().map(|&score| (score > 2.0, score <= 0.5)));
    long.into_iter().zip(short).map(|(long, short)| long - short).collect()
}

/// Long from below the first level until back at the second, short from above the third until back there.
fn against(line: &[f64], levels: impl Fn(usize) -> [f64; 3]) -> Vec<i8> {
    let at = |bar: usize| (line[bar], levels(bar));
    let bars = 0..line.len();
    let long = held(bars.clone().map(at).map(|(value, [low, middle, _])| (value < low, value >= middle)));
    let short = held(bars.map(at).map(|(value, [_, middle, high])| (value > high, value <= middle)));
    long.into_iter().zip(short).map(|(long, short)| long - short).collect()
}

/// 1 from where the first condition holds until the second does; the first wins where both hold.
fn held(conditions: impl Iterator<Item = (bool, bool)>) -> Vec<i8> {
    let step = |held: &mut i8, (enter, leave): (bool, bool)| {
        *held = if enter { 1 } else { *held * i8::from(!leave) };
        Some(*held)
    };
    conditions.scan(0, step).collect()
}

/// The figures as a summary shows them.
fn texts(records: &Records, found: &Figures) -> [String; 11] {
    let optional = |figure: Option<f64>| figure.map_or_else(|| String::from("None"), decimal);
    [
        decimal_billionths(records.equity[records.equity.len() - 1]),
        decimal_billionths(found.total_return),
        optional(found.annual_return),
        optional(found.volatility),
        optional(found.sharpe),
        optional(found.sortino),
        optional(found.calmar),
        decimal(found.drawdown.map_or(0.0, |fall| fall.depth)),
        optional(found.turnover),
        decimal(found.exposure),
        optional(found.hit_rate),
    ]
}

fn billionths(target: f64) -> i64 {
    (target * 1e9).round_ties_even() as i64
}

fn equity(records: &Records) -> String {
    let columns = [records.equity.clone(), records.cash_column(), records.gross_column()];
    digest(columns.into_iter().flatten().flat_map(|amount| amount.to_le_bytes()))
}

fn fills(records: &Records) -> String {
    let integers = records.fills.iter().flat_map(|fill| {
        let (bars, instrument) = ([fill.decision, fill.bar].map(i64::from), i64::from(fill.instrument));
        [bars[0], bars[1], instrument, fill.reason as i64, fill.quantity, fill.position]
    });
    let amounts = records.fills.iter().flat_map(|fill| [fill.notional, fill.commission, fill.slippage, fill.realized]);
    digest(integers.flat_map(i64::to_le_bytes).chain(amounts.flat_map(i128::to_le_bytes)))
}

/// A term: its name, and the words after it.
fn term(line: &str) -> (&str, Vec<&str>) {
    let mut words = line.split_whitespace();
    (words.next().expect("a name"), words.collect())
}

fn numbers<T: std::str::FromStr>(words: &[&str]) -> Vec<T> {
    words.iter().map(|word| word.parse().unwrap_or_else(|_| panic!("{word} is no number here"))).collect()
}

/// The terms of a simulation; a term without a number is none.
fn rules(terms: &HashMap<&str, Vec<&str>>) -> Rules {
    let whole = |name: &str| -> Vec<i128> { numbers(&terms[name]) };
    let amount = |name: &str| whole(name)[0];
    let share = |name: &str| -> Option<i64> { numbers(&terms[name]).first().copied() };
    let float = |name: &str| -> f64 { numbers(&terms[name])[0] };
    let method = match terms["sizing"][0] {
        "FixedFraction" => Method::FixedFraction,
        "VolatilityTarget" => Method::VolatilityTarget,
        "Kelly" => Method::Kelly,
        other => panic!("no method {other}"),
    };
    let tier = |pair: &[i128]| Tier { from_notional: pair[0], basis_points: pair[1] };
    Rules {
        capital: amount("capital"),
        costs: Costs {
            per_trade: amount("commission_per_trade"),
            per_share: amount("commission_per_share"),
            tiers: whole("commission_tiers").chunks_exact(2).map(tier).collect(),
            slippage: amount("slippage_basis_points"),
            borrow_rate: amount("borrow_rate"),
            financing_rate: amount("financing_rate"),
        },
        sizing: Sizing {
            method,
            fraction: share("fraction").expect("a fraction"),
            target_volatility: float("target_volatility"),
            window: share("window").expect("a window") as usize,
        },
        stops: Stops { loss: share("stop_loss"), profit: share("take_profit"), trailing: share("trailing_stop") },
        max_leverage: share("max_leverage").expect("a leverage"),
        maintenance_margin: share("maintenance_margin").expect("a margin"),
        max_drawdown: share("max_drawdown"),
        allow_short: terms["allow_short"][0] == "True",
        periods_per_year: float("periods_per_year"),
        risk_free_rate: float("risk_free_rate"),
    }
}
