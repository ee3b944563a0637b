//! A record that was replayed, as Python reads it.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::views::ExchangeOutcome;
use crate::exchange::matching::record::{Step, Steps};
use crate::exchange::matching::replay::{Divergence, Stop};
use crate::exchange::matching::{self, Input, Order};
use crate::orders::{Kind, TimeInForce};
use crate::tape::Columns;

/// Where a replay parts from its record: what is said of it, the input, the place among its outcomes, the field, and
/// the two outcomes.
type Parting = (String, u64, usize, Option<&'static str>, Option<ExchangeOutcome>, Option<ExchangeOutcome>);

/// A record that was replayed: `whole` bytes of it before a torn end, the names of the accounts it opened, how many
/// inputs were of the market, the steps that led to something, and where it parted from the record.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
pub(super) struct ExchangeReplay {
    whole: usize,
    accounts: Vec<String>,
    market_inputs: u64,
    steps: Vec<ExchangeStep>,
    divergence: Option<Parting>,
}

impl ExchangeReplay {
    pub(super) fn of(
        exchange: &mut matching::Exchange,
        record: &[u8],
        market: &[u8; 32],
        tapes: &[Columns<'_>],
    ) -> PyResult<Self> {
        let refused = |error: String| PyValueError::new_err(format!("the record: {error}"));
        let mut steps = Steps::new(record, market).map_err(|damage| refused(damage.to_string()))?;
        let mut replayed =
            Self { whole: 0, accounts: Vec::new(), market_inputs: 0, steps: Vec::new(), divergence: None };
        for step in steps.by_ref() {
            let step = step.map_err(|damage| refused(damage.to_string()))?;
            match exchange.again(&step, tapes) {
                Ok(()) => {}
                Err(Stop::Divergence(found)) => {
                    replayed.divergence = Some(parting(&found));
                    break;
                }
                Err(stop) => return Err(refused(stop.to_string())),
            }
            replayed.market_inputs += u64::from(matches!(step.input, Input::Market { .. } | Input::BeginAgain { .. }));
            if let Input::Account { name, .. } = &step.input {
                replayed.accounts.push(name.to_string());
            }
            if !step.outcomes.is_empty() {
                replayed.steps.push(ExchangeStep::of(&step));
            }
        }
        replayed.whole = steps.whole();
        Ok(replayed)
    }
}

fn parting(found: &Divergence) -> Parting {
    let (expected, got) = (found.expected.as_ref(), found.got.as_ref());
    let (expected, got) = (expected.map(ExchangeOutcome::of), got.map(ExchangeOutcome::of));
    (found.to_string(), found.input, found.place, found.field, expected, got)
}

/// A recorded input that led to something. `client` is None unless an order was sent; the other terms are those of that
/// order.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
#[derive(Clone)]
pub(super) struct ExchangeStep {
    number: u64,
    time: i64,
    outcomes: Vec<ExchangeOutcome>,
    client: Option<String>,
    kind: &'static str,
    price: i64,
    trigger: i64,
    terms: &'static str,
    reduce_only: bool,
    display: i64,
    /// The exchange's numbers of its other leg, and of the order whose trades it waits for; 0 for none.
    peer: u64,
    parent: u64,
}

impl ExchangeStep {
    fn of(step: &Step) -> Self {
        let outcomes = step.outcomes.iter().map(ExchangeOutcome::of).collect();
        let bare = Self {
            number: step.number,
            time: step.time,
            outcomes,
            client: None,
            kind: "",
            price: 0,
            trigger: 0,
            terms: "",
            reduce_only: false,
            display: 0,
            peer: 0,
            parent: 0,
        };
        let Input::Submit { order, .. } = &step.input else {
            return bare;
        };
        let (kind, price, trigger) = spelled(order.kind);
        let terms = match order.time_in_force {
            TimeInForce::GoodTillCancelled => "GTC",
            TimeInForce::ImmediateOrCancel => "IOC",
            TimeInForce::FillOrKill => "FOK",
            TimeInForce::PostOnly => "post-only",
        };
        let client = Some(order.client.to_string());
        let Order { reduce_only, display, peer, parent, .. } = *order;
        Self { client, kind, price, trigger, terms, reduce_only, display, peer, parent, ..bare }
    }
}

fn spelled(kind: Kind) -> (&'static str, i64, i64) {
    match kind {
        Kind::Market => ("market", 0, 0),
        Kind::Limit { price } => ("limit", price, 0),
        Kind::Stop { trigger } => ("stop", 0, trigger),
        Kind::StopLimit { trigger, price } => ("stop-limit", price, trigger),
        Kind::TakeProfit { trigger } => ("take-profit", 0, trigger),
        Kind::TrailingStop { distance } => ("trailing-stop", 0, distance),
    }
}
