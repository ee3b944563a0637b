//! A pairs trader: sells what has become dear against the other, buys what has become cheap.

use super::desk::Desk;
use super::strategy::Strategy;
use crate::book::Half;
use crate::orders::{Kind, NewOrder, TimeInForce};
use std::collections::VecDeque;

/// How a pair is traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair {
    /// The two instruments.
    pub instruments: [usize; 2],
    /// The spread is `ratio[0]` middles of the first less `ratio[1]` of the second.
    pub ratio: [i64; 2],
    /// Lots of each in a position.
    pub quantity: [i64; 2],
    /// Looks at the market that the mean and the deviation are of, 2 or more.
    pub window: usize,
    /// Hundredths of a standard deviation from which on it enters.
    pub entry: i64,
    /// Hundredths of a standard deviation within which it leaves.
    pub exit: i64,
    /// When it first looks, by the local clock.
    pub first: i64,
    /// Nanoseconds between looks, more than 0.
    pub interval: i64,
}

/// A pairs trader. The score of a spread is compared exactly, in integers: with n spreads of sum S and sum of squares Q,
/// (n x - S)^2 / (n Q - S^2) is the square of its score.
#[derive(Debug, Clone)]
pub struct PairsTrader {
    pair: Pair,
    spreads: VecDeque<i128>,
    sum: i128,
    squares: i128,
    side: i64,
}

impl PairsTrader {
    /// A pairs trader.
    #[must_use]
    pub fn new(pair: Pair) -> Self {
        Self { pair, spreads: VecDeque::with_capacity(pair.window + 1), sum: 0, squares: 0, side: 0 }
    }

    /// Takes in a spread; gives which way to hold the pair: 1 to have bought the first and sold the second, -1 the other
    /// way round, 0 neither.
    fn look(&mut self, spread: i128) -> i64 {
        self.spreads.push_back(spread);
        self.sum += spread;
        self.squares += spread * spread;
        if self.spreads.len() > self.pair.window
            && let Some(oldest) = self.spreads.pop_front()
        {
            self.sum -= oldest;
            self.squares -= oldest * oldest;
        }
        if self.spreads.len() < self.pair.window {
            return 0;
        }
        let count = self.spreads.len() as i128;
        let distance = count * spread - self.sum;
        let variance = count * self.squares - self.sum * self.sum;
        let beyond = |hundredths: i64| {
            let limit = i128::from(hundredths) * i128::from(hundredths);
            distance.saturating_mul(distance).saturating_mul(10_000) >= variance.saturating_mul(limit)
        };
        if variance == 0 {
            return self.side;
        }
        if beyond(self.pair.entry) {
            self.side = if distance > 0 { -1 } else { 1 };
        } else if !beyond(self.pair.exit) {
            self.side = 0;
        }
        self.side
    }

    fn spread(&self, desk: &Desk) -> Option<i128> {
        let middle = |leg: usize| {
            let (bid, ask) = desk.touch(self.pair.instruments[leg])?;
            Some(i128::from(bid + ask) * i128::from(self.pair.ratio[leg]))
        };
        Some(middle(0)? - middle(1)?)
    }

    /// Takes what is there, to hold what the side asks for.
    fn hold(&self, desk: &mut Desk, side: i64) {
        for (leg, sign) in [(0, 1), (1, -1)] {
            let instrument = self.pair.instruments[leg];
            let wanted = side * sign * self.pair.quantity[leg] - desk.holding(instrument).position;
            let Some((bid, ask)) = desk.touch(instrument).filter(|_| desk.tickets(instrument).is_empty()) else {
                continue;
            };
            let (half, price) = if wanted > 0 { (Half::Bid, ask) } else { (Half::Ask, bid) };
            if wanted != 0 {
                let order = NewOrder::new(0, half, Kind::Limit { price }, wanted.abs());
                // What risk refuses is in the log, and tried again at the next look.
                let _ = desk.submit(instrument, NewOrder { time_in_force: TimeInForce::ImmediateOrCancel, ..order });
            }
        }
    }
}

impl Strategy for PairsTrader {
    const DEPTH: bool = false;
    const TRADES: bool = false;

    fn start(&mut self, desk: &mut Desk) {
        desk.wake(self.pair.first);
    }

    fn on_timer(&mut self, desk: &mut Desk) {
        if let Some(spread) = self.spread(desk) {
            let side = self.look(spread);
            self.hold(desk, side);
        }
        desk.wake(desk.now() + self.pair.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trader(window: usize) -> PairsTrader {
        PairsTrader::new(Pair {
            instruments: [0, 1],
            ratio: [1, 1],
            quantity: [1, 1],
            window,
            entry: 150,
            exit: 50,
            first: 0,
            interval: 1,
        })
    }

    #[test]
    fn a_score_beyond_the_entry_opens_and_one_within_the_exit_closes() {
        let mut trader = trader(4);
        // Of 0, 0, 0, 8 the mean is 2 and the deviation sqrt(12) = 3.46: 6 / 3.46 = 1.73 is beyond 1.5, so sell.
        let sides: Vec<i64> = [0, 0, 0, 8].into_iter().map(|spread| trader.look(spread)).collect();
        assert_eq!(sides, [0, 0, 0, -1]);
        // Of 0, 0, 8, 4: mean 3, deviation sqrt(11) = 3.32; 1 / 3.32 = 0.3 is within 0.5.
        assert_eq!(trader.look(4), 0);
        // Of 0, 8, 4, -6: mean 1.5, deviation sqrt(26.75) = 5.17; -7.5 / 5.17 = -1.45 is not beyond.
        assert_eq!(trader.look(-6), 0);
        // Of 8, 4, -6, -30: mean -6, deviation sqrt(218) = 14.8; -24 / 14.8 = -1.63.
        assert_eq!(trader.look(-30), 1);
    }

    #[test]
    fn a_spread_that_does_not_move_decides_nothing() {
        let mut trader = trader(3);
        assert!((0..10).all(|_| trader.look(5) == 0));
    }
}
