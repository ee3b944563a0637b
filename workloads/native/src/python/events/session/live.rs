//! A session whose strategy is not known before it runs.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::super::called::Fallible;
use super::super::choice::Purpose;
use crate::events::journal::{Damage, Difference, Header};
use crate::events::{Account, Desk, Input, Refusal, Replayed, Session, Setup, Strategy, replay};
use crate::fixed::Overflow;
use crate::orders::Request;
use crate::risk::Rate;

/// A session, whatever its strategy; see [`Session`] for what each does.
pub(super) trait Live: Send + Sync {
    fn feed(&mut self, time: i64, input: &Input<'_>) -> Result<(), Refusal>;
    fn desk(&self) -> &Desk;
    fn inputs(&self) -> u64;
    fn jumps(&self) -> u64;
    fn next_timer(&self) -> Option<i64>;
    fn next_period(&self) -> Option<i64>;
    fn is_over(&self) -> bool;
    fn is_flat(&self) -> bool;
    fn gave_up(&self) -> bool;
    fn take_requests(&mut self) -> Vec<(u32, Request)>;
    fn journal(&self) -> &[u8];
    fn forget_journal(&mut self, bytes: usize);
    fn account(&self) -> Result<Account, Overflow>;
    /// The error of a strategy in Python, which ended the session.
    fn failure(&self) -> Option<&PyErr>;
}

/// A session, and how its strategy tells the error it ended with.
struct Held<S> {
    session: Session<S>,
    error: fn(&S) -> Option<&PyErr>,
}

impl<S: Strategy + Send + Sync> Live for Held<S> {
    fn feed(&mut self, time: i64, input: &Input<'_>) -> Result<(), Refusal> {
        self.session.feed(time, input)
    }

    fn desk(&self) -> &Desk {
        self.session.desk()
    }

    fn inputs(&self) -> u64 {
        self.session.inputs()
    }

    fn jumps(&self) -> u64 {
        self.session.jumps()
    }

    fn next_timer(&self) -> Option<i64> {
        self.session.next_timer()
    }

    fn next_period(&self) -> Option<i64> {
        self.session.next_period()
    }

    fn is_over(&self) -> bool {
        self.session.is_over()
    }

    fn is_flat(&self) -> bool {
        self.session.is_flat()
    }

    fn gave_up(&self) -> bool {
        self.session.gave_up()
    }

    fn take_requests(&mut self) -> Vec<(u32, Request)> {
        self.session.take_requests()
    }

    fn journal(&self) -> &[u8] {
        self.session.journal()
    }

    fn forget_journal(&mut self, bytes: usize) {
        self.session.forget_journal(bytes);
    }

    fn account(&self) -> Result<Account, Overflow> {
        self.session.account()
    }

    fn failure(&self) -> Option<&PyErr> {
        (self.error)(self.session.strategy())
    }
}

fn boxed<S: Strategy + Send + Sync + 'static>(session: Session<S>, error: fn(&S) -> Option<&PyErr>) -> Box<dyn Live> {
    Box::new(Held { session, error })
}

/// Beginning a session.
pub(super) struct Begin<'a> {
    pub(super) header: &'a Header,
    pub(super) setups: &'a [Setup],
    pub(super) rate: Option<Rate>,
}

impl Purpose for Begin<'_> {
    type Outcome = Box<dyn Live>;

    fn built_in<S: Strategy + Send + Sync + 'static>(self, strategy: S) -> PyResult<Self::Outcome> {
        Ok(boxed(Session::new(self.header, self.setups, self.rate, strategy), |_| None))
    }

    fn called<S: Strategy + Fallible + Send + Sync + 'static>(self, strategy: S) -> PyResult<Self::Outcome> {
        Ok(boxed(Session::new(self.header, self.setups, self.rate, strategy), S::error))
    }
}

/// A session that was fed a recording, and what came of that; see [`Replayed`].
pub(super) struct Fed {
    pub(super) live: Box<dyn Live>,
    pub(super) whole: usize,
    pub(super) torn: bool,
    pub(super) difference: Option<Difference>,
}

/// Feeding a session a recording.
pub(super) struct Again<'a> {
    pub(super) py: Python<'a>,
    pub(super) setups: &'a [Setup],
    pub(super) rate: Option<Rate>,
    pub(super) recording: &'a [u8],
}

impl Again<'_> {
    fn feed<S: Strategy + Send + Sync + 'static>(
        setups: &[Setup],
        rate: Option<Rate>,
        recording: &[u8],
        strategy: S,
        error: fn(&S) -> Option<&PyErr>,
    ) -> Result<Fed, Damage> {
        let replayed = replay(recording, |header| Session::new(header, setups, rate, strategy))?;
        let Replayed { session, whole, torn, difference } = replayed;
        Ok(Fed { live: boxed(session, error), whole, torn, difference })
    }
}

impl Purpose for Again<'_> {
    type Outcome = Fed;

    /// Other Python threads go on meanwhile.
    fn built_in<S: Strategy + Send + Sync + 'static>(self, strategy: S) -> PyResult<Fed> {
        let Self { py, setups, rate, recording } = self;
        py.detach(|| Self::feed(setups, rate, recording, strategy, |_| None)).map_err(refused)
    }

    fn called<S: Strategy + Fallible + Send + Sync + 'static>(self, strategy: S) -> PyResult<Fed> {
        let Self { setups, rate, recording, .. } = self;
        Self::feed(setups, rate, recording, strategy, S::error).map_err(refused)
    }
}

/// Why a journal cannot be read, as Python is told.
pub(super) fn refused(damage: Damage) -> PyErr {
    PyValueError::new_err(format!("the journal cannot be read: {damage}"))
}
