//! Small books worked out by hand.

use super::*;
use crate::book::Half;
use crate::latency::Latency;
use crate::orders::{Kind, NewOrder, Request, TimeInForce};
use crate::tape::{Columns, Kind as Row, Side};

/// A venue whose tape is written row by row.
struct Scene {
    venue: Venue,
    times: Vec<i64>,
    bytes: [Vec<u8>; 2],
    numbers: [Vec<i64>; 2],
    orders: Vec<u64>,
    by_order: bool,
    id: u64,
}

impl Scene {
    fn new(model: Model, impact: Impact) -> Self {
        let mut scene = Self::empty(model, impact);
        // Bids 98 x 10 and 99 x 5; asks 101 x 4, 102 x 6 and 103 x 8.
        for (side, price, quantity) in
            [(Side::Bid, 98, 10), (Side::Bid, 99, 5), (Side::Ask, 101, 4), (Side::Ask, 102, 6), (Side::Ask, 103, 8)]
        {
            scene.row(Row::Level, side, price, quantity);
        }
        scene
    }

    fn empty(model: Model, impact: Impact) -> Self {
        let latency = Latency::Constant { entry: 0, response: 0 };
        Self {
            venue: Venue::new(&Rules { latency, model, impact, window: 64 }),
            times: vec![],
            bytes: [vec![], vec![]],
            numbers: [vec![], vec![]],
            orders: vec![],
            by_order: model == Model::Exact,
            id: 0,
        }
    }

    fn plain() -> Self {
        Self::new(Model::RiskAverse, Impact::None)
    }

    fn row(&mut self, kind: Row, side: Side, price: i64, quantity: i64) -> Vec<Report> {
        self.order_row(kind, side, price, quantity, 0)
    }

    fn order_row(&mut self, kind: Row, side: Side, price: i64, quantity: i64, order: u64) -> Vec<Report> {
        let row = self.times.len();
        self.times.push(row as i64);
        for (column, byte) in self.bytes.iter_mut().zip([kind as u8, side as u8]) {
            column.push(byte);
        }
        for (column, number) in self.numbers.iter_mut().zip([price, quantity]) {
            column.push(number);
        }
        self.orders.push(order);
        let columns = Columns {
            sequence: &vec![0; row + 1],
            exchange_time: &self.times,
            local_time: &self.times,
            kind: &self.bytes[0],
            side: &self.bytes[1],
            price: &self.numbers[0],
            quantity: &self.numbers[1],
            order: if self.by_order { &self.orders } else { &[] },
        };
        self.venue.rows(&columns, 0, row..row + 1);
        self.reports()
    }

    fn reports(&mut self) -> Vec<Report> {
        std::iter::from_fn(|| self.venue.take_report()).map(|(_, report)| report).collect()
    }

    fn ask(&mut self, request: Request) -> Vec<Report> {
        self.venue.request(&request, self.times.len() as i64);
        self.reports()
    }

    fn submit(&mut self, half: Half, kind: Kind, quantity: i64) -> Vec<Report> {
        self.submit_with(half, kind, quantity, |order| order)
    }

    fn submit_with(
        &mut self,
        half: Half,
        kind: Kind,
        quantity: i64,
        change: impl FnOnce(NewOrder) -> NewOrder,
    ) -> Vec<Report> {
        self.id += 1;
        self.ask(Request::Submit(change(NewOrder::new(self.id, half, kind, quantity))))
    }
}

/// Event, order, price, quantity and what is left of each report.
fn told(reports: &[Report]) -> Vec<(Event, u64, i64, i64, i64)> {
    reports.iter().map(|one| (one.event, one.id, one.price, one.quantity, one.left)).collect()
}

fn reasons(reports: &[Report]) -> Vec<(Event, Reason)> {
    reports.iter().map(|one| (one.event, one.reason)).collect()
}

fn limit(price: i64) -> Kind {
    Kind::Limit { price }
}

fn terms(time_in_force: TimeInForce) -> impl FnOnce(NewOrder) -> NewOrder {
    move |order| NewOrder { time_in_force, ..order }
}

