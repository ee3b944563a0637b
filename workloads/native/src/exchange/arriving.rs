//! Requests at the exchange: what is impossible is refused, with the reason.

use super::own::Own;
use super::report::{Event, Reason};
use super::venue::{MOST_ORDERS, QUANTITY_LIMIT, Venue};
use crate::book::PRICE_LIMIT;
use crate::orders::{Kind, NewOrder, Request, State, Step};

impl Venue {
    /// Handles a request that arrives at `time`, after every row handled so far.
    pub fn request(&mut self, request: &Request, time: i64) {
        self.at_request(time);
        match *request {
            Request::Submit(order) => self.submit(order),
            Request::Cancel { id } => self.cancel(id),
            Request::Replace { id, price, quantity } => self.replace(id, price, quantity),
        }
        self.sweep();
    }

    /// A change as it arrives from who knew of `gone` lots of an order that are not left: what else has gone by then is
    /// taken off what it asks for. So it never gives an order more in all than was asked.
    #[must_use]
    pub fn less_gone_since(&self, request: Request, gone: i64) -> Request {
        let Request::Replace { id, price, quantity } = request else {
            return request;
        };
        let since = self.alive(id).map_or(0, |index| self.own[index].order.quantity - self.own[index].left - gone);
        Request::Replace { id, price, quantity: quantity.saturating_sub(since) }
    }

    fn submit(&mut self, order: NewOrder) {
        let mut own = Own::new(order, self.next);
        if let Err(reason) = self.check(&mut own) {
            let (price, left) = (own.order.kind.price(), own.left);
            self.send(Event::Refuse, reason, order.id, order.half, price, order.quantity, left, false);
            return;
        }
        self.last_id = order.id;
        if let Some(peer) = self.alive(order.peer) {
            self.own[peer].order.peer = order.id;
        }
        let conditional = own.is_conditional();
        self.own.push(own);
        let index = self.own.len() - 1;
        if order.parent != 0 {
            self.step(index, Step::Hold);
            self.tell(index, Event::Hold, Reason::None);
            if let Some(parent) = self.alive(order.parent) {
                self.release(index, self.own[parent].traded); // before the child was there
            }
        } else if conditional {
            self.wait(index);
        } else {
            self.open(index);
        }
    }

    /// Refuses what cannot be; sets where a trailing stop begins.
    fn check(&self, own: &mut Own) -> Result<(), Reason> {
        let order = own.order;
        if order.id <= self.last_id {
            return Err(Reason::DuplicateId);
        }
        if order.quantity <= 0 {
            return Err(Reason::NoQuantity);
        }
        if order.quantity >= QUANTITY_LIMIT || !in_range(order.kind) {
            return Err(Reason::BeyondRange);
        }
        if order.display < 0 || order.display > order.quantity {
            return Err(Reason::WrongDisplay);
        }
        if !Self::terms_fit(order.kind, order.time_in_force, order.display > 0) {
            return Err(Reason::WrongTerms);
        }
        if self.own.len() >= MOST_ORDERS {
            return Err(Reason::TooManyOrders);
        }
        if order.peer != 0 && self.alive(order.peer).is_none_or(|peer| self.own[peer].order.peer != 0) {
            return Err(Reason::UnknownPeer);
        }
        if order.parent != 0 {
            let parent = self.alive(order.parent).ok_or(Reason::UnknownParent)?;
            return if self.own[parent].order.parent == 0 { Ok(()) } else { Err(Reason::UnknownParent) };
        }
        if own.is_conditional() {
            let price = self.reference(order.half).ok_or(Reason::NoMarket)?;
            own.follow(price);
            if own.is_reached(price) {
                return Err(Reason::WrongSide);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, id: u64) {
        match self.alive(id) {
            Some(index) => self.end(index, Step::Cancel, Reason::None),
            None => self.deny(id, Reason::UnknownOrder),
        }
    }

    fn replace(&mut self, id: u64, price: i64, quantity: i64) {
        let Some(index) = self.alive(id) else {
            return self.deny(id, Reason::UnknownOrder);
        };
        let own = &mut self.own[index];
        let limited = matches!(own.order.kind, Kind::Limit { .. } | Kind::StopLimit { .. });
        if !limited || own.state == State::Held {
            return self.deny(id, Reason::WrongTerms);
        }
        if quantity <= 0 {
            return self.deny(id, Reason::NoQuantity);
        }
        if quantity >= QUANTITY_LIMIT || !in_range(Kind::Limit { price }) {
            return self.deny(id, Reason::BeyondRange);
        }
        let keeps = own.order.half.key(price) == own.key && quantity <= own.left;
        own.order.kind = own.order.kind.at(price);
        own.key = own.order.half.key(price);
        own.order.quantity = own.order.quantity - own.left + quantity;
        own.released += quantity - own.left; // what its entry's trades may yet release stays as it was
        own.left = quantity;
        own.order.display = own.order.display.min(quantity);
        own.shown = own.shown.min(quantity);
        let open = own.state == State::Open;
        self.step(index, Step::Replace);
        self.tell(index, Event::Replace, Reason::None);
        if open && !keeps {
            self.open_again(index);
        }
    }

    fn deny(&mut self, id: u64, reason: Reason) {
        let (half, price, left) = match self.alive(id) {
            Some(index) => {
                let own = &self.own[index];
                (own.order.half, own.order.kind.price(), own.left)
            }
            None => (crate::book::Half::Bid, 0, 0),
        };
        self.send(Event::Deny, reason, id, half, price, 0, left, false);
    }
}

/// Whether prices, triggers and distances are within the range of numbers.
fn in_range(kind: Kind) -> bool {
    let within = |price: i64| -PRICE_LIMIT < price && price < PRICE_LIMIT;
    match kind {
        Kind::Market => true,
        Kind::Limit { price } => within(price),
        Kind::Stop { trigger } | Kind::TakeProfit { trigger } => within(trigger),
        Kind::StopLimit { trigger, price } => within(trigger) && within(price),
        Kind::TrailingStop { distance } => distance > 0 && within(distance),
    }
}
