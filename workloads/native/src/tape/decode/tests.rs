//! What is encoded comes back, and nothing else is taken for an encoding.

use proptest::prelude::*;

use super::super::encode::{Encoded, EncodedColumn, encode};
use super::super::form::BOUND;
use super::super::owned::Tape;
use super::*;

const NUMBER: std::ops::Range<i64> = -BOUND..BOUND;

/// A tape of zeros, to decode into.
fn zeros(rows: usize, orders: bool) -> Tape {
    Tape {
        sequence: vec![0; rows],
        exchange_time: vec![0; rows],
        local_time: vec![0; rows],
        kind: vec![0; rows],
        side: vec![0; rows],
        price: vec![0; rows],
        quantity: vec![0; rows],
        order: vec![0; if orders { rows } else { 0 }],
    }
}

fn room(tape: &mut Tape, rows: std::ops::Range<usize>) -> Room<'_> {
    let orders = if tape.order.is_empty() { 0..0 } else { rows.clone() };
    Room {
        sequence: &mut tape.sequence[rows.clone()],
        exchange_time: &mut tape.exchange_time[rows.clone()],
        local_time: &mut tape.local_time[rows.clone()],
        kind: &mut tape.kind[rows.clone()],
        side: &mut tape.side[rows.clone()],
        price: &mut tape.price[rows.clone()],
        quantity: &mut tape.quantity[rows],
        order: &mut tape.order[orders],
    }
}

/// Origin and number of planes of each column of an encoding.
fn layout(encoded: &Encoded) -> Vec<(Origin, usize)> {
    encoded.messages.iter().chain(&encoded.rows).map(|column| (column.origin, column.planes.len())).collect()
}

fn planes(columns: &[EncodedColumn], part: std::ops::Range<usize>) -> Vec<&[u8]> {
    columns.iter().flat_map(|column| &column.planes).map(|plane| &plane[part.clone()]).collect()
}

fn decoded(encoded: &Encoded, batch: usize) -> Result<Tape, Refusal> {
    let (rows, messages) = (encoded.event.len(), encoded.messages[0].planes[0].len());
    let columns = layout(encoded);
    let mut decoder = Decoder::new(&Layout { rows, messages, columns: &columns })?;
    for start in (0..messages).step_by(batch) {
        decoder.push_messages(&planes(&encoded.messages, start..(start + batch).min(messages)))?;
    }
    decoder.end_messages()?;
    let mut tape = zeros(rows, columns.len() == 6);
    for start in (0..rows).step_by(batch) {
        let part = start..(start + batch).min(rows);
        let planes = planes(&encoded.rows, part.clone());
        decoder.push(&encoded.event[part.clone()], &planes, room(&mut tape, part))?;
    }
    decoder.finish().map(|()| tape)
}

/// Numbers as columns have them: near each other, in units, or anywhere.
fn numbers(rows: usize) -> impl Strategy<Value = Vec<i64>> {
    let walk = (prop::collection::vec(-300i64..300, rows), 1i64..2_000_000, -1_000_000_000i64..1_000_000_000);
    let walk = walk.prop_map(|(steps, unit, first)| {
        steps
            .iter()
            .scan(first, |value, step| {
                *value += step * unit;
                Some(*value)
            })
            .collect()
    });
    prop_oneof![walk, prop::collection::vec(NUMBER, rows), prop::collection::vec(0i64..2, rows)]
}

prop_compose! {
    fn tapes()(rows in 0usize..40)(
        mut sequence in prop_oneof![prop::collection::vec(0..BOUND as u64, rows), prop::collection::vec(0u64..9, rows)],
        exchange_time in prop_oneof![numbers(rows), prop::collection::vec(Just(7i64), rows)],
        local_time in prop_oneof![numbers(rows), prop::collection::vec(Just(8i64), rows)],
        kind in prop::collection::vec(0u8..10, rows),
        side in prop::collection::vec(0u8..3, rows),
        price in numbers(rows),
        quantity in numbers(rows),
        order in prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u64>(), rows)],
    ) -> Tape {
        sequence.sort_unstable();
        let quantity = quantity.iter().map(|quantity| quantity.unsigned_abs().min(BOUND as u64 - 1) as i64).collect();
        Tape { sequence, exchange_time, local_time, kind, side, price, quantity, order }
    }
}

