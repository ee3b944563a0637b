//! Runs of whole tapes: by hand where they are short, by properties where they are not.

use super::*;
use crate::book::Half;
use crate::exchange::{Event, Form, Function, Impact, Model, Probability, Reason, Report, Rules};
use crate::fees::{Fees, Tier};
use crate::fixed::ONE;
use crate::instrument::{Instrument, Settlement};
use crate::latency::{Latency, Observation, Recorded};
use crate::orders::{Kind, NewOrder, Request, State, Step, TimeInForce};
use crate::pcg64::Pcg64;
use crate::risk::{Limits, Rate};
use crate::tape::{Columns, Kind as Row, Side};
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

mod all_terms;
mod exits;
mod heard;
mod periods;
mod recordings;
mod sessions;

/// A tape that owns its columns.
#[derive(Debug, Clone, Default)]
struct Tape {
    sequence: Vec<u64>,
    exchange: Vec<i64>,
    local: Vec<i64>,
    kind: Vec<u8>,
    side: Vec<u8>,
    price: Vec<i64>,
    quantity: Vec<i64>,
    /// Of a tape that tells orders apart, the one that each row is about.
    order: Vec<u64>,
}

impl Tape {
    fn row(&mut self, sequence: u64, times: (i64, i64), kind: Row, side: Side, price: i64, quantity: i64) {
        self.sequence.push(sequence);
        self.exchange.push(times.0);
        self.local.push(times.1);
        self.kind.push(kind as u8);
        self.side.push(side as u8);
        self.price.push(price);
        self.quantity.push(quantity);
    }

    fn columns(&self) -> Columns<'_> {
        Columns {
            sequence: &self.sequence,
            exchange_time: &self.exchange,
            local_time: &self.local,
            kind: &self.kind,
            side: &self.side,
            price: &self.price,
            quantity: &self.quantity,
            order: &self.order,
        }
    }

    fn feed(&self) -> Feed<'_> {
        Feed::new(self.columns(), 0).expect("a tape")
    }

    /// Messages of levels and trades around a middle that walks. Trades reach the exchange's clock a little before
    /// levels that arrived sooner, as with recordings of several streams.
    fn random(seed: u64, messages: u64, sequence: impl Fn(u64) -> u64) -> Self {
        let (mut tape, mut random) = (Self::default(), Pcg64::new(seed));
        let (mut time, mut middle) = (1_000i64, 1_000i64);
        for message in 0..messages {
            time += 1 + random.below(40) as i64;
            middle += random.below(3) as i64 - 1;
            let late = random.below(30) as i64;
            let times = (time - late, time);
            if random.below(4) == 0 {
                let side = if random.below(2) == 0 { Side::Bid } else { Side::Ask };
                let price = if side == Side::Bid { middle + 1 } else { middle - 1 } + random.below(3) as i64 - 1;
                tape.row(sequence(message), times, Row::Trade, side, price, 1 + random.below(9) as i64);
            } else {
                for row in 0..1 + random.below(6) {
                    let side = if row % 2 == 0 { Side::Bid } else { Side::Ask };
                    let away = 1 + random.below(6) as i64;
                    let price = if side == Side::Bid { middle - away } else { middle + away };
                    let quantity = if random.below(4) == 0 { 0 } else { 1 + random.below(20) as i64 };
                    tape.row(sequence(message), times, Row::Level, side, price, quantity);
                }
            }
        }
        tape
    }

    /// The rows that reached the exchange before `time`.
    fn before(&self, time: i64) -> Self {
        let mut tape = Self::default();
        for row in (0..self.kind.len()).filter(|&row| self.exchange[row] < time) {
            let kind = Row::of(self.kind[row]).expect("a kind");
            let side = Side::of(self.side[row]).expect("a side");
            let times = (self.exchange[row], self.local[row]);
            tape.row(self.sequence[row], times, kind, side, self.price[row], self.quantity[row]);
            tape.order.extend(self.order.get(row));
        }
        tape
    }
}

fn setup(entry: i64, response: i64, model: Model) -> Setup {
    Setup {
        instrument: Instrument { settlement: Settlement::Linear, numerator: ONE, denominator: 1 },
        fees: Fees::flat(ONE / 10_000, ONE / 1_000),
        limits: Limits::default(),
        cash: 0,
        rules: Rules { latency: Latency::Constant { entry, response }, model, impact: Impact::None, window: 64 },
    }
}

fn quoting(interval: i64) -> Quoting {
    Quoting { instrument: 0, half_spread: 0, skew: 1, skew_lots: 2, quantity: 3, most: 12, first: 1_050, interval }
}

