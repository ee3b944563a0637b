//! What trading and holding cost.

use crate::fixed::{ONE, Overflow, scale};

/// Basis points in one, in billionths: the divisor of an amount times billionths of a basis point.
const BASIS: i128 = 10_000 * ONE;

/// Nanoseconds in a year of 365 days, over which yearly rates accrue.
const YEAR: i128 = 365 * 86_400 * 1_000_000_000;

/// Commission from a size of trade upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Smallest notional the tier applies to.
    pub from_notional: i128,
    /// Commission, in billionths of a basis point.
    pub basis_points: i128,
}

/// Costs of a simulation; amounts and rates in billionths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Costs {
    /// Charged once a fill.
    pub per_trade: i128,
    /// Charged for each unit of the instrument.
    pub per_share: i128,
    /// By size of trade, ascending.
    pub tiers: Vec<Tier>,
    /// Slippage in billionths of a basis point.
    pub slippage: i128,
    /// Yearly rate on the value of short positions.
    pub borrow_rate: i128,
    /// Yearly rate on negative cash.
    pub financing_rate: i128,
}

impl Costs {
    /// Commission on one fill of a notional and a number of billionths of the instrument's unit.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    #[inline]
    pub fn commission(&self, notional: i128, units: i128) -> Result<i128, Overflow> {
        let mut amount = self.per_trade;
        if self.per_share != 0 {
            amount += scale(units, self.per_share, ONE)?;
        }
        if let Some(tier) = self.tiers.iter().rev().find(|tier| notional >= tier.from_notional) {
            amount += scale(notional, tier.basis_points, BASIS)?;
        }
        Ok(amount)
    }

    /// What slippage costs on a notional.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    #[inline]
    pub fn slippage(&self, notional: i128) -> Result<i128, Overflow> {
        scale(notional, self.slippage, BASIS)
    }

    /// What a yearly rate comes to on an amount over nanoseconds.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub fn interest(amount: i128, rate: i128, nanoseconds: i64) -> Result<i128, Overflow> {
        // The factor has eighteen decimals: a minute of a small rate would vanish in nine.
        let factor = scale(rate.checked_mul(ONE).ok_or(Overflow)?, i128::from(nanoseconds), YEAR)?;
        scale(amount, factor, ONE * ONE)
    }

    /// Whether anything accrues over time on an account.
    #[must_use]
    pub fn accrues(&self, cash: i128, short: bool) -> bool {
        (self.financing_rate != 0 && cash < 0) || (self.borrow_rate != 0 && short)
    }

    /// Whether a fill costs nothing.
    #[must_use]
    pub fn free(&self) -> bool {
        self.per_trade == 0 && self.per_share == 0 && self.tiers.is_empty() && self.slippage == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commission_is_the_sum_of_its_parts() {
        let tiers = vec![
            Tier { from_notional: 0, basis_points: 10 * ONE },
            Tier { from_notional: 1000 * ONE, basis_points: 5 * ONE },
        ];
        let costs = Costs { per_trade: ONE, per_share: ONE / 100, tiers, ..Costs::default() };
        // 1 + 3 * 0.01 + 10 bp of 500 = 1.53; 1 + 0.03 + 5 bp of 1000 = 1.53
        assert_eq!(costs.commission(500 * ONE, 3 * ONE), Ok(1_530_000_000));
        assert_eq!(costs.commission(1000 * ONE, 3 * ONE), Ok(1_530_000_000));
    }

    #[test]
    fn interest_of_a_year_and_of_a_minute() {
        let year = i64::try_from(YEAR).unwrap_or(i64::MAX);
        assert_eq!(Costs::interest(100 * ONE, ONE / 20, year), Ok(5 * ONE));
        // 1,000,000 at 2 % for a minute: 1e6 * 0.02 / 525600 = 0.038051750...
        assert_eq!(Costs::interest(1_000_000 * ONE, ONE / 50, 60_000_000_000), Ok(38_051_750));
    }

    #[test]
    fn nothing_accrues_on_a_long_paid_position() {
        let costs = Costs { borrow_rate: 1, financing_rate: 1, ..Costs::default() };
        assert!(!costs.accrues(0, false));
        assert!(costs.accrues(-1, false) && costs.accrues(0, true));
    }
}
