//! The rows of an instrument while a recording is read: in memory that was lent for them, or in columns of their own.
//!
//! How many rows there will be is not known before all are read, and to be given memory in small pieces by the kernel
//! takes longer than to fill it. Who lends takes it in large ones; where there turn out to be more rows than it was for,
//! all move to columns that grow.

use super::decode::Room;
use super::owned::{Row, Tape};

/// Rows that columns of their own have room for at least.
const FEW: usize = 64;

/// The rows so far, about no order.
#[derive(Debug)]
pub(super) struct Rows<'r> {
    filled: usize,
    cells: Cells<'r>,
}

/// Where rows are, with room for more behind them.
#[derive(Debug)]
enum Cells<'r> {
    Lent(Room<'r>),
    Own(Tape),
}

/// Where the rows are when all of them came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filled {
    /// The first so many of the room that was lent.
    Lent(usize),
    Own(Tape),
}

impl<'r> Rows<'r> {
    /// No rows, in room of which every column but that of orders is as long.
    pub fn new(room: Option<Room<'r>>) -> Self {
        let cells = room.map_or_else(|| Cells::Own(Tape::default()), Cells::Lent);
        Self { filled: 0, cells }
    }

    pub fn len(&self) -> usize {
        self.filled
    }

    /// Makes room for as many rows more.
    #[inline]
    pub fn reserve(&mut self, more: usize) {
        let capacity = match &self.cells {
            Cells::Lent(room) => room.sequence.len(),
            Cells::Own(tape) => tape.len(),
        };
        if self.filled.saturating_add(more) > capacity {
            self.grow(self.filled.saturating_add(more));
        }
    }

    #[cold]
    fn grow(&mut self, rows: usize) {
        let filled = self.filled;
        let mut grown = Tape::zeros(rows.max(2 * filled).max(FEW));
        let (new, old) = (grown.room(), self.room());
        new.sequence[..filled].copy_from_slice(&old.sequence[..filled]);
        new.exchange_time[..filled].copy_from_slice(&old.exchange_time[..filled]);
        new.local_time[..filled].copy_from_slice(&old.local_time[..filled]);
        new.kind[..filled].copy_from_slice(&old.kind[..filled]);
        new.side[..filled].copy_from_slice(&old.side[..filled]);
        new.price[..filled].copy_from_slice(&old.price[..filled]);
        new.quantity[..filled].copy_from_slice(&old.quantity[..filled]);
        self.cells = Cells::Own(grown);
    }

    /// All the room there is, the rows at its beginning.
    #[inline]
    pub fn room(&mut self) -> Room<'_> {
        match &mut self.cells {
            Cells::Lent(room) => room.again(),
            Cells::Own(tape) => tape.room(),
        }
    }

    /// Says that as many rows more were written into the room behind the others.
    pub fn wrote(&mut self, more: usize) {
        self.filled += more;
    }

    /// Appends a row.
    #[inline]
    pub fn push(&mut self, row: Row) {
        self.reserve(1);
        let at = self.filled;
        let room = self.room();
        room.sequence[at] = row.sequence;
        room.exchange_time[at] = row.exchange_time;
        room.local_time[at] = row.local_time;
        room.kind[at] = row.kind as u8;
        room.side[at] = row.side as u8;
        room.price[at] = row.price;
        room.quantity[at] = row.quantity;
        self.filled += 1;
    }

    /// The end: where the rows are.
    pub fn finish(self) -> Filled {
        match self.cells {
            Cells::Lent(_) => Filled::Lent(self.filled),
            Cells::Own(mut tape) => {
                tape.truncate(self.filled);
                Filled::Own(tape)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::columns::{Kind, Side};
    use super::*;

    fn row(number: i64) -> Row {
        Row {
            sequence: number as u64,
            exchange_time: 2 * number,
            local_time: 3 * number,
            kind: Kind::Level,
            side: Side::Ask,
            price: 5 * number,
            quantity: 7 * number,
        }
    }

    fn tape(rows: i64) -> Tape {
        let mut tape = Tape::default();
        (0..rows).for_each(|number| tape.push(row(number)));
        tape
    }

    #[test]
    fn rows_stay_in_the_room_that_is_enough_for_them() {
        let mut memory = Tape::zeros(3);
        let mut rows = Rows::new(Some(memory.room()));
        (0..3).for_each(|number| rows.push(row(number)));
        assert_eq!(rows.finish(), Filled::Lent(3));
        assert_eq!(memory, tape(3));
    }

    #[test]
    fn more_rows_than_there_is_room_for_move_all_of_them() {
        for lent in 0..3 {
            let mut memory = Tape::zeros(lent);
            let mut rows = Rows::new(Some(memory.room()));
            (0..200).for_each(|number| rows.push(row(number)));
            assert_eq!(rows.finish(), Filled::Own(tape(200)), "{lent}");
        }
    }

    #[test]
    fn rows_are_written_where_room_was_made() {
        let mut rows = Rows::new(None);
        rows.push(row(0));
        rows.reserve(1_000);
        let room = rows.room();
        assert!(room.price.len() >= 1_001);
        let next = row(1);
        (room.sequence[1], room.exchange_time[1], room.local_time[1]) = (1, next.exchange_time, next.local_time);
        (room.kind[1], room.side[1]) = (next.kind as u8, next.side as u8);
        (room.price[1], room.quantity[1]) = (next.price, next.quantity);
        rows.wrote(1);
        assert_eq!((rows.len(), rows.finish()), (2, Filled::Own(tape(2))));
    }

    #[test]
    fn no_rows_are_no_rows() {
        assert_eq!(Rows::new(None).finish(), Filled::Own(Tape::default()));
        assert_eq!(Rows::new(Some(Tape::zeros(1).room())).finish(), Filled::Lent(0));
    }
}
