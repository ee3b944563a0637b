//! The recorded session in its binary form: what the trader had, when, and what it led to.
//!
//! `docs/formats/session.md` states the form. A journal is written so that it can be synced before what it says is
//! acted on, and read so that a tail that a crash tore off is told apart from a record that was altered.

mod difference;
mod digests;
mod fields;
mod frame;
mod header;
mod read;
mod record;
mod write;

pub use difference::{Difference, first_difference};
pub(super) use fields::difference_of;
pub use frame::{Damage, MAX_PAYLOAD};
pub use header::{HEADER_BYTES, Header, VERSION};
pub(super) use read::{Frames, read};
pub use read::{Journal, Records};
pub use record::{Entry, Record, Recorded, Seal};
pub(super) use write::Writer;

/// Inputs from one seal to the next.
pub const SEAL_INPUTS: u64 = 4_096;

/// Rows of the log in one record, at most; what an input led to beyond that is in the records after.
const MAX_ENTRIES: usize = 4_096;
