//! Bytes of roster records: what a Member has written of them, and may.

use crate::limits::MAX_RECORD_BYTES;

/// What a user has written of roster records as a Member, and how often the Owner has allowed more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordBytes {
    written: u64,
    allows: u64,
}

impl RecordBytes {
    /// Bytes that the user has written as a Member.
    pub fn written(self) -> u64 {
        self.written
    }

    /// Bytes that a Member may write who was allowed so much.
    pub fn allowed(self) -> u64 {
        MAX_RECORD_BYTES.saturating_mul(self.allows.saturating_add(1))
    }

    /// Bytes that are left.
    pub fn left(self) -> u64 {
        self.allowed().saturating_sub(self.written)
    }

    /// Whether more than three quarters are used up, so that the Owner should know.
    pub fn are_scarce(self) -> bool {
        self.left() < self.allowed() / 4
    }

    /// Whether the Owner may allow more: no more than half is left.
    pub fn may_be_raised(self) -> bool {
        self.left() <= self.allowed() / 2
    }

    pub(super) fn write(&mut self, bytes: u64) {
        self.written = self.written.saturating_add(bytes);
    }

    pub(super) fn raise(&mut self) {
        self.allows = self.allows.saturating_add(1);
    }
}
