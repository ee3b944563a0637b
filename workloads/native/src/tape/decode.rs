//! From planes of bytes to columns in memory, refusing what no tape is encoded as.
//!
//! One tape has one encoding only if every other form of it is refused: planes that are not needed, a unit that is not
//! the greatest, a first difference that is not zero, values beyond the range. Everything of a row is checked here, so
//! that what reads the columns need not.

use std::fmt;

use super::columns::{Kind, Side};
use super::form::{
    BOUND, EXCHANGE_TIME, Form, LOCAL_TIME, ORDER, Origin, PRICE, QUANTITY, SEQUENCE, Stored, common_divisor,
};
use super::owned::Tape;
use super::planes::{CHUNK, join, unzigzag, width_of};

/// Most planes a column can have.
const WIDEST: usize = 8;
/// Rows that room is made for before any came: a number that somebody states is no reason to take memory.
const ROOM: usize = 1 << 24;

/// Why planes are no encoding of a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There are not the columns that a tape has.
    Columns,
    /// Planes have different lengths.
    Lengths,
    /// There are more or fewer rows than stated.
    Rows(usize),
    /// A byte that is no kind and side.
    Event(usize),
    /// A first value or unit that no column has.
    Origin(&'static str),
    /// The first row differs from the first value.
    First(&'static str),
    /// More planes than the numbers need.
    Width(&'static str),
    /// A unit that is not the greatest.
    Unit(&'static str),
    /// A value is beyond the range.
    Range(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns => write!(formatter, "it does not have the columns of a tape"),
            Self::Lengths => write!(formatter, "its columns have different lengths"),
            Self::Rows(rows) => write!(formatter, "it has {rows} rows, not those that are stated"),
            Self::Event(row) => write!(formatter, "row {row}: its event is no kind and side"),
            Self::Origin(column) => write!(formatter, "column {column}: no column has this first value or unit"),
            Self::First(column) => write!(formatter, "column {column}: the first row is not the first value"),
            Self::Width(column) => write!(formatter, "column {column}: it has more planes than it needs"),
            Self::Unit(column) => write!(formatter, "column {column}: its unit is not the greatest"),
            Self::Range(column) => write!(formatter, "column {column}: a value is out of range"),
        }
    }
}

impl std::error::Error for Refusal {}

/// What is stated of a tape before its rows come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout<'a> {
    /// Number of rows.
    pub rows: usize,
    /// Origin and number of planes of sequence, exchange and local time, price, quantity and, where there is one, order.
    pub columns: &'a [(Origin, usize)],
}

/// Decodes a tape, batch by batch.
#[derive(Debug)]
pub struct Decoder {
    rows: usize,
    tape: Tape,
    columns: Vec<Column>,
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
        let columns = stored.into_iter().zip(layout.columns);
        let columns = columns.map(|(column, &(origin, width))| Column::new(column, origin, width, layout.rows));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut tape = Tape::with_capacity(layout.rows.min(ROOM));
        if columns.len() == stored.len() {
            tape.order.reserve(layout.rows.min(ROOM));
        }
        Ok(Self { rows: layout.rows, tape, columns })
    }

    /// Decodes a batch: its events, and the planes of all other columns in their order.
    ///
    /// # Errors
    /// [`Refusal`] where the batch is no part of the tape that was stated; the decoder is of no use afterwards.
    pub fn push(&mut self, event: &[u8], planes: &[&[u8]]) -> Result<(), Refusal> {
        if planes.len() != self.columns.iter().map(|column| column.width).sum::<usize>() {
            return Err(Refusal::Columns);
        }
        if planes.iter().any(|plane| plane.len() != event.len()) {
            return Err(Refusal::Lengths);
        }
        let rows = self.tape.kind.len() + event.len();
        if rows > self.rows {
            return Err(Refusal::Rows(rows));
        }
        self.events(event)?;
        let tape = &mut self.tape;
        let mut rest = planes;
        for (index, column) in self.columns.iter_mut().enumerate() {
            let (own, others) = rest.split_at(column.width);
            rest = others;
            let rows = event.len();
            match index {
                0 => column.push(own, rows, |value| value as u64, &mut tape.sequence),
                1 => column.push(own, rows, |value| value, &mut tape.exchange_time),
                2 => column.push(own, rows, |value| value, &mut tape.local_time),
                3 => column.push(own, rows, |value| value, &mut tape.price),
                4 => column.push(own, rows, |value| value, &mut tape.quantity),
                _ => column.push(own, rows, |value| value as u64, &mut tape.order),
            }
        }
        Ok(())
    }

    /// The tape, when all of it came and it can have been encoded like this.
    ///
    /// # Errors
    /// [`Refusal`] naming the first column that cannot.
    pub fn finish(self) -> Result<Tape, Refusal> {
        if self.tape.len() != self.rows {
            return Err(Refusal::Rows(self.tape.len()));
        }
        self.columns.iter().try_for_each(Column::check)?;
        Ok(self.tape)
    }

    fn events(&mut self, event: &[u8]) -> Result<(), Refusal> {
        let known = |byte: u8| Kind::of(byte & 15).is_some() && Side::of(byte >> 4).is_some();
        if !event.iter().fold(true, |all, &byte| all & known(byte)) {
            let row = event.iter().position(|&byte| !known(byte)).unwrap_or(0);
            return Err(Refusal::Event(self.tape.kind.len() + row));
        }
        self.tape.kind.extend(event.iter().map(|byte| byte & 15));
        self.tape.side.extend(event.iter().map(|byte| byte >> 4));
        Ok(())
    }
}

