//! A document out of what is stored of it: saved base, this device's own changes, and what others wrote since. Writes
//! nothing and keeps nothing in memory.

use std::collections::BTreeSet;

use bowline_core::document::{
    ChangeHash, Consent, Document, Incoming, Kind, Lost, NeedsRebuild, Refused, Source, Standing as StandsFor,
};
use bowline_core::sync::Unreadable;
use bowline_store::{Attempt, DocN, DocRow, EntryN, EntryRow, EntryWithBody, Reader};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{DeviceId, EntryId, Position};
use bowline_wire::weight::Weight;

use crate::Error;
use crate::documents::cache::{Loaded, Standing};
use crate::documents::in_part;
use crate::documents::untaken::{Named, Untaken};
use crate::lent::Lent;
use crate::rows::{entry_of, kind_of};
use crate::workspace::Keyrings;
use crate::workspace::parts::{Earlier, Held, open_held, source_of};
use crate::workspace::quarantine::QuarantineReason;

/// Declared weight of opened payloads after which no more are opened before these are in the document: less than the largest
/// single payload, which is opened whatever its size. Taking in an operation costs Automerge four times what it keeps of it.
const OPENED_WEIGHT: u64 = 8 << 20;

/// Crashes with one entry alone in flight after which it is put aside.
const CRASHES_TO_QUARANTINE: u32 = 3;

/// An accepted entry, opened; with a payload in parts, the one that ends it.
pub(super) struct Content {
    pub(super) n: EntryN,
    pub(super) position: Option<Position>,
    pub(super) entry: Entry,
    /// The entry is of a log from before protocol 1, where everybody spoke for everybody.
    pub(super) is_of_before: bool,
    pub(super) bytes: Vec<u8>,
    /// For whom it stands, if it is a snapshot whose covered entries are gone.
    pub(super) standing: Option<StandsFor>,
}

impl Content {
    pub(super) fn incoming(&self) -> Incoming<'_> {
        let header = self.entry.header();
        let source = source_of(&self.entry);
        let is_of_everybody = self.is_of_before && source == Source::Snapshot;
        let consent = match &self.standing {
            Some(standing) => Consent::Standing(standing),
            None if is_of_everybody => Consent::Everybody,
            None => Consent::Author,
        };
        let (entry, position, weight) = (self.entry.id(), self.position, header.weight);
        Incoming { entry, position, author: header.device, source, consent, weight, bytes: &self.bytes }
    }
}

/// Entries that were opened together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) contents: Vec<Content>,
    /// Those that no longer can be opened.
    pub(super) unreadable: Vec<EntryN>,
}

impl Batch {
    /// Those that could be opened.
    pub(super) fn named(&self) -> Vec<Named> {
        self.contents.iter().map(|content| Named { n: content.n, id: content.entry.id() }).collect()
    }
}

/// What taking in entries came to.
#[derive(Default)]
pub(super) struct TakenIn {
    pub(super) refused: Vec<Refused>,
    pub(super) unsettled: Vec<EntryId>,
    pub(super) lost: Vec<Lost>,
    /// Whether the document has become more by it, whatever of the entries still waits.
    pub(super) has_grown: bool,
    /// If the document was made anew from all its entries: those that are in it, and those that no longer can be opened.
    pub(super) anew: Option<(BTreeSet<EntryN>, BTreeSet<EntryN>)>,
}

impl TakenIn {
    /// Whether changes of ours, which are in no entry, wait for others.
    pub(super) fn ours_wait(&self) -> bool {
        self.unsettled.contains(&EntryId::ZERO)
    }
}

/// What reading documents takes.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'r> {
    pub(crate) read: Reader<'r>,
    pub(crate) device: DeviceId,
    pub(crate) keyrings: Keyrings<'r>,
}