fn rows(log: &Log) -> Vec<super::Row> {
    (0..log.len()).map(|row| log.row(row)).collect()
}

fn run<S: Strategy>(feeds: Vec<Feed<'_>>, setups: &[Setup], strategy: S) -> Log {
    let mut engine = Engine::new(feeds, setups, None, strategy);
    engine.run().expect("amounts fit");
    engine.into_log()
}

/// Hears every message and lets another strategy decide, which then sees the same as if rows came in one go.
struct Listening<S>(S);

impl<S: Strategy> Strategy for Listening<S> {
    const DEPTH: bool = true;
    const TRADES: bool = true;

    fn start(&mut self, desk: &mut Desk) {
        self.0.start(desk);
    }

    fn on_report(&mut self, desk: &mut Desk, instrument: usize, report: &Report) {
        self.0.on_report(desk, instrument, report);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        self.0.on_timer(desk);
    }
}

/// Asks for anything, sensible or not, at every turn.
struct Monkey {
    random: Pcg64,
    interval: i64,
}

impl Monkey {
    fn kind(&mut self) -> Kind {
        let near = |random: &mut Pcg64| 990 + random.below(30) as i64;
        match self.random.below(8) {
            0 => Kind::Market,
            1 => Kind::Stop { trigger: near(&mut self.random) },
            2 => Kind::StopLimit { trigger: near(&mut self.random), price: near(&mut self.random) },
            3 => Kind::TakeProfit { trigger: near(&mut self.random) },
            4 => Kind::TrailingStop { distance: self.random.below(5) as i64 },
            _ => Kind::Limit { price: near(&mut self.random) },
        }
    }

    fn order(&mut self) -> NewOrder {
        let half = if self.random.below(2) == 0 { Half::Bid } else { Half::Ask };
        let kind = self.kind();
        let quantity = self.random.below(12) as i64;
        let time_in_force = match self.random.below(6) {
            0 => TimeInForce::ImmediateOrCancel,
            1 => TimeInForce::FillOrKill,
            2 => TimeInForce::PostOnly,
            _ => TimeInForce::GoodTillCancelled,
        };
        let display = if self.random.below(4) == 0 { self.random.below(4) as i64 } else { 0 };
        NewOrder { time_in_force, display, ..NewOrder::new(0, half, kind, quantity) }
    }
}

impl Strategy for Monkey {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.wake(0);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        let instrument = if desk.width() > 1 { self.random.below(desk.width() as u64) as usize } else { 0 };
        let tickets: Vec<u64> = desk.tickets(instrument).iter().map(|ticket| ticket.order.id).collect();
        let some = |random: &mut Pcg64| match tickets.len() as u64 {
            0 => random.below(40),
            count => tickets[random.below(count) as usize],
        };
        match self.random.below(8) {
            0 => desk.cancel(instrument, some(&mut self.random)),
            1 => {
                let (id, price) = (some(&mut self.random), 990 + self.random.below(30) as i64);
                let _ = desk.replace(instrument, id, price, self.random.below(9) as i64);
            }
            2 => {
                let (peer, order) = (some(&mut self.random), self.order());
                let _ = desk.submit(instrument, NewOrder { peer, ..order });
            }
            3 => {
                let (parent, order) = (some(&mut self.random), self.order());
                let _ = desk.submit(instrument, NewOrder { parent, ..order });
            }
            _ => {
                let order = self.order();
                let _ = desk.submit(instrument, order);
            }
        }
        desk.wake(desk.now() + self.interval);
    }
}

/// Answers every third report as well, so that what one venue does reaches the others as soon as it can.
struct Answering(Monkey);

impl Strategy for Answering {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        self.0.start(desk);
    }

    fn on_report(&mut self, desk: &mut Desk, _instrument: usize, _report: &Report) {
        if self.0.random.below(3) == 0 {
            self.0.on_timer(desk);
        }
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        self.0.on_timer(desk);
    }
}

fn models() -> impl proptest::strategy::Strategy<Value = Model> {
    let probability = Probability { function: Function::Logarithm, form: Form::Whole };
    prop_oneof![
        Just(Model::RiskAverse),
        Just(Model::Probable(probability)),
        any::<u64>().prop_map(move |seed| Model::Drawn { probability, seed }),
    ]
}

