//! A journal as it is written: into memory, to be taken from there and synced before what it says is acted on.

use super::MAX_ENTRIES;
use super::digests::Digests;
use super::frame::{Tag, append};
use super::header::Header;
use super::record::{Entry, Seal, tag, write_entries, write_input, write_seal};
use crate::events::session::Input;

/// A journal as it is written.
#[derive(Debug, Clone)]
pub(in crate::events) struct Writer {
    bytes: Vec<u8>,
    /// Of the newest record.
    number: u64,
    digests: Digests,
}

impl Writer {
    /// A journal that has its header.
    pub fn new(header: &Header) -> Self {
        Self { bytes: header.encode(), number: 0, digests: Digests::default() }
    }

    /// Records an input.
    pub fn input(&mut self, time: i64, input: &Input<'_>) {
        self.record(tag(input), |bytes| write_input(bytes, time, input));
    }

    /// Records what an input led to.
    pub fn outcome(&mut self, entries: &[Entry]) {
        for part in entries.chunks(MAX_ENTRIES) {
            self.record(Tag::Outcome, |bytes| write_entries(bytes, part));
        }
    }

    /// Records what everything so far comes to; its digests are filled in.
    pub fn seal(&mut self, seal: &Seal) {
        let (inputs_digest, outcomes_digest) = self.digests.values();
        let seal = Seal { inputs_digest, outcomes_digest, ..*seal };
        self.record(Tag::Seal, |bytes| write_seal(bytes, &seal));
    }

    fn record(&mut self, tag: Tag, write: impl FnOnce(&mut Vec<u8>)) {
        self.number += 1;
        let payload = append(&mut self.bytes, self.number, tag, write);
        self.digests.add(tag, &self.bytes[payload]);
    }

    /// What was recorded since it was last taken.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets the first bytes, which were taken.
    pub fn taken(&mut self, count: usize) {
        self.bytes.drain(..count);
    }
}
