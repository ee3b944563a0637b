//! The exchange of several accounts, fed one input at a time, with its record.

mod replayed;
mod views;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::events::{EventTape, Tapes, Terms, named};
use crate::book::Half;
use crate::exchange::matching::{self, Fault, Input, Listing, Order, record};
use crate::orders::{Kind, TimeInForce};
use crate::tape::Columns;
use replayed::{ExchangeReplay, ExchangeStep};
use views::ExchangeOutcome;

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Exchange>()?;
    module.add_class::<ExchangeOutcome>()?;
    module.add_class::<ExchangeReplay>()?;
    module.add_class::<ExchangeStep>()
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        PyValueError::new_err(fault.to_string())
    }
}

/// Levels of one side of a book as price and quantity, best first.
type Levels = Vec<(i64, i64)>;

/// An exchange and its record, of tapes that Python holds.
#[pyclass(module = "tradeplane_native")]
struct Exchange {
    exchange: matching::Exchange,
    tapes: Vec<Py<EventTape>>,
    market: [u8; 32],
    record: Vec<u8>,
}

#[pymethods]
impl Exchange {
    /// One set of terms and of (base, quote, billionths of the base in a lot) a tape; `market` names market and terms.
    #[new]
    #[pyo3(signature = (tapes, terms, assets, *, asset_count, leverage, market))]
    fn new(
        tapes: Vec<Py<EventTape>>,
        terms: Vec<Terms>,
        assets: Vec<(usize, usize, i128)>,
        asset_count: usize,
        leverage: u32,
        market: [u8; 32],
    ) -> PyResult<Self> {
        if tapes.len() != terms.len() || tapes.len() != assets.len() || tapes.is_empty() {
            return Err(PyValueError::new_err("there must be one set of terms and of assets a tape, and a tape"));
        }
        if assets.iter().any(|&(base, quote, lot)| base.max(quote) >= asset_count || lot < 0) {
            return Err(PyValueError::new_err(format!(
                "assets are numbered below {asset_count}, and lots not below 0"
            )));
        }
        let listing = |(terms, (base, quote, lot)): (Terms, (usize, usize, i128))| {
            let setup = terms.setup()?;
            Ok(Listing { instrument: setup.instrument, fees: setup.fees, rules: setup.rules, base, quote, lot })
        };
        let listings = terms.into_iter().zip(assets).map(listing).collect::<PyResult<Vec<Listing>>>()?;
        let exchange = matching::Exchange::new(listings, asset_count, leverage);
        Ok(Self { exchange, tapes, market, record: record::header(&market) })
    }

    /// Opens an account with an amount of each asset in billionths; gives its number.
    fn open_account(&mut self, name: &str, opening: Vec<i128>, time: i64) -> PyResult<usize> {
        self.apply(Input::Account { name: checked_name(name)?, opening }, time, None)?;
        Ok(self.exchange.accounts() - 1)
    }

    /// Plays rows `first` to before `end` of an instrument's tape.
    fn play(&mut self, py: Python<'_>, instrument: u32, first: u64, end: u64, time: i64) -> PyResult<u64> {
        let tape = self.tapes.get(instrument as usize).ok_or(Fault::Instrument(instrument))?.clone_ref(py);
        let borrowed = [tape.try_borrow(py)?];
        let tapes = Tapes::of(py, &borrowed)?;
        let feeds = tapes.feeds()?;
        self.apply(Input::Market { instrument, first, end }, time, feeds.first().map(|feed| feed.columns()))
    }

    /// Begins an instrument's tape again, with an empty book.
    fn begin_again(&mut self, instrument: u32, time: i64) -> PyResult<u64> {
        self.apply(Input::BeginAgain { instrument }, time, None)
    }

