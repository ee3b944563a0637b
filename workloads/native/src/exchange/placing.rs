//! An order of ours joins the book, or takes what is there.

use super::report::{Event, Reason};
use super::venue::Venue;
use crate::book::Half;
use crate::orders::{Kind, State, Step, TimeInForce};

impl Venue {
    /// An order of ours may trade from here on.
    pub(super) fn open(&mut self, index: usize) {
        if self.admit(index) {
            self.step(index, Step::Open);
            self.tell(index, Event::Open, Reason::None);
            self.settle(index);
        }
    }

    /// An order in the book has another price or more quantity: it comes as if it were new.
    pub(super) fn open_again(&mut self, index: usize) {
        if self.admit(index) {
            self.settle(index);
        }
    }

    /// Finds what an order would take; ends it where its terms say so, and tells whether it goes on.
    fn admit(&mut self, index: usize) -> bool {
        let own = &mut self.own[index];
        own.since = self.next;
        let (half, key, terms) = (own.order.half, own.key, own.order.time_in_force);
        self.takes.clear();
        if key + self.book.half(half.other()).best() >= 0 {
            if terms == TimeInForce::PostOnly {
                self.end(index, Step::Expire, Reason::WouldTake);
                return false;
            }
            self.find_takes(index);
        }
        let found: i64 = self.takes.iter().map(|(_, quantity)| quantity).sum();
        if terms == TimeInForce::FillOrKill && found < self.own[index].left {
            self.end(index, Step::Expire, Reason::NotFilled);
            return false;
        }
        if self.means.as_ref().is_some_and(|means| !means.reach(&self.own[index].order, &self.takes)) {
            self.end(index, Step::Expire, Reason::NoCash);
            return false;
        }
        true
    }

    /// Trades what was found; what is left rests or expires.
    fn settle(&mut self, index: usize) {
        self.take(index);
        let order = self.own[index].order;
        if self.own[index].state != State::Open {
            return;
        }
        if order.kind.limit().is_none() {
            self.end(index, Step::Expire, Reason::NoLiquidity);
        } else if order.time_in_force == TimeInForce::ImmediateOrCancel {
            self.end(index, Step::Expire, Reason::NotFilled);
        } else {
            self.rest(index);
        }
    }

    /// An order of ours waits for its trigger.
    pub(super) fn wait(&mut self, index: usize) {
        self.own[index].since = self.next;
        self.step(index, Step::Wait);
        self.tell(index, Event::Wait, Reason::None);
    }

    /// What is left goes to the back of its level.
    pub(super) fn rest(&mut self, index: usize) {
        let own = &mut self.own[index];
        own.show();
        let level = self.book.half(own.order.half).quantity(own.key);
        own.position = self.queue.join(level, self.orders.next());
    }

    /// Finds the levels an order takes, with what impact makes of their prices.
    fn find_takes(&mut self, index: usize) {
        self.takes.clear();
        let own = &self.own[index];
        let (half, mut left) = (own.order.half, own.left);
        let shift = self.impact.ticks(left);
        for (key, quantity) in self.book.half(half.other()).levels() {
            if own.key + (key - shift) < 0 || left == 0 {
                break;
            }
            self.takes.push((half.other().key(key - shift), quantity.min(left)));
            left -= quantity.min(left);
        }
    }

    /// Trades with the levels found.
    fn take(&mut self, index: usize) {
        let mut takes = std::mem::take(&mut self.takes);
        for &(price, quantity) in &takes {
            if self.own[index].state == State::Open {
                let quantity = quantity.min(self.own[index].left);
                self.fill(index, quantity, price, true);
            }
        }
        takes.clear();
        self.takes = takes;
    }

    /// Where the market is, to tell on which side of it a trigger lies: the last trade, else the price an order of this
    /// side would trade at.
    pub(super) fn reference(&self, half: Half) -> Option<i64> {
        self.last.or_else(|| self.book.best(half.other()))
    }

    /// Whether kind and terms of an order go together.
    pub(super) fn terms_fit(kind: Kind, terms: TimeInForce, iceberg: bool) -> bool {
        let immediate = matches!(terms, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        match kind.limit() {
            Some(_) => !(iceberg && immediate),
            None => terms != TimeInForce::PostOnly && !iceberg,
        }
    }
}
