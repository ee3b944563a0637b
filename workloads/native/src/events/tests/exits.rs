//! Exits at spot: they sell what their entry buys, and nothing that is held.

use super::all_terms::terms;
use super::*;

/// Buys, sends exits of what it buys and other orders to sell, changes and takes back; counts exits sent with too little
/// held to sell all of one.
struct Brackets {
    random: Pcg64,
    interval: i64,
    uncovered: u32,
}

impl Brackets {
    fn below(&mut self, limit: usize) -> usize {
        self.random.below(limit as u64) as usize
    }

    fn exit(&mut self, desk: &mut Desk, tickets: &[Ticket]) {
        let entries: Vec<u64> =
            tickets.iter().filter(|one| one.order.half == Half::Bid).map(|one| one.order.id).collect();
        if entries.is_empty() {
            return;
        }
        let parent = entries[self.below(entries.len())];
        let exits: Vec<u64> = tickets.iter().filter(|one| one.order.parent == parent).map(|one| one.order.id).collect();
        let peer = exits.first().copied().filter(|_| self.random.below(3) > 0).unwrap_or(0);
        let price = 990 + self.random.below(30) as i64;
        let kind = match self.random.below(5) {
            0 => Kind::Market,
            1 => Kind::Stop { trigger: price },
            2 => Kind::TrailingStop { distance: 2 },
            _ => Kind::Limit { price },
        };
        let quantity = 1 + self.random.below(12) as i64;
        let order = NewOrder { parent, peer, ..NewOrder::new(0, Half::Ask, kind, quantity) };
        let held = desk.holding(0).position;
        self.uncovered += u32::from(desk.submit(0, order).is_ok() && quantity > held);
    }
}

impl Strategy for Brackets {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.wake(0);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        let tickets = desk.tickets(0).to_vec();
        let price = 990 + self.random.below(30) as i64;
        let quantity = 1 + self.random.below(12) as i64;
        let some = (!tickets.is_empty()).then(|| tickets[self.below(tickets.len())].order.id);
        let order = |half| NewOrder::new(0, half, Kind::Limit { price }, quantity);
        match (self.random.below(8), some) {
            (0 | 1, _) => drop(desk.submit(0, order(Half::Bid))),
            (2..=4, _) => self.exit(desk, &tickets),
            (5, _) => drop(desk.submit(0, order(Half::Ask))),
            (6, Some(id)) => drop(desk.replace(0, id, price, quantity)),
            (_, Some(id)) => desk.cancel(0, id),
            (_, None) => {}
        }
        desk.wake(desk.now() + self.interval);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sold_is_held_however_exits_and_others_come_together(seed in any::<u64>(), (orders, rules) in terms()) {
        let tape = Tape::any(seed, 250, orders);
        let instrument = Instrument { settlement: Settlement::Spot, numerator: ONE, denominator: 1 };
        let setup = Setup { instrument, cash: 90_000 * ONE, rules, ..setup(0, 0, Model::RiskAverse) };
        let strategy = Brackets { random: Pcg64::new(seed), interval: 5, uncovered: 0 };
        let mut engine = Engine::new(vec![tape.feed()], &[setup], None, strategy);
        engine.run().expect("amounts fit");
        check_lives(engine.desk().log());
        let mut position = 0;
        for row in rows(engine.desk().log()).into_iter().filter(|row| matches!(row.event, Event::Trade | Event::Fill)) {
            position += row.half.sign() * row.quantity;
            prop_assert!(position >= 0, "{:?}", row);
        }
    }
}

#[test]
fn many_of_these_exits_are_sent_before_anything_is_held() {
    let tape = Tape::any(5, 250, false);
    let instrument = Instrument { settlement: Settlement::Spot, numerator: ONE, denominator: 1 };
    let setup = Setup { instrument, cash: 90_000 * ONE, ..setup(5, 5, Model::RiskAverse) };
    let strategy = Brackets { random: Pcg64::new(5), interval: 5, uncovered: 0 };
    let mut engine = Engine::new(vec![tape.feed()], &[setup], None, strategy);
    engine.run().expect("amounts fit");
    let sold = rows(engine.desk().log()).iter().filter(|row| row.half == Half::Ask && row.event == Event::Fill).count();
    assert!(engine.strategy().uncovered > 2 && sold > 20, "{} {sold}", engine.strategy().uncovered);
}

