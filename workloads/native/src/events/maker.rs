//! A market maker: quotes both sides around the middle of the touch, moved against what it holds.

use super::desk::Desk;
use super::strategy::Strategy;
use crate::book::Half;
use crate::orders::{Kind, NewOrder, State, TimeInForce};

/// How a market maker quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quoting {
    /// Which instrument.
    pub instrument: usize,
    /// Ticks from the middle to each quote, 0 or more.
    pub half_spread: i64,
    /// Half ticks the middle is moved down for each `skew_lots` lots held (up for each lot short).
    pub skew: i64,
    /// Lots that move the middle by `skew`, more than 0.
    pub skew_lots: i64,
    /// Lots of a quote.
    pub quantity: i64,
    /// Lots held, long or short, from which on it quotes the other side alone.
    pub most: i64,
    /// When it first quotes, by the local clock.
    pub first: i64,
    /// Nanoseconds between looks at the market, more than 0.
    pub interval: i64,
}

/// A market maker that looks at the market on a timer, or, with `TOUCH`, when the touch moves as well.
///
/// A quote whose price is no longer the one wanted is taken back, and replaced once it is known to be gone. Quotes are
/// post-only and never better than the touch.
#[derive(Debug, Clone)]
pub struct MarketMaker<const TOUCH: bool> {
    quoting: Quoting,
    touch: Option<(i64, i64)>,
}

impl<const TOUCH: bool> MarketMaker<TOUCH> {
    /// A market maker.
    #[must_use]
    pub fn new(quoting: Quoting) -> Self {
        Self { quoting, touch: None }
    }

    /// Prices to buy and sell at.
    fn prices(&self, (bid, ask): (i64, i64), position: i64) -> [i64; 2] {
        let Quoting { half_spread, skew, skew_lots, .. } = self.quoting;
        let middle = bid + ask - (skew.saturating_mul(position)).div_euclid(skew_lots);
        let buy = middle.div_euclid(2) - half_spread;
        let sell = -(-middle).div_euclid(2) + half_spread;
        [buy.min(bid), sell.max(ask)]
    }

    fn quote(&self, desk: &mut Desk) {
        let Quoting { instrument, quantity, most, .. } = self.quoting;
        let Some(touch) = desk.touch(instrument) else {
            return;
        };
        let position = desk.holding(instrument).position;
        let prices = self.prices(touch, position);
        for half in [Half::Bid, Half::Ask] {
            let price = prices[half as usize];
            let kind = Kind::Limit { price };
            let standing = desk.tickets(instrument).iter().find(|ticket| ticket.order.half == half).copied();
            match standing {
                Some(ticket) if ticket.order.kind == kind || ticket.asked || ticket.state == State::Sent => {}
                Some(ticket) => desk.cancel(instrument, ticket.order.id),
                None if half.sign().saturating_mul(position) < most => {
                    let order = NewOrder::new(0, half, kind, quantity);
                    // What risk refuses is in the log, and tried again when it looks next.
                    let _ = desk.submit(instrument, NewOrder { time_in_force: TimeInForce::PostOnly, ..order });
                }
                None => {}
            }
        }
    }
}

impl<const TOUCH: bool> Strategy for MarketMaker<TOUCH> {
    const DEPTH: bool = TOUCH;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.wake(self.quoting.first);
    }

    fn on_depth(&mut self, desk: &mut Desk, instrument: usize) {
        let touch = desk.touch(instrument);
        if instrument == self.quoting.instrument && touch != self.touch {
            self.touch = touch;
            self.quote(desk);
        }
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        self.quote(desk);
        desk.wake(desk.now() + self.quoting.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(half_spread: i64, skew: i64) -> MarketMaker<false> {
        MarketMaker::new(Quoting {
            instrument: 0,
            half_spread,
            skew,
            skew_lots: 10,
            quantity: 1,
            most: 100,
            first: 0,
            interval: 1,
        })
    }

    #[test]
    fn quotes_lie_around_the_middle_and_never_inside_the_touch() {
        assert_eq!(maker(0, 0).prices((100, 101), 0), [100, 101]); // the middle is 100.5
        assert_eq!(maker(2, 0).prices((100, 101), 0), [98, 103]);
        assert_eq!(maker(0, 0).prices((100, 110), 0), [100, 110]); // 105 and 105 would be better than the touch
        assert_eq!(maker(7, 0).prices((100, 110), 0), [98, 112]);
    }

    #[test]
    fn holding_moves_the_middle_against_it() {
        // 4 half ticks for 10 lots: 25 lots move the middle by 5 ticks.
        assert_eq!(maker(2, 4).prices((100, 102), 25), [94, 102]); // around 96: 94, and 98 cut at the touch
        assert_eq!(maker(2, 4).prices((100, 102), -25), [100, 108]);
        // A fraction of a half tick goes down: -1.2 is -2, which moves the middle of 202 half ticks to 204: 102 and 102.
        assert_eq!(maker(0, 4).prices((100, 102), -3), [100, 102]);
    }
}
