//! Strategies that decide on bars, beforehand or bar by bar, traded on events; and what records the bars for them.

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

    fn on_bars(&mut self, _: &mut Desk, end: i64, bars: &[Option<Bar>]) {
        self.time.push(end);
        self.bars.extend_from_slice(bars);
    }
}

/// Where the targets of a [`SignalTrader`] come from.
pub trait Targets {
    /// Those of the period that ends at `end`, one of each instrument, in billionths; `None` where nothing is decided.
    fn decide(&mut self, desk: &mut Desk, end: i64, bars: &[Option<Bar>]) -> Option<&[i64]>;
}

/// Targets that were decided on all bars beforehand, those of one period after the other.
#[derive(Debug, Clone)]
pub struct Decided {
    targets: Vec<i64>,
    next: usize,
}

impl Targets for Decided {
    fn decide(&mut self, _: &mut Desk, _: i64, bars: &[Option<Bar>]) -> Option<&[i64]> {
        let first = self.next;
        self.next += bars.len();
        self.targets.get(first..self.next)
    }
}

/// Trades towards targets, one of each instrument at the end of each period.
///
/// A target is the share of the invested equity, below zero for a short position. When it changes, the position it asks
/// for is computed at the middle of the touch, and market orders are sent at the ends of periods until it is held.
#[derive(Debug, Clone)]
pub struct SignalTrader<T = Decided> {
    targets: T,
    approach: Approach,
}

impl SignalTrader {
    /// A trader of `instruments` by targets in billionths, those of one period after the other; `fraction` is the share
    /// of equity, in billionths, that a target of one invests. Without `allow_short`, targets below zero count as zero.
    ///
    /// # Panics
    /// Where there is no instrument.
    #[must_use]
    pub fn new(targets: Vec<i64>, instruments: usize, fraction: i64, allow_short: bool) -> Self {
        Self::by(Decided { targets, next: 0 }, instruments, fraction, allow_short)
    }
}

impl<T> SignalTrader<T> {
    /// A trader by targets that are decided at the end of each period; all else is as of [`SignalTrader::new`].
    ///
    /// # Panics
    /// Where there is no instrument.
    #[must_use]
    pub fn by(targets: T, instruments: usize, fraction: i64, allow_short: bool) -> Self {
        assert!(instruments > 0, "there must be an instrument");
        let (acted, wanted) = (vec![0; instruments], vec![None; instruments]);
        Self { targets, approach: Approach { fraction, allow_short, acted, wanted } }
    }

    /// What decides.
    #[must_use]
    pub fn targets(&self) -> &T {
        &self.targets
    }
}

impl<T: Targets> Strategy for SignalTrader<T> {
    const DEPTH: bool = false;
    const TRADES: bool = false;
    const BARS: bool = true;

    fn on_bars(&mut self, desk: &mut Desk, end: i64, bars: &[Option<Bar>]) {
        let Some(targets) = self.targets.decide(desk, end, bars) else {
            return;
        };
        for (instrument, &target) in targets.iter().enumerate() {
            self.approach.towards(desk, instrument, target);
        }
    }
}

/// What was asked for of each instrument, and how it is come by.
#[derive(Debug, Clone)]
struct Approach {
    fraction: i64,
    allow_short: bool,
    /// The targets acted on last.
    acted: Vec<i64>,
    /// The positions they ask for.
    wanted: Vec<Option<i64>>,
}

impl Approach {
    fn towards(&mut self, desk: &mut Desk, instrument: usize, target: i64) {
        let target = if self.allow_short { target } else { target.max(0) };
        if target != self.acted[instrument]
            && let Some(wanted) = self.position(desk, instrument, target)
        {
            self.acted[instrument] = target;
            self.wanted[instrument] = Some(wanted);
        }
        self.send(desk, instrument);
    }

    /// The position a target asks for; `None` where there is no market to tell, or the numbers do not reach.
    fn position(&self, desk: &Desk, instrument: usize, target: i64) -> Option<i64> {
        if target == 0 {
            return Some(0);
        }
        let invested = scale(desk.equity().ok()?.max(0), i128::from(self.fraction), ONE).ok()?;
        desk.lots(instrument, scale(invested, i128::from(target), ONE).ok()?).ok()?
    }

    fn send(&self, desk: &mut Desk, instrument: usize) {
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
