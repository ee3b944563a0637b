//! What is wrong with a recording, whoever made it: counted, and the first of each named by its message.
//!
//! A book of levels is followed by its prices alone, one bit a price around the first one seen: what is asked is only
//! where its best levels are. A book of orders is followed order by order. Neither is the book that runs have, which takes
//! levels away that another crosses.

mod orders;

use std::collections::BTreeSet;

use orders::OrderBook;

use super::columns::{Columns, Kind, Side};

/// How often something was found, and the sequence of the message where it was first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// Sequence of the first message with it.
    pub first: Option<u64>,
}

impl Count {
    /// Counts one more, at a message.
    pub fn add(&mut self, sequence: u64) {
        self.times += 1;
        self.first.get_or_insert(sequence);
    }
}

/// What was found on a tape.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Findings {
    /// Messages on the tape.
    pub messages: u64,
    /// Places where messages were lost.
    pub gaps: Count,
    /// Messages known to be lost.
    pub lost: u64,
    /// Messages after which the best bid was above the best ask.
    pub crossed: Count,
    /// Messages after which the best bid was the best ask.
    pub locked: Count,
    /// Messages with a local time below that of the one before.
    pub out_of_order: Count,
    /// Messages with an exchange time above their local time.
    pub ahead: Count,
    /// Changes of the book while it was not known.
    pub blind_rows: u64,
    /// Rows about an order that is not in the book, or that add one that is: a run leaves them aside.
    pub unknown: Count,
    /// The smallest local time less exchange time; 0 without rows.
    pub min_latency: i64,
}

/// Looks through a tape whose columns were checked.
#[must_use]
pub fn audit(columns: &Columns<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut market = Market::default();
    let mut start = 0;
    while start < columns.len() {
        let sequence = columns.sequence[start];
        let same = columns.sequence[start..].iter().take_while(|&&other| other == sequence).count();
        findings.messages += 1;
        times(columns, start, &mut findings);
        let end = start + same;
        market.begin();
        for row in start..end {
            market.row(columns, row, &mut findings);
        }
        market.compare(sequence, &mut findings);
        start = end;
    }
    findings
}

fn times(columns: &Columns<'_>, row: usize, findings: &mut Findings) {
    let (sequence, local, exchange) = (columns.sequence[row], columns.local_time[row], columns.exchange_time[row]);
    if row > 0 && local < columns.local_time[row - 1] {
        findings.out_of_order.add(sequence);
    }
    if exchange > local {
        findings.ahead.add(sequence);
    }
    let latency = local.saturating_sub(exchange);
    findings.min_latency = if row == 0 { latency } else { findings.min_latency.min(latency) };
}

/// What a `Gap` says was lost, in its price.
pub mod lost {
    /// Anything at all.
    pub const ANYTHING: i64 = 0;
    /// Changes of the book.
    pub const BOOK: i64 = 1;
    /// Trades.
    pub const TRADES: i64 = 2;
    /// Best quotes.
    pub const QUOTES: i64 = 3;
}

/// The book and the best quotes as a tape has them so far.
#[derive(Default)]
struct Market {
    bids: Levels,
    asks: Levels,
    orders: OrderBook,
    quotes: [Option<i64>; 2],
    blind: bool,
    book_changed: bool,
    orders_changed: bool,
    quoted: bool,
}

impl Market {
    fn begin(&mut self) {
        (self.book_changed, self.orders_changed, self.quoted) = (false, false, false);
    }

