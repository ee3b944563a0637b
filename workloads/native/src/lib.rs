//! The Rust core of tradeplane, bound to Python.
//!
//! What decides a result is computed here and nowhere else, so that it is the same to the last bit on
//! every processor: no platform maths library, no reordering, no fused operation that is not written.

#[cfg(target_endian = "big")]
compile_error!("columns are handed over as little-endian bytes; big-endian processors are not supported");

pub mod book;
pub mod bootstrap;
pub mod engine;
pub mod events;
pub mod exchange;
pub mod fees;
pub mod fixed;
pub mod indicators;
pub mod instrument;
pub mod latency;
pub mod orders;
pub mod pcg64;
mod recording;
pub mod risk;
pub mod signing;
pub mod simd;
pub mod spool;
pub mod statistics;
pub mod tape;

#[cfg(feature = "python")]
mod python;