/// The steps of each order in the log, by the one function of transitions.
fn check_lives(log: &Log) {
    let mut states = std::collections::BTreeMap::new();
    for row in rows(log) {
        let step = match row.event {
            Event::Submit => {
                assert_eq!(states.insert(row.order, State::Sent), None, "order {} sent twice", row.order);
                continue;
            }
            Event::Hold => Step::Hold,
            Event::Wait => Step::Wait,
            Event::Open => Step::Open,
            Event::Trade => Step::Trade,
            Event::Fill => Step::Fill,
            Event::Replace => Step::Replace,
            Event::Cancel => Step::Cancel,
            Event::Expire => Step::Expire,
            Event::Refuse if row.exchange_time > 0 => Step::Refuse,
            _ => continue,
        };
        let state = states.get_mut(&row.order).expect("sent before");
        *state = state.after(step).expect("follows");
        assert!(row.left >= 0 && (row.left == 0 || row.event != Event::Fill));
    }
}

#[test]
fn requests_and_reports_take_their_time() {
    let mut tape = Tape::default();
    // The book is 100 / 102 at the exchange from 1,000 on, and known here from 1,003 on.
    tape.row(1, (1_000, 1_003), Row::Level, Side::Bid, 100, 9);
    tape.row(1, (1_000, 1_003), Row::Level, Side::Ask, 102, 9);
    // The first quotes leave at 1,050 and are at the exchange at 1,055, known to be there at 1,062. This trade comes
    // too early for them; the next, at 1,055 as well, is handled before them; the third trades with all 3.
    tape.row(2, (1_054, 1_060), Row::Trade, Side::Ask, 99, 5);
    tape.row(3, (1_055, 1_061), Row::Trade, Side::Ask, 99, 5);
    tape.row(4, (1_056, 1_064), Row::Trade, Side::Ask, 99, 5);
    tape.row(5, (1_100, 1_110), Row::Trade, Side::None, 101, 1);
    let log = run(vec![tape.feed()], &[setup(5, 7, Model::RiskAverse)], MarketMaker::<false>::new(quoting(1_000)));
    let told: Vec<_> =
        rows(&log).iter().map(|row| (row.local_time, row.exchange_time, row.event, row.half, row.price)).collect();
    let expected = [
        (1_050, 0, Event::Submit, Half::Bid, 100),
        (1_050, 0, Event::Submit, Half::Ask, 102),
        (1_062, 1_055, Event::Open, Half::Bid, 100),
        (1_062, 1_055, Event::Open, Half::Ask, 102),
        (1_063, 1_056, Event::Fill, Half::Bid, 100),
    ];
    assert_eq!(told, expected);
    // 3 at 100, with a maker's fee of 0.01 %.
    assert_eq!(log.fee[4], ONE * 300 / 10_000);
}

#[test]
fn between_recorded_orders_requests_and_reports_take_what_lies_between_theirs() {
    let orders = vec![
        Observation { request: 1_000, exchange: 1_010, response: 1_013 },
        Observation { request: 1_100, exchange: 1_130, response: 1_143 },
    ];
    let latency = Latency::Recorded(Recorded::new(orders).expect("in order"));
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
    tape.row(1, (1_000, 1_000), Row::Level, Side::Ask, 102, 9);
    // Requests take 10 at 1,000 and 30 at 1,100: the quotes of 1,050 are at the exchange at 1,070, after this trade.
    tape.row(2, (1_060, 1_065), Row::Trade, Side::Ask, 99, 5);
    // Answers take 3 at 1,010 and 13 at 1,130, by the exchange's clock: 8 at 1,070, and of this trade 10.5, so 10.
    tape.row(3, (1_100, 1_112), Row::Trade, Side::Ask, 99, 5);
    tape.row(4, (1_300, 1_300), Row::Trade, Side::None, 101, 1);
    let rules = Rules { latency, ..setup(0, 0, Model::RiskAverse).rules };
    let setups = [Setup { rules, ..setup(0, 0, Model::RiskAverse) }];
    let log = run(vec![tape.feed()], &setups, MarketMaker::<false>::new(quoting(1_000)));
    let told: Vec<_> = rows(&log).iter().skip(2).map(|row| (row.local_time, row.exchange_time, row.event)).collect();
    let expected = [(1_078, 1_070, Event::Open), (1_078, 1_070, Event::Open), (1_110, 1_100, Event::Fill)];
    assert_eq!(told, expected);
}

