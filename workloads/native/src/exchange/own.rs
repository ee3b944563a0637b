//! An order of ours at the exchange.

use super::queue::Position;
use crate::book::{Half, NOTHING, PRICE_LIMIT};
use crate::orders::{Kind, NewOrder, State};

/// An order of ours at the exchange.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub order: NewOrder,
    pub state: State,
    /// Key of its limit on its side; [`PRICE_LIMIT`], which reaches every price, where it has none.
    pub key: i64,
    /// Where it is triggered, as [`Own::toward`] turns prices.
    pub trigger: i64,
    pub left: i64,
    /// What of `left` the market sees.
    pub shown: i64,
    /// Lots that traded.
    pub traded: i64,
    /// How much of its quantity its parent's trades have released.
    pub released: i64,
    /// The first row it can trade by.
    pub since: usize,
    pub position: Position,
}

impl Own {
    pub fn new(order: NewOrder, since: usize) -> Self {
        let key = order.kind.limit().map_or(PRICE_LIMIT, |price| order.half.key(price));
        let left = if order.parent == 0 { order.quantity } else { 0 };
        let mut own = Self {
            order,
            state: State::Sent,
            key,
            trigger: 0,
            left,
            shown: 0,
            traded: 0,
            released: left,
            since,
            position: Position::default(),
        };
        own.trigger = match order.kind {
            Kind::Stop { trigger } | Kind::StopLimit { trigger, .. } | Kind::TakeProfit { trigger } => {
                own.toward(trigger)
            }
            Kind::TrailingStop { .. } => i64::MAX,
            Kind::Market | Kind::Limit { .. } => i64::MIN,
        };
        own.show();
        own
    }

    /// Whether it waits for a trigger before it may trade.
    pub fn is_conditional(&self) -> bool {
        !matches!(self.order.kind, Kind::Market | Kind::Limit { .. })
    }

    /// A price, turned so that the trigger is reached from below.
    pub fn toward(&self, price: i64) -> i64 {
        let upward = matches!(self.order.kind, Kind::TakeProfit { .. }) != (self.order.half == Half::Bid);
        if upward { price } else { -price }
    }

    /// Lets a trailing stop follow a trade; others stay.
    pub fn follow(&mut self, price: i64) {
        if let Kind::TrailingStop { distance } = self.order.kind {
            self.trigger = self.trigger.min(self.toward(price) + distance);
        }
    }

    /// Whether a trade at this price triggers it.
    pub fn is_reached(&self, price: i64) -> bool {
        self.toward(price) >= self.trigger
    }

    /// Shows the next part of what is left.
    pub fn show(&mut self) {
        self.shown = if self.order.display > 0 { self.order.display.min(self.left) } else { self.left };
    }

    /// Whether a row can trade it as a resting order.
    pub fn rests(&self, half: Half, row: usize) -> bool {
        self.state == State::Open && self.order.half == half && self.since <= row
    }
}

/// The keys between which our orders of one side rest, so that rows elsewhere need not be looked at closer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    pub low: i64,
    pub high: i64,
}

impl Bounds {
    pub const EMPTY: Self = Self { low: i64::MAX, high: NOTHING };

    pub fn include(&mut self, key: i64) {
        self.low = self.low.min(key);
        self.high = self.high.max(key);
    }

    #[inline]
    pub fn hold(self, key: i64) -> bool {
        (self.low <= key) & (key <= self.high)
    }
}
