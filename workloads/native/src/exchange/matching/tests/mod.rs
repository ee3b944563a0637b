//! Small markets worked out by hand, and what holds for any order of inputs.

mod accounts;
mod linked;
mod recording;

use super::*;
use crate::exchange::{Event, Impact, Model, Reason};
use crate::fixed::ONE;
use crate::instrument::Settlement;
use crate::latency::Latency;
use crate::orders::TimeInForce;
use crate::tape::{Kind as Row, Side};

/// Rows of a tape.
#[derive(Debug, Default)]
pub(super) struct Rows {
    times: Vec<i64>,
    sequence: Vec<u64>,
    bytes: [Vec<u8>; 2],
    numbers: [Vec<i64>; 2],
}

impl Rows {
    fn push(&mut self, kind: Row, side: Side, price: i64, quantity: i64) {
        self.times.push(self.times.len() as i64);
        self.sequence.push(self.sequence.len() as u64);
        self.bytes[0].push(kind as u8);
        self.bytes[1].push(side as u8);
        self.numbers[0].push(price);
        self.numbers[1].push(quantity);
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            sequence: &self.sequence,
            exchange_time: &self.times,
            local_time: &self.times,
            kind: &self.bytes[0],
            side: &self.bytes[1],
            price: &self.numbers[0],
            quantity: &self.numbers[1],
            order: &[],
        }
    }
}

/// Of `settlement`, with lots worth 1 at a tick (an inverse future's 100 dollars), 1 % for takers; assets 0 and 1.
pub(super) fn listing(settlement: Settlement) -> Listing {
    let latency = Latency::Constant { entry: 0, response: 0 };
    let numerator = if settlement == Settlement::Inverse { 100 * ONE } else { ONE };
    Listing {
        instrument: Instrument { settlement, numerator, denominator: 1 },
        fees: Fees::flat(0, ONE / 100),
        rules: Rules { latency, model: Model::RiskAverse, impact: Impact::None, window: 64 },
        base: 0,
        quote: 1,
        lot: ONE,
    }
}

/// An exchange of one instrument with bids 98 x 10 and 99 x 5 and asks 101 x 4 and 102 x 6, and accounts.
pub(super) struct Scene {
    exchange: Exchange,
    rows: Rows,
    time: i64,
}

impl Scene {
    fn new(settlement: Settlement, openings: &[[i128; 2]]) -> Self {
        let exchange = Exchange::new(vec![listing(settlement)], 2, 10);
        let mut scene = Self { exchange, rows: Rows::default(), time: 0 };
        for (side, price, quantity) in
            [(Side::Bid, 98, 10), (Side::Bid, 99, 5), (Side::Ask, 101, 4), (Side::Ask, 102, 6)]
        {
            scene.row(Row::Level, side, price, quantity);
        }
        for opening in openings {
            scene.apply(&Input::Account { name: "a".into(), opening: opening.map(|amount| amount * ONE).to_vec() });
        }
        scene
    }

    fn apply(&mut self, input: &Input) -> Vec<Outcome> {
        self.time += 1;
        self.exchange.apply(input, self.time, Some(&self.rows.columns())).expect("an input");
        self.exchange.outcomes().to_vec()
    }

    fn row(&mut self, kind: Row, side: Side, price: i64, quantity: i64) -> Vec<Outcome> {
        self.rows.push(kind, side, price, quantity);
        let end = self.rows.times.len() as u64;
        self.apply(&Input::Market { instrument: 0, first: end - 1, end })
    }

    fn submit(&mut self, account: u32, half: Half, kind: Kind, quantity: i64) -> Vec<Outcome> {
        let client = format!("order {}", self.time).into();
        self.send(account, Order { client, ..order(half, kind, quantity) })
    }

    fn send(&mut self, account: u32, order: Order) -> Vec<Outcome> {
        self.apply(&Input::Submit { account, instrument: 0, order })
    }

    fn free(&self, account: usize, asset: usize) -> i128 {
        self.exchange.balance(account, asset).expect("a balance").free
    }

    fn locked(&self, account: usize, asset: usize) -> i128 {
        self.exchange.balance(account, asset).expect("a balance").locked
    }
}

pub(super) fn order(half: Half, kind: Kind, quantity: i64) -> Order {
    let time_in_force = TimeInForce::GoodTillCancelled;
    let (display, reduce_only, peer, parent, client) = (0, false, 0, 0, "a".into());
    Order { half, kind, time_in_force, quantity, display, reduce_only, peer, parent, client }
}

