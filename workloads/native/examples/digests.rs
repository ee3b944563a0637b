//! Prints a digest of everything the core computes, on synthetic bars of its own generator.
//!
//! The same lines must come out of every build: x86-64 with every SIMD level, arm64 under emulation or not. The bars are
//! made from integers alone, so that a difference in what is printed is one in what was computed from them.

use _native::engine::{Costs, Market, Method, Records, Rules, Simulation, Sizing, Stops, Tier, Units};
use _native::fixed::ONE;
use _native::indicators;
use _native::pcg64::Pcg64;
use _native::statistics::{Year, decimal, figures};
use sha2::{Digest, Sha256};

const BARS: usize = 20_000;
const WIDTH: usize = 3;

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

fn print(name: &str, bytes: impl IntoIterator<Item = u8>) {
    let digest = Sha256::digest(bytes.into_iter().collect::<Vec<u8>>());
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("{name} {text}");
}

fn print_series(name: &str, lines: &[Vec<f64>]) {
    print(name, lines.iter().flatten().flat_map(|value| value.to_bits().to_le_bytes()));
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

fn print_simulation(name: &str, bars: &Bars, method: Method) {
    let units = [
        Units { price_exponent: -2, quantity_exponent: 0 },
        Units { price_exponent: -4, quantity_exponent: -2 },
        Units { price_exponent: -5, quantity_exponent: -6 },
    ];
    let [open, high, low, close] = &bars.prices;
    let market = Market { time: &bars.time, open, high, low, close, present: &bars.present, units: &units };
    let (rules, weights) = (rules(method), weights(bars));
    let mut records = Records::new(BARS, WIDTH);
    Simulation::new(market, &weights, &rules).run(&mut records).expect("amounts stay small");
    let amounts = [records.equity.clone(), records.cash_column(), records.gross_column()];
    print(&format!("{name}.equity"), amounts.into_iter().flatten().flat_map(|amount| amount.to_le_bytes()));
    print(&format!("{name}.fills"), format!("{:?}", records.fills).into_bytes());
    let figures = figures(&records, rules.capital, Year { periods: 98_280.0, risk_free_rate: 0.02 });
    print(&format!("{name}.figures"), format!("{figures:?}").into_bytes());
    let sharpe = figures.sharpe.map_or_else(|| String::from("none"), decimal);
    println!("{name}.fills.count {}\n{name}.sharpe {sharpe}", records.fills.len());
}

fn main() {
    let bars = bars();
    let [high, low, close] = [1, 2, 3].map(|price| column(&bars, price, 2));
    print_series("sma", &[indicators::sma(&close, 20)]);
    print_series("ema", &[indicators::ema(&close, 20)]);
    print_series("rsi", &[indicators::rsi(&close, 14)]);
    let lines = indicators::macd(&close, 12, 26, 9);
    print_series("macd", &[lines.macd, lines.signal, lines.histogram]);
    let bands = indicators::bollinger(&close, 20, 2.0);
    print_series("bollinger", &[bands.upper, bands.middle, bands.lower]);
    print_series("zscore", &[indicators::zscore(&close, 20)]);
    print_series("atr", &[indicators::atr(&high, &low, &close, 14)]);
    let mut random = Pcg64::new(7);
    print_series("normal", &[(0..100_000).map(|_| random.normal()).collect()]);
    print_simulation("fixed-fraction", &bars, Method::FixedFraction);
    print_simulation("volatility-target", &bars, Method::VolatilityTarget);
    print_simulation("kelly", &bars, Method::Kelly);
}
