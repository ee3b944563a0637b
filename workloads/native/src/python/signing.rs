//! Signed queries for Python.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::signing::{query, signature};

/// The query of a signed request: the parameters, in their order, and the signature of that.
#[pyfunction]
fn sign_query(parameters: &Bound<'_, PyDict>, secret: &str) -> PyResult<String> {
    let parameters: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| Ok((name.extract()?, value.extract()?))).collect::<PyResult<_>>()?;
    let mut query = query(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let signature = signature(&query, secret);
    query.push_str("&signature=");
    query.push_str(&signature);
    Ok(query)
}

pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(sign_query, module)?)
}
