//! A recorded exchange run again: the same inputs must lead to the same outcomes.

use super::record::{Damage, Step};
use super::{Exchange, Fault, Input, Outcome};
use crate::tape::Columns;
use std::fmt;

/// Where a replay parts from its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Divergence {
    /// Number of the input.
    pub input: u64,
    /// Which of its outcomes, from 0.
    pub place: usize,
    /// The field in which they differ; `None` where one is missing.
    pub field: Option<&'static str>,
    /// The outcome as recorded.
    pub expected: Option<Outcome>,
    /// The outcome now.
    pub got: Option<Outcome>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, place, .. } = self;
        match (self.field, &self.expected) {
            (Some(field), _) => write!(formatter, "outcome {place} of input {input} differs in {field}"),
            (None, Some(_)) => write!(formatter, "outcome {place} of input {input} is missing"),
            (None, None) => write!(formatter, "input {input} has an outcome {place} that was not recorded"),
        }
    }
}

/// Why a replay ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The record cannot be read.
    Damage(Damage),
    /// An input is none for this exchange.
    Fault(u64, Fault),
    /// An input led to something else.
    Divergence(Box<Divergence>),
}

impl fmt::Display for Stop {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damage(damage) => damage.fmt(formatter),
            Self::Fault(input, fault) => write!(formatter, "input {input} does not fit the market: {fault}"),
            Self::Divergence(divergence) => divergence.fmt(formatter),
        }
    }
}

impl std::error::Error for Stop {}

impl Exchange {
    /// Applies a recorded step and holds what comes of it to what was recorded.
    ///
    /// # Errors
    /// [`Stop`] naming the input.
    pub fn again(&mut self, step: &Step, tapes: &[Columns<'_>]) -> Result<(), Stop> {
        let tape = match step.input {
            Input::Market { instrument, .. } => tapes.get(instrument as usize),
            _ => None,
        };
        self.apply(&step.input, step.time, tape).map_err(|fault| Stop::Fault(step.number, fault))?;
        first_difference(step, self.outcomes()).map_or(Ok(()), |found| Err(Stop::Divergence(Box::new(found))))
    }
}

fn first_difference(step: &Step, got: &[Outcome]) -> Option<Divergence> {
    let expected = &step.outcomes;
    (0..expected.len().max(got.len())).find_map(|place| {
        let (one, two) = (expected.get(place).copied(), got.get(place).copied());
        let field = one.zip(two).and_then(|(one, two)| one.difference(&two));
        (one != two).then_some(Divergence { input: step.number, place, field, expected: one, got: two })
    })
}
