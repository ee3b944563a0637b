//! Cash and positions, and what they are worth.

use super::market::{Market, Valuation};
use super::position::Position;
use crate::fixed::{LIMIT, ONE, Overflow};

/// An account: cash, and a position an instrument.
#[derive(Debug, Clone)]
pub struct Account {
    /// Cash, below zero when borrowed.
    pub cash: i128,
    /// Positions, one an instrument.
    pub positions: Vec<Position>,
    valuations: Vec<Valuation>,
    largest: Vec<i64>,
}

/// Worth of all positions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worth {
    /// Sum of signed values.
    pub net: i128,
    /// Sum of absolute values.
    pub gross: i128,
}

impl Account {
    /// An account with cash alone. The largest position of each instrument is the one whose value, at the highest price
    /// of the market, keeps the sum over all instruments within [`LIMIT`].
    #[must_use]
    pub fn new(capital: i128, market: &Market<'_>) -> Self {
        let width = market.width();
        let valuations: Vec<Valuation> = market.units.iter().map(|units| units.value()).collect();
        let mut highest = vec![1_i64; width];
        for row in market.high.chunks_exact(width) {
            for (highest, price) in highest.iter_mut().zip(row) {
                *highest = (*highest).max(*price);
            }
        }
        let largest = highest.iter().zip(&valuations).map(|(price, value)| {
            let quantity = match *value {
                Valuation::Multiply(factor) => LIMIT / width as i128 / i128::from(*price) / factor,
                Valuation::Divide(divisor) => LIMIT / width as i128 / i128::from(*price) * divisor.min(ONE),
            };
            i64::try_from(quantity).unwrap_or(i64::MAX)
        });
        let largest = largest.collect();
        Self { cash: capital, positions: vec![Position::default(); width], valuations, largest }
    }

    /// Value of lots of an instrument at a price; exact for every position within the largest.
    #[inline]
    #[must_use]
    pub fn value(&self, instrument: usize, quantity: i64, price: i64) -> i128 {
        self.valuations[instrument].apply(i128::from(quantity) * i128::from(price))
    }

    /// What turns lots times ticks of an instrument into money.
    #[inline]
    #[must_use]
    pub fn valuation(&self, instrument: usize) -> Valuation {
        self.valuations[instrument]
    }

    /// Worth of all positions at a row of prices.
    #[inline]
    #[must_use]
    pub fn worth(&self, prices: &[i64]) -> Worth {
        let mut worth = Worth::default();
        for (instrument, (position, price)) in self.positions.iter().zip(prices).enumerate() {
            if position.quantity != 0 {
                let value = self.value(instrument, position.quantity, *price);
                worth.net += value;
                worth.gross += value.abs();
            }
        }
        worth
    }

    /// Refuses a position that could grow past what 128 bits hold.
    ///
    /// # Errors
    /// [`Overflow`] when the position is too large.
    pub fn check(&self, instrument: usize) -> Result<(), Overflow> {
        let held = self.positions[instrument].quantity;
        if held.unsigned_abs() > self.largest[instrument].unsigned_abs() { Err(Overflow) } else { Ok(()) }
    }

    /// Whether any position is below zero.
    #[must_use]
    pub fn short(&self) -> bool {
        self.positions.iter().any(|position| position.quantity < 0)
    }

    /// Whether any position is held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.positions.iter().any(|position| position.quantity != 0)
    }
}
