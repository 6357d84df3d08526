//! The trash: whether a document is in it, and how one goes in and comes out again.

use automerge::{ROOT, ScalarValue};
use bowline_wire::ids::Millis;
use sha2::{Digest, Sha256};

use super::commit::{EditError, Pen};
use super::fields::{Fields, Issue};
use super::write::{is_already, write};
use crate::document::hex::hex;
use crate::document::loaded::Document;

const DELETED_AT: &str = "deleted_at";
const DELETED_ENTRIES: &str = "deleted_entries";
const DELETED_CONTENT: &str = "deleted_content";

/// Whether a field of a document's root says something about the trash.
pub(in crate::document) fn is_field(key: &str) -> bool {
    [DELETED_AT, DELETED_ENTRIES, DELETED_CONTENT].contains(&key)
}

/// Whether a document is in the trash.
///
/// Deleting says what the document was like. If more comes to light that whoever deleted it had not seen, written at the
/// same time elsewhere or later, the document is back in view and says why: the work in it may not vanish for 30 days and
/// then for good because of a click made without knowing of it. Of concurrent deletions the one that had seen most counts;
/// a deletion concurrent with a restoration stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The document is not in the trash.
    None,
    /// In the trash since this time, from where it can be restored.
    Deleted(Millis),
    /// Deleted at this time and yet in view: there is more in it than the deletion knew.
    EditedAfter(Millis),
}

/// Whether documents of a kind go into the trash, and what a deletion notes as seen.
pub(in crate::document) enum Lifecycle {
    /// Documents of the kind cannot be deleted.
    Permanent,
    /// A deletion notes how many entries the document has, which only ever become more.
    Entries(fn(&Document) -> u64),
    /// A deletion notes the [`ContentHash`] of everything that the document shows.
    Content(fn(&Document) -> String),
}

impl Lifecycle {
    /// Whether a document of the kind is in the trash.
    pub(in crate::document) fn deletion_of(&self, document: &Document) -> Deletion {
        let root = Fields::root(document);
        let Ok(Some(at)) = root.time(DELETED_AT) else {
            return Deletion::None;
        };
        let is_as_seen = match self {
            // A member may have written a time of deletion all the same.
            Self::Permanent => return Deletion::None,
            Self::Entries(count) => count(document) <= root.highest(DELETED_ENTRIES).unwrap_or(0),
            Self::Content(hash) => root.texts(DELETED_CONTENT).contains(&hash(document)),
        };
        if is_as_seen { Deletion::Deleted(Millis(at)) } else { Deletion::EditedAfter(Millis(at)) }
    }

    /// Puts a document of the kind into the trash; `None` if it is there.
    pub(in crate::document) fn delete(
        &self,
        document: &mut Document,
        pen: Pen,
    ) -> Result<Option<Vec<u8>>, EditError> {
        let (key, seen) = match self {
            Self::Permanent => return Err(EditError::Permanent),
            Self::Entries(count) => (DELETED_ENTRIES, ScalarValue::Uint(count(document))),
            Self::Content(hash) => (DELETED_CONTENT, ScalarValue::from(hash(document))),
        };
        if matches!(self.deletion_of(document), Deletion::Deleted(_)) {
            return Ok(None);
        }
        let at = i64::try_from(pen.now.0).map_err(|_| EditError::Time)?;
        document.commit(pen, |tx| {
            write(tx, &ROOT, DELETED_AT, Some(ScalarValue::Timestamp(at)))?;
            write(tx, &ROOT, key, Some(seen))
        })
    }

    /// Takes a document of the kind out of the trash; `None` if it is not there.
    pub(in crate::document) fn restore(
        &self,
        document: &mut Document,
        pen: Pen,
    ) -> Result<Option<Vec<u8>>, EditError> {
        let seen = match self {
            Self::Permanent => return Err(EditError::Permanent),
            Self::Entries(_) => DELETED_ENTRIES,
            Self::Content(_) => DELETED_CONTENT,
        };
        let absent = |key| is_already(document.automerge(), &ROOT, key, None);
        if absent(DELETED_AT) && absent(seen) {
            return Ok(None);
        }
        document.commit(pen, |tx| {
            write(tx, &ROOT, DELETED_AT, None)?;
            write(tx, &ROOT, seen, None)
        })
    }
}

/// SHA-256, in hex, over everything that is shown of a document, each part after its length in eight bytes: what the
/// deletion of a document that is not a transcript says it had seen.
#[derive(Default)]
pub(in crate::document) struct ContentHash(Sha256);

impl ContentHash {
    pub(in crate::document) fn add(&mut self, part: &[u8]) {
        self.0.update((part.len() as u64).to_be_bytes());
        self.0.update(part);
    }

    pub(in crate::document) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

/// What is wrong with the time of a deletion; `None` if it can be read or there is none.
pub(in crate::document) fn issue_of(document: &Document) -> Option<Issue> {
    Fields::root(document).time(DELETED_AT).err()
}