proptest! {
    #[test]
    fn every_tape_comes_back(tape in tapes(), batch in 1usize..50) {
        let encoded = encode(&tape.columns()).unwrap();
        prop_assert_eq!(decoded(&encoded, batch), Ok(tape));
    }

    #[test]
    fn what_decodes_is_the_encoding_of_what_it_decodes_to(
        tape in tapes(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        origin in prop_oneof![Just(None), (any::<i64>(), 0u64..5).prop_map(Some)],
        of_messages in any::<bool>(),
        in_event in 0u8..4,
    ) {
        let mut altered = encode(&tape.columns()).unwrap();
        let columns = if of_messages { &mut altered.messages } else { &mut altered.rows };
        let count = columns.len();
        let column = &mut columns[place.index(count)];
        if in_event == 0 && !altered.event.is_empty() {
            let row = place.index(altered.event.len());
            altered.event[row] = byte;
        } else if let Some((first, unit)) = origin {
            column.origin = Origin { first, unit };
        } else if let Some(plane) = column.planes.last_mut().filter(|plane| !plane.is_empty()) {
            let row = place.index(plane.len());
            plane[row] = byte;
        }
        if let Ok(tape) = decoded(&altered, 16) {
            prop_assert_eq!(encode(&tape.columns()).unwrap(), altered);
        }
    }

    #[test]
    fn no_bytes_panic(
        event in prop::collection::vec(any::<u8>(), 0..20),
        planes in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..12),
        split in any::<prop::sample::Index>(),
        origins in prop::collection::vec((any::<i64>(), any::<u64>(), 0usize..10), 0..8),
        rows in 0usize..40,
        messages in 0usize..40,
    ) {
        let columns: Vec<_> = origins.iter().map(|&(first, unit, width)| (Origin { first, unit }, width)).collect();
        if let Ok(mut decoder) = Decoder::new(&Layout { rows, messages, columns: &columns }) {
            let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
            let (of_messages, of_rows) = planes.split_at(split.index(planes.len() + 1));
            let mut tape = zeros(event.len(), columns.len() == 6);
            let all = 0..event.len();
            if decoder.push_messages(of_messages).is_ok() && decoder.push(&event, of_rows, room(&mut tape, all)).is_ok() {
                let _ = decoder.finish();
            }
        }
    }
}

fn small() -> Encoded {
    let tape = Tape {
        sequence: vec![4, 4, 6],
        exchange_time: vec![10, 10, 30],
        local_time: vec![11, 11, 12],
        kind: vec![2, 3, 9],
        side: vec![1, 2, 0],
        price: vec![100, 90, 110],
        quantity: vec![5, 10, 0],
        order: Vec::new(),
    };
    encode(&tape.columns()).unwrap()
}

fn refused(change: impl FnOnce(&mut Encoded)) -> Refusal {
    let mut encoded = small();
    change(&mut encoded);
    decoded(&encoded, 2).unwrap_err()
}

#[test]
fn rows_of_a_message_share_what_is_stored_once() {
    let encoded = small();
    assert_eq!(encoded.event, [64 | 18, 35, 64 | 9]);
    assert!(encoded.messages.iter().all(|column| column.planes[0] == [0, 1] || column.planes[0] == [0, 2]));
    assert_eq!(encoded.rows[0].planes, [[0, 1, 4]]);
}

