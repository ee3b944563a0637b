//! A whole exchange, fed one input at a time: market rows and requests of several accounts, in the one order they came.
//!
//! There is no latency here: who asks is at the end of a real wire. Everything that decides is in the inputs, so the
//! same inputs give the same outcomes and balances; [`record`] keeps them and [`replay`] holds an exchange to that.
//! Orders of different accounts are separate orders among the tape's market and never trade with each other.

mod input;
mod margin;
mod market;
mod money;
pub mod record;
pub mod replay;
mod requests;
#[cfg(test)]
mod tests;

pub use input::{Change, Input, Order, Outcome, PublicTrade};
pub use money::{Balance, Holding};

use super::{Rules, Venue};
use crate::book::{Book, Half};
use crate::fees::Fees;
use crate::fixed::{Overflow, bounded};
use crate::instrument::{Instrument, Settlement};
use crate::orders::{Kind, Request};
use crate::tape::Columns;
use money::{Account, Lock};
use std::collections::BTreeMap;
use std::fmt;

/// As many accounts may be opened.
pub const MOST_ACCOUNTS: usize = 64;

/// An instrument of the exchange.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Its arithmetic.
    pub instrument: Instrument,
    /// What a fill costs, in the asset of settlement.
    pub fees: Fees,
    /// How orders are treated.
    pub rules: Rules,
    /// Number of the asset bought and sold; read of spot alone.
    pub base: usize,
    /// Number of the asset paid with and settled in.
    pub quote: usize,
    /// Billionths of the base asset in a lot; read of spot alone.
    pub lot: i128,
}

/// An input that cannot be one: nothing was changed, and it has no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no such account.
    Account(u32),
    /// There is no such instrument.
    Instrument(u32),
    /// The tape has no such rows.
    Rows(u64, u64),
    /// An account is opened with another number of assets than there are, or one too many.
    Opening,
    /// An amount does not fit; the exchange cannot go on.
    Overflow,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(number) => write!(formatter, "there is no account {number}; open it first"),
            Self::Instrument(number) => write!(formatter, "there is no instrument {number}"),
            Self::Rows(first, end) => write!(formatter, "the tape has no rows {first} to {end}"),
            Self::Opening => {
                write!(formatter, "an account needs one amount an asset, of zero or more, and room for it")
            }
            Self::Overflow => Overflow.fmt(formatter),
        }
    }
}

impl std::error::Error for Fault {}

impl From<Overflow> for Fault {
    fn from(_: Overflow) -> Self {
        Self::Overflow
    }
}

/// An order that is not over, whose account it is, and what is locked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alive {
    account: u32,
    instrument: u32,
    half: Half,
    kind: Kind,
    left: i64,
    /// Lots that may trade yet, whatever the order it waits for has traded.
    whole: i64,
    /// Its other leg, where that was sent before it; 0 for none.
    earlier: u64,
    /// Its other leg, where that was sent after it; 0 for none.
    later: u64,
    /// The order it waits for; 0 for none.
    parent: u64,
    /// Whether it sells what the order it waits for buys, and so has nothing to sell before.
    sells_bought: bool,
    client: Box<str>,
    lock: Lock,
}

impl Alive {
    /// The most lots of it that may trade yet: all of an exit may be released at once.
    fn exposed(&self) -> i64 {
        if self.parent == 0 { self.left } else { self.whole }
    }

    /// Whether it buys later at any price, so that nobody knew what to lock for it.
    fn asks(&self, listing: &Listing) -> bool {
        let later = self.parent != 0 || self.kind != Kind::Market;
        let open = listing.instrument.settlement == Settlement::Spot && self.kind.limit().is_none();
        open && later && self.half == Half::Bid
    }

    /// The lots that something is locked for.
    fn covered(&self) -> i64 {
        if self.sells_bought { self.left } else { self.exposed() }
    }
}

/// The exchange.
#[derive(Debug)]
pub struct Exchange {
    listings: Vec<Listing>,
    venues: Vec<Venue>,
    accounts: Vec<Account>,
    alive: BTreeMap<u64, Alive>,
    assets: usize,
    leverage: i128,
    time: i64,
    inputs: u64,
    orders: u64,
    trades: u64,
    published: Vec<u64>,
    outcomes: Vec<Outcome>,
    changes: Vec<Change>,
    prints: Vec<PublicTrade>,
}

