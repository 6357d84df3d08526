//! Moving documents between this device and workspaces, and forgetting a workspace without losing what is in it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{ChangeHash, Kind, change_hash};
use bowline_store::{
    DocFilter, DocN, DocRow, DocUpdate, NewDoc, Place, Reader, Store, StoreError, Trash, Tx,
};
use bowline_wire::ids::{DocId, WorkspaceId};

use crate::Error;
use crate::documents::base::compressed;
use crate::documents::edit::{Listed, listed, touch};
use crate::documents::edited::Edited;
use crate::documents::found::Found;
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::rows::{doc_state, profile_id};
use crate::workspace::Keyrings;
use crate::workspace::workspaces::CURRENT;

impl Documents {
    /// Puts a document of this device into a workspace, with all its history. If the workspace has it already, as when two
    /// devices have imported one session, the two become one there.
    ///
    /// # Errors
    /// [`Error::NotLocal`] if there is no such document of this device, or if the workspace has one of the same id and this
    /// one holds what other people wrote elsewhere, in a workspace since forgotten: that is not this device's to write here.
    pub(crate) fn share(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        id: DocId,
        workspace: WorkspaceId,
    ) -> Result<Edited, Error> {
        let row = lent.read().find_doc(None, id)?.ok_or(Error::NotLocal(id))?;
        let there = match lent.read().find_doc(Some(workspace), id)? {
            Some(there) if there.kind == row.kind => {
                self.merge_into(lent, keyrings, &row, &there)?;
                there.n
            }
            Some(_) => return Err(Error::NotLocal(id)),
            None => {
                let wire = keyrings.wire_doc(workspace, id);
                lent.store.transaction(|tx| {
                    tx.put_meta(&sharing(id, workspace), &[])?;
                    tx.set_doc_workspace(row.n, Some(workspace), wire)
                })?;
                row.n
            }
        };
        Ok(Edited { workspace: Some(workspace), row: Some(there) })
    }

    /// Moves what a local document has and the same document of a workspace has not into that one, to be sealed there as
    /// this device's edits; the local one goes.
    fn merge_into(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        local: &DocRow,
        there: &DocRow,
    ) -> Result<(), Error> {
        while !self.try_merge(lent, keyrings, local.n, there.n)? {}
        self.cache.remove(local.n);
        self.cache.remove(there.n);
        // What lists show is of both from now on.
        self.load_anew(lent, keyrings, there.n).map(drop)
    }

    /// Merges two documents as they are now, unless another process comes between; whether they are merged.
    fn try_merge(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        local: DocN,
        there: DocN,
    ) -> Result<bool, Error> {
        let shared = self.load_anew(lent, keyrings, there)?;
        let (shared, shared_rev) = (shared.document.clone(), shared.rev);
        let loaded = self.load_anew(lent, keyrings, local)?;
        let mut beyond: BTreeSet<ChangeHash> = loaded.document.changes_beyond(&shared).into_iter().collect();
        let local_rev = loaded.rev;
        lent.store.transaction(|tx| {
            let is_as_seen = |n: DocN, rev: u64| -> Result<Option<DocRow>, Error> {
                Ok(tx.doc(n)?.filter(|row| row.rev == rev))
            };
            let (Some(row), Some(_)) = (is_as_seen(there, shared_rev)?, is_as_seen(local, local_rev)?) else {
                return Ok(false);
            };
            let mut moved = Vec::new();
            for change in tx.changes(local)? {
                // One that waits for others is not in the document, and goes along.
                let hash = change_hash(&change.bytes).filter(|hash| !shared.contains(hash));
                if let Some(hash) = hash {
                    beyond.remove(&hash);
                    moved.push(change.bytes);
                }
            }
            if !beyond.is_empty() {
                return Err(Error::NotLocal(row.id));
            }
            for change in &moved {
                tx.insert_change(there, change)?;
            }
            if !moved.is_empty() {
                touch(tx, &row)?;
            }
            if let Some(workspace) = row.ws {
                tx.put_meta(&sharing(row.id, workspace), &[])?;
            }
            tx.delete_doc(local)?;
            Ok(true)
        })
    }