#[test]
fn a_change_that_risk_refuses_is_denied_and_leaves_the_order_as_it_is() {
    struct Changes(Vec<Result<(), Reason>>);
    impl Strategy for Changes {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            desk.submit(0, NewOrder::new(0, Half::Ask, Kind::Limit { price: 105 }, 4)).expect("within the limits");
        }
        fn on_report(&mut self, desk: &mut Desk, _instrument: usize, report: &Report) {
            if report.event == Event::Open {
                self.0.push(desk.replace(0, 1, 104, 6));
                self.0.push(desk.replace(0, 1, 104, 5));
            }
        }
    }
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
    tape.row(2, (1_100, 1_100), Row::Trade, Side::None, 101, 1);
    let limits = Limits { order_size: Some(5), ..Limits::default() };
    let setup = Setup { limits, ..setup(1, 2, Model::RiskAverse) };
    let mut engine = Engine::new(vec![tape.feed()], &[setup], None, Changes(Vec::new()));
    engine.run().expect("amounts fit");
    assert_eq!(engine.strategy().0, [Err(Reason::OrderSize), Ok(())]);
    let log = rows(engine.desk().log());
    let told: Vec<_> = log.iter().map(|row| (row.event, row.half, row.price, row.quantity, row.left)).collect();
    let expected = [
        (Event::Submit, Half::Ask, 105, 4, 4),
        (Event::Open, Half::Ask, 105, 4, 4),
        (Event::Deny, Half::Ask, 104, 6, 6),
        (Event::AskReplace, Half::Ask, 104, 5, 5),
        (Event::Replace, Half::Ask, 104, 5, 5),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_message_that_is_older_than_the_one_before_took_as_long_as_it_was_waited_for() {
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_005), Row::Level, Side::Bid, 100, 9);
    tape.row(1, (1_000, 1_005), Row::Level, Side::Ask, 102, 9);
    // The recorder's clock goes back by 35: heard at 1,040, this was 30 on its way, and so is what answers it.
    tape.row(2, (1_005, 1_040), Row::Level, Side::Bid, 99, 9);
    tape.row(3, (1_010, 1_005), Row::Level, Side::Bid, 98, 9);
    tape.row(4, (1_090, 1_200), Row::Trade, Side::None, 101, 1);
    let rules = Rules { latency: Latency::Feed, ..setup(0, 0, Model::RiskAverse).rules };
    let setups = [Setup { rules, ..setup(0, 0, Model::RiskAverse) }];
    let maker = || MarketMaker::<false>::new(quoting(1_000));
    let log = run(vec![tape.feed()], &setups, maker());
    let opened = rows(&log).into_iter().find(|row| row.event == Event::Open).expect("the quotes are opened");
    // Clocks: the third message seems to arrive 5 before it was sent, so all local times are 5 later; 1,045 - 1,010.
    assert_eq!(opened.exchange_time, 1_050 + 35);
    assert_eq!(rows(&run(vec![tape.feed()], &setups, Listening(maker()))), rows(&log));
}

#[test]
fn without_rows_nothing_happens() {
    let tape = Tape::default();
    let log = run(vec![tape.feed()], &[setup(1, 1, Model::RiskAverse)], MarketMaker::<true>::new(quoting(10)));
    assert!(log.is_empty());
}

#[test]
fn risk_refuses_with_its_reason_and_a_loss_stops_trading() {
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 90);
    tape.row(1, (1_000, 1_000), Row::Level, Side::Ask, 101, 90);
    // The bid at 100 is filled by the trade through it, and the market falls to 90: 3 lots lose 30 and more.
    tape.row(2, (1_080, 1_080), Row::Trade, Side::Ask, 98, 1);
    tape.row(3, (1_081, 1_081), Row::Level, Side::Bid, 100, 0);
    tape.row(3, (1_081, 1_081), Row::Level, Side::Bid, 90, 5);
    tape.row(4, (1_300, 1_300), Row::Trade, Side::None, 95, 1);
    let limits = Limits { daily_loss: Some(25 * ONE), ..Limits::default() };
    let setup = Setup { limits, ..setup(1, 2, Model::RiskAverse) };
    let log = run(vec![tape.feed()], &[setup], MarketMaker::<false>::new(quoting(100)));
    let told: Vec<_> = rows(&log).iter().map(|row| (row.local_time, row.event, row.reason, row.half)).collect();
    let expected = [
        (1_050, Event::Submit, Reason::None, Half::Bid),
        (1_050, Event::Submit, Reason::None, Half::Ask),
        (1_053, Event::Open, Reason::None, Half::Bid),
        (1_053, Event::Open, Reason::None, Half::Ask),
        (1_082, Event::Fill, Reason::None, Half::Bid),
        (1_082, Event::Halt, Reason::DailyLoss, Half::Bid),
        (1_082, Event::AskCancel, Reason::None, Half::Ask),
        (1_085, Event::Cancel, Reason::None, Half::Ask),
        (1_150, Event::Refuse, Reason::Halted, Half::Bid),
        (1_150, Event::Refuse, Reason::Halted, Half::Ask),
        (1_250, Event::Refuse, Reason::Halted, Half::Bid),
        (1_250, Event::Refuse, Reason::Halted, Half::Ask),
    ];
    assert_eq!(told, expected);
}

