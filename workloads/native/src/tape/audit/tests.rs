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
