//! Limits of one instrument.

use crate::book::Half;
use crate::exchange::Reason;
use crate::instrument::{Instrument, Settlement};
use crate::orders::NewOrder;

/// Limits of one instrument; `None` sets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Lots of one order.
    pub order_size: Option<i64>,
    /// Lots of the position, long or short, were every order alive on that side to fill.
    pub position: Option<i64>,
    /// Value of one order at its limit, else at the price it would trade at, in billionths.
    pub notional: Option<i128>,
    /// Ticks between an order's limit and the middle of the touch.
    pub collar: Option<i64>,
    /// Loss since the day (UTC) began, in billionths; reaching it stops trading.
    pub daily_loss: Option<i128>,
}

/// What the trader knows when an order is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// Lots held.
    pub position: i64,
    /// Lots left of orders alive, to buy and to sell.
    pub alive: [i64; 2],
    /// Lots of what is held that orders to sell may take, the one to be sent among them; read of what is paid for alone.
    pub promised: i64,
    /// Cash of the account, in billionths; read of what is paid for alone.
    pub cash: i128,
    /// What its orders to buy would cost, in billionths; likewise.
    pub committed: i128,
    /// Best bid and ask, where there are both.
    pub touch: Option<(i64, i64)>,
}

impl Limits {
    /// Whether an order may be sent.
    ///
    /// # Errors
    /// The [`Reason`] it may not.
    pub fn check(&self, instrument: &Instrument, order: &NewOrder, exposure: &Exposure) -> Result<(), Reason> {
        if self.order_size.is_some_and(|most| order.quantity > most) {
            return Err(Reason::OrderSize);
        }
        self.check_position(instrument, order, exposure)?;
        self.check_collar(order, exposure)?;
        self.check_value(instrument, order, exposure)
    }

    fn check_position(&self, instrument: &Instrument, order: &NewOrder, exposure: &Exposure) -> Result<(), Reason> {
        let alive = exposure.alive[order.half as usize].saturating_add(order.quantity);
        let position = exposure.position.saturating_add(order.half.sign() * alive);
        let sells = instrument.settlement == Settlement::Spot && order.half == Half::Ask;
        let short = sells && exposure.promised > exposure.position;
        if short || self.position.is_some_and(|most| order.half.key(position) > most) {
            return Err(Reason::Position);
        }
        Ok(())
    }

    fn check_collar(&self, order: &NewOrder, exposure: &Exposure) -> Result<(), Reason> {
        let (Some(most), Some(price)) = (self.collar, order.kind.limit()) else {
            return Ok(());
        };
        let (bid, ask) = exposure.touch.ok_or(Reason::NoPrice)?;
        let twice = i128::from(price) * 2 - i128::from(bid) - i128::from(ask);
        if twice.abs() > i128::from(most) * 2 { Err(Reason::Collar) } else { Ok(()) }
    }

    fn check_value(&self, instrument: &Instrument, order: &NewOrder, exposure: &Exposure) -> Result<(), Reason> {
        let buys = instrument.settlement == Settlement::Spot && order.half == Half::Bid;
        if self.notional.is_none() && !buys {
            return Ok(());
        }
        let at = exposure.touch.map(|(bid, ask)| if order.half == Half::Bid { ask } else { bid });
        let price = order.kind.limit().or(at).ok_or(Reason::NoPrice)?;
        let value = instrument.value(order.quantity, price).map_err(|_| Reason::Notional)?;
        if self.notional.is_some_and(|most| value > most) {
            return Err(Reason::Notional);
        }
        if buys && value > exposure.cash - exposure.committed {
            return Err(Reason::NoCash);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::orders::Kind;

    const UNIT: Instrument = Instrument { settlement: Settlement::Linear, numerator: 1, denominator: 1 };
    const NOTHING_HELD: Exposure =
        Exposure { position: 0, alive: [0, 0], promised: 0, cash: 1000, committed: 0, touch: Some((99, 102)) };

    fn order(half: Half, price: i64, quantity: i64) -> NewOrder {
        NewOrder::new(1, half, Kind::Limit { price }, quantity)
    }

    #[test]
    fn each_limit_is_refused_just_past_it() {
        let limits = Limits { order_size: Some(10), ..Limits::default() };
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, 100, 10), &NOTHING_HELD), Ok(()));
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, 100, 11), &NOTHING_HELD), Err(Reason::OrderSize));
        let limits = Limits { notional: Some(500), ..Limits::default() };
        assert_eq!(limits.check(&UNIT, &order(Half::Ask, 100, 5), &NOTHING_HELD), Ok(()));
        assert_eq!(limits.check(&UNIT, &order(Half::Ask, 101, 5), &NOTHING_HELD), Err(Reason::Notional));
    }

    #[test]
    fn the_position_counts_what_is_alive_on_the_side() {
        let limits = Limits { position: Some(10), ..Limits::default() };
        let exposure = Exposure { position: 4, alive: [3, 5], ..NOTHING_HELD };
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, 100, 3), &exposure), Ok(()));
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, 100, 4), &exposure), Err(Reason::Position));
        // 4 - 5 - 9 = -10
        assert_eq!(limits.check(&UNIT, &order(Half::Ask, 100, 9), &exposure), Ok(()));
        assert_eq!(limits.check(&UNIT, &order(Half::Ask, 100, 10), &exposure), Err(Reason::Position));
    }

    #[test]
    fn the_collar_lies_around_the_middle() {
        // The middle is 100.5: 95.5 to 105.5.
        let limits = Limits { collar: Some(5), ..Limits::default() };
        for (price, expected) in [(95, Err(Reason::Collar)), (96, Ok(())), (105, Ok(())), (106, Err(Reason::Collar))] {
            assert_eq!(limits.check(&UNIT, &order(Half::Bid, price, 1), &NOTHING_HELD), expected);
        }
        let blind = Exposure { touch: None, ..NOTHING_HELD };
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, 100, 1), &blind), Err(Reason::NoPrice));
    }

    #[test]
    fn spot_is_paid_for_and_never_short() {
        let spot = Instrument { settlement: Settlement::Spot, ..UNIT };
        let exposure = Exposure { position: 2, committed: 100, ..NOTHING_HELD };
        let limits = Limits::default();
        assert_eq!(limits.check(&spot, &order(Half::Bid, 100, 9), &exposure), Ok(()));
        assert_eq!(limits.check(&spot, &order(Half::Bid, 100, 10), &exposure), Err(Reason::NoCash));
        let promised = |lots| Exposure { promised: lots, ..exposure };
        assert_eq!(limits.check(&spot, &order(Half::Ask, 100, 3), &promised(2)), Ok(()));
        assert_eq!(limits.check(&spot, &order(Half::Ask, 100, 3), &promised(3)), Err(Reason::Position));
        assert_eq!(limits.check(&spot, &order(Half::Bid, 100, 9), &promised(3)), Ok(()));
        assert_eq!(limits.check(&UNIT, &order(Half::Ask, 100, 3), &promised(3)), Ok(()));
    }

    #[test]
    fn no_arithmetic_passes_its_range() {
        let limits = Limits { position: Some(i64::MAX), notional: Some(i128::MAX), ..Limits::default() };
        let exposure = Exposure { position: i64::MAX, alive: [i64::MAX; 2], ..NOTHING_HELD };
        assert_eq!(limits.check(&UNIT, &order(Half::Bid, i64::MAX, i64::MAX), &exposure), Err(Reason::Notional));
    }
}
