//! Inputs and outcomes as bytes.

use super::{MAX_ASSETS, MAX_NAME};
use crate::exchange::matching::{Input, Order, Outcome};
use crate::exchange::{Event, Reason, Report};
use crate::recording::{Cursor, HALVES, Malformed, TERMS, kind_numbers, kind_of};

/// The tag of a new order that belongs to another: it says which ones after what every order says.
const LINKED: u8 = 6;

/// The tag of an input's frame.
pub(super) fn tag(input: &Input) -> u8 {
    match input {
        Input::Account { .. } => 0,
        Input::Market { .. } => 1,
        Input::BeginAgain { .. } => 2,
        Input::Submit { order, .. } if order.belongs() => LINKED,
        Input::Submit { .. } => 3,
        Input::Cancel { .. } => 4,
        Input::Replace { .. } => 5,
    }
}

pub(super) fn write_input(bytes: &mut Vec<u8>, input: &Input) {
    match input {
        Input::Account { name, opening } => {
            write_text(bytes, name);
            bytes.extend((opening.len() as u32).to_le_bytes());
            bytes.extend(opening.iter().flat_map(|amount| amount.to_le_bytes()));
        }
        Input::Market { instrument, first, end } => {
            bytes.extend(instrument.to_le_bytes());
            bytes.extend([*first, *end].into_iter().flat_map(u64::to_le_bytes));
        }
        Input::BeginAgain { instrument } => bytes.extend(instrument.to_le_bytes()),
        Input::Submit { account, instrument, order } => {
            bytes.extend([*account, *instrument].into_iter().flat_map(u32::to_le_bytes));
            write_order(bytes, order);
            if order.belongs() {
                bytes.extend([order.peer, order.parent].into_iter().flat_map(u64::to_le_bytes));
            }
        }
        Input::Cancel { account, instrument, id } => {
            bytes.extend([*account, *instrument].into_iter().flat_map(u32::to_le_bytes));
            bytes.extend(id.to_le_bytes());
        }
        Input::Replace { account, instrument, id, price, quantity } => {
            bytes.extend([*account, *instrument].into_iter().flat_map(u32::to_le_bytes));
            bytes.extend(id.to_le_bytes());
            bytes.extend([*price, *quantity].into_iter().flat_map(i64::to_le_bytes));
        }
    }
}

pub(super) fn read_input(tag: u8, cursor: &mut Cursor<'_>) -> Result<Input, Malformed> {
    Ok(match tag {
        0 => {
            let name = read_text(cursor)?;
            let count = cursor.u32()? as usize;
            if count > MAX_ASSETS {
                return Err(Malformed);
            }
            Input::Account { name, opening: (0..count).map(|_| cursor.i128()).collect::<Result<_, _>>()? }
        }
        1 => Input::Market { instrument: cursor.u32()?, first: cursor.u64()?, end: cursor.u64()? },
        2 => Input::BeginAgain { instrument: cursor.u32()? },
        3 => Input::Submit { account: cursor.u32()?, instrument: cursor.u32()?, order: read_order(cursor)? },
        4 => Input::Cancel { account: cursor.u32()?, instrument: cursor.u32()?, id: cursor.u64()? },
        5 => Input::Replace {
            account: cursor.u32()?,
            instrument: cursor.u32()?,
            id: cursor.u64()?,
            price: cursor.i64()?,
            quantity: cursor.i64()?,
        },
        LINKED => {
            let (account, instrument) = (cursor.u32()?, cursor.u32()?);
            let order = read_order(cursor)?;
            let order = Order { peer: cursor.u64()?, parent: cursor.u64()?, ..order };
            if !order.belongs() {
                return Err(Malformed);
            }
            Input::Submit { account, instrument, order }
        }
        _ => return Err(Malformed),
    })
}

fn write_order(bytes: &mut Vec<u8>, order: &Order) {
    let (kind, first, second) = kind_numbers(order.kind);
    bytes.extend([order.half as u8, kind, order.time_in_force as u8, u8::from(order.reduce_only)]);
    bytes.extend([first, second, order.quantity, order.display].into_iter().flat_map(i64::to_le_bytes));
    write_text(bytes, &order.client);
}

fn write_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.push(text.len() as u8);
    bytes.extend(text.as_bytes());
}

fn read_text(cursor: &mut Cursor<'_>) -> Result<Box<str>, Malformed> {
    let length = usize::from(cursor.u8()?);
    if length > MAX_NAME {
        return Err(Malformed);
    }
    std::str::from_utf8(cursor.take(length)?).map(Into::into).map_err(|_| Malformed)
}

fn read_order(cursor: &mut Cursor<'_>) -> Result<Order, Malformed> {
    let half = cursor.one_of(&HALVES)?;
    let kind = cursor.u8()?;
    let time_in_force = cursor.one_of(&TERMS)?;
    let reduce_only = cursor.flag()?;
    let kind = kind_of((kind, cursor.i64()?, cursor.i64()?))?;
    let (quantity, display) = (cursor.i64()?, cursor.i64()?);
    let client = read_text(cursor)?;
    Ok(Order { half, kind, time_in_force, quantity, display, reduce_only, peer: 0, parent: 0, client })
}

pub(super) fn write_outcome(bytes: &mut Vec<u8>, outcome: &Outcome) {
    let report = &outcome.report;
    bytes.extend([outcome.account, outcome.instrument].into_iter().flat_map(u32::to_le_bytes));
    bytes.extend([report.event as u8, report.reason as u8, report.half as u8, u8::from(report.taker)]);
    bytes.extend([report.id, outcome.trade].into_iter().flat_map(u64::to_le_bytes));
    let numbers = [report.exchange_time, report.price, report.quantity, report.left];
    bytes.extend(numbers.into_iter().flat_map(i64::to_le_bytes));
    bytes.extend([outcome.fee, outcome.realized].into_iter().flat_map(i128::to_le_bytes));
}

pub(super) fn read_outcome(cursor: &mut Cursor<'_>) -> Result<Outcome, Malformed> {
    let (account, instrument) = (cursor.u32()?, cursor.u32()?);
    let (event, reason) = (cursor.one_of(&Event::ALL)?, cursor.one_of(&Reason::ALL)?);
    let (half, taker) = (cursor.one_of(&HALVES)?, cursor.flag()?);
    let (id, trade) = (cursor.u64()?, cursor.u64()?);
    let (exchange_time, price, quantity, left) = (cursor.i64()?, cursor.i64()?, cursor.i64()?, cursor.i64()?);
    let report = Report { exchange_time, event, reason, id, half, price, quantity, left, taker };
    Ok(Outcome { account, instrument, report, trade, fee: cursor.i128()?, realized: cursor.i128()? })
}
