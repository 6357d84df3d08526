//! The first change of every document: the same bytes on every device, so that two devices that create "the same"
//! document apart merge instead of hiding one another's work.

use std::sync::OnceLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, ObjId, ObjType, ROOT};

use super::hash::{ChangeHash, OpId};
use crate::document::actor::ActorId;
use crate::document::kind::{ENTRIES, FILES, Kind, for_kinds};

/// The built-in change that begins documents of one kind and schema step: a fixed actor, number 1, time 0, no message; it
/// sets `kind` and `schema` and makes empty maps, nothing else. The hex under `vectors/` is what it must stay.
///
/// The maps are addressed by the operation that made them, never by their name in the root: a member who overwrites
/// the name hides nothing.
pub(in crate::document) struct FirstChange {
    hash: ChangeHash,
    bytes: Vec<u8>,
    actor: ActorId,
    max_op: u64,
    document: Automerge,
    maps: Vec<(&'static str, u64)>,
}

impl FirstChange {
    pub(in crate::document) fn of(kind: Kind) -> &'static Self {
        cell(kind).get_or_init(|| Self::build(kind))
    }

    pub(in crate::document) fn hash(&self) -> ChangeHash {
        self.hash
    }

    /// The raw change.
    pub(in crate::document) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A document with this change and nothing else.
    pub(in crate::document) fn document(&self) -> Automerge {
        self.document.clone()
    }

    /// Whether the operation is one of this change's.
    pub(in crate::document) fn contains(&self, (actor, counter): OpId) -> bool {
        actor == self.actor && (1..=self.max_op).contains(&counter)
    }

    /// The map that only ever grows, if the kind has one.
    pub(in crate::document) fn append_only(&self) -> Option<OpId> {
        self.operation_of(ENTRIES)
    }

    /// The map of texts, if the kind has one.
    pub(in crate::document) fn texts(&self) -> Option<OpId> {
        self.operation_of(FILES)
    }

    fn operation_of(&self, name: &str) -> Option<OpId> {
        let (_, counter) = self.maps.iter().find(|(map, _)| *map == name)?;
        Some((self.actor, *counter))
    }

    /// Automerge's address of one of the maps made here; the root for a name that is none of them.
    pub(in crate::document) fn map(&self, name: &str) -> ObjId {
        let found = self.maps.iter().find(|(map, _)| *map == name);
        found.map_or(ROOT, |(_, counter)| ObjId::Id(*counter, self.actor.to_automerge(), 0))
    }

    /// Building cannot fail on an empty document; should it, the golden test and every other one show it.
    fn build(kind: Kind) -> Self {
        let actor = ActorId::built_in(kind.number(), kind.schema());
        let mut document = Automerge::new().with_actor(actor.to_automerge());
        let names = kind.maps();
        let options = |(): &()| CommitOptions::default().with_time(0);
        let built = document.transact_with(options, |tx| {
            tx.put(ROOT, "kind", u64::from(kind.number()))?;
            tx.put(ROOT, "schema", u64::from(kind.schema()))?;
            for name in names {
                tx.put_object(ROOT, *name, ObjType::Map)?;
            }
            Ok::<_, automerge::AutomergeError>(())
        });
        debug_assert!(built.is_ok(), "an empty document takes any put");
        let change = document.get_last_local_change();
        let bytes = change.as_ref().map(|change| change.raw_bytes().to_vec()).unwrap_or_default();
        let hash = change.map_or([0; 32], |change| change.hash().0);
        // Operations count from 1; kind and schema come first.
        let maps = names.iter().copied().zip(3..).collect::<Vec<_>>();
        let max_op = 2 + maps.len() as u64;
        Self { hash: ChangeHash::from_bytes(hash), bytes, actor, max_op, document, maps }
    }
}

impl Kind {
    /// The raw change that begins every document of this kind and schema step, the same on every device.
    pub fn first_change(self) -> &'static [u8] {
        FirstChange::of(self).bytes()
    }
}

macro_rules! cells {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($when:meta)])?
        $kind:ident => $module:ident $shape:tt
    )*) => {
        /// Where a kind's first change is kept once it was built.
        fn cell(kind: Kind) -> &'static OnceLock<FirstChange> {
            match kind {
                $($(#[cfg($when)])? Kind::$kind => {
                    static CELL: OnceLock<FirstChange> = OnceLock::new();
                    &CELL
                })*
            }
        }
    };
}

for_kinds!(cells);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_change_holds_kind_schema_and_empty_maps_and_no_author_time_or_message() {
        for kind in Kind::ALL {
            let change = automerge::Change::try_from(FirstChange::of(kind).bytes()).unwrap();
            assert_eq!(
                (change.seq(), change.timestamp(), change.message(), change.deps().len()),
                (1, 0, None, 0)
            );
            assert_eq!(change.max_op(), FirstChange::of(kind).max_op);
            let json =
                serde_json::to_value(automerge::AutoSerde::from(&FirstChange::of(kind).document())).unwrap();
            let mut expected = serde_json::json!({"kind": kind.number(), "schema": kind.schema()});
            for name in kind.maps() {
                expected[*name] = serde_json::json!({});
            }
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn the_maps_are_where_their_addresses_say() {
        use automerge::ReadDoc;
        for kind in Kind::ALL {
            let document = FirstChange::of(kind).document();
            for name in kind.maps() {
                let (_, id) = document.get(ROOT, *name).unwrap().unwrap();
                assert_eq!(id, FirstChange::of(kind).map(name), "{name}");
            }
        }
    }
}
