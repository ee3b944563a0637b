//! How many rows a second the event engine goes through, with a market maker deciding and both clocks simulated.
//!
//! With an argument, the tape is read from that file: a 64-bit number of rows, then the columns sequence, exchange time,
//! local time, price and quantity as 64-bit and kind and side as 8-bit little-endian integers. Without one it is made up.

use _native::book::WINDOW;
use _native::events::{Engine, Feed, MarketMaker, Quoting, Setup, Strategy};
use _native::exchange::{Impact, Model, Rules};
use _native::fees::Fees;
use _native::instrument::{Instrument, Settlement};
use _native::latency::Latency;
use _native::pcg64::Pcg64;
use _native::risk::Limits;
use _native::tape::{Columns, Kind};
use std::time::Instant;

const RUNS: usize = 30;
const MADE_UP: usize = 1_000_000;

#[derive(Default)]
struct Rows {
    sequence: Vec<u64>,
    numbers: [Vec<i64>; 4],
    bytes: [Vec<u8>; 2],
}

impl Rows {
    fn columns(&self) -> Columns<'_> {
        let [exchange_time, local_time, price, quantity] = &self.numbers;
        let [kind, side] = &self.bytes;
        Columns { sequence: &self.sequence, exchange_time, local_time, kind, side, price, quantity, order: &[] }
    }

    fn read(path: &str) -> Self {
        let bytes = std::fs::read(path).expect("a file of columns");
        let words: Vec<u64> =
            bytes.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes"))).collect();
        let rows = words[0] as usize;
        let column = |index: usize| words[1 + index * rows..1 + (index + 1) * rows].iter().map(|&word| word as i64);
        let tail = &bytes[8 + 5 * 8 * rows..];
        Self {
            sequence: words[1..=rows].to_vec(),
            numbers: [1, 2, 3, 4].map(|index| column(index).collect()),
            bytes: [tail[..rows].to_vec(), tail[rows..2 * rows].to_vec()],
        }
    }

    fn make_up() -> Self {
        let (mut rows, mut random) = (Self::default(), Pcg64::new(1));
        let (mut time, mut middle) = (1_000_000_000, 600_000);
        for row in 0..MADE_UP {
            if row % 20 == 0 {
                time += 1_000_000 * (1 + random.below(10) as i64);
                middle += random.below(3) as i64 - 1;
            }
            let side = if row % 20 < 10 { 1 } else { 2 };
            let away = 1 + random.below(200) as i64;
            let trade = random.below(20) == 0;
            rows.sequence.push(row as u64 / 20);
            let price = if side == 1 { middle - away } else { middle + away };
            let quantity = if trade { 1 } else { random.below(3) as i64 * 50 };
            for (column, number) in rows.numbers.iter_mut().zip([time, time + 5_000_000, price, quantity]) {
                column.push(number);
            }
            rows.bytes[0].push(if trade { Kind::Trade } else { Kind::Level } as u8);
            rows.bytes[1].push(side);
        }
        rows
    }
}

fn setup() -> Setup {
    Setup {
        instrument: Instrument { settlement: Settlement::Linear, numerator: 100_000, denominator: 1 },
        fees: Fees::flat(-50_000, 700_000),
        limits: Limits::default(),
        cash: 0,
        rules: Rules {
            latency: Latency::Constant { entry: 10_000_000, response: 10_000_000 },
            model: Model::RiskAverse,
            impact: Impact::None,
            window: std::env::var("W").map_or(WINDOW, |w| w.parse().unwrap()),
        },
    }
}

fn measure<S: Strategy + Clone>(name: &str, rows: &Rows, strategy: &S) {
    let opened = Instant::now();
    let feed = Feed::new(rows.columns(), 0).expect("a tape");
    let opening = opened.elapsed().as_secs_f64();
    let mut best = f64::INFINITY;
    for run in 0..RUNS {
        let mut engine = Engine::new(vec![feed.clone()], &[setup()], None, strategy.clone());
        let started = Instant::now();
        engine.run().expect("amounts fit");
        let blocks = engine.desk().log().digest();
        best = best.min(started.elapsed().as_secs_f64());
        if run == 0 {
            let (holding, log) = (engine.desk().holding(0), engine.desk().log());
            println!("{name}: {} events in the log, {} trades, {:02x?}", log.len(), holding.trades, &blocks[..4]);
        }
    }
    let rows = rows.sequence.len() as f64;
    println!("{name}: {:.1} M rows/s, opened at {:.1} M rows/s", rows / best / 1e6, rows / opening / 1e6);
}

fn main() {
    let rows = std::env::args().nth(1).map_or_else(Rows::make_up, |path| Rows::read(&path));
    let first = rows.numbers[0].first().copied().unwrap_or(0) + 100_000_000;
    let quoting = Quoting {
        instrument: 0,
        half_spread: 2,
        skew: 2,
        skew_lots: 10,
        quantity: 10,
        most: 100,
        first,
        interval: 100_000_000,
    };
    measure("timer", &rows, &MarketMaker::<false>::new(quoting));
    measure("touch", &rows, &MarketMaker::<true>::new(quoting));
}
