//! Requests of accounts, and what comes of them in the account's books.

use super::{Alive, Exchange, Fault, Order, Outcome};
use crate::book::Half;
use crate::exchange::{Event, Reason, Report};
use crate::fixed::Overflow;
use crate::instrument::Settlement;
use crate::orders::{Kind, NewOrder, Request, TimeInForce};

use super::margin::Added;
use super::money::Lock;

impl Exchange {
    pub(super) fn submit(&mut self, account: u32, instrument: u32, order: &Order) -> Result<(), Fault> {
        let (owner, index) = (account as usize, instrument as usize);
        self.orders += 1;
        let id = self.orders;
        let report = Report {
            exchange_time: self.time,
            event: Event::Refuse,
            reason: Reason::None,
            id,
            half: order.half,
            price: order.kind.price(),
            quantity: order.quantity,
            left: order.quantity,
            taker: false,
        };
        let checked = priced(order.kind).and_then(|()| self.unique(account, order));
        let checked = checked.and_then(|()| self.belongs(account, instrument, order));
        let checked = checked.and_then(|()| self.reduces(owner, index, order));
        if let Err(reason) = checked.and_then(|()| self.afford(owner, index, order)) {
            self.outcomes.push(untraded(account, instrument, Report { reason, ..report }));
            return Ok(());
        }
        let (half, kind, client) = (order.half, order.kind, order.client.clone());
        let (earlier, parent, whole) = (order.peer, order.parent, order.quantity);
        let left = if parent == 0 { whole } else { 0 };
        let unlocked = Lock { asset: self.listings[index].quote, amount: 0 };
        let sells_bought = self.sells_bought(order);
        let (later, lock) = (0, unlocked);
        let mut alive =
            Alive { account, instrument, half, kind, left, whole, earlier, later, parent, sells_bought, client, lock };
        if whole > 0 {
            alive.lock = self.lock_of(owner, index, &alive).unwrap_or(unlocked);
        }
        self.accounts[owner].lock(Lock { amount: 0, ..alive.lock }, alive.lock)?;
        self.alive.insert(id, alive);
        self.pair(earlier, id);
        let new = NewOrder {
            time_in_force: order.time_in_force,
            display: order.display,
            peer: earlier,
            parent,
            ..NewOrder::new(id, half, kind, order.quantity)
        };
        self.show_means(index);
        self.venues[index].request(&Request::Submit(new), self.time);
        self.collect(index)?;
        if !self.alive.contains_key(&id) {
            self.pair(earlier, 0);
        }
        Ok(())
    }

    /// Notes of an order, if it is alive, which one was sent as its other leg.
    fn pair(&mut self, id: u64, later: u64) {
        if let Some(leg) = self.alive.get_mut(&id) {
            leg.later = later;
        }
    }

    pub(super) fn replace(
        &mut self,
        account: u32,
        instrument: u32,
        id: u64,
        price: i64,
        quantity: i64,
    ) -> Result<(), Fault> {
        let (owner, index) = (account as usize, instrument as usize);
        if price <= 0 {
            self.deny(account, instrument, id, Reason::BeyondRange);
            return Ok(());
        }
        if let Some(alive) = self.owned(account, instrument, id).filter(|_| quantity > 0) {
            let whole = alive.whole.saturating_add(quantity - alive.left);
            let changed = Alive { kind: alive.kind.at(price), left: quantity, whole, ..alive.clone() };
            let (half, kind, lock, more) = (alive.half, changed.kind, alive.lock, quantity - alive.left);
            let lacks = match self.lock_of(owner, index, &changed) {
                Ok(after) => after.amount - lock.amount > self.accounts[owner].balances[after.asset].free,
                Err(Overflow) => true,
            };
            if lacks || (more > 0 && self.margin(owner, index, kind, Added { half, lots: more, peer: 0 }).is_err()) {
                self.deny(account, instrument, id, Reason::NoCash);
                return Ok(());
            }
        }
        self.request(account, instrument, id, &Request::Replace { id, price, quantity })
    }

    /// Passes on a request about an order, if it is one of the account's.
    pub(super) fn request(&mut self, account: u32, instrument: u32, id: u64, request: &Request) -> Result<(), Fault> {
        if self.owned(account, instrument, id).is_none() {
            self.deny(account, instrument, id, Reason::UnknownOrder);
            return Ok(());
        }
        self.show_means(instrument as usize);
        self.venues[instrument as usize].request(request, self.time);
        self.collect(instrument as usize)
    }

    /// Takes the reports of a venue and books them.
    pub(super) fn collect(&mut self, index: usize) -> Result<(), Fault> {
        while let Some((_, report)) = self.venues[index].take_report() {
            let report = Report { exchange_time: self.time, ..report };
            if let Some(mut alive) = self.alive.remove(&report.id) {
                let outcome = self.book_report(index, &mut alive, &report)?;
                let leg = alive.later;
                if !is_over(report.event) {
                    self.alive.insert(report.id, alive);
                }
                self.outcomes.push(outcome);
                self.lock_again(index, leg)?;
            }
        }
        Ok(())
    }