#[test]
fn an_exit_counts_for_what_its_entry_has_bought() {
    let refused = Err(Reason::Position);
    let plain: fn(NewOrder) -> NewOrder = |order| order;
    let entry: fn(NewOrder) -> NewOrder =
        |order| NewOrder { half: Half::Bid, kind: Kind::Limit { price: 100 }, ..order };
    let exit: fn(NewOrder) -> NewOrder = |order| NewOrder { parent: 1, ..order };
    let leg: fn(NewOrder) -> NewOrder = |order| NewOrder { parent: 1, peer: 2, ..order };
    let wrong: fn(NewOrder) -> NewOrder = |order| NewOrder { parent: 2, ..order };
    // 3 of the entry's 5 trade before the others are sent; an exit that is longer than its entry sells no more either.
    for (first, then, expected) in [
        (vec![(5, entry), (5, exit)], vec![(1, plain)], vec![refused]),
        (vec![(5, entry), (2, exit)], vec![(1, plain), (1, plain)], vec![Ok(3), refused]),
        (vec![(5, entry), (9, exit)], vec![(1, plain)], vec![refused]),
        (vec![(5, entry), (4, exit), (5, leg)], vec![(1, plain)], vec![refused]),
        (vec![(5, entry), (1, exit), (2, leg)], vec![(1, plain), (1, plain)], vec![Ok(4), refused]),
        // A second exit sells what is held, as any order does; one that waits for an order to sell likewise.
        (vec![(5, entry), (1, exit)], vec![(3, exit), (2, exit)], vec![refused, Ok(3)]),
        (vec![(5, entry)], vec![(3, plain), (1, exit)], vec![Ok(2), refused]),
        (vec![(5, entry)], vec![(1, plain), (3, wrong), (2, wrong)], vec![Ok(2), refused, Ok(3)]),
    ] {
        let mut tape = Tape::default();
        tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 99, 9);
        tape.row(2, (1_020, 1_020), Row::Trade, Side::Ask, 100, 3);
        tape.row(3, (1_900, 1_900), Row::Trade, Side::None, 101, 1);
        let instrument = Instrument { settlement: Settlement::Spot, numerator: ONE, denominator: 1 };
        let setup = Setup { instrument, cash: 10_000 * ONE, ..setup(5, 5, Model::RiskAverse) };
        let count = first.len();
        let sells = Sells { first, change: None, then, outcomes: Vec::new() };
        let mut engine = Engine::new(vec![tape.feed()], &[setup], None, sells);
        engine.run().expect("amounts fit");
        let outcomes = &engine.strategy().outcomes;
        assert_eq!(outcomes[..count].to_vec(), (1..=count as u64).map(Ok).collect::<Vec<_>>());
        assert_eq!(outcomes[count..], expected);
    }
}

/// Sells, and asks for a change when it was accepted.
struct Changes(i64);

impl Strategy for Changes {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.submit(0, NewOrder::new(0, Half::Ask, Kind::Limit { price: 105 }, 5)).expect("within the limits");
    }

    fn on_report(&mut self, desk: &mut Desk, _instrument: usize, report: &Report) {
        if report.event == Event::Open {
            desk.replace(0, 1, 106, self.0).expect("within the limits");
        }
    }
}

#[test]
fn what_trades_while_a_change_is_on_its_way_is_taken_off_it() {
    // 3 of 5 trade at 1,300, between the change and its arrival.
    for (asked, came) in [(5, (Event::Replace, Reason::None, 5, 2)), (9, (Event::Replace, Reason::None, 9, 6))] {
        assert_eq!(changed(asked), came);
    }
    for asked in [3, 2] {
        assert_eq!(changed(asked), (Event::Deny, Reason::NoQuantity, 0, 2));
    }
}

/// What came of a change of 5 lots of which 3 trade on its way.
fn changed(asked: i64) -> (Event, Reason, i64, i64) {
    let mut tape = Tape::default();
    tape.row(1, (1_000, 1_000), Row::Level, Side::Bid, 100, 9);
    tape.row(2, (1_300, 1_300), Row::Trade, Side::Bid, 105, 3);
    tape.row(3, (2_000, 2_000), Row::Trade, Side::None, 101, 1);
    let setup = setup(100, 100, Model::RiskAverse);
    let mut engine = Engine::new(vec![tape.feed()], &[setup], None, Changes(asked));
    engine.run().expect("amounts fit");
    let log = rows(engine.desk().log());
    assert!(log.iter().any(|row| (row.event, row.left) == (Event::Trade, 2)));
    let row = log.last().expect("a report");
    (row.event, row.reason, row.quantity, row.left)
}