impl<'r> Reading<'r> {
    /// What reading takes, with the keys of the documents' workspaces.
    pub(super) fn of(lent: &'r Lent<'_>, keyrings: Keyrings<'r>) -> Self {
        Self { read: lent.read(), device: lent.device(), keyrings }
    }

    /// Base and own changes, both written by this device. The base is a cache: without a usable one the document is made
    /// anew from its entries.
    pub(super) fn base_and_changes(&self, row: &DocRow) -> Result<(Loaded, Vec<Lost>), Error> {
        let (n, kind) = (row.n, kind_of(row)?);
        let mut bytes = 0;
        let base = match self.read.base(n)? {
            Some(compressed) => saved_document(kind, &compressed).map(|(document, len)| {
                bytes += len;
                document
            }),
            None => Some(Document::create(kind)),
        };
        let rows = self.read.changes(n)?;
        bytes += rows.iter().map(|row| row.bytes.len()).sum::<usize>();
        let local: Vec<Incoming<'_>> =
            rows.iter().map(|own| self.keyrings.own_change(row.ws, self.device, &own.bytes)).collect();
        let applied = base.and_then(|mut base| base.apply(&local).ok().map(|applied| (base, applied)));
        let applied = match applied {
            Some((_, applied)) if !applied.unsettled.is_empty() && self.has_gone(row)? => None,
            applied => applied,
        };
        let (document, ours_wait, lost) = if let Some((document, applied)) = applied {
            (document, !applied.unsettled.is_empty(), Vec::new())
        } else {
            let (document, taken) = self.rebuild(n, kind)?;
            bytes = document.save().len();
            (document, taken.ours_wait(), taken.lost)
        };
        let (rev, taken_in, unfolded) = (row.rev, Vec::new(), rows.len());
        let (with_aside, standing) = (None, Standing::of(row));
        let loaded =
            Loaded { document, with_aside, standing, stale: true, rev, ours_wait, taken_in, unfolded, bytes };
        Ok((loaded, lost))
    }

    /// A document with what is only here of it, beside what its place has; `None` if the two can't be one.
    pub(super) fn with_aside(&self, n: DocN, document: &Document) -> Result<Option<Document>, Error> {
        let saved = self.read.aside(n)?.map(|saved| saved_document(document.kind(), &saved));
        // What cannot be read does not hide the rest.
        let saved = saved.flatten();
        let united = match &saved {
            Some((saved, _)) => document.united(saved),
            None => Some(document.clone()),
        };
        let rows = self.read.changes_aside(n)?;
        let changes: Vec<&[u8]> = rows.iter().map(|row| row.bytes.as_slice()).collect();
        Ok(united.and_then(|united| united.united_with_changes(&changes)))
    }

    /// The document as a person sees it, with everything accepted so far and what is only here: nothing is stored of that it was looked
    /// at, and nothing is kept in memory.
    pub(crate) fn document(&self, n: DocN) -> Result<Document, Error> {
        let row = self.read.doc(n)?.ok_or(Error::Gone)?;
        let (loaded, _) = self.base_and_changes(&row)?;
        let ours = if loaded.ours_wait { self.read.changes(n)? } else { Vec::new() };
        let mut document = loaded.document;
        let crashing = self.crashing()?;
        let mut untaken = Untaken::of(n, false);
        let anew = self.is_judged_as_a_whole(&row)?;
        loop {
            let mut found = untaken.next(self.read)?;
            if found.is_empty() {
                break;
            }
            found.retain(|found| !crashing.contains(&found.entry.n));
            let (batch, left) = self.open_some(found)?;
            untaken.put_back(left);
            let ours = ours.iter().map(|own| self.keyrings.own_change(row.ws, self.device, &own.bytes));
            let incoming: Vec<Incoming<'_>> =
                batch.contents.iter().map(Content::incoming).chain(ours).collect();
            let applied = if anew { Err(NeedsRebuild) } else { document.apply(&incoming) };
            let Ok(applied) = applied else {
                document = self.rebuild(n, kind_of(&row)?)?.0;
                break;
            };
            let mut waiting = batch.named();
            waiting.retain(|named| applied.unsettled.contains(&named.id));
            untaken.note(waiting, applied.changed);
        }
        if !row.only_here.is_some() {
            return Ok(document);
        }
        Ok(self.with_aside(n, &document)?.unwrap_or(document))
    }