/// Lots to sell, and what else the order says.
type Sale = (i64, fn(NewOrder) -> NewOrder);

/// Sends orders to sell at the start and others at 1,050, each with a change; keeps what came of them.
struct Sells {
    first: Vec<Sale>,
    change: Option<i64>,
    then: Vec<Sale>,
    outcomes: Vec<Result<u64, Reason>>,
}

impl Sells {
    fn send(&mut self, desk: &mut Desk, orders: &[Sale]) {
        for &(quantity, change) in orders {
            let order = NewOrder::new(0, Half::Ask, Kind::Limit { price: 110 }, quantity);
            self.outcomes.push(desk.submit(0, change(order)));
        }
    }
}

impl Strategy for Sells {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        let first = std::mem::take(&mut self.first);
        self.send(desk, &first);
        if let Some(quantity) = self.change {
            desk.replace(0, 1, 110, quantity).expect("within the limits");
        }
        desk.wake(1_050);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        let then = std::mem::take(&mut self.then);
        self.send(desk, &then);
    }
}

#[test]
fn the_position_limit_counts_all_that_may_trade_yet() {
    let refused = Err(Reason::Position);
    let plain: fn(NewOrder) -> NewOrder = |order| order;
    let entry: fn(NewOrder) -> NewOrder =
        |order| NewOrder { half: Half::Bid, kind: Kind::Limit { price: 90 }, ..order };
    let exit: fn(NewOrder) -> NewOrder = |order| NewOrder { parent: 1, ..order };
    let leg: fn(NewOrder) -> NewOrder = |order| NewOrder { peer: 1, ..order };
    let bought: fn(NewOrder) -> NewOrder =
        |order| NewOrder { half: Half::Bid, kind: Kind::Limit { price: 90 }, peer: 1, ..order };
    for (latency, first, change, then, expected) in [
        // Of two legs the larger: 8 and 3 are 11, 8 and 2 are 10; and no other is more than the limit with it.
        (5, vec![(2, plain), (8, leg)], None, vec![(3, plain), (2, plain)], [refused, Ok(3)]),
        (5, vec![(8, plain), (2, leg)], None, vec![(3, plain), (2, plain)], [refused, Ok(3)]),
        // Legs of two sides count on theirs.
        (5, vec![(8, plain), (2, bought)], None, vec![(3, plain), (2, plain)], [refused, Ok(3)]),
        // An exit counts whole though its entry has not traded and the exchange has released none of it.
        (5, vec![(5, entry), (6, exit)], None, vec![(5, plain), (4, plain)], [refused, Ok(3)]),
        // A change that is on its way may have arrived.
        (500, vec![(1, plain)], Some(9), vec![(2, plain), (1, plain)], [refused, Ok(2)]),
        (5, vec![(9, plain)], Some(1), vec![(10, plain), (9, plain)], [refused, Ok(2)]),
    ] {
        let mut tape = Tape::default();
        tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
        tape.row(2, (1_900, 1_900), Row::Trade, Side::None, 101, 1);
        let limits = Limits { position: Some(10), ..Limits::default() };
        let setup = Setup { limits, ..setup(latency, latency, Model::RiskAverse) };
        let sells = Sells { first: first.clone(), change, then, outcomes: Vec::new() };
        let mut engine = Engine::new(vec![tape.feed()], &[setup], None, sells);
        engine.run().expect("amounts fit");
        assert_eq!(engine.strategy().outcomes[first.len()..], expected);
    }
}

