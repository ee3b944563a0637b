//! The loop over rows allocates nothing: counted, on a run with orders, fills, requests and reports.

use _native::book::{Half, WINDOW};
use _native::events::{Engine, Feed, MarketMaker, Quoting, Setup};
use _native::exchange::{Impact, Model, Rules};
use _native::fees::Fees;
use _native::instrument::{Instrument, Settlement};
use _native::latency::Latency;
use _native::pcg64::Pcg64;
use _native::risk::{Limits, Rate};
use _native::tape::{Columns, Kind};
use allocation_counter::measure;

const ROWS: u64 = 100_000;

#[derive(Default)]
struct Rows {
    sequence: Vec<u64>,
    time: Vec<i64>,
    kind: Vec<u8>,
    side: Vec<u8>,
    price: Vec<i64>,
    quantity: Vec<i64>,
}

impl Rows {
    /// Levels within 100 ticks of a middle that walks, and trades at the touch.
    fn near_the_touch() -> Self {
        let (mut rows, mut random, mut middle) = (Self::default(), Pcg64::new(1), 600_000);
        for row in 0..ROWS {
            middle += random.below(3) as i64 - 1;
            let (buys, trade) = (random.below(2) == 0, random.below(10) == 0);
            let away = 1 + random.below(if trade { 1 } else { 100 }) as i64;
            let kind = if trade { Kind::Trade } else { Kind::Level };
            rows.push(row, kind, buys, middle + if buys == trade { away } else { -away }, random.below(20) as i64);
        }
        rows
    }

    fn push(&mut self, row: u64, kind: Kind, buys: bool, price: i64, quantity: i64) {
        self.sequence.push(row);
        self.time.push(1_000_000 * row as i64);
        self.kind.push(kind as u8);
        self.side.push(if buys { Half::Bid as u8 + 1 } else { Half::Ask as u8 + 1 });
        self.price.push(price);
        self.quantity.push(quantity);
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            sequence: &self.sequence,
            exchange_time: &self.time,
            local_time: &self.time,
            kind: &self.kind,
            side: &self.side,
            price: &self.price,
            quantity: &self.quantity,
            order: &[],
        }
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

/// Allocations of a run, rows of its log, and its trades.
fn counted(rows: &Rows) -> (u64, usize, u64) {
    let quoting = Quoting {
        instrument: 0,
        half_spread: 1,
        skew: 2,
        skew_lots: 10,
        quantity: 10,
        most: 100,
        first: 1_000_000_000,
        interval: 20_000_000,
    };
    let feed = Feed::new(rows.columns(), 0).expect("a tape");
    let rate = Some(Rate::new(1_000, 1_000_000_000));
    let mut engine = Engine::new(vec![feed], &[setup()], rate, MarketMaker::<true>::new(quoting));
    let made = measure(|| engine.run().expect("amounts fit"));
    (made.count_total, engine.desk().log().len(), engine.desk().holding(0).trades)
}

#[test]
fn a_run_near_the_touch_allocates_nothing() {
    let (allocations, logged, trades) = counted(&Rows::near_the_touch());
    assert!(logged > 10_000 && logged < 65_536, "the log has the room it began with: {logged} rows");
    assert!(trades > 1_000, "{trades} trades");
    assert_eq!(allocations, 0);
}

#[test]
fn levels_far_from_the_touch_are_what_allocates() {
    let mut rows = Rows::near_the_touch();
    rows.push(ROWS, Kind::Level, true, 1, 1);
    // One for each of the two books: the exchange's and the trader's.
    assert_eq!(counted(&rows).0, 2);
}
