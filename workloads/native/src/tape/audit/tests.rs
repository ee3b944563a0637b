//! Findings on small tapes worked out by hand, and best levels against an ordered set.

use proptest::prelude::*;

use super::super::form::BOUND;
use super::super::owned::{Row, Tape};
use super::*;

fn tape(rows: &[(u64, i64, i64, Kind, Side, i64, i64)]) -> Tape {
    let mut tape = Tape::default();
    for &(sequence, exchange_time, local_time, kind, side, price, quantity) in rows {
        tape.push(Row { sequence, exchange_time, local_time, kind, side, price, quantity });
    }
    tape
}

fn found(rows: &[(u64, i64, i64, Kind, Side, i64, i64)]) -> Findings {
    audit(&tape(rows).columns())
}

#[test]
fn nothing_is_found_on_nothing() {
    assert_eq!(found(&[]), Findings::default());
}

#[test]
fn a_book_is_compared_after_each_message_not_within_it() {
    // Message 1: bid 10, ask 11. Message 2 lifts the bid to 11 and then takes the ask at 11 away: never locked between
    // messages. Message 3 puts an ask at 11: locked. Message 4 puts an ask at 9: crossed. Message 5 clears.
    let findings = found(&[
        (1, 0, 0, Kind::Level, Side::Bid, 10, 5),
        (1, 0, 0, Kind::Level, Side::Ask, 11, 5),
        (2, 0, 0, Kind::Level, Side::Bid, 11, 5),
        (2, 0, 0, Kind::Level, Side::Ask, 11, 0),
        (3, 0, 0, Kind::Level, Side::Ask, 11, 1),
        (4, 0, 0, Kind::Level, Side::Ask, 9, 1),
        (5, 0, 0, Kind::Clear, Side::None, 0, 0),
        (5, 0, 0, Kind::Snapshot, Side::Ask, 8, 1),
    ]);
    assert_eq!(findings.messages, 5);
    assert_eq!(findings.locked, Count { times: 1, first: Some(3) });
    assert_eq!(findings.crossed, Count { times: 1, first: Some(4) });
}

#[test]
fn a_trade_does_not_count_a_crossed_book_again() {
    let findings = found(&[
        (1, 0, 0, Kind::Level, Side::Bid, 10, 5),
        (1, 0, 0, Kind::Level, Side::Ask, 9, 5),
        (2, 0, 0, Kind::Trade, Side::Bid, 9, 5),
    ]);
    assert_eq!(findings.crossed, Count { times: 1, first: Some(1) });
}

#[test]
fn quotes_are_compared_with_each_other() {
    let findings = found(&[
        (1, 0, 0, Kind::Quote, Side::Bid, 10, 5),
        (1, 0, 0, Kind::Quote, Side::Ask, 10, 5),
        (2, 0, 0, Kind::Quote, Side::Bid, 12, 5),
        (2, 0, 0, Kind::Quote, Side::Ask, 11, 5),
        (3, 0, 0, Kind::Quote, Side::Bid, 12, 5),
        (3, 0, 0, Kind::Quote, Side::Ask, 0, 0),
    ]);
    assert_eq!((findings.locked.first, findings.crossed.first), (Some(1), Some(2)));
    assert_eq!((findings.locked.times, findings.crossed.times), (1, 1));
}

#[test]
fn clocks_are_compared_a_message_at_a_time() {
    let findings = found(&[
        (1, 100, 130, Kind::Trade, Side::Bid, 1, 1),
        (2, 140, 120, Kind::Trade, Side::Bid, 1, 1),
        (2, 140, 120, Kind::Trade, Side::Bid, 1, 1),
        (3, 130, 135, Kind::Trade, Side::Bid, 1, 1),
    ]);
    assert_eq!(findings.out_of_order, Count { times: 1, first: Some(2) });
    assert_eq!(findings.ahead, Count { times: 1, first: Some(2) });
    assert_eq!(findings.min_latency, -20);
}

#[test]
fn a_book_is_unknown_from_a_gap_to_the_next_clear() {
    let findings = found(&[
        (1, 0, 0, Kind::Gap, Side::None, lost::BOOK, 0),
        (1, 0, 0, Kind::Level, Side::Bid, 10, 5),
        (2, 0, 0, Kind::Clear, Side::None, 0, 0),
        (2, 0, 0, Kind::Snapshot, Side::Bid, 10, 5),
        (3, 0, 0, Kind::Gap, Side::None, lost::TRADES, 7),
        (3, 0, 0, Kind::Level, Side::Bid, 9, 5),
    ]);
    assert_eq!((findings.gaps.times, findings.lost, findings.blind_rows), (2, 7, 1));
}

/// Findings on rows about orders: message, kind, side, price, quantity, order.
fn found_on_orders(rows: &[(u64, Kind, Side, i64, i64, u64)]) -> Findings {
    let mut tape = Tape::default();
    for &(sequence, kind, side, price, quantity, order) in rows {
        tape.push(Row { sequence, exchange_time: 0, local_time: 0, kind, side, price, quantity });
        tape.order.push(order);
    }
    audit(&tape.columns())
}

