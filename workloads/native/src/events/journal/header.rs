//! What a journal begins with: whose session it is, and what decides what it does.

use super::frame::Damage;
use crate::recording::{Cursor, Malformed};

/// Version of the form.
pub const VERSION: u32 = 1;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 92;

/// What every journal begins with. The line ends are there to be damaged by what takes the file for text.
const MAGIC: [u8; 8] = *b"TPSES\r\n\0";

/// Whose session a journal is of, and what decides what it does beside its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The session's name.
    pub session: [u8; 16],
    /// SHA-256 of the bytes of its specification.
    pub specification: [u8; 32],
    /// What its random numbers begin with.
    pub seed: u64,
    /// Nanoseconds of its periods; 0 for none.
    pub period: i64,
    /// Number of its instruments.
    pub instruments: u32,
}

impl Header {
    /// The header as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.instruments.to_le_bytes());
        bytes.extend(self.session);
        bytes.extend(self.specification);
        bytes.extend(self.seed.to_le_bytes());
        bytes.extend(self.period.to_le_bytes());
        bytes.extend([0; 8]);
        bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    /// The header a journal begins with.
    ///
    /// # Errors
    /// [`Damage`] where there is none, of another version, or an altered one.
    pub fn decode(journal: &[u8]) -> Result<Self, Damage> {
        let Some(bytes) = journal.first_chunk::<HEADER_BYTES>() else {
            return Err(Damage::Short);
        };
        let mut cursor = Cursor::new(bytes);
        let mut read = || {
            let magic: [u8; 8] = cursor.array()?;
            let (version, instruments) = (cursor.u32()?, cursor.u32()?);
            let (session, specification) = (cursor.array()?, cursor.array()?);
            let (seed, period) = (cursor.u64()?, cursor.i64()?);
            let room: [u8; 8] = cursor.array()?;
            let sum = cursor.u32()?;
            Ok((magic, version, room, sum, Self { session, specification, seed, period, instruments }))
        };
        let (magic, version, room, sum, header) = read().map_err(|Malformed| Damage::Short)?;
        if magic != MAGIC {
            return Err(Damage::NoJournal);
        }
        if version != VERSION {
            return Err(Damage::Version(version));
        }
        let sound = sum == crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) && room == [0; 8];
        if sound && header.period >= 0 && header.instruments > 0 { Ok(header) } else { Err(Damage::Altered(0)) }
    }
}
