//! One instrument at the exchange: its book, our orders, and the rows of the tape in the exchange's order.

use super::impact::Impact;
use super::means::Means;
use super::own::{Bounds, Own};
use super::queue::{Model, Queue};
use super::report::{Event, Reason, Report};
use crate::book::{Book, Change, Half, NOTHING, Orders};
use crate::latency::Latency;
use crate::orders::State;
use crate::tape::{Columns, Kind, Side};
use std::collections::VecDeque;
use std::ops::Range;

/// As many orders of ours may be alive at once.
pub const MOST_ORDERS: usize = 1024;

/// Quantities lie below this.
pub const QUANTITY_LIMIT: i64 = 1 << 60;

const LEVEL: u8 = Kind::Level as u8;
const SNAPSHOT: u8 = Kind::Snapshot as u8;
const TRADE: u8 = Kind::Trade as u8;
const BID: u8 = Side::Bid as u8;
const ASK: u8 = Side::Ask as u8;

/// How an exchange treats orders of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// How long messages take.
    pub latency: Latency,
    /// Where orders stand in the queue.
    pub model: Model,
    /// What taking costs in ticks.
    pub impact: Impact,
    /// Levels of the flat array of each side of the book.
    pub window: usize,
}

/// One instrument at the exchange.
///
/// Nothing of it is touched by rows that cannot concern an order of ours but the book itself.
#[derive(Debug, Clone)]
pub struct Venue {
    pub(super) book: Book,
    pub(super) orders: Orders,
    pub(super) queue: Queue,
    pub(super) impact: Impact,
    pub(super) own: Vec<Own>,
    pub(super) bounds: [Bounds; 2],
    /// Of each side, the lowest key at which a level could be more than a quantity behind the best.
    attention: [i64; 2],
    pub(super) waiting: bool,
    /// Price of the last trade.
    pub(super) last: Option<i64>,
    pub(super) last_id: u64,
    /// The row that comes next.
    pub(super) next: usize,
    /// Levels an order is about to take, kept for its room.
    pub(super) takes: Vec<(i64, i64)>,
    /// What accounts can pay, where that is looked at.
    pub(super) means: Option<Box<Means>>,
    time: i64,
    feed: i64,
    latency: Latency,
    reports: VecDeque<(i64, Report)>,
    sent: u64,
    last_arrival: i64,
    unknown: u64,
}

impl Venue {
    /// An instrument with an empty book and no orders.
    #[must_use]
    pub fn new(rules: &Rules) -> Self {
        Self {
            book: Book::new(rules.window),
            orders: Orders::new(),
            queue: Queue::new(rules.model),
            impact: rules.impact,
            own: Vec::with_capacity(64),
            bounds: [Bounds::EMPTY; 2],
            attention: [NOTHING; 2],
            waiting: false,
            last: None,
            last_id: 0,
            next: 0,
            takes: Vec::with_capacity(64),
            means: None,
            time: 0,
            feed: 0,
            latency: rules.latency.clone(),
            reports: VecDeque::with_capacity(64),
            sent: 0,
            last_arrival: i64::MIN,
            unknown: 0,
        }
    }

    /// The book as the exchange has it.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Has what accounts can pay looked at from here on: an order that [asks](super::Owner::asks) and cannot be paid
    /// when it begins to trade ends there. `None` looks at no money.
    pub fn look_at(&mut self, means: Option<Means>) {
        self.means = means.map(Box::new);
    }

    /// Whether any order of ours is alive: without one, rows change nothing but the book.
    #[inline]
    #[must_use]
    pub fn has_orders(&self) -> bool {
        !self.own.is_empty()
    }

    /// Rows about orders that are not in the book.
    #[must_use]
    pub fn unknown(&self) -> u64 {
        self.unknown
    }

    /// How many reports were sent.
    #[inline]
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// When the next report arrives.
    #[inline]
    #[must_use]
    pub fn next_report(&self) -> Option<i64> {
        self.reports.front().map(|(arrival, _)| *arrival)
    }

    /// Takes the next report.
    pub fn take_report(&mut self) -> Option<(i64, Report)> {
        self.reports.pop_front()
    }

