//! Tapes: what a market published, in the order a recorder received it.
//!
//! A tape is columns, because readers and books touch a few fields of many rows; prices and quantities are integers
//! (ticks and lots), as everywhere on the decision path. How it is stored is stated in `docs/formats/tape.md`.

mod audit;
pub mod binance;
mod column;
mod columns;
mod decimal;
mod decode;
mod digits;
mod encode;
mod form;
mod json;
mod lines;
mod owned;
mod planes;
mod refusal;
mod rows;
mod unit;
mod whole;

pub use audit::{Count, Findings, audit, lost};
pub use columns::{Columns, Fault, Kind, Side};
pub use decimal::{Decimal, MOST_PLACES};
pub use decode::{Decoder, Layout, Room};
pub use encode::{Encoded, EncodedColumn, encode};
pub use form::{BOUND, Origin};
pub use lines::{Broken, LONGEST_LINE};
pub use owned::{Row, Tape};
pub use refusal::Refusal;
pub use unit::Unit;
