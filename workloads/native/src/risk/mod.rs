//! Checks before an order leaves: each refusal is an event with its reason.

mod limits;
mod rate;

pub use limits::{Exposure, Limits};
pub use rate::Rate;
