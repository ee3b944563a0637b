//! How long messages take between the trader and the exchange.
//!
//! Messages of one direction never overtake each other: what would arrive before the one sent earlier arrives with it.

mod recorded;
mod skew;

pub use recorded::{Observation, Recorded, Unordered};
pub use skew::skew;

/// How long requests and their reports take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Latency {
    /// Always the same, in nanoseconds, 0 or more.
    Constant {
        /// From the trader to the exchange.
        entry: i64,
        /// From the exchange to the trader.
        response: i64,
    },
    /// As long as the market data took at that moment, by the times of the tape.
    Feed,
    /// Between what recorded orders took before and after.
    Recorded(Recorded),
}

impl Latency {
    /// The shortest time a request can take.
    #[must_use]
    pub fn least_entry(&self) -> i64 {
        match self {
            Self::Constant { entry, .. } => *entry,
            Self::Feed => 0,
            Self::Recorded(recorded) => recorded.least_entry(),
        }
    }

    /// The shortest time a report can take.
    #[must_use]
    pub fn least_response(&self) -> i64 {
        match self {
            Self::Constant { response, .. } => *response,
            Self::Feed => 0,
            Self::Recorded(recorded) => recorded.least_response(),
        }
    }

    /// How long a request sent at `now` takes, while market data takes `feed`.
    #[must_use]
    pub fn entry(&mut self, now: i64, feed: i64) -> i64 {
        match self {
            Self::Constant { entry, .. } => *entry,
            Self::Feed => feed.max(0),
            Self::Recorded(recorded) => recorded.entry(now),
        }
    }

    /// How long a report made at `now` takes, while market data takes `feed`.
    #[must_use]
    pub fn response(&mut self, now: i64, feed: i64) -> i64 {
        match self {
            Self::Constant { response, .. } => *response,
            Self::Feed => feed.max(0),
            Self::Recorded(recorded) => recorded.response(now),
        }
    }
}
