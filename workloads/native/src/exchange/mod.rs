//! A simulated exchange: orders of ours among the market a tape recorded.
//!
//! The tape's book is what others did; it does not change by what we do. An order of ours that takes trades with it
//! level by level; one that rests trades when the tape shows that it would have: by trades through its price, by the
//! other side reaching it, and by trades at its price as a model of the queue says.

mod arriving;
mod filling;
mod impact;
pub mod matching;
mod means;
mod own;
mod placing;
mod queue;
mod report;
#[cfg(test)]
mod tests;
mod venue;

pub use impact::Impact;
pub use means::{Means, Owner, Purse};
pub use queue::{Form, Function, Model, Position, Probability, Queue};
pub use report::{Event, Reason, Report};
pub use venue::{MOST_ORDERS, QUANTITY_LIMIT, Rules, Venue};
