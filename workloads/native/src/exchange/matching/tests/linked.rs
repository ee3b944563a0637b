//! Orders that belong together: what they lock, whose they may be, and what is left of them.

use super::*;

const NONE: Reason = Reason::None;

fn named(client: &str, order: Order) -> Order {
    Order { client: client.into(), ..order }
}

fn ask(price: i64, quantity: i64) -> Order {
    order(Half::Ask, Kind::Limit { price }, quantity)
}

fn stop(trigger: i64, quantity: i64) -> Order {
    order(Half::Ask, Kind::Stop { trigger }, quantity)
}

fn lefts(outcomes: &[Outcome]) -> Vec<(u64, Event, i64)> {
    outcomes.iter().map(|outcome| (outcome.report.id, outcome.report.event, outcome.report.left)).collect()
}

#[test]
fn two_legs_lock_what_the_dearer_of_them_needs() {
    let mut scene = Scene::new(Settlement::Spot, &[[5, 0]]);
    scene.row(Row::Trade, Side::Bid, 100, 1);
    let first = scene.send(0, named("a", ask(101, 4)))[0].report.id;
    let second = scene.send(0, Order { peer: first, ..named("b", stop(98, 5)) });
    assert_eq!(events(&second), [(Event::Wait, NONE)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 5 * ONE));
    // What the first locks no more, the second does.
    let smaller = Input::Replace { account: 0, instrument: 0, id: first, price: 101, quantity: 2 };
    assert_eq!(events(&scene.apply(&smaller)), [(Event::Replace, NONE)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 5 * ONE));
    // 1 lot of the first trades: what is left of the second is one less.
    let traded = scene.row(Row::Trade, Side::Bid, 101, 5);
    assert_eq!(lefts(&traded), [(first, Event::Trade, 1), (first + 1, Event::Replace, 4)]);
    assert_eq!(traded[1].report.reason, Reason::Linked);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 4 * ONE));
    let ended = scene.apply(&Input::Cancel { account: 0, instrument: 0, id: first + 1 });
    assert_eq!(events(&ended), [(Event::Cancel, NONE), (Event::Cancel, Reason::Linked)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (4 * ONE, 0));
}

#[test]
fn an_exit_sells_what_its_entry_bought_part_by_part() {
    let mut scene = Scene::new(Settlement::Spot, &[[0, 1000]]);
    let entry = scene.send(0, named("a", order(Half::Bid, Kind::Limit { price: 100 }, 4)))[0].report.id;
    let profit = scene.send(0, Order { parent: entry, ..named("b", ask(110, 4)) });
    assert_eq!(lefts(&profit), [(entry + 1, Event::Hold, 0)]);
    let loss = scene.send(0, Order { parent: entry, peer: entry + 1, ..named("c", stop(90, 4)) });
    assert_eq!(lefts(&loss), [(entry + 2, Event::Hold, 0)]);
    // A third would sell what the others may sell.
    let third = scene.send(0, Order { parent: entry, ..named("d", ask(111, 4)) });
    assert_eq!(events(&third), [(Event::Refuse, Reason::NoCash)]);
    let bought = scene.row(Row::Trade, Side::Ask, 100, 3);
    assert_eq!(lefts(&bought), [(entry, Event::Trade, 1), (entry + 1, Event::Open, 3), (entry + 2, Event::Wait, 3)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 3 * ONE));
    // The profit is taken: the entry ends, and so does the stop.
    let sold = scene.row(Row::Trade, Side::Bid, 111, 1);
    assert_eq!(events(&sold), [(Event::Fill, NONE), (Event::Cancel, Reason::Linked), (Event::Cancel, Reason::Linked)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0), scene.locked(0, 1)), (0, 0, 0));
}

#[test]
fn two_legs_need_the_margin_of_one() {
    // 10 lots at 101 are 1,010, a tenth of which is margin; each leg by itself would need as much again.
    let mut scene = Scene::new(Settlement::Linear, &[[0, 110]]);
    scene.row(Row::Trade, Side::Bid, 100, 1);
    let first = scene.send(0, named("a", ask(105, 10)))[0].report.id;
    let alone = scene.send(0, named("b", stop(95, 10)));
    assert_eq!(events(&alone), [(Event::Refuse, Reason::NoCash)]);
    assert_eq!(events(&scene.send(0, Order { peer: first, ..named("b", stop(95, 10)) })), [(Event::Wait, NONE)]);
}

