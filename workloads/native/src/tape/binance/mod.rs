//! Recordings of Binance's market streams, as they came: spot, USD-M and COIN-M futures.
//!
//! A line is the recorder's clock in nanoseconds, a space, and a message: of a combined stream or bare, or the answer to
//! a request for a snapshot of the book. `docs/formats/binance-raw.md` states what becomes of each.

mod instrument;
mod intake;
mod message;
mod problem;
mod reader;
mod said;
mod shape;

pub use intake::{Intake, Kept, KeptOut};
pub use problem::{Problem, Refused};
pub use reader::{Market, Options, Recorded, Recording, likely_rows, read, read_into};