    /// Takes back a document that was to go into a workspace and of which nothing has left this device yet; and keeps a
    /// local one out of what is offered for sharing from now on.
    pub(crate) fn keep_local(
        &mut self,
        store: &mut Store,
        current: Option<WorkspaceId>,
        id: DocId,
    ) -> Result<(), Error> {
        // A copy beside what a workspace has is the one that can be kept.
        let n = match store.read().find_doc(None, id)? {
            Some(row) => row.n,
            None => Found::with_id(store.read(), current, id)?.row.n,
        };
        store.transaction(|tx| -> Result<(), Error> {
            let row = tx.doc(n)?.ok_or(Error::NoDocument(id))?;
            if row.ws.is_some() {
                // Asked in here, because another process may be about to send it.
                let has_left =
                    tx.last_placed(n)?.is_some() || tx.changes(n)?.iter().any(|it| it.entry.is_some());
                if row.state != doc_state::NEVER_SEALED || has_left {
                    return Err(Error::AlreadyShared(id));
                }
                if tx.find_doc(None, id)?.is_some() {
                    return Err(Error::NotLocal(id));
                }
                tx.set_doc_workspace(n, None, None)?;
            }
            Ok(tx.put_meta(&kept(id), &[])?)
        })?;
        self.cache.remove(n);
        Ok(())
    }

    /// Forgets a workspace: its log, keys and entries. Documents stay, only on this device from now on; what of them
    /// could not be read goes with the entries. One whose id a document of this device has already stays under a new id,
    /// unless that one holds all of it. The relay and the others notice nothing. How many documents stay.
    pub(crate) fn forget_workspace(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        workspace: WorkspaceId,
    ) -> Result<usize, Error> {
        let mut saved = BTreeMap::new();
        let stay = loop {
            self.save_all(lent, keyrings, workspace, &mut saved)?;
            if let Some(stay) = let_go(lent.store, workspace, &saved)? {
                break stay;
            }
        };
        for n in saved.keys() {
            self.cache.remove(*n);
            self.indexed.remove(n);
        }
        Ok(stay)
    }

    /// Saves each document of a workspace whole, unless it is in `saved` as it is now.
    fn save_all(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        workspace: WorkspaceId,
        saved: &mut BTreeMap<DocN, Saved>,
    ) -> Result<(), Error> {
        for row in lent.read().list_docs(&all_of(workspace))? {
            if saved.get(&row.n).is_some_and(|saved| saved.rev == row.rev) {
                continue;
            }
            let becomes = if row.id == profile_id(workspace) {
                Saved { rev: row.rev, fate: Fate::Goes, first: None }
            } else {
                self.save_whole(lent, keyrings, row.n, row.id)?
            };
            saved.insert(row.n, becomes);
        }
        Ok(())
    }

    fn save_whole(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        n: DocN,
        id: DocId,
    ) -> Result<Saved, Error> {
        let fate = match lent.read().find_doc(None, id)? {
            None => Fate::Stays,
            Some(local) => {
                let heads = self.load_anew(lent, keyrings, n)?.document.heads();
                let local = &self.load(lent, keyrings, &local)?.document;
                if heads.iter().all(|head| local.contains(head)) {
                    Fate::Goes
                } else {
                    Fate::StaysAs(lent.new_id())
                }
            }
        };
        loop {
            let loaded = self.load_anew(lent, keyrings, n)?;
            // What of ours waits for what others wrote is not in the document: those rows stay.
            let (rev, first) =
                (loaded.rev, (!loaded.ours_wait).then(|| loaded.document.kind().first_change()));
            let base = compressed(&loaded.document)?;
            let is_all = lent.store.transaction(|tx| -> Result<bool, StoreError> {
                let is_all = tx.doc(n)?.is_some_and(|row| row.rev == rev);
                if is_all {
                    tx.put_base(n, &base)?;
                }
                Ok(is_all)
            })?;
            if is_all {
                return Ok(Saved { rev, fate, first });
            }
        }
    }
}

/// Whether a document of this device was shared into a workspace here, so that what this device adds to it goes there: the
/// same document may be in another workspace because somebody else has shared it.
pub(crate) fn is_shared_from_here(
    read: Reader<'_>,
    id: DocId,
    workspace: WorkspaceId,
) -> Result<bool, Error> {
    Ok(read.meta(&sharing(id, workspace))?.is_some())
}

