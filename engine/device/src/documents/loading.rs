//! Bringing documents into memory: saved base, what others wrote since, and this device's own unsealed changes.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{Deletion, Document, Extent, Incoming, Marks, NeedsRebuild};
use bowline_store::{
    Attempt, DocN, DocRow, DocShown, EntryN, EntryState, EntryWithBody, NewDoc, OnlyHere, StoreError, Tx,
    WrittenDoc,
};
use bowline_wire::ids::{EntryId, Millis};

use crate::documents::base::compressed;
use crate::documents::cache::Loaded;
use crate::documents::folding::drop_settled_changes;
use crate::documents::held::Documents;
use crate::documents::in_part::{self, left_out};
use crate::documents::overlaps;
use crate::documents::reading::{Content, Reading, TakenIn, has_crashed};
use crate::documents::untaken::Untaken;
use crate::lent::Lent;
use crate::rows::{doc_state, encode_heads, summary_row};
use crate::workspace::Keyrings;
use crate::workspace::quarantine::{QuarantineReason, not_applied};
use crate::{Error, Notice};

/// Accepted entries of a document that were taken in since its base was saved, before it is saved again: loading many
/// small ones costs more than writing one base.
const BASE_AFTER: usize = 16;

/// Entries that waited to be taken in.
struct Pending {
    /// The document was loaded for this.
    fresh: bool,
    /// Those that were opened.
    seen: BTreeMap<EntryN, EntryId>,
    /// Those that have ended the process too often, and were not.
    crashing: Vec<EntryN>,
    /// Those that no longer can be opened.
    unreadable: Vec<EntryN>,
}

impl Documents {
    /// The document of a row, with everything accepted so far. What is in memory is only as good as the row is now: another
    /// process may have written since `row` was read.
    pub(crate) fn load(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
    ) -> Result<&mut Loaded, Error> {
        if self.cache.contains(row.n) {
            self.load_anew(lent, keyrings, row.n)
        } else {
            self.load_current(lent, keyrings, row)
        }
    }

    /// The document of a row, as the row is now.
    pub(crate) fn load_anew(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        n: DocN,
    ) -> Result<&mut Loaded, Error> {
        let row = lent.row(n)?;
        self.load_current(lent, keyrings, &row)
    }

    /// The document of a row that was read just now, or of which nothing is in memory.
    fn load_current(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
    ) -> Result<&mut Loaded, Error> {
        let n = row.n;
        if self.cache.get_mut(n).is_some_and(|loaded| loaded.rev != row.rev) {
            self.cache.remove(n);
        }
        let fresh = !self.cache.contains(n);
        let mut written = None;
        if fresh {
            let (loaded, lost) = Reading::of(lent, keyrings).base_and_changes(row)?;
            self.cache.insert(n, loaded);
            if self.recommit(lent, keyrings, row, &lost)? {
                written = Some(lent.row(n)?);
            }
        }
        let row = written.as_ref().unwrap_or(row);
        if self.cache.get_mut(n).is_some_and(|loaded| loaded.stale) {
            self.take_in(lent, keyrings, row, fresh)?;
        }
        self.fold(lent, n)?;
        self.cache.loaded(n)
    }

    /// Takes in what others wrote since, so much at a time as may be in memory at once.
    fn take_in(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        fresh: bool,
    ) -> Result<(), Error> {
        let n = row.n;
        let suspects: BTreeMap<EntryN, Attempt> =
            lent.read().attempts_at(n)?.into_iter().map(|attempt| (attempt.entry, attempt)).collect();
        let crashes = |n: &EntryN| suspects.get(n).is_some_and(has_crashed);
        // One of them may have ended the process before: one at a time, so that it is known which.
        let mut untaken = Untaken::of(n, !suspects.is_empty());
        let mut pending =
            Pending { fresh, seen: BTreeMap::new(), crashing: Vec::new(), unreadable: Vec::new() };
        let mut taken = TakenIn::default();
        loop {
            let mut found = untaken.next(lent.read())?;
            if found.is_empty() {
                break;
            }
            let crashing = found.extract_if(.., |found| crashes(&found.entry.n));
            pending.crashing.extend(crashing.map(|found| found.entry.n));
            self.take_some(lent, keyrings, row, found, (&mut untaken, &mut pending, &mut taken))?;
            if let Some((opened, unreadable)) = &taken.anew {
                // The rest is in the document as well.
                for named in untaken.into_rest(lent.read())? {
                    if opened.contains(&named.n) {
                        pending.seen.insert(named.n, named.id);
                    } else if unreadable.contains(&named.n) {
                        pending.unreadable.push(named.n);
                    } else if crashes(&named.n) {
                        pending.crashing.push(named.n);
                    }
                }
                let survived: Vec<EntryN> = pending.seen.keys().chain(&pending.unreadable).copied().collect();
                lent.store.transaction(|tx| tx.finish_attempt(&survived))?;
                return self.write_all(lent, keyrings, row, (&pending, &taken));
            }
        }
        taken.unsettled.extend(untaken.into_waiting().into_iter().map(|named| named.id));
        self.write_all(lent, keyrings, row, (&pending, &taken))
    }

