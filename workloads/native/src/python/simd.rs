//! Which path the kernels take, told to Python.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::simd::{Path, active, chosen};

/// Name of the path that kernels take in this process.
#[pyfunction]
fn simd_path() -> &'static str {
    active().name()
}

/// Names of the paths that this processor has, the widest last.
#[pyfunction]
fn simd_paths() -> Vec<&'static str> {
    Path::available().into_iter().map(Path::name).collect()
}

/// Adds the functions to the module, which does not load where the path asked for is refused: no kernel runs on another.
pub(super) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    chosen().map_err(|refusal| PyValueError::new_err(refusal.to_string()))?;
    module.add_function(wrap_pyfunction!(simd_path, module)?)?;
    module.add_function(wrap_pyfunction!(simd_paths, module)?)
}
