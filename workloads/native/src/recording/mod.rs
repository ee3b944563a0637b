//! What a recorded session and a recorded exchange are made of: frames that tell a torn end from an altered one, and
//! numbers as bytes.

mod bytes;
mod frame;
mod orders;

pub(crate) use bytes::{Cursor, Malformed, push_number, push_signed};
pub(crate) use frame::{Altered, Found, MAX_PAYLOAD, append, next};
pub(crate) use orders::{HALVES, TERMS, kind_numbers, kind_of};