#[test]
fn another_form_of_the_same_is_refused() {
    assert_eq!(refused(|encoded| encoded.rows[0].planes.push(vec![0; 3])), Refusal::Width("price"));
    let doubled = |encoded: &mut Encoded| {
        encoded.rows[1].origin.unit = 1;
        encoded.rows[1].planes[0] = vec![5, 10, 0];
    };
    assert_eq!(refused(doubled), Refusal::Unit("quantity"));
    let from_zero = |encoded: &mut Encoded| {
        encoded.messages[2].origin.first = 10;
        encoded.messages[2].planes[0][0] = 2;
    };
    assert_eq!(refused(from_zero), Refusal::First("local_time"));
    assert_eq!(refused(|encoded| encoded.messages[1].origin.unit = 0), Refusal::Origin("exchange_time"));
    assert_eq!(refused(|encoded| encoded.rows[1].origin.first = 1), Refusal::Origin("quantity"));
    let twice = |encoded: &mut Encoded| {
        encoded.event[1] |= 64;
        for column in &mut encoded.messages {
            column.planes[0].insert(1, 0);
        }
    };
    assert_eq!(refused(twice), Refusal::Same(1));
}

#[test]
fn what_is_no_tape_is_refused() {
    assert_eq!(refused(|encoded| encoded.event[1] = 10), Refusal::Event(1));
    assert_eq!(refused(|encoded| encoded.event[2] = 3 << 4), Refusal::Event(2));
    assert_eq!(refused(|encoded| encoded.event[2] |= 128), Refusal::Event(2));
    assert_eq!(refused(|encoded| encoded.event[0] &= 63), Refusal::Event(0));
    assert_eq!(refused(|encoded| encoded.event[1] |= 64), Refusal::Messages(2));
    assert_eq!(refused(|encoded| encoded.event[2] &= 63), Refusal::Messages(1));
    assert_eq!(refused(|encoded| drop(encoded.rows.pop())), Refusal::Columns);
}

/// Pushes rows of a tape of which something is stated into room for some.
fn pushed(encoded: &Encoded, (rows, messages): (usize, usize), places: usize) -> Result<(), Refusal> {
    let columns = layout(encoded);
    let mut decoder = Decoder::new(&Layout { rows, messages, columns: &columns })?;
    decoder.push_messages(&planes(&encoded.messages, 0..2))?;
    let of_rows: Vec<&[u8]> = encoded.rows.iter().flat_map(|column| &column.planes).map(Vec::as_slice).collect();
    decoder.push(&encoded.event, &of_rows, room(&mut zeros(places, false), 0..places))?;
    decoder.finish()
}

#[test]
fn other_lengths_than_stated_are_refused() {
    assert_eq!(pushed(&small(), (3, 2), 3), Ok(()));
    assert_eq!(pushed(&small(), (3, 2), 2), Err(Refusal::Lengths));
    assert_eq!(pushed(&small(), (2, 2), 3), Err(Refusal::Rows(3)));
    assert_eq!(pushed(&small(), (4, 2), 3), Err(Refusal::Rows(3)));
    assert_eq!(pushed(&small(), (3, 1), 3), Err(Refusal::Messages(2)));
    assert_eq!(pushed(&small(), (3, 3), 3), Err(Refusal::Messages(2)));
    let mut uneven = small();
    uneven.rows[0].planes[0].pop();
    assert_eq!(pushed(&uneven, (3, 2), 3), Err(Refusal::Lengths));
    let columns = layout(&small());
    let mut early = Decoder::new(&Layout { rows: 3, messages: 2, columns: &columns }).unwrap();
    let whole = small();
    let early = early.push(&whole.event, &planes(&whole.rows, 0..3), room(&mut zeros(3, false), 0..3));
    assert_eq!(early, Err(Refusal::Messages(0)));
}

#[test]
fn values_beyond_the_range_are_refused() {
    assert_eq!(refused(|encoded| encoded.rows[0].origin.first = BOUND - 1), Refusal::Range("price"));
    assert_eq!(refused(|encoded| encoded.messages[0].origin.first = BOUND - 1), Refusal::Range("sequence"));
    // 2^62 units of 4 are 2^64: nothing is left of them in 64 bits.
    let overflowing = |encoded: &mut Encoded| {
        encoded.rows[1].origin.unit = 4;
        encoded.rows[1].planes = (0..8).map(|plane| vec![u8::from(plane == 0), 0, u8::from(plane == 7) << 6]).collect();
    };
    assert_eq!(refused(overflowing), Refusal::Range("quantity"));
}
