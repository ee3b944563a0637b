//! Prints a digest of everything the core computes: of its cases, on synthetic bars of its own generator, and of the
//! built-in strategies on the bars of each file named, as `tests/parity` writes them.
//!
//! The same lines must come out of every build and every path: x86-64 with every SIMD level, arm64 under emulation or
//! not. The bars are made from integers alone, so that a difference in what is printed is one in what was computed from
//! them. `TRADEPLANE_SIMD` forces a path; standard error says which was taken. With `--timed`, a line `name.ns` says how
//! many nanoseconds a case took, and is no digest.

#[path = "digests/book.rs"]
mod book;
#[path = "digests/events.rs"]
mod events;
#[path = "digests/golden.rs"]
mod golden;
#[path = "digests/tapes.rs"]
mod tapes;

use std::process::ExitCode;
use std::time::Instant;

use _native::bootstrap::{Resampling, sharpe_ratios};
use _native::engine::{Costs, Market, Method, Records, Rules, Simulation, Sizing, Stops, Tier, Units};
use _native::fixed::ONE;
use _native::indicators;
use _native::pcg64::Pcg64;
use _native::simd;
use _native::statistics::{Year, decimal, figures};
use sha2::{Digest, Sha256};

const BARS: usize = 20_000;
const WIDTH: usize = 3;
const YEAR: Year = Year { periods: 98_280.0, risk_free_rate: 0.02 };

/// Bars of three instruments, with gaps in the third.
struct Bars {
    time: Vec<i64>,
    prices: [Vec<i64>; 4],
    present: Vec<bool>,
}

fn bars() -> Bars {
    let mut random = Pcg64::new(20_260_101);
    let mut time = Vec::with_capacity(BARS);
    let mut prices: [Vec<i64>; 4] = std::array::from_fn(|_| Vec::with_capacity(BARS * WIDTH));
    let mut present = Vec::with_capacity(BARS * WIDTH);
    let mut last = [100_000_i64; WIDTH];
    for bar in 0..BARS {
        time.push(bar as i64 * 60_000_000_000 + (bar / 390) as i64 * 61_200_000_000_000);
        for (instrument, last) in last.iter_mut().enumerate() {
            let here = instrument < 2 || random.below(10) > 0;
            let close = if here { (*last + random.below(401) as i64 - 200).max(1_000) } else { *last };
            let open = if here { (*last + random.below(41) as i64 - 20).max(1_000) } else { *last };
            let wick = if here { random.below(100) as i64 } else { 0 };
            for (column, price) in prices.iter_mut().zip([open, open.max(close) + wick, open.min(close) - wick, close])
            {
                column.push(price);
            }
            present.push(here);
            *last = close;
        }
    }
    Bars { time, prices, present }
}

fn column(bars: &Bars, price: usize, instrument: usize) -> Vec<f64> {
    bars.prices[price].iter().skip(instrument).step_by(WIDTH).map(|&ticks| ticks as f64 / 7.0).collect()
}

/// A line that is printed: a name, and a digest or a figure.
type Line = (String, String);

/// What was computed, as what writes its lines once it is told the case's name: digests are no part of a case's time.
type Computed = Box<dyn FnOnce(&str) -> Vec<Line>>;

