//! Changes made before, written once more on top of another document.

use std::collections::{HashMap, VecDeque};

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::{Transactable, Transaction};
use automerge::{
    AutomergeError, Change, Cursor, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value,
};

use super::commit::{EditError, Pen};
use super::fields::container;
use super::write::{is_already, map_at, write};
use crate::document::actor::ActorId;
use crate::document::intake::first::FirstChange;
use crate::document::kind::{ENTRIES, Kind};
use crate::document::kinds::conversation::key;
use crate::document::limits::EDIT_OPS_MAX;
use crate::document::loaded::Document;

impl Document {
    /// Writes `changes`, made by this device and reported as [`Lost`](crate::document::Lost), once more on top of what is here: one
    /// change, or several if there is more than [`EDIT_OPS_MAX`] to write, to be stored together, under this process's
    /// actor, which must be a fresh one if changes of its own are among them. None if this device has done so before: the
    /// document itself notes it, so this may be called after every [`Document::assemble`] with all that is reported.
    ///
    /// What was written to a field is written again, over what others have since written there; a transcript entry keeps
    /// its key; what was written into a file goes after the characters it went after, and what was removed from it is
    /// removed if it is still there. Changes are replayed in the order given, which is that of [`Assembled::lost`](crate::document::Assembled::lost).
    ///
    /// # Errors
    /// As of any edit; what is in memory may then hold part of it and has to be loaded again.
    pub fn recommit(&mut self, pen: Pen, changes: &[&[u8]]) -> Result<Vec<Vec<u8>>, EditError> {
        let changes = changes.iter().map(|bytes| automerge::Change::try_from(*bytes));
        let changes: Vec<_> =
            changes.collect::<Result<_, _>>().map_err(|error| EditError::Automerge(error.to_string()))?;
        let mut replay = Replay::new(self.kind(), pen.actor, &changes);
        self.forget_outline();
        let mut made = Vec::new();
        while !replay.is_done() {
            made.extend(self.commit(pen, |tx| replay.go_on(tx, EDIT_OPS_MAX))?);
        }
        Ok(made)
    }
}

/// Replays changes in the order they were made in, each once in the life of the document: the root notes under
/// `again/<hash>` that it has been, and only the device's own note counts. Objects a change made are found again under
/// their key, or made again.
pub(super) struct Replay {
    kind: Kind,
    by: ActorId,
    left: VecDeque<Lost>,
    /// Objects that the replayed changes made, and where they are now.
    made: HashMap<OpId, ObjId>,
    /// Characters that the replayed changes wrote, and what stands for them now.
    written: HashMap<OpId, Character>,
}

/// A change to be replayed, and what is left of it.
struct Lost {
    note: String,
    actor: automerge::ActorId,
    operations: VecDeque<(u64, Op)>,
    /// Whether it was replayed before; known when it is its turn.
    is_done: Option<bool>,
}

/// What stands for a character of a lost change.
enum Character {
    /// The same character, written again.
    Again(Cursor),
    /// Nothing: what follows it goes where this would have gone.
    Nowhere(ElementId),
}

