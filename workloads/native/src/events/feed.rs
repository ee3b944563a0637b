//! A tape made ready to be run: checked once, so that what goes through its rows need not.

use crate::book::PRICE_LIMIT;
use crate::exchange::QUANTITY_LIMIT;
use crate::latency::skew;
use crate::tape::{Columns, Fault, Kind};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Times lie between 0 and this: the year 2116.
pub(super) const TIME_LIMIT: i64 = 1 << 62;

/// Clocks may disagree by this, 36 years, so that a corrected time stays within 64 bits.
const SKEW_LIMIT: i64 = 1 << 60;

/// Why a tape cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is no tape.
    Fault(Fault),
    /// A row's price is beyond the range of numbers.
    Price(usize),
    /// A row's quantity is beyond the range of numbers.
    Quantity(usize),
    /// A row's time is before the epoch or beyond the range of numbers.
    Time(usize),
    /// The clocks disagree by more nanoseconds than make sense.
    Skew(i64),
    /// A row of this kind needs a side.
    Side(usize),
    /// A row of this kind needs an order, and the tape has no such column.
    Order(usize),
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fault(fault) => fault.fmt(formatter),
            Self::Price(row) => write!(formatter, "row {row}: its price is not within 2^60 ticks of zero"),
            Self::Quantity(row) => write!(formatter, "row {row}: its quantity is not below 2^60 lots"),
            Self::Time(row) => write!(formatter, "row {row}: its times are not from 0 to below 2^62 nanoseconds"),
            Self::Skew(skew) => write!(formatter, "the local clock is {skew} ns behind the exchange's; mend the times"),
            Self::Side(row) => write!(formatter, "row {row}: a row of its kind needs a side, 1 or 2"),
            Self::Order(row) => write!(formatter, "row {row}: a row of its kind needs the column order"),
        }
    }
}

impl std::error::Error for Unfit {}

/// What is found out about a tape once, before it is run any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// When rows arrive, skew not added, where that is not the column of local times: never less than the row before.
    arrival: Option<Vec<i64>>,
    skew: i64,
    /// The rows in the exchange's order, as stretches of neighbours.
    runs: Vec<Range<usize>>,
}

/// One instrument's tape, ready to be run.
#[derive(Debug, Clone)]
pub struct Feed<'a> {
    columns: Columns<'a>,
    prepared: Arc<Prepared>,
}

impl<'a> Feed<'a> {
    /// Checks a tape and finds the exchange's order of its rows. Local times are moved so that no row arrives before it
    /// was sent, and if one did, the fastest takes `base` nanoseconds.
    ///
    /// # Errors
    /// [`Unfit`] naming what is wrong.
    pub fn new(columns: Columns<'a>, base: i64) -> Result<Self, Unfit> {
        columns.check().map_err(Unfit::Fault)?;
        check(&columns)?;
        let skew = skew(columns.exchange_time, columns.local_time, base);
        if skew > SKEW_LIMIT {
            return Err(Unfit::Skew(skew));
        }
        let arrival = (!columns.local_time.is_sorted()).then(|| {
            let mut latest = i64::MIN;
            let latest = columns.local_time.iter().map(|&time| {
                latest = latest.max(time);
                latest
            });
            latest.collect()
        });
        Ok(Self { columns, prepared: Arc::new(Prepared { arrival, skew, runs: runs(columns.exchange_time) }) })
    }

    /// What was found out about the tape, to run it again.
    #[must_use]
    pub fn prepared(&self) -> Arc<Prepared> {
        Arc::clone(&self.prepared)
    }

    /// The tape that was prepared, with its columns where they are now.
    #[must_use]
    pub fn again(columns: Columns<'a>, prepared: Arc<Prepared>) -> Self {
        Self { columns, prepared }
    }

