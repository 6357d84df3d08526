//! Work of this device that does not count as it is, written again: what lost, and what was done under other keys than the device has
//! in a workspace now, of which others take nothing in an entry of the device that it is.

use std::collections::BTreeSet;

use bowline_core::document::{
    Assembled, ChangeHash, Document, EditError, Incoming, Lost, change_actor, change_hash,
};
use bowline_store::{ChangeN, ChangeRow, DocN, DocRow};
use bowline_wire::ids::{DeviceId, EntryId};

use crate::documents::base::compressed;
use crate::documents::edit::touch;
use crate::documents::held::Documents;
use crate::documents::loading::Derived;
use crate::documents::reading::{Content, Reading, recommitted};
use crate::lent::Lent;
use crate::rows::kind_of;
use crate::workspace::Keyrings;
use crate::{Error, Notice};

/// Whether others take this change in an entry by `writer`: it is the writer's, or the one that every document begins with.
pub(crate) fn may_travel(change: &[u8], writer: DeviceId) -> bool {
    change_actor(change).is_none_or(|actor| actor.belongs_to(writer) || !actor.is_of_a_device())
}

/// What became of work that cannot travel as it is.
pub(crate) enum Rewritten {
    /// There was none in the document.
    Nothing,
    /// All of it is written again; the document's row is another one now.
    Done,
    /// The document takes no more.
    Full,
}

impl Documents {
    /// Edits of ours that lost, against another of ours because two copies of this database were at work, or with what they were built
    /// on: written once more, under this process's actor. True if that has changed the document's row.
    pub(super) fn recommit(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        lost: &[Lost],
    ) -> Result<bool, Error> {
        let n = row.n;
        let ours = Reading::of(lent, keyrings).ours_to_recommit(row, lost)?;
        if ours.is_empty() {
            return Ok(false);
        }
        let bytes: Vec<&[u8]> = ours.iter().map(|lost| lost.bytes.as_slice()).collect();
        let pen = self.pen(lent, keyrings, row.ws);
        let loaded = self.cache.loaded(n)?;
        let changes = match loaded.document.recommit(pen, &bytes) {
            Ok(changes) => changes,
            Err(error) => {
                self.cache.remove(n); // it may hold part of it
                return Err(error.into());
            }
        };
        loaded.with_aside = None;
        let derived = Derived::of_loaded(loaded).no_later_than(lent.now, lent.now);
        let rev = lent.store.transaction(|tx| -> Result<Option<u64>, Error> {
            for lost in &ours {
                tx.put_meta(&recommitted(&lost.hash), &[])?;
            }
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            if changes.is_empty() { Ok(None) } else { derived.write(tx, n).map(Some) }
        })?;
        if let (Some(_), Some(workspace)) = (rev, row.ws) {
            lent.notices.push(Notice::WrittenAgain { workspace, id: row.id });
        }
        if let (Some(rev), Some(loaded)) = (rev, self.cache.get_mut(n)) {
            loaded.wrote(rev);
        }
        self.cache.grow(n, changes.iter().map(Vec::len).sum());
        Ok(rev.is_some())
    }

    /// Writes again, in this device's name in the document's workspace, what in the document is unsealed and in another name, and
    /// what of ours was built on that. What still waits for others stays as it is.
    pub(crate) fn write_in_own_name(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        n: DocN,
    ) -> Result<Rewritten, Error> {
        loop {
            let loaded = self.load_anew(lent, keyrings, n)?;
            let (rev, shown) = (loaded.rev, loaded.document.clone());
            let row = lent.row(n)?;
            let writer = keyrings.writer(row.ws, lent.device());
            let is_in = |hash: ChangeHash| shown.contains(&hash);
            let unsealed = lent.read().unsealed(n)?;
            let mut foreign = unsealed.iter().filter(|change| !may_travel(&change.bytes, writer));
            if !foreign.any(|change| change_hash(&change.bytes).is_some_and(is_in)) {
                return Ok(Rewritten::Nothing);
            }
            let Assembled { mut document, unsettled, .. } = without_foreign(lent, keyrings, &row, writer)?;
            // What is on the log and was built on what is written again now is judged together with all of it.
            let is_whole = unsettled.iter().all(|entry| *entry == EntryId::ZERO);
            let (mut gone, mut lost) = (Vec::new(), Vec::new());
            for change in &unsealed {
                let Some(hash) = change_hash(&change.bytes).filter(|hash| is_in(*hash)) else { continue };
                let is_there = document.contains(&hash);
                if !is_there {
                    lost.push(change.bytes.as_slice());
                }
                // What counts by an entry of the device as it was before needs no row any more.
                if !is_there || !may_travel(&change.bytes, writer) {
                    gone.push(change.n);
                }
            }
            let changes = match document.recommit(lent.fresh_pen(writer), &lost) {
                Err(EditError::Full) => return Ok(Rewritten::Full),
                made => made?,
            };
            let derived = Derived::of(&document).no_later_than(lent.now, row.summary.updated_at);
            let base = compressed(&document)?;
            let is_done = lent.store.transaction(|tx| -> Result<bool, Error> {
                if tx.doc(n)?.is_none_or(|now| now.rev != rev) {
                    return Ok(false);
                }
                tx.delete_changes(&gone)?;
                for change in &changes {
                    tx.insert_change(n, change)?;
                }
                if is_whole {
                    tx.put_base(n, &base)?;
                } else {
                    tx.make_anew(n)?;
                }
                if row.only_here.is_some() {
                    touch(tx, &row)?
                } else {
                    derived.write(tx, n)?
                };
                Ok(true)
            })?;
            self.forget(n);
            if is_done {
                return Ok(Rewritten::Done);
            }
        }
    }
}

/// A document of a workspace without what is unsealed in it in other names than the writer's, and without what was built on that.
fn without_foreign(
    lent: &Lent<'_>,
    keyrings: Keyrings<'_>,
    row: &DocRow,
    writer: DeviceId,
) -> Result<Assembled, Error> {
    let reading = Reading::of(lent, keyrings);
    let contents = reading.all_accepted(row.n)?.contents;
    let rows = lent.read().changes(row.n)?;
    let unsealed: BTreeSet<ChangeN> = lent.read().unsealed(row.n)?.iter().map(|change| change.n).collect();
    let stays = |change: &&ChangeRow| !unsealed.contains(&change.n) || may_travel(&change.bytes, writer);
    let kept = rows.iter().filter(stays);
    let ours = kept.map(|change| keyrings.own_change(row.ws, lent.device(), &change.bytes));
    let incoming: Vec<Incoming<'_>> = contents.iter().map(Content::incoming).chain(ours).collect();
    Ok(Document::assemble(kind_of(row)?, &incoming))
}
