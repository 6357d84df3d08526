//! Names of changes and of the operations in them.

use std::fmt;

use crate::document::actor::ActorId;

/// A change: SHA-256 over its type, length and body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeHash([u8; 32]);

impl ChangeHash {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Takes bytes as they are; a hash proves nothing by itself.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, as heads and dependencies hold them.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(in crate::document) fn to_automerge(self) -> automerge::ChangeHash {
        automerge::ChangeHash(self.0)
    }
}

impl fmt::Debug for ChangeHash {
    /// The first four bytes are enough to tell changes apart in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChangeHash(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// An operation: the actor that made it and its counter.
pub(in crate::document) type OpId = (ActorId, u64);
