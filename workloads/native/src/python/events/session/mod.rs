//! Sessions in the hands of Python: inputs in, requests and a journal out.

mod live;
mod machine;
mod orders;
mod recording;

use pyo3::prelude::*;

use machine::Session;
use orders::{OpenOrder, OrderRequest};
use recording::{JournalDifference, JournalSummary, first_difference, read_journal, replay_session};

/// Adds what this file has to the module.
pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Session>()?;
    module.add_class::<OrderRequest>()?;
    module.add_class::<OpenOrder>()?;
    module.add_class::<JournalSummary>()?;
    module.add_class::<JournalDifference>()?;
    module.add_function(wrap_pyfunction!(read_journal, module)?)?;
    module.add_function(wrap_pyfunction!(replay_session, module)?)?;
    module.add_function(wrap_pyfunction!(first_difference, module)?)
}