#[test]
fn a_market_order_walks_the_levels_and_what_finds_none_expires() {
    let mut scene = Scene::plain();
    let reports = scene.submit(Half::Bid, Kind::Market, 20);
    // 4 at 101, 6 at 102, 8 at 103; 2 find nothing.
    let expected = [
        (Event::Open, 1, 0, 20, 20),
        (Event::Trade, 1, 101, 4, 16),
        (Event::Trade, 1, 102, 6, 10),
        (Event::Trade, 1, 103, 8, 2),
        (Event::Expire, 1, 0, 20, 2),
    ];
    assert_eq!(told(&reports), expected);
    assert_eq!(reports[4].reason, Reason::NoLiquidity);
    assert!(reports[1..4].iter().all(|report| report.taker));
    // The tape's book is as it was.
    assert_eq!(scene.venue.book().depth(Half::Ask, 9), 18);
}

#[test]
fn a_limit_order_takes_up_to_its_price_and_rests_with_the_rest() {
    let mut scene = Scene::plain();
    let reports = scene.submit(Half::Bid, limit(102), 12);
    let expected = [(Event::Open, 1, 102, 12, 12), (Event::Trade, 1, 101, 4, 8), (Event::Trade, 1, 102, 6, 2)];
    assert_eq!(told(&reports), expected);
    // The next offer at or below 102 meets the 2 that rest.
    assert_eq!(told(&scene.row(Row::Level, Side::Ask, 102, 3)), [(Event::Fill, 1, 102, 2, 0)]);
}

#[test]
fn immediate_or_cancel_leaves_nothing_behind() {
    let mut scene = Scene::plain();
    let reports = scene.submit_with(Half::Ask, limit(99), 7, terms(TimeInForce::ImmediateOrCancel));
    assert_eq!(told(&reports)[1..], [(Event::Trade, 1, 99, 5, 2), (Event::Expire, 1, 99, 7, 2)]);
    let reports = scene.submit_with(Half::Ask, limit(100), 7, terms(TimeInForce::ImmediateOrCancel));
    assert_eq!(reasons(&reports), [(Event::Open, Reason::None), (Event::Expire, Reason::NotFilled)]);
    assert!(!scene.venue.has_orders());
}

#[test]
fn fill_or_kill_is_all_or_nothing() {
    let mut scene = Scene::plain();
    let reports = scene.submit_with(Half::Bid, limit(102), 11, terms(TimeInForce::FillOrKill));
    assert_eq!(reasons(&reports), [(Event::Expire, Reason::NotFilled)]);
    let reports = scene.submit_with(Half::Bid, limit(102), 10, terms(TimeInForce::FillOrKill));
    assert_eq!(told(&reports)[1..], [(Event::Trade, 2, 101, 4, 6), (Event::Fill, 2, 102, 6, 0)]);
}

#[test]
fn post_only_never_takes() {
    let mut scene = Scene::plain();
    let reports = scene.submit_with(Half::Bid, limit(101), 1, terms(TimeInForce::PostOnly));
    assert_eq!(reasons(&reports), [(Event::Expire, Reason::WouldTake)]);
    let reports = scene.submit_with(Half::Bid, limit(100), 1, terms(TimeInForce::PostOnly));
    assert_eq!(reasons(&reports), [(Event::Open, Reason::None)]);
}

#[test]
fn a_resting_order_waits_for_those_ahead_of_it() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(99), 4); // behind 5
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 5)), []);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 3)), [(Event::Trade, 1, 99, 3, 1)]);
    assert_eq!(told(&scene.row(Row::Trade, Side::Bid, 99, 9)), []); // that buyer took from those who sell
    assert_eq!(told(&scene.row(Row::Trade, Side::None, 99, 9)), [(Event::Fill, 1, 99, 1, 0)]);
}

#[test]
fn a_level_behind_the_best_matters_where_an_order_of_ours_is() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(98), 2); // behind 10
    scene.row(Row::Level, Side::Bid, 97, 7); // behind all
    scene.row(Row::Level, Side::Bid, 98, 3); // 3 are left ahead of it
    assert_eq!(scene.row(Row::Trade, Side::Ask, 98, 3), []);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 98, 2)), [(Event::Fill, 1, 98, 2, 0)]);
    assert_eq!(scene.venue.book().quantity(Half::Bid, 97), 7);
}

#[test]
fn of_two_orders_at_a_price_the_first_is_served_first() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(100), 2);
    scene.submit(Half::Bid, limit(100), 2);
    // Nobody is ahead at 100: of 3 that trade, 2 go to the first and 1 to the second.
    let reports = scene.row(Row::Trade, Side::Ask, 100, 3);
    assert_eq!(told(&reports), [(Event::Fill, 1, 100, 2, 0), (Event::Trade, 2, 100, 1, 1)]);
}

