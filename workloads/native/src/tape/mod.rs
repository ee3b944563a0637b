//! Tapes: what a market published, in the order a recorder received it.
//!
//! A tape is columns, because readers and books touch a few fields of many rows; prices and quantities are integers
//! (ticks and lots), as everywhere on the decision path.

mod columns;

pub use columns::{Columns, Fault, Kind, Side};
