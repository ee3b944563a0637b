//! Exits within a bar: stop-loss, take-profit and trailing stop.
//!
//! A stop is a resting order. It fills at its level, or at the open where the market gapped past it. A bar does not
//! tell whether its high or its low came first, so where both a stop and the take-profit lie within it, the stop is
//! taken. The trailing stop follows the best price up to the bar before: this bar's own high may have come after its low.

use super::market::Valuation;
use super::position::Position;
use super::records::Reason;
use super::rules::Stops;
use crate::fixed::{ONE, Overflow, divide};

/// Price levels in ticks at which a position ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Levels {
    loss: Option<i64>,
    profit: Option<i64>,
}

impl Levels {
    /// Levels of a position, from its average entry price without commission, each to the nearest tick, half to even.
    ///
    /// # Errors
    /// [`Overflow`] when a level does not fit.
    pub fn of(position: &Position, stops: &Stops, value: Valuation) -> Result<Self, Overflow> {
        let sign = i128::from(position.quantity.signum());
        let held = i128::from(position.quantity.unsigned_abs());
        let level = |share: i128| -> Result<i64, Overflow> {
            let ticks = value.inverse(position.entry_value, ONE + share, held.checked_mul(ONE).ok_or(Overflow)?)?;
            i64::try_from(ticks).map_err(|_| Overflow)
        };
        Ok(Self {
            loss: stops.loss.map(|share| level(-sign * i128::from(share))).transpose()?,
            profit: stops.profit.map(|share| level(sign * i128::from(share))).transpose()?,
        })
    }

    /// Price and reason of the exit within a bar, if there is one.
    #[must_use]
    pub fn exit(&self, position: &Position, stops: &Stops, open: i64, high: i64, low: i64) -> Option<(i64, Reason)> {
        let long = position.quantity > 0;
        let trailing = stops.trailing.map(|share| trailing_level(position.best, share, long));
        let stop = match (self.loss, trailing) {
            (Some(loss), Some(trail)) if (long && trail > loss) || (!long && trail < loss) => {
                Some((trail, Reason::TrailingStop))
            }
            (Some(loss), _) => Some((loss, Reason::StopLoss)),
            (None, Some(trail)) => Some((trail, Reason::TrailingStop)),
            (None, None) => None,
        };
        if let Some((level, reason)) = stop {
            if long && low <= level {
                return Some((level.min(open), reason));
            }
            if !long && high >= level {
                return Some((level.max(open), reason));
            }
        }
        match self.profit {
            Some(level) if long && high >= level => Some((level.max(open), Reason::TakeProfit)),
            Some(level) if !long && low <= level => Some((level.min(open), Reason::TakeProfit)),
            _ => None,
        }
    }
}

/// Level of a trailing stop, to the nearest tick, half to even.
fn trailing_level(best: i64, share: i64, long: bool) -> i64 {
    let factor = if long { ONE - i128::from(share) } else { ONE + i128::from(share) };
    let ticks = divide(i128::from(best) * factor, ONE);
    i64::try_from(ticks).unwrap_or(if ticks > 0 { i64::MAX } else { i64::MIN })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENTH: i64 = 100_000_000;

    fn long() -> Position {
        Position { quantity: 2, entry_value: 200, entry_commission: 0, best: 100 }
    }

    fn exit(stops: Stops, position: Position, open: i64, high: i64, low: i64) -> Option<(i64, Reason)> {
        let levels = Levels::of(&position, &stops, Valuation::Multiply(1)).expect("small amounts");
        levels.exit(&position, &stops, open, high, low)
    }

    #[test]
    fn a_stop_fills_at_its_level_or_at_a_gap() {
        let stops = Stops { loss: Some(TENTH), ..Stops::default() };
        assert_eq!(exit(stops, long(), 95, 96, 91), None);
        assert_eq!(exit(stops, long(), 95, 96, 90), Some((90, Reason::StopLoss)));
        assert_eq!(exit(stops, long(), 85, 86, 80), Some((85, Reason::StopLoss)));
    }

    #[test]
    fn a_take_profit_fills_at_its_level_or_better() {
        let stops = Stops { profit: Some(TENTH), ..Stops::default() };
        assert_eq!(exit(stops, long(), 105, 109, 101), None);
        assert_eq!(exit(stops, long(), 105, 112, 101), Some((110, Reason::TakeProfit)));
        assert_eq!(exit(stops, long(), 115, 116, 101), Some((115, Reason::TakeProfit)));
    }

    #[test]
    fn the_stop_comes_first_where_both_lie_within_a_bar() {
        let stops = Stops { loss: Some(TENTH), profit: Some(TENTH), trailing: None };
        assert_eq!(exit(stops, long(), 100, 120, 80), Some((90, Reason::StopLoss)));
    }

    #[test]
    fn a_trailing_stop_follows_the_best_price() {
        let stops = Stops { loss: Some(TENTH), trailing: Some(TENTH), profit: None };
        let position = Position { best: 200, ..long() };
        assert_eq!(exit(stops, position, 190, 195, 175), Some((180, Reason::TrailingStop)));
    }

    #[test]
    fn shorts_are_the_mirror_image() {
        let stops = Stops { loss: Some(TENTH), profit: Some(TENTH), trailing: Some(TENTH) };
        let short = Position { quantity: -2, best: 95, ..long() };
        // Stop-loss at 110; trailing at 104.5, half to even 104; take-profit at 90.
        assert_eq!(exit(stops, short, 100, 104, 95), Some((104, Reason::TrailingStop)));
        assert_eq!(exit(stops, short, 106, 107, 95), Some((106, Reason::TrailingStop)));
        assert_eq!(exit(stops, short, 95, 96, 89), Some((90, Reason::TakeProfit)));
    }
}
