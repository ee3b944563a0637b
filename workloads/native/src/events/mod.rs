//! The event engine: strategies on a tape, with two clocks.
//!
//! The exchange handles the rows of the tape by its own times, the trader by the times they arrived; requests and
//! reports travel between them. `docs/engine-events.md` states the order of everything.

mod account;
mod desk;
mod engine;
mod feed;
pub mod journal;
mod ledger;
mod log;
mod maker;
mod merge;
mod pairs;
mod periods;
mod replay;
mod session;
mod signals;
mod strategy;
#[cfg(test)]
mod tests;
mod trader;
mod view;

pub use account::Holding;
pub use desk::{Changes, Desk, Setup, Ticket};
pub use engine::Engine;
pub use feed::{Feed, Prepared, Unfit};
pub use ledger::fills;
pub use log::{BLOCK_ROWS, COLUMNS, Log, Row};
pub use maker::{MarketMaker, Quoting};
pub use pairs::{Pair, PairsTrader};
pub use periods::{Account, Bar};
pub use replay::{Replayed, replay};
pub use session::{Command, Input, MAX_ROWS, Refusal, Session};
pub use signals::{Decided, Recorder, SignalTrader, Targets};
pub use strategy::{Strategy, Trade};
pub use view::View;
