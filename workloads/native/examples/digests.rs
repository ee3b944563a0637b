//! Prints a digest of everything the core computes, on synthetic bars of its own generator.
//!
//! The same lines must come out of every build: x86-64 with every SIMD level, arm64 under emulation or not. The bars are
//! made from integers alone, so that a difference in what is printed is one in what was computed from them.

use _native::engine::{Costs, Market, Method, Records, Rules, Simulation, Sizing, Stops, Tier, Units};
use _native::events::{Engine, Feed, Log, MarketMaker, Pair, PairsTrader, Quoting, Setup, Strategy};
use _native::exchange::{Form, Function, Impact, Model, Probability, Rules as ExchangeRules};
use _native::fees::Fees;
use _native::fixed::ONE;
use _native::indicators;
use _native::instrument::{Instrument, Settlement};
use _native::latency::{Latency, Observation, Recorded};
use _native::pcg64::Pcg64;
use _native::risk::Limits;
use _native::statistics::{Year, decimal, figures};
use _native::tape::{Columns, Kind, Side};
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

/// Rows of a tape, column by column: sequence, then exchange time, local time, price and quantity, then kind and side.
#[derive(Default)]
struct Tape {
    sequence: Vec<u64>,
    numbers: [Vec<i64>; 4],
    bytes: [Vec<u8>; 2],
    order: Vec<u64>,
}

impl Tape {
    fn row(&mut self, sequence: u64, numbers: [i64; 4], bytes: [u8; 2], order: u64) {
        self.sequence.push(sequence);
        for (column, number) in self.numbers.iter_mut().zip(numbers) {
            column.push(number);
        }
        for (column, byte) in self.bytes.iter_mut().zip(bytes) {
            column.push(byte);
        }
        self.order.push(order);
    }

    fn feed(&self, orders: bool) -> Feed<'_> {
        let [exchange_time, local_time, price, quantity] = &self.numbers;
        let [kind, side] = &self.bytes;
        let order: &[u64] = if orders { &self.order } else { &[] };
        let columns =
            Columns { sequence: &self.sequence, exchange_time, local_time, kind, side, price, quantity, order };
        Feed::new(columns, 1_000).expect("a tape")
    }

    /// Levels and trades around a middle that walks, by clocks that disagree.
    fn levels(seed: u64) -> Self {
        let (mut tape, mut random) = (Self::default(), Pcg64::new(seed));
        let (mut time, mut middle) = (1_700_000_000_000_000_000, 50_000);
        for message in 0..MESSAGES {
            time += 1_000 + random.below(2_000_000) as i64;
            middle += random.below(3) as i64 - 1;
            let sent = time + 5_000_000 - random.below(3_000_000) as i64;
            for _ in 0..1 + random.below(6) {
                let buys = random.below(2) == 0;
                let side = if buys { Side::Bid } else { Side::Ask };
                let trade = random.below(4) == 0;
                let away = if trade { random.below(3) as i64 - 2 } else { 1 + random.below(300) as i64 };
                let price = if buys { middle - away } else { middle + away };
                let quantity = if trade { 1 } else { 0 } + random.below(50) as i64;
                let kind = if trade { Kind::Trade } else { Kind::Level };
                tape.row(message, [sent, time, price, quantity], [kind as u8, side as u8], 0);
            }
        }
        tape
    }

    /// The same by orders.
    fn orders(seed: u64) -> Self {
        let (mut tape, mut random) = (Self::default(), Pcg64::new(seed));
        let (mut time, mut middle) = (1_700_000_000_000_000_000, 50_000);
        for message in 0..MESSAGES {
            time += 1_000 + random.below(2_000_000) as i64;
            middle += random.below(3) as i64 - 1;
            let kind = [Kind::Add, Kind::Add, Kind::Modify, Kind::Cancel, Kind::Execute][random.below(5) as usize];
            let id = if kind == Kind::Add { message } else { message.saturating_sub(1 + random.below(60)) };
            let buys = random.below(2) == 0;
            let side = if buys { Side::Bid } else { Side::Ask };
            let away = 1 + random.below(5) as i64;
            let price = if buys { middle - away } else { middle + away };
            let numbers = [time, time + 100_000, price, 1 + random.below(20) as i64];
            tape.row(message, numbers, [kind as u8, side as u8], id);
        }
        tape
    }
}

