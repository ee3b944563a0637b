//! From planes of bytes to columns in memory, refusing what no tape is encoded as.
//!
//! One tape has one encoding only if every other form of it is refused: planes that are not needed, a unit that is not
//! the greatest, a first difference that is not zero, values beyond the range. Everything of a row is checked here, so
//! that what reads the columns need not.

use super::column::Column;
use super::columns::Kind;
use super::form::{BEGINS, EXCHANGE_TIME, LOCAL_TIME, ORDER, Origin, PRICE, QUANTITY, SEQUENCE};
use super::refusal::Refusal;

/// Numbers of kinds and of sides.
const KINDS: u8 = Kind::ALL.len() as u8;
const SIDES: u8 = 3;
/// Columns that rows of one message share.
const MESSAGE_COLUMNS: usize = 3;

/// What is stated of a tape before its rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Number of messages.
    pub messages: usize,
    /// Origin and number of planes of sequence, exchange and local time, price, quantity and, where there is one, order.
    pub columns: &'a [(Origin, usize)],
}

/// Where the columns of a batch go: slices of as many rows as it has, `order` empty for a tape without that column.
#[derive(Debug)]
#[allow(missing_docs, reason = "described with Columns")]
pub struct Room<'a> {
    pub sequence: &'a mut [u64],
    pub exchange_time: &'a mut [i64],
    pub local_time: &'a mut [i64],
    pub kind: &'a mut [u8],
    pub side: &'a mut [u8],
    pub price: &'a mut [i64],
    pub quantity: &'a mut [i64],
    pub order: &'a mut [u64],
}

impl Room<'_> {
    /// The same room, for a while.
    pub(super) fn again(&mut self) -> Room<'_> {
        Room {
            sequence: &mut *self.sequence,
            exchange_time: &mut *self.exchange_time,
            local_time: &mut *self.local_time,
            kind: &mut *self.kind,
            side: &mut *self.side,
            price: &mut *self.price,
            quantity: &mut *self.quantity,
            order: &mut *self.order,
        }
    }
}

/// Decodes a tape: its messages, batch by batch, and then its rows.
#[derive(Debug)]
pub struct Decoder {
    rows: usize,
    done: usize,
    stated: usize,
    /// Sequence, exchange and local time of each message.
    messages: Vec<[i64; MESSAGE_COLUMNS]>,
    /// Messages that rows have begun.
    begun: usize,
    of_messages: Vec<Column>,
    of_rows: Vec<Column>,
}

impl Decoder {
    /// A decoder of a tape of which this is stated.
    ///
    /// # Errors
    /// [`Refusal`] where no tape has these columns.
    pub fn new(layout: &Layout<'_>) -> Result<Self, Refusal> {
        let stored = [SEQUENCE, EXCHANGE_TIME, LOCAL_TIME, PRICE, QUANTITY, ORDER];
        if ![stored.len() - 1, stored.len()].contains(&layout.columns.len()) {
            return Err(Refusal::Columns);
        }
        let columns = stored.into_iter().zip(layout.columns).enumerate();
        let columns = columns.map(|(index, (column, &(origin, width)))| {
            let count = if index < MESSAGE_COLUMNS { layout.messages } else { layout.rows };
            Column::new(column, origin, width, count)
        });
        let mut of_messages = columns.collect::<Result<Vec<_>, _>>()?;
        let of_rows = of_messages.split_off(MESSAGE_COLUMNS);
        let (rows, stated) = (layout.rows, layout.messages);
        Ok(Self { rows, done: 0, stated, messages: Vec::new(), begun: 0, of_messages, of_rows })
    }

    /// Decodes a batch of messages: the planes of sequence, exchange and local time.
    ///
    /// # Errors
    /// [`Refusal`] where the batch is no part of what was stated; the decoder is of no use afterwards.
    pub fn push_messages(&mut self, planes: &[&[u8]]) -> Result<(), Refusal> {
        let count = planes.first().map_or(0, |plane| plane.len());
        if planes.len() != widths(&self.of_messages) {
            return Err(Refusal::Columns);
        }
        if planes.iter().any(|plane| plane.len() != count) {
            return Err(Refusal::Lengths);
        }
        if count > self.stated - self.messages.len() {
            return Err(Refusal::Messages(self.messages.len() + count));
        }
        let mut decoded = [const { Vec::new() }; MESSAGE_COLUMNS];
        let mut rest = planes;
        for (column, values) in self.of_messages.iter_mut().zip(&mut decoded) {
            let (own, others) = rest.split_at(column.width);
            values.resize(count, 0);
            column.push(own, values);
            rest = others;
        }
        let [sequence, exchange, local] = decoded;
        let times = sequence.into_iter().zip(exchange).zip(local);
        self.messages.extend(times.map(|((sequence, exchange), local)| [sequence, exchange, local]));
        Ok(())
    }