impl Replay {
    pub(super) fn new(kind: Kind, by: ActorId, changes: &[Change]) -> Self {
        let lost = |change: &Change| {
            let note = format!("again/{}", change.hash());
            let change = ExpandedChange::from(change);
            let operations = (change.start_op.get()..).zip(change.operations).collect();
            Lost { note, actor: change.actor_id, operations, is_done: None }
        };
        let left = changes.iter().map(lost).collect();
        Self { kind, by, left, made: HashMap::new(), written: HashMap::new() }
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Replays `room` operations, or what is left.
    pub(super) fn go_on(&mut self, tx: &mut Transaction<'_>, room: usize) -> Result<(), AutomergeError> {
        let mut room = room;
        while let Some(mut lost) = self.left.pop_front() {
            let is_done = match lost.is_done {
                Some(is_done) => is_done,
                None => tx.get_all(ROOT, lost.note.as_str())?.iter().any(|(_, id)| self.is_by_us(id)),
            };
            lost.is_done = Some(is_done);
            while room > 0
                && let Some((counter, op)) = lost.operations.pop_front()
            {
                let id = OpId(counter, lost.actor.clone());
                if is_done {
                    self.find(tx, &op, id)?;
                } else {
                    self.replay(tx, &op, id)?;
                    room -= 1;
                }
            }
            if room == 0 {
                self.left.push_front(lost);
                return Ok(());
            }
            if !is_done {
                tx.put(ROOT, lost.note, true)?;
                room -= 1;
            }
        }
        Ok(())
    }

    /// Whether a device wrote something is in its actor's name.
    fn is_by_us(&self, op: &ObjId) -> bool {
        match op {
            ObjId::Root => false,
            ObjId::Id(_, by, _) => {
                ActorId::from_slice(by.to_bytes()).is_some_and(|by| by.is_same_device(self.by))
            }
        }
    }

    /// Where an operation writes.
    fn object_of(&self, op: &Op) -> ObjId {
        match &op.obj {
            ObjectId::Root => ROOT,
            ObjectId::Id(id) => {
                self.made.get(id).cloned().unwrap_or_else(|| ObjId::Id(id.0, id.1.clone(), 0))
            }
        }
    }

    /// Notes where the object is that an operation made when it was replayed before.
    fn find(&mut self, tx: &Transaction<'_>, op: &Op, id: OpId) -> Result<(), AutomergeError> {
        match (&op.action, &op.key) {
            (OpType::Make(kind), Key::Map(key)) => {
                if let Some((Value::Object(found), object)) = tx.get(self.object_of(op), key.as_str())?
                    && found == *kind
                {
                    self.made.insert(id, object);
                }
            }
            (OpType::Put(_), Key::Seq(after)) => {
                self.written.insert(id, Character::Nowhere(after.clone()));
            }
            _ => {}
        }
        Ok(())
    }

    fn replay(&mut self, tx: &mut Transaction<'_>, op: &Op, id: OpId) -> Result<(), AutomergeError> {
        let object = self.object_of(op);
        let is_there = object == ROOT || tx.object_type(&object).is_ok();
        match (&op.action, &op.key) {
            // In an object of somebody else's that is not here.
            (OpType::Put(_), Key::Seq(after)) if !is_there => {
                self.written.insert(id, Character::Nowhere(after.clone()));
            }
            _ if !is_there => {}
            (OpType::Make(ObjType::Map), Key::Map(key)) => {
                self.made.insert(id, map_at(tx, &object, key)?);
            }
            (OpType::Make(ObjType::Text), Key::Map(key)) => {
                self.made.insert(id, text_at(tx, &object, key)?);
            }
            (OpType::Put(value), Key::Map(key)) => put(self.kind, tx, &object, key, value)?,
            (OpType::Delete, Key::Map(key)) => write(tx, &object, key, None)?,
            (OpType::Put(ScalarValue::Str(character)), Key::Seq(after)) => {
                let at = self.place_after(tx, &object, after)?;
                tx.splice_text(&object, at, 0, character)?;
                self.written.insert(id, Character::Again(tx.get_cursor(&object, at, None)?));
            }
            (OpType::Delete, Key::Seq(ElementId::Id(id))) => self.remove(tx, &object, id)?,
            _ => {}
        }
        Ok(())
    }

    /// Where in a text something goes that went after this element; to the end if nothing is known of that one.
    fn place_after(
        &self,
        tx: &Transaction<'_>,
        text: &ObjId,
        element: &ElementId,
    ) -> Result<usize, AutomergeError> {
        let mut element = element;
        // Each step leads to a character written before this one.
        while let ElementId::Id(id) = element {
            let cursor = match self.written.get(id) {
                Some(Character::Nowhere(before)) => {
                    element = before;
                    continue;
                }
                Some(Character::Again(cursor)) => cursor.clone(),
                None => cursor_at(id)?,
            };
            return match tx.get_cursor_position(text, &cursor, None) {
                Ok(at) if is_visible(tx, text, at, &cursor) => Ok(at + 1),
                Ok(at) => Ok(at),
                Err(_) => Ok(tx.length(text)),
            };
        }
        Ok(0)
    }

    /// Removes a character unless it is gone.
    fn remove(&self, tx: &mut Transaction<'_>, text: &ObjId, id: &OpId) -> Result<(), AutomergeError> {
        let cursor = match self.written.get(id) {
            Some(Character::Nowhere(_)) => return Ok(()),
            Some(Character::Again(cursor)) => cursor.clone(),
            None => cursor_at(id)?,
        };
        match tx.get_cursor_position(text, &cursor, None) {
            Ok(at) if is_visible(tx, text, at, &cursor) => tx.splice_text(text, at, 1, ""),
            _ => Ok(()),
        }
    }
}

fn cursor_at(OpId(counter, actor): &OpId) -> Result<Cursor, AutomergeError> {
    Cursor::try_from(format!("{counter}@{actor}").as_str())
}

/// Whether what the cursor stands for is still there; a cursor to something removed has the place of what came after it.
fn is_visible(tx: &Transaction<'_>, text: &ObjId, at: usize, cursor: &Cursor) -> bool {
    tx.get_cursor(text, at, None).is_ok_and(|there| there == *cursor)
}

/// The text under a key, made if there is none.
fn text_at(tx: &mut Transaction<'_>, object: &ObjId, key: &str) -> Result<ObjId, AutomergeError> {
    match tx.get(object, key)? {
        Some((Value::Object(ObjType::Text), id)) => Ok(id),
        _ => tx.put_object(object, key, ObjType::Text),
    }
}

fn put(
    kind: Kind,
    tx: &mut Transaction<'_>,
    object: &ObjId,
    key: &str,
    value: &ScalarValue,
) -> Result<(), AutomergeError> {
    if let ScalarValue::Str(line) = value
        && FirstChange::of(kind).append_only().is_some()
        && *object == container(kind, ENTRIES)
        && let Some((position, id)) = key::parts(key)
    {
        return match key::place(tx, object, position, id, line) {
            Some(key) => tx.put(object, key, value.clone()),
            None => Ok(()),
        };
    }
    if is_already(tx, object, key, Some(value)) { Ok(()) } else { tx.put(object, key, value.clone()) }
}
