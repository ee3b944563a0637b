//! What orders do to balances and positions.

use super::*;

const NONE: Reason = Reason::None;

#[test]
fn spot_locks_what_an_order_may_cost_and_pays_what_it_did() {
    let mut scene = Scene::new(Settlement::Spot, &[[0, 1000]]);
    let opened = scene.submit(0, Half::Bid, Kind::Limit { price: 100 }, 4);
    assert_eq!(events(&opened), [(Event::Open, NONE)]);
    // 4 x 100 and the taker's 1 %.
    assert_eq!((scene.free(0, 1), scene.locked(0, 1)), (596 * ONE, 404 * ONE));
    let traded = scene.row(Row::Level, Side::Ask, 100, 1);
    assert_eq!(events(&traded), [(Event::Fill, NONE)]);
    assert_eq!((traded[0].fee, traded[0].trade), (0, 1));
    assert_eq!((scene.free(0, 1), scene.locked(0, 1), scene.free(0, 0)), (600 * ONE, 0, 4 * ONE));
}

#[test]
fn spot_sells_what_there_is_and_no_more() {
    let mut scene = Scene::new(Settlement::Spot, &[[5, 0]]);
    assert_eq!(events(&scene.submit(0, Half::Ask, Kind::Limit { price: 101 }, 3)), [(Event::Open, NONE)]);
    assert_eq!((scene.free(0, 0), scene.locked(0, 0)), (2 * ONE, 3 * ONE));
    assert_eq!(events(&scene.submit(0, Half::Ask, Kind::Market, 3)), [(Event::Refuse, Reason::NoCash)]);
    let sold = scene.submit(0, Half::Ask, Kind::Market, 2);
    assert_eq!(events(&sold), [(Event::Open, NONE), (Event::Fill, NONE)]);
    // 2 at 99, less 1 %.
    assert_eq!((scene.free(0, 1), scene.free(0, 0), scene.locked(0, 0)), (198 * ONE - 198 * ONE / 100, 0, 3 * ONE));
}

#[test]
fn an_order_to_buy_at_any_price_is_paid_level_by_level() {
    // 4 at 101 and 1 at 102 are 506, and 1 % of it.
    for (cash, paid) in [(511, false), (512, true)] {
        let mut scene = Scene::new(Settlement::Spot, &[[0, cash]]);
        let outcomes = scene.submit(0, Half::Bid, Kind::Market, 5);
        let first = if paid { (Event::Open, NONE) } else { (Event::Refuse, Reason::NoCash) };
        assert_eq!(events(&outcomes)[0], first, "{cash}");
        assert_eq!(scene.free(0, 1), cash * ONE - i128::from(paid) * 51106 * ONE / 100);
    }
}

#[test]
fn what_an_order_locked_comes_back_when_it_is_cancelled() {
    let mut scene = Scene::new(Settlement::Spot, &[[0, 1000]]);
    let id = scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 4)[0].report.id;
    assert_eq!(events(&scene.apply(&Input::Cancel { account: 0, instrument: 0, id })), [(Event::Cancel, NONE)]);
    assert_eq!((scene.free(0, 1), scene.locked(0, 1)), (1000 * ONE, 0));
    let again = scene.apply(&Input::Cancel { account: 0, instrument: 0, id });
    assert_eq!(events(&again), [(Event::Deny, Reason::UnknownOrder)]);
}

#[test]
fn a_change_locks_anew_and_is_refused_where_money_is_short() {
    let mut scene = Scene::new(Settlement::Spot, &[[0, 500]]);
    let id = scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 4)[0].report.id;
    let replace = |price, quantity| Input::Replace { account: 0, instrument: 0, id, price, quantity };
    assert_eq!(events(&scene.apply(&replace(90, 6))), [(Event::Deny, Reason::NoCash)]);
    assert_eq!(events(&scene.apply(&replace(-1, 6))), [(Event::Deny, Reason::BeyondRange)]);
    assert_eq!(scene.locked(0, 1), 360 * ONE + 360 * ONE / 100);
    assert_eq!(events(&scene.apply(&replace(80, 6))), [(Event::Replace, NONE)]);
    assert_eq!(scene.locked(0, 1), 480 * ONE + 480 * ONE / 100);
}

