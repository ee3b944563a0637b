//! The functions that run something on tapes.

use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::called::Fallible;
use super::choice::{Purpose, Shape, choose};
use super::record::EventRun;
use super::tapes::{EventTape, Tapes};
use super::terms::Terms;
use crate::events::{Bar, Engine, Feed, Recorder, Setup, Strategy};
use crate::exchange::Model;
use crate::risk::Rate;

/// How a run goes beside its strategy.
struct Course {
    setups: Vec<Setup>,
    rate: Option<Rate>,
    period: Option<i64>,
}

impl Course {
    fn of(tapes: &[PyRef<'_, EventTape>], terms: Vec<Terms>) -> PyResult<Self> {
        if tapes.len() != terms.len() {
            return Err(PyValueError::new_err("there must be one set of terms a tape"));
        }
        let setups = terms.into_iter().map(Terms::setup).collect::<PyResult<Vec<Setup>>>()?;
        let mut both = setups.iter().zip(tapes);
        match both.position(|(setup, tape)| setup.rules.model == Model::Exact && tape.order.is_none()) {
            Some(tape) => {
                Err(PyValueError::new_err(format!("tape {tape} has no orders; choose another queue than exact")))
            }
            None => Ok(Self { setups, rate: None, period: None }),
        }
    }

    fn engine<'a, S: Strategy>(&self, feeds: Vec<Feed<'a>>, strategy: S) -> Engine<'a, S> {
        let engine = Engine::new(feeds, &self.setups, self.rate.clone(), strategy);
        match self.period {
            Some(length) => engine.with_periods(length),
            None => engine,
        }
    }

    fn over<S: Strategy>(&self, engine: Engine<'_, S>) -> PyResult<EventRun> {
        let holdings = (0..engine.desk().width()).map(|instrument| *engine.desk().holding(instrument)).collect();
        let (account, _, log) = engine.into_records();
        EventRun::of(&self.setups, holdings, account, log)
    }
}

/// Running a strategy on tapes.
struct Run<'py, 'a> {
    py: Python<'py>,
    course: &'a Course,
    feeds: Vec<Feed<'a>>,
}

impl Purpose for Run<'_, '_> {
    type Outcome = EventRun;

    /// Other Python threads go on meanwhile.
    fn built_in<S: Strategy + Send + Sync + 'static>(self, strategy: S) -> PyResult<EventRun> {
        let Self { py, course, feeds } = self;
        let engine = py.detach(|| {
            let mut engine = course.engine(feeds, strategy);
            engine.run().map(|()| engine)
        })?;
        course.over(engine)
    }

    fn called<S: Strategy + Fallible + Send + Sync + 'static>(self, strategy: S) -> PyResult<EventRun> {
        let mut engine = self.course.engine(self.feeds, strategy);
        engine.run()?;
        match engine.strategy().error() {
            Some(error) => Err(error.clone_ref(self.py)),
            None => self.course.over(engine),
        }
    }
}

/// Runs a strategy on tapes, one set of terms a tape. `rate` is orders and nanoseconds; with `period_ns` the account is
/// kept at the end of each period, and `on_bar` called.
#[pyfunction]
#[pyo3(signature = (tapes, terms, strategy, *, rate=None, period_ns=None))]
pub(super) fn run_events(
    py: Python<'_>,
    tapes: Vec<PyRef<'_, EventTape>>,
    terms: Vec<Terms>,
    strategy: &Bound<'_, PyAny>,
    rate: Option<(u32, i64)>,
    period_ns: Option<i64>,
) -> PyResult<EventRun> {
    let held = Tapes::of(py, &tapes)?;
    let mut course = Course::of(&tapes, terms)?;
    course.rate = rate.map(|(most, window)| Rate::new(most, window));
    course.period = period_ns.map(checked_period).transpose()?;
    let feeds = held.feeds()?;
    let shape = Shape { instruments: tapes.len(), periods: course.period.is_some() };
    choose(strategy, shape, None, Run { py, course: &course, feeds })
}

pub(super) fn checked_period(length: i64) -> PyResult<i64> {
    if length > 0 { Ok(length) } else { Err(PyValueError::new_err("period_ns must be above zero")) }
}

/// Times, shape (n,); opens, highs, lows, closes and volumes, shape (n, k); and where there is a bar.
type BarArrays<'py> = (Bound<'py, PyArray1<i64>>, Vec<Bound<'py, PyArray2<i64>>>, Bound<'py, PyArray2<bool>>);

/// The bars that a run on tapes hears, trading nothing: those that `on_bar` is called with.
#[pyfunction]
pub(super) fn event_bars<'py>(
    py: Python<'py>,
    tapes: Vec<PyRef<'_, EventTape>>,
    terms: Vec<Terms>,
    period_ns: i64,
) -> PyResult<BarArrays<'py>> {
    let held = Tapes::of(py, &tapes)?;
    let mut course = Course::of(&tapes, terms)?;
    course.period = Some(checked_period(period_ns)?);
    let feeds = held.feeds()?;
    let recorder = py.detach(|| {
        let mut engine = course.engine(feeds, Recorder::default());
        engine.run().map(|()| engine.into_records().1)
    })?;
    let shape = [recorder.time.len(), tapes.len()];
    let column = |value: fn(&Bar) -> i64| {
        let flat: Vec<i64> = recorder.bars.iter().map(|bar| bar.as_ref().map_or(0, value)).collect();
        PyArray1::from_vec(py, flat).reshape(shape)
    };
    let values: [fn(&Bar) -> i64; 5] =
        [|bar| bar.open, |bar| bar.high, |bar| bar.low, |bar| bar.close, |bar| bar.volume];
    let columns = values.into_iter().map(column).collect::<PyResult<Vec<_>>>()?;
    let present: Vec<bool> = recorder.bars.iter().map(Option::is_some).collect();
    Ok((PyArray1::from_slice(py, &recorder.time), columns, PyArray1::from_vec(py, present).reshape(shape)?))
}