    /// Says that all messages came and can have been encoded like this.
    ///
    /// # Errors
    /// [`Refusal`] naming the first column or message that cannot.
    pub fn end_messages(&self) -> Result<(), Refusal> {
        if self.messages.len() != self.stated {
            return Err(Refusal::Messages(self.messages.len()));
        }
        self.of_messages.iter().try_for_each(Column::check)?;
        let same = self.messages.windows(2).position(|pair| pair[0] == pair[1]);
        same.map_or(Ok(()), |message| Err(Refusal::Same(message + 1)))
    }

    /// Decodes a batch of rows, when all messages came: its events, and the planes of price, quantity and order.
    ///
    /// # Errors
    /// [`Refusal`] where the batch is no part of the tape that was stated, or the room is another; the decoder is of no
    /// use afterwards.
    pub fn push(&mut self, event: &[u8], planes: &[&[u8]], room: Room<'_>) -> Result<(), Refusal> {
        let rows = event.len();
        if planes.len() != widths(&self.of_rows) {
            return Err(Refusal::Columns);
        }
        if rows > self.rows - self.done {
            return Err(Refusal::Rows(self.done + rows));
        }
        let of_rows: [&mut [i64]; 3] = [room.price, room.quantity, bytemuck::cast_slice_mut(room.order)];
        let times = Times {
            sequence: bytemuck::cast_slice_mut(room.sequence),
            exchange: room.exchange_time,
            local: room.local_time,
        };
        let rooms = of_rows.iter().take(self.of_rows.len()).map(|room| room.len()).chain(times.lengths());
        let bytes = [room.kind.len(), room.side.len()];
        let planes_fit = planes.iter().all(|plane| plane.len() == rows);
        if !planes_fit || !rooms.chain(bytes).all(|length| length == rows) {
            return Err(Refusal::Lengths);
        }
        self.events(event, room.kind, room.side)?;
        self.spread(event, times)?;
        let mut rest = planes;
        for (column, room) in self.of_rows.iter_mut().zip(of_rows) {
            let (own, others) = rest.split_at(column.width);
            column.push(own, room);
            rest = others;
        }
        self.done += rows;
        Ok(())
    }

    /// Says that all of the tape came and can have been encoded like this; until then nothing is to be believed.
    ///
    /// # Errors
    /// [`Refusal`] naming the first column that cannot.
    pub fn finish(self) -> Result<(), Refusal> {
        if self.done != self.rows {
            return Err(Refusal::Rows(self.done));
        }
        if self.begun != self.stated {
            return Err(Refusal::Messages(self.begun));
        }
        self.end_messages()?;
        self.of_rows.iter().try_for_each(Column::check)
    }

    fn events(&self, event: &[u8], kind: &mut [u8], side: &mut [u8]) -> Result<(), Refusal> {
        let known = |byte: u8| (byte & 15) < KINDS && (byte >> 4 & 3) < SIDES && byte < 2 * BEGINS;
        let first = self.done > 0 || event.first().is_none_or(|&byte| byte & BEGINS != 0);
        if !first || !event.iter().fold(true, |all, &byte| all & known(byte)) {
            let row = if first { event.iter().position(|&byte| !known(byte)).unwrap_or(0) } else { 0 };
            return Err(Refusal::Event(self.done + row));
        }
        kind.iter_mut().zip(event).for_each(|(kind, event)| *kind = event & 15);
        side.iter_mut().zip(event).for_each(|(side, event)| *side = event >> 4 & 3);
        Ok(())
    }

    /// Gives each row the sequence and the times of its message.
    fn spread(&mut self, event: &[u8], times: Times<'_>) -> Result<(), Refusal> {
        let begun = self.begun + event.iter().map(|byte| usize::from(byte / BEGINS)).sum::<usize>();
        if begun > self.messages.len() {
            return Err(Refusal::Messages(self.messages.len()));
        }
        let mut next = self.begun;
        let rows = times.sequence.iter_mut().zip(times.exchange).zip(times.local);
        for (((sequence, exchange), local), byte) in rows.zip(event) {
            next += usize::from(byte / BEGINS);
            [*sequence, *exchange, *local] = self.messages[next - 1];
        }
        self.begun = begun;
        Ok(())
    }
}

/// Where the columns of messages go in a batch of rows.
struct Times<'a> {
    sequence: &'a mut [i64],
    exchange: &'a mut [i64],
    local: &'a mut [i64],
}

impl Times<'_> {
    fn lengths(&self) -> [usize; MESSAGE_COLUMNS] {
        [self.sequence.len(), self.exchange.len(), self.local.len()]
    }
}

fn widths(columns: &[Column]) -> usize {
    columns.iter().map(|column| column.width).sum()
}

#[cfg(test)]
mod tests;