pub(super) fn events(outcomes: &[Outcome]) -> Vec<(Event, Reason)> {
    outcomes.iter().map(|outcome| (outcome.report.event, outcome.report.reason)).collect()
}

#[test]
fn rows_tell_which_levels_changed_and_what_traded() {
    let mut scene = Scene::new(Settlement::Linear, &[]);
    scene.row(Row::Level, Side::Bid, 99, 5);
    assert_eq!(scene.exchange.changes(), []);
    scene.row(Row::Level, Side::Bid, 99, 7);
    assert_eq!(scene.exchange.changes(), [Change { half: Half::Bid, price: 99, quantity: 7 }]);
    scene.row(Row::Trade, Side::Bid, 101, 3);
    assert_eq!(scene.exchange.changes(), []);
    assert_eq!(scene.exchange.prints(), [PublicTrade { number: 1, price: 101, quantity: 3, taker: 1 }]);
    scene.row(Row::Level, Side::Ask, 99, 3);
    let crossed =
        [Change { half: Half::Bid, price: 99, quantity: 0 }, Change { half: Half::Ask, price: 99, quantity: 3 }];
    assert_eq!(scene.exchange.changes(), crossed);
    scene.row(Row::Clear, Side::Ask, 0, 0);
    let gone = [99, 101, 102].map(|price| Change { half: Half::Ask, price, quantity: 0 });
    assert_eq!(scene.exchange.changes(), gone);
    scene.row(Row::Quote, Side::Bid, 97, 2);
    let quoted = [(97, 2), (98, 0)].map(|(price, quantity)| Change { half: Half::Bid, price, quantity });
    assert_eq!(scene.exchange.changes(), quoted);
}

#[test]
fn a_tape_that_begins_again_leaves_orders_and_takes_the_book() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000]]);
    scene.submit(0, Half::Bid, Kind::Limit { price: 99 }, 1);
    assert_eq!(scene.apply(&Input::BeginAgain { instrument: 0 }), []);
    assert_eq!(scene.exchange.changes().len(), 4);
    // The first row of the tape once more, and then one that reaches the order, though both stand before it.
    scene.apply(&Input::Market { instrument: 0, first: 0, end: 1 });
    scene.rows = Rows::default();
    let filled = scene.row(Row::Level, Side::Ask, 99, 1);
    assert_eq!(events(&filled), [(Event::Fill, Reason::None)]);
}

#[test]
fn what_is_no_input_changes_nothing() {
    let mut scene = Scene::new(Settlement::Spot, &[[1, 1]]);
    let (inputs, time) = (scene.exchange.inputs(), scene.exchange.time());
    let mut fault = |input: Input| scene.exchange.apply(&input, 99, Some(&scene.rows.columns())).expect_err("a fault");
    let order = order(Half::Bid, Kind::Market, 1);
    assert_eq!(fault(Input::Submit { account: 1, instrument: 0, order: order.clone() }), Fault::Account(1));
    assert_eq!(fault(Input::Submit { account: 0, instrument: 1, order }), Fault::Instrument(1));
    assert_eq!(fault(Input::Cancel { account: 7, instrument: 0, id: 1 }), Fault::Account(7));
    assert_eq!(fault(Input::Market { instrument: 0, first: 3, end: 5 }), Fault::Rows(3, 5));
    assert_eq!(fault(Input::Market { instrument: 0, first: 3, end: 3 }), Fault::Rows(3, 3));
    assert_eq!(fault(Input::Market { instrument: 2, first: 0, end: 1 }), Fault::Instrument(2));
    assert_eq!(fault(Input::BeginAgain { instrument: 1 }), Fault::Instrument(1));
    assert_eq!(fault(Input::Account { name: "a".into(), opening: vec![0] }), Fault::Opening);
    assert_eq!(fault(Input::Account { name: "a".into(), opening: vec![0, -1] }), Fault::Opening);
    assert_eq!((scene.exchange.inputs(), scene.exchange.time()), (inputs, time));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 100]]);
    let input = Input::Cancel { account: 0, instrument: 0, id: 1 };
    scene.exchange.apply(&input, 50, None).expect("an input");
    scene.exchange.apply(&input, 40, None).expect("an input");
    assert_eq!((scene.exchange.time(), scene.exchange.outcomes()[0].report.exchange_time), (50, 50));
}
