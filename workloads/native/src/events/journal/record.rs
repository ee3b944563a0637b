//! What a record says: an input and its time, a row of the log and what was sent with it, a seal.

use super::frame::{Frame, Tag};
use crate::events::log::Row;
use crate::events::session::{Command, Input, MAX_ROWS};
use crate::exchange::{Event, Reason, Report};
use crate::orders::{NewOrder, Request};
use crate::recording::{Cursor, HALVES, Malformed, TERMS, kind_numbers, kind_of, push_number, push_signed};
use crate::tape::{Columns, Tape};

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// What the trader had, and when.
    Input(Recorded),
    /// What the input before it led to.
    Outcome(Vec<Entry>),
    /// What all records before it come to.
    Seal(Seal),
}

/// An input with its time, which owns its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// By the trader's clock, as it was told: it may have jumped back.
    pub time: i64,
    kept: Kept,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    Start,
    Message(u32, Tape),
    Report(u32, Report),
    Timer,
    Period,
    Command(Command),
}

impl Recorded {
    /// The input.
    #[must_use]
    pub fn input(&self) -> Input<'_> {
        match &self.kept {
            Kept::Start => Input::Start,
            Kept::Message(instrument, rows) => Input::Message { instrument: *instrument, rows: rows.columns() },
            Kept::Report(instrument, report) => Input::Report { instrument: *instrument, report: *report },
            Kept::Timer => Input::Timer,
            Kept::Period => Input::Period,
            Kept::Command(command) => Input::Command(*command),
        }
    }
}

/// A row of the log, and the request that went out with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What is in the log.
    pub row: Row,
    /// What was decided to send, where the row is of a request.
    pub request: Option<Request>,
}

/// What a recording comes to up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Number of inputs.
    pub inputs: u64,
    /// Rows of the log.
    pub rows: u64,
    /// Inputs whose time was below that of one before.
    pub jumps: u64,
    /// The highest name of an order so far.
    pub last_order: u64,
    /// When the strategy wants to be woken.
    pub timer: Option<i64>,
    /// Whether the session is over.
    pub over: bool,
    /// State and increment of the strategy's random numbers, where it has any.
    pub generator: Option<(u128, u128)>,
    /// SHA-256 of all inputs so far.
    pub inputs_digest: [u8; 32],
    /// SHA-256 of all they led to so far.
    pub outcomes_digest: [u8; 32],
}

/// Reads a record.
pub(super) fn decode(frame: &Frame<'_>) -> Result<Record, Malformed> {
    let mut cursor = Cursor::new(frame.payload);
    let record = match frame.tag {
        Tag::Outcome => Record::Outcome(read_entries(&mut cursor)?),
        Tag::Seal => Record::Seal(read_seal(&mut cursor)?),
        input => Record::Input(Recorded { time: cursor.i64()?, kept: read_input(&mut cursor, input)? }),
    };
    cursor.end().map(|()| record)
}

pub(super) fn tag(input: &Input<'_>) -> Tag {
    match input {
        Input::Start => Tag::Start,
        Input::Message { .. } => Tag::Message,
        Input::Report { .. } => Tag::Report,
        Input::Timer => Tag::Timer,
        Input::Period => Tag::Period,
        Input::Command(_) => Tag::Command,
    }
}

pub(super) fn write_input(bytes: &mut Vec<u8>, time: i64, input: &Input<'_>) {
    bytes.extend(time.to_le_bytes());
    match input {
        Input::Start | Input::Timer | Input::Period => {}
        Input::Message { instrument, rows } => {
            bytes.extend(instrument.to_le_bytes());
            write_rows(bytes, rows);
        }
        Input::Report { instrument, report } => {
            bytes.extend(instrument.to_le_bytes());
            write_report(bytes, report);
        }
        Input::Command(command) => bytes.push(*command as u8),
    }
}