/// Whether a person wants a local document left out when everything is shared.
pub(crate) fn is_kept_local(read: Reader<'_>, id: DocId) -> Result<bool, Error> {
    Ok(read.meta(&kept(id))?.is_some())
}

/// Documents only on this device, trash aside: what could be shared. Those to be kept local are not among them, and no
/// memories: what an agent knows about its person is shared by name or not at all.
pub(crate) fn shareable(read: Reader<'_>) -> Result<Vec<Listed>, Error> {
    let filter = DocFilter { place: Place::Local, trash: Trash::Without, kind: None, limit: None };
    let mut found = Vec::new();
    for row in read.list_docs(&filter)? {
        let kind = Kind::from_number(row.kind.into()).filter(|kind| *kind != Kind::Memory);
        if kind.is_some() && !is_kept_local(read, row.id)? {
            found.push(listed(row));
        }
    }
    Ok(found)
}

/// Lets go of a workspace, if every document in it is saved as it is now; otherwise changes nothing, because what
/// somebody has just written would be lost. How many documents stay.
fn let_go(
    store: &mut Store,
    workspace: WorkspaceId,
    saved: &BTreeMap<DocN, Saved>,
) -> Result<Option<usize>, Error> {
    store.transaction(|tx| {
        let rows = tx.list_docs(&all_of(workspace))?;
        // All or none: nothing is written before every document is known to be as it was saved.
        let as_saved = |row: &DocRow| saved.get(&row.n).filter(|saved| saved.rev == row.rev);
        let Some(saved) = rows.iter().map(as_saved).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut stay = 0;
        for (row, Saved { fate, first, .. }) in rows.iter().zip(saved) {
            if let Some(first) = first {
                tx.delete_changes_of(row.n)?;
                tx.insert_change(row.n, first)?;
            }
            match fate {
                Fate::Goes => tx.delete_doc(row.n)?,
                Fate::Stays => {
                    tx.set_doc_workspace(row.n, None, None)?;
                    let (heads, summary) = (row.heads.as_slice(), &row.summary);
                    let (state, deleted_at) = (doc_state::NEVER_SEALED, row.deleted_at);
                    tx.update_doc(row.n, &DocUpdate { heads, state, summary, deleted_at })?;
                    stay += 1;
                }
                Fate::StaysAs(id) => {
                    copy_as(tx, row, *id)?;
                    tx.delete_doc(row.n)?;
                    stay += 1;
                }
            }
        }
        if tx.meta(CURRENT)?.as_deref() == Some(workspace.as_bytes()) {
            tx.delete_meta(CURRENT)?;
        }
        tx.delete_workspace(workspace)?;
        Ok(Some(stay))
    })
}

/// A document on its way out of a workspace.
struct Saved {
    /// The revision that its base is of.
    rev: u64,
    fate: Fate,
    /// What takes the place of its change rows, if all they hold is in the base. A row without an entry says that the
    /// document was never sealed where it then is.
    first: Option<&'static [u8]>,
}

/// What becomes of a document when its workspace is forgotten.
enum Fate {
    /// The document stays, on this device.
    Stays,
    /// The document stays on this device, under this id.
    StaysAs(DocId),
    /// The document goes: all of it is in another one, or it is about the workspace only.
    Goes,
}

fn all_of(workspace: WorkspaceId) -> DocFilter {
    DocFilter { place: Place::In(workspace), trash: Trash::With, kind: None, limit: None }
}

/// Makes a local document of another one's base and changes.
fn copy_as(tx: &Tx<'_>, row: &DocRow, id: DocId) -> Result<(), StoreError> {
    let copy = tx.insert_doc(&NewDoc {
        ws: None,
        id,
        wire: None,
        heads: &row.heads,
        state: doc_state::NEVER_SEALED,
        kind: row.kind,
        summary: row.summary.clone(),
        deleted_at: row.deleted_at,
        created_at: row.created_at,
    })?;
    if let Some(base) = tx.base(row.n)? {
        tx.put_base(copy, &base)?;
    }
    for change in tx.changes(row.n)? {
        tx.insert_change(copy, &change.bytes)?;
    }
    Ok(())
}

fn sharing(id: DocId, workspace: WorkspaceId) -> String {
    format!("shared-from-here/{id}/{workspace}")
}

fn kept(id: DocId) -> String {
    format!("keep-local/{id}")
}