const MESSAGES: u64 = 100_000;

fn setup(settlement: Settlement, latency: Latency, model: Model, impact: Impact) -> Setup {
    let numerator = if settlement == Settlement::Inverse { 1_000_000 * ONE } else { 100_000 };
    Setup {
        instrument: Instrument { settlement, numerator, denominator: 7 },
        fees: Fees { per_lot: 3, minimum: Some(-10_000), ..Fees::flat(-50_000, 400_000) },
        limits: Limits { position: Some(90), collar: Some(5_000), ..Limits::default() },
        cash: 0,
        rules: ExchangeRules { latency, model, impact, window: 4_096 },
    }
}

fn quoting(interval: i64) -> Quoting {
    Quoting { instrument: 0, half_spread: 0, skew: 1, skew_lots: 9, quantity: 7, most: 60, first: 0, interval }
}

fn print_run<S: Strategy>(name: &str, feeds: Vec<Feed<'_>>, setups: &[Setup], strategy: S) {
    let mut engine = Engine::new(feeds, setups, None, strategy);
    engine.run().expect("amounts stay small");
    let holding = *engine.desk().holding(0);
    let log: Log = engine.into_log();
    print(&format!("events.{name}.log"), log.digest());
    print(&format!("events.{name}.holding"), format!("{holding:?}").into_bytes());
    println!("events.{name}.count {}", log.len());
}

fn print_events() {
    let (tape, orders, other) = (Tape::levels(1), Tape::orders(2), Tape::levels(3));
    let constant = Latency::Constant { entry: 700_000, response: 900_000 };
    let observation = |time: i64| {
        let request = 1_700_000_000_000_000_000 + time * 1_000_000_000;
        let exchange = request + 500_000 + time % 7 * 90_001;
        Observation { request, exchange, response: exchange + 400_000 + time % 5 * 70_003 }
    };
    let recorded = Latency::Recorded(Recorded::new((0..200).map(observation).collect()).expect("in order"));
    let (root, straight) = (
        Impact::SquareRoot { coefficient: 2_500_000_000, reference: 40 },
        Impact::Linear { coefficient: 1_500_000_000, reference: 9 },
    );
    let power = Probability { function: Function::Power(2.3), form: Form::Parts };
    let logarithm = Probability { function: Function::Logarithm, form: Form::Whole };
    let runs = [
        ("averse", Settlement::Linear, constant.clone(), Model::RiskAverse, Impact::None),
        ("power", Settlement::Inverse, Latency::Feed, Model::Probable(power), root),
        ("logarithm", Settlement::Linear, recorded, Model::Probable(logarithm), straight),
        ("drawn", Settlement::Inverse, constant.clone(), Model::Drawn { probability: power, seed: 11 }, Impact::None),
    ];
    for (name, settlement, latency, model, impact) in runs {
        let setups = [setup(settlement, latency, model, impact)];
        print_run(name, vec![tape.feed(false)], &setups, MarketMaker::<true>::new(quoting(3_000_000)));
    }
    let setups = [setup(Settlement::Linear, constant.clone(), Model::Exact, Impact::None)];
    print_run("exact", vec![orders.feed(true)], &setups, MarketMaker::<true>::new(quoting(3_000_000)));
    let setups = [1, 2].map(|_| setup(Settlement::Linear, constant.clone(), Model::RiskAverse, straight));
    let pair = Pair {
        instruments: [0, 1],
        ratio: [1, 1],
        quantity: [20, 30],
        window: 50,
        entry: 100,
        exit: 40,
        first: 0,
        interval: 5_000_000,
    };
    print_run("pairs", vec![tape.feed(false), other.feed(false)], &setups, PairsTrader::new(pair));
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
    print_events();
}
