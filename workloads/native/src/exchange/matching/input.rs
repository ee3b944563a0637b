//! What an exchange is fed, and what it answers.

use super::super::Report;
use crate::book::Half;
use crate::orders::{Kind, TimeInForce};

/// An order as an account sends it; the exchange gives it its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Whether it buys or sells: [`Half::Bid`] or [`Half::Ask`].
    pub half: Half,
    /// What kind it is.
    pub kind: Kind,
    /// How long it stands.
    pub time_in_force: TimeInForce,
    /// Lots.
    pub quantity: i64,
    /// Lots shown at a time; 0 shows all.
    pub display: i64,
    /// Whether it may only make a position smaller.
    pub reduce_only: bool,
    /// The exchange's number of the other leg of a pair of which one cancels the other; 0 for none.
    pub peer: u64,
    /// The exchange's number of the order whose trades this one waits for; 0 for none.
    pub parent: u64,
    /// The account's name for it, which no other of its orders that are alive has.
    pub client: Box<str>,
}

impl Order {
    /// Whether it names another order: its other leg, or the one that it waits for.
    #[must_use]
    pub fn belongs(&self) -> bool {
        self.peer != 0 || self.parent != 0
    }
}

/// One input of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An account is opened with an amount of each asset, in billionths.
    Account {
        /// Its name, which decides nothing.
        name: Box<str>,
        /// By the assets' numbers.
        opening: Vec<i128>,
    },
    /// Rows `first` to before `end` of an instrument's tape.
    Market {
        /// Which.
        instrument: u32,
        /// The first row.
        first: u64,
        /// The row after the last.
        end: u64,
    },
    /// An instrument's tape begins again, with an empty book.
    BeginAgain {
        /// Which.
        instrument: u32,
    },
    /// An account sends an order.
    Submit {
        /// Whose.
        account: u32,
        /// Of what.
        instrument: u32,
        /// The order.
        order: Order,
    },
    /// An account takes an order back.
    Cancel {
        /// Whose.
        account: u32,
        /// Of what.
        instrument: u32,
        /// The exchange's number of the order.
        id: u64,
    },
    /// An account gives an order of a limit another price, and what is left of it another quantity.
    Replace {
        /// Whose.
        account: u32,
        /// Of what.
        instrument: u32,
        /// The exchange's number of the order.
        id: u64,
        /// The new price.
        price: i64,
        /// What shall be left.
        quantity: i64,
    },
}

/// What an input led to, for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Whose order it is.
    pub account: u32,
    /// Of what.
    pub instrument: u32,
    /// What happened; its identifier is the exchange's number of the order.
    pub report: Report,
    /// Number of the account's trade, from 1; 0 where nothing traded.
    pub trade: u64,
    /// Charged for the trade, in billionths of the asset of settlement.
    pub fee: i128,
    /// What the trade gained by closing a position in a future, before fees.
    pub realized: i128,
}

impl Outcome {
    /// The first field in which two outcomes differ.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let (one, two) = (&self.report, &other.report);
        let fields = [
            ("account", self.account == other.account),
            ("instrument", self.instrument == other.instrument),
            ("order", one.id == two.id),
            ("event", one.event == two.event),
            ("reason", one.reason == two.reason),
            ("side", one.half == two.half),
            ("price", one.price == two.price),
            ("quantity", one.quantity == two.quantity),
            ("left", one.left == two.left),
            ("taker", one.taker == two.taker),
            ("exchangeTime", one.exchange_time == two.exchange_time),
            ("trade", self.trade == other.trade),
            ("fee", self.fee == other.fee),
            ("realized", self.realized == other.realized),
        ];
        fields.into_iter().find(|&(_, same)| !same).map(|(name, _)| name)
    }
}

/// A level of the book that has another quantity, 0 where it is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Which side.
    pub half: Half,
    /// Where.
    pub price: i64,
    /// The quantity now.
    pub quantity: i64,
}

/// A trade of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicTrade {
    /// Of its instrument, from 1.
    pub number: u64,
    /// At which price.
    pub price: i64,
    /// How much.
    pub quantity: i64,
    /// Who took: 1 those who buy, 2 those who sell, 0 where nobody said.
    pub taker: u8,
}