#[test]
fn a_book_of_orders_is_compared_after_each_message() {
    // Message 1: bid 10 of two orders, ask 12. Message 2 moves the ask to 10: locked. Message 3 executes one of the two
    // bids: still locked. Message 4 cancels the other: no bid. Message 5 adds a bid at 11: crossed.
    let findings = found_on_orders(&[
        (1, Kind::Add, Side::Bid, 10, 5, 1),
        (1, Kind::Add, Side::Bid, 10, 6, 2),
        (1, Kind::Add, Side::Ask, 12, 7, 3),
        (2, Kind::Modify, Side::Ask, 10, 7, 3),
        (3, Kind::Execute, Side::Bid, 10, 5, 1),
        (4, Kind::Cancel, Side::Bid, 10, 6, 2),
        (5, Kind::Add, Side::Bid, 11, 1, 4),
    ]);
    assert_eq!((findings.locked, findings.crossed.first), (Count { times: 2, first: Some(2) }, Some(5)));
    assert_eq!(findings.crossed.times, 1);
}

#[test]
fn part_of_an_order_leaves_its_level_there() {
    let findings = found_on_orders(&[
        (1, Kind::Add, Side::Bid, 10, 5, 1),
        (2, Kind::Cancel, Side::Bid, 10, 4, 1),
        (3, Kind::Add, Side::Ask, 10, 1, 2),
        (4, Kind::Trade, Side::Ask, 10, 1, 0),
        (5, Kind::Cancel, Side::Bid, 10, 1, 1),
    ]);
    assert_eq!(findings.locked, Count { times: 1, first: Some(3) });
}

#[test]
fn orders_that_the_book_does_not_know_or_knows_already_change_nothing() {
    let findings = found_on_orders(&[
        (1, Kind::Add, Side::Bid, 10, 5, 1),
        (2, Kind::Add, Side::Ask, 10, 5, 1),
        (3, Kind::Modify, Side::Ask, 10, 5, 7),
        (4, Kind::Execute, Side::Ask, 10, 5, 7),
        (5, Kind::Add, Side::None, 10, 5, 8),
        (6, Kind::Add, Side::Ask, 10, 0, 9),
        (7, Kind::Cancel, Side::Ask, 10, 1, 9),
        (8, Kind::Cancel, Side::Bid, 10, 5, 1),
        (9, Kind::Cancel, Side::Bid, 10, 5, 1),
    ]);
    assert_eq!((findings.locked.times, findings.crossed.times), (0, 0));
    // Added twice; changed and traded without being there; of no quantity; and taken back twice.
    assert_eq!(findings.unknown, Count { times: 5, first: Some(2) });
}

#[test]
fn a_cleared_side_has_no_orders_and_a_gap_makes_rows_blind() {
    let rows = |cleared| {
        [
            (1, Kind::Gap, Side::None, lost::BOOK, 0, 0),
            (1, Kind::Add, Side::Bid, 10, 5, 1),
            (2, Kind::Clear, cleared, 0, 0, 0),
            (2, Kind::Add, Side::Ask, 9, 5, 2),
        ]
    };
    let crossed = |cleared| found_on_orders(&rows(cleared)).crossed.times;
    assert_eq!([Side::None, Side::Bid, Side::Ask].map(crossed), [0, 0, 1]);
    assert_eq!(found_on_orders(&rows(Side::None)).blind_rows, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn best_levels_are_those_of_an_ordered_set(
        changes in prop::collection::vec((prop_oneof![-40i64..40, -NEAR..NEAR, -BOUND..BOUND], any::<bool>()), 0..60),
    ) {
        let (mut levels, mut set) = (Levels::default(), BTreeSet::new());
        for (price, there) in changes {
            levels.set(price, there);
            if there { set.insert(price); } else { set.remove(&price); }
            prop_assert_eq!(levels.highest(), set.last().copied());
            prop_assert_eq!(levels.lowest(), set.first().copied());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn the_touch_of_orders_is_that_of_a_list_of_them(
        changes in prop::collection::vec((5usize..9, 0u64..6, 0u8..3, 0i64..5, 0i64..4), 0..60),
    ) {
        let (mut book, mut list) = (orders::OrderBook::default(), Vec::<(u64, Side, i64, i64)>::new());
        for (kind, order, side, price, quantity) in changes {
            let (kind, side) = (Kind::ALL[kind], Side::of(side).unwrap());
            book.row(kind, order, side, (price, quantity));
            let place = list.iter().position(|standing| standing.0 == order);
            match (kind, place) {
                (Kind::Add, None) if side != Side::None => list.push((order, side, price, quantity)),
                (Kind::Modify, Some(place)) => (list[place].2, list[place].3) = (price, quantity),
                (Kind::Cancel | Kind::Execute, Some(place)) => list[place].3 -= quantity,
                _ => {}
            }
            list.retain(|standing| standing.3 > 0);
            let prices = |side| list.iter().filter(move |standing| standing.1 == side).map(|standing| standing.2);
            prop_assert_eq!(book.touch(), prices(Side::Bid).max().zip(prices(Side::Ask).min()));
        }
    }
}