#[test]
fn cash_is_held_against_what_a_change_on_its_way_may_cost() {
    struct Buys(Vec<Result<u64, Reason>>);
    impl Strategy for Buys {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            let order = |price, quantity| NewOrder::new(0, Half::Bid, Kind::Limit { price }, quantity);
            self.0.push(desk.submit(0, order(90, 1)));
            desk.replace(0, 1, 900, 1).expect("there is cash for it");
            // 900 and 200 are more than 1,000; 900 and 100 are not.
            self.0.push(desk.submit(0, order(100, 2)));
            self.0.push(desk.submit(0, order(100, 1)));
        }
    }
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
    let instrument = Instrument { settlement: Settlement::Spot, numerator: ONE, denominator: 1 };
    let setup = Setup { instrument, cash: 1_000 * ONE, ..setup(5, 5, Model::RiskAverse) };
    let mut engine = Engine::new(vec![tape.feed()], &[setup], None, Buys(Vec::new()));
    engine.run().expect("amounts fit");
    assert_eq!(engine.strategy().0, [Ok(1), Err(Reason::NoCash), Ok(2)]);
}

#[test]
fn too_many_orders_in_a_window_are_refused() {
    let tape = Tape::random(3, 400, |message| message);
    let strategy = MarketMaker::<true>::new(quoting(50));
    let mut engine =
        Engine::new(vec![tape.feed()], &[setup(3, 3, Model::RiskAverse)], Some(Rate::new(3, 500)), strategy);
    engine.run().expect("amounts fit");
    let log = rows(engine.desk().log());
    let sent: Vec<i64> = log.iter().filter(|row| row.event == Event::Submit).map(|row| row.local_time).collect();
    assert!(sent.windows(4).all(|four| four[3] - four[0] > 500));
    assert!(log.iter().any(|row| row.reason == Reason::Rate));
}

#[test]
fn two_instruments_are_heard_in_the_order_of_their_sequence() {
    struct Order(Vec<(usize, i64, i64)>);
    impl Strategy for Order {
        const DEPTH: bool = false;
        const TRADES: bool = true;
        fn on_trade(&mut self, desk: &mut Desk, instrument: usize, trade: &Trade) {
            self.0.push((instrument, trade.price, desk.now()));
        }
    }
    let (mut first, mut second) = (Tape::default(), Tape::default());
    first.row(1, (10, 10), Row::Trade, Side::Bid, 1, 1);
    second.row(2, (11, 30), Row::Trade, Side::Bid, 2, 1);
    // The recorder's clock went back before this row: it arrived after the one before all the same.
    first.row(3, (12, 20), Row::Trade, Side::Bid, 3, 1);
    second.row(3, (12, 31), Row::Trade, Side::Bid, 4, 1);
    let setups = [setup(1, 1, Model::RiskAverse), setup(1, 1, Model::RiskAverse)];
    let mut engine = Engine::new(vec![first.feed(), second.feed()], &setups, None, Order(Vec::new()));
    engine.run().expect("amounts fit");
    assert_eq!(engine.strategy().0, [(0, 1, 10), (1, 2, 30), (0, 3, 30), (1, 4, 31)]);
}

#[test]
fn a_row_that_has_not_arrived_holds_back_those_after_it() {
    struct Looks(Vec<(i64, Option<i64>, Option<i64>)>);
    impl Strategy for Looks {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            desk.wake(25);
        }
        fn on_timer(&mut self, desk: &mut Desk) {
            self.0.push((desk.now(), desk.view(0).last(), desk.view(1).last()));
            desk.wake(desk.now() + 3);
        }
    }
    let (mut first, mut second) = (Tape::default(), Tape::default());
    first.row(1, (10, 10), Row::Trade, Side::Bid, 1, 1);
    second.row(2, (11, 30), Row::Trade, Side::Bid, 2, 1);
    // By its clock here at 20, but after the row before, which is here at 30; so is the one of the same sequence.
    first.row(3, (12, 20), Row::Trade, Side::Bid, 3, 1);
    second.row(3, (12, 31), Row::Trade, Side::Bid, 4, 1);
    first.row(4, (13, 22), Row::Trade, Side::Bid, 5, 1);
    second.row(5, (14, 34), Row::Trade, Side::Bid, 6, 1);
    let setups = [setup(1, 1, Model::RiskAverse), setup(1, 1, Model::RiskAverse)];
    let mut engine = Engine::new(vec![first.feed(), second.feed()], &setups, None, Looks(Vec::new()));
    engine.run().expect("amounts fit");
    let expected = [(25, Some(1), None), (28, Some(1), None), (31, Some(5), Some(4)), (34, Some(5), Some(6))];
    assert_eq!(engine.strategy().0, expected);
}

