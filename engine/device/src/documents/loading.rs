//! Bringing documents into memory: saved base, what others wrote since, and this device's own unsealed changes.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{ChangeHash, Deletion, Document, Incoming, Kind, Lost, Pen, Refused, Source};
use bowline_core::sync::Unreadable;
use bowline_store::{Attempt, DocN, DocRow, DocShown, EntryN, EntryState, EntryWithBody, Tx, WrittenDoc};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, Millis};

use crate::documents::cache::Loaded;
use crate::documents::folding::drop_settled_changes;
use crate::documents::marks::Marks;
use crate::workspace::effects::summary_row;
use crate::workspace::parts::{Held, open_held};
use crate::workspace::quarantine::{QuarantineReason, not_applied};
use crate::workspace::workspaces::entry_of;
use crate::{Damage, Error};
use crate::{Device, Notice};

/// Accepted entries of a document that were taken in since its base was saved, before it is saved again: loading many
/// small ones costs more than writing one base.
const BASE_AFTER: usize = 16;

/// Crashes with one entry alone in flight after which it is put aside.
const CRASHES_TO_QUARANTINE: u32 = 3;

/// zstd level of a base: 3 is the library's own balance, and a base is written far more often than it matters how
/// small it is.
pub(crate) const BASE_LEVEL: i32 = 3;

/// An accepted entry, opened; with a payload in parts, the one that ends it.
struct Content {
    n: EntryN,
    entry: Entry,
    bytes: Vec<u8>,
}

impl Content {
    fn incoming(&self) -> Incoming<'_> {
        let header = self.entry.header();
        let source = match header.entry_type {
            EntryType::Snapshot => Source::Snapshot,
            EntryType::Adopted => Source::Adopted,
            _ => Source::Changes,
        };
        Incoming { entry: self.entry.id(), author: header.device, source, bytes: &self.bytes }
    }
}

/// What taking in entries came to.
#[derive(Default)]
struct TakenIn {
    refused: Vec<Refused>,
    unsettled: Vec<EntryId>,
    lost: Vec<Lost>,
}

impl Device {
    /// The document of a row, with everything accepted so far.
    pub(crate) fn load(&mut self, row: &DocRow, now: Millis) -> Result<&mut Loaded, Error> {
        let n = row.n;
        // Another process has written. What is in memory may be ahead of a row that was read a while ago.
        if self.documents.get_mut(n).is_some_and(|loaded| loaded.rev < row.rev) {
            self.documents.remove(n);
        }
        let fresh = !self.documents.contains(n);
        if fresh {
            let (loaded, lost) = self.load_base(n, row)?;
            self.documents.insert(n, loaded);
            self.recommit(n, &lost, now)?;
        }
        if self.documents.get_mut(n).is_some_and(|loaded| loaded.stale) {
            self.take_in(row, fresh, now)?;
        }
        self.fold(n)?;
        self.documents.loaded(n)
    }

    /// The document of a row, as the row is now.
    pub(crate) fn load_anew(&mut self, n: DocN, now: Millis) -> Result<&mut Loaded, Error> {
        let row = self.row(n)?;
        self.load(&row, now)
    }

    pub(crate) fn row(&self, n: DocN) -> Result<DocRow, Error> {
        self.store.read().doc(n)?.ok_or(Error::Gone)
    }

    /// Base and own changes, both written by this device. The base is a cache: without a usable one the document is made
    /// anew from its entries.
    fn load_base(&self, n: DocN, row: &DocRow) -> Result<(Loaded, Vec<Lost>), Error> {
        let kind = kind_of(row)?;
        let mut bytes = 0;
        let base = match self.store.read().base(n)? {
            Some(compressed) => zstd::stream::decode_all(compressed.as_slice()).ok().and_then(|saved| {
                bytes += saved.len();
                Document::load(kind, &saved).ok()
            }),
            None => Some(Document::create(kind)),
        };
        let rows = self.store.read().changes(n)?;
        bytes += rows.iter().map(|row| row.bytes.len()).sum::<usize>();
        let device = self.id();
        let local: Vec<Incoming<'_>> = rows.iter().map(|row| Incoming::local(device, &row.bytes)).collect();
        let applied = base.and_then(|mut base| base.apply(&local).ok().map(|applied| (base, applied)));
        let (document, ours_wait, lost) = if let Some((document, applied)) = applied {
            (document, !applied.unsettled.is_empty(), Vec::new())
        } else {
            let (document, taken) = self.rebuild(n, kind)?;
            bytes = document.save().len();
            (document, taken.ours_wait(), taken.lost)
        };
        let (rev, taken_in, unfolded) = (row.rev, Vec::new(), rows.len());
        Ok((Loaded { document, stale: true, rev, ours_wait, taken_in, unfolded, bytes }, lost))
    }