#[test]
fn nobody_touches_the_orders_of_another() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000], [0, 1000]]);
    let id = scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 1)[0].report.id;
    let others = scene.apply(&Input::Cancel { account: 1, instrument: 0, id });
    assert_eq!(events(&others), [(Event::Deny, Reason::UnknownOrder)]);
    assert_eq!((others[0].account, others[0].report.price), (1, 0));
    let others = scene.apply(&Input::Replace { account: 1, instrument: 0, id, price: 91, quantity: 1 });
    assert_eq!(events(&others), [(Event::Deny, Reason::UnknownOrder)]);
}

#[test]
fn a_name_is_used_by_one_order_alive_of_an_account() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000], [0, 1000]]);
    let named = order(Half::Bid, Kind::Limit { price: 90 }, 1);
    let id = scene.send(0, named.clone())[0].report.id;
    assert_eq!(events(&scene.send(0, named.clone())), [(Event::Refuse, Reason::DuplicateId)]);
    assert_eq!(events(&scene.send(1, named.clone())), [(Event::Open, NONE)]);
    scene.apply(&Input::Cancel { account: 0, instrument: 0, id });
    assert_eq!(events(&scene.send(0, named)), [(Event::Open, NONE)]);
}

#[test]
fn accounts_do_not_trade_with_each_other() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000], [0, 1000]]);
    scene.submit(0, Half::Bid, Kind::Limit { price: 100 }, 1);
    let crossed = scene.submit(1, Half::Ask, Kind::Limit { price: 100 }, 1);
    assert_eq!(events(&crossed), [(Event::Open, NONE)]);
    let traded = scene.row(Row::Trade, Side::Ask, 99, 1);
    assert_eq!((events(&traded), traded[0].account), (vec![(Event::Fill, NONE)], 0));
}

#[test]
fn a_future_moves_the_wallet_by_gain_and_fee_alone() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 100]]);
    scene.submit(0, Half::Bid, Kind::Market, 4);
    let fee = 404 * ONE / 100;
    assert_eq!(scene.free(0, 1), 100 * ONE - fee);
    let holding = scene.exchange.holding(0, 0).expect("a position");
    assert_eq!((holding.lots, holding.entry), (4, 404 * ONE));
    let closed = scene.submit(0, Half::Ask, Kind::Market, 4);
    assert_eq!(closed[1].realized, -8 * ONE);
    assert_eq!(scene.free(0, 1), 100 * ONE - fee - 8 * ONE - 396 * ONE / 100);
}

#[test]
fn margin_bounds_what_is_held_and_ordered() {
    // At 10 for 1 and a middle of 100, 40 carry 4 lots.
    let mut scene = Scene::new(Settlement::Linear, &[[0, 40]]);
    assert_eq!(events(&scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 5)), [(Event::Refuse, Reason::NoCash)]);
    assert_eq!(events(&scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 3)), [(Event::Open, NONE)]);
    assert_eq!(events(&scene.submit(0, Half::Bid, Kind::Limit { price: 90 }, 2)), [(Event::Refuse, Reason::NoCash)]);
    assert_eq!(events(&scene.submit(0, Half::Ask, Kind::Limit { price: 110 }, 4)), [(Event::Open, NONE)]);
}

#[test]
fn an_order_that_makes_a_position_smaller_needs_no_margin() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 50]]);
    scene.submit(0, Half::Bid, Kind::Market, 4);
    scene.row(Row::Level, Side::Bid, 99, 0);
    scene.row(Row::Level, Side::Bid, 98, 0);
    scene.row(Row::Level, Side::Bid, 50, 9);
    assert_eq!(events(&scene.submit(0, Half::Bid, Kind::Market, 1)), [(Event::Refuse, Reason::NoCash)]);
    let reduced = scene.send(0, Order { reduce_only: true, ..order(Half::Ask, Kind::Market, 4) });
    assert_eq!(events(&reduced), [(Event::Open, NONE), (Event::Fill, NONE)]);
}

#[test]
fn an_order_that_may_only_reduce_does_nothing_else() {
    let mut scene = Scene::new(Settlement::Linear, &[[0, 1000]]);
    let reduce = |half, kind, quantity| Order { reduce_only: true, ..order(half, kind, quantity) };
    let refused = |reason| vec![(Event::Refuse, reason)];
    assert_eq!(events(&scene.send(0, reduce(Half::Ask, Kind::Market, 1))), refused(Reason::Position));
    scene.submit(0, Half::Bid, Kind::Market, 2);
    assert_eq!(events(&scene.send(0, reduce(Half::Ask, Kind::Market, 3))), refused(Reason::Position));
    assert_eq!(events(&scene.send(0, reduce(Half::Bid, Kind::Market, 1))), refused(Reason::Position));
    let resting = reduce(Half::Ask, Kind::Limit { price: 110 }, 1);
    assert_eq!(events(&scene.send(0, resting)), refused(Reason::WrongTerms));
}

