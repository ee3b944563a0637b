//! What lots and ticks of an instrument are worth.

use crate::fixed::{Overflow, bounded, divide, truncate};

/// How an instrument's value follows from its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Settlement {
    /// Bought with cash and held; never less than nothing.
    Spot,
    /// A future whose value is proportional to its price.
    Linear,
    /// A future of a fixed value in the quote currency, settled in the base: its value is inversely proportional.
    Inverse,
}

/// An instrument's arithmetic: one lot at one tick is worth `numerator / denominator` billionths of the settlement
/// currency (of an inverse future, one lot at a price of `p` ticks `numerator / (denominator x p)`).
///
/// With ticks of 0.1, lots of 0.001 and a contract size of 1 a linear future has 100,000 / 1; an inverse one of 100
/// dollars a lot and ticks of 0.1 dollars has 1,000,000,000,000 / 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instrument {
    /// What kind it is.
    pub settlement: Settlement,
    /// Billionths, more than 0.
    pub numerator: i128,
    /// More than 0.
    pub denominator: i128,
}

impl Instrument {
    /// What a position is worth at a price, in billionths: what buying it costs in cash. Rounded half to even.
    ///
    /// A position in an inverse future gains as 1 / price falls: its worth is below zero when it is long.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit, or an inverse future's price is not above zero.
    #[inline]
    pub fn worth(&self, lots: i64, price: i64) -> Result<i128, Overflow> {
        let lots = i128::from(lots);
        match self.settlement {
            Settlement::Spot | Settlement::Linear => {
                let product = (lots * i128::from(price)).checked_mul(self.numerator).ok_or(Overflow)?;
                bounded(if self.denominator == 1 { product } else { divide(product, self.denominator) })
            }
            Settlement::Inverse => {
                let below = i128::from(price).checked_mul(self.denominator).filter(|&below| below > 0);
                let above = lots.checked_mul(self.numerator).ok_or(Overflow)?;
                bounded(-divide(above, below.ok_or(Overflow)?))
            }
        }
    }

    /// What a position is worth at the middle of two prices, in billionths. Rounded half to even.
    ///
    /// # Errors
    /// As [`Instrument::worth`].
    pub fn worth_between(&self, lots: i64, bid: i64, ask: i64) -> Result<i128, Overflow> {
        self.halved()?.worth(lots, bid.checked_add(ask).ok_or(Overflow)?)
    }

    /// Lots whose value at the middle of two prices is an amount, rounded toward zero; below zero for an amount that is.
    ///
    /// # Errors
    /// [`Overflow`] when they do not fit, or the middle is not above zero.
    pub fn lots_between(&self, amount: i128, bid: i64, ask: i64) -> Result<i64, Overflow> {
        let halved = self.halved()?;
        let price = Some(i128::from(bid) + i128::from(ask)).filter(|&price| price > 0).ok_or(Overflow)?;
        let (above, below) = match self.settlement {
            Settlement::Spot | Settlement::Linear => (halved.denominator, price.checked_mul(halved.numerator)),
            Settlement::Inverse => (price.checked_mul(halved.denominator).ok_or(Overflow)?, Some(halved.numerator)),
        };
        let lots = truncate(amount.checked_mul(above).ok_or(Overflow)?, below.ok_or(Overflow)?);
        i64::try_from(lots).map_err(|_| Overflow)
    }

    /// The same, of ticks half as large: the middle of two prices is their sum in these.
    fn halved(&self) -> Result<Self, Overflow> {
        let Self { settlement, numerator, denominator } = *self;
        Ok(match settlement {
            Settlement::Spot | Settlement::Linear => {
                Self { settlement, numerator, denominator: denominator.checked_mul(2).ok_or(Overflow)? }
            }
            Settlement::Inverse => {
                Self { settlement, numerator: numerator.checked_mul(2).ok_or(Overflow)?, denominator }
            }
        })
    }

    /// The value of a trade, 0 or more for a price of 0 or more.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn value(&self, lots: i64, price: i64) -> Result<i128, Overflow> {
        self.worth(lots, price).map(i128::abs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixed::ONE;

    const LINEAR: Instrument = Instrument { settlement: Settlement::Linear, numerator: 100_000, denominator: 1 };
    const INVERSE: Instrument = Instrument { settlement: Settlement::Inverse, numerator: 1_000 * ONE, denominator: 1 };

    #[test]
    fn a_linear_future_is_worth_price_times_quantity() {
        // 2 lots of 0.001 at 600,000 ticks of 0.1: 0.002 x 60,000 = 120
        assert_eq!(LINEAR.worth(2, 600_000), Ok(120 * ONE));
        assert_eq!(LINEAR.worth(-2, 600_000), Ok(-120 * ONE));
    }

    #[test]
    fn an_inverse_future_is_worth_its_dollars_in_coins() {
        // 3 contracts of 100 dollars at 500,000 ticks of 0.1 dollars: 300 / 50,000 = 0.006 coins
        assert_eq!(INVERSE.worth(3, 500_000), Ok(-6_000_000));
        assert_eq!(INVERSE.value(3, 500_000), Ok(6_000_000));
        // Long from 50,000 to 60,000 dollars gains 300 x (1/50,000 - 1/60,000) = 0.001 coins.
        let gain = INVERSE.worth(3, 600_000).expect("fits") - INVERSE.worth(3, 500_000).expect("fits");
        assert_eq!(gain, 1_000_000);
    }

    #[test]
    fn the_middle_of_two_prices_may_lie_between_ticks() {
        // 4 lots of 0.001 at (600,000 + 600,001) / 2 ticks of 0.1: 0.004 x 60,000.05 = 240.0002
        assert_eq!(LINEAR.worth_between(4, 600_000, 600_001), Ok(240_000_200_000));
        assert_eq!(LINEAR.lots_between(240_000_200_000, 600_000, 600_001), Ok(4));
        assert_eq!(LINEAR.lots_between(240_000_199_999, 600_000, 600_001), Ok(3));
        assert_eq!(LINEAR.lots_between(-240_000_199_999, 600_000, 600_001), Ok(-3));
        // 3 contracts of 100 dollars at 50,000 dollars: 0.006 coins
        assert_eq!(INVERSE.worth_between(-3, 499_999, 500_001), Ok(6_000_000));
        assert_eq!(INVERSE.lots_between(6_000_000, 499_999, 500_001), Ok(3));
        assert_eq!(LINEAR.lots_between(1, 0, 0), Err(Overflow));
    }

    #[test]
    fn fractions_of_a_billionth_are_rounded_half_to_even() {
        let fine = Instrument { settlement: Settlement::Spot, numerator: 1, denominator: 2 };
        assert_eq!([1, 3, 5].map(|lots| fine.worth(lots, 1)), [Ok(0), Ok(2), Ok(2)]);
    }

    #[test]
    fn what_has_no_value_is_refused() {
        assert_eq!(INVERSE.worth(1, 0), Err(Overflow));
        assert_eq!(INVERSE.worth(1, -5), Err(Overflow));
        assert_eq!(LINEAR.worth(1 << 60, 1 << 60), Err(Overflow));
    }
}
