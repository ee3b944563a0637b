//! Whether an account can pay for an order.

use super::{Alive, Exchange, Order};
use crate::book::Half;
use crate::exchange::{Means, Owner, Purse, Reason};
use crate::fixed::Overflow;
use crate::instrument::Settlement;
use crate::orders::Kind;

use super::money::{Account, Lock};

/// Lots that an order would add to those alive, and the leg that is alive of its pair; 0 for none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Added {
    pub half: Half,
    pub lots: i64,
    pub peer: u64,
}

impl Exchange {
    /// Whether an account may send an order: money for what it buys, what it sells, margin for a future.
    pub(super) fn afford(&self, account: usize, index: usize, order: &Order) -> Result<(), Reason> {
        if order.quantity <= 0 || order.quantity >= super::super::QUANTITY_LIMIT {
            return Ok(()); // the venue refuses it, and says why
        }
        let listing = &self.listings[index];
        if listing.instrument.settlement != Settlement::Spot {
            let added = Added { half: order.half, lots: order.quantity, peer: order.peer };
            return self.margin(account, index, order.kind, added);
        }
        let needed = match (order.half, order.kind) {
            (Half::Ask, _) if self.sells_bought(order) => return Ok(()),
            (Half::Bid, Kind::Market) if order.parent == 0 => self.sweep_cost(index, order.quantity),
            (Half::Bid, kind) if kind.limit().is_none() => return Ok(()), // looked at when it begins to trade
            (half, kind) => {
                let volume = self.accounts[account].holdings[index].volume;
                let whole = Lock::of(listing, half, kind, order.quantity, volume);
                whole.map(|lock| self.beside(lock, half, order.peer))
            }
        };
        let needed = needed.map_err(|_| Reason::NoCash)?;
        let free = self.accounts[account].balances[needed.asset].free;
        if needed.amount <= free { Ok(()) } else { Err(Reason::NoCash) }
    }

    /// Shows a venue what accounts can pay, where an order is alive that buys later at any price.
    pub(super) fn show_means(&mut self, index: usize) {
        let mine = self.alive.iter().filter(|(_, alive)| alive.instrument as usize == index);
        let means = if mine.clone().any(|(_, alive)| alive.asks(&self.listings[index])) {
            let listing = &self.listings[index];
            let purse = |account: &Account| Purse {
                free: account.balances[listing.quote].free,
                volume: account.holdings[index].volume,
            };
            let owner = |alive: &Alive| Owner {
                purse: alive.account as usize,
                asks: alive.asks(listing),
                aside: if alive.half == Half::Bid { alive.lock.amount } else { 0 },
            };
            let orders = mine.map(|(&id, alive)| (id, owner(alive))).collect();
            let purses = self.accounts.iter().map(purse).collect();
            Some(Means::new(listing.instrument, listing.fees.clone(), purses, orders))
        } else {
            None
        };
        self.venues[index].look_at(means);
    }

    /// Whether an order sells what its entry buys, and nothing that is held: one exit of an entry does, or two of which
    /// one cancels the other.
    pub(super) fn sells_bought(&self, order: &Order) -> bool {
        let another =
            |(id, exit): (&u64, &Alive)| exit.sells_bought && exit.parent == order.parent && *id != order.peer;
        let buys = self.alive.get(&order.parent).is_some_and(|entry| entry.half == Half::Bid);
        order.half == Half::Ask && buys && !self.alive.iter().any(another)
    }

    /// What an order locks. Of two legs of which one cancels the other the dearer is locked: the later of them locks what
    /// it needs beyond the earlier.
    pub(super) fn lock_of(&self, account: usize, index: usize, order: &Alive) -> Result<Lock, Overflow> {
        let volume = self.accounts[account].holdings[index].volume;
        let lock = Lock::of(&self.listings[index], order.half, order.kind, order.covered(), volume)?;
        Ok(self.beside(lock, order.half, order.earlier))
    }

    /// What is to be locked beside an earlier leg; all of it where there is none of this side.
    fn beside(&self, lock: Lock, half: Half, earlier: u64) -> Lock {
        let other = self.alive.get(&earlier).filter(|leg| leg.half == half).map_or(0, |leg| leg.lock.amount);
        Lock { amount: (lock.amount - other).max(0), ..lock }
    }

    /// What an order to buy at any price would pay now, with the dearest fee.
    fn sweep_cost(&self, index: usize, quantity: i64) -> Result<Lock, Overflow> {
        let listing = &self.listings[index];
        let shift = listing.rules.impact.ticks(quantity);
        let (mut left, mut amount) = (quantity, 0);
        for (price, offered) in self.venues[index].book().levels(Half::Ask) {
            if left == 0 {
                break;
            }
            let lots = offered.min(left);
            let value = listing.instrument.value(lots, price.saturating_add(shift))?;
            amount += value + listing.fees.charge(value, lots, true, 0)?.max(0);
            left -= lots;
        }
        Ok(Lock { asset: listing.quote, amount })
    }

    /// Whether the margin reaches for more of a future; an order that cannot make the position larger needs none.
    pub(super) fn margin(&self, account: usize, index: usize, kind: Kind, added: Added) -> Result<(), Reason> {
        let held = self.accounts[account].holdings[index].lots;
        if self.exposure(account, index, Some(added)) <= held.saturating_abs() {
            return Ok(());
        }
        let asset = self.listings[index].quote;
        let (mut needed, mut equity) = (0i128, self.accounts[account].balances[asset].free);
        for (other, listing) in self.listings.iter().enumerate().filter(|(_, listing)| listing.quote == asset) {
            let lots = self.exposure(account, other, (other == index).then_some(added));
            let holding = self.accounts[account].holdings[other];
            if lots == 0 && holding.lots == 0 {
                continue;
            }
            let limit = if other == index { kind.limit() } else { None };
            let touch = self.venues[other].book().touch();
            let (low, high) = touch.or(limit.map(|price| (price, price))).ok_or(Reason::NoPrice)?;
            let worth = |lots| listing.instrument.worth_between(lots, low, high).map_err(|_| Reason::NoCash);
            needed = needed.saturating_add(worth(lots)?.abs());
            equity = equity.saturating_add(worth(holding.lots)? - holding.entry);
        }
        if needed <= equity.saturating_mul(self.leverage) { Ok(()) } else { Err(Reason::NoCash) }
    }

    /// The largest position, long or short, were every order alive on one side to fill; of two legs of a side of which
    /// one cancels the other, the larger.
    fn exposure(&self, account: usize, index: usize, added: Option<Added>) -> i64 {
        let mut sides = [0i64; 2];
        let mine =
            self.alive.values().filter(|alive| (alive.account, alive.instrument) == (account as u32, index as u32));
        let mine = mine.map(|alive| Added { half: alive.half, lots: alive.exposed(), peer: alive.earlier });
        for Added { half, lots, peer } in mine.chain(added) {
            let other = self.alive.get(&peer).filter(|leg| leg.half == half).map_or(0, Alive::exposed);
            sides[half as usize] = sides[half as usize].saturating_add((lots - other).max(0));
        }
        let held = self.accounts[account].holdings[index].lots;
        held.saturating_add(sides[0]).saturating_abs().max(held.saturating_sub(sides[1]).saturating_abs())
    }
}