#[test]
fn a_trade_or_an_offer_past_the_price_fills_whole() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(99), 4);
    scene.submit(Half::Bid, limit(98), 4);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 98, 1)), [(Event::Fill, 1, 99, 4, 0)]);
    assert_eq!(told(&scene.row(Row::Level, Side::Ask, 98, 1)), [(Event::Fill, 2, 98, 4, 0)]);
}

#[test]
fn an_iceberg_shows_a_part_at_a_time_and_goes_to_the_back() {
    let mut scene = Scene::plain();
    scene.submit_with(Half::Bid, limit(100), 7, |order| NewOrder { display: 3, ..order });
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 100, 5)), [(Event::Trade, 1, 100, 3, 4)]);
    // The next 3 stand behind 6 that joined meanwhile.
    scene.row(Row::Level, Side::Bid, 100, 6);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 100, 2)), [(Event::Trade, 1, 100, 2, 2)]);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 100, 1)), [(Event::Trade, 1, 100, 1, 1)]);
    // The last 1 joined behind the 6.
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 100, 6)), []);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 1)), [(Event::Fill, 1, 100, 1, 0)]);
}

#[test]
fn a_stop_becomes_a_market_order_at_its_trigger() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 101, 1);
    assert_eq!(told(&scene.submit(Half::Ask, Kind::Stop { trigger: 99 }, 6)), [(Event::Wait, 1, 99, 6, 6)]);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 100, 1)), []);
    let reports = scene.row(Row::Trade, Side::Ask, 99, 1);
    let expected = [(Event::Open, 1, 99, 6, 6), (Event::Trade, 1, 99, 5, 1), (Event::Fill, 1, 98, 1, 0)];
    assert_eq!(told(&reports), expected);
}

#[test]
fn a_stop_limit_rests_where_the_market_is_past_its_price() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    scene.submit(Half::Bid, Kind::StopLimit { trigger: 101, price: 100 }, 2);
    // Triggered by the trade at 101, it rests at 100; the same trade cannot fill it.
    assert_eq!(told(&scene.row(Row::Trade, Side::Bid, 101, 9)), [(Event::Open, 1, 100, 2, 2)]);
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 1)), [(Event::Fill, 1, 100, 2, 0)]);
}

#[test]
fn a_take_profit_lies_on_the_other_side_than_a_stop() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    assert_eq!(reasons(&scene.submit(Half::Ask, Kind::TakeProfit { trigger: 102 }, 1)), [(Event::Wait, Reason::None)]);
    let reports = scene.row(Row::Trade, Side::Bid, 102, 1);
    assert_eq!(told(&reports), [(Event::Open, 1, 102, 1, 1), (Event::Fill, 1, 99, 1, 0)]);
}

#[test]
fn a_trailing_stop_follows_and_does_not_go_back() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    scene.submit(Half::Ask, Kind::TrailingStop { distance: 3 }, 1); // at 97
    assert_eq!(told(&scene.row(Row::Trade, Side::Bid, 104, 1)), []); // 101
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 102, 1)), []); // stays
    let reports = scene.row(Row::Trade, Side::Ask, 101, 1);
    assert_eq!(told(&reports), [(Event::Open, 1, 3, 1, 1), (Event::Fill, 1, 99, 1, 0)]);
}

#[test]
fn one_leg_cancels_the_other_and_a_part_takes_a_part() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    scene.submit(Half::Ask, limit(102), 8); // behind 6
    scene.submit_with(Half::Ask, Kind::Stop { trigger: 98 }, 8, |order| NewOrder { peer: 1, ..order });
    let reports = scene.row(Row::Trade, Side::Bid, 102, 9);
    assert_eq!(told(&reports), [(Event::Trade, 1, 102, 3, 5), (Event::Replace, 2, 98, 8, 5)]);
    let reports = scene.row(Row::Trade, Side::Bid, 103, 1);
    assert_eq!(told(&reports), [(Event::Fill, 1, 102, 5, 0), (Event::Cancel, 2, 98, 8, 5)]);
    assert_eq!(reports[1].reason, Reason::Linked);
    assert!(!scene.venue.has_orders());
}

