//! Strategies that decided on bars beforehand, traded on events; and what records the bars for them to decide on.

use super::desk::Desk;
use super::periods::Bar;
use super::strategy::Strategy;
use crate::book::Half;
use crate::fixed::{ONE, scale};
use crate::orders::{Kind, NewOrder};

/// Writes down the bars of a run and trades nothing.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// When each period ended.
    pub time: Vec<i64>,
    /// Bars of the instruments in each period.
    pub bars: Vec<Option<Bar>>,
}

impl Strategy for Recorder {
    const DEPTH: bool = false;
    const TRADES: bool = false;
    const BARS: bool = true;

    fn on_bars(&mut self, desk: &mut Desk, bars: &[Option<Bar>]) {
        self.time.push(desk.now());
        self.bars.extend_from_slice(bars);
    }
}

/// Trades towards targets, one of each instrument at the end of each period.
///
/// A target is the share of the invested equity, below zero for a short position. When it changes, the position it asks
/// for is computed at the middle of the touch, and market orders are sent at the ends of periods until it is held.
#[derive(Debug, Clone)]
pub struct SignalTrader {
    targets: Vec<i64>,
    fraction: i64,
    allow_short: bool,
    period: usize,
    acted: Vec<i64>,
    wanted: Vec<Option<i64>>,
}

impl SignalTrader {
    /// A trader of `instruments` by targets in billionths, those of one period after the other; `fraction` is the share
    /// of equity, in billionths, that a target of one invests. Without `allow_short`, targets below zero count as zero.
    ///
    /// # Panics
    /// Where there is no instrument.
    #[must_use]
    pub fn new(targets: Vec<i64>, instruments: usize, fraction: i64, allow_short: bool) -> Self {
        assert!(instruments > 0, "there must be an instrument");
        let (acted, wanted) = (vec![0; instruments], vec![None; instruments]);
        Self { targets, fraction, allow_short, period: 0, acted, wanted }
    }

    /// The position a target asks for; `None` where there is no market to tell, or the numbers do not reach.
    fn position(&self, desk: &Desk, instrument: usize, target: i64) -> Option<i64> {
        if target == 0 {
            return Some(0);
        }
        let invested = scale(desk.equity().ok()?.max(0), i128::from(self.fraction), ONE).ok()?;
        desk.lots(instrument, scale(invested, i128::from(target), ONE).ok()?).ok()?
    }

    fn approach(&self, desk: &mut Desk, instrument: usize) {
        let Some(wanted) = self.wanted[instrument].filter(|_| desk.tickets(instrument).is_empty()) else {
            return;
        };
        let missing = wanted.saturating_sub(desk.holding(instrument).position);
        if missing != 0 {
            let half = if missing > 0 { Half::Bid } else { Half::Ask };
            // What risk refuses is in the log, and tried again at the end of the next period.
            let _ = desk.submit(instrument, NewOrder::new(0, half, Kind::Market, missing.saturating_abs()));
        }
    }
}

impl Strategy for SignalTrader {
    const DEPTH: bool = false;
    const TRADES: bool = false;
    const BARS: bool = true;

    fn on_bars(&mut self, desk: &mut Desk, bars: &[Option<Bar>]) {
        let width = bars.len();
        let first = self.period * width;
        self.period += 1;
        for instrument in 0..width {
            let Some(&given) = self.targets.get(first + instrument) else {
                return;
            };
            let target = if self.allow_short { given } else { given.max(0) };
            if target != self.acted[instrument]
                && let Some(wanted) = self.position(desk, instrument, target)
            {
                self.acted[instrument] = target;
                self.wanted[instrument] = Some(wanted);
            }
            self.approach(desk, instrument);
        }
    }
}
