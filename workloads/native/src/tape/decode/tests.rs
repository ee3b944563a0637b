//! What is encoded comes back, and nothing else is taken for an encoding.

use proptest::prelude::*;

use super::super::encode::{Encoded, encode};
use super::super::form::BOUND;
use super::*;

const NUMBER: std::ops::Range<i64> = -BOUND..BOUND;

fn decoded(encoded: &Encoded, batch: usize) -> Result<Tape, Refusal> {
    let columns: Vec<_> = encoded.columns.iter().map(|column| (column.origin, column.planes.len())).collect();
    let mut decoder = Decoder::new(&Layout { rows: encoded.event.len(), columns: &columns })?;
    for start in (0..encoded.event.len()).step_by(batch) {
        let end = (start + batch).min(encoded.event.len());
        let planes = encoded.columns.iter().flat_map(|column| &column.planes);
        let planes: Vec<&[u8]> = planes.map(|plane| &plane[start..end]).collect();
        decoder.push(&encoded.event[start..end], &planes)?;
    }
    decoder.finish()
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
        mut sequence in prop::collection::vec(0..BOUND as u64, rows),
        exchange_time in numbers(rows),
        local_time in numbers(rows),
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
    ) {
        let mut altered = encode(&tape.columns()).unwrap();
        let count = altered.columns.len();
        let column = &mut altered.columns[place.index(count)];
        if let Some((first, unit)) = origin {
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
        origins in prop::collection::vec((any::<i64>(), any::<u64>(), 0usize..10), 0..8),
        rows in 0usize..40,
    ) {
        let columns: Vec<_> = origins.iter().map(|&(first, unit, width)| (Origin { first, unit }, width)).collect();
        if let Ok(mut decoder) = Decoder::new(&Layout { rows, columns: &columns }) {
            let planes: Vec<&[u8]> = planes.iter().map(Vec::as_slice).collect();
            if decoder.push(&event, &planes).is_ok() {
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
fn another_form_of_the_same_is_refused() {
    assert_eq!(refused(|encoded| encoded.columns[3].planes.push(vec![0; 3])), Refusal::Width("price"));
    let doubled = |encoded: &mut Encoded| {
        encoded.columns[4].origin.unit = 1;
        encoded.columns[4].planes[0] = vec![5, 10, 0];
    };
    assert_eq!(refused(doubled), Refusal::Unit("quantity"));
    let from_zero = |encoded: &mut Encoded| {
        encoded.columns[2].origin.first = 10;
        encoded.columns[2].planes[0][0] = 2;
    };
    assert_eq!(refused(from_zero), Refusal::First("local_time"));
    assert_eq!(refused(|encoded| encoded.columns[1].origin.unit = 0), Refusal::Origin("exchange_time"));
    assert_eq!(refused(|encoded| encoded.columns[4].origin.first = 1), Refusal::Origin("quantity"));
}

#[test]
fn what_is_no_tape_is_refused() {
    assert_eq!(refused(|encoded| encoded.event[1] = 10), Refusal::Event(1));
    assert_eq!(refused(|encoded| encoded.event[2] = 3 << 4), Refusal::Event(2));
    assert_eq!(refused(|encoded| drop(encoded.columns.pop())), Refusal::Columns);
    let mut uneven = small();
    uneven.columns[0].planes[0].pop();
    let columns: Vec<_> = uneven.columns.iter().map(|column| (column.origin, column.planes.len())).collect();
    let planes: Vec<&[u8]> = uneven.columns.iter().flat_map(|column| &column.planes).map(Vec::as_slice).collect();
    let layout = Layout { rows: 3, columns: &columns };
    assert_eq!(Decoder::new(&layout).unwrap().push(&uneven.event, &planes), Err(Refusal::Lengths));
    assert_eq!(Decoder::new(&layout).unwrap().finish(), Err(Refusal::Rows(0)));
    let fewer = Layout { rows: 2, columns: &columns };
    let whole = small();
    let planes: Vec<&[u8]> = whole.columns.iter().flat_map(|column| &column.planes).map(Vec::as_slice).collect();
    assert_eq!(Decoder::new(&fewer).unwrap().push(&whole.event, &planes), Err(Refusal::Rows(3)));
}

#[test]
fn values_beyond_the_range_are_refused() {
    assert_eq!(refused(|encoded| encoded.columns[3].origin.first = BOUND - 1), Refusal::Range("price"));
    let wrapping = |encoded: &mut Encoded| {
        encoded.columns[0].planes = (0..8).map(|_| vec![0, 0, 255]).collect();
        encoded.columns[0].origin.unit = 1;
        encoded.columns[0].planes[0][1] = 1;
    };
    assert_eq!(refused(wrapping), Refusal::Range("sequence"));
    // 2^62 units of 4 are 2^64: nothing is left of them in 64 bits.
    let overflowing = |encoded: &mut Encoded| {
        encoded.columns[4].origin.unit = 4;
        encoded.columns[4].planes =
            (0..8).map(|plane| vec![u8::from(plane == 0), 0, u8::from(plane == 7) << 6]).collect();
    };
    assert_eq!(refused(overflowing), Refusal::Range("quantity"));
}