#[test]
fn taking_back_one_leg_takes_back_the_other() {
    let mut scene = Scene::plain();
    scene.submit(Half::Ask, limit(105), 1);
    scene.submit_with(Half::Ask, limit(107), 1, |order| NewOrder { peer: 1, ..order });
    let reports = scene.ask(Request::Cancel { id: 2 });
    assert_eq!(reasons(&reports), [(Event::Cancel, Reason::None), (Event::Cancel, Reason::Linked)]);
}

#[test]
fn a_bracket_works_for_what_its_entry_traded() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    scene.submit(Half::Bid, limit(100), 4);
    let child = |order| NewOrder { parent: 1, ..order };
    assert_eq!(told(&scene.submit_with(Half::Ask, limit(105), 4, child)), [(Event::Hold, 2, 105, 4, 0)]);
    let second = |order| NewOrder { parent: 1, peer: 2, ..order };
    scene.submit_with(Half::Ask, Kind::Stop { trigger: 97 }, 4, second);
    // 1 of the entry trades: profit and stop work for 1; then for all 4.
    let reports = scene.row(Row::Trade, Side::Ask, 100, 1);
    let expected = [(Event::Trade, 1, 100, 1, 3), (Event::Open, 2, 105, 4, 1), (Event::Wait, 3, 97, 4, 1)];
    assert_eq!(told(&reports), expected);
    let reports = scene.row(Row::Trade, Side::Ask, 99, 1);
    let expected = [(Event::Fill, 1, 100, 3, 0), (Event::Replace, 2, 105, 4, 4), (Event::Replace, 3, 97, 4, 4)];
    assert_eq!(told(&reports), expected);
    let reports = scene.row(Row::Trade, Side::Ask, 97, 1);
    let expected = [(Event::Open, 3, 97, 4, 4), (Event::Fill, 3, 99, 4, 0), (Event::Cancel, 2, 105, 4, 4)];
    assert_eq!(told(&reports), expected);
}

#[test]
fn an_exit_that_arrives_late_works_for_what_its_entry_traded_before() {
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    scene.submit(Half::Bid, limit(100), 4);
    scene.row(Row::Trade, Side::Ask, 100, 1);
    let reports = scene.submit_with(Half::Ask, limit(105), 4, |order| NewOrder { parent: 1, ..order });
    assert_eq!(told(&reports), [(Event::Hold, 2, 105, 4, 0), (Event::Open, 2, 105, 4, 1)]);
    let stop = Kind::Stop { trigger: 97 };
    let reports = scene.submit_with(Half::Ask, stop, 4, |order| NewOrder { parent: 1, peer: 2, ..order });
    assert_eq!(told(&reports), [(Event::Hold, 3, 97, 4, 0), (Event::Wait, 3, 97, 4, 1)]);
    let reports = scene.row(Row::Trade, Side::Ask, 99, 1);
    let expected = [(Event::Fill, 1, 100, 3, 0), (Event::Replace, 2, 105, 4, 4), (Event::Replace, 3, 97, 4, 4)];
    assert_eq!(told(&reports), expected);
}

#[test]
fn a_bracket_without_its_entry_is_nothing() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(95), 4);
    scene.submit_with(Half::Ask, limit(105), 4, |order| NewOrder { parent: 1, ..order });
    let reports = scene.ask(Request::Cancel { id: 1 });
    assert_eq!(reasons(&reports), [(Event::Cancel, Reason::None), (Event::Cancel, Reason::Linked)]);
}

#[test]
fn an_exit_that_trades_ends_the_entry() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(100), 4);
    scene.submit_with(Half::Ask, limit(99), 4, |order| NewOrder { parent: 1, ..order });
    // 1 of the entry trades; the exit takes the bid at 99 for it, and the rest of the entry is taken back.
    let reports = scene.row(Row::Trade, Side::Ask, 100, 1);
    let expected = [
        (Event::Trade, 1, 100, 1, 3),
        (Event::Open, 2, 99, 4, 1),
        (Event::Fill, 2, 99, 1, 0),
        (Event::Cancel, 1, 100, 4, 3),
    ];
    assert_eq!(told(&reports), expected);
}

