//! How this device writes: every edit is one change, answered as the bytes to store.

use automerge::transaction::{CommitOptions, Transactable, Transaction};
use automerge::{AutomergeError, ObjId, ObjType, ReadDoc, ScalarValue, Value};
use bowline_wire::ids::Millis;

use super::Document;
use super::actor::ActorId;
use super::change::{Budget, Vetted};
use super::cursor::Cursor;
use super::limits::{EDIT_OPS_MAX, OP_COUNTER_MAX, OPS_MAX};
use super::replay::Replay;

/// Who writes, and when. The time goes into the change in whole seconds, Automerge's unit, as the author's claim; it
/// decides nothing.
#[derive(Clone, Copy, Debug)]
pub struct Pen {
    /// This process's actor.
    pub actor: ActorId,
    /// Now.
    pub now: Millis,
}

/// Why an edit was not made. The document is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Misuse: longer than its limit in [`super::limits`].
    #[error("{what} is longer than {limit} bytes")]
    TooLong {
        /// What was to be written.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// Misuse: more than its limit in [`super::limits`].
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
    /// Misuse: a time beyond the year 9999.
    #[error("a time no calendar date stands for")]
    Time,
    /// The document has used up its operation counters, which takes billions of edits.
    #[error("the document is full")]
    Full,
    /// Our bug: Automerge refuses an edit of ours.
    #[error("Automerge refuses the edit: {0}")]
    Automerge(String),
}

impl Document {
    /// Runs `edit` as one change and answers its raw bytes; `None` if it comes to nothing.
    pub(super) fn commit(
        &mut self,
        pen: Pen,
        edit: impl FnOnce(&mut Transaction<'_>) -> Result<(), AutomergeError>,
    ) -> Result<Option<Vec<u8>>, EditError> {
        let metas = self.automerge.get_heads().into_iter();
        let highest =
            metas.filter_map(|head| Some(self.automerge.get_change_meta_by_hash(&head)?.max_op)).max();
        if highest.unwrap_or(0) + OPS_MAX as u64 > OP_COUNTER_MAX {
            return Err(EditError::Full);
        }
        self.automerge.set_actor(pen.actor.to_automerge());
        let seconds = i64::try_from(pen.now.0 / 1000).map_err(|_| EditError::Time)?;
        let options = |(): &()| CommitOptions::default().with_time(seconds);
        let done = self.automerge.transact_with(options, edit);
        let done = done.map_err(|failure| EditError::Automerge(failure.error.to_string()))?;
        let Some(hash) = done.hash else { return Ok(None) };
        let change = self.automerge.get_change_by_hash(&hash);
        let bytes = change.map(|change| change.raw_bytes().to_vec());
        let bytes = bytes.ok_or_else(|| EditError::Automerge("the change is not there".to_owned()))?;
        self.remember(&bytes);
        Ok(Some(bytes))
    }

    /// Keeps the history, if there is one, in step with a change just made.
    fn remember(&mut self, bytes: &[u8]) {
        let Some(mut history) = self.history.take() else {
            return;
        };
        let vetted = Vetted::take(self.kind, &mut Cursor::new(bytes), &mut Budget::of_one_entry());
        if vetted.is_ok_and(|change| history.add(&change).is_ok()) {
            self.history = Some(history);
        }
    }

    /// Sets or removes one scalar, unless it is so already.
    pub(super) fn put(
        &mut self,
        pen: Pen,
        object: &ObjId,
        key: &str,
        value: Option<ScalarValue>,
    ) -> Result<Option<Vec<u8>>, EditError> {
        if is_already(&self.automerge, object, key, value.as_ref()) {
            return Ok(None);
        }
        self.commit(pen, |tx| write(tx, object, key, value))
    }

    /// Writes `changes`, made by this device and reported as [`super::Lost`], once more on top of what is here: one
    /// change, or several if there is more than [`EDIT_OPS_MAX`] to write, to be stored together, under this process's
    /// actor, which must be a fresh one if changes of its own are among them. None if this device has done so before: the
    /// document itself notes it, so this may be called after every [`Document::assemble`] with all that is reported.
    ///
    /// What was written to a field is written again, over what others have since written there; a transcript entry keeps
    /// its key; what was written into a file goes after the characters it went after, and what was removed from it is
    /// removed if it is still there. Changes are replayed in the order given, which is that of [`super::Assembled::lost`].
    ///
    /// # Errors
    /// As of any edit; what is in memory may then hold part of it and has to be loaded again.
    pub fn recommit(&mut self, pen: Pen, changes: &[&[u8]]) -> Result<Vec<Vec<u8>>, EditError> {
        let changes = changes.iter().map(|bytes| automerge::Change::try_from(*bytes));
        let changes: Vec<_> =
            changes.collect::<Result<_, _>>().map_err(|error| EditError::Automerge(error.to_string()))?;
        let mut replay = Replay::new(self.kind, pen.actor, &changes);
        self.outline.take();
        let mut made = Vec::new();
        while !replay.is_done() {
            made.extend(self.commit(pen, |tx| replay.go_on(tx, EDIT_OPS_MAX))?);
        }
        Ok(made)
    }
}

/// Refuses a text beyond its limit in bytes.
pub(super) fn bounded(what: &'static str, text: &str, limit: usize) -> Result<(), EditError> {
    if text.len() > limit { Err(EditError::TooLong { what, limit }) } else { Ok(()) }
}

/// Whether the key holds exactly this value, undisputed.
pub(super) fn is_already(
    document: &impl ReadDoc,
    object: &ObjId,
    key: &str,
    value: Option<&ScalarValue>,
) -> bool {
    let found = document.get_all(object, key).unwrap_or_default();
    match (found.as_slice(), value) {
        ([], None) => true,
        ([(Value::Scalar(found), _)], Some(value)) => found.as_ref() == value,
        _ => false,
    }
}

/// Sets or removes one key.
pub(super) fn write(
    tx: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
    value: Option<ScalarValue>,
) -> Result<(), AutomergeError> {
    match value {
        Some(value) => tx.put(object, key, value),
        None if tx.get(object, key)?.is_some() => tx.delete(object, key),
        None => Ok(()),
    }
}

/// The map under a key, made if there is none.
pub(super) fn map_at(tx: &mut Transaction<'_>, object: &ObjId, key: &str) -> Result<ObjId, AutomergeError> {
    match tx.get(object, key)? {
        Some((Value::Object(ObjType::Map), id)) => Ok(id),
        _ => tx.put_object(object, key, ObjType::Map),
    }
}
