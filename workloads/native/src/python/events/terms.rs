//! How an instrument is traded, from the attributes of a Python object.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::named;
use crate::book::WINDOW;
use crate::events::Setup;
use crate::exchange::{Form, Function, Impact, Model, Probability, Rules};
use crate::fees::{Fees, Tier};
use crate::instrument::{Instrument, Settlement};
use crate::latency::{Latency, Observation, Recorded};
use crate::risk::Limits;

/// How an instrument is traded: the attributes of a Python object.
#[derive(FromPyObject)]
pub(in crate::python) struct Terms {
    pub(super) settlement: String,
    pub(super) numerator: i128,
    pub(super) denominator: i128,
    pub(super) cash: i128,
    pub(super) fee_tiers: Vec<(i128, i128, i128)>,
    pub(super) fee_per_lot: i128,
    pub(super) fee_minimum: Option<i128>,
    pub(super) order_size: Option<i64>,
    pub(super) position: Option<i64>,
    pub(super) notional: Option<i128>,
    pub(super) collar: Option<i64>,
    pub(super) daily_loss: Option<i128>,
    pub(super) latency: String,
    pub(super) entry_ns: i64,
    pub(super) response_ns: i64,
    pub(super) observations: Vec<(i64, i64, i64)>,
    pub(super) queue: String,
    pub(super) queue_form: String,
    pub(super) queue_exponent: f64,
    pub(super) queue_seed: Option<u64>,
    pub(super) impact: String,
    pub(super) impact_coefficient: i64,
    pub(super) impact_reference: i64,
}

impl Terms {
    pub(in crate::python) fn setup(self) -> PyResult<Setup> {
        if self.numerator <= 0 || self.denominator <= 0 {
            return Err(PyValueError::new_err("numerator and denominator must be above zero"));
        }
        let settlement = match self.settlement.as_str() {
            "spot" => Some(Settlement::Spot),
            "linear" => Some(Settlement::Linear),
            "inverse" => Some(Settlement::Inverse),
            _ => None,
        };
        let (latency, model, impact) = (self.latency()?, self.model()?, self.impact()?);
        let tier = |(from_volume, maker, taker)| Tier { from_volume, maker, taker };
        Ok(Setup {
            instrument: Instrument {
                settlement: named(settlement, "settlement", &self.settlement)?,
                numerator: self.numerator,
                denominator: self.denominator,
            },
            fees: Fees {
                tiers: self.fee_tiers.into_iter().map(tier).collect(),
                per_lot: self.fee_per_lot,
                minimum: self.fee_minimum,
            },
            limits: Limits {
                order_size: self.order_size,
                position: self.position,
                notional: self.notional,
                collar: self.collar,
                daily_loss: self.daily_loss,
            },
            cash: self.cash,
            rules: Rules { latency, model, impact, window: WINDOW },
        })
    }

    fn latency(&self) -> PyResult<Latency> {
        match self.latency.as_str() {
            "constant" if self.entry_ns < 0 || self.response_ns < 0 => {
                Err(PyValueError::new_err("latency must not be below zero"))
            }
            "constant" => Ok(Latency::Constant { entry: self.entry_ns, response: self.response_ns }),
            "feed" => Ok(Latency::Feed),
            "recorded" => {
                let observation = |&(request, exchange, response)| Observation { request, exchange, response };
                let recorded = Recorded::new(self.observations.iter().map(observation).collect());
                Ok(Latency::Recorded(recorded.map_err(|error| PyValueError::new_err(error.to_string()))?))
            }
            other => named(None, "latency", other),
        }
    }

    fn model(&self) -> PyResult<Model> {
        let function = match self.queue.as_str() {
            "risk-averse" => return Ok(Model::RiskAverse),
            "exact" => return Ok(Model::Exact),
            "power" => Function::Power(self.queue_exponent),
            "logarithm" => Function::Logarithm,
            other => return named(None, "queue", other),
        };
        let form = match self.queue_form.as_str() {
            "parts" => Some(Form::Parts),
            "whole" => Some(Form::Whole),
            "rest" => Some(Form::Rest),
            _ => None,
        };
        let probability = Probability { function, form: named(form, "queue form", &self.queue_form)? };
        Ok(match self.queue_seed {
            Some(seed) => Model::Drawn { probability, seed },
            None => Model::Probable(probability),
        })
    }

    fn impact(&self) -> PyResult<Impact> {
        let (coefficient, reference) = (self.impact_coefficient, self.impact_reference);
        if self.impact != "none" && (coefficient < 0 || reference <= 0) {
            return Err(PyValueError::new_err("impact needs a coefficient of zero or more and a reference above zero"));
        }
        match self.impact.as_str() {
            "none" => Ok(Impact::None),
            "linear" => Ok(Impact::Linear { coefficient, reference }),
            "square-root" => Ok(Impact::SquareRoot { coefficient, reference }),
            other => named(None, "impact", other),
        }
    }
}
