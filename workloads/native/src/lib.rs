//! The Rust core of tradeplane, bound to Python.
//!
//! What decides a result is computed here and nowhere else, so that it is the same to the last bit on
//! every processor: no platform maths library, no reordering, no fused operation that is not written.

use pyo3::prelude::*;

/// The Python module `tradeplane_native._native`.
#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    Ok(())
}
