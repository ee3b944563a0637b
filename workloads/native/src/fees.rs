//! What a venue charges for a fill.

use crate::fixed::{ONE, Overflow, bounded, scale};

/// Rates from a traded volume upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tier {
    /// Value traded before, at and above which the tier applies, in billionths of the currency.
    pub from_volume: i128,
    /// Billionths of the value of a fill that rested; below zero for a rebate.
    pub maker: i128,
    /// Billionths of the value of a fill that took.
    pub taker: i128,
}

/// Fees of a venue: of the value by tier, and of the lots; at least the minimum, where one is set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fees {
    /// Tiers by traded volume, ascending; none charges nothing of the value.
    pub tiers: Vec<Tier>,
    /// Charged for each lot, in billionths of the currency.
    pub per_lot: i128,
    /// The least a fill is charged, in billionths of the currency; `None` for no least.
    pub minimum: Option<i128>,
}

impl Fees {
    /// One tier for every volume.
    #[must_use]
    pub fn flat(maker: i128, taker: i128) -> Self {
        Self { tiers: vec![Tier { from_volume: 0, maker, taker }], ..Self::default() }
    }

    /// The fee of a fill of `lots` worth `value` (0 or more), after `volume` was traded; rounded half to even.
    ///
    /// # Errors
    /// [`Overflow`] when an amount does not fit.
    pub fn charge(&self, value: i128, lots: i64, taker: bool, volume: i128) -> Result<i128, Overflow> {
        let mut fee = self.per_lot.checked_mul(i128::from(lots)).ok_or(Overflow)?;
        if let Some(tier) = self.tiers.iter().rev().find(|tier| volume >= tier.from_volume) {
            fee += scale(value, if taker { tier.taker } else { tier.maker }, ONE)?;
        }
        bounded(self.minimum.map_or(fee, |minimum| fee.max(minimum)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_and_takers_pay_their_own_rates() {
        let fees = Fees::flat(-100_000, 500_000); // -1 and 5 basis points
        assert_eq!(fees.charge(1000 * ONE, 1, false, 0), Ok(-ONE / 10));
        assert_eq!(fees.charge(1000 * ONE, 1, true, 0), Ok(ONE / 2));
    }

    #[test]
    fn a_tier_begins_at_its_volume() {
        let tier = |from: i128, taker| Tier { from_volume: from * ONE, maker: 0, taker };
        let fees = Fees { tiers: vec![tier(0, 1_000_000), tier(500, 400_000)], ..Fees::default() };
        assert_eq!(fees.charge(100 * ONE, 1, true, 500 * ONE - 1), Ok(ONE / 10));
        assert_eq!(fees.charge(100 * ONE, 1, true, 500 * ONE), Ok(ONE / 25));
    }

    #[test]
    fn lots_are_charged_and_the_minimum_holds() {
        let fees = Fees { per_lot: ONE / 200, minimum: Some(ONE), ..Fees::default() };
        assert_eq!(fees.charge(0, 100, true, 0), Ok(ONE)); // 0.5, at least 1
        assert_eq!(fees.charge(0, 300, true, 0), Ok(ONE * 3 / 2));
    }

    #[test]
    fn half_a_billionth_goes_to_the_even_neighbour() {
        let fees = Fees::flat(0, ONE / 2);
        assert_eq!([1, 3, 5].map(|value| fees.charge(value, 1, true, 0)), [Ok(0), Ok(2), Ok(2)]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let fees = Fees { per_lot: i128::MAX, ..Fees::default() };
        assert_eq!(fees.charge(0, 2, true, 0), Err(Overflow));
        assert_eq!(Fees::flat(ONE, ONE).charge(i128::MAX, 1, true, 0), Err(Overflow));
    }
}
