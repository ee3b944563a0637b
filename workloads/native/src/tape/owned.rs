//! A tape that owns its columns: what readers fill and decoding returns.

use super::columns::{Columns, Kind, Side};
use super::decode::Room;

/// One row, before it is spread over columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "described with Columns")]
pub struct Row {
    pub sequence: u64,
    pub exchange_time: i64,
    pub local_time: i64,
    pub kind: Kind,
    pub side: Side,
    pub price: i64,
    pub quantity: i64,
}

/// The columns of [`Columns`], owned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "described with Columns")]
pub struct Tape {
    pub sequence: Vec<u64>,
    pub exchange_time: Vec<i64>,
    pub local_time: Vec<i64>,
    pub kind: Vec<u8>,
    pub side: Vec<u8>,
    pub price: Vec<i64>,
    pub quantity: Vec<i64>,
    pub order: Vec<u64>,
}

impl Tape {
    /// A tape with room for rows.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            sequence: Vec::with_capacity(rows),
            exchange_time: Vec::with_capacity(rows),
            local_time: Vec::with_capacity(rows),
            kind: Vec::with_capacity(rows),
            side: Vec::with_capacity(rows),
            price: Vec::with_capacity(rows),
            quantity: Vec::with_capacity(rows),
            order: Vec::new(),
        }
    }

    /// A tape of rows that are all zeros, about no order.
    pub(super) fn zeros(rows: usize) -> Self {
        Self {
            sequence: vec![0; rows],
            exchange_time: vec![0; rows],
            local_time: vec![0; rows],
            kind: vec![0; rows],
            side: vec![0; rows],
            price: vec![0; rows],
            quantity: vec![0; rows],
            order: Vec::new(),
        }
    }

    /// Takes the last rows off, all but so many.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.sequence.truncate(rows);
        for column in [&mut self.exchange_time, &mut self.local_time, &mut self.price, &mut self.quantity] {
            column.truncate(rows);
        }
        self.kind.truncate(rows);
        self.side.truncate(rows);
        self.order.truncate(rows);
    }

    /// The columns, to write.
    pub(super) fn room(&mut self) -> Room<'_> {
        Room {
            sequence: &mut self.sequence,
            exchange_time: &mut self.exchange_time,
            local_time: &mut self.local_time,
            kind: &mut self.kind,
            side: &mut self.side,
            price: &mut self.price,
            quantity: &mut self.quantity,
            order: &mut self.order,
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sequence.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequence.is_empty()
    }

    /// Takes all rows away and keeps the room they had.
    pub fn clear(&mut self) {
        self.sequence.clear();
        for column in [&mut self.exchange_time, &mut self.local_time, &mut self.price, &mut self.quantity] {
            column.clear();
        }
        self.kind.clear();
        self.side.clear();
        self.order.clear();
    }

    /// Appends a row that is about no order.
    pub fn push(&mut self, row: Row) {
        self.sequence.push(row.sequence);
        self.exchange_time.push(row.exchange_time);
        self.local_time.push(row.local_time);
        self.kind.push(row.kind as u8);
        self.side.push(row.side as u8);
        self.price.push(row.price);
        self.quantity.push(row.quantity);
    }

    /// The columns, to read.
    #[must_use]
    pub fn columns(&self) -> Columns<'_> {
        Columns {
            sequence: &self.sequence,
            exchange_time: &self.exchange_time,
            local_time: &self.local_time,
            kind: &self.kind,
            side: &self.side,
            price: &self.price,
            quantity: &self.quantity,
            order: &self.order,
        }
    }
}