#[test]
fn a_message_is_not_here_before_all_of_the_one_before_it() {
    struct Hears(Vec<(i64, i64)>);
    impl Strategy for Hears {
        const DEPTH: bool = false;
        const TRADES: bool = true;
        fn on_trade(&mut self, desk: &mut Desk, _instrument: usize, trade: &Trade) {
            self.0.push((trade.price, desk.now()));
        }
    }
    let (mut first, mut second) = (Tape::default(), Tape::default());
    first.row(1, (10, 30), Row::Trade, Side::Bid, 1, 1);
    first.row(1, (10, 40), Row::Trade, Side::Bid, 2, 1);
    second.row(2, (11, 35), Row::Trade, Side::Bid, 3, 1);
    let setups = [setup(1, 1, Model::RiskAverse), setup(1, 1, Model::RiskAverse)];
    let mut engine = Engine::new(vec![first.feed(), second.feed()], &setups, None, Hears(Vec::new()));
    engine.run().expect("amounts fit");
    assert_eq!(engine.strategy().0, [(1, 30), (2, 30), (3, 40)]);
}

#[test]
fn an_answer_to_one_venue_reaches_another_in_time() {
    struct Hedge;
    impl Strategy for Hedge {
        const DEPTH: bool = false;
        const TRADES: bool = false;
        fn start(&mut self, desk: &mut Desk) {
            for (instrument, price) in [(0, 100), (1, 50)] {
                desk.submit(instrument, NewOrder::new(0, Half::Bid, Kind::Limit { price }, 1)).expect("no limits");
            }
        }
        fn on_report(&mut self, desk: &mut Desk, instrument: usize, report: &Report) {
            if instrument == 0 && report.event == Event::Fill {
                desk.submit(1, NewOrder::new(0, Half::Bid, Kind::Market, 1)).expect("no limits");
            }
        }
    }
    let (mut first, mut second) = (Tape::default(), Tape::default());
    first.row(1, (900, 900), Row::Level, Side::Ask, 105, 9);
    second.row(2, (901, 901), Row::Level, Side::Ask, 200, 9);
    // Fills the order of the first instrument at 1,000; known at 1,005, answered at the second's venue at 1,010.
    first.row(3, (1_000, 1_000), Row::Trade, Side::Ask, 99, 1);
    second.row(4, (1_001, 1_001), Row::Trade, Side::Bid, 200, 1);
    // Which still offers 200 then, but no longer at 1,012.
    second.row(5, (1_012, 1_012), Row::Level, Side::Ask, 200, 0);
    second.row(5, (1_012, 1_012), Row::Level, Side::Ask, 300, 9);
    second.row(6, (1_100, 1_100), Row::Trade, Side::Bid, 300, 1);
    let log = run(
        vec![first.feed(), second.feed()],
        &[setup(5, 5, Model::RiskAverse), setup(5, 5, Model::RiskAverse)],
        Hedge,
    );
    let fills: Vec<_> = rows(&log).into_iter().filter(|row| row.event == Event::Fill).collect();
    let told: Vec<_> = fills.iter().map(|row| (row.instrument, row.exchange_time, row.price)).collect();
    assert_eq!(told, [(0, 1_000, 100), (1, 1_010, 200)]);
}

