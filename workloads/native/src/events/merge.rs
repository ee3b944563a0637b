//! The order in which the trader hears of several instruments: by sequence, rows of one sequence by instrument.

use super::feed::Feed;

/// The next row of a feed that has one.
#[derive(Debug, Clone, Copy)]
struct Head {
    sequence: u64,
    feed: usize,
    row: usize,
}

/// Rows of several feeds in one order.
#[derive(Debug, Clone)]
pub(super) struct Merge {
    /// In the order of the feeds; those at their end have left.
    heads: Vec<Head>,
}

impl Merge {
    /// All feeds at their beginning.
    pub fn new(feeds: &[Feed<'_>]) -> Self {
        let head = |(feed, one): (usize, &Feed<'_>)| {
            one.columns().sequence.first().map(|&sequence| Head { sequence, feed, row: 0 })
        };
        Self { heads: feeds.iter().enumerate().filter_map(head).collect() }
    }

    /// The feed whose row comes next, and that row.
    #[inline]
    pub fn next(&self) -> Option<(usize, usize)> {
        let head = &self.heads[self.first()?];
        Some((head.feed, head.row))
    }

    /// Moves the feed whose row comes next on to another row.
    #[inline]
    pub fn pass(&mut self, feeds: &[Feed<'_>], row: usize) {
        let Some(index) = self.first() else {
            return;
        };
        let head = &mut self.heads[index];
        match feeds[head.feed].columns().sequence.get(row) {
            Some(&sequence) => (head.sequence, head.row) = (sequence, row),
            None => drop(self.heads.remove(index)),
        }
    }

    /// Of the heads with the lowest sequence, the first.
    #[inline]
    fn first(&self) -> Option<usize> {
        let mut lowest = (self.heads.first()?.sequence, 0);
        for (index, head) in self.heads.iter().enumerate().skip(1) {
            if head.sequence < lowest.0 {
                lowest = (head.sequence, index);
            }
        }
        Some(lowest.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tape::Columns;
    use proptest::prelude::*;

    fn feed<'a>(sequence: &'a [u64], zeros: &'a [i64], bytes: &'a [u8]) -> Feed<'a> {
        let (zeros, bytes) = (&zeros[..sequence.len()], &bytes[..sequence.len()]);
        let columns = Columns {
            sequence,
            exchange_time: zeros,
            local_time: zeros,
            kind: bytes,
            side: bytes,
            price: zeros,
            quantity: zeros,
            order: &[],
        };
        Feed::new(columns, 0).expect("fit")
    }

    proptest! {
        #[test]
        fn rows_come_by_sequence_and_feed(
            mut tapes in prop::collection::vec(
                prop::collection::vec(prop_oneof![0u64..9, Just(u64::MAX)], 0..9), 0..5
            )
        ) {
            tapes.iter_mut().for_each(|tape| tape.sort_unstable());
            let feeds: Vec<Feed<'_>> = tapes.iter().map(|tape| feed(tape, &[0; 9], &[0; 9])).collect();
            let mut merge = Merge::new(&feeds);
            let mut merged = Vec::new();
            while let Some((feed, row)) = merge.next() {
                merged.push((tapes[feed][row], feed, row));
                merge.pass(&feeds, row + 1);
            }
            let each = tapes.iter().enumerate();
            let mut expected: Vec<(u64, usize, usize)> =
                each.flat_map(|(feed, tape)| tape.iter().enumerate().map(move |(row, &of)| (of, feed, row))).collect();
            expected.sort_unstable();
            prop_assert_eq!(merged, expected);
        }
    }
}