    /// Takes in what others wrote since.
    fn take_in(&mut self, row: &DocRow, fresh: bool, now: Millis) -> Result<(), Error> {
        let n = row.n;
        let (pending, unreadable) = self.open_all(self.store.read().unapplied(n)?)?;
        let suspects: BTreeMap<EntryN, Attempt> =
            self.store.read().attempts()?.into_iter().map(|attempt| (attempt.entry, attempt)).collect();
        let mut taken = TakenIn::default();
        let mut crashing = Vec::new();
        if pending.iter().any(|content| suspects.contains_key(&content.n)) {
            // One of these may have ended the process before: one at a time, so that it is known which.
            for content in &pending {
                if suspects.get(&content.n).is_some_and(has_crashed) {
                    crashing.push(content.n);
                    continue;
                }
                taken.extend(self.apply(n, std::slice::from_ref(content))?);
            }
        } else if !pending.is_empty() {
            taken = self.apply(n, &pending)?;
        }
        self.write_taken_in(row, fresh, &pending, &taken, &crashing)?;
        self.quarantine_unreadable(&unreadable)?;
        self.recommit(n, &taken.lost, now)
    }

    /// The document, with everything accepted so far, as [`Self::load`] would have it: nothing is stored of that it was looked
    /// at, and nothing is kept in memory.
    pub(crate) fn document_as_it_is(&self, n: DocN) -> Result<Document, Error> {
        let row = self.row(n)?;
        let (loaded, _) = self.load_base(n, &row)?;
        let (mut pending, _) = self.open_all(self.store.read().unapplied(n)?)?;
        if !pending.is_empty() {
            let crashing: BTreeSet<EntryN> = self
                .store
                .read()
                .attempts()?
                .iter()
                .filter(|it| has_crashed(it))
                .map(|it| it.entry)
                .collect();
            pending.retain(|content| !crashing.contains(&content.n));
        }
        let ours = if loaded.ours_wait { self.store.read().changes(n)? } else { Vec::new() };
        let ours = ours.iter().map(|row| Incoming::local(self.id(), &row.bytes));
        let incoming: Vec<Incoming<'_>> = pending.iter().map(Content::incoming).chain(ours).collect();
        let mut document = loaded.document;
        if !incoming.is_empty() && document.apply(&incoming).is_err() {
            return Ok(self.rebuild(n, kind_of(&row)?)?.0);
        }
        Ok(document)
    }

    fn apply(&mut self, n: DocN, contents: &[Content]) -> Result<TakenIn, Error> {
        let flying: Vec<EntryN> = contents.iter().map(|content| content.n).collect();
        self.store.transaction(|tx| tx.begin_attempt(&flying))?;
        let device = self.id();
        let loaded = self.documents.loaded(n)?;
        let ours = if loaded.ours_wait { self.store.read().changes(n)? } else { Vec::new() };
        let ours = ours.iter().map(|row| Incoming::local(device, &row.bytes));
        let incoming: Vec<Incoming<'_>> = contents.iter().map(Content::incoming).chain(ours).collect();
        let taken = if let Ok(applied) = loaded.document.apply(&incoming) {
            TakenIn { refused: applied.refused, unsettled: applied.unsettled, lost: Vec::new() }
        } else {
            let kind = loaded.document.kind();
            let (document, taken) = self.rebuild(n, kind)?;
            if let Some(loaded) = self.documents.get_mut(n) {
                loaded.document = document;
            }
            taken
        };
        if let Some(loaded) = self.documents.get_mut(n) {
            loaded.ours_wait = taken.ours_wait();
        }
        self.documents.grow(n, contents.iter().map(|content| content.bytes.len()).sum());
        self.store.transaction(|tx| tx.finish_attempt(&flying))?;
        Ok(taken)
    }

    /// The document from every accepted entry and every change row: what it is a function of.
    fn rebuild(&self, n: DocN, kind: Kind) -> Result<(Document, TakenIn), Error> {
        let read = self.store.read();
        let crashing: BTreeSet<EntryN> =
            read.attempts()?.into_iter().filter(has_crashed).map(|attempt| attempt.entry).collect();
        let (mut contents, _) = self.open_all(read.accepted(n)?)?;
        contents.retain(|content| !crashing.contains(&content.n));
        let rows = self.store.read().changes(n)?;
        let device = self.id();
        let local = rows.iter().map(|row| Incoming::local(device, &row.bytes));
        let incoming: Vec<Incoming<'_>> = contents.iter().map(Content::incoming).chain(local).collect();
        let built = Document::assemble(kind, &incoming);
        let taken = TakenIn { refused: built.refused, unsettled: built.unsettled, lost: built.lost };
        Ok((built.document, taken))
    }

