//! The log of a run: what was asked, answered and traded, in the order the trader came to know it.

use crate::book::Half;
use crate::exchange::{Event, Reason};
use sha2::{Digest, Sha256};

/// Rows of a block of digests, as for every table (`docs/formats/digests.md`).
pub const BLOCK_ROWS: usize = 65_536;

/// Names and logical types of the columns.
pub const COLUMNS: [(&str, &str); 12] = [
    ("local_time", "int64"),
    ("exchange_time", "int64"),
    ("instrument", "uint32"),
    ("event", "uint8"),
    ("reason", "uint8"),
    ("order", "uint64"),
    ("side", "uint8"),
    ("price", "int64"),
    ("quantity", "int64"),
    ("left", "int64"),
    ("taker", "bool"),
    ("fee", "decimal128(38,9)"),
];

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// When the trader did it or came to know it.
    pub local_time: i64,
    /// When it happened at the exchange; 0 for what the trader did.
    pub exchange_time: i64,
    /// Of which instrument.
    pub instrument: u32,
    /// What.
    pub event: Event,
    /// Why.
    pub reason: Reason,
    /// Of which order.
    pub order: u64,
    /// Which buys or sells.
    pub half: Half,
    /// What it traded at; else its limit, or its trigger, or 0.
    pub price: i64,
    /// How much of it traded; else its quantity.
    pub quantity: i64,
    /// How much of it is left.
    pub left: i64,
    /// Whether it took what others offered.
    pub taker: bool,
    /// What the trade cost, in billionths; 0 for what is no trade.
    pub fee: i128,
}

/// The log, as columns, with the digests of its whole blocks.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "as in Row")]
pub struct Log {
    pub local_time: Vec<i64>,
    pub exchange_time: Vec<i64>,
    pub instrument: Vec<u32>,
    pub event: Vec<u8>,
    pub reason: Vec<u8>,
    pub order: Vec<u64>,
    pub side: Vec<u8>,
    pub price: Vec<i64>,
    pub quantity: Vec<i64>,
    pub left: Vec<i64>,
    pub taker: Vec<u8>,
    pub fee: Vec<i128>,
    blocks: Vec<[u8; 32]>,
}

impl Log {
    /// A log with room for some rows.
    #[must_use]
    pub fn with_capacity(rows: usize) -> Self {
        Self {
            local_time: Vec::with_capacity(rows),
            exchange_time: Vec::with_capacity(rows),
            instrument: Vec::with_capacity(rows),
            event: Vec::with_capacity(rows),
            reason: Vec::with_capacity(rows),
            order: Vec::with_capacity(rows),
            side: Vec::with_capacity(rows),
            price: Vec::with_capacity(rows),
            quantity: Vec::with_capacity(rows),
            left: Vec::with_capacity(rows),
            taker: Vec::with_capacity(rows),
            fee: Vec::with_capacity(rows),
            blocks: Vec::with_capacity(rows / BLOCK_ROWS),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.event.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.event.is_empty()
    }

    /// A row.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, index: usize) -> Row {
        Row {
            local_time: self.local_time[index],
            exchange_time: self.exchange_time[index],
            instrument: self.instrument[index],
            event: Event::ALL[usize::from(self.event[index])],
            reason: Reason::ALL[usize::from(self.reason[index])],
            order: self.order[index],
            half: Half::of_number(self.side[index]),
            price: self.price[index],
            quantity: self.quantity[index],
            left: self.left[index],
            taker: self.taker[index] == 1,
            fee: self.fee[index],
        }
    }

    /// Writes a row; the digest of a block is taken when it is whole.
    pub fn push(&mut self, row: &Row) {
        self.local_time.push(row.local_time);
        self.exchange_time.push(row.exchange_time);
        self.instrument.push(row.instrument);
        self.event.push(row.event as u8);
        self.reason.push(row.reason as u8);
        self.order.push(row.order);
        self.side.push(row.half as u8 + 1);
        self.price.push(row.price);
        self.quantity.push(row.quantity);
        self.left.push(row.left);
        self.taker.push(u8::from(row.taker));
        self.fee.push(row.fee);
        if self.len().is_multiple_of(BLOCK_ROWS) {
            self.blocks.push(self.block(self.len() - BLOCK_ROWS));
        }
    }

    /// Digests of the blocks, the last one with the rows there are.
    #[must_use]
    pub fn blocks(&self) -> Vec<[u8; 32]> {
        let mut blocks = self.blocks.clone();
        let whole = blocks.len() * BLOCK_ROWS;
        if whole < self.len() {
            blocks.push(self.block(whole));
        }
        blocks
    }

    /// Digest of the log as a table.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"tradeplane.table.v1\0");
        hash.update(schema());
        hash.update((self.len() as u64).to_le_bytes());
        for block in self.blocks() {
            hash.update(block);
        }
        hash.finalize().into()
    }

    fn block(&self, start: usize) -> [u8; 32] {
        let rows = start..self.len().min(start + BLOCK_ROWS);
        let mut hash = Sha256::new();
        hash.update(b"tradeplane.block.v1\0");
        hash.update(schema());
        hash.update((rows.len() as u64).to_le_bytes());
        let columns: [&[u8]; 12] = [
            bytemuck::cast_slice(&self.local_time[rows.clone()]),
            bytemuck::cast_slice(&self.exchange_time[rows.clone()]),
            bytemuck::cast_slice(&self.instrument[rows.clone()]),
            &self.event[rows.clone()],
            &self.reason[rows.clone()],
            bytemuck::cast_slice(&self.order[rows.clone()]),
            &self.side[rows.clone()],
            bytemuck::cast_slice(&self.price[rows.clone()]),
            bytemuck::cast_slice(&self.quantity[rows.clone()]),
            bytemuck::cast_slice(&self.left[rows.clone()]),
            &self.taker[rows.clone()],
            bytemuck::cast_slice(&self.fee[rows]),
        ];
        for column in columns {
            hash.update([0]);
            hash.update(column);
        }
        hash.finalize().into()
    }
}

/// Digest of the schema: of its canonical JSON.
fn schema() -> [u8; 32] {
    let columns: Vec<String> = COLUMNS.iter().map(|(name, kind)| format!("[\"{name}\",\"{kind}\"]")).collect();
    Sha256::digest(format!("[{}]", columns.join(","))).into()
}
