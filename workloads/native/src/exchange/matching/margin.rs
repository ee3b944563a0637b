//! Whether an account can pay for an order.

use super::{Exchange, Order};
use crate::book::Half;
use crate::exchange::Reason;
use crate::fixed::Overflow;
use crate::instrument::Settlement;
use crate::orders::Kind;

use super::money::Lock;

impl Exchange {
    /// Whether an account may send an order: money for what it buys, what it sells, margin for a future.
    pub(super) fn afford(&self, account: usize, index: usize, order: &Order) -> Result<(), Reason> {
        if order.quantity <= 0 || order.quantity >= super::super::QUANTITY_LIMIT {
            return Ok(()); // the venue refuses it, and says why
        }
        let listing = &self.listings[index];
        if listing.instrument.settlement != Settlement::Spot {
            return self.margin(account, index, order.half, order.kind, order.quantity);
        }
        let needed = match (order.half, order.kind) {
            (Half::Bid, Kind::Market) => self.sweep_cost(index, order.quantity),
            (Half::Bid, kind) if kind.limit().is_none() => return Err(Reason::WrongTerms),
            (half, kind) => self.lock_of(account, index, half, kind, order.quantity),
        };
        let needed = needed.map_err(|_| Reason::NoCash)?;
        let free = self.accounts[account].balances[needed.asset].free;
        if needed.amount <= free { Ok(()) } else { Err(Reason::NoCash) }
    }

    pub(super) fn lock_of(
        &self,
        account: usize,
        index: usize,
        half: Half,
        kind: Kind,
        left: i64,
    ) -> Result<Lock, Overflow> {
        let volume = self.accounts[account].holdings[index].volume;
        Lock::of(&self.listings[index], half, kind, left, volume)
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
    pub(super) fn margin(&self, account: usize, index: usize, half: Half, kind: Kind, more: i64) -> Result<(), Reason> {
        let held = self.accounts[account].holdings[index].lots;
        if self.exposure(account, index, Some((half, more))) <= held.saturating_abs() {
            return Ok(());
        }
        let asset = self.listings[index].quote;
        let (mut needed, mut equity) = (0i128, self.accounts[account].balances[asset].free);
        for (other, listing) in self.listings.iter().enumerate().filter(|(_, listing)| listing.quote == asset) {
            let added = (other == index).then_some((half, more));
            let lots = self.exposure(account, other, added);
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

    /// The largest position, long or short, were every order alive on one side to fill.
    fn exposure(&self, account: usize, index: usize, added: Option<(Half, i64)>) -> i64 {
        let mut sides = [0i64; 2];
        let mine =
            self.alive.values().filter(|alive| (alive.account, alive.instrument) == (account as u32, index as u32));
        for (half, lots) in mine.map(|alive| (alive.half, alive.left)).chain(added) {
            sides[half as usize] = sides[half as usize].saturating_add(lots);
        }
        let held = self.accounts[account].holdings[index].lots;
        held.saturating_add(sides[0]).saturating_abs().max(held.saturating_sub(sides[1]).saturating_abs())
    }
}
