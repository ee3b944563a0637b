//! Levels of a book as a venue's JSON has them, for Python: pairs of texts in, rows of a message out.

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use crate::tape::Unit;

type Row = (u8, u8, i64, i64);

/// Reads levels, each a price and a quantity as text, into rows of one kind and side. A unit is its digits and steps.
///
/// None where any of them is not read: what is wrong with it is for the caller to say.
#[pyfunction]
fn read_levels(
    levels: &Bound<'_, PyList>,
    kind: u8,
    side: u8,
    price: (u32, i64),
    quantity: (u32, i64),
) -> Option<Vec<Row>> {
    let (price, quantity) = (Unit::new(price.0, price.1)?, Unit::new(quantity.0, quantity.1)?);
    levels.iter().map(|level| row(&level, (kind, side), price, quantity)).collect()
}

fn row(level: &Bound<'_, PyAny>, (kind, side): (u8, u8), price: Unit, quantity: Unit) -> Option<Row> {
    let level = level.cast::<PyList>().ok()?;
    let count = |index: usize, unit: Unit| {
        let text = level.get_item(index).ok()?;
        unit.count(text.cast::<PyString>().ok()?.to_str().ok()?.as_bytes())
    };
    Some((kind, side, count(0, price)?, count(1, quantity)?))
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read_levels, module)?)
}
