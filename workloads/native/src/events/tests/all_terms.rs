//! Properties under all terms there are, on tapes with every kind of row: books of levels and of orders.

use super::*;
use crate::fixed::divide;

impl Tape {
    /// Messages of orders that come, change, leave and trade around a middle that walks, some of them about orders that
    /// no book has; between them quotes, trades, gaps, and books that begin again.
    fn of_orders(seed: u64, messages: u64) -> Self {
        let (mut tape, mut random) = (Self::default(), Pcg64::new(seed));
        let (mut time, mut middle, mut newest) = (1_000i64, 1_000i64, 0u64);
        for message in 0..messages {
            time += 1 + random.below(40) as i64;
            middle += random.below(3) as i64 - 1;
            let times = (time - random.below(30) as i64, time);
            match random.below(14) {
                0 => tape.about(message, times, Row::Trade, &mut random, middle, 0),
                1 => tape.about(message, times, Row::Quote, &mut random, middle, 0),
                2 => tape.about(message, times, Row::Gap, &mut random, middle, 0),
                3 => {
                    tape.about(message, times, Row::Clear, &mut random, middle, 0);
                    tape.about(message, times, Row::Snapshot, &mut random, middle, 0);
                }
                _ => {
                    for _ in 0..1 + random.below(4) {
                        let (kind, order) = match random.below(8) {
                            0 => (Row::Modify, newest.saturating_sub(random.below(12))),
                            1 => (Row::Cancel, newest.saturating_sub(random.below(12))),
                            2 | 3 => (Row::Execute, newest.saturating_sub(random.below(12))),
                            _ => (Row::Add, newest + random.below(4).min(1)),
                        };
                        newest = newest.max(order);
                        tape.about(message, times, kind, &mut random, middle, order);
                    }
                }
            }
        }
        tape
    }

    /// A row of a side and a price near the middle, about an order of the market.
    fn about(&mut self, sequence: u64, times: (i64, i64), kind: Row, random: &mut Pcg64, middle: i64, order: u64) {
        let side = if random.below(2) == 0 { Side::Bid } else { Side::Ask };
        let away = random.below(5) as i64 - 1;
        let price = if side == Side::Bid { middle - away } else { middle + away };
        self.row(sequence, times, kind, side, price, random.below(12) as i64);
        self.order.push(order);
    }

    /// A tape of levels, or of orders.
    pub(super) fn any(seed: u64, messages: u64, orders: bool) -> Self {
        if orders { Self::of_orders(seed, messages) } else { Self::random(seed, messages, |message| message) }
    }
}

fn latencies() -> impl proptest::strategy::Strategy<Value = Latency> {
    let constant = (0i64..60, 0i64..60).prop_map(|(entry, response)| Latency::Constant { entry, response });
    let steps = prop::collection::vec((1i64..900, 0i64..60, 0i64..60), 1..6);
    let recorded = steps.prop_map(|steps| {
        let (mut request, mut observations) = (900, Vec::<Observation>::new());
        for (step, entry, response) in steps {
            request += step;
            let earliest = observations.last().map_or(0, |before| before.exchange + 1);
            let exchange = (request + entry).max(earliest);
            observations.push(Observation { request, exchange, response: exchange + response });
        }
        Latency::Recorded(Recorded::new(observations).expect("in order"))
    });
    prop_oneof![constant, Just(Latency::Feed), recorded]
}

fn impacts() -> impl proptest::strategy::Strategy<Value = Impact> {
    let (coefficient, reference) = (0i64..3_000_000_000, 1i64..20);
    prop_oneof![
        Just(Impact::None),
        (coefficient.clone(), reference.clone())
            .prop_map(|(coefficient, reference)| Impact::Linear { coefficient, reference }),
        (coefficient, reference).prop_map(|(coefficient, reference)| Impact::SquareRoot { coefficient, reference }),
    ]
}

/// A tape's kind, and rules that fit it: `Exact` where it is one of orders.
pub(super) fn terms() -> impl proptest::strategy::Strategy<Value = (bool, Rules)> {
    (any::<bool>(), any::<bool>(), models(), latencies(), impacts()).prop_map(
        |(orders, exact, model, latency, impact)| {
            let model = if orders && exact { Model::Exact } else { model };
            (orders, Rules { latency, model, impact, window: 64 })
        },
    )
}

fn settlements() -> impl proptest::strategy::Strategy<Value = Settlement> {
    prop_oneof![Just(Settlement::Spot), Just(Settlement::Linear), Just(Settlement::Inverse)]
}

