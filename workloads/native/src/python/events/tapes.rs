//! Tapes in the hands of the core: arrays of Python's, checked once and read in place.

use std::sync::Arc;

use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::events::{Feed, Prepared};
use crate::tape::Columns;

/// One instrument's tape, checked. Its arrays are read in place and must not change from here on.
#[pyclass(module = "tradeplane_native", frozen)]
pub(in crate::python) struct EventTape {
    sequence: Py<PyArray1<u64>>,
    numbers: [Py<PyArray1<i64>>; 4],
    bytes: [Py<PyArray1<u8>>; 2],
    pub(super) order: Option<Py<PyArray1<u64>>>,
    prepared: Arc<Prepared>,
    skew: i64,
}

#[pymethods]
impl EventTape {
    #[new]
    #[pyo3(signature = (sequence, exchange_time, local_time, kind, side, price, quantity, order=None, *, base_latency_ns=0))]
    #[allow(clippy::too_many_arguments)] // the columns of a tape
    fn new(
        py: Python<'_>,
        sequence: PyReadonlyArray1<'_, u64>,
        exchange_time: PyReadonlyArray1<'_, i64>,
        local_time: PyReadonlyArray1<'_, i64>,
        kind: PyReadonlyArray1<'_, u8>,
        side: PyReadonlyArray1<'_, u8>,
        price: PyReadonlyArray1<'_, i64>,
        quantity: PyReadonlyArray1<'_, i64>,
        order: Option<PyReadonlyArray1<'_, u64>>,
        base_latency_ns: i64,
    ) -> PyResult<Self> {
        let columns = Columns {
            sequence: sequence.as_slice()?,
            exchange_time: exchange_time.as_slice()?,
            local_time: local_time.as_slice()?,
            kind: kind.as_slice()?,
            side: side.as_slice()?,
            price: price.as_slice()?,
            quantity: quantity.as_slice()?,
            order: order.as_ref().map_or(Ok(&[][..]), |order| order.as_slice())?,
        };
        let feed = Feed::new(columns, base_latency_ns).map_err(|unfit| PyValueError::new_err(unfit.to_string()))?;
        let (prepared, skew) = (feed.prepared(), feed.skew());
        Ok(Self {
            sequence: sequence.as_unbound().clone_ref(py),
            numbers: [exchange_time, local_time, price, quantity].map(|column| column.as_unbound().clone_ref(py)),
            bytes: [kind, side].map(|column| column.as_unbound().clone_ref(py)),
            order: order.map(|order| order.as_unbound().clone_ref(py)),
            prepared,
            skew,
        })
    }

    /// What was added to the local times, in nanoseconds.
    #[getter]
    fn skew_ns(&self) -> i64 {
        self.skew
    }
}

/// The arrays of a tape while it is run.
struct Borrowed<'py> {
    sequence: PyReadonlyArray1<'py, u64>,
    numbers: [PyReadonlyArray1<'py, i64>; 4],
    bytes: [PyReadonlyArray1<'py, u8>; 2],
    order: Option<PyReadonlyArray1<'py, u64>>,
}

impl<'py> Borrowed<'py> {
    fn of(py: Python<'py>, tape: &EventTape) -> Self {
        Self {
            sequence: tape.sequence.bind(py).readonly(),
            numbers: tape.numbers.each_ref().map(|column| column.bind(py).readonly()),
            bytes: tape.bytes.each_ref().map(|column| column.bind(py).readonly()),
            order: tape.order.as_ref().map(|order| order.bind(py).readonly()),
        }
    }

    fn columns(&self) -> PyResult<Columns<'_>> {
        Ok(Columns {
            sequence: self.sequence.as_slice()?,
            exchange_time: self.numbers[0].as_slice()?,
            local_time: self.numbers[1].as_slice()?,
            price: self.numbers[2].as_slice()?,
            quantity: self.numbers[3].as_slice()?,
            kind: self.bytes[0].as_slice()?,
            side: self.bytes[1].as_slice()?,
            order: self.order.as_ref().map_or(Ok(&[][..]), |order| order.as_slice())?,
        })
    }
}

/// The tapes of a run, their arrays borrowed.
pub(in crate::python) struct Tapes<'py> {
    borrowed: Vec<Borrowed<'py>>,
    prepared: Vec<Arc<Prepared>>,
}

impl<'py> Tapes<'py> {
    pub(in crate::python) fn of(py: Python<'py>, tapes: &[PyRef<'_, EventTape>]) -> PyResult<Self> {
        if tapes.is_empty() {
            return Err(PyValueError::new_err("there must be at least one tape"));
        }
        Ok(Self {
            borrowed: tapes.iter().map(|tape| Borrowed::of(py, tape)).collect(),
            prepared: tapes.iter().map(|tape| Arc::clone(&tape.prepared)).collect(),
        })
    }

    pub(in crate::python) fn feeds(&self) -> PyResult<Vec<Feed<'_>>> {
        let tapes = self.borrowed.iter().zip(&self.prepared);
        tapes.map(|(arrays, prepared)| Ok(Feed::again(arrays.columns()?, Arc::clone(prepared)))).collect()
    }
}
