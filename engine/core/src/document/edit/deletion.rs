//! Whether a document is in the trash.

use automerge::{ROOT, ScalarValue};
use bowline_wire::ids::Millis;
use sha2::{Digest, Sha256};

use super::commit::{EditError, Pen};
use super::fields::{Fields, Issue};
use super::write::{is_already, write};
use crate::document::hex::hex;
use crate::document::loaded::Document;

const DELETED_AT: &str = "deleted_at";
const DELETED_CONTENT: &str = "deleted_content";

/// Whether a document is in the trash.
///
/// Deleting says what the document was like. If more comes to light that whoever deleted it had not seen, written at the
/// same time elsewhere or later, the document is back in view and says why: the work in it may not vanish for 30 days and
/// then for good because of a click made without knowing of it. Of concurrent deletions the one that had seen most counts;
/// a deletion concurrent with a restoration stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Not deleted.
    None,
    /// Out of view since then, restorable.
    Deleted(Millis),
    /// Deleted then, and in view: there is more in it than the deletion knew.
    EditedAfter(Millis),
}

/// SHA-256, in hex, over everything that is shown of a document, each part after its length in eight bytes: what the
/// deletion of a document that is no transcript says it had seen.
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

/// Whether a document that now shows `content` is in the trash.
pub(in crate::document) fn deletion_of(document: &Document, content: impl FnOnce() -> String) -> Deletion {
    let root = Fields::root(document);
    let Ok(Some(at)) = root.time(DELETED_AT) else {
        return Deletion::None;
    };
    if root.texts(DELETED_CONTENT).contains(&content()) {
        Deletion::Deleted(Millis(at))
    } else {
        Deletion::EditedAfter(Millis(at))
    }
}

/// What is wrong with the time of a deletion.
pub(in crate::document) fn issue_of(document: &Document) -> Option<Issue> {
    Fields::root(document).time(DELETED_AT).err()
}

/// Puts a document that now shows `content` into the trash; answers as [`ConversationMut`](crate::document::ConversationMut)'s edits do.
pub(in crate::document) fn delete(
    document: &mut Document,
    pen: Pen,
    content: &str,
) -> Result<Option<Vec<u8>>, EditError> {
    if matches!(deletion_of(document, || content.to_owned()), Deletion::Deleted(_)) {
        return Ok(None);
    }
    let at = i64::try_from(pen.now.0).map_err(|_| EditError::Time)?;
    document.commit(pen, |tx| {
        write(tx, &ROOT, DELETED_AT, Some(ScalarValue::Timestamp(at)))?;
        write(tx, &ROOT, DELETED_CONTENT, Some(ScalarValue::from(content)))
    })
}

/// Takes a document out of the trash; answers as [`delete`] does.
pub(in crate::document) fn restore(document: &mut Document, pen: Pen) -> Result<Option<Vec<u8>>, EditError> {
    let absent = |key| is_already(document.automerge(), &ROOT, key, None);
    if absent(DELETED_AT) && absent(DELETED_CONTENT) {
        return Ok(None);
    }
    document.commit(pen, |tx| {
        write(tx, &ROOT, DELETED_AT, None)?;
        write(tx, &ROOT, DELETED_CONTENT, None)
    })
}
