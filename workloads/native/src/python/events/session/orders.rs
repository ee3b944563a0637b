//! What is to be sent to an exchange, and what is open there as far as is known.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::events::Ticket;
use crate::orders::{Kind, NewOrder, Request, State, TimeInForce};

/// A request to an exchange, or an order as it was last told.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
#[derive(Clone)]
pub(super) struct OrderRequest {
    /// `submit`, `cancel` or `replace`.
    pub(super) action: &'static str,
    pub(super) instrument: u32,
    pub(super) order: u64,
    /// 1 to buy, -1 to sell; 0 where no order is sent.
    pub(super) side: i64,
    /// `market`, `limit`, `stop`, `stop-limit`, `take-profit` or `trailing-stop`; nothing where no order is sent.
    pub(super) kind: &'static str,
    pub(super) price: Option<i64>,
    pub(super) trigger: Option<i64>,
    pub(super) distance: Option<i64>,
    pub(super) quantity: i64,
    pub(super) terms: &'static str,
    pub(super) display: i64,
    pub(super) peer: u64,
    pub(super) parent: u64,
}

impl OrderRequest {
    pub(super) fn of(instrument: u32, request: &Request) -> Self {
        let blank = Self {
            action: "cancel",
            instrument,
            order: request.id(),
            side: 0,
            kind: "",
            price: None,
            trigger: None,
            distance: None,
            quantity: 0,
            terms: "",
            display: 0,
            peer: 0,
            parent: 0,
        };
        match *request {
            Request::Cancel { .. } => blank,
            Request::Replace { price, quantity, .. } => {
                Self { action: "replace", price: Some(price), quantity, ..blank }
            }
            Request::Submit(order) => Self::submits(blank, &order),
        }
    }

    fn submits(blank: Self, order: &NewOrder) -> Self {
        let (kind, price, trigger, distance) = match order.kind {
            Kind::Market => ("market", None, None, None),
            Kind::Limit { price } => ("limit", Some(price), None, None),
            Kind::Stop { trigger } => ("stop", None, Some(trigger), None),
            Kind::StopLimit { trigger, price } => ("stop-limit", Some(price), Some(trigger), None),
            Kind::TakeProfit { trigger } => ("take-profit", None, Some(trigger), None),
            Kind::TrailingStop { distance } => ("trailing-stop", None, None, Some(distance)),
        };
        let terms = match order.time_in_force {
            TimeInForce::GoodTillCancelled => "GTC",
            TimeInForce::ImmediateOrCancel => "IOC",
            TimeInForce::FillOrKill => "FOK",
            TimeInForce::PostOnly => "post-only",
        };
        let NewOrder { half, quantity, display, peer, parent, .. } = *order;
        let (action, side) = ("submit", half.sign());
        Self { action, side, kind, price, trigger, distance, quantity, terms, display, peer, parent, ..blank }
    }
}

#[pymethods]
impl OrderRequest {
    fn __repr__(&self) -> String {
        let Self { action, instrument, order, side, kind, price, quantity, .. } = self;
        let price = price.map_or_else(|| "None".into(), |price| price.to_string());
        format!(
            "OrderRequest(action={action:?}, instrument={instrument}, order={order}, side={side}, kind={kind:?}, \
             price={price}, quantity={quantity})"
        )
    }
}

/// An order that is not over, as far as is known.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
pub(super) struct OpenOrder {
    /// What was sent, with price and quantity as last told.
    pub(super) request: OrderRequest,
    /// `sent`, `held`, `waiting` or `open`.
    pub(super) state: &'static str,
    pub(super) left: i64,
    /// Lots of it that traded: with orders that belong to others, `left` and these are not the whole.
    pub(super) traded: i64,
    /// Whether a cancellation or change is on its way.
    pub(super) asked: bool,
}

impl OpenOrder {
    pub(super) fn of(instrument: u32, ticket: &Ticket) -> PyResult<Self> {
        let state = match ticket.state {
            State::Sent => "sent",
            State::Held => "held",
            State::Waiting => "waiting",
            State::Open => "open",
            over => return Err(PyValueError::new_err(format!("an order that is {over:?} is not open"))),
        };
        let request = OrderRequest::of(instrument, &Request::Submit(ticket.order));
        Ok(Self { request, state, left: ticket.left, traded: ticket.traded, asked: ticket.asked })
    }
}