    fn row(&mut self, columns: &Columns<'_>, row: usize, findings: &mut Findings) {
        let (price, quantity) = (columns.price[row], columns.quantity[row]);
        let (Some(kind), Some(side)) = (Kind::of(columns.kind[row]), Side::of(columns.side[row])) else { return };
        match kind {
            Kind::Level | Kind::Snapshot => {
                findings.blind_rows += u64::from(self.blind);
                self.book_changed = true;
                match side {
                    Side::Bid => self.bids.set(price, quantity > 0),
                    Side::Ask => self.asks.set(price, quantity > 0),
                    Side::None => {}
                }
            }
            Kind::Quote => {
                self.quoted = true;
                self.quotes[usize::from(side == Side::Ask)] = (quantity > 0).then_some(price);
            }
            Kind::Clear => {
                self.blind = false;
                if side != Side::Ask {
                    self.bids.clear();
                }
                if side != Side::Bid {
                    self.asks.clear();
                }
                self.orders.clear(side);
            }
            Kind::Gap => {
                self.blind |= [lost::ANYTHING, lost::BOOK].contains(&price);
                findings.gaps.add(columns.sequence[row]);
                findings.lost = findings.lost.saturating_add(quantity.unsigned_abs());
            }
            Kind::Add | Kind::Modify | Kind::Cancel | Kind::Execute => {
                findings.blind_rows += u64::from(self.blind);
                self.orders_changed = true;
                let order = columns.order.get(row).copied().unwrap_or(0);
                if !self.orders.row(kind, order, side, (price, quantity)) {
                    findings.unknown.add(columns.sequence[row]);
                }
            }
            Kind::Trade => {}
        }
    }

    fn compare(&mut self, sequence: u64, findings: &mut Findings) {
        let book = if self.book_changed { self.bids.highest().zip(self.asks.lowest()) } else { None };
        let quote = if self.quoted { self.quotes[0].zip(self.quotes[1]) } else { None };
        let orders = if self.orders_changed { self.orders.touch() } else { None };
        let touches = [book, quote, orders];
        if touches.iter().flatten().any(|(bid, ask)| bid > ask) {
            findings.crossed.add(sequence);
        }
        if touches.iter().flatten().any(|(bid, ask)| bid == ask) {
            findings.locked.add(sequence);
        }
    }
}

/// Prices that are kept as bits, around the first one that comes.
const NEAR: i64 = 1 << 18;
const WORDS: usize = (NEAR / 64) as usize;

/// The prices at which a side has a level.
struct Levels {
    bits: Vec<u64>,
    first: Option<i64>,
    far: BTreeSet<i64>,
    /// No word below the first or above the second has a bit.
    used: (usize, usize),
}

impl Default for Levels {
    fn default() -> Self {
        Self { bits: Vec::new(), first: None, far: BTreeSet::new(), used: (WORDS, 0) }
    }
}

impl Levels {
    fn set(&mut self, price: i64, there: bool) {
        let first = *self.first.get_or_insert_with(|| price.saturating_sub(NEAR / 2));
        match price.checked_sub(first).filter(|offset| (0..NEAR).contains(offset)) {
            Some(offset) => self.set_near(offset as usize, there),
            None if there => {
                self.far.insert(price);
            }
            None => {
                self.far.remove(&price);
            }
        }
    }

    fn set_near(&mut self, offset: usize, there: bool) {
        if self.bits.is_empty() {
            self.bits = vec![0; WORDS];
        }
        let (word, bit) = (offset / 64, 1 << (offset % 64));
        if there {
            self.bits[word] |= bit;
            self.used = (self.used.0.min(word), self.used.1.max(word));
        } else {
            self.bits[word] &= !bit;
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    /// The highest price. Words that turn out empty are not looked at again.
    fn highest(&mut self) -> Option<i64> {
        while self.used.1 > self.used.0 && self.bits[self.used.1] == 0 {
            self.used.1 -= 1;
        }
        let word = self.bits.get(self.used.1).copied().unwrap_or(0);
        let near = (word != 0).then(|| self.price(self.used.1, 63 - word.leading_zeros()));
        near.into_iter().chain(self.far.last().copied()).max()
    }

    /// The lowest price.
    fn lowest(&mut self) -> Option<i64> {
        while self.used.0 < self.used.1 && self.bits[self.used.0] == 0 {
            self.used.0 += 1;
        }
        let word = self.bits.get(self.used.0).copied().unwrap_or(0);
        let near = (word != 0).then(|| self.price(self.used.0, word.trailing_zeros()));
        near.into_iter().chain(self.far.first().copied()).min()
    }

    fn price(&self, word: usize, bit: u32) -> i64 {
        self.first.unwrap_or(0) + word as i64 * 64 + i64::from(bit)
    }
}

#[cfg(test)]
mod tests;
