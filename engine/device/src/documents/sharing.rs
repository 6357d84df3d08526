//! Moving documents between this device and workspaces, keeping them here, and forgetting a workspace without losing what is
//! in it.

use std::collections::BTreeMap;

use bowline_core::document::{Document, Kind, Visibility, change_hash};
use bowline_store::{
    ChangeRow, DocFilter, DocN, DocRow, DocUpdate, Place, Reader, Store, StoreError, Trash, Tx,
};
use bowline_wire::ids::{DeviceId, DocId, WorkspaceId};

use crate::Error;
use crate::documents::base::compressed;
use crate::documents::edit::{Beginning, Edit};
use crate::documents::edited::Edited;
use crate::documents::held::Documents;
use crate::documents::listed::{Listed, listed};
use crate::documents::loading::Derived;
use crate::documents::overlaps;
use crate::documents::writers::Writers;
use crate::lent::Lent;
use crate::rows::{doc_state, kind_of, profile_id};
use crate::workspace::workspaces::{CURRENT, note_former};
use crate::workspace::{Keyrings, Workspaces};

/// What sharing a document came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shared {
    /// The document was on this device only, and is in the workspace now.
    Moved,
    /// The document was in the workspace, and everything that was only here of it is there as well now.
    PutIn,
    /// All of the document was in the workspace already.
    Unchanged,
    /// The document is in another workspace; this one has a copy under this id.
    Copied(DocId),
    /// The workspace had this document of another device of the same person, made of the same home of another application. Both
    /// are one now.
    Joined {
        /// The id of the one.
        into: DocId,
        /// Fields that stay as they were there, and files that came beside those of the same name, because they differ.
        differ: usize,
    },
}

/// What keeping a document here comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// The document is on this device only.
    OnlyHere,
    /// The document is in this workspace, whose others keep what they have of it. What is written here stays here.
    Beside(WorkspaceId),
}

impl Documents {
    /// Puts a document into a workspace: one that is on this device only moves there with all its history, of one that is
    /// there already everything that is only here goes there too, and of one in another workspace a copy under an id of its
    /// own.
    ///
    /// # Errors
    /// [`Error::NoDocument`]; as of any edit.
    pub(crate) fn share(
        &mut self,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
        id: DocId,
        workspace: WorkspaceId,
    ) -> Result<(Shared, Edited), Error> {
        loop {
            let row = lent.read().find_doc(id)?.ok_or(Error::NoDocument(id))?;
            if kind_of(&row)?.visibility() == Visibility::Hidden {
                return Err(Error::NoDocument(id));
            }
            let (shared, is_done) = match row.ws {
                None => match lent.read().find_in_log(workspace, row.id)? {
                    None => (Shared::Moved, self.move_in(lent, workspaces, &row, workspace)?),
                    // It came while this id was taken here.
                    Some(there) if there.kind == row.kind && !there.kept && !there.only_here.is_some() => {
                        self.join(lent, &row, &there)?;
                        continue;
                    }
                    Some(_) => return self.copy_in(lent, workspaces, &row, workspace),
                },
                Some(place) if place == workspace && !row.kept && !row.only_here.is_some() => {
                    (Shared::Unchanged, true)
                }
                Some(place) if place == workspace => (Shared::PutIn, self.put_in(lent, workspaces, &row)?),
                Some(_) => return self.copy_in(lent, workspaces, &row, workspace),
            };
            if is_done {
                return Ok((shared, Edited { workspace: Some(workspace), row: Some(row.n) }));
            }
        }
    }