    /// Opens some of what was found, and puts it into the document; what is too much for now goes back.
    fn take_some(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        found: Vec<EntryWithBody>,
        (untaken, pending, taken): (&mut Untaken, &mut Pending, &mut TakenIn),
    ) -> Result<(), Error> {
        let flying: Vec<EntryN> = found.iter().map(|found| found.entry.n).collect();
        // Opening may end the process as well.
        lent.store.transaction(|tx| tx.begin_attempt(&flying))?;
        let (batch, too_much) = Reading::of(lent, keyrings).open_some(found)?;
        untaken.put_back(too_much);
        let named = batch.named();
        pending.seen.extend(named.iter().map(|named| (named.n, named.id)));
        pending.unreadable.extend(batch.unreadable);
        let more = self.apply(lent, keyrings, row, &batch.contents)?;
        lent.store.transaction(|tx| tx.finish_attempt(&flying))?;
        if more.anew.is_some() {
            *taken = more;
            return Ok(());
        }
        let waiting = named.into_iter().filter(|named| more.unsettled.contains(&named.id)).collect();
        untaken.note(waiting, more.has_grown);
        taken.refused.extend(more.refused);
        Ok(())
    }

    /// Puts entries into the document, and whatever of this device's own waited for them.
    fn apply(
        &mut self,
        lent: &Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        contents: &[Content],
    ) -> Result<TakenIn, Error> {
        let (n, device, workspace) = (row.n, lent.device(), row.ws);
        let loaded = self.cache.loaded(n)?;
        let ours = if loaded.ours_wait { lent.read().changes(n)? } else { Vec::new() };
        let ours = ours.iter().map(|row| keyrings.own_change(workspace, device, &row.bytes));
        let incoming: Vec<Incoming<'_>> = contents.iter().map(Content::incoming).chain(ours).collect();
        let anew = Reading::of(lent, keyrings).is_judged_as_a_whole(row)?;
        let applied = if anew { Err(NeedsRebuild) } else { loaded.document.apply(&incoming) };
        let taken = if let Ok(applied) = applied {
            let (refused, unsettled) = (applied.refused, applied.unsettled);
            TakenIn { refused, unsettled, has_grown: applied.changed, ..TakenIn::default() }
        } else {
            let kind = loaded.document.kind();
            let (document, taken) = Reading::of(lent, keyrings).rebuild(n, kind)?;
            if let Some(loaded) = self.cache.get_mut(n) {
                loaded.document = document;
            }
            taken
        };
        if let Some(loaded) = self.cache.get_mut(n) {
            loaded.ours_wait = taken.ours_wait();
        }
        self.cache.grow(n, contents.iter().map(|content| content.bytes.len()).sum());
        Ok(taken)
    }

    /// Stores what taking in came to, and draws the consequences.
    fn write_all(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        (pending, taken): (&Pending, &TakenIn),
    ) -> Result<(), Error> {
        if !pending.seen.is_empty() {
            self.cache.loaded(row.n)?.with_aside = None;
        }
        self.look_aside(lent, keyrings, row)?;
        self.write_taken_in(lent, keyrings, row, (pending, taken))?;
        quarantine_unreadable(lent, &pending.unreadable)?;
        if self.recommit(lent, keyrings, row, &taken.lost)? {
            self.look_aside(lent, keyrings, row)?;
        }
        Ok(())
    }