    /// The document from every accepted entry and every change row: what it is a function of.
    pub(super) fn rebuild(&self, n: DocN, kind: Kind) -> Result<(Document, TakenIn), Error> {
        let Batch { contents, unreadable } = self.all_accepted(n)?;
        let opened = contents.iter().map(|content| content.n).collect();
        let anew = Some((opened, unreadable.into_iter().collect()));
        let rows = self.read.changes(n)?;
        let (device, row) = (self.device, self.read.doc(n)?.ok_or(Error::Gone)?);
        let local = rows.iter().map(|own| self.keyrings.own_change(row.ws, device, &own.bytes));
        let incoming: Vec<Incoming<'_>> = contents.iter().map(Content::incoming).chain(local).collect();
        let gone = self.gone(n, kind)?;
        let gone: Vec<Incoming<'_>> = gone.contents.iter().map(Content::incoming).collect();
        let built = Document::assemble_without(kind, &incoming, &gone);
        let (refused, unsettled, lost) = (built.refused, built.unsettled, built.lost);
        let taken = TakenIn { refused, unsettled, lost, has_grown: true, anew };
        Ok((built.document, taken))
    }

    /// All accepted entries of a document, opened.
    pub(super) fn all_accepted(&self, n: DocN) -> Result<Batch, Error> {
        let crashing = self.crashing()?;
        let mut found = self.read.accepted(n)?;
        found.retain(|found| !crashing.contains(&found.entry.n));
        self.open_all(found)
    }

    /// Whether what comes can be told to count or not only together with everything else of the document.
    pub(super) fn is_judged_as_a_whole(&self, row: &DocRow) -> Result<bool, Error> {
        Ok(in_part::has_cut(self.read, row)? || self.has_gone(row)?)
    }

    /// Whether entries of a document are gone.
    fn has_gone(&self, row: &DocRow) -> Result<bool, Error> {
        Ok(self.rows_gone(row.n, kind_of(row)?)?.next().is_some())
    }

