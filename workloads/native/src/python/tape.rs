//! Tapes for Python: columns in, planes out, and back.

use numpy::{PyArray1, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PySlice, PyTuple};

use crate::tape::binance::{self, Market};
use crate::tape::{self, Columns, EncodedColumn, Fault, Layout, Origin, Refusal, Room, Tape};

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

/// Columns of a tape that Python holds.
#[derive(FromPyObject)]
struct Held<'py> {
    sequence: PyReadonlyArray1<'py, u64>,
    exchange_time: PyReadonlyArray1<'py, i64>,
    local_time: PyReadonlyArray1<'py, i64>,
    kind: PyReadonlyArray1<'py, u8>,
    side: PyReadonlyArray1<'py, u8>,
    price: PyReadonlyArray1<'py, i64>,
    quantity: PyReadonlyArray1<'py, i64>,
    order: PyReadonlyArray1<'py, u64>,
}

impl Held<'_> {
    fn columns(&self) -> PyResult<Columns<'_>> {
        Ok(Columns {
            sequence: self.sequence.as_slice()?,
            exchange_time: self.exchange_time.as_slice()?,
            local_time: self.local_time.as_slice()?,
            kind: self.kind.as_slice()?,
            side: self.side.as_slice()?,
            price: self.price.as_slice()?,
            quantity: self.quantity.as_slice()?,
            order: self.order.as_slice()?,
        })
    }
}

/// Columns of Python's that are written into.
#[derive(FromPyObject)]
struct Lent<'py>(
    PyReadwriteArray1<'py, u64>,
    PyReadwriteArray1<'py, i64>,
    PyReadwriteArray1<'py, i64>,
    PyReadwriteArray1<'py, u8>,
    PyReadwriteArray1<'py, u8>,
    PyReadwriteArray1<'py, i64>,
    PyReadwriteArray1<'py, i64>,
    PyReadwriteArray1<'py, u64>,
);

impl Lent<'_> {
    /// The room they are. All must be as long but the last, of orders, which is not written into.
    fn room(&mut self) -> PyResult<Room<'_>> {
        let room = Room {
            sequence: self.0.as_slice_mut()?,
            exchange_time: self.1.as_slice_mut()?,
            local_time: self.2.as_slice_mut()?,
            kind: self.3.as_slice_mut()?,
            side: self.4.as_slice_mut()?,
            price: self.5.as_slice_mut()?,
            quantity: self.6.as_slice_mut()?,
            order: self.7.as_slice_mut()?,
        };
        let times = [&room.exchange_time, &room.local_time, &room.price, &room.quantity].map(|column| column.len());
        let lengths = times.into_iter().chain([room.kind.len(), room.side.len()]);
        if let Some(other) = lengths.into_iter().find(|&length| length != room.sequence.len()) {
            let rows = room.sequence.len();
            return Err(PyValueError::new_err(format!("room for {rows} rows in one column and {other} in another")));
        }
        Ok(room)
    }
}

/// The first rows of columns.
fn first_rows<'py>(columns: &Bound<'py, PyTuple>, rows: usize) -> PyResult<Bound<'py, PyTuple>> {
    let part = PySlice::new(columns.py(), 0, isize::try_from(rows)?, 1);
    let parts = columns.iter().map(|column| column.get_item(&part)).collect::<PyResult<Vec<_>>>()?;
    PyTuple::new(columns.py(), parts)
}

/// Encodes columns as docs/formats/tape.md states: the columns of messages, the events, and the other columns of rows.
#[pyfunction]
fn encode_tape<'py>(py: Python<'py>, tape: Held<'py>) -> PyResult<(Vec<Encoded<'py>>, Bytes<'py>, Vec<Encoded<'py>>)> {
    let columns = tape.columns()?;
    let encoded = py.detach(|| tape::encode(&columns))?;
    let column = |EncodedColumn { name, origin, planes }: EncodedColumn| {
        let first = if name == NAMES { i128::from(origin.first as u64) } else { i128::from(origin.first) };
        (name, first, origin.unit, planes.into_iter().map(|plane| PyArray1::from_vec(py, plane)).collect())
    };
    let event = PyArray1::from_vec(py, encoded.event);
    Ok((encoded.messages.into_iter().map(column).collect(), event, encoded.rows.into_iter().map(column).collect()))
}

