//! Books: what is on offer at each price, and, where the tape tells, by which order.

mod l2;
mod l3;
mod ladder;
mod scan;

pub use l2::{Book, Half};
pub use l3::{Change, Orders, Unknown};
pub use ladder::{Ladder, NOTHING, PRICE_LIMIT, WINDOW};
