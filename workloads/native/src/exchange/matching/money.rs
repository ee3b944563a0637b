//! What accounts have: amounts of assets, and positions in futures with what they cost.

use super::Listing;
use crate::book::Half;
use crate::fixed::{Overflow, bounded, scale};
use crate::instrument::Settlement;
use crate::orders::Kind;

/// Amounts of an asset, in billionths. What an account has is both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Balance {
    /// What may be spent. Fees that a lock did not foresee (a least fee on many small fills) can put it below zero.
    pub free: i128,
    /// What orders in the book are about to spend.
    pub locked: i128,
}

/// A position and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holding {
    /// Lots, below zero when short; of spot, what was bought less what was sold.
    pub lots: i64,
    /// Worth of the position at the prices it was entered at, with the sign of its worth; kept of futures alone.
    pub entry: i128,
    /// Value traded.
    pub volume: i128,
}

impl Holding {
    /// Changes the position by `lots` that are worth `worth`, both with their signs, and gives what closing gained.
    fn change(&mut self, lots: i64, worth: i128) -> Result<i128, Overflow> {
        let before = self.lots;
        self.lots = before.checked_add(lots).ok_or(Overflow)?;
        if before == 0 || (before > 0) == (lots > 0) {
            self.entry = bounded(self.entry + worth)?;
            return Ok(0);
        }
        let held = i128::from(before.unsigned_abs());
        let traded = i128::from(lots.unsigned_abs());
        let closed = held.min(traded);
        let basis = scale(self.entry, closed, held)?;
        let closing = scale(worth, closed, traded)?;
        self.entry = if traded > held { worth - closing } else { self.entry - basis };
        bounded(-closing - basis)
    }
}

/// What is locked for an order: an amount of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lock {
    pub asset: usize,
    pub amount: i128,
}

impl Lock {
    /// What an order in the book locks while `left` lots of it may trade: of spot, what it sells, or what it pays at
    /// its limit with the dearest fee. Futures lock nothing; their margin is looked at when an order is sent.
    pub fn of(listing: &Listing, half: Half, kind: Kind, left: i64, volume: i128) -> Result<Self, Overflow> {
        if listing.instrument.settlement != Settlement::Spot {
            return Ok(Self { asset: listing.quote, amount: 0 });
        }
        if half == Half::Ask {
            let amount = i128::from(left).checked_mul(listing.lot).ok_or(Overflow)?;
            return Ok(Self { asset: listing.base, amount: bounded(amount)? });
        }
        let Some(price) = kind.limit().filter(|_| left > 0) else {
            return Ok(Self { asset: listing.quote, amount: 0 });
        };
        let value = listing.instrument.value(left, price)?;
        let maker = listing.fees.charge(value, left, false, volume)?;
        let taker = listing.fees.charge(value, left, true, volume)?;
        Ok(Self { asset: listing.quote, amount: bounded(value + maker.max(taker).max(0))? })
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub balances: Vec<Balance>,
    pub holdings: Vec<Holding>,
}

impl Account {
    pub fn new(opening: &[i128], instruments: usize) -> Self {
        Self {
            balances: opening.iter().map(|&free| Balance { free, locked: 0 }).collect(),
            holdings: vec![Holding::default(); instruments],
        }
    }

    /// Changes one lock for another of the same asset.
    pub fn lock(&mut self, before: Lock, after: Lock) -> Result<(), Overflow> {
        let balance = &mut self.balances[after.asset];
        balance.locked = bounded(balance.locked + after.amount - before.amount)?;
        balance.free = bounded(balance.free - after.amount + before.amount)?;
        Ok(())
    }

    /// Books a fill of `lots`, below zero when sold; gives the fee and what closing gained.
    pub fn fill(
        &mut self,
        index: usize,
        listing: &Listing,
        lots: i64,
        price: i64,
        taker: bool,
    ) -> Result<(i128, i128), Overflow> {
        let holding = &mut self.holdings[index];
        let worth = listing.instrument.worth(lots, price)?;
        let fee = listing.fees.charge(worth.abs(), lots.abs(), taker, holding.volume)?;
        holding.volume = bounded(holding.volume + worth.abs())?;
        let gained = if listing.instrument.settlement == Settlement::Spot {
            holding.lots = holding.lots.checked_add(lots).ok_or(Overflow)?;
            let base = i128::from(lots).checked_mul(listing.lot).ok_or(Overflow)?;
            self.pay(listing.base, -base)?;
            self.pay(listing.quote, worth + fee)?;
            0
        } else {
            let gained = holding.change(lots, worth)?;
            self.pay(listing.quote, fee - gained)?;
            gained
        };
        Ok((fee, gained))
    }

    fn pay(&mut self, asset: usize, amount: i128) -> Result<(), Overflow> {
        let balance = &mut self.balances[asset];
        balance.free = bounded(balance.free - amount)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_that_is_closed_in_parts_gains_what_it_gains_whole() {
        let mut holding = Holding::default();
        assert_eq!(holding.change(3, 1000), Ok(0));
        let parts: i128 = (0..3).map(|_| holding.change(-1, -400).expect("small amounts")).sum();
        assert_eq!((parts, holding.lots, holding.entry), (200, 0, 0));
    }

    #[test]
    fn a_short_that_turns_long_closes_and_opens() {
        let mut holding = Holding::default();
        assert_eq!(holding.change(-4, -400), Ok(0));
        // Buys 10 for 900: 4 of them close the short for 360, 6 open a long for 540.
        assert_eq!(holding.change(10, 900), Ok(40));
        assert_eq!((holding.lots, holding.entry), (6, 540));
    }

    #[test]
    fn coins_of_an_inverse_future_are_gained_as_it_rises() {
        let mut holding = Holding::default();
        // 400 dollars long at 50 owe 8 coins; closed at 80 they owe 5.
        holding.change(4, -8).expect("small amounts");
        assert_eq!(holding.change(-4, 5), Ok(3));
    }
}
