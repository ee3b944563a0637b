//! Orders: what may be asked of an exchange, and what becomes of it.

mod life;
mod request;

pub use life::{Impossible, State, Step};
pub use request::{Kind, NewOrder, Request, TimeInForce};