    /// Opens entries that were opened once when they came; those that no longer can be are given back apart.
    fn open_all(&self, found: Vec<EntryWithBody>) -> Result<(Vec<Content>, Vec<EntryN>), Error> {
        let (mut contents, mut unreadable) = (Vec::new(), Vec::new());
        for row in found {
            let n = row.entry.n;
            if !self.workspaces.contains_key(&row.entry.ws) {
                continue; // its workspace is damaged and left out: no verdict on its entries
            }
            let keyring = self.workspaces.get(&row.entry.ws).and_then(|linked| linked.replica.keyring());
            let Some(keyring) = keyring else {
                continue; // another process has joined since: no verdict without keys
            };
            let Ok(entry) = entry_of(row) else {
                unreadable.push(n);
                continue;
            };
            match open_held(self.store.read(), &entry, &keyring.snapshot())? {
                Ok(Held::Payload(payload, _)) => contents.push(Content { n, entry, bytes: payload.bytes }),
                // Whoever took the entry in had the key; this process was opened before that.
                Err(Unreadable::NoKey) => {}
                Ok(Held::Part | Held::UpdateNeeded) | Err(_) => unreadable.push(n),
            }
        }
        Ok((contents, unreadable))
    }

    fn quarantine_unreadable(&mut self, unreadable: &[EntryN]) -> Result<(), Error> {
        if unreadable.is_empty() {
            return Ok(());
        }
        let why = QuarantineReason::Damaged.plain();
        self.store.transaction(|tx| {
            unreadable.iter().try_for_each(|n| tx.set_entry_state(*n, EntryState::Quarantined, Some(&why)))
        })?;
        Ok(())
    }

    /// Stores what taking in came to: refusals, the summary if it has changed, and now and then a new base.
    fn write_taken_in(
        &mut self,
        row: &DocRow,
        fresh: bool,
        pending: &[Content],
        taken: &TakenIn,
        crashing: &[EntryN],
    ) -> Result<(), Error> {
        let n = row.n;
        let refused: BTreeSet<EntryId> = taken.refused.iter().map(|refused| refused.entry).collect();
        let waits = |content: &&Content| {
            refused.contains(&content.entry.id())
                || crashing.contains(&content.n)
                || taken.unsettled.contains(&content.entry.id())
        };
        let settled: Vec<EntryN> =
            pending.iter().filter(|content| !waits(content)).map(|content| content.n).collect();
        let loaded = self.documents.loaded(n)?;
        loaded.stale = false;
        let loaded_rev = loaded.rev;
        loaded.taken_in.extend(&settled);
        loaded.taken_in.sort_unstable();
        loaded.taken_in.dedup();
        let base = !loaded.taken_in.is_empty() && (fresh || loaded.taken_in.len() >= BASE_AFTER);
        let applied = if base { std::mem::take(&mut loaded.taken_in) } else { Vec::new() };
        // What of ours waits is not in the document, and would not be in its base.
        let ours_wait = loaded.ours_wait;
        let document = &loaded.document;
        let base = base.then(|| compressed(document)).transpose()?;
        let derived = Derived::of(document);
        if base.is_none() && refused.is_empty() && crashing.is_empty() && derived.is_in(row) {
            return Ok(());
        }
        let ws = row.ws;
        let mut quarantined = Vec::new();
        let rev = self.store.transaction(|tx| -> Result<Option<u64>, Error> {
            for refused in &taken.refused {
                let Some(entry) = ws.map(|ws| tx.entry_by_id(ws, refused.entry)).transpose()?.flatten()
                else {
                    continue;
                };
                let reason = not_applied(&refused.reason);
                let state = if reason.is_some() { EntryState::Quarantined } else { EntryState::UpdateNeeded };
                tx.set_entry_state(entry.n, state, reason.as_ref())?;
                quarantined.push((entry.ws, refused.entry));
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
            if let Some(base) = &base {
                tx.put_base(n, base)?;
                tx.mark_applied(&applied)?;
                if !ours_wait {
                    drop_settled_changes(tx, n)?;
                }
            }
            Ok(Some(written.rev))
        })?;
        if let (Some(rev), Some(loaded)) = (rev, self.documents.get_mut(n)) {
            loaded.wrote(rev);
        }
        for (workspace, entry) in quarantined {
            self.notify(Notice::Quarantined { workspace, entry });
        }
        Ok(())
    }

    /// Edits of ours that lost against another of ours, because two copies of this database were at work: written once
    /// more, under this process's actor.
    fn recommit(&mut self, n: DocN, lost: &[Lost], now: Millis) -> Result<(), Error> {
        let device = self.id();
        let mut ours = Vec::new();
        for lost in lost.iter().filter(|lost| lost.actor.belongs_to(device)) {
            if self.store.read().meta(&recommitted(&lost.hash))?.is_none() {
                ours.push(lost);
            }
        }
        if ours.is_empty() {
            return Ok(());
        }
        let bytes: Vec<&[u8]> = ours.iter().map(|lost| lost.bytes.as_slice()).collect();
        let pen = self.pen(now);
        let loaded = self.documents.loaded(n)?;
        let changes = match loaded.document.recommit(pen, &bytes) {
            Ok(changes) => changes,
            Err(error) => {
                self.documents.remove(n); // it may hold part of it
                return Err(error.into());
            }
        };
        let derived = Derived::of(&loaded.document);
        let rev = self.store.transaction(|tx| -> Result<Option<u64>, Error> {
            for lost in &ours {
                tx.put_meta(&recommitted(&lost.hash), &[])?;
            }
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            if changes.is_empty() { Ok(None) } else { derived.write(tx, n).map(Some) }
        })?;
        if let (Some(rev), Some(loaded)) = (rev, self.documents.get_mut(n)) {
            loaded.wrote(rev);
        }
        self.documents.grow(n, changes.iter().map(Vec::len).sum());
        Ok(())
    }

    pub(crate) fn pen(&self, now: Millis) -> Pen {
        Pen { actor: self.actor, now }
    }

    /// Takes in everything that came for documents nobody has looked at since, one document at a time: lists and search
    /// are right afterwards, and what cannot be applied is found. Whether there is more to do.
    pub fn index_one(&mut self, now: Millis) -> Result<bool, Error> {
        let waiting = self.store.read().docs_with_unapplied()?;
        for (at, n) in waiting.iter().enumerate() {
            // What waits for changes that have not come is not looked at again before something has.
            let row = self.row(*n)?;
            if self.indexed.get(n) == Some(&row.rev) {
                continue;
            }
            let rev = self.load(&row, now)?.rev;
            self.indexed.insert(*n, rev);
            return Ok(at + 1 < waiting.len());
        }
        Ok(false)
    }
}

impl TakenIn {
    /// Whether changes of ours, which are in no entry, wait for others.
    fn ours_wait(&self) -> bool {
        self.unsettled.contains(&EntryId::ZERO)
    }

