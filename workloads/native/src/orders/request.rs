//! What a trader may ask of an exchange.

use crate::book::Half;

/// What kind of order it is.
///
/// A trigger is reached by a trade at its price or beyond: at or above for a stop that buys and a take-profit that
/// sells, at or below for the other two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Takes what is there, at any price.
    Market,
    /// Trades at its price or better.
    Limit {
        /// The worst price.
        price: i64,
    },
    /// Becomes a market order when the market moves against it to the trigger.
    Stop {
        /// Where.
        trigger: i64,
    },
    /// Becomes a limit order when the market moves against it to the trigger.
    StopLimit {
        /// Where.
        trigger: i64,
        /// The worst price from then on.
        price: i64,
    },
    /// Becomes a market order when the market moves in its favour to the trigger.
    TakeProfit {
        /// Where.
        trigger: i64,
    },
    /// A stop that follows the best trade since it was accepted, some ticks behind.
    TrailingStop {
        /// How many ticks behind, more than 0.
        distance: i64,
    },
}

impl Kind {
    /// The worst price the order may trade at, once in the book; `None` for any price.
    #[must_use]
    pub fn limit(self) -> Option<i64> {
        match self {
            Self::Limit { price } | Self::StopLimit { price, .. } => Some(price),
            _ => None,
        }
    }

    /// Its limit, else its trigger or distance, else 0: what the log says of its price.
    #[must_use]
    pub fn price(self) -> i64 {
        match self {
            Self::Market => 0,
            Self::Limit { price } | Self::StopLimit { price, .. } => price,
            Self::Stop { trigger } | Self::TakeProfit { trigger } => trigger,
            Self::TrailingStop { distance } => distance,
        }
    }

    /// The same with another limit, where it has one.
    #[must_use]
    pub fn at(self, price: i64) -> Self {
        match self {
            Self::Limit { .. } => Self::Limit { price },
            Self::StopLimit { trigger, .. } => Self::StopLimit { trigger, price },
            other => other,
        }
    }
}

/// How long an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum TimeInForce {
    /// Until it is cancelled.
    GoodTillCancelled = 0,
    /// What does not trade on arrival expires.
    ImmediateOrCancel = 1,
    /// Trades whole on arrival, or expires.
    FillOrKill = 2,
    /// Expires where it would trade on arrival.
    PostOnly = 3,
}

/// A new order. Identifiers ascend: each is higher than any before, so that one used twice is known at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewOrder {
    /// The trader's name for it.
    pub id: u64,
    /// Whether it buys or sells: [`Half::Bid`] or [`Half::Ask`].
    pub half: Half,
    /// What kind it is.
    pub kind: Kind,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Lots.
    pub quantity: i64,
    /// Lots shown at a time (an iceberg); 0 shows all.
    pub display: i64,
    /// The other leg of a pair of which one cancels the other: an order sent before; 0 for none.
    pub peer: u64,
    /// The order whose trades this one waits for, and whose traded quantity it has: an order sent before; 0 for none.
    pub parent: u64,
}

impl NewOrder {
    /// An order that stands alone until it is cancelled and shows all its quantity.
    #[must_use]
    pub fn new(id: u64, half: Half, kind: Kind, quantity: i64) -> Self {
        Self { id, half, kind, time_in_force: TimeInForce::GoodTillCancelled, quantity, display: 0, peer: 0, parent: 0 }
    }
}

/// A message to the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// A new order.
    Submit(NewOrder),
    /// Take an order back.
    Cancel {
        /// Which.
        id: u64,
    },
    /// Give an order of a limit another price and what is left of it another quantity. It keeps its place in the queue
    /// where the price stays and the quantity does not grow.
    Replace {
        /// Which.
        id: u64,
        /// The new price.
        price: i64,
        /// What shall be left.
        quantity: i64,
    },
}

impl Request {
    /// The order it is about.
    #[must_use]
    pub fn id(&self) -> u64 {
        match *self {
            Self::Submit(NewOrder { id, .. }) | Self::Cancel { id } | Self::Replace { id, .. } => id,
        }
    }
}