    /// Entries of a document that are gone, opened.
    fn gone(&self, n: DocN, kind: Kind) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        for entry in self.rows_gone(n, kind)? {
            let body = self.read.body(entry.n)?;
            self.open_into(&mut batch, EntryWithBody { entry, body }, Earlier::Kept)?;
        }
        Ok(batch)
    }

    /// Entries of a document that its log has lost for good, or that are given up. Authors who are in the workspace send again what was in
    /// theirs, unless their database has lost it too; where waiting for that would spare nothing, nobody waits.
    fn rows_gone(&self, n: DocN, kind: Kind) -> Result<impl Iterator<Item = EntryRow> + use<'r>, Error> {
        let mut found = self.read.put_aside_for(n, QuarantineReason::NotTakenAgain.number())?;
        found.extend(self.read.put_aside_for(n, QuarantineReason::GivenUp.number())?);
        let (keyrings, device) = (self.keyrings, self.device);
        let is_waited_for = move |row: &EntryRow| {
            let own = keyrings.writer(Some(row.ws), device);
            !kind.is_keyed() && keyrings.are_in(row.ws, [own, row.chain.device])
        };
        Ok(found.into_iter().filter(move |row| !is_waited_for(row)))
    }

    /// What this device wrote of what was left out of a document, unless it has been written again.
    pub(super) fn ours_to_recommit<'l>(
        &self,
        row: &DocRow,
        lost: &'l [Lost],
    ) -> Result<Vec<&'l Lost>, Error> {
        let own = self.keyrings.own_ids(row.ws, self.device);
        let is_own = |lost: &&Lost| own.iter().any(|device| lost.actor.belongs_to(*device));
        let mut ours = Vec::new();
        for lost in lost.iter().filter(is_own) {
            if self.read.meta(&recommitted(&lost.hash))?.is_none() {
                ours.push(lost);
            }
        }
        Ok(ours)
    }

    /// Opens entries that were opened once when they came.
    fn open_all(&self, found: Vec<EntryWithBody>) -> Result<Batch, Error> {
        let mut batch = Batch::default();
        for row in found {
            self.open_into(&mut batch, row, Earlier::Accepted)?;
        }
        Ok(batch)
    }

    /// Opens entries that were opened once when they came, until what is in them is enough for now; the rest comes back.
    pub(super) fn open_some(&self, found: Vec<EntryWithBody>) -> Result<(Batch, Vec<EntryWithBody>), Error> {
        let (mut batch, mut weight) = (Batch::default(), 0);
        let mut rest = found.into_iter();
        while weight < OPENED_WEIGHT
            && let Some(row) = rest.next()
        {
            weight += self.open_into(&mut batch, row, Earlier::Accepted)?;
        }
        Ok((batch, rest.collect()))
    }

    /// Opens an entry; what it weighs by its author's word, and at least what was in it.
    fn open_into(&self, batch: &mut Batch, row: EntryWithBody, earlier: Earlier) -> Result<u64, Error> {
        let (n, doc, position) = (row.entry.n, row.entry.doc, row.entry.place.map(|place| place.pos));
        // No verdict on entries without keys: their workspace is damaged and left out, or another process has joined
        // it since.
        let Some(keyring) = self.keyrings.of(row.entry.ws) else { return Ok(0) };
        let Ok(entry) = entry_of(row) else {
            batch.unreadable.push(n);
            return Ok(0);
        };
        match open_held(self.read, &entry, &keyring.snapshot(), earlier)? {
            Ok(Held::Payload(payload, _)) => {
                let (len, weight) = (payload.bytes.len() as u64, entry.header().weight);
                let is_of_before = self.keyrings.is_old(entry.header().workspace);
                // Another process has begun the log from a state since: no verdict here before that one is known.
                if entry.header().digests.is_some() && !self.knows_begin(entry.header().workspace)? {
                    return Ok(0);
                }
                let standing = self.standing(doc, (&entry, position), &payload)?;
                let bytes = payload.bytes;
                batch.contents.push(Content { n, position, entry, is_of_before, bytes, standing });
                // What nobody declared, in logs of before, counts as what there is.
                return Ok(if weight == Weight::MAX { len } else { len.max(weight.most()) });
            }
            // Whoever took the entry in had the key; this process was opened before that.
            Err(Unreadable::NoKey) | Ok(Held::Waits) => {}
            Ok(Held::Part | Held::UpdateNeeded) | Err(_) => batch.unreadable.push(n),
        }
        Ok(0)
    }

    /// Entries that have ended the process too often.
    fn crashing(&self) -> Result<BTreeSet<EntryN>, Error> {
        Ok(self.read.attempts()?.iter().filter(|it| has_crashed(it)).map(|it| it.entry).collect())
    }
}

/// A document as its base was saved, and how long that is; `None` if it cannot be read.
fn saved_document(kind: Kind, compressed: &[u8]) -> Option<(Document, usize)> {
    let saved = zstd::stream::decode_all(compressed).ok()?;
    Document::load(kind, &saved).ok().map(|document| (document, saved.len()))
}

/// Whether an entry has ended the process too often.
pub(super) fn has_crashed(attempt: &Attempt) -> bool {
    attempt.crashes >= CRASHES_TO_QUARANTINE
}

/// Under what it is noted that a change was written again.
pub(super) fn recommitted(hash: &ChangeHash) -> String {
    format!("recommitted/{}", EntryId::from_bytes(*hash.as_bytes()))
}