    /// Handles rows of the tape; stops after one that made a report, and gives the row that comes next.
    pub fn rows(&mut self, tape: &Columns<'_>, skew: i64, rows: Range<usize>) -> usize {
        let (first, sent) = (rows.start, self.sent);
        let prices = tape.price[rows.clone()].iter().zip(&tape.quantity[rows.clone()]);
        let kinds = tape.kind[rows.clone()].iter().zip(&tape.side[rows.clone()]);
        for (offset, ((&price, &quantity), (&kind, &side))) in prices.zip(kinds).enumerate() {
            let concerns = if kind == LEVEL || kind == SNAPSHOT {
                let half = Half::of_number(side);
                let key = half.key(price);
                if key < self.attention[half as usize] {
                    self.book.set_behind(half, key, quantity);
                    continue;
                }
                let before = self.book.set(half, key, quantity);
                self.attend();
                let reaches = (key + self.bounds[half.other() as usize].high >= 0) & (quantity > 0);
                if self.bounds[half as usize].hold(key) | reaches {
                    self.at(tape, skew, first + offset);
                    self.level(half, key, before, quantity);
                    true
                } else {
                    false
                }
            } else if kind == TRADE {
                self.last = Some(price);
                let bids = side != BID && price <= self.bounds[Half::Bid as usize].high;
                let asks = side != ASK && -price <= self.bounds[Half::Ask as usize].high;
                if bids || asks || self.waiting {
                    self.at(tape, skew, first + offset);
                    self.trade(price, quantity, side, tape.order.is_empty());
                    true
                } else {
                    false
                }
            } else {
                self.at(tape, skew, first + offset);
                self.other(tape, first + offset);
                self.attend();
                true
            };
            if concerns {
                self.sweep();
                if self.sent != sent {
                    return first + offset + 1;
                }
            }
        }
        self.next = rows.end;
        rows.end
    }

    /// Sets the clock for what a row brings about.
    fn at(&mut self, tape: &Columns<'_>, skew: i64, row: usize) {
        self.time = tape.exchange_time[row];
        self.feed = tape.local_time[row] + skew - self.time;
        self.next = row + 1;
    }

    /// The tape begins again: its book is empty, and orders of ours rest as if they had come before its first row.
    pub fn begin_again(&mut self) {
        for half in [Half::Bid, Half::Ask] {
            self.book.clear(half);
            self.orders.clear(half);
        }
        self.next = 0;
        for own in &mut self.own {
            own.since = 0;
            own.position = self.queue.join(0, self.orders.next());
        }
        self.attend();
    }

    /// Sets the clock for what a request brings about.
    pub(super) fn at_request(&mut self, time: i64) {
        self.time = time;
    }

    /// A level of the book went from one quantity to another.
    #[cold]
    #[inline(never)]
    fn level(&mut self, half: Half, key: i64, before: i64, after: i64) {
        let row = self.next - 1;
        for own in self.own.iter_mut().filter(|own| own.key == key && own.rests(half, row)) {
            self.queue.level(&mut own.position, before, after);
        }
        if after > 0 {
            self.reach(half.other(), -key, row);
        }
    }