    /// Moves a local document into a workspace, unless another process comes between; whether it is there. What of it could
    /// not travel as it is, because others wrote it or because it is too much at once, is written anew.
    fn move_in(
        &mut self,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
        row: &DocRow,
        workspace: WorkspaceId,
    ) -> Result<bool, Error> {
        let (n, keyrings) = (row.n, workspaces.keyrings());
        let wire = keyrings.wire_doc(workspace, row.id);
        let loaded = self.load_anew(lent, keyrings, n)?;
        let (document, rev) = (loaded.document.clone(), loaded.rev);
        let rows = lent.read().changes(n)?;
        let writer = keyrings.writer(Some(workspace), lent.device());
        let anew = if travels_as_it_is(writer, &document, &rows) {
            None
        } else {
            let writers = Writers::known(self, lent, workspaces)?;
            let (mut anew, pen) = (Document::create(document.kind()), lent.fresh_pen(writer));
            let changes = anew.take_over(&document, pen, |actor| writers.other(actor))?;
            let derived = Derived::of(&anew).no_later_than(lent.now, row.summary.updated_at);
            Some((changes, derived))
        };
        let is_done = lent.store.transaction(|tx| -> Result<bool, Error> {
            if tx.doc(n)?.is_none_or(|now| now.rev != rev || now.ws.is_some()) {
                return Ok(false);
            }
            if let Some((changes, derived)) = &anew {
                let waiting = waiting_rows(&document, rows);
                tx.delete_base(n)?;
                tx.delete_changes_of(n)?;
                for change in
                    changes.iter().map(Vec::as_slice).chain(waiting.iter().map(|it| it.bytes.as_slice()))
                {
                    tx.insert_change(n, change)?;
                }
                derived.write(tx, n)?;
            }
            note_shared_from_here(tx, row.id, workspace)?;
            tx.set_kept(n, false)?;
            tx.set_doc_workspace(n, Some(workspace), wire)?;
            Ok(true)
        })?;
        self.cache.remove(n);
        Ok(is_done)
    }

    /// Puts everything that is only here of a document where the document is, unless another process comes between; whether
    /// it is there.
    fn put_in(&mut self, lent: &mut Lent<'_>, workspaces: &Workspaces, row: &DocRow) -> Result<bool, Error> {
        let n = row.n;
        let writers = Writers::known(self, lent, workspaces)?;
        let pen = lent.fresh_pen(workspaces.keyrings().writer(row.ws, lent.device()));
        let loaded = self.load_anew(lent, workspaces.keyrings(), n)?;
        if row.only_here.is_some() && !loaded.standing.has_aside {
            return Ok(false); // the two could not be one, and what was only here is a document of its own now
        }
        let rev = loaded.rev;
        let mut document = loaded.document.clone();
        let mut changes = Vec::new();
        if loaded.standing.has_aside && loaded.with_aside.is_none() {
            return Err(Error::Bug("what is only here of a document is not in memory"));
        }
        if let Some(shown) = &loaded.with_aside {
            changes = document.take_over(shown, pen, |actor| writers.other(actor))?;
            let waiting = waiting_rows(shown, lent.read().changes_aside(n)?);
            changes.extend(waiting.into_iter().map(|row| row.bytes));
        }
        let derived = Derived::of(&document).no_later_than(lent.now, row.summary.updated_at);
        let is_done = lent.store.transaction(|tx| -> Result<bool, Error> {
            let Some(now) = tx.doc(n)?.filter(|now| now.rev == rev) else {
                return Ok(false);
            };
            tx.clear_aside(n)?;
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            derived.write(tx, n)?;
            tx.set_kept(n, false)?;
            if let Some(workspace) = now.ws {
                note_shared_from_here(tx, now.id, workspace)?;
            }
            Ok(true)
        })?;
        self.cache.remove(n);
        Ok(is_done)
    }

    /// Puts all of a local document beside the workspace's document of the same id, which came while that id was taken here and has
    /// it from then on, unless another process comes between. What of it the workspace lacks is then only here, as if the local one
    /// had been there first.
    fn join(&mut self, lent: &mut Lent<'_>, local: &DocRow, there: &DocRow) -> Result<(), Error> {
        lent.store.transaction(|tx| -> Result<(), Error> {
            if tx.doc(local.n)?.as_ref() == Some(local) && tx.doc(there.n)?.as_ref() == Some(there) {
                tx.join_aside(local.n, there.n)?;
                overlaps::give_id(tx, there.id, local.id)?;
            }
            Ok(())
        })?;
        for n in [local.n, there.n] {
            self.cache.remove(n);
            self.indexed.remove(&n);
        }
        Ok(())
    }

