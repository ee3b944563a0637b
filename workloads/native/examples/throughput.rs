//! How many rows a second the event engine goes through, with a market maker deciding and both clocks simulated; and
//! with orders in several instruments at once, whose tapes are made up.
//!
//! With an argument, the tape is read from that file: a 64-bit number of rows, then the columns sequence, exchange time,
//! local time, price and quantity as 64-bit and kind and side as 8-bit little-endian integers. Without one it is made up.

use _native::book::{Half, WINDOW};
use _native::events::{Desk, Engine, Feed, MarketMaker, Quoting, Setup, Strategy};
use _native::exchange::{Impact, Model, Rules};
use _native::fees::Fees;
use _native::instrument::{Instrument, Settlement};
use _native::latency::Latency;
use _native::orders::{Kind as Order, NewOrder};
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

    /// Rows of one of several instruments of a recording.
    fn make_up(seed: u64, first: u64, step: u64) -> Self {
        let (mut rows, mut random) = (Self::default(), Pcg64::new(seed));
        let (mut time, mut middle) = (1_000_000_000, 600_000);
        for row in 0..MADE_UP / step as usize {
            if row % 20 == 0 {
                time += 1_000_000 * (1 + random.below(10) as i64);
                middle += random.below(3) as i64 - 1;
            }
            let side = if row % 20 < 10 { 1 } else { 2 };
            let away = 1 + random.below(200) as i64;
            let trade = random.below(20) == 0;
            rows.sequence.push(row as u64 / 20 * step + first);
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
            window: WINDOW,
        },
    }
}

/// Each second, takes back what is left of its orders and sends one a side and instrument, five ticks from the touch.
#[derive(Debug, Clone)]
struct Everywhere;

impl Strategy for Everywhere {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.wake(desk.now());
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        for instrument in 0..desk.width() {
            let alive: Vec<u64> = desk.tickets(instrument).iter().map(|ticket| ticket.order.id).collect();
            alive.into_iter().for_each(|id| desk.cancel(instrument, id));
            let Some((bid, ask)) = desk.touch(instrument) else {
                continue;
            };
            for (half, price) in [(Half::Bid, bid - 5), (Half::Ask, ask + 5)] {
                // There are no limits that could refuse it.
                let _ = desk.submit(instrument, NewOrder::new(0, half, Order::Limit { price }, 1));
            }
        }
        desk.wake(desk.now() + 1_000_000_000);
    }
}

fn measure<S: Strategy + Clone>(name: &str, tapes: &[Rows], strategy: &S) {
    let opened = Instant::now();
    let feeds: Vec<Feed<'_>> = tapes.iter().map(|rows| Feed::new(rows.columns(), 0).expect("a tape")).collect();
    let opening = opened.elapsed().as_secs_f64();
    let setups = vec![setup(); tapes.len()];
    let mut best = f64::INFINITY;
    for run in 0..RUNS {
        let again = feeds.clone();
        let started = Instant::now();
        let mut engine = Engine::new(again, &setups, None, strategy.clone());
        engine.run().expect("amounts fit");
        let digest = engine.desk().log().digest();
        best = best.min(started.elapsed().as_secs_f64());
        if run == 0 {
            let (holding, log) = (engine.desk().holding(0), engine.desk().log());
            println!("{name}: {} events in the log, {} trades, {:02x?}", log.len(), holding.trades, &digest[..4]);
        }
    }
    let rows = tapes.iter().map(|rows| rows.sequence.len()).sum::<usize>() as f64;
    println!("{name}: {:.1} M rows/s, opened at {:.1} M rows/s", rows / best / 1e6, rows / opening / 1e6);
}

fn main() {
    let one = [std::env::args().nth(1).map_or_else(|| Rows::make_up(1, 0, 1), |path| Rows::read(&path))];
    let first = one[0].numbers[0].first().copied().unwrap_or(0) + 100_000_000;
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
    measure("timer", &one, &MarketMaker::<false>::new(quoting));
    measure("touch", &one, &MarketMaker::<true>::new(quoting));
    for width in [1, 4, 16] {
        let tapes: Vec<Rows> = (0..width).map(|one| Rows::make_up(one, one, width)).collect();
        measure(&format!("{width} instruments"), &tapes, &Everywhere);
    }
}