/// Decodes a tape: its messages, batch by batch, and then its rows.
#[pyclass(module = "tradeplane_native")]
struct TapeDecoder(Option<tape::Decoder>);

#[pymethods]
impl TapeDecoder {
    /// `columns`: first value, unit and number of planes of each stored column but the events.
    #[new]
    fn new(rows: usize, messages: usize, columns: Vec<(i128, u64, usize)>) -> PyResult<Self> {
        let origin = |(first, unit, width): (i128, u64, usize)| {
            let signed = i64::try_from(first).or_else(|_| u64::try_from(first).map(|bits| bits as i64));
            signed
                .map(|first| (Origin { first, unit }, width))
                .map_err(|_| PyValueError::new_err("a first value of more than 64 bits"))
        };
        let columns = columns.into_iter().map(origin).collect::<PyResult<Vec<_>>>()?;
        Ok(Self(Some(tape::Decoder::new(&Layout { rows, messages, columns: &columns })?)))
    }

    /// Decodes a batch of messages: the planes of sequence, exchange and local time.
    fn push_messages(&mut self, py: Python<'_>, planes: Vec<PyReadonlyArray1<'_, u8>>) -> PyResult<()> {
        let slices = planes.iter().map(|plane| plane.as_slice()).collect::<Result<Vec<_>, _>>()?;
        let decoder = self.0.as_mut().ok_or_else(finished)?;
        Ok(py.detach(|| decoder.push_messages(&slices))?)
    }

    /// Says that all messages came and the planes are their encoding.
    fn end_messages(&self) -> PyResult<()> {
        Ok(self.0.as_ref().ok_or_else(finished)?.end_messages()?)
    }

    /// Decodes a batch: its events, then the planes of the other columns in their order; into arrays of its rows.
    #[allow(clippy::too_many_arguments)] // one a column
    fn push(
        &mut self,
        py: Python<'_>,
        planes: Vec<PyReadonlyArray1<'_, u8>>,
        mut sequence: PyReadwriteArray1<'_, u64>,
        mut exchange_time: PyReadwriteArray1<'_, i64>,
        mut local_time: PyReadwriteArray1<'_, i64>,
        mut kind: PyReadwriteArray1<'_, u8>,
        mut side: PyReadwriteArray1<'_, u8>,
        mut price: PyReadwriteArray1<'_, i64>,
        mut quantity: PyReadwriteArray1<'_, i64>,
        mut order: PyReadwriteArray1<'_, u64>,
    ) -> PyResult<()> {
        let room = Room {
            sequence: sequence.as_slice_mut()?,
            exchange_time: exchange_time.as_slice_mut()?,
            local_time: local_time.as_slice_mut()?,
            kind: kind.as_slice_mut()?,
            side: side.as_slice_mut()?,
            price: price.as_slice_mut()?,
            quantity: quantity.as_slice_mut()?,
            order: order.as_slice_mut()?,
        };
        let slices = planes.iter().map(|plane| plane.as_slice()).collect::<Result<Vec<_>, _>>()?;
        let (event, rest) = slices.split_first().ok_or(Refusal::Columns)?;
        let decoder = self.0.as_mut().ok_or_else(finished)?;
        Ok(py.detach(|| decoder.push(event, rest, room))?)
    }