    /// Stores what taking in came to: refusals, the summary if it has changed, and now and then a new base.
    fn write_taken_in(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        (pending, taken): (&Pending, &TakenIn),
    ) -> Result<(), Error> {
        let n = row.n;
        let Pending { fresh, seen, crashing, .. } = pending;
        let (whole, part): (Vec<_>, Vec<_>) =
            taken.refused.iter().partition(|refused| refused.extent == Extent::Whole);
        let unsettled: BTreeSet<EntryId> = taken.unsettled.iter().copied().collect();
        let in_part = left_out(lent.read(), keyrings, row, &taken.refused)?;
        // Of what is left out and not told of the last word has not been said.
        let untold = part.iter().map(|it| it.entry).filter(|id| in_part.iter().all(|told| told.entry != *id));
        let waiting: BTreeSet<EntryId> =
            unsettled.into_iter().chain(whole.iter().map(|it| it.entry)).chain(untold).collect();
        let waits = |id: &EntryId| waiting.contains(id);
        let settled: Vec<EntryN> = seen.iter().filter(|(_, id)| !waits(id)).map(|(n, _)| *n).collect();
        // What is to be written again is nowhere but in the old base until it is.
        let is_whole = Reading::of(lent, keyrings).ours_to_recommit(row, &taken.lost)?.is_empty();
        let loaded = self.cache.loaded(n)?;
        loaded.stale = false;
        let loaded_rev = loaded.rev;
        loaded.taken_in.extend(settled);
        loaded.taken_in.sort_unstable();
        loaded.taken_in.dedup();
        let is_due = !loaded.taken_in.is_empty() && (*fresh || loaded.taken_in.len() >= BASE_AFTER);
        let base = is_whole && is_due;
        let applied = if base { std::mem::take(&mut loaded.taken_in) } else { Vec::new() };
        // What of ours waits is not in the document, and would not be in its base.
        let ours_wait = loaded.ours_wait;
        let base = base.then(|| compressed(&loaded.document)).transpose()?;
        let derived = Derived::of_loaded(loaded).no_later_than(lent.now, row.summary.updated_at);
        let is_judged = whole.is_empty() && crashing.is_empty() && taken.anew.is_none();
        if base.is_none() && is_judged && in_part.is_empty() && derived.is_in(row) {
            return Ok(());
        }
        let overlaps = overlaps::found(row, loaded.shown(), (keyrings, lent.device()));
        let ws = row.ws;
        let mut quarantined = Vec::new();
        let rev = lent.store.transaction(|tx| -> Result<Option<u64>, Error> {
            for refused in whole {
                let Some(entry) = ws.map(|ws| tx.entry_by_id(ws, refused.entry)).transpose()?.flatten()
                else {
                    continue;
                };
                let reason = not_applied(&refused.reason);
                let state = if reason.is_some() { EntryState::Quarantined } else { EntryState::UpdateNeeded };
                tx.set_entry_state(entry.n, state, reason.as_ref())?;
                quarantined.push((entry.ws, refused.entry));
            }
            if taken.anew.is_some() {
                in_part::clear_others(tx, row, &taken.refused)?;
            }
            for part in &in_part {
                if let Some(ws) = ws
                    && in_part::note(tx, ws, part.entry, &part.reason)?
                {
                    quarantined.push((ws, part.entry));
                }
            }
            for entry in crashing {
                let reason = QuarantineReason::Crashed.plain();
                tx.set_entry_state(*entry, EntryState::Quarantined, Some(&reason))?;
                tx.finish_attempt(&[*entry])?;
            }
            // If another process has written meanwhile, what is here is not all of it, and the next look starts over.
            let Some(written) = derived.write_at(tx, n, loaded_rev)? else {
                return Ok(None);
            };
            derived.clear_aside(tx, row)?;
            overlaps::keep(tx, &overlaps)?;
            if let Some(base) = &base {
                tx.put_base(n, base)?;
                tx.mark_applied(&applied)?;
                if !ours_wait {
                    drop_settled_changes(tx, n)?;
                }
            }
            Ok(Some(written.rev))
        })?;
        if let (Some(rev), Some(loaded)) = (rev, self.cache.get_mut(n)) {
            loaded.wrote(rev);
            derived.keep_aside(loaded);
            self.overlaps.extend(overlaps);
        }
        for (workspace, entry) in quarantined {
            lent.notices.push(Notice::Quarantined { workspace, entry });
        }
        Ok(())
    }

    /// Brings what a document's place has of it together with what is only here. If the two can't be one, because one actor
    /// has made two changes with one number in them, what is only here becomes a document of its own.
    pub(super) fn look_aside(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
    ) -> Result<(), Error> {
        let n = row.n;
        let loaded = self.cache.loaded(n)?;
        if !loaded.standing.has_aside || loaded.with_aside.is_some() {
            return Ok(());
        }
        loaded.with_aside = Reading::of(lent, keyrings).with_aside(n, &loaded.document)?;
        if loaded.with_aside.is_some() {
            return Ok(());
        }
        let (id, rev) = (lent.new_id(), loaded.rev);
        let is_apart = lent.store.transaction(|tx| -> Result<bool, StoreError> {
            // Another process may have seen to it.
            if tx.doc(n)?.is_none_or(|now| now.rev != rev) {
                return Ok(false);
            }
            let apart = tx.insert_doc(&NewDoc {
                ws: None,
                id,
                log_id: None,
                wire: None,
                heads: &[],
                state: doc_state::NEVER_SEALED,
                kind: row.kind,
                summary: row.summary.clone(),
                deleted_at: row.deleted_at,
                created_at: row.created_at,
            })?;
            tx.move_aside(n, apart)?;
            Ok(true)
        })?;
        if is_apart {
            loaded.standing.has_aside = false;
            loaded.rev += 1;
        }
        Ok(())
    }
}

