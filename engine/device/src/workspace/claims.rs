//! The rows of documents that entries are about: made if there is none, and showing what the latest entry claims until the document is loaded.

use bowline_core::document::{Kind, Marks};
use bowline_core::payload::Payload;
use bowline_store::{DocN, DocRow, DocUpdate, EntryRow, NewDoc, StoreError, Summary, Tx};
use bowline_wire::entry::Entry;
use bowline_wire::hash::sha256;
use bowline_wire::ids::{DocId, Millis, Position, WireDoc, WorkspaceId};

use crate::Error;
use crate::rows::{doc_state, kind_column, profile_id, summary_row};

/// The document that a payload is about, its row showing what the payload claims; `None` if that is a document of another kind.
pub(super) fn doc_with_claim(
    tx: &Tx<'_>,
    entry: &Entry,
    payload: &Payload,
    now: Millis,
) -> Result<Option<DocN>, Error> {
    let doc = doc_for(tx, entry.header().workspace, payload, entry.header().doc)?;
    if let Some(doc) = doc {
        update_claim(tx, doc, entry, payload, now)?;
    }
    Ok(doc)
}

/// The row of the document that a payload is about, made if there is none; `None` if that is a document of another kind.
fn doc_for(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    payload: &Payload,
    wire: WireDoc,
) -> Result<Option<DocN>, Error> {
    let Some(kind) = Kind::from_number(payload.kind) else {
        return Ok(None);
    };
    if let Some(row) = tx.find_in_log(workspace, payload.doc)? {
        return Ok((row.kind == kind_column(kind)).then_some(row.n));
    }
    // Its id is known to everyone, so a member could take its place with something else.
    if (payload.doc == profile_id(workspace)) != (kind == Kind::Profile) {
        return Ok(None);
    }
    // The very document may be here from before the workspace was forgotten, under the id that it had beside another one. Or its
    // id may be that of a document here: of a local one of the same kind, which is the same document, or of one that has nothing
    // to do with this workspace.
    let beside = id_beside(workspace, payload.doc);
    let (at_beside, at_its_id) = (tx.find_doc(beside)?, tx.find_doc(payload.doc)?);
    let id = if at_its_id.is_none() { payload.doc } else { beside };
    let is_here = |row: &DocRow| row.ws.is_none() && row.kind == kind_column(kind);
    if let Some(row) = [at_beside, at_its_id].into_iter().flatten().find(is_here) {
        tx.set_aside(row.n, (workspace, payload.doc), Some(wire))?;
        return Ok(Some(row.n));
    }
    let made = tx.insert_doc(&NewDoc {
        ws: Some(workspace),
        id,
        log_id: Some(payload.doc).filter(|in_log| *in_log != id),
        wire: Some(wire),
        heads: &[],
        state: doc_state::SEALED,
        kind: kind_column(kind),
        summary: Summary::default(),
        deleted_at: None,
        created_at: payload.time,
    });
    match made {
        Ok(made) => Ok(Some(made)),
        Err(StoreError::AlreadyThere(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The id that a document of a workspace has on a device where a document elsewhere has its id.
fn id_beside(workspace: WorkspaceId, id: DocId) -> DocId {
    let digest = sha256(&[b"bowline/doc/beside/1", workspace.as_bytes(), id.as_bytes()]);
    let mut beside = [0; DocId::LEN];
    for (to, from) in beside.iter_mut().zip(digest) {
        *to = from;
    }
    DocId::from_bytes(beside)
}

/// What lists show until the document is loaded. A claim from another document, or older than what is known, is none.
fn update_claim(tx: &Tx<'_>, doc: DocN, entry: &Entry, payload: &Payload, now: Millis) -> Result<(), Error> {
    let Some(row) = tx.doc(doc)? else {
        return Ok(());
    };
    // The author's clock may be ahead of ours, and a list would stand on a time that has not come.
    let updated_at = payload.summary.updated_at.min(now);
    let newer = updated_at >= row.summary.updated_at.min(now);
    let marks = claimed_marks(tx, &row, entry, payload)?;
    let summary = if newer {
        Summary { updated_at, ..summary_row(&payload.summary, marks) }
    } else {
        Summary { marks, ..row.summary }
    };
    let deleted_at = if newer { payload.deleted_at } else { row.deleted_at };
    tx.update_doc(
        doc,
        &DocUpdate { heads: &row.heads, state: doc_state::SEALED, summary: &summary, deleted_at },
    )?;
    Ok(())
}

/// How a document is filed, as lists show it until the document is loaded. A claim whose author knew all that the row shows
/// replaces it, and what is written here stands until it has left. Of two claims whose authors did not know of one another
/// only the document tells which holds; until then what shows more does.
fn claimed_marks(tx: &Tx<'_>, row: &DocRow, entry: &Entry, payload: &Payload) -> Result<Vec<u8>, Error> {
    let shown = &row.summary.marks;
    let claimed = payload.marks.clone().map(|marks| marks.to_bytes());
    let Some(claimed) = claimed.filter(|claimed| claimed != shown) else {
        return Ok(shown.clone());
    };
    let is_ours = |offered: EntryRow| offered.doc == Some(row.n);
    if row.only_here.is_some()
        || !tx.unsealed_sizes(row.n)?.is_empty()
        || tx.offered(entry.header().workspace)?.into_iter().any(is_ours)
    {
        return Ok(shown.clone());
    }
    let seen = entry.header().seen.map_or(Position::START, |seen| seen.position);
    if tx.last_placed(row.n)?.is_none_or(|last| last <= seen) {
        return Ok(claimed);
    }
    Ok(Marks::from_bytes(shown).or_shown(Marks::from_bytes(&claimed)).to_bytes())
}