impl Exchange {
    /// An exchange with empty books and no accounts. `leverage` is what positions in futures may be worth for each
    /// unit of margin.
    #[must_use]
    pub fn new(listings: Vec<Listing>, assets: usize, leverage: u32) -> Self {
        Self {
            venues: listings.iter().map(|listing| Venue::new(&listing.rules)).collect(),
            published: vec![0; listings.len()],
            listings,
            accounts: Vec::new(),
            alive: BTreeMap::new(),
            assets,
            leverage: i128::from(leverage.max(1)),
            time: i64::MIN,
            inputs: 0,
            orders: 0,
            trades: 0,
            outcomes: Vec::new(),
            changes: Vec::new(),
            prints: Vec::new(),
        }
    }

    /// Handles an input that came at `time` and gives its number, from 1. A clock that goes back stands still. Of a
    /// market input, `tape` is the instrument's.
    ///
    /// # Errors
    /// A [`Fault`]: nothing was changed, unless it is [`Fault::Overflow`].
    pub fn apply(&mut self, input: &Input, time: i64, tape: Option<&Columns<'_>>) -> Result<u64, Fault> {
        self.check(input, tape)?;
        self.outcomes.clear();
        self.changes.clear();
        self.prints.clear();
        self.time = self.time.max(time);
        self.inputs += 1;
        match input {
            Input::Account { opening, .. } => self.accounts.push(Account::new(opening, self.listings.len())),
            Input::Market { instrument, first, end } => {
                if let Some(tape) = tape {
                    self.market(*instrument as usize, *first as usize..*end as usize, tape)?;
                }
            }
            Input::BeginAgain { instrument } => self.begin_again(*instrument as usize),
            Input::Submit { account, instrument, order } => self.submit(*account, *instrument, order)?,
            Input::Cancel { account, instrument, id } => {
                self.request(*account, *instrument, *id, &Request::Cancel { id: *id })?;
            }
            Input::Replace { account, instrument, id, price, quantity } => {
                self.replace(*account, *instrument, *id, *price, *quantity)?;
            }
        }
        Ok(self.inputs)
    }

    /// What the last input led to.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Levels of the book that the last input changed, by side and price.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Trades of the market in the last input.
    #[must_use]
    pub fn prints(&self) -> &[PublicTrade] {
        &self.prints
    }

    /// How many inputs there were.
    #[must_use]
    pub fn inputs(&self) -> u64 {
        self.inputs
    }

    /// The exchange's clock: the time of the last input.
    #[must_use]
    pub fn time(&self) -> i64 {
        self.time
    }

    /// An instrument's book, where there is the instrument.
    #[must_use]
    pub fn book(&self, instrument: usize) -> Option<&Book> {
        self.venues.get(instrument).map(Venue::book)
    }

    /// An account's amounts of an asset.
    #[must_use]
    pub fn balance(&self, account: usize, asset: usize) -> Option<Balance> {
        self.accounts.get(account)?.balances.get(asset).copied()
    }

    /// An account's position in an instrument.
    #[must_use]
    pub fn holding(&self, account: usize, instrument: usize) -> Option<Holding> {
        self.accounts.get(account)?.holdings.get(instrument).copied()
    }

    /// How many accounts were opened.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.accounts.len()
    }

    fn check(&self, input: &Input, tape: Option<&Columns<'_>>) -> Result<(), Fault> {
        let known = |instrument: u32| match self.listings.get(instrument as usize) {
            Some(_) => Ok(()),
            None => Err(Fault::Instrument(instrument)),
        };
        let open = |account: u32| match self.accounts.get(account as usize) {
            Some(_) => Ok(()),
            None => Err(Fault::Account(account)),
        };
        match *input {
            Input::Account { ref opening, .. } => {
                let fits = opening.len() == self.assets && self.accounts.len() < MOST_ACCOUNTS;
                let amounts = opening.iter().all(|&amount| amount >= 0 && bounded(amount).is_ok());
                if fits && amounts { Ok(()) } else { Err(Fault::Opening) }
            }
            Input::Market { instrument, first, end } => {
                let rows = tape.map_or(0, |tape| tape.kind.len()) as u64;
                known(instrument)?;
                if first < end && end <= rows { Ok(()) } else { Err(Fault::Rows(first, end)) }
            }
            Input::BeginAgain { instrument } => known(instrument),
            Input::Submit { account, instrument, .. }
            | Input::Cancel { account, instrument, .. }
            | Input::Replace { account, instrument, .. } => open(account).and_then(|()| known(instrument)),
        }
    }
}