    /// Makes a copy of a document for a workspace, with an id of its own and a note of what it is a copy of.
    fn copy_in(
        &mut self,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
        row: &DocRow,
        workspace: WorkspaceId,
    ) -> Result<(Shared, Edited), Error> {
        let keyrings = workspaces.keyrings();
        let writers = Writers::known(self, lent, workspaces)?;
        let writer = keyrings.writer(Some(workspace), lent.device());
        let (id, pen) = (lent.new_id(), lent.fresh_pen(writer));
        let shown = self.load_anew(lent, keyrings, row.n)?.shown().clone();
        let from = row.ws.map(|from| format!("{from}/{}", row.in_log())).unwrap_or_default();
        let beginning = Beginning { kind: kind_of(row)?, id, workspace: Some(workspace) };
        let copy = |document: &mut Document, _| -> Result<Vec<Vec<u8>>, Edit> {
            let mut changes = document.take_over(&shown, pen, |actor| writers.other(actor))?;
            changes.extend(document.set_copied_from(&from, pen)?);
            Ok(changes)
        };
        let together = |tx: &Tx<'_>| note_shared_from_here(tx, id, workspace);
        let edited = self.begin(lent, keyrings, beginning, copy, together)?;
        Ok((Shared::Copied(id), edited))
    }

    /// Keeps a document here: one of which nothing has left is on this device only from then on, and of another one nothing
    /// leaves from now on.
    pub(crate) fn keep_local(&mut self, lent: &mut Lent<'_>, id: DocId) -> Result<Kept, Error> {
        let (n, kept) = lent.store.transaction(|tx| -> Result<(DocN, Kept), Error> {
            let row = tx.find_doc(id)?.ok_or(Error::NoDocument(id))?;
            if kind_of(&row)?.visibility() == Visibility::Hidden {
                return Err(Error::NoDocument(id));
            }
            let mut kept = row.ws.map_or(Kept::OnlyHere, Kept::Beside);
            // Asked in here, because another process may be about to send it.
            let has_left = row.state != doc_state::NEVER_SEALED
                || tx.last_placed(row.n)?.is_some()
                || tx.is_partly_apart(row.n)?
                || tx.changes(row.n)?.iter().any(|it| it.entry.is_some());
            if row.ws.is_some() && !has_left {
                tx.set_doc_workspace(row.n, None, None)?;
                kept = Kept::OnlyHere;
            }
            tx.set_kept(row.n, true)?;
            Ok((row.n, kept))
        })?;
        self.cache.remove(n);
        Ok(kept)
    }

    /// Forgets a workspace: its log, keys and entries. Documents stay, only on this device from now on, with what was only
    /// here of them; what of them could not be read goes with the entries. The relay and the others notice nothing. How many
    /// documents stay.
    pub(crate) fn forget_workspace(
        &mut self,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
        workspace: WorkspaceId,
    ) -> Result<usize, Error> {
        Writers::known(self, lent, workspaces)?.remember(lent.store)?;
        let (mut saved, was) = (BTreeMap::new(), workspaces.device_in(lent.keys, workspace));
        let stay = loop {
            self.save_all(lent, workspaces.keyrings(), workspace, &mut saved)?;
            if let Some(stay) = let_go(lent.store, (workspace, was), &saved)? {
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
                Saved { rev: row.rev, fate: Fate::Goes, first: None, united: None }
            } else {
                self.save_whole(lent, keyrings, row.n)?
            };
            saved.insert(row.n, becomes);
        }
        Ok(())
    }

