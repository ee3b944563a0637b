//! The loop: which of the two clocks moves on, and how far.
//!
//! The exchange may run ahead of the trader up to the time the trader's next action could reach it, and the trader up
//! to the time the exchange's next report could; so each goes through many rows in one go, and the order of everything
//! is as if they went row by row.

use super::desk::{Desk, Sent, Setup};
use super::feed::{Feed, after};
use super::log::Log;
use super::merge::Merge;
use super::periods::{Account, Bar, Periods};
use super::strategy::Strategy;
use super::trader::Trader;
use crate::exchange::Venue;
use crate::fixed::Overflow;
use crate::latency::Latency;
use crate::risk::Rate;

/// Rows of the log that room is made for at the start.
const ROOM: usize = 65_536;

const NEVER: i64 = i64::MAX;

/// Where the exchange is in a tape: a stretch of rows, and the row in it that comes next.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    run: usize,
    row: usize,
}

/// A run of a strategy on the tapes of one or more instruments.
#[derive(Debug, Clone)]
pub struct Engine<'a, S> {
    feeds: Vec<Feed<'a>>,
    venues: Vec<Venue>,
    exchange: Vec<Cursor>,
    local: Vec<usize>,
    /// Rows that have arrived by their own times, kept for its room.
    arrived: Vec<usize>,
    /// The messages the trader hears one by one, where the strategy wants to.
    messages: Merge,
    /// When the newest row heard so arrived: no later one arrives before it, whatever its clock says.
    latest: i64,
    trader: Trader<S>,
    least_entry: i64,
    /// The shortest time from what the exchange does to a request that answers it.
    round_trip: i64,
    end: i64,
    periods: Periods,
    /// The first row of each instrument that was heard in the period.
    began: Vec<usize>,
}

impl<'a, S: Strategy> Engine<'a, S> {
    /// A run; one setup a feed.
    ///
    /// # Panics
    /// Where there is not one setup a feed.
    #[must_use]
    pub fn new(feeds: Vec<Feed<'a>>, setups: &[Setup], rate: Option<Rate>, strategy: S) -> Self {
        assert_eq!(feeds.len(), setups.len(), "there must be one setup a feed");
        let end = feeds.iter().filter_map(|feed| feed.arrival(feed.columns().len().checked_sub(1)?)).max();
        let least = |way: fn(&Latency) -> i64| setups.iter().map(|setup| way(&setup.rules.latency)).min().unwrap_or(0);
        let least_entry = least(Latency::least_entry);
        let first = |feed: &Feed<'_>| Cursor { run: 0, row: feed.runs().first().map_or(0, |run| run.start) };
        Self {
            venues: setups.iter().map(|setup| Venue::new(&setup.rules)).collect(),
            exchange: feeds.iter().map(first).collect(),
            local: vec![0; feeds.len()],
            arrived: vec![0; feeds.len()],
            messages: Merge::new(&feeds),
            latest: i64::MIN,
            trader: Trader { desk: Desk::new(setups, rate, Log::with_capacity(ROOM)), strategy },
            least_entry,
            round_trip: least_entry.saturating_add(least(Latency::least_response)),
            end: end.unwrap_or(i64::MIN),
            periods: Periods::none(),
            began: vec![0; feeds.len()],
            feeds,
        }
    }

    /// Keeps the account at the end of periods of this many nanoseconds, and calls the strategy for their bars.
    ///
    /// # Panics
    /// Where the length is not above zero.
    #[must_use]
    pub fn with_periods(mut self, length: i64) -> Self {
        assert!(length > 0, "a period must have a length");
        self.periods = Periods::of(length);
        self
    }