    /// Says that all rows came and the planes are their encoding; the decoder has ended then.
    fn finish(&mut self) -> PyResult<()> {
        Ok(self.0.take().ok_or_else(finished)?.finish()?)
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

/// How often something was found, and the message where it was first.
type Count = (u64, Option<u64>);

/// What was found on a tape; see `tradeplane_api.snapshot_manifest.Recording`.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
struct TapeFindings {
    messages: u64,
    gaps: Count,
    lost: u64,
    crossed: Count,
    locked: Count,
    out_of_order: Count,
    ahead: Count,
    blind_rows: u64,
    unknown: Count,
    min_latency: i64,
}

/// Looks through a tape for what is wrong with its recording.
#[pyfunction]
fn audit_tape(py: Python<'_>, tape: Held<'_>) -> PyResult<TapeFindings> {
    let columns = tape.columns()?;
    columns.check()?;
    let found = py.detach(|| tape::audit(&columns));
    let count = |count: tape::Count| (count.times, count.first);
    Ok(TapeFindings {
        messages: found.messages,
        gaps: count(found.gaps),
        lost: found.lost,
        crossed: count(found.crossed),
        locked: count(found.locked),
        out_of_order: count(found.out_of_order),
        ahead: count(found.ahead),
        blind_rows: found.blind_rows,
        unknown: count(found.unknown),
        min_latency: found.min_latency,
    })
}

/// An instrument that was read from a recording.
#[pyclass(module = "tradeplane_native", frozen, get_all)]
struct RecordedInstrument {
    symbol: String,
    market: &'static str,
    price_places: u32,
    quantity_places: u32,
    left_out: u64,
    update: Option<u64>,
    blind_update: Option<u64>,
    last_trade: Option<(bool, u64)>,
    columns: Py<PyAny>,
}

/// For how many rows it is worth to make room before a recording of Binance's streams is read.
#[pyfunction]
fn likely_rows(data: &[u8]) -> usize {
    binance::likely_rows(data)
}

/// Reads a recording of Binance's streams, plain or gzip: its instruments by symbol, and how many messages are about
/// none. The rows of the first it comes upon go into `room` if that is enough for them, and its columns are parts of it
/// then. Raises ValueError of a line (None where it is about the whole) and of what is wrong with it.
#[pyfunction]
fn read_binance(
    py: Python<'_>,
    data: &[u8],
    symbol: Option<String>,
    limit: u64,
    instruments: usize,
    room: Bound<'_, PyTuple>,
) -> PyResult<(Vec<RecordedInstrument>, u64)> {
    let options = binance::Options { symbol, limit, instruments };
    // Columns of no rows may all be at one place, where they cannot be told apart to be written into.
    let mut lent: Option<Lent<'_>> = if room.get_item(0)?.len()? == 0 { None } else { Some(room.extract()?) };
    let into = lent.as_mut().map(Lent::room).transpose()?;
    let read = py.detach(|| binance::read_into(data, &options, into));
    let recording = read.map_err(|refused| PyValueError::new_err((refused.line, refused.problem.to_string())))?;
    drop(lent);
    let instrument = |one: binance::Recorded| {
        let columns = match one.lent {
            Some(rows) => first_rows(&room, rows)?,
            None => arrays(py, one.tape).into_pyobject(py)?,
        };
        Ok(RecordedInstrument {
            symbol: one.symbol,
            market: match one.market {
                Market::Spot => "spot",
                Market::UsdM => "usd-m",
                Market::CoinM => "coin-m",
            },
            price_places: one.price_places,
            quantity_places: one.quantity_places,
            left_out: one.left_out,
            update: one.update,
            blind_update: one.blind_update,
            last_trade: one.last_trade,
            columns: columns.into_any().unbind(),
        })
    };
    let found = recording.instruments.into_iter().map(instrument).collect::<PyResult<Vec<_>>>()?;
    Ok((found, recording.others))
}

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<TapeDecoder>()?;
    module.add_class::<TapeFindings>()?;
    module.add_class::<RecordedInstrument>()?;
    module.add_function(wrap_pyfunction!(audit_tape, module)?)?;
    module.add_function(wrap_pyfunction!(likely_rows, module)?)?;
    module.add_function(wrap_pyfunction!(read_binance, module)?)?;
    module.add_function(wrap_pyfunction!(encode_tape, module)?)
}