/// A column being decoded, and what has to be known of all its numbers at the end.
#[derive(Debug)]
struct Column {
    stored: Stored,
    origin: Origin,
    width: usize,
    value: i64,
    begun: bool,
    moved: bool,
    /// The bits that any number has.
    bits: u64,
    divisor: u64,
    outside: u64,
}

impl Column {
    fn new(stored: Stored, origin: Origin, width: usize, rows: usize) -> Result<Self, Refusal> {
        let unit = match stored.form {
            Form::Names => origin.unit == 1,
            _ => origin.unit >= 1 && i64::try_from(origin.unit).is_ok(),
        };
        let first = match stored.form {
            Form::Names => rows > 0 || origin.first == 0,
            Form::Plain => origin.first == 0,
            Form::Ascending => (0..BOUND).contains(&origin.first),
            Form::Walk => (-BOUND..BOUND).contains(&origin.first),
        };
        if !unit || !first || width > WIDEST || (rows == 0 && origin != (Origin { first: 0, unit: 1 })) {
            return Err(Refusal::Origin(stored.name));
        }
        let value = origin.first;
        Ok(Self { stored, origin, width, value, begun: false, moved: false, bits: 0, divisor: 0, outside: 0 })
    }

    fn push<T>(&mut self, planes: &[&[u8]], rows: usize, convert: impl Fn(i64) -> T + Copy, into: &mut Vec<T>) {
        let mut chunk = [0u64; CHUNK];
        let mut part = [&[][..]; WIDEST];
        for start in (0..rows).step_by(CHUNK) {
            let end = (start + CHUNK).min(rows);
            for (part, plane) in part.iter_mut().zip(planes) {
                *part = &plane[start..end];
            }
            let numbers = &mut chunk[..end - start];
            join(&part[..planes.len()], numbers);
            self.measure(numbers);
            self.values(numbers, convert, into);
        }
    }

    fn measure(&mut self, numbers: &[u64]) {
        if !self.begun {
            self.begun = true;
            self.moved = self.stored.form != Form::Plain && numbers[0] != 0;
        }
        let bits = numbers.iter().fold(0, |bits, &number| bits | number);
        self.bits |= bits;
        if self.overflows(bits) && numbers.iter().any(|&number| self.overflows(number)) {
            self.outside = u64::MAX;
        }
        if self.divisor == 1 || self.stored.form == Form::Names {
            return;
        }
        for &number in numbers {
            let size = if self.stored.form == Form::Walk { unzigzag(number).unsigned_abs() } else { number };
            self.divisor = common_divisor(self.divisor, size);
            if self.divisor == 1 {
                break;
            }
        }
    }

    fn values<T>(&mut self, numbers: &[u64], convert: impl Fn(i64) -> T, into: &mut Vec<T>) {
        let unit = self.origin.unit as i64;
        let (mut value, mut outside) = (self.value, self.outside);
        let mut next = |step: i64| {
            value = value.wrapping_add(step);
            outside |= value.wrapping_add(BOUND) as u64;
            convert(value)
        };
        match (self.stored.form, unit) {
            (Form::Walk | Form::Names, 1) => into.extend(numbers.iter().map(|&number| next(unzigzag(number)))),
            (Form::Walk | Form::Names, _) => {
                into.extend(numbers.iter().map(|&number| next(unzigzag(number).wrapping_mul(unit))));
            }
            (Form::Ascending, _) => into.extend(numbers.iter().map(|&number| next((number as i64).wrapping_mul(unit)))),
            (Form::Plain, _) => {
                let mut above = 0;
                into.extend(numbers.iter().map(|&number| {
                    let value = (number as i64).wrapping_mul(unit);
                    above |= value;
                    convert(value)
                }));
                outside |= (above as u64) << 1;
            }
        }
        (self.value, self.outside) = (value, outside);
    }

    fn check(&self) -> Result<(), Refusal> {
        let name = self.stored.name;
        if self.moved {
            return Err(Refusal::First(name));
        }
        if width_of(self.bits) != self.width {
            return Err(Refusal::Width(name));
        }
        let common = if self.divisor == 0 { self.origin.unit == 1 } else { self.divisor == 1 };
        if self.stored.form != Form::Names && !common {
            return Err(Refusal::Unit(name));
        }
        if self.stored.form != Form::Names && self.outside >> 63 != 0 {
            return Err(Refusal::Range(name));
        }
        Ok(())
    }

    /// Whether a number in units is a difference or value that no two values in the range have.
    fn overflows(&self, number: u64) -> bool {
        let size = if self.stored.form == Form::Walk { number.div_ceil(2) } else { number };
        size.checked_mul(self.origin.unit).is_none_or(|product| product > i64::MAX as u64)
    }
}

#[cfg(test)]
mod tests;
