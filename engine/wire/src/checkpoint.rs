//! The body of a checkpoint: which state the log has at a place, and what of its sums goes with the entries that may go.

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use crate::entry::Entry;
use crate::header::EntryType;
use crate::ids::{StateDigest, UserId, WireDoc};
use crate::limits::MAX_FREED;

/// What the log's sums of a user in a document are less by, once the checkpoint stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// The document.
    pub doc: WireDoc,
    /// The user.
    pub user: UserId,
    /// What of the sum belongs to entries that go, in the unit of [`crate::weight::Written`].
    pub sum: u64,
}

/// The body of a `checkpoint` entry; its place is what the header covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The digest of the log's state at that place ([`crate::log::State`]).
    pub digest: StateDigest,
    /// What goes off the log's sums, ascending, by whoever opens the place; nothing otherwise.
    pub freed: Vec<Freed>,
}

impl Checkpoint {
    /// What an entry says of the log's state at the place that it covers; nothing if it is not a checkpoint, or if its body is not one's.
    pub fn of(entry: &Entry) -> Option<Self> {
        let body = entry.body().filter(|_| entry.header().entry_type == EntryType::Checkpoint)?;
        decode(body).ok()
    }

    /// The body of an entry that says so.
    pub fn to_body(&self) -> Vec<u8> {
        encode(self)
    }

    pub(crate) fn read_freed(from: &mut Reader<'_>) -> Result<Vec<Freed>, DecodeError> {
        let freed: Vec<Freed> = from.list("freed sums", MAX_FREED)?;
        let is_ascending = freed.is_sorted_by(|one, next| (one.doc, one.user) < (next.doc, next.user));
        if !is_ascending || freed.iter().any(|it| it.sum == 0) {
            return Err(DecodeError::Rule("what is freed is named once, ascending, and more than nothing"));
        }
        Ok(freed)
    }
}

impl Canonical for Freed {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.doc).value(&self.user).u64(self.sum);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { doc: from.value()?, user: from.value()?, sum: from.u64()? })
    }
}

impl Canonical for Checkpoint {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.digest).list(&self.freed);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { digest: from.value()?, freed: Self::read_freed(from)? })
    }
}
