//! A position and what it cost.

use crate::fixed::{Overflow, scale};

/// A position in one instrument, with its cost basis.
///
/// The basis is kept as totals, not averages: a partial close takes its share rounded half to even and leaves the rest,
/// so that the basis of a position closed in parts sums to the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Lots, below zero when short.
    pub quantity: i64,
    /// Notional of the entries, slippage included, zero or more.
    pub entry_value: i128,
    /// Commission of the entries.
    pub entry_commission: i128,
    /// Most favourable price since entry, in ticks.
    pub best: i64,
}

impl Position {
    /// Changes the position by `delta` lots for a notional and a commission, and gives the profit realised, net of
    /// commission and of the closed share of the entries' commission.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub fn change(&mut self, delta: i64, notional: i128, commission: i128, price: i64) -> Result<i128, Overflow> {
        let before = self.quantity;
        self.quantity = before.checked_add(delta).ok_or(Overflow)?;
        if before == 0 || (before > 0) == (delta > 0) {
            self.entry_value += notional;
            self.entry_commission += commission;
            if before == 0 {
                self.best = price;
            }
            return Ok(0);
        }
        let held = i128::from(before.unsigned_abs());
        let traded = i128::from(delta.unsigned_abs());
        let closed = held.min(traded);
        let close_notional = share(notional, closed, traded)?;
        let close_commission = share(commission, closed, traded)?;
        let basis = share(self.entry_value, closed, held)?;
        let basis_commission = share(self.entry_commission, closed, held)?;
        let gain = if before > 0 { close_notional - basis } else { basis - close_notional };
        if traded > held {
            self.entry_value = notional - close_notional;
            self.entry_commission = commission - close_commission;
            self.best = price;
        } else {
            self.entry_value -= basis;
            self.entry_commission -= basis_commission;
        }
        Ok(gain - close_commission - basis_commission)
    }
}

/// `amount * part / whole`.
fn share(amount: i128, part: i128, whole: i128) -> Result<i128, Overflow> {
    if part == whole { Ok(amount) } else { scale(amount, part, whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_realises_gain_less_both_commissions() {
        let mut position = Position::default();
        assert_eq!(position.change(10, 1000, 5, 100), Ok(0));
        assert_eq!(position.change(-10, 1200, 7, 120), Ok(200 - 12));
        assert_eq!(position, Position { best: 100, ..Position::default() });
    }

    #[test]
    fn parts_sum_to_the_whole() {
        let mut position = Position::default();
        position.change(3, 1000, 1, 100).expect("small amounts");
        let parts: i128 = (0..3).map(|_| position.change(-1, 400, 0, 100).expect("small amounts")).sum();
        assert_eq!(parts, 1200 - 1000 - 1);
        assert_eq!((position.entry_value, position.entry_commission), (0, 0));
    }

    #[test]
    fn a_reversal_closes_then_opens() {
        let mut position = Position::default();
        position.change(-4, 400, 0, 100).expect("small amounts");
        // Buys 10 for 900: 4 of them close the short for 360, 6 open a long for 540.
        assert_eq!(position.change(10, 900, 10, 90), Ok(40 - 4));
        assert_eq!(position, Position { quantity: 6, entry_value: 540, entry_commission: 6, best: 90 });
    }
}
