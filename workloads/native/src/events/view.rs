//! One instrument as the trader sees it: the book of the rows that have arrived.

use crate::book::{Book, Half, Orders};
use crate::tape::{Columns, Kind};
use std::ops::Range;

const LEVEL: u8 = Kind::Level as u8;
const SNAPSHOT: u8 = Kind::Snapshot as u8;
const TRADE: u8 = Kind::Trade as u8;

/// One instrument as the trader sees it.
#[derive(Debug, Clone)]
pub struct View {
    book: Book,
    orders: Orders,
    last: Option<i64>,
    lost: u64,
    unknown: u64,
}

impl View {
    pub(super) fn new(window: usize) -> Self {
        Self { book: Book::new(window), orders: Orders::new(), last: None, lost: 0, unknown: 0 }
    }

    /// The book.
    #[inline]
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Price of the last trade.
    #[inline]
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.last
    }

    /// Gaps in the recording, and rows about orders that are not in the book.
    #[must_use]
    pub fn anomalies(&self) -> (u64, u64) {
        (self.lost, self.unknown)
    }

    /// Applies rows.
    pub(super) fn rows(&mut self, tape: &Columns<'_>, rows: Range<usize>) {
        let first = rows.start;
        let prices = tape.price[rows.clone()].iter().zip(&tape.quantity[rows.clone()]);
        let kinds = tape.kind[rows.clone()].iter().zip(&tape.side[rows]);
        for (offset, ((&price, &quantity), (&kind, &side))) in prices.zip(kinds).enumerate() {
            if kind == LEVEL || kind == SNAPSHOT {
                let half = Half::of_number(side);
                let key = half.key(price);
                if key < self.book.half(half).best() {
                    self.book.set_behind(half, key, quantity);
                } else {
                    self.book.set(half, key, quantity);
                }
            } else if kind == TRADE {
                self.last = Some(price);
            } else {
                self.other(tape, first + offset);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn other(&mut self, tape: &Columns<'_>, row: usize) {
        let half = Half::of_number(tape.side[row]);
        let (price, quantity) = (tape.price[row], tape.quantity[row]);
        let key = half.key(price);
        let id = tape.order.get(row).copied().unwrap_or(0);
        let change = match Kind::of(tape.kind[row]) {
            Some(Kind::Clear) => {
                for half in [Half::Bid, Half::Ask] {
                    if tape.side[row] == 0 || tape.side[row] == half as u8 + 1 {
                        self.book.clear(half);
                        self.orders.clear(half);
                    }
                }
                return;
            }
            Some(Kind::Quote) => return self.book.quote(half, key, quantity),
            Some(Kind::Add) => self.orders.add(&mut self.book, id, half, key, quantity),
            Some(Kind::Modify) => self.orders.modify(&mut self.book, id, price, quantity),
            Some(kind @ (Kind::Cancel | Kind::Execute)) => self.orders.leave(&mut self.book, id, quantity, kind),
            _ => {
                self.lost += 1;
                return;
            }
        };
        self.unknown += u64::from(change.is_err());
    }
}