/// A named case, and what computes it from the inputs.
type Case = (&'static str, fn(&Inputs) -> Computed);

/// Every case, in the order they are printed.
const CASES: [Case; 23] = [
    ("sma", |inputs| series(vec![indicators::sma(&inputs.close, 20)])),
    ("ema", |inputs| series(vec![indicators::ema(&inputs.close, 20)])),
    ("rsi", |inputs| series(vec![indicators::rsi(&inputs.close, 14)])),
    ("macd", |inputs| {
        let lines = indicators::macd(&inputs.close, 12, 26, 9);
        series(vec![lines.macd, lines.signal, lines.histogram])
    }),
    ("bollinger", |inputs| {
        let bands = indicators::bollinger(&inputs.close, 20, 2.0);
        series(vec![bands.upper, bands.middle, bands.lower])
    }),
    ("zscore", |inputs| series(vec![indicators::zscore(&inputs.close, 20)])),
    ("atr", |inputs| series(vec![indicators::atr(&inputs.high, &inputs.low, &inputs.close, 14)])),
    ("normal", |_| {
        let mut random = Pcg64::new(7);
        series(vec![(0..100_000).map(|_| random.normal()).collect()])
    }),
    ("figures", |inputs| {
        let found = figures(&inputs.records, inputs.records.equity[0], YEAR);
        Box::new(move |name| vec![(name.to_owned(), digest(format!("{found:?}").into_bytes()))])
    }),
    ("bootstrap", |inputs| {
        let drawn = Resampling { samples: 50, block: 27, seed: 7 };
        series(vec![sharpe_ratios(&inputs.records.equity, YEAR, drawn).expect("it has variance")])
    }),
    ("fixed-fraction", |inputs| simulation(inputs, Method::FixedFraction)),
    ("volatility-target", |inputs| simulation(inputs, Method::VolatilityTarget)),
    ("kelly", |inputs| simulation(inputs, Method::Kelly)),
    ("book", |inputs| inputs.acts.done()),
    ("events.averse", |inputs| inputs.tapes.averse()),
    ("events.power", |inputs| inputs.tapes.power()),
    ("events.logarithm", |inputs| inputs.tapes.logarithm()),
    ("events.drawn", |inputs| inputs.tapes.drawn()),
    ("events.exact", |inputs| inputs.tapes.exact()),
    ("events.pairs", |inputs| inputs.tapes.pairs()),
    ("tape.import", |inputs| inputs.recording.import()),
    ("tape.encode", |inputs| inputs.recording.encode()),
    ("tape.decode", |inputs| inputs.recording.decode()),
];

/// What cases are computed from: bars, the prices of the third instrument as numbers, an equity that follows its close,
/// targets, what becomes of a side of a book, tapes, and a recording.
struct Inputs {
    bars: Bars,
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    records: Records,
    weights: Vec<i64>,
    acts: book::Acts,
    tapes: events::Tapes,
    recording: tapes::Recording,
}

impl Inputs {
    fn new() -> Self {
        let bars = bars();
        let [high, low, close] = [1, 2, 3].map(|price| column(&bars, price, 2));
        let equity = bars.prices[3].iter().skip(2).step_by(WIDTH).map(|&ticks| i128::from(ticks) * ONE).collect();
        let records = Records { equity, ..Records::default() };
        let weights = weights(&bars);
        let (acts, tapes, recording) = (book::Acts::new(), events::Tapes::new(), tapes::Recording::new());
        Self { bars, high, low, close, records, weights, acts, tapes, recording }
    }
}

/// Runs with `--timed` that a time is the best of.
const RUNS: usize = 25;

/// SHA-256 of bytes, in hexadecimal digits.
fn digest(bytes: impl IntoIterator<Item = u8>) -> String {
    let digest = Sha256::digest(bytes.into_iter().collect::<Vec<u8>>());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn series(lines: Vec<Vec<f64>>) -> Computed {
    let digest = move || digest(lines.iter().flatten().flat_map(|value| value.to_bits().to_le_bytes()));
    Box::new(move |name| vec![(name.to_owned(), digest())])
}

fn rules(method: Method) -> Rules {
    let tiers = vec![
        Tier { from_notional: 0, basis_points: ONE / 10 },
        Tier { from_notional: 500_000 * ONE, basis_points: ONE / 20 },
    ];
    Rules {
        capital: 1_000_000 * ONE,
        costs: Costs {
            per_trade: ONE / 10,
            per_share: 100_000,
            tiers,
            slippage: 100_000_000,
            borrow_rate: 30_000_000,
            financing_rate: 50_000_000,
        },
        sizing: Sizing { method, fraction: 900_000_000, target_volatility: 0.2, window: 50 },
        stops: Stops { loss: Some(20_000_000), profit: Some(60_000_000), trailing: Some(30_000_000) },
        max_leverage: 1_500_000_000,
        maintenance_margin: 250_000_000,
        max_drawdown: Some(900_000_000),
        allow_short: true,
        periods_per_year: 98_280.0,
        risk_free_rate: 0.02,
    }
}

/// Targets of crossing averages, a third of equity an instrument.
fn weights(bars: &Bars) -> Vec<i64> {
    let lines: Vec<Vec<f64>> =
        (0..WIDTH).map(|instrument| indicators::macd(&column(bars, 3, instrument), 12, 26, 9).histogram).collect();
    let third = 333_333_333;
    (0..BARS * WIDTH)
        .map(|cell| match lines[cell % WIDTH][cell / WIDTH] {
            value if value > 0.0 => third,
            value if value < 0.0 => -third,
            _ => 0,
        })
        .collect()
}

fn simulation(inputs: &Inputs, method: Method) -> Computed {
    let units = [
        Units { price_exponent: -2, quantity_exponent: 0 },
        Units { price_exponent: -4, quantity_exponent: -2 },
        Units { price_exponent: -5, quantity_exponent: -6 },
    ];
    let Bars { time, prices: [open, high, low, close], present } = &inputs.bars;
    let market = Market { time, open, high, low, close, present, units: &units };
    let rules = rules(method);
    let mut records = Records::new(BARS, WIDTH);
    Simulation::new(market, &inputs.weights, &rules).run(&mut records).expect("amounts stay small");
    let figures = figures(&records, rules.capital, YEAR);
    Box::new(move |name| {
        let amounts = [records.equity.clone(), records.cash_column(), records.gross_column()];
        let lines = [
            ("equity", digest(amounts.into_iter().flatten().flat_map(|amount| amount.to_le_bytes()))),
            ("fills", digest(format!("{:?}", records.fills).into_bytes())),
            ("figures", digest(format!("{figures:?}").into_bytes())),
            ("fills.count", records.fills.len().to_string()),
            ("sharpe", figures.sharpe.map_or_else(|| String::from("none"), decimal)),
        ];
        lines.into_iter().map(|(part, text)| (format!("{name}.{part}"), text)).collect()
    })
}

/// Prints the lines of a case, and how long it took where that is asked for.
fn print(name: &str, timed: bool, compute: impl Fn() -> Computed) {
    for (line, text) in compute()(name) {
        println!("{line} {text}");
    }
    if timed {
        let nanoseconds = || {
            let started = Instant::now();
            drop(std::hint::black_box(compute()));
            started.elapsed().as_nanos()
        };
        println!("{name}.ns {}", (0..RUNS).map(|_| nanoseconds()).min().unwrap_or_default());
    }
}

fn main() -> ExitCode {
    match simd::chosen() {
        Ok(path) => eprintln!("path {}", path.name()),
        Err(refusal) => {
            eprintln!("{refusal}");
            return ExitCode::FAILURE;
        }
    }
    let (flags, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--timed");
    let timed = !flags.is_empty();
    let inputs = Inputs::new();
    for (name, compute) in CASES {
        print(name, timed, || compute(&inputs));
    }
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let case = golden::Case::read(&text);
        print(&format!("golden.{}", case.strategy()), timed, || case.compute());
    }
    ExitCode::SUCCESS
}