#[test]
fn spot_has_no_orders_that_only_reduce() {
    let mut scene = Scene::new(Settlement::Spot, &[[5, 1000]]);
    let refused = [(Event::Refuse, Reason::WrongTerms)];
    assert_eq!(events(&scene.send(0, Order { reduce_only: true, ..order(Half::Ask, Kind::Market, 1) })), refused);
    assert_eq!(events(&scene.submit(0, Half::Ask, Kind::Stop { trigger: 95 }, 1)), [(Event::Wait, NONE)]);
}

#[test]
fn prices_are_above_zero() {
    let mut scene = Scene::new(Settlement::Inverse, &[[0, 1000]]);
    for kind in [Kind::Limit { price: 0 }, Kind::StopLimit { trigger: -5, price: 90 }, Kind::Stop { trigger: 0 }] {
        assert_eq!(events(&scene.submit(0, Half::Ask, kind, 1)), [(Event::Refuse, Reason::BeyondRange)], "{kind:?}");
    }
    assert_eq!(
        events(&scene.submit(0, Half::Ask, Kind::Limit { price: 100 }, 0)),
        [(Event::Refuse, Reason::NoQuantity)]
    );
}

#[test]
fn a_stop_that_buys_is_paid_level_by_level_when_it_is_triggered() {
    // 4 at 101 and 1 at 102 are 506, and 1 % of it.
    for (cash, paid) in [(511, false), (512, true)] {
        let mut scene = Scene::new(Settlement::Spot, &[[0, cash]]);
        scene.row(Row::Trade, Side::Bid, 100, 1);
        assert_eq!(events(&scene.submit(0, Half::Bid, Kind::Stop { trigger: 103 }, 5)), [(Event::Wait, NONE)]);
        assert_eq!((scene.free(0, 1), scene.locked(0, 1)), (cash * ONE, 0));
        let triggered = events(&scene.row(Row::Trade, Side::Bid, 103, 1));
        let opened = vec![(Event::Open, NONE), (Event::Trade, NONE), (Event::Fill, NONE)];
        assert_eq!(triggered, if paid { opened } else { vec![(Event::Expire, Reason::NoCash)] }, "{cash}");
        assert_eq!(scene.free(0, 1), cash * ONE - i128::from(paid) * 51106 * ONE / 100);
        assert_eq!(scene.free(0, 0), i128::from(paid) * 5 * ONE);
    }
}

#[test]
fn what_one_trade_triggers_is_paid_in_turn() {
    // Each takes 4 at 101: 404, and 1 % of it. What the first sells, the second may spend.
    for (opening, base, second) in [([0, 800], 0, Event::Expire), ([0, 817], 0, Event::Open), ([8, 17], 8, Event::Open)]
    {
        let mut scene = Scene::new(Settlement::Spot, &[opening, [0, 10_000]]);
        scene.row(Row::Trade, Side::Bid, 100, 1);
        let first = if base > 0 {
            // 8 at 99 and 98 bring 789 less 1 %.
            scene.submit(0, Half::Ask, Kind::TakeProfit { trigger: 103 }, 8)
        } else {
            scene.submit(0, Half::Bid, Kind::Stop { trigger: 103 }, 4)
        };
        assert_eq!(events(&first), [(Event::Wait, NONE)]);
        scene.submit(0, Half::Bid, Kind::TrailingStop { distance: 2 }, 4);
        let others = scene.submit(1, Half::Bid, Kind::Stop { trigger: 103 }, 4)[0].report.id;
        let triggered = scene.row(Row::Trade, Side::Bid, 103, 1);
        let of = |id| triggered.iter().find(|outcome| outcome.report.id == id).expect("an outcome").report;
        assert_eq!(of(others - 2).event, Event::Open);
        assert_eq!((of(others - 1).event, of(others).event), (second, Event::Open), "{opening:?}");
        assert!(scene.free(0, 1) >= 0 && scene.locked(0, 1) == 0);
    }
}
