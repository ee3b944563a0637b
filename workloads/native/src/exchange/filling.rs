//! What a trade does to an order of ours and to those it is linked with.

use super::report::{Event, Reason};
use super::venue::Venue;
use crate::orders::{State, Step};

impl Venue {
    /// An order of ours trades `quantity` lots at a price.
    pub(super) fn fill(&mut self, index: usize, quantity: i64, price: i64, taker: bool) {
        let own = &mut self.own[index];
        own.left -= quantity;
        own.traded += quantity;
        own.shown = (own.shown - quantity).max(0);
        let (step, event) = if own.left == 0 { (Step::Fill, Event::Fill) } else { (Step::Trade, Event::Trade) };
        self.step(index, step);
        let own = &mut self.own[index];
        if own.shown == 0 && own.left > 0 {
            own.show();
            let level = self.book.half(own.order.half).quantity(own.key);
            own.position = self.queue.join(level, self.orders.next());
        }
        let own = &self.own[index];
        if let Some(means) = &mut self.means {
            means.book(&own.order, quantity, price, taker);
        }
        let (id, half, left) = (own.order.id, own.order.half, own.left);
        self.send(event, Reason::None, id, half, price, quantity, left, taker);
        self.pass_on(index, quantity);
    }

    /// Lets a trade of one order act on its other leg, its parent and its children.
    fn pass_on(&mut self, index: usize, quantity: i64) {
        let order = self.own[index].order;
        let filled = self.own[index].state == State::Filled;
        if let Some(peer) = self.alive(order.peer) {
            if filled || self.own[peer].left <= quantity {
                self.end(peer, Step::Cancel, Reason::Linked);
            } else {
                let own = &mut self.own[peer];
                own.left -= quantity;
                own.shown = own.shown.min(own.left);
                self.tell(peer, Event::Replace, Reason::Linked);
            }
        }
        if let Some(parent) = self.alive(order.parent) {
            self.end(parent, Step::Cancel, Reason::Linked);
        }
        for child in 0..self.own.len() {
            if self.own[child].order.parent == order.id && !self.own[child].state.is_over() {
                self.release(child, quantity);
            }
        }
    }

    /// A parent traded: its child has as much to trade.
    pub(super) fn release(&mut self, index: usize, quantity: i64) {
        let last = self.last;
        let own = &mut self.own[index];
        let more = quantity.min(own.order.quantity - own.released);
        if more == 0 {
            return;
        }
        own.released += more;
        own.left += more;
        own.show();
        match own.state {
            State::Held if own.is_conditional() => {
                if let Some(price) = last {
                    own.follow(price);
                }
                if last.is_some_and(|price| own.is_reached(price)) {
                    self.open(index);
                } else {
                    self.wait(index);
                }
            }
            State::Held => self.open(index),
            State::Open => {
                let level = self.book.half(own.order.half).quantity(own.key);
                own.position = self.queue.join(level, self.orders.next());
                self.tell(index, Event::Replace, Reason::Linked);
            }
            _ => self.tell(index, Event::Replace, Reason::Linked),
        }
    }

    /// Ends an order of ours, and what cannot live without it.
    pub(super) fn end(&mut self, index: usize, step: Step, reason: Reason) {
        self.step(index, step);
        self.tell(index, if step == Step::Expire { Event::Expire } else { Event::Cancel }, reason);
        let order = self.own[index].order;
        if let Some(peer) = self.alive(order.peer) {
            self.end(peer, Step::Cancel, Reason::Linked);
        }
        for child in 0..self.own.len() {
            if self.own[child].order.parent == order.id && self.own[child].state == State::Held {
                self.end(child, Step::Cancel, Reason::Linked);
            }
        }
    }

    /// Where an order of ours is that is not over.
    pub(super) fn alive(&self, id: u64) -> Option<usize> {
        if id == 0 {
            return None;
        }
        self.own.iter().position(|own| own.order.id == id && !own.state.is_over())
    }

    /// Takes a step of the life cycle; it follows from the state wherever this is called.
    pub(super) fn step(&mut self, index: usize, step: Step) {
        let own = &mut self.own[index];
        debug_assert!(own.state.after(step).is_ok(), "{:?} {step:?}", own.state);
        if let Ok(state) = own.state.after(step) {
            own.state = state;
        }
    }
}