    /// The market is at `key` of this side: our orders there, or before it, are filled.
    fn reach(&mut self, half: Half, key: i64, row: usize) {
        for index in 0..self.own.len() {
            let own = &self.own[index];
            if own.key >= key && own.rests(half, row) {
                let (left, price) = (own.left, half.key(own.key));
                self.fill(index, left, price, false);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn trade(&mut self, price: i64, quantity: i64, side: u8, by_level: bool) {
        let row = self.next - 1;
        if self.waiting {
            self.trigger(price, row);
        }
        for half in [Half::Bid, Half::Ask] {
            if side != half as u8 + 1 {
                self.trade_with(half, half.key(price), if by_level { quantity } else { 0 }, row);
            }
        }
    }

    /// A trade hit this side at `key`: our orders before it are filled, those at it as far as the queue lets it.
    fn trade_with(&mut self, half: Half, key: i64, quantity: i64, row: usize) {
        let mut rest = quantity;
        for index in 0..self.own.len() {
            let own = &mut self.own[index];
            if !own.rests(half, row) || own.key < key {
                continue;
            }
            let own_price = half.key(own.key);
            if own.key > key {
                let left = own.left;
                self.fill(index, left, own_price, false);
            } else if quantity > 0 {
                self.queue.trade(&mut own.position, quantity);
                let reached = self.queue.reached(&own.position).min(rest).min(own.shown);
                if reached > 0 {
                    rest -= reached;
                    self.fill(index, reached, own_price, false);
                }
            }
        }
    }

    /// Triggers what waited for a trade at this price.
    fn trigger(&mut self, price: i64, row: usize) {
        for index in 0..self.own.len() {
            let own = &mut self.own[index];
            if own.state != State::Waiting || own.since > row {
                continue;
            }
            own.follow(price);
            if own.is_reached(price) {
                self.open(index);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn other(&mut self, tape: &Columns<'_>, row: usize) {
        let half = Half::of_number(tape.side[row]);
        let (key, quantity) = (half.key(tape.price[row]), tape.quantity[row]);
        match Kind::of(tape.kind[row]) {
            Some(Kind::Clear) => {
                for half in [Half::Bid, Half::Ask] {
                    if tape.side[row] == 0 || tape.side[row] == half as u8 + 1 {
                        self.book.clear(half);
                        self.orders.clear(half);
                    }
                }
            }
            Some(Kind::Quote) => self.quote(half, key, quantity, row),
            Some(kind @ (Kind::Add | Kind::Modify | Kind::Cancel | Kind::Execute)) => {
                let id = tape.order.get(row).copied().unwrap_or(0);
                self.order(kind, id, half, tape.price[row], quantity, row);
            }
            _ => {}
        }
    }

    fn quote(&mut self, half: Half, key: i64, quantity: i64, row: usize) {
        let before = self.book.half(half).quantity(key);
        self.book.quote(half, key, quantity);
        for own in self.own.iter_mut().filter(|own| own.key > key && own.rests(half, row)) {
            own.position = self.queue.join(0, self.orders.next());
        }
        self.level(half, key, before, quantity);
    }

    /// A row about an order of the market. One that changes it is of its side, whatever the row says.
    fn order(&mut self, kind: Kind, id: u64, said: Half, price: i64, quantity: i64, row: usize) {
        let half = if kind == Kind::Modify { self.orders.half(id).unwrap_or(said) } else { said };
        let key = half.key(price);
        let levels = self.book.half(half);
        let before_here = levels.quantity(key);
        let change = match kind {
            Kind::Add => self.orders.add(&mut self.book, id, half, key, quantity),
            Kind::Modify => self.orders.modify(&mut self.book, id, price, quantity),
            _ => self.orders.leave(&mut self.book, id, quantity, kind),
        };
        let Ok(change) = change else {
            self.unknown += 1;
            return;
        };
        if change.left > 0 {
            self.left(&change, row);
        }
        if kind == Kind::Add || kind == Kind::Modify {
            let after = self.book.half(half).quantity(key);
            if change.key != key || kind == Kind::Add {
                self.level(half, key, before_here, after);
            }
        }
    }

    /// A part of a market order left its level.
    fn left(&mut self, change: &Change, row: usize) {
        let after = self.book.half(change.half).quantity(change.key);
        if change.traded {
            self.trade_with(change.half, change.key, 0, row);
        }
        let mut rest = change.left;
        for index in 0..self.own.len() {
            let own = &mut self.own[index];
            if own.key != change.key || !own.rests(change.half, row) {
                continue;
            }
            let reached = if self.queue.is_exact() {
                self.queue.order_left(&mut own.position, change.left, change.joined, change.traded)
            } else {
                if change.traded {
                    self.queue.trade(&mut own.position, change.left);
                }
                self.queue.level(&mut own.position, after.saturating_add(change.left), after);
                if change.traded { self.queue.reached(&own.position) } else { 0 }
            };
            let reached = reached.min(rest).min(own.shown);
            if reached > 0 {
                rest -= reached;
                let price = change.half.key(change.key);
                self.fill(index, reached, price, false);
            }
        }
    }

    /// Finds from which level on a change can concern the best one or an order of ours.
    #[inline]
    fn attend(&mut self) {
        for half in [Half::Bid, Half::Ask] {
            let reached = -self.bounds[half.other() as usize].high;
            let best = self.book.half(half).best();
            self.attention[half as usize] = best.min(self.bounds[half as usize].low).min(reached);
        }
    }

    /// Forgets orders that are over, and finds the bounds of the others.
    pub(super) fn sweep(&mut self) {
        self.own.retain(|own| !own.state.is_over());
        self.bounds = [Bounds::EMPTY; 2];
        self.waiting = false;
        for own in &self.own {
            match own.state {
                State::Open => self.bounds[own.order.half as usize].include(own.key),
                State::Waiting => self.waiting = true,
                _ => {}
            }
        }
        self.attend();
    }

    /// Reports what happened to an order of ours.
    pub(super) fn tell(&mut self, index: usize, event: Event, reason: Reason) {
        let own = &self.own[index];
        let (price, quantity, left) = (own.order.kind.price(), own.order.quantity, own.left);
        let (id, half) = (own.order.id, own.order.half);
        self.send(event, reason, id, half, price, quantity, left, false);
    }

    /// Sends a report on its way.
    #[allow(clippy::too_many_arguments, reason = "the fields of a report")]
    pub(super) fn send(
        &mut self,
        event: Event,
        reason: Reason,
        id: u64,
        half: Half,
        price: i64,
        quantity: i64,
        left: i64,
        taker: bool,
    ) {
        let arrival = self.time.saturating_add(self.latency.response(self.time, self.feed));
        self.last_arrival = self.last_arrival.max(arrival);
        let exchange_time = self.time;
        let report = Report { exchange_time, event, reason, id, half, price, quantity, left, taker };
        self.reports.push_back((self.last_arrival, report));
        self.sent += 1;
    }
}