#[test]
fn impact_makes_taking_dearer_and_reaches_less() {
    let impact = Impact::Linear { coefficient: 1_000_000_000, reference: 5 };
    let mut scene = Scene::new(Model::RiskAverse, impact);
    // 5 lots move the price by 1 tick: the levels cost 102, 103, 104; a limit of 102 reaches the first.
    let reports = scene.submit_with(Half::Bid, limit(102), 5, terms(TimeInForce::ImmediateOrCancel));
    assert_eq!(told(&reports)[1..], [(Event::Trade, 1, 102, 4, 1), (Event::Expire, 1, 102, 5, 1)]);
}

#[test]
fn a_replacement_keeps_its_place_only_for_less() {
    let mut scene = Scene::plain();
    scene.submit(Half::Bid, limit(99), 4); // behind 5
    scene.row(Row::Trade, Side::Ask, 99, 4); // behind 1
    scene.ask(Request::Replace { id: 1, price: 99, quantity: 3 });
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 2)), [(Event::Trade, 1, 99, 1, 2)]);
    scene.ask(Request::Replace { id: 1, price: 99, quantity: 3 }); // behind 5 again
    assert_eq!(told(&scene.row(Row::Trade, Side::Ask, 99, 5)), []);
    // To a price that takes: 3 of the 4 at 101. With the 1 that traded before, the order has 4.
    let reports = scene.ask(Request::Replace { id: 1, price: 101, quantity: 3 });
    assert_eq!(told(&reports), [(Event::Replace, 1, 101, 4, 3), (Event::Fill, 1, 101, 3, 0)]);
}

type Case = (Kind, i64, fn(NewOrder) -> NewOrder, Reason);

#[test]
fn what_is_impossible_is_refused_with_the_reason() {
    let far = 1 << 60;
    let cases: [Case; 15] = [
        (limit(99), 0, |order| order, Reason::NoQuantity),
        (limit(99), -3, |order| order, Reason::NoQuantity),
        (limit(99), far, |order| order, Reason::BeyondRange),
        (limit(far), 1, |order| order, Reason::BeyondRange),
        (limit(-far), 1, |order| order, Reason::BeyondRange),
        (Kind::TrailingStop { distance: 0 }, 1, |order| order, Reason::BeyondRange),
        (Kind::Stop { trigger: 100 }, 1, |order| order, Reason::WrongSide),
        (Kind::TakeProfit { trigger: 100 }, 1, |order| order, Reason::WrongSide),
        (limit(99), 2, |order| NewOrder { display: 3, ..order }, Reason::WrongDisplay),
        (limit(99), 2, |order| NewOrder { display: -1, ..order }, Reason::WrongDisplay),
        (Kind::Market, 2, |order| NewOrder { display: 1, ..order }, Reason::WrongTerms),
        (Kind::Market, 1, |order| NewOrder { time_in_force: TimeInForce::PostOnly, ..order }, Reason::WrongTerms),
        (limit(99), 1, |order| NewOrder { peer: 77, ..order }, Reason::UnknownPeer),
        (limit(99), 1, |order| NewOrder { parent: 77, ..order }, Reason::UnknownParent),
        (limit(99), 1, |order| NewOrder { id: 0, ..order }, Reason::DuplicateId),
    ];
    let mut scene = Scene::plain();
    scene.row(Row::Trade, Side::Bid, 100, 1);
    for (kind, quantity, change, reason) in cases {
        let reports = scene.submit_with(Half::Bid, kind, quantity, change);
        assert_eq!(reasons(&reports), [(Event::Refuse, reason)], "{kind:?} {quantity}");
    }
    assert!(!scene.venue.has_orders());
}

#[test]
fn requests_about_nothing_are_denied() {
    let mut scene = Scene::plain();
    for request in [Request::Cancel { id: 5 }, Request::Replace { id: 5, price: 1, quantity: 1 }] {
        assert_eq!(reasons(&scene.ask(request)), [(Event::Deny, Reason::UnknownOrder)]);
    }
    scene.submit(Half::Bid, limit(95), 1);
    for (price, quantity, reason) in
        [(95, 0, Reason::NoQuantity), (95, 1 << 60, Reason::BeyondRange), (i64::MIN, 1, Reason::BeyondRange)]
    {
        let reports = scene.ask(Request::Replace { id: 1, price, quantity });
        assert_eq!(reasons(&reports), [(Event::Deny, reason)]);
        assert_eq!(reports[0].left, 1);
    }
}

#[test]
fn a_trigger_without_a_market_is_refused() {
    let mut scene = Scene::empty(Model::RiskAverse, Impact::None);
    let reports = scene.submit(Half::Bid, Kind::Stop { trigger: 100 }, 1);
    assert_eq!(reasons(&reports), [(Event::Refuse, Reason::NoMarket)]);
}

