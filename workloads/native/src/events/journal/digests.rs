//! Digests of all that a journal holds so far, of inputs and of what they led to.

use super::frame::Tag;
use sha2::{Digest, Sha256};

/// Running digests, of inputs and of what they led to.
#[derive(Debug, Clone, Default)]
pub(super) struct Digests {
    inputs: Sha256,
    outcomes: Sha256,
}

impl Digests {
    /// Takes in a record; a seal is in neither.
    pub fn add(&mut self, tag: Tag, payload: &[u8]) {
        let hash = match tag {
            Tag::Seal => return,
            Tag::Outcome => &mut self.outcomes,
            _ => &mut self.inputs,
        };
        hash.update([tag as u8]);
        hash.update((payload.len() as u32).to_le_bytes());
        hash.update(payload);
    }

    /// What they are up to here.
    pub fn values(&self) -> ([u8; 32], [u8; 32]) {
        (self.inputs.clone().finalize().into(), self.outcomes.clone().finalize().into())
    }
}
