//! How this device writes: every edit is one change, answered as the bytes to store.

use automerge::transaction::{CommitOptions, Transaction};
use automerge::{AutomergeError, ObjId, ReadDoc, ScalarValue};
use bowline_wire::ids::Millis;

use super::write::{is_already, write};
use crate::document::actor::ActorId;
use crate::document::limits::{OP_COUNTER_MAX, OPS_MAX};
use crate::document::loaded::Document;

/// Who writes, and when. The time goes into the change in whole seconds, Automerge's unit, as the author's claim; it
/// decides nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// This process's actor.
    pub actor: ActorId,
    /// The time of the edit.
    pub now: Millis,
}

/// Why an edit was not made. The document is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Misuse: longer than its limit in [`limits`](crate::document::limits).
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// What was to be written.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Misuse: more than its limit in [`limits`](crate::document::limits).
    #[error("there can be {limit} {what} at most")]
    TooMany {
        /// What there would be too many of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Misuse: a transcript line must be one JSON object on one line; `id`, if it has one, a string.
    #[error("not a transcript line: {0}")]
    NotALine(&'static str),
    /// The id is taken in this transcript: draw another.
    #[error("the message id is taken")]
    IdTaken,
    /// Misuse: nothing in this transcript has the id that was named.
    #[error("no entry has this id")]
    NoEntry,
    /// Misuse: a time beyond the year 9999.
    #[error("a time no calendar date stands for")]
    Time,
    /// Misuse: documents of this kind cannot be deleted, nor restored.
    #[error("a document of this kind cannot be deleted")]
    Permanent,
    /// The document has used up its operation counters, which takes billions of edits.
    #[error("the document is full")]
    Full,
    /// Our bug: Automerge refuses an edit of ours.
    #[error("Automerge refuses the edit: {0}")]
    Automerge(String),
}

impl Document {
    /// Runs `edit` as one change and answers its raw bytes; `None` if it comes to nothing.
    pub(in crate::document) fn commit(
        &mut self,
        pen: Pen,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
    ) -> Result<Option<Vec<u8>>, EditError> {
        let automerge = self.automerge_mut();
        let heads = automerge.get_heads().into_iter();
        let highest = heads.filter_map(|head| Some(automerge.get_change_meta_by_hash(&head)?.max_op)).max();
        if highest.unwrap_or(0) + OPS_MAX as u64 > OP_COUNTER_MAX {
            return Err(EditError::Full);
        }
        automerge.set_actor(pen.actor.to_automerge());
        let seconds = i64::try_from(pen.now.0 / 1000).map_err(|_| EditError::Time)?;
        let options = |(): &()| CommitOptions::default().with_time(seconds);
        let done = automerge.transact_with(options, edit);
        let done = done.map_err(|failure| EditError::Automerge(failure.error.to_string()))?;
        let Some(hash) = done.hash else { return Ok(None) };
        let change = automerge.get_change_by_hash(&hash);
        let bytes = change.map(|change| change.raw_bytes().to_vec());
        let bytes = bytes.ok_or_else(|| EditError::Automerge("the change is not there".to_owned()))?;
        self.note_written(&bytes);
        Ok(Some(bytes))
    }

    /// Sets or removes one scalar, unless it is so already.
    pub(in crate::document) fn put(
        &mut self,
        pen: Pen,
        object: &ObjId,
        key: &str,
        value: Option<ScalarValue>,
    ) -> Result<Option<Vec<u8>>, EditError> {
        if is_already(self.automerge(), object, key, value.as_ref()) {
            return Ok(None);
        }
        self.commit(pen, |tx| write(tx, object, key, value))
    }
}

/// Refuses a text beyond its limit in bytes.
pub(in crate::document) fn bounded(what: &'static str, text: &str, limit: usize) -> Result<(), EditError> {
    if text.len() > limit { Err(EditError::TooLong { what, limit }) } else { Ok(()) }
}
