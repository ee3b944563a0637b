//! What is traded: bars in ticks, and what a lot at a tick is worth.

use crate::fixed::{Overflow, divide, scale};

/// Powers of ten that an instrument's integers stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Units {
    /// A price of `p` ticks is `p * 10^price_exponent` of the currency.
    pub price_exponent: i32,
    /// A quantity of `q` lots is `q * 10^quantity_exponent` of the instrument.
    pub quantity_exponent: i32,
}

/// A rational power of ten, kept as the factor or the divisor it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Valuation {
    /// Multiply by this.
    Multiply(i128),
    /// Divide by this, half to even.
    Divide(i128),
}

impl Valuation {
    /// `10^exponent`; exponents from -30 to 30 fit.
    #[must_use]
    pub fn power_of_ten(exponent: i32) -> Self {
        let power = 10_i128.pow(exponent.unsigned_abs());
        if exponent < 0 { Self::Divide(power) } else { Self::Multiply(power) }
    }

    /// `number` times this power.
    #[inline]
    #[must_use]
    pub fn apply(self, number: i128) -> i128 {
        match self {
            Self::Multiply(factor) => number * factor,
            Self::Divide(divisor) => divide(number, divisor),
        }
    }

    /// `amount * 10^9 / this / number`, half to even: the inverse of [`Valuation::apply`] in billionths.
    ///
    /// # Errors
    /// [`Overflow`] when a product does not fit.
    pub fn inverse(self, amount: i128, factor: i128, number: i128) -> Result<i128, Overflow> {
        match self {
            Self::Multiply(unit) => scale(amount, factor, number.checked_mul(unit).ok_or(Overflow)?),
            Self::Divide(divisor) => scale(amount, factor.checked_mul(divisor).ok_or(Overflow)?, number),
        }
    }
}

impl Units {
    /// What turns lots times ticks into billionths of the currency.
    #[must_use]
    pub fn value(self) -> Valuation {
        Valuation::power_of_ten(self.price_exponent + self.quantity_exponent + 9)
    }

    /// What turns lots into billionths of a unit of the instrument.
    #[must_use]
    pub fn quantity(self) -> Valuation {
        Valuation::power_of_ten(self.quantity_exponent + 9)
    }
}

/// Bars of `instruments` instruments at `time.len()` times; every price column has a row a time, row-major.
#[derive(Debug, Clone, Copy)]
pub struct Market<'a> {
    /// Nanoseconds since the epoch at which bars closed, strictly ascending.
    pub time: &'a [i64],
    /// Opening prices in ticks.
    pub open: &'a [i64],
    /// Highest prices.
    pub high: &'a [i64],
    /// Lowest prices.
    pub low: &'a [i64],
    /// Closing prices; where an instrument has no bar, its last close.
    pub close: &'a [i64],
    /// Whether an instrument has a bar at a time.
    pub present: &'a [bool],
    /// Units of each instrument.
    pub units: &'a [Units],
}

impl Market<'_> {
    /// Number of instruments.
    #[must_use]
    pub fn width(&self) -> usize {
        self.units.len()
    }

    /// Number of bars.
    #[must_use]
    pub fn length(&self) -> usize {
        self.time.len()
    }
}