    /// Sends an order to buy (side 1) or sell (-1); gives the number of the input. `kind` is `market`, `limit`, `stop`,
    /// `stop-limit`, `take-profit` or `trailing-stop`, whose trigger is its distance; `terms` as of [`super::events`]'
    /// desk. `peer` and `parent` are numbers of orders that are alive: the other leg of a pair of which one cancels the
    /// other, and the order whose trades this one waits for.
    #[pyo3(signature = (
        account, instrument, side, quantity, time, *, kind, client, price=0, trigger=0, terms="GTC", display=0,
        reduce_only=false, peer=0, parent=0
    ))]
    #[allow(clippy::too_many_arguments)] // the fields of an order
    fn submit(
        &mut self,
        account: u32,
        instrument: u32,
        side: i64,
        quantity: i64,
        time: i64,
        kind: &str,
        client: &str,
        price: i64,
        trigger: i64,
        terms: &str,
        display: i64,
        reduce_only: bool,
        peer: u64,
        parent: u64,
    ) -> PyResult<u64> {
        let half = half_of(side)?;
        let kind = named(kind_of(kind, price, trigger), "kind of order", kind)?;
        let time_in_force = named(terms_of(terms), "terms", terms)?;
        let client = checked_name(client)?;
        let order = Order { half, kind, time_in_force, quantity, display, reduce_only, peer, parent, client };
        self.apply(Input::Submit { account, instrument, order }, time, None)
    }

    /// Takes an order back.
    fn cancel(&mut self, account: u32, instrument: u32, order: u64, time: i64) -> PyResult<u64> {
        self.apply(Input::Cancel { account, instrument, id: order }, time, None)
    }

    /// Gives an order another price, and what is left of it another quantity.
    fn replace(
        &mut self,
        account: u32,
        instrument: u32,
        order: u64,
        price: i64,
        quantity: i64,
        time: i64,
    ) -> PyResult<u64> {
        self.apply(Input::Replace { account, instrument, id: order, price, quantity }, time, None)
    }

    /// What the last input led to.
    fn outcomes(&self) -> Vec<ExchangeOutcome> {
        self.exchange.outcomes().iter().map(ExchangeOutcome::of).collect()
    }

    /// Levels the last input changed: side (1 bid, -1 ask), price, quantity now.
    fn changes(&self) -> Vec<(i64, i64, i64)> {
        let change = |one: &matching::Change| (one.half.sign(), one.price, one.quantity);
        self.exchange.changes().iter().map(change).collect()
    }

    /// Trades of the market in the last input: number, price, quantity, taker (1, -1, 0 where nobody said).
    fn prints(&self) -> Vec<(u64, i64, i64, i64)> {
        let taker = |side: u8| if side == 2 { -1 } else { i64::from(side) };
        let print = |one: &matching::PublicTrade| (one.number, one.price, one.quantity, taker(one.taker));
        self.exchange.prints().iter().map(print).collect()
    }

    /// How many inputs there were.
    #[getter]
    fn inputs(&self) -> u64 {
        self.exchange.inputs()
    }

    /// The exchange's clock.
    #[getter]
    fn time(&self) -> i64 {
        self.exchange.time()
    }

    /// How many accounts were opened.
    #[getter]
    fn accounts(&self) -> usize {
        self.exchange.accounts()
    }

    /// Bids and asks of an instrument, so many levels of each, best first.
    fn depth(&self, instrument: usize, levels: usize) -> PyResult<(Levels, Levels)> {
        let book = self.exchange.book(instrument).ok_or(Fault::Instrument(instrument as u32))?;
        let of = |half| book.levels(half).take(levels).collect();
        Ok((of(Half::Bid), of(Half::Ask)))
    }

    /// What is free and what is locked of an account's asset, in billionths.
    fn balance(&self, account: usize, asset: usize) -> PyResult<(i128, i128)> {
        let found = self.exchange.balance(account, asset).ok_or(Fault::Account(account as u32))?;
        Ok((found.free, found.locked))
    }

    /// An account's position: lots, worth of its entries in billionths, value traded in billionths.
    fn position(&self, account: usize, instrument: usize) -> PyResult<(i64, i128, i128)> {
        let found = self.exchange.holding(account, instrument).ok_or(Fault::Account(account as u32))?;
        Ok((found.lots, found.entry, found.volume))
    }

    /// What was recorded since it was last taken; the first time, with the header.
    fn take_record<'py>(&mut self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let taken = PyBytes::new(py, &self.record);
        self.record.clear();
        taken
    }

    /// Applies a record of this market to an exchange that had no input yet, and stops where it parts from it.
    fn replay(&mut self, py: Python<'_>, record: &[u8]) -> PyResult<ExchangeReplay> {
        if self.exchange.inputs() > 0 {
            return Err(PyValueError::new_err("the exchange had inputs already; make a new one"));
        }
        let borrowed = self.tapes.iter().map(|tape| tape.try_borrow(py)).collect::<Result<Vec<_>, _>>()?;
        let tapes = Tapes::of(py, &borrowed)?;
        let feeds = tapes.feeds()?;
        let columns: Vec<Columns<'_>> = feeds.iter().map(|feed| *feed.columns()).collect();
        let replayed = ExchangeReplay::of(&mut self.exchange, record, &self.market, &columns)?;
        self.record.clear(); // what was replayed is recorded already
        Ok(replayed)
    }
}

impl Exchange {
    fn apply(&mut self, input: Input, time: i64, tape: Option<&Columns<'_>>) -> PyResult<u64> {
        let number = self.exchange.apply(&input, time, tape)?;
        record::append(&mut self.record, number, self.exchange.time(), &input, self.exchange.outcomes());
        Ok(number)
    }
}

fn checked_name(name: &str) -> PyResult<Box<str>> {
    if name.len() <= record::MAX_NAME {
        return Ok(name.into());
    }
    let most = record::MAX_NAME;
    Err(PyValueError::new_err(format!("a name of an account or an order has at most {most} bytes")))
}

fn half_of(side: i64) -> PyResult<Half> {
    match side {
        1 => Ok(Half::Bid),
        -1 => Ok(Half::Ask),
        _ => Err(PyValueError::new_err("side must be 1 to buy or -1 to sell")),
    }
}

fn kind_of(name: &str, price: i64, trigger: i64) -> Option<Kind> {
    Some(match name {
        "market" => Kind::Market,
        "limit" => Kind::Limit { price },
        "stop" => Kind::Stop { trigger },
        "stop-limit" => Kind::StopLimit { trigger, price },
        "take-profit" => Kind::TakeProfit { trigger },
        "trailing-stop" => Kind::TrailingStop { distance: trigger },
        _ => return None,
    })
}

fn terms_of(name: &str) -> Option<TimeInForce> {
    Some(match name {
        "GTC" => TimeInForce::GoodTillCancelled,
        "IOC" => TimeInForce::ImmediateOrCancel,
        "FOK" => TimeInForce::FillOrKill,
        "post-only" => TimeInForce::PostOnly,
        _ => return None,
    })
}