    fn book_report(&mut self, index: usize, alive: &mut Alive, report: &Report) -> Result<Outcome, Overflow> {
        let account = alive.account as usize;
        let mut outcome = untraded(alive.account, alive.instrument, *report);
        if matches!(report.event, Event::Trade | Event::Fill) {
            let lots = report.half.sign() * report.quantity;
            let listing = &self.listings[index];
            let booked = self.accounts[account].fill(index, listing, lots, report.price, report.taker)?;
            (outcome.fee, outcome.realized) = booked;
            self.trades += 1;
            outcome.trade = self.trades;
        }
        if report.event == Event::Replace {
            alive.kind = alive.kind.at(report.price);
        }
        if report.event != Event::Deny {
            alive.whole -= match report.event {
                Event::Trade | Event::Fill => report.quantity,
                Event::Replace if report.reason == Reason::None => alive.left - report.left,
                _ => 0,
            };
            alive.left = report.left;
            if is_over(report.event) {
                (alive.left, alive.whole) = (0, 0);
            }
            let lock = self.lock_of(account, index, alive)?;
            self.accounts[account].lock(alive.lock, lock)?;
            alive.lock = lock;
        }
        Ok(outcome)
    }

    /// Locks for an order what is to be locked now that its other leg is another.
    fn lock_again(&mut self, index: usize, id: u64) -> Result<(), Overflow> {
        let Some(mut alive) = self.alive.remove(&id) else {
            return Ok(());
        };
        let owner = alive.account as usize;
        let lock = self.lock_of(owner, index, &alive)?;
        self.accounts[owner].lock(alive.lock, lock)?;
        alive.lock = lock;
        self.alive.insert(id, alive);
        Ok(())
    }

    fn owned(&self, account: u32, instrument: u32, id: u64) -> Option<&Alive> {
        self.alive.get(&id).filter(|alive| (alive.account, alive.instrument) == (account, instrument))
    }

    fn unique(&self, account: u32, order: &Order) -> Result<(), Reason> {
        let same = |alive: &Alive| alive.account == account && alive.client == order.client;
        if self.alive.values().any(same) { Err(Reason::DuplicateId) } else { Ok(()) }
    }

    /// Orders that belong together are of one account and one instrument, and a leg has one other.
    fn belongs(&self, account: u32, instrument: u32, order: &Order) -> Result<(), Reason> {
        let leg = self.owned(account, instrument, order.peer);
        if order.peer != 0 && leg.is_none_or(|leg| leg.earlier != 0 || leg.later != 0) {
            return Err(Reason::UnknownPeer);
        }
        if order.parent != 0 && self.owned(account, instrument, order.parent).is_none() {
            return Err(Reason::UnknownParent);
        }
        Ok(())
    }

    /// An order that may only reduce is one that trades at once, against no more than the position.
    fn reduces(&self, owner: usize, index: usize, order: &Order) -> Result<(), Reason> {
        if !order.reduce_only {
            return Ok(());
        }
        if self.listings[index].instrument.settlement == Settlement::Spot {
            return Err(Reason::WrongTerms);
        }
        let immediate = matches!(order.time_in_force, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill);
        if order.kind != Kind::Market && !immediate {
            return Err(Reason::WrongTerms);
        }
        let held = self.accounts[owner].holdings[index].lots;
        let closes = order.half.sign() * held.signum() == -1 && order.quantity <= held.saturating_abs();
        if closes { Ok(()) } else { Err(Reason::Position) }
    }

    fn deny(&mut self, account: u32, instrument: u32, id: u64, reason: Reason) {
        let alive = self.owned(account, instrument, id);
        let (half, price, left) = alive.map_or((Half::Bid, 0, 0), |alive| (alive.half, alive.kind.price(), alive.left));
        let (exchange_time, event) = (self.time, Event::Deny);
        let report = Report { exchange_time, event, reason, id, half, price, quantity: 0, left, taker: false };
        self.outcomes.push(untraded(account, instrument, report));
    }
}

/// Prices are above zero at this exchange.
fn priced(kind: Kind) -> Result<(), Reason> {
    let triggered = match kind {
        Kind::StopLimit { trigger, .. } => trigger > 0,
        _ => true,
    };
    if triggered && (kind == Kind::Market || kind.price() > 0) { Ok(()) } else { Err(Reason::BeyondRange) }
}

/// Whether an order is over with this.
fn is_over(event: Event) -> bool {
    matches!(event, Event::Fill | Event::Cancel | Event::Expire | Event::Refuse)
}

fn untraded(account: u32, instrument: u32, report: Report) -> Outcome {
    Outcome { account, instrument, report, trade: 0, fee: 0, realized: 0 }
}
