//! Who wrote a transcript entry: the device whose actor wrote it, or whoever a copy of it was made for says.

use std::collections::BTreeMap;

use automerge::{ObjId, ReadDoc};

use super::field;
use crate::document::actor::ActorId;
use crate::document::edit::fields::{Fields, container};
use crate::document::kind::{ENTRIES, Kind};
use crate::document::loaded::Document;

/// What the keys begin with, among those of the origin, that say who wrote an entry which somebody else copied.
const PREFIX: &str = "by/";

/// Who wrote a transcript entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A device, under this actor: [`ActorId::belongs_to`] says whose it is.
    Actor(ActorId),
    /// The entry was copied from another workspace, and the device that copied it says that this is who wrote it there.
    Named {
        /// Who wrote it, as the device that copied it calls them.
        name: String,
        /// Under which actor it was copied.
        by: ActorId,
    },
}

/// The map and the key under which it is noted who wrote an entry that somebody else copied.
pub(in crate::document) fn written_by_key(entry: &str) -> (ObjId, String) {
    (container(Kind::Conversation, field::ORIGIN), format!("{PREFIX}{entry}"))
}

/// The actor under which an entry stands in a document; `None` if there is no such entry.
pub(in crate::document) fn entry_writer(document: &Document, key: &str) -> Option<ActorId> {
    let entries = container(Kind::Conversation, ENTRIES);
    match document.automerge().get(&entries, key) {
        Ok(Some((_, ObjId::Id(_, actor, _)))) => ActorId::from_slice(actor.to_bytes()),
        _ => None,
    }
}

impl Document {
    /// Who wrote each entry of a transcript, by its key.
    pub fn entry_writers(&self) -> BTreeMap<String, Writer> {
        let origin = Fields::container(self, field::ORIGIN);
        let entries = container(Kind::Conversation, ENTRIES);
        let mut writers = BTreeMap::new();
        for item in self.automerge().map_range(&entries, ..) {
            let ObjId::Id(_, actor, _) = item.id() else { continue };
            let Some(by) = ActorId::from_slice(actor.to_bytes()) else { continue };
            let named = origin.text(&written_by_key(&item.key).1).ok().flatten();
            let writer = named.map_or(Writer::Actor(by), |name| Writer::Named { name, by });
            writers.insert(item.key.into_owned(), writer);
        }
        writers
    }
}