fn read_input(cursor: &mut Cursor<'_>, tag: Tag) -> Result<Kept, Malformed> {
    Ok(match tag {
        Tag::Start => Kept::Start,
        Tag::Timer => Kept::Timer,
        Tag::Period => Kept::Period,
        Tag::Message => Kept::Message(cursor.u32()?, read_rows(cursor)?),
        Tag::Report => Kept::Report(cursor.u32()?, read_report(cursor)?),
        Tag::Command => Kept::Command(cursor.one_of(&Command::ALL)?),
        Tag::Outcome | Tag::Seal => return Err(Malformed),
    })
}

/// Rows of one message: its sequence and time once, and of each row what it differs in from the row before.
fn write_rows(bytes: &mut Vec<u8>, rows: &Columns<'_>) {
    bytes.extend(rows.sequence[0].to_le_bytes());
    bytes.extend(rows.exchange_time[0].to_le_bytes());
    bytes.extend((rows.len() as u32).to_le_bytes());
    bytes.push(u8::from(!rows.order.is_empty()));
    let (mut price, mut order) = (0, 0);
    for row in 0..rows.len() {
        bytes.push(rows.kind[row] | rows.side[row] << 4);
        push_signed(bytes, rows.price[row].wrapping_sub(price));
        push_number(bytes, rows.quantity[row] as u64);
        price = rows.price[row];
        if let Some(&about) = rows.order.get(row) {
            push_signed(bytes, about.wrapping_sub(order) as i64);
            order = about;
        }
    }
}

fn read_rows(cursor: &mut Cursor<'_>) -> Result<Tape, Malformed> {
    let (sequence, exchange_time) = (cursor.u64()?, cursor.i64()?);
    let (count, orders) = (cursor.u32()? as usize, cursor.flag()?);
    if count == 0 || count > MAX_ROWS {
        return Err(Malformed);
    }
    let mut tape = Tape::with_capacity(count);
    let (mut price, mut order) = (0i64, 0u64);
    for _ in 0..count {
        let event = cursor.u8()?;
        price = price.wrapping_add(cursor.signed()?);
        tape.sequence.push(sequence);
        tape.exchange_time.push(exchange_time);
        tape.local_time.push(exchange_time);
        tape.kind.push(event & 15);
        tape.side.push(event >> 4);
        tape.price.push(price);
        tape.quantity.push(cursor.number()? as i64);
        if orders {
            order = order.wrapping_add(cursor.signed()? as u64);
            tape.order.push(order);
        }
    }
    Ok(tape)
}

fn write_report(bytes: &mut Vec<u8>, report: &Report) {
    bytes.extend(report.exchange_time.to_le_bytes());
    bytes.extend([report.event as u8, report.reason as u8]);
    bytes.extend(report.id.to_le_bytes());
    bytes.push(report.half as u8);
    for number in [report.price, report.quantity, report.left] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.push(u8::from(report.taker));
}

fn read_report(cursor: &mut Cursor<'_>) -> Result<Report, Malformed> {
    Ok(Report {
        exchange_time: cursor.i64()?,
        event: cursor.one_of(&Event::ALL)?,
        reason: cursor.one_of(&Reason::ALL)?,
        id: cursor.u64()?,
        half: cursor.one_of(&HALVES)?,
        price: cursor.i64()?,
        quantity: cursor.i64()?,
        left: cursor.i64()?,
        taker: cursor.flag()?,
    })
}

/// Rows of the log. What a cancellation or a change asks is in its row; a new order says more than a row has room for.
pub(super) fn write_entries(bytes: &mut Vec<u8>, entries: &[Entry]) {
    bytes.extend((entries.len() as u32).to_le_bytes());
    for Entry { row, request } in entries {
        bytes.extend(row.local_time.to_le_bytes());
        bytes.extend(row.instrument.to_le_bytes());
        let Row { exchange_time, event, reason, order: id, half, price, quantity, left, taker, .. } = *row;
        write_report(bytes, &Report { exchange_time, event, reason, id, half, price, quantity, left, taker });
        bytes.extend(row.fee.to_le_bytes());
        if let Some(Request::Submit(order)) = request {
            write_order(bytes, order);
        }
    }
}

