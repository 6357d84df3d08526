//! A change made before, written once more on top of another document.

use std::collections::HashMap;

use automerge::legacy::{Key, ObjectId, Op, OpId, OpType};
use automerge::transaction::{Transactable, Transaction};
use automerge::{AutomergeError, Change, ExpandedChange, ObjId, ObjType, ROOT, ReadDoc, ScalarValue, Value};

use super::Kind;
use super::actor::ActorId;
use super::conversation::key;
use super::edit::{is_already, map_at, write};
use super::fields::container;
use super::first::ENTRIES;

/// Maps that the replayed changes made, and where they are now.
type Made = HashMap<OpId, ObjId>;

/// Replays changes in the order they were made in, each once in the life of the document: the root notes under
/// `again/<hash>` that it has been, and only the device's own note counts. Maps a change made are found again under their
/// key, or made again.
pub(super) fn replay(
    kind: Kind,
    tx: &mut Transaction<'_>,
    by: ActorId,
    changes: &[Change],
) -> Result<(), AutomergeError> {
    let mut made = Made::new();
    for change in changes {
        let note = format!("again/{}", change.hash());
        let is_done = tx.get_all(ROOT, note.as_str())?.iter().any(|(_, id)| is_by_device_of(by, id));
        let change = ExpandedChange::from(change);
        for (op, counter) in change.operations.iter().zip(change.start_op.get()..) {
            let id = OpId(counter, change.actor_id.clone());
            if is_done {
                find_map(tx, op, id, &mut made)?;
            } else {
                replay_op(kind, tx, op, id, &mut made)?;
            }
        }
        if !is_done {
            tx.put(ROOT, note, true)?;
        }
    }
    Ok(())
}

fn is_by_device_of(actor: ActorId, op: &ObjId) -> bool {
    match op {
        ObjId::Root => false,
        ObjId::Id(_, by, _) => ActorId::from_slice(by.to_bytes()).is_some_and(|by| by.is_same_device(actor)),
    }
}

/// Where an operation writes.
fn object_of(op: &Op, made: &Made) -> ObjId {
    match &op.obj {
        ObjectId::Root => ROOT,
        ObjectId::Id(id) => made.get(id).cloned().unwrap_or_else(|| ObjId::Id(id.0, id.1.clone(), 0)),
    }
}

/// Notes where the map is that an operation made when it was replayed before.
fn find_map(tx: &Transaction<'_>, op: &Op, id: OpId, made: &mut Made) -> Result<(), AutomergeError> {
    if let (OpType::Make(ObjType::Map), Key::Map(key)) = (&op.action, &op.key)
        && let Some((Value::Object(ObjType::Map), map)) = tx.get(object_of(op, made), key.as_str())?
    {
        made.insert(id, map);
    }
    Ok(())
}

fn replay_op(
    kind: Kind,
    tx: &mut Transaction<'_>,
    op: &Op,
    id: OpId,
    made: &mut Made,
) -> Result<(), AutomergeError> {
    let Key::Map(key) = &op.key else { return Ok(()) };
    let object = object_of(op, made);
    if object != ROOT && tx.object_type(&object).is_err() {
        return Ok(()); // in a map of somebody else's that is not here
    }
    match &op.action {
        OpType::Make(ObjType::Map) => {
            made.insert(id, map_at(tx, &object, key)?);
            Ok(())
        }
        OpType::Put(value) => put(kind, tx, &object, key, value),
        OpType::Delete => write(tx, &object, key, None),
        _ => Ok(()),
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
        && kind == Kind::Conversation
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
