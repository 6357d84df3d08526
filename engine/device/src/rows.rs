//! What stands in the database's rows, and what it means here: kinds, heads, summaries and entries, both ways.

use bowline_core::document::{ChangeHash, Kind};
use bowline_store::{
    DocN, DocRow, EntryN, EntryRow, EntryState, EntryWithBody, NewEntry, Reader, Summary, Tx,
};
use bowline_wire::before;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::hash;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{ChainKey, DocId, EntryId, Millis, Moment, Position, WireDoc, WorkspaceId};
use bowline_wire::signed::Signed;

use crate::{Damage, Error};

/// How far a document's sealing is, as the store keeps it.
pub(crate) mod doc_state {
    /// No entry of it was ever made or seen: the first one is a snapshot.
    pub(crate) const NEVER_SEALED: u8 = 0;
    /// There are entries of it.
    pub(crate) const SEALED: u8 = 1;
}

/// The number of a kind as the store keeps it.
pub(crate) fn kind_column(kind: Kind) -> u8 {
    u8::try_from(kind.number()).unwrap_or(u8::MAX)
}

/// The kind of a document.
pub(crate) fn kind_of(row: &DocRow) -> Result<Kind, Error> {
    Kind::from_number(row.kind.into()).ok_or(Error::Damaged(Damage::Kind))
}

/// Heads as a row keeps them.
pub(crate) fn encode_heads(heads: &[ChangeHash]) -> Vec<u8> {
    heads.iter().flat_map(|head| *head.as_bytes()).collect()
}

/// Heads out of a row.
pub(crate) fn decode_heads(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes.as_chunks::<{ ChangeHash::LEN }>().0.iter().map(|hash| ChangeHash::from_bytes(*hash)).collect()
}

/// What lists show, as a row keeps it.
pub(crate) fn summary_row(summary: &bowline_core::document::Summary, marks: Vec<u8>) -> Summary {
    Summary {
        title: summary.title.clone(),
        // A transcript line may claim any time; no column holds more.
        updated_at: Millis(summary.updated_at.0.min(i64::MAX as u64)),
        count: summary.count,
        preview: summary.preview.clone(),
        marks,
    }
}

/// An entry from the database. Its signature is checked again: the database is a file that others may have touched.
pub(crate) fn entry_of(found: EntryWithBody) -> Result<Entry, Error> {
    let EntryRow { ws, header, signature, .. } = found.entry;
    let entry = if before::is_of_before(&header) {
        before::entry(header, signature, found.body)
    } else {
        SignedEntry::from_parts(Signed::from_parts(header, signature), found.body).verify(ws)
    };
    entry.map_err(|_| Error::Damaged(Damage::Entry))
}

/// Where and when an entry stands in its log.
pub(crate) fn moment(entry: &EntryRow) -> Moment {
    entry.place.map_or(Moment::START, |place| Moment { position: place.pos, time: place.time })
}

/// The id of an entry with these header bytes, whatever version wrote them. What was put aside is stored under another one.
pub(crate) fn id_of(workspace: WorkspaceId, header: &[u8]) -> EntryId {
    if before::is_of_before(header) { before::id(header) } else { hash::entry_id(workspace, header) }
}

/// The id under which an entry is stored that stands at a position where it may not: it may yet be accepted at another one, so its own
/// stays free.
pub(crate) fn aside_id(entry: EntryId, position: Position) -> EntryId {
    EntryId::from_bytes(hash::sha256(&[b"bowline/aside/1", entry.as_bytes(), &position.0.to_be_bytes()]))
}

/// Stores an entry of ours that is about to be offered.
pub(crate) fn insert_offered(
    tx: &Tx<'_>,
    entry: &Entry,
    doc: Option<DocN>,
) -> Result<EntryN, bowline_store::StoreError> {
    tx.insert_entry(&NewEntry { doc, applied: true, ..new_entry(entry, EntryState::Offered) })
}

/// A row for an entry, without place, reason or document.
pub(crate) fn new_entry(entry: &Entry, state: EntryState) -> NewEntry<'_> {
    let header = entry.header();
    let signed = entry.signed_header();
    NewEntry {
        ws: header.workspace,
        id: entry.id(),
        chain: ChainKey { device: header.device, incarnation: header.incarnation, lane: header.lane },
        // What nobody accepted may have any number; the exact header is stored beside it.
        seq: header.seq.min(i64::MAX as u64),
        entry_type: header.entry_type.number(),
        wire: Some(header.doc).filter(|doc| *doc != WireDoc::ZERO),
        doc: None,
        place: None,
        state,
        reason: None,
        applied: false,
        header: signed.bytes(),
        signature: *signed.signature(),
        body: entry.body(),
    }
}

/// The profile document of a workspace: the same on all its devices.
pub(crate) fn profile_id(workspace: WorkspaceId) -> DocId {
    let digest = bowline_wire::hash::sha256(&[b"bowline/doc/profile/1", workspace.as_bytes()]);
    let mut id = [0; DocId::LEN];
    for (to, from) in id.iter_mut().zip(digest) {
        *to = from;
    }
    DocId::from_bytes(id)
}

/// The accepted roster entries of a workspace, in log order.
pub(crate) fn roster_records(
    read: Reader<'_>,
    workspace: WorkspaceId,
) -> Result<Vec<(Moment, Entry)>, Error> {
    let mut records = Vec::new();
    for found in read.control_by_type(workspace, EntryType::Roster.number())? {
        records.push((moment(&found.entry), entry_of(found)?));
    }
    Ok(records)
}
