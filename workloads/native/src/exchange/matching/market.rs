//! Rows of the tape: what they do to orders, and what the public sees of them.

use super::{Change, Exchange, Fault, PublicTrade};
use crate::book::Half;
use crate::tape::{Columns, Kind};
use std::collections::BTreeMap;
use std::ops::Range;

/// Levels by side and price, with their quantity.
type Levels = BTreeMap<(u8, i64), i64>;

/// Levels of a book as they were before rows: those the rows are about, or all.
enum Before {
    Some(Levels),
    All(Levels),
}

impl Exchange {
    pub(super) fn market(&mut self, index: usize, rows: Range<usize>, tape: &Columns<'_>) -> Result<(), Fault> {
        let before = self.before(index, rows.clone(), tape);
        for row in rows.clone().filter(|&row| tape.kind[row] == Kind::Trade as u8) {
            self.published[index] += 1;
            let (price, quantity, taker) = (tape.price[row], tape.quantity[row], tape.side[row]);
            self.prints.push(PublicTrade { number: self.published[index], price, quantity, taker });
        }
        let mut next = rows.start;
        while next < rows.end {
            self.show_means(index);
            next = self.venues[index].rows(tape, 0, next..rows.end);
            self.collect(index)?;
        }
        self.compare(index, before);
        Ok(())
    }

    pub(super) fn begin_again(&mut self, index: usize) {
        let before = Before::All(self.levels(index));
        self.venues[index].begin_again();
        self.compare(index, before);
    }

    fn before(&self, index: usize, rows: Range<usize>, tape: &Columns<'_>) -> Before {
        let kinds = &tape.kind[rows.clone()];
        let one_of = |kind: u8, kinds: &[Kind]| kinds.iter().any(|&one| one as u8 == kind);
        if !kinds.iter().all(|&kind| one_of(kind, &[Kind::Level, Kind::Snapshot, Kind::Trade, Kind::Gap])) {
            return Before::All(self.levels(index));
        }
        let book = self.venues[index].book();
        let mut levels = Levels::new();
        for row in rows.filter(|&row| one_of(tape.kind[row], &[Kind::Level, Kind::Snapshot])) {
            let (half, price) = (Half::of_number(tape.side[row]), tape.price[row]);
            levels.insert((half as u8, price), book.quantity(half, price));
            if tape.quantity[row] > 0 {
                // A level removes those of the other side that it reaches.
                let other = half.other();
                let reached = book.levels(other).take_while(|&(far, _)| half.key(price) + other.key(far) >= 0);
                levels.extend(reached.map(|(far, quantity)| ((other as u8, far), quantity)));
            }
        }
        Before::Some(levels)
    }

    fn levels(&self, index: usize) -> Levels {
        let book = self.venues[index].book();
        let of = |half: Half| book.levels(half).map(move |(price, quantity)| ((half as u8, price), quantity));
        of(Half::Bid).chain(of(Half::Ask)).collect()
    }

    /// Puts down which levels differ from what they were.
    fn compare(&mut self, index: usize, before: Before) {
        let before = match before {
            Before::Some(levels) => levels,
            Before::All(mut levels) => {
                for level in self.levels(index).into_keys() {
                    levels.entry(level).or_insert(0);
                }
                levels
            }
        };
        let book = self.venues[index].book();
        for ((side, price), quantity) in before {
            let half = if side == Half::Bid as u8 { Half::Bid } else { Half::Ask };
            let now = book.quantity(half, price);
            if now != quantity {
                self.changes.push(Change { half, price, quantity: now });
            }
        }
    }
}