    /// The columns.
    #[inline]
    #[must_use]
    pub fn columns(&self) -> &Columns<'a> {
        &self.columns
    }

    /// What is added to local times.
    #[must_use]
    pub fn skew(&self) -> i64 {
        self.prepared.skew
    }

    /// The rows in the exchange's order, as stretches of neighbours.
    #[inline]
    pub(super) fn runs(&self) -> &[Range<usize>] {
        &self.prepared.runs
    }

    /// When a row arrives, by the local clock.
    #[inline]
    pub(super) fn arrival(&self, row: usize) -> Option<i64> {
        self.arrivals().get(row).map(|time| time + self.prepared.skew)
    }

    /// The first row from `row` on that arrives after `time`.
    #[inline]
    pub(super) fn arrived(&self, row: usize, time: i64) -> usize {
        row + after(&self.arrivals()[row..], time.saturating_sub(self.prepared.skew))
    }

    /// Of rows of this feed, number `number` of several, the first that comes after row `missing`, a sequence and a feed.
    pub(super) fn before(&self, rows: Range<usize>, number: usize, missing: (u64, usize)) -> usize {
        let comes_before = |&sequence: &u64| number == missing.1 || (sequence, number) < missing;
        match self.columns.sequence[rows.clone()].last() {
            Some(last) if !comes_before(last) => rows.start + self.columns.sequence[rows].partition_point(comes_before),
            _ => rows.end,
        }
    }

    #[inline]
    fn arrivals(&self) -> &[i64] {
        self.prepared.arrival.as_deref().unwrap_or(self.columns.local_time)
    }
}

/// How many of ascending times are at or before `time`: searched from the front in steps that double.
#[inline]
pub(super) fn after(times: &[i64], time: i64) -> usize {
    let mut step = 1;
    while step <= times.len() && times[step - 1] <= time {
        step *= 2;
    }
    let (from, to) = (step / 2, step.min(times.len()));
    from + times[from..to].partition_point(|&other| other <= time)
}

/// Checks what the engine takes for granted of every row.
pub(super) fn check(columns: &Columns<'_>) -> Result<(), Unfit> {
    let beyond = |column: &[i64], limit: i64| {
        // The limit is a power of two: a number reaches it where the bits of all of them together do. What is fit,
        // which nearly every tape is, takes no branch a row.
        let bits = column.iter().fold(0, |bits, &number| bits | number.unsigned_abs());
        let within = |number: i64| number.unsigned_abs() < limit.unsigned_abs();
        if bits < limit.unsigned_abs() { None } else { column.iter().position(|&number| !within(number)) }
    };
    let outside = |column: &[i64]| {
        let negative = column.iter().fold(0, |bits, &number| bits | number) < 0;
        if negative { column.iter().position(|&time| time < 0) } else { beyond(column, TIME_LIMIT) }
    };
    if let Some(row) = beyond(columns.price, PRICE_LIMIT) {
        return Err(Unfit::Price(row));
    }
    if let Some(row) = beyond(columns.quantity, QUANTITY_LIMIT) {
        return Err(Unfit::Quantity(row));
    }
    if let Some(row) = outside(columns.exchange_time).or_else(|| outside(columns.local_time)) {
        return Err(Unfit::Time(row));
    }
    let needs_side = |kind: u8| kind != Kind::Clear as u8 && kind != Kind::Trade as u8 && kind != Kind::Gap as u8;
    let mut sided = columns.kind.iter().zip(columns.side);
    if let Some(row) = sided.position(|(&kind, &side)| side == 0 && needs_side(kind)) {
        return Err(Unfit::Side(row));
    }
    let about_an_order = |kind: u8| (Kind::Add as u8..=Kind::Execute as u8).contains(&kind);
    match columns.kind.iter().position(|&kind| about_an_order(kind)) {
        Some(row) if columns.order.is_empty() => Err(Unfit::Order(row)),
        _ => Ok(()),
    }
}