    /// The trader's side.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.trader.desk
    }

    /// The strategy.
    #[must_use]
    pub fn strategy(&self) -> &S {
        &self.trader.strategy
    }

    /// The exchange's side of an instrument.
    #[must_use]
    pub fn venue(&self, instrument: usize) -> &Venue {
        &self.venues[instrument]
    }

    /// The log.
    #[must_use]
    pub fn into_log(self) -> Log {
        self.trader.desk.into_log()
    }

    /// The account over time, the strategy, and the log.
    #[must_use]
    pub fn into_records(self) -> (Account, S, Log) {
        (self.periods.account, self.trader.strategy, self.trader.desk.into_log())
    }

    /// Runs until the last row has arrived. Reports that would arrive later are not known to the trader, and not in the
    /// log.
    ///
    /// # Errors
    /// [`Overflow`] when an amount of money passes what is allowed.
    pub fn run(&mut self) -> Result<(), Overflow> {
        let Some((_, first)) = self.next_message() else {
            return Ok(());
        };
        self.trader.desk.now = first;
        self.periods.start(&self.trader.desk)?;
        self.trader.start();
        while !self.trader.desk.stopped && self.act()? {}
        self.periods.finish(&self.trader.desk)
    }

    /// Does the next thing; tells whether there may be more.
    fn act(&mut self) -> Result<bool, Overflow> {
        let report = self.venues.iter().filter_map(Venue::next_report).min().unwrap_or(NEVER);
        let timer = self.trader.desk.timer.unwrap_or(NEVER);
        let message = if S::DEPTH || S::TRADES { self.next_message() } else { None };
        let arrival = message.map_or(NEVER, |(_, time)| time);
        let action = report.min(timer).min(arrival).min(self.end).min(self.periods.end);
        if self.advance_exchange(action.saturating_add(self.least_entry)) {
            return Ok(true); // by a report that may arrive before what was to be done
        }
        self.trader.desk.now = self.trader.desk.now.max(action);
        if let Some((instrument, time)) = message
            && time <= action
        {
            self.hear(instrument);
            return Ok(true);
        }
        if !(S::DEPTH || S::TRADES) {
            self.catch_up(action);
        }
        if report <= action {
            self.deliver(report)?;
        } else if timer <= action {
            self.trader.ring();
        } else if self.periods.end <= action {
            self.end_period()?;
        } else {
            return Ok(action < self.end);
        }
        Ok(true)
    }

    fn end_period(&mut self) -> Result<(), Overflow> {
        let end = self.periods.end;
        self.periods.close(&self.trader.desk)?;
        if S::BARS {
            let heard = self.began.iter().zip(&self.local);
            let rows = self.feeds.iter().zip(heard);
            let bars: Vec<Option<Bar>> =
                rows.map(|(feed, (&first, &next))| Bar::of(feed.columns(), first..next)).collect();
            self.trader.strategy.on_bars(&mut self.trader.desk, end, &bars);
        }
        self.began.copy_from_slice(&self.local);
        Ok(())
    }

    /// The instrument whose next row has the lowest sequence, and when that arrives.
    fn next_message(&self) -> Option<(usize, i64)> {
        let (instrument, row) = self.messages.next()?;
        Some((instrument, self.feeds[instrument].arrival(row)?.max(self.latest)))
    }

    /// The trader reads the next message about an instrument.
    fn hear(&mut self, instrument: usize) {
        let feed = &self.feeds[instrument];
        let columns = feed.columns();
        let first = self.local[instrument];
        let rest = &columns.sequence[first..];
        let end = first + rest.iter().take_while(|&&sequence| sequence == rest[0]).count();
        self.local[instrument] = end;
        self.latest = self.latest.max(feed.arrival(end - 1).unwrap_or(i64::MIN));
        self.messages.pass(&self.feeds, end);
        self.trader.hear(instrument, columns, first..end);
    }

    /// Applies what has arrived by `time` to the trader's books, where no strategy wants to hear of each message.
    ///
    /// Where recordings were made together, a row arrives no earlier than any with a lower sequence: the first row that
    /// has not arrived holds back all that come after it, whatever their clocks say.
    fn catch_up(&mut self, time: i64) {
        let mut first_missing = None;
        for (instrument, feed) in self.feeds.iter().enumerate() {
            let end = feed.arrived(self.local[instrument], time);
            self.arrived[instrument] = end;
            if let Some(&sequence) = feed.columns().sequence.get(end) {
                let missing = (sequence, instrument);
                first_missing = Some(first_missing.map_or(missing, |first| missing.min(first)));
            }
        }
        for (instrument, feed) in self.feeds.iter().enumerate() {
            let (first, arrived) = (self.local[instrument], self.arrived[instrument]);
            let end = first_missing.map_or(arrived, |missing| feed.before(first..arrived, instrument, missing));
            if end > first {
                let place = &mut self.trader.desk.places[instrument];
                place.view.rows(feed.columns(), first..end);
                // A local time that went back counts as the one before it, as where each message is heard.
                let arrived = feed.arrival(end - 1).unwrap_or(time);
                place.feed = arrived - feed.columns().exchange_time[end - 1];
                self.local[instrument] = end;
            }
        }
    }

    /// Hands the trader the report that arrives at `time`: of several, that of the first instrument.
    fn deliver(&mut self, time: i64) -> Result<(), Overflow> {
        let due = |venue: &Venue| venue.next_report() == Some(time);
        if let Some(instrument) = self.venues.iter().position(due)
            && let Some((_, report)) = self.venues[instrument].take_report()
        {
            self.trader.deliver(instrument, &report)?;
        }
        Ok(())
    }

    /// Runs the exchange up to and including `horizon`; stops, and tells so, when it has sent a report.
    ///
    /// Instruments of which no order is alive or on its way can send none: they are left behind until one is. Of the
    /// others, the one that is behind goes on to where the next is; or, where that is less far, all go on by less than
    /// a round trip one after the other, as no request that answers what one of them does can reach another in it.
    fn advance_exchange(&mut self, horizon: i64) -> bool {
        loop {
            let mut earliest = (NEVER, 0);
            let mut second = NEVER;
            for instrument in 0..self.venues.len() {
                let next = self.next_at_exchange(instrument);
                if next < earliest.0 {
                    second = earliest.0;
                    earliest = (next, instrument);
                } else {
                    second = second.min(next);
                }
            }
            let (time, instrument) = earliest;
            if time > horizon || time == NEVER {
                return false;
            }
            let until = time.saturating_add(self.round_trip.saturating_sub(1)).min(horizon);
            let reported = if second < until {
                (0..self.venues.len()).fold(false, |reported, each| self.advance_to(each, until) | reported)
            } else {
                self.advance(instrument, horizon.min(second))
            };
            if reported {
                return true;
            }
        }
    }

    /// Runs an instrument that is not ahead of `until`.
    fn advance_to(&mut self, instrument: usize, until: i64) -> bool {
        self.next_at_exchange(instrument) <= until && self.advance(instrument, until)
    }

    /// When the next row or request of an instrument is at the exchange that could lead to a report.
    #[inline]
    fn next_at_exchange(&self, instrument: usize) -> i64 {
        if !self.venues[instrument].has_orders() && self.trader.desk.places[instrument].requests.is_empty() {
            return NEVER;
        }
        let (feed, cursor) = (&self.feeds[instrument], self.exchange[instrument]);
        let more = cursor.run < feed.runs().len();
        let row = if more { feed.columns().exchange_time[cursor.row] } else { NEVER };
        let request = self.trader.desk.places[instrument].requests.front().map_or(NEVER, |sent| sent.arrival);
        row.min(request)
    }

    /// Runs one instrument up to and including `horizon`: rows, then requests of the same time. Stops, and tells so,
    /// when it has sent a report.
    fn advance(&mut self, instrument: usize, horizon: i64) -> bool {
        let (feed, venue) = (&self.feeds[instrument], &mut self.venues[instrument]);
        let requests = &mut self.trader.desk.places[instrument].requests;
        let sent = venue.sent();
        loop {
            let request = requests.front().map_or(NEVER, |sent| sent.arrival);
            let until = horizon.min(request);
            let cursor = &mut self.exchange[instrument];
            while let Some(run) = feed.runs().get(cursor.run) {
                let times = &feed.columns().exchange_time[cursor.row..run.end];
                let end = cursor.row + after(times, until);
                cursor.row = venue.rows(feed.columns(), feed.skew(), cursor.row..end);
                if cursor.row == run.end {
                    cursor.run += 1;
                    cursor.row = feed.runs().get(cursor.run).map_or(run.end, |run| run.start);
                }
                if venue.sent() != sent {
                    return true;
                }
                if end < run.end {
                    break;
                }
            }
            if request > horizon {
                return false;
            }
            if let Some(Sent { arrival, request, gone }) = requests.pop_front() {
                venue.request(&venue.less_gone_since(request, gone), arrival);
                if venue.sent() != sent {
                    return true;
                }
            }
        }
    }
}