fn read_entries(cursor: &mut Cursor<'_>) -> Result<Vec<Entry>, Malformed> {
    let count = cursor.u32()? as usize;
    if count == 0 || count > super::MAX_ENTRIES {
        return Err(Malformed);
    }
    (0..count).map(|_| read_entry(cursor)).collect()
}

fn read_entry(cursor: &mut Cursor<'_>) -> Result<Entry, Malformed> {
    let (local_time, instrument) = (cursor.i64()?, cursor.u32()?);
    let Report { exchange_time, event, reason, id: order, half, price, quantity, left, taker } = read_report(cursor)?;
    let fee = cursor.i128()?;
    let row =
        Row { local_time, exchange_time, instrument, event, reason, order, half, price, quantity, left, taker, fee };
    let request = match event {
        Event::Submit => Some(Request::Submit(read_order(cursor, &row)?)),
        Event::AskCancel => Some(Request::Cancel { id: order }),
        Event::AskReplace => Some(Request::Replace { id: order, price, quantity }),
        _ => None,
    };
    Ok(Entry { row, request })
}

fn write_order(bytes: &mut Vec<u8>, order: &NewOrder) {
    let (kind, first, second) = kind_numbers(order.kind);
    bytes.extend([kind, order.time_in_force as u8]);
    for number in [first, second, order.display] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(order.peer.to_le_bytes());
    bytes.extend(order.parent.to_le_bytes());
}

fn read_order(cursor: &mut Cursor<'_>, row: &Row) -> Result<NewOrder, Malformed> {
    let number = cursor.u8()?;
    let time_in_force = cursor.one_of(&TERMS)?;
    let kind = kind_of((number, cursor.i64()?, cursor.i64()?))?;
    let (display, peer, parent) = (cursor.i64()?, cursor.u64()?, cursor.u64()?);
    Ok(NewOrder { id: row.order, half: row.half, kind, time_in_force, quantity: row.quantity, display, peer, parent })
}

pub(super) fn write_seal(bytes: &mut Vec<u8>, seal: &Seal) {
    for number in [seal.inputs, seal.rows, seal.jumps, seal.last_order] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.push(u8::from(seal.over));
    bytes.push(u8::from(seal.timer.is_some()));
    bytes.extend(seal.timer.unwrap_or(0).to_le_bytes());
    bytes.push(u8::from(seal.generator.is_some()));
    let (state, increment) = seal.generator.unwrap_or((0, 0));
    bytes.extend(state.to_le_bytes());
    bytes.extend(increment.to_le_bytes());
    bytes.extend(seal.inputs_digest);
    bytes.extend(seal.outcomes_digest);
}

fn read_seal(cursor: &mut Cursor<'_>) -> Result<Seal, Malformed> {
    let [inputs, rows, jumps, last_order] = [cursor.u64()?, cursor.u64()?, cursor.u64()?, cursor.u64()?];
    let over = cursor.flag()?;
    let timer = given(cursor.flag()?, cursor.i64()?, 0)?;
    let generator = given(cursor.flag()?, (cursor.u128()?, cursor.u128()?), (0, 0))?;
    let (inputs_digest, outcomes_digest) = (cursor.array()?, cursor.array()?);
    Ok(Seal { inputs, rows, jumps, last_order, timer, over, generator, inputs_digest, outcomes_digest })
}

/// A value that is there, or the blank that stands where it is not.
fn given<T: PartialEq>(there: bool, value: T, blank: T) -> Result<Option<T>, Malformed> {
    match there {
        true => Ok(Some(value)),
        false if value == blank => Ok(None),
        false => Err(Malformed),
    }
}