/// Rows by exchange time, those of one time in the order of the tape, as stretches of neighbours.
fn runs(times: &[i64]) -> Vec<Range<usize>> {
    if times.is_empty() {
        return Vec::new();
    }
    if times.is_sorted() {
        return std::iter::once(0..times.len()).collect();
    }
    let mut start = 0;
    let same = times.chunk_by(|one, next| one == next).map(|chunk| {
        start += chunk.len();
        start - chunk.len()..start
    });
    let mut messages: Vec<Range<usize>> = same.collect();
    messages.sort_by_key(|rows| times[rows.start]);
    let mut runs: Vec<Range<usize>> = Vec::new();
    for rows in messages {
        match runs.last_mut() {
            Some(run) if run.end == rows.start => run.end = rows.end,
            _ => runs.push(rows),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn columns<'a>(exchange: &'a [i64], local: &'a [i64], numbers: &'a [i64], bytes: &'a [u8]) -> Columns<'a> {
        const SEQUENCE: [u64; 64] = [1; 64];
        Columns {
            sequence: &SEQUENCE[..exchange.len()],
            exchange_time: exchange,
            local_time: local,
            kind: bytes,
            side: bytes,
            price: numbers,
            quantity: numbers,
            order: &[],
        }
    }

    #[test]
    fn rows_are_in_the_order_of_the_exchange() {
        let ones = [1; 5];
        let feed = Feed::new(columns(&[5, 3, 3, 9, 6], &[10, 11, 11, 12, 12], &ones, &[2; 5]), 0).expect("fit");
        assert_eq!(feed.runs(), [1..3, 0..1, 4..5, 3..4]);
        assert_eq!(feed.skew(), 0);
    }

    #[test]
    fn a_clock_that_goes_back_stands_still() {
        let ones = [1; 3];
        let feed = Feed::new(columns(&[0, 0, 0], &[10, 8, 12], &ones, &[2; 3]), 0).expect("fit");
        assert_eq!([0, 1, 2, 3].map(|row| feed.arrival(row)), [Some(10), Some(10), Some(12), None]);
        assert_eq!(feed.arrived(0, 10), 2);
    }

    #[test]
    fn what_cannot_be_run_is_named() {
        let ones = [1; 2];
        let unfit = |exchange: &[i64; 2], numbers: &[i64; 2], bytes: &[u8; 2]| {
            Feed::new(columns(exchange, &[1, 1], numbers, bytes), 0).expect_err("unfit")
        };
        assert_eq!(unfit(&[0, -1], &ones, &[2, 2]), Unfit::Time(1));
        assert_eq!(unfit(&[0, i64::MAX], &ones, &[2, 2]), Unfit::Time(1));
        assert_eq!(unfit(&[0, 1 << 61], &ones, &[2, 2]), Unfit::Skew((1 << 61) - 1));
        assert_eq!(unfit(&[0, 0], &[1, 1 << 60], &[2, 2]), Unfit::Price(1));
        assert_eq!(unfit(&[0, 0], &[1, -1], &[2, 2]), Unfit::Fault(Fault::Quantity(1)));
        assert_eq!(unfit(&[0, 0], &ones, &[2, 10]), Unfit::Fault(Fault::Kind(1)));
        let level_without_side = Columns { side: &[1, 0], ..columns(&[0, 0], &[1, 1], &ones, &[2, 2]) };
        assert_eq!(Feed::new(level_without_side, 0).expect_err("unfit"), Unfit::Side(1));
        let order_without_name = Columns { kind: &[2, 5], ..columns(&[0, 0], &[1, 1], &ones, &[2, 2]) };
        assert_eq!(Feed::new(order_without_name, 0).expect_err("unfit"), Unfit::Order(1));
    }

    proptest! {
        #[test]
        fn doubling_steps_find_what_a_plain_search_does(mut times in prop::collection::vec(0i64..50, 0..40), time in 0i64..50) {
            times.sort_unstable();
            prop_assert_eq!(after(&times, time), times.iter().filter(|&&other| other <= time).count());
        }

        #[test]
        fn runs_are_every_row_once_by_time(times in prop::collection::vec(0i64..20, 0..60)) {
            let rows: Vec<usize> = runs(&times).into_iter().flatten().collect();
            let mut expected: Vec<usize> = (0..times.len()).collect();
            expected.sort_by_key(|&row| (times[row], row));
            prop_assert_eq!(rows, expected);
        }
    }
}
