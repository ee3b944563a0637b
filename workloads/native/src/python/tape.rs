//! Tapes for Python: columns in, planes out, and back.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::tape::{self, Columns, EncodedColumn, Fault, Layout, Origin, Refusal, Tape};

type Bytes<'py> = Bound<'py, PyArray1<u8>>;
type Signed<'py> = Bound<'py, PyArray1<i64>>;
type Unsigned<'py> = Bound<'py, PyArray1<u64>>;

/// The columns of a tape as arrays: sequence, exchange_time, local_time, kind, side, price, quantity, order.
pub(super) type Arrays<'py> =
    (Unsigned<'py>, Signed<'py>, Signed<'py>, Bytes<'py>, Bytes<'py>, Signed<'py>, Signed<'py>, Unsigned<'py>);

/// A stored column: name, first value, unit, planes.
type Encoded<'py> = (&'static str, i128, u64, Vec<Bytes<'py>>);

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> Self {
        PyValueError::new_err(fault.to_string())
    }
}

impl From<Refusal> for PyErr {
    fn from(refusal: Refusal) -> Self {
        PyValueError::new_err(refusal.to_string())
    }
}

/// Name of the column whose first value is 64 bits without a sign.
const NAMES: &str = "order";

/// Encodes columns as docs/formats/tape.md states: the events, and the other columns.
#[pyfunction]
#[allow(clippy::too_many_arguments)] // one a column
fn encode_tape<'py>(
    py: Python<'py>,
    sequence: PyReadonlyArray1<'py, u64>,
    exchange_time: PyReadonlyArray1<'py, i64>,
    local_time: PyReadonlyArray1<'py, i64>,
    kind: PyReadonlyArray1<'py, u8>,
    side: PyReadonlyArray1<'py, u8>,
    price: PyReadonlyArray1<'py, i64>,
    quantity: PyReadonlyArray1<'py, i64>,
    order: PyReadonlyArray1<'py, u64>,
) -> PyResult<(Bytes<'py>, Vec<Encoded<'py>>)> {
    let columns = Columns {
        sequence: sequence.as_slice()?,
        exchange_time: exchange_time.as_slice()?,
        local_time: local_time.as_slice()?,
        kind: kind.as_slice()?,
        side: side.as_slice()?,
        price: price.as_slice()?,
        quantity: quantity.as_slice()?,
        order: order.as_slice()?,
    };
    let encoded = py.detach(|| tape::encode(&columns))?;
    let column = |EncodedColumn { name, origin, planes }: EncodedColumn| {
        let first = if name == NAMES { i128::from(origin.first as u64) } else { i128::from(origin.first) };
        (name, first, origin.unit, planes.into_iter().map(|plane| PyArray1::from_vec(py, plane)).collect())
    };
    Ok((PyArray1::from_vec(py, encoded.event), encoded.columns.into_iter().map(column).collect()))
}

/// Decodes a tape, batch by batch.
#[pyclass(module = "tradeplane_native")]
struct TapeDecoder(Option<tape::Decoder>);

#[pymethods]
impl TapeDecoder {
    /// `columns`: first value, unit and number of planes of each stored column but the events.
    #[new]
    fn new(rows: usize, columns: Vec<(i128, u64, usize)>) -> PyResult<Self> {
        let origin = |(first, unit, width): (i128, u64, usize)| {
            let signed = i64::try_from(first).or_else(|_| u64::try_from(first).map(|bits| bits as i64));
            signed
                .map(|first| (Origin { first, unit }, width))
                .map_err(|_| PyValueError::new_err("a first value of more than 64 bits"))
        };
        let columns = columns.into_iter().map(origin).collect::<PyResult<Vec<_>>>()?;
        Ok(Self(Some(tape::Decoder::new(&Layout { rows, columns: &columns })?)))
    }

    /// Decodes a batch: its events, then the planes of the other columns in their order.
    fn push(&mut self, py: Python<'_>, planes: Vec<PyReadonlyArray1<'_, u8>>) -> PyResult<()> {
        let slices = planes.iter().map(|plane| plane.as_slice()).collect::<Result<Vec<_>, _>>()?;
        let (event, rest) = slices.split_first().ok_or(Refusal::Columns)?;
        let decoder = self.0.as_mut().ok_or_else(finished)?;
        Ok(py.detach(|| decoder.push(event, rest))?)
    }

    /// The columns, when all rows came and the planes are their encoding; the decoder has ended then.
    fn finish<'py>(&mut self, py: Python<'py>) -> PyResult<Arrays<'py>> {
        let decoder = self.0.take().ok_or_else(finished)?;
        Ok(arrays(py, decoder.finish()?))
    }
}

fn finished() -> PyErr {
    PyValueError::new_err("this decoder has ended; make another for another tape")
}

/// A tape's columns as arrays, without a copy.
pub(super) fn arrays(py: Python<'_>, tape: Tape) -> Arrays<'_> {
    (
        PyArray1::from_vec(py, tape.sequence),
        PyArray1::from_vec(py, tape.exchange_time),
        PyArray1::from_vec(py, tape.local_time),
        PyArray1::from_vec(py, tape.kind),
        PyArray1::from_vec(py, tape.side),
        PyArray1::from_vec(py, tape.price),
        PyArray1::from_vec(py, tape.quantity),
        PyArray1::from_vec(py, tape.order),
    )
}

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TapeDecoder>()?;
    module.add_function(wrap_pyfunction!(encode_tape, module)?)
}