    fn save_whole(&mut self, lent: &mut Lent<'_>, keyrings: Keyrings<'_>, n: DocN) -> Result<Saved, Error> {
        loop {
            let loaded = self.load_anew(lent, keyrings, n)?;
            let (rev, first) = (loaded.rev, loaded.shown().kind().first_change());
            // What of ours waits for what others wrote is not in the document: those rows stay.
            let ours_wait =
                loaded.ours_wait || !waiting_rows(loaded.shown(), lent.read().changes_aside(n)?).is_empty();
            let first = (!ours_wait).then_some(first);
            let base = compressed(loaded.shown())?;
            if loaded.standing.has_aside {
                // As long as the workspace is there, what is only here is not what the workspace has.
                return Ok(Saved { rev, fate: Fate::Stays, first, united: Some(base) });
            }
            let is_all = lent.store.transaction(|tx| -> Result<bool, StoreError> {
                let is_all = tx.doc(n)?.is_some_and(|row| row.rev == rev);
                if is_all {
                    tx.put_base(n, &base)?;
                }
                Ok(is_all)
            })?;
            if is_all {
                return Ok(Saved { rev, fate: Fate::Stays, first, united: None });
            }
        }
    }
}

/// Whether a local document can be sealed as it is by this device as `writer`: nobody else has written into it, and all of it
/// is in its change rows. What is in a base alone would be sealed only if the document is sealed whole, and it is not if the
/// workspace turns out to have it.
fn travels_as_it_is(writer: DeviceId, document: &Document, rows: &[ChangeRow]) -> bool {
    let first = document.kind().first_change();
    let (count, _) = document.extent();
    count == 1 + rows.iter().filter(|row| row.bytes != first).count()
        && document.is_all_by(|actor| actor.belongs_to(writer))
}

/// Changes that wait for others, which are not in the document.
fn waiting_rows(document: &Document, rows: Vec<ChangeRow>) -> Vec<ChangeRow> {
    let is_in = |row: &ChangeRow| change_hash(&row.bytes).is_some_and(|hash| document.contains(&hash));
    rows.into_iter().filter(|row| !is_in(row)).collect()
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

/// Notes that what this device adds to a document of a workspace goes there.
pub(crate) fn note_shared_from_here(tx: &Tx<'_>, id: DocId, workspace: WorkspaceId) -> Result<(), Error> {
    Ok(tx.put_meta(&sharing(id, workspace), &[])?)
}

/// Documents of which something is only here, trash aside: what could be shared. Those to be kept here are not among them, and
/// no memories: what an agent knows about its person is shared by name or not at all.
pub(crate) fn shareable(read: Reader<'_>) -> Result<Vec<Listed>, Error> {
    let filter = DocFilter { place: Place::Anywhere, trash: Trash::Without, kind: None, limit: None };
    let mut found = Vec::new();
    for row in read.list_docs(&filter)? {
        let kind = Kind::from_number(row.kind.into());
        let is_offered = kind.is_some_and(|kind| kind.visibility() == Visibility::Shared);
        let is_here = row.ws.is_none() || row.only_here.is_some();
        if is_offered && is_here && !row.kept {
            found.push(listed(read, row)?);
        }
    }
    Ok(found)
}

/// Lets go of a workspace, if every document in it is saved as it is now; otherwise changes nothing, because what
/// somebody has just written would be lost. How many documents stay.
fn let_go(
    store: &mut Store,
    (workspace, was): (WorkspaceId, DeviceId),
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
        for (row, Saved { fate, first, united, .. }) in rows.iter().zip(saved) {
            if let Some(base) = united {
                tx.put_base(row.n, base)?;
            }
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
            }
        }
        if tx.meta(CURRENT)?.as_deref() == Some(workspace.as_bytes()) {
            tx.delete_meta(CURRENT)?;
        }
        note_former(tx, workspace, was)?;
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
    /// What becomes its base when the workspace goes, if something of it is only here.
    united: Option<Vec<u8>>,
}

/// What becomes of a document when its workspace is forgotten.
enum Fate {
    /// The document stays, on this device.
    Stays,
    /// The document goes: it is about the workspace only.
    Goes,
}

fn all_of(workspace: WorkspaceId) -> DocFilter {
    DocFilter { place: Place::In(workspace), trash: Trash::With, kind: None, limit: None }
}

fn sharing(id: DocId, workspace: WorkspaceId) -> String {
    format!("shared-from-here/{id}/{workspace}")
}