#[test]
fn the_digests_of_known_runs() {
    let hex = |digest: [u8; 32]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tape = Tape::random(1, 20_000, |message| message);
    let maker = MarketMaker::<true>::new(quoting(100));
    let log = run(vec![tape.feed()], &[setup(20, 30, Model::RiskAverse)], maker);
    let expected = "6eb20108d60fc6ec75883d205deebfeae2367cf69c9dadcdfa03b8013da7bcfe";
    assert_eq!((log.len(), hex(log.digest()).as_str()), (15_838, expected));
    let monkey = Monkey { random: Pcg64::new(5), interval: 3 };
    let probability = Probability { function: Function::Power(2.0), form: Form::Parts };
    let log = run(vec![tape.feed()], &[setup(20, 30, Model::Drawn { probability, seed: 9 })], monkey);
    let expected = "5fb4809ad8a798df241811b1afc0a9688b7643f8a56a4516f4b47e03ebf97274";
    assert_eq!((log.len(), hex(log.digest()).as_str()), (323_482, expected));
    assert_eq!(log.blocks().len(), log.len().div_ceil(BLOCK_ROWS));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What a tape says later has no say in what was decided, answered or traded before.
    #[test]
    fn nothing_looks_ahead(
        seed in any::<u64>(), cut in 1_100i64..6_000, entry in 0i64..60, response in 0i64..60, model in models()
    ) {
        let tape = Tape::random(seed, 250, |message| message);
        let shorter = tape.before(cut);
        let monkey = || Monkey { random: Pcg64::new(seed), interval: 7 };
        let setups = [setup(entry, response, model)];
        let (whole, part) = (run(vec![tape.feed()], &setups, monkey()), run(vec![shorter.feed()], &setups, monkey()));
        let until = cut.min(shorter.local.last().copied().unwrap_or(0));
        let known = |log: &Log| rows(log).into_iter().filter(|row| row.local_time < until).collect::<Vec<_>>();
        prop_assert_eq!(known(&whole), known(&part));
    }

    /// Rows in one go or message by message: the same log.
    #[test]
    fn how_far_each_side_runs_ahead_does_not_matter(
        seed in any::<u64>(), interval in 1i64..90, entry in 0i64..60, response in 0i64..60, model in models()
    ) {
        let tape = Tape::random(seed, 200, |message| message);
        let setups = [setup(entry, response, model)];
        let monkey = || Monkey { random: Pcg64::new(seed), interval };
        let apart = run(vec![tape.feed()], &setups, monkey());
        let listening = run(vec![tape.feed()], &setups, Listening(monkey()));
        prop_assert_eq!(rows(&apart), rows(&listening));
    }

    #[test]
    fn of_two_instruments_neither(seed in any::<u64>(), entry in 0i64..60, response in 0i64..60) {
        let first = Tape::random(seed, 150, |message| 2 * message);
        let second = Tape::random(seed ^ 1, 150, |message| 2 * message + message % 2);
        let setups = [setup(entry, response, Model::RiskAverse), setup(response, entry, Model::RiskAverse)];
        let pair = Pair {
            instruments: [0, 1],
            ratio: [1, 1],
            quantity: [3, 4],
            window: 8,
            entry: 100,
            exit: 50,
            first: 1_000,
            interval: 25,
        };
        let trader = || PairsTrader::new(pair);
        let apart = run(vec![first.feed(), second.feed()], &setups, trader());
        let listening = run(vec![first.feed(), second.feed()], &setups, Listening(trader()));
        prop_assert_eq!(rows(&apart), rows(&listening));
    }

    /// Nor of several whose venues answer at different speeds, and that are asked for anything.
    #[test]
    fn nor_of_several(
        seed in any::<u64>(), interval in 4i64..200, latencies in prop::collection::vec((1i64..60, 0i64..60), 3),
        model in models()
    ) {
        let tapes: Vec<Tape> = (0..3).map(|one| Tape::random(seed ^ one, 120, |message| 3 * message + one)).collect();
        let setups: Vec<Setup> = latencies.iter().map(|&(entry, response)| setup(entry, response, model)).collect();
        let feeds = || tapes.iter().map(Tape::feed).collect::<Vec<_>>();
        let answering = || Answering(Monkey { random: Pcg64::new(seed), interval });
        let apart = run(feeds(), &setups, answering());
        let listening = run(feeds(), &setups, Listening(answering()));
        prop_assert_eq!(rows(&apart), rows(&listening));
    }

    /// Orders live by the one function of transitions, and cash and position are the sums of what traded.
    #[test]
    fn lives_cash_and_quantity_are_conserved(
        seed in any::<u64>(), entry in 0i64..60, response in 0i64..60, model in models()
    ) {
        let tape = Tape::random(seed, 300, |message| message);
        let setup = setup(entry, response, model);
        let monkey = Monkey { random: Pcg64::new(seed), interval: 5 };
        let mut engine = Engine::new(vec![tape.feed()], std::slice::from_ref(&setup), None, monkey);
        engine.run().expect("amounts fit");
        let log = engine.desk().log();
        check_lives(log);
        let (mut position, mut cash, mut fees) = (0i64, 0i128, 0i128);
        let mut traded = std::collections::BTreeMap::<u64, i64>::new();
        let mut asked = std::collections::BTreeMap::<u64, i64>::new();
        for row in rows(log) {
            match row.event {
                Event::Trade | Event::Fill => {
                    position += row.half.sign() * row.quantity;
                    cash -= i128::from(row.half.sign() * row.quantity * row.price) * ONE + row.fee;
                    fees += row.fee;
                    *traded.entry(row.order).or_default() += row.quantity;
                }
                Event::Submit => drop(asked.insert(row.order, row.quantity)),
                Event::Replace => drop(asked.insert(row.order, row.quantity)),
                _ => {}
            }
        }
        let holding = engine.desk().holding(0);
        prop_assert_eq!((holding.position, holding.cash, holding.fees), (position, cash, fees));
        for (order, quantity) in traded {
            prop_assert!(quantity <= asked[&order], "order {} traded {} of {}", order, quantity, asked[&order]);
        }
    }
}