    fn extend(&mut self, more: Self) {
        self.refused.extend(more.refused);
        self.unsettled.extend(more.unsettled);
        self.lost.extend(more.lost);
    }
}

/// What a document's row shows of it.
pub(crate) struct Derived {
    heads: Vec<u8>,
    summary: bowline_store::Summary,
    deleted_at: Option<Millis>,
}

impl Derived {
    pub(crate) fn of(document: &Document) -> Self {
        let deleted_at = match document.deletion() {
            Deletion::Deleted(at) => Some(at),
            Deletion::None | Deletion::EditedAfter(_) => None,
        };
        let heads = encode_heads(&document.heads());
        Self { heads, summary: summary_row(&document.summary(), Marks::of(document).to_bytes()), deleted_at }
    }

    fn is_in(&self, row: &DocRow) -> bool {
        row.heads == self.heads && row.summary == self.summary && row.deleted_at == self.deleted_at
    }

    /// Writes the row, whoever has written it before; its new revision.
    pub(crate) fn write(&self, tx: &Tx<'_>, n: DocN) -> Result<u64, Error> {
        Ok(tx.update_shown(n, None, &self.shown())?.ok_or(Error::Gone)?.rev)
    }

    /// Writes the row if it still has this revision.
    pub(crate) fn write_at(&self, tx: &Tx<'_>, n: DocN, rev: u64) -> Result<Option<WrittenDoc>, Error> {
        Ok(tx.update_shown(n, Some(rev), &self.shown())?)
    }

    fn shown(&self) -> DocShown<'_> {
        let Self { heads, summary, deleted_at } = self;
        DocShown { heads, summary, deleted_at: *deleted_at }
    }
}

/// Whether an entry has ended the process too often.
fn has_crashed(attempt: &Attempt) -> bool {
    attempt.crashes >= CRASHES_TO_QUARANTINE
}

/// A document as its base is stored.
pub(crate) fn compressed(document: &Document) -> Result<Vec<u8>, Error> {
    zstd::bulk::compress(&document.save(), BASE_LEVEL).map_err(|_| Error::NoMemory)
}

fn recommitted(hash: &ChangeHash) -> String {
    format!("recommitted/{}", bowline_wire::ids::EntryId::from_bytes(*hash.as_bytes()))
}

pub(crate) fn kind_of(row: &DocRow) -> Result<Kind, Error> {
    Kind::from_number(row.kind.into()).ok_or(Error::Damaged(Damage::Kind))
}

pub(crate) fn encode_heads(heads: &[ChangeHash]) -> Vec<u8> {
    heads.iter().flat_map(|head| *head.as_bytes()).collect()
}

pub(crate) fn decode_heads(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes.as_chunks::<{ ChangeHash::LEN }>().0.iter().map(|hash| ChangeHash::from_bytes(*hash)).collect()
}