/// What buying `lots` at a price costs, by the page: `lots x ticks x 7 / 3`, of an inverse future
/// `-lots x 7,000,000 / (ticks x 3)`.
fn cost(settlement: Settlement, lots: i64, price: i64) -> i128 {
    match settlement {
        Settlement::Inverse => -divide(i128::from(lots) * 7_000_000 * ONE, i128::from(price) * 3),
        Settlement::Spot | Settlement::Linear => divide(i128::from(lots * price) * 7 * ONE, 3),
    }
}

fn instrument(settlement: Settlement) -> Instrument {
    let numerator = if settlement == Settlement::Inverse { 7_000_000 * ONE } else { 7 * ONE };
    Instrument { settlement, numerator, denominator: 3 }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn nothing_looks_ahead_under_any_terms(
        seed in any::<u64>(), cut in 1_100i64..5_000, (orders, rules) in terms()
    ) {
        let tape = Tape::any(seed, 200, orders);
        let shorter = tape.before(cut);
        let monkey = || Monkey { random: Pcg64::new(seed), interval: 7 };
        let setups = [Setup { rules, ..setup(0, 0, Model::RiskAverse) }];
        let (whole, part) = (run(vec![tape.feed()], &setups, monkey()), run(vec![shorter.feed()], &setups, monkey()));
        let until = cut.min(shorter.local.last().copied().unwrap_or(0));
        let known = |log: &Log| rows(log).into_iter().filter(|row| row.local_time < until).collect::<Vec<_>>();
        prop_assert_eq!(known(&whole), known(&part));
    }

    #[test]
    fn how_far_each_side_runs_ahead_matters_under_no_terms(
        seed in any::<u64>(), interval in 1i64..90, (orders, rules) in terms()
    ) {
        let tape = Tape::any(seed, 200, orders);
        let setups = [Setup { rules, ..setup(0, 0, Model::RiskAverse) }];
        let monkey = || Monkey { random: Pcg64::new(seed), interval };
        let apart = run(vec![tape.feed()], &setups, monkey());
        let listening = run(vec![tape.feed()], &setups, Listening(monkey()));
        prop_assert_eq!(rows(&apart), rows(&listening));
    }

    /// Cash and position of every kind of instrument are the sums of what traded; what is paid for is never short.
    #[test]
    fn what_trades_is_booked_under_all_terms(
        seed in any::<u64>(), (orders, rules) in terms(), settlement in settlements()
    ) {
        let tape = Tape::any(seed, 250, orders);
        let fees = Fees {
            tiers: vec![
                Tier { from_volume: 0, maker: ONE / 10_000, taker: ONE / 1_000 },
                Tier { from_volume: 20_000 * ONE, maker: -ONE / 50_000, taker: ONE / 2_000 },
            ],
            ..Fees::default()
        };
        let cash = if settlement == Settlement::Spot { 90_000 * ONE } else { 0 };
        let setup = Setup { instrument: instrument(settlement), fees, cash, rules, ..setup(0, 0, Model::RiskAverse) };
        let monkey = Monkey { random: Pcg64::new(seed), interval: 5 };
        let mut engine = Engine::new(vec![tape.feed()], std::slice::from_ref(&setup), None, monkey);
        engine.run().expect("amounts fit");
        let log = engine.desk().log();
        check_lives(log);
        let (mut position, mut left, mut volume) = (0i64, cash, 0i128);
        for row in rows(log).into_iter().filter(|row| matches!(row.event, Event::Trade | Event::Fill)) {
            let lots = row.half.sign() * row.quantity;
            let paid = cost(settlement, lots, row.price);
            let basis = match (volume < 20_000 * ONE, row.taker) {
                (true, true) => ONE / 1_000,
                (true, false) => ONE / 10_000,
                (false, true) => ONE / 2_000,
                (false, false) => -ONE / 50_000,
            };
            prop_assert_eq!(row.fee, divide(paid.abs() * basis, ONE));
            position += lots;
            left -= paid + row.fee;
            volume += paid.abs();
            prop_assert!(settlement != Settlement::Spot || position >= 0);
        }
        let holding = engine.desk().holding(0);
        prop_assert_eq!((holding.position, holding.cash, holding.volume), (position, left, volume));
    }
}

#[test]
fn rows_about_orders_that_no_book_has_are_on_these_tapes() {
    let tape = Tape::of_orders(1, 200);
    let findings = crate::tape::audit(&tape.columns());
    assert!(findings.unknown.times > 20, "{findings:?}");
    for kind in Row::ALL.into_iter().filter(|&kind| kind != Row::Level) {
        assert!(tape.kind.contains(&(kind as u8)), "no {kind:?}");
    }
}
