//! What trading one instrument has come to.

use crate::fees::Fees;
use crate::fixed::{Overflow, bounded};
use crate::instrument::Instrument;

/// Position, cash and costs of one instrument; amounts in billionths of its settlement currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holding {
    /// Lots, below zero when short.
    pub position: i64,
    /// Cash at the start, less what was bought, plus what was sold, less fees.
    pub cash: i128,
    /// Fees paid, rebates taken off.
    pub fees: i128,
    /// Value traded.
    pub volume: i128,
    /// Lots traded.
    pub lots: i128,
    /// Number of trades.
    pub trades: u64,
}

impl Holding {
    /// Books a fill of `lots`, below zero when sold, at a price; gives the fee.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub fn fill(
        &mut self,
        instrument: &Instrument,
        fees: &Fees,
        lots: i64,
        price: i64,
        taker: bool,
    ) -> Result<i128, Overflow> {
        let worth = instrument.worth(lots, price)?;
        let fee = fees.charge(worth.abs(), lots.abs(), taker, self.volume)?;
        self.position = self.position.checked_add(lots).ok_or(Overflow)?;
        self.cash = bounded(self.cash - worth - fee)?;
        self.fees = bounded(self.fees + fee)?;
        self.volume = bounded(self.volume + worth.abs())?;
        self.lots += i128::from(lots.abs());
        self.trades += 1;
        Ok(fee)
    }

    /// Cash and what the position is worth at a price.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn equity(&self, instrument: &Instrument, price: i64) -> Result<i128, Overflow> {
        bounded(self.cash + instrument.worth(self.position, price)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::ONE;
    use crate::instrument::Settlement;

    #[test]
    fn a_round_trip_leaves_gain_less_fees() {
        let instrument = Instrument { settlement: Settlement::Linear, numerator: ONE, denominator: 1 };
        let fees = Fees::flat(0, ONE / 100);
        let mut holding = Holding::default();
        // Buys 3 at 100 and sells them at 110: 30, less 1 % of 300 and of 330.
        assert_eq!(holding.fill(&instrument, &fees, 3, 100, true), Ok(3 * ONE));
        assert_eq!(holding.equity(&instrument, 110), Ok(27 * ONE));
        assert_eq!(holding.fill(&instrument, &fees, -3, 110, true), Ok(ONE * 33 / 10));
        let expected =
            Holding { cash: ONE * 237 / 10, fees: ONE * 63 / 10, volume: 630 * ONE, lots: 6, trades: 2, position: 0 };
        assert_eq!(holding, expected);
    }

    #[test]
    fn an_inverse_future_gains_in_coins() {
        let instrument = Instrument { settlement: Settlement::Inverse, numerator: 100 * ONE, denominator: 1 };
        let mut holding = Holding::default();
        holding.fill(&instrument, &Fees::default(), 4, 50, false).expect("fits");
        // 400 dollars: 8 coins at 50, 5 at 80.
        assert_eq!((holding.cash, holding.equity(&instrument, 80)), (8 * ONE, Ok(3 * ONE)));
    }
}