#[test]
fn nobody_ties_an_order_to_one_of_another_or_to_one_that_is_over() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000], [0, 1000]]);
    let id = scene.send(0, named("a", ask(105, 1)))[0].report.id;
    for (account, peer, parent, reason) in [
        (1, id, 0, Reason::UnknownPeer),
        (1, 0, id, Reason::UnknownParent),
        (0, id + 90, 0, Reason::UnknownPeer),
        (0, 0, id + 90, Reason::UnknownParent),
    ] {
        let refused = scene.send(account, Order { peer, parent, ..named("b", ask(106, 1)) });
        assert_eq!(events(&refused), [(Event::Refuse, reason)], "{account} {peer} {parent}");
    }
    scene.send(0, Order { peer: id, ..named("b", ask(106, 1)) });
    let third = scene.send(0, Order { peer: id, ..named("c", ask(107, 1)) });
    assert_eq!(events(&third), [(Event::Refuse, Reason::UnknownPeer)]);
    scene.apply(&Input::Cancel { account: 0, instrument: 0, id });
    let late = scene.send(0, Order { parent: id, ..named("c", ask(107, 1)) });
    assert_eq!(events(&late), [(Event::Refuse, Reason::UnknownParent)]);
}

#[test]
fn a_leg_whose_other_was_refused_may_have_another() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000]]);
    scene.row(Row::Trade, Side::Bid, 100, 1);
    let id = scene.send(0, named("a", ask(105, 1)))[0].report.id;
    let wrong = scene.send(0, Order { peer: id, ..named("b", stop(100, 1)) });
    assert_eq!(events(&wrong), [(Event::Refuse, Reason::WrongSide)]);
    assert_eq!(events(&scene.send(0, Order { peer: id, ..named("b", stop(95, 1)) })), [(Event::Wait, NONE)]);
}

#[test]
fn an_exit_that_buys_at_the_market_is_paid_by_what_its_entry_sold() {
    // 5 are sold at 99; to buy 4 at 101 and 1 at 102 takes 511.06 with the fee, and the sale brought 490.05.
    for (cash, paid) in [(21, false), (22, true)] {
        let mut scene = Scene::new(Settlement::Spot, &[[5, cash]]);
        let entry = scene.send(0, named("a", ask(105, 5)))[0].report.id;
        let exit = scene.send(0, Order { parent: entry, ..named("b", order(Half::Bid, Kind::Market, 5)) });
        assert_eq!(events(&exit), [(Event::Hold, NONE)]);
        let lower = Input::Replace { account: 0, instrument: 0, id: entry, price: 99, quantity: 5 };
        let last = if paid { (Event::Fill, NONE) } else { (Event::Expire, Reason::NoCash) };
        assert_eq!(events(&scene.apply(&lower)).last(), Some(&last));
        assert_eq!(scene.free(0, 0), i128::from(paid) * 5 * ONE);
        assert!(scene.free(0, 1) >= 0);
    }
}

#[test]
fn a_leg_that_cannot_be_paid_takes_the_other_with_it() {
    // 4 at 101 are 408.04 with the fee. What the limit of 95 locked is the other leg's as well.
    for (cash, paid) in [(408, false), (409, true)] {
        let mut scene = Scene::new(Settlement::Spot, &[[0, cash]]);
        scene.row(Row::Trade, Side::Bid, 100, 1);
        let leg = scene.send(0, named("a", order(Half::Bid, Kind::Limit { price: 95 }, 4)))[0].report.id;
        scene.send(0, Order { peer: leg, ..named("b", order(Half::Bid, Kind::Stop { trigger: 103 }, 4)) });
        assert_eq!(scene.free(0, 1), (cash - 380) * ONE - 380 * ONE / 100);
        let triggered = events(&scene.row(Row::Trade, Side::Bid, 103, 1));
        let opened = vec![(Event::Open, NONE), (Event::Fill, NONE), (Event::Cancel, Reason::Linked)];
        let ended = vec![(Event::Expire, Reason::NoCash), (Event::Cancel, Reason::Linked)];
        assert_eq!(triggered, if paid { opened } else { ended }, "{cash}");
        assert_eq!(scene.free(0, 1), cash * ONE - i128::from(paid) * 40804 * ONE / 100);
        assert_eq!(scene.locked(0, 1), 0);
    }
}

#[test]
fn a_second_exit_of_an_entry_sells_what_is_held() {
    let mut scene = Scene::new(Settlement::Spot, &[[5, 1000]]);
    let entry = scene.send(0, named("a", order(Half::Bid, Kind::Limit { price: 100 }, 4)))[0].report.id;
    scene.send(0, Order { parent: entry, ..named("b", ask(110, 4)) });
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (5 * ONE, 0));
    let more = scene.send(0, Order { parent: entry, ..named("c", ask(111, 6)) });
    assert_eq!(events(&more), [(Event::Refuse, Reason::NoCash)]);
    let second = scene.send(0, Order { parent: entry, ..named("c", ask(111, 5)) });
    assert_eq!(events(&second), [(Event::Hold, NONE)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 5 * ONE));
    scene.row(Row::Trade, Side::Ask, 99, 4);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (0, 9 * ONE));
    let sold = scene.row(Row::Trade, Side::Bid, 112, 9);
    assert_eq!(lefts(&sold), [(entry + 1, Event::Fill, 0), (entry + 3, Event::Fill, 0)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (ONE, 0));
}
