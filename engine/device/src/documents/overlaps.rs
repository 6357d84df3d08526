//! Where what others wrote met what this device wrote at the same time: told once when it is found, and kept until a person
//! has looked at the document.

use bowline_core::document::{ActorId, ChangeHash, Document, Kind, Overlap, OverlapAt};
use bowline_store::{DocRow, Reader, Store, Tx};
use bowline_wire::ids::{DeviceId, DocId};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::rows::{decode_heads, kind_of};
use crate::workspace::Keyrings;

/// Name of the value with those that no person has looked at yet.
const KEPT: &str = "overlaps";

/// Overlaps that are kept, of all documents: a person who has not looked at so many looks at none of them. The oldest go.
const KEPT_MAX: usize = 256;

/// Something that this device and others changed at the same time. Does not print what it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Overlapping {
    /// The document.
    pub document: DocId,
    /// What kind of document it is.
    pub kind: Kind,
    /// What it is called now.
    pub title: String,
    /// What both changed.
    pub at: OverlapAt,
    /// Who else wrote, for people: `Ben`, or `Ana's phone` for another device of this one's person. If there are several, at
    /// least one of them wrote there.
    pub by: Vec<String>,
}

impl std::fmt::Debug for Overlapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Overlapping")
            .field("document", &self.document)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// An overlap as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    document: [u8; DocId::LEN],
    at: OverlapAt,
    others: Vec<ActorId>,
}

/// Where what has come for a document since its row was written meets what this device wrote.
pub(super) fn found(
    row: &DocRow,
    document: &Document,
    (keyrings, device): (Keyrings<'_>, DeviceId),
) -> Vec<Kept> {
    let before: Vec<ChangeHash> = decode_heads(&row.heads);
    let writer = keyrings.writer(row.ws, device);
    let is_own = |actor: &ActorId| actor.belongs_to(device) || actor.belongs_to(writer);
    let overlaps = document.overlaps(&before, is_own).into_iter();
    overlaps.map(|Overlap { at, others }| Kept { document: *row.id.as_bytes(), at, others }).collect()
}

/// Keeps what was found until a person has looked.
pub(super) fn keep(tx: &Tx<'_>, found: &[Kept]) -> Result<(), Error> {
    if found.is_empty() {
        return Ok(());
    }
    let mut all = kept(**tx)?;
    all.retain(|old| !found.iter().any(|new| new.document == old.document && new.at == old.at));
    all.extend(found.iter().cloned());
    all.drain(..all.len().saturating_sub(KEPT_MAX));
    write(tx, &all)
}

/// All that is kept.
pub(crate) fn kept(read: Reader<'_>) -> Result<Vec<Kept>, Error> {
    // What cannot be read is lost: it is in the documents all the same.
    Ok(read.meta(KEPT)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
}

/// A person has looked at a document: what was kept of it is told no more.
pub(crate) fn seen(store: &mut Store, document: DocId) -> Result<(), Error> {
    let is_of_it = |kept: &Kept| kept.document == *document.as_bytes();
    if !kept(store.read())?.iter().any(is_of_it) {
        return Ok(());
    }
    store.transaction(|tx| {
        let mut all = kept(**tx)?;
        all.retain(|kept| !is_of_it(kept));
        write(tx, &all)
    })
}

/// A document has another id from now on.
pub(super) fn give_id(tx: &Tx<'_>, had: DocId, has: DocId) -> Result<(), Error> {
    let mut all = kept(**tx)?;
    let mut is_changed = false;
    for kept in all.iter_mut().filter(|kept| kept.document == *had.as_bytes()) {
        kept.document = *has.as_bytes();
        is_changed = true;
    }
    if is_changed { write(tx, &all) } else { Ok(()) }
}

/// What was found, as it is told; what is about documents that are not in view any more is left out.
/// `name` says what to call whoever wrote under an actor.
pub(crate) fn told(
    read: Reader<'_>,
    all: Vec<Kept>,
    name: impl Fn(ActorId) -> String,
) -> Result<Vec<Overlapping>, Error> {
    let mut told = Vec::new();
    for Kept { document, at, others } in all {
        let document = DocId::from_bytes(document);
        let Some(row) = read.find_doc(document)?.filter(|row| row.deleted_at.is_none()) else { continue };
        let mut by: Vec<String> = others.into_iter().map(&name).collect();
        by.sort();
        by.dedup();
        let kind = kind_of(&row)?;
        told.push(Overlapping { document, kind, title: row.summary.title, at, by });
    }
    Ok(told)
}

fn write(tx: &Tx<'_>, all: &[Kept]) -> Result<(), Error> {
    let bytes = serde_json::to_vec(all).map_err(|_| Error::Bug("overlaps that are not JSON"))?;
    Ok(tx.put_meta(KEPT, &bytes)?)
}