#[test]
fn no_more_orders_are_held_than_are_allowed() {
    let mut scene = Scene::plain();
    for _ in 0..MOST_ORDERS {
        scene.submit(Half::Bid, limit(50), 1);
    }
    assert_eq!(reasons(&scene.submit(Half::Bid, limit(50), 1)), [(Event::Refuse, Reason::TooManyOrders)]);
    scene.ask(Request::Cancel { id: 1 });
    assert_eq!(reasons(&scene.submit(Half::Bid, limit(50), 1)), [(Event::Open, Reason::None)]);
}

#[test]
fn with_the_orders_of_the_market_the_queue_is_exact() {
    let mut scene = Scene::new(Model::Exact, Impact::None);
    scene.order_row(Row::Add, Side::Bid, 100, 5, 11);
    scene.order_row(Row::Add, Side::Bid, 100, 3, 12);
    scene.submit(Half::Bid, limit(100), 4); // behind 8
    scene.order_row(Row::Add, Side::Bid, 100, 9, 13);
    // Cancelled behind, cancelled ahead, traded ahead: 3 are ahead, then none.
    assert_eq!(told(&scene.order_row(Row::Cancel, Side::Bid, 100, 4, 13)), []);
    assert_eq!(told(&scene.order_row(Row::Cancel, Side::Bid, 100, 5, 11)), []);
    assert_eq!(told(&scene.order_row(Row::Execute, Side::Bid, 100, 3, 12)), []);
    // What trades behind would have traded with ours first.
    assert_eq!(told(&scene.order_row(Row::Execute, Side::Bid, 100, 3, 13)), [(Event::Trade, 1, 100, 3, 1)]);
    // A trade of an order at a worse price passed ours.
    scene.order_row(Row::Add, Side::Bid, 99, 2, 14);
    assert_eq!(told(&scene.order_row(Row::Execute, Side::Bid, 99, 1, 14)), [(Event::Fill, 1, 100, 1, 0)]);
    assert_eq!(scene.venue.unknown(), 0);
    scene.order_row(Row::Cancel, Side::Bid, 99, 1, 99);
    assert_eq!(scene.venue.unknown(), 1);
}

#[test]
fn an_order_of_the_market_that_changes_keeps_its_side() {
    let mut scene = Scene::new(Model::Exact, Impact::None);
    scene.order_row(Row::Add, Side::Bid, 100, 5, 11);
    let before = scene.venue.book().touch().expect("both sides");
    // The row says that it is one to sell: its order is one to buy all the same, now at 97.
    scene.order_row(Row::Modify, Side::Ask, 97, 5, 11);
    let levels = scene.venue.book().levels(Half::Bid).collect::<Vec<_>>();
    assert!(levels.contains(&(97, 5)) && levels.iter().all(|(price, _)| *price > 0), "{levels:?}");
    assert_eq!(scene.venue.book().touch().map(|(_, ask)| ask), Some(before.1));
}

#[test]
fn a_change_of_an_exit_is_no_part_of_what_its_entry_releases() {
    // Of an exit: its quantity, what it is changed to when 4 of 8 have traded, and what is left when all have.
    for (quantity, changed, left) in [(8, 1, 5), (8, 6, 10), (4, 1, 1), (4, 6, 6), (6, 1, 3)] {
        let mut scene = Scene::plain();
        scene.submit(Half::Bid, limit(100), 8);
        scene.submit_with(Half::Ask, limit(105), quantity, |order| NewOrder { parent: 1, ..order });
        let opened = scene.row(Row::Trade, Side::Ask, 100, 4);
        assert_eq!(told(&opened)[1], (Event::Open, 2, 105, quantity, 4));
        let whole = quantity - 4 + changed;
        let reports = scene.ask(Request::Replace { id: 2, price: 106, quantity: changed });
        assert_eq!(told(&reports), [(Event::Replace, 2, 106, whole, changed)]);
        let reports = told(&scene.row(Row::Trade, Side::Ask, 99, 1));
        let released = (Event::Replace, 2, 106, whole, left);
        let filled = (Event::Fill, 1, 100, 4, 0);
        assert_eq!(reports, if left == changed { vec![filled] } else { vec![filled, released] });
    }
}
