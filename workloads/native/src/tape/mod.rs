//! Tapes: what a market published, in the order a recorder received it.
//!
//! A tape is columns, because readers and books touch a few fields of many rows; prices and quantities are integers
//! (ticks and lots), as everywhere on the decision path. How it is stored is stated in `docs/formats/tape.md`.

mod columns;
mod decode;
mod encode;
mod form;
mod owned;
mod planes;

pub use columns::{Columns, Fault, Kind, Side};
pub use decode::{Decoder, Layout, Refusal};
pub use encode::{Encoded, EncodedColumn, encode};
pub use form::{BOUND, Origin};
pub use owned::{Row, Tape};
