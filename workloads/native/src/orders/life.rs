//! The life cycle of an order: one enumeration of states, one function of transitions.

use std::fmt;

/// Where an order stands. The exchange and the trader each have their own view, which differs by what is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// On its way to the exchange.
    Sent = 0,
    /// At the exchange, until the order it belongs to has traded.
    Held = 1,
    /// At the exchange, until the market reaches its trigger.
    Waiting = 2,
    /// In the book.
    Open = 3,
    /// Traded whole.
    Filled = 4,
    /// Taken back.
    Cancelled = 5,
    /// Ended by its own terms.
    Expired = 6,
    /// Not accepted.
    Refused = 7,
}

/// What may happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The exchange takes it, to hold until another order has traded.
    Hold,
    /// The exchange takes it, or lets it go, to wait for its trigger.
    Wait,
    /// It joins the book, or trades on arrival.
    Open,
    /// A part of it traded.
    Trade,
    /// The last of it traded.
    Fill,
    /// It has another price or quantity.
    Replace,
    /// It was taken back.
    Cancel,
    /// Its terms ended it.
    Expire,
    /// It was not accepted.
    Refuse,
}

/// A step that an order in its state cannot take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Impossible {
    /// The state it is in.
    pub state: State,
    /// The step that was asked of it.
    pub step: Step,
}

impl fmt::Display for Impossible {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an order that is {:?} cannot take the step {:?}", self.state, self.step)
    }
}

impl std::error::Error for Impossible {}

impl State {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::Held,
        Self::Waiting,
        Self::Open,
        Self::Filled,
        Self::Cancelled,
        Self::Expired,
        Self::Refused,
    ];

    /// Whether nothing can happen to the order any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Filled | Self::Cancelled | Self::Expired | Self::Refused)
    }

    /// The state after a step.
    ///
    /// # Errors
    /// [`Impossible`] where the step does not follow from the state.
    pub fn after(self, step: Step) -> Result<Self, Impossible> {
        match (self, step) {
            (Self::Sent, Step::Hold) => Ok(Self::Held),
            (Self::Sent | Self::Held, Step::Wait) => Ok(Self::Waiting),
            (Self::Sent | Self::Held | Self::Waiting, Step::Open) => Ok(Self::Open),
            (Self::Open, Step::Trade) => Ok(Self::Open),
            (Self::Open, Step::Fill) => Ok(Self::Filled),
            (Self::Held | Self::Waiting | Self::Open, Step::Replace) => Ok(self),
            (Self::Held | Self::Waiting | Self::Open, Step::Cancel) => Ok(Self::Cancelled),
            (Self::Sent | Self::Held | Self::Waiting | Self::Open, Step::Expire) => Ok(Self::Expired),
            (Self::Sent, Step::Refuse) => Ok(Self::Refused),
            (state, step) => Err(Impossible { state, step }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 9] = [
        Step::Hold,
        Step::Wait,
        Step::Open,
        Step::Trade,
        Step::Fill,
        Step::Replace,
        Step::Cancel,
        Step::Expire,
        Step::Refuse,
    ];

    #[test]
    fn nothing_follows_the_end() {
        for state in State::ALL.into_iter().filter(|state| state.is_over()) {
            for step in STEPS {
                assert_eq!(state.after(step), Err(Impossible { state, step }));
            }
        }
    }

    #[test]
    fn only_an_order_in_the_book_trades() {
        for state in State::ALL {
            assert_eq!(state.after(Step::Trade).is_ok(), state == State::Open);
            assert_eq!(state.after(Step::Fill).is_ok(), state == State::Open);
        }
    }

    #[test]
    fn only_what_was_sent_and_no_more_is_refused() {
        for state in State::ALL {
            assert_eq!(state.after(Step::Refuse).is_ok(), state == State::Sent);
            assert_eq!(state.after(Step::Cancel).is_ok(), !state.is_over() && state != State::Sent);
        }
    }

    #[test]
    fn a_bracket_leg_is_held_then_waits_then_trades() {
        let mut state = State::Sent;
        for (step, after) in [
            (Step::Hold, State::Held),
            (Step::Wait, State::Waiting),
            (Step::Open, State::Open),
            (Step::Trade, State::Open),
            (Step::Fill, State::Filled),
        ] {
            state = state.after(step).expect("follows");
            assert_eq!(state, after);
        }
    }
}