/// What a document's row shows of it.
pub(crate) struct Derived {
    heads: Vec<u8>,
    summary: bowline_store::Summary,
    deleted_at: Option<Millis>,
    only_here: OnlyHere,
}

impl Derived {
    /// What a document's row shows if nothing is only here beside it.
    pub(crate) fn of(document: &Document) -> Self {
        let deleted_at = match document.deletion() {
            Deletion::Deleted(at) => Some(at),
            Deletion::None | Deletion::EditedAfter(_) => None,
        };
        let heads = encode_heads(&document.heads());
        let summary = summary_row(&document.summary(), Marks::of(document).to_bytes());
        Self { heads, summary, deleted_at, only_here: OnlyHere::Nothing }
    }

    /// What the row of a document in memory shows: all of it, and how much of that is only here.
    pub(crate) fn of_loaded(loaded: &Loaded) -> Self {
        let only_here = match &loaded.with_aside {
            Some(document) => {
                let lacking = loaded.document.lacks(document);
                if lacking.is_empty() { OnlyHere::Nothing } else { OnlyHere::Parts(lacking.count()) }
            }
            None if loaded.standing.has_aside => OnlyHere::Uncounted,
            None => OnlyHere::Nothing,
        };
        Self { only_here, ..Self::of(loaded.shown()) }
    }

    /// Puts `otherwise` in place of a last edit that lies in the future: some clock was ahead, or a transcript says so. A list
    /// would stand on that time until it has come.
    #[must_use]
    pub(crate) fn no_later_than(mut self, now: Millis, otherwise: Millis) -> Self {
        if self.summary.updated_at > now {
            self.summary.updated_at = otherwise.min(now);
        }
        self
    }

    /// A row as it would be if it showed this.
    pub(crate) fn into_row(self, row: &DocRow) -> DocRow {
        let Self { heads, summary, deleted_at, only_here } = self;
        DocRow { heads, summary, deleted_at, only_here, ..row.clone() }
    }

    /// Whether something is only here, beside what the document's place has.
    pub(super) fn has_aside(&self) -> bool {
        self.only_here.is_some()
    }

    fn is_in(&self, row: &DocRow) -> bool {
        let mut summary = self.summary.clone();
        if summary.updated_at == Millis(0) {
            summary.updated_at = row.summary.updated_at; // nobody has edited it: it keeps the time at which it was made
        }
        row.heads == self.heads
            && row.summary == summary
            && row.deleted_at == self.deleted_at
            && row.only_here == self.only_here
    }

    /// Writes the row, whoever has written it before; its new revision.
    pub(crate) fn write(&self, tx: &Tx<'_>, n: DocN) -> Result<u64, Error> {
        Ok(tx.update_shown(n, None, &self.shown())?.ok_or(Error::Gone)?.rev)
    }

    /// Writes the row if it still has this revision.
    pub(crate) fn write_at(&self, tx: &Tx<'_>, n: DocN, rev: u64) -> Result<Option<WrittenDoc>, Error> {
        Ok(tx.update_shown(n, Some(rev), &self.shown())?)
    }

    /// Forgets what was only here of a document, once all of that is where the document is.
    pub(super) fn clear_aside(&self, tx: &Tx<'_>, row: &DocRow) -> Result<(), StoreError> {
        if row.only_here.is_some() && !self.has_aside() { tx.clear_aside(row.n) } else { Ok(()) }
    }

    /// Notes in memory whether something is only here, as the row says by now.
    pub(super) fn keep_aside(&self, loaded: &mut Loaded) {
        loaded.standing.has_aside = self.has_aside();
        if !self.has_aside() {
            loaded.with_aside = None;
        }
    }

    fn shown(&self) -> DocShown<'_> {
        let Self { heads, summary, deleted_at, only_here } = self;
        DocShown { heads, summary, deleted_at: *deleted_at, only_here: *only_here }
    }
}

/// Puts entries aside that could be read once and cannot be any more.
fn quarantine_unreadable(lent: &mut Lent<'_>, unreadable: &[EntryN]) -> Result<(), Error> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let why = QuarantineReason::Damaged.plain();
    lent.store.transaction(|tx| {
        unreadable.iter().try_for_each(|n| tx.set_entry_state(*n, EntryState::Quarantined, Some(&why)))
    })?;
    Ok(())
}
