//! The bar engine: targets decided on a bar's close become fills at the next open.
//!
//! Integers throughout: prices in ticks, quantities in lots, money and ratios in billionths held in 128 bits, every
//! division rounded half to even. Floating point enters only where volatility and drift are estimated for sizing, with
//! basic operations and square root alone.

mod account;
mod costs;
mod market;
mod position;
mod records;
mod rules;
mod simulation;
mod sizing;
mod stops;

pub use costs::{Costs, Tier};
pub use market::{Market, Units, Valuation};
pub use position::Position;
pub use records::{Fill, Reason, Records};
pub use rules::{Method, Rules, Sizing, Stops};
pub use simulation::Simulation;
