//! Cases of the event engine: a market maker under every queue model, and a pairs trader, on synthetic tapes.

use _native::events::{Engine, Feed, MarketMaker, Pair, PairsTrader, Quoting, Setup, Strategy};
use _native::exchange::{Form, Function, Impact, Model, Probability, Rules};
use _native::fees::Fees;
use _native::fixed::ONE;
use _native::instrument::{Instrument, Settlement};
use _native::latency::{Latency, Observation, Recorded};
use _native::pcg64::Pcg64;
use _native::risk::Limits;
use _native::tape::{Columns, Kind, Side};

use super::{Computed, digest};

const MESSAGES: u64 = 100_000;

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
                let reach = if random.below(4) == 0 { 300 } else { 4 };
                let away = if trade { random.below(3) as i64 - 2 } else { 1 + random.below(reach) as i64 };
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

/// The tapes that cases are computed from.
pub struct Tapes {
    levels: Tape,
    orders: Tape,
    others: Tape,
}

impl Tapes {
    /// Tapes of the seeds that every build uses.
    pub fn new() -> Self {
        Self { levels: Tape::levels(1), orders: Tape::orders(2), others: Tape::levels(3) }
    }

    /// A market maker whose orders stand at the back of the queue.
    pub fn averse(&self) -> Computed {
        self.maker(setup(Settlement::Linear, constant(), Model::RiskAverse, Impact::None))
    }

    /// One on an inverse future, by a power of the share ahead, with the feed's latency and square-root impact.
    pub fn power(&self) -> Computed {
        let impact = Impact::SquareRoot { coefficient: 2_500_000_000, reference: 40 };
        self.maker(setup(Settlement::Inverse, Latency::Feed, Model::Probable(POWER), impact))
    }

    /// One by a logarithm, with recorded latencies and linear impact.
    pub fn logarithm(&self) -> Computed {
        let probability = Probability { function: Function::Logarithm, form: Form::Whole };
        self.maker(setup(Settlement::Linear, recorded(), Model::Probable(probability), LINEAR))
    }

    /// One whose place in the queue is drawn.
    pub fn drawn(&self) -> Computed {
        let model = Model::Drawn { probability: POWER, seed: 11 };
        self.maker(setup(Settlement::Inverse, constant(), model, Impact::None))
    }

    /// One on a tape of orders, where the place in the queue is known.
    pub fn exact(&self) -> Computed {
        let setups = [setup(Settlement::Linear, constant(), Model::Exact, Impact::None)];
        run(vec![self.orders.feed(true)], &setups, MarketMaker::<true>::new(quoting(3_000_000)))
    }

    /// A pairs trader on two instruments.
    pub fn pairs(&self) -> Computed {
        let setups = [1, 2].map(|_| setup(Settlement::Linear, constant(), Model::RiskAverse, LINEAR));
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
        run(vec![self.levels.feed(false), self.others.feed(false)], &setups, PairsTrader::new(pair))
    }

    fn maker(&self, setup: Setup) -> Computed {
        run(vec![self.levels.feed(false)], &[setup], MarketMaker::<true>::new(quoting(3_000_000)))
    }
}

const POWER: Probability = Probability { function: Function::Power(2.3), form: Form::Parts };
const LINEAR: Impact = Impact::Linear { coefficient: 1_500_000_000, reference: 9 };

fn constant() -> Latency {
    Latency::Constant { entry: 700_000, response: 900_000 }
}

fn recorded() -> Latency {
    let observation = |time: i64| {
        let request = 1_700_000_000_000_000_000 + time * 1_000_000_000;
        let exchange = request + 500_000 + time % 7 * 90_001;
        Observation { request, exchange, response: exchange + 400_000 + time % 5 * 70_003 }
    };
    Latency::Recorded(Recorded::new((0..200).map(observation).collect()).expect("in order"))
}

fn setup(settlement: Settlement, latency: Latency, model: Model, impact: Impact) -> Setup {
    let numerator = if settlement == Settlement::Inverse { 1_000_000 * ONE } else { 100_000 };
    Setup {
        instrument: Instrument { settlement, numerator, denominator: 7 },
        fees: Fees { per_lot: 3, minimum: Some(-10_000), ..Fees::flat(-50_000, 400_000) },
        limits: Limits { position: Some(90), collar: Some(5_000), ..Limits::default() },
        cash: 0,
        rules: Rules { latency, model, impact, window: 4_096 },
    }
}

fn quoting(interval: i64) -> Quoting {
    Quoting { instrument: 0, half_spread: 2, skew: 1, skew_lots: 9, quantity: 7, most: 60, first: 0, interval }
}

fn run<S: Strategy>(feeds: Vec<Feed<'_>>, setups: &[Setup], strategy: S) -> Computed {
    let mut engine = Engine::new(feeds, setups, None, strategy);
    engine.run().expect("amounts stay small");
    let holding = *engine.desk().holding(0);
    let log = engine.into_log();
    Box::new(move |name| {
        let lines = [
            ("log", digest(log.digest())),
            ("holding", digest(format!("{holding:?}").into_bytes())),
            ("count", log.len().to_string()),
        ];
        lines.into_iter().map(|(part, text)| (format!("{name}.{part}"), text)).collect()
    })
}
