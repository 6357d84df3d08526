//! From the entries of a log to its state.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::checkpoint::Freed;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, Position, UserId, WireDoc};
use bowline_wire::limits::MAX_FREED;
use bowline_wire::log::{ChainEnd, DocumentState, Log, Part, State};

use super::documents::{Content, Kept, NotJudged, Settled};
use super::listed::{Listed, NotWhole, Verdict, digest_of, that_count};
use super::payloads::Payloads;
use super::pins::pins;
use super::runs::runs;
use crate::consent::{Answer, People, Said, SnapshotHeader};

/// What the state of a log at its head is computed from.
pub struct Ledger<'l> {
    log: &'l Log,
    base: Option<&'l State>,
    people: People,
    /// What is kept up to the head, ascending.
    entries: Vec<Listed<'l>>,
    /// Whether each entry stays, unless its document or what it is about says otherwise.
    stays: Vec<bool>,
    documents: BTreeMap<WireDoc, Kept>,
}

impl<'l> Ledger<'l> {
    /// Sorts out what is kept of a log at its head. `base` is the state of the checkpoint that stands there, and `entries` are what it names as live
    /// and all that came behind its place; whatever else is handed in changes nothing.
    ///
    /// # Errors
    /// If something is missing, or not what the state says.
    pub fn new(
        log: &'l Log,
        base: Option<&'l State>,
        entries: impl IntoIterator<Item = Listed<'l>>,
    ) -> Result<Self, NotWhole> {
        let entries = that_count(log, base, entries)?;
        let stays = entries.iter().map(|it| it.is_accepted() && stays_always(it.header.entry_type)).collect();
        let people = People::of(log.roster());
        let mut ledger = Self { log, base, people, entries, stays, documents: BTreeMap::new() };
        ledger.take_base();
        ledger.take_payloads();
        ledger.take_rows();
        Ok(ledger)
    }

    /// Who was in the workspace when.
    pub fn people(&self) -> &People {
        &self.people
    }

    /// The documents whose snapshots have to be judged, and all others of which something is kept or was said.
    pub fn documents(&self) -> impl Iterator<Item = &Kept> {
        self.documents.values()
    }

    /// The state at the head. `judged` says of every snapshot what came of it by its document's [`Kept::facts`].
    ///
    /// # Errors
    /// If one has not been judged.
    pub fn state(&self, judged: &BTreeMap<Position, Answer>) -> Result<State, NotJudged> {
        let head = self.log.head();
        let mut stays = self.stays.clone();
        let mut snapshots: BTreeSet<Position> = BTreeSet::new();
        let mut settled: BTreeMap<WireDoc, Settled> = BTreeMap::new();
        for (doc, kept) in &self.documents {
            let of_doc = kept.settle(&self.people, judged, head.position)?;
            for number in &of_doc.goes {
                stays.get_mut(*number).into_iter().for_each(|stays| *stays = false);
            }
            snapshots.extend(&of_doc.snapshots);
            settled.insert(*doc, of_doc);
        }
        for number in self.open_disputes(&snapshots) {
            stays.get_mut(number).into_iter().for_each(|stays| *stays = true);
        }
        let live: Vec<&Listed<'l>> =
            self.entries.iter().zip(&stays).filter(|(_, stays)| **stays).map(|(it, _)| it).collect();
        Ok(State {
            at: head.position,
            hash: head.hash,
            time: self.log.time(),
            roster: self.log.roster().hash(),
            records: self.log.roster().points().len() as u64,
            said: self.log.checkpoints().clone(),
            ends: self.log.tips().map(|(chain, tip)| ChainEnd { chain: *chain, tip: *tip }).collect(),
            documents: self.states(&settled),
            freed: self.freed(&live),
            live: runs(live.iter().map(|it| it.at.position)),
            live_digest: digest_of(live.iter().copied()),
            pins: pins(self.log, self.base, &self.entries),
        })
    }

    fn kept(&mut self, doc: WireDoc) -> &mut Kept {
        self.documents.entry(doc).or_insert_with(|| Kept::new(doc))
    }

    fn user_of(&self, device: DeviceId) -> Option<UserId> {
        self.people.user(device)
    }

    /// Takes what the state before says of documents.
    fn take_base(&mut self) {
        for before in self.base.into_iter().flat_map(|base| &base.documents) {
            let signed = before.parts.iter().filter_map(|part| Some((part.user, part.word?)));
            let kept = self.kept(before.doc);
            (kept.named, kept.signed) = (before.snapshot, signed.collect());
        }
    }

    /// Takes content: what is given up goes, and so do parts of which nothing comes. Those whose last one may come stay.
    fn take_payloads(&mut self) {
        let Payloads { ended, broken_off } = Payloads::of(self.log, &self.entries);
        for number in broken_off {
            self.drop(number);
        }
        for payload in ended {
            let parts = || payload.iter().filter_map(|number| self.entries.get(*number));
            let given_up = self.log.roster().given_up();
            let is_given_up = parts().any(|it| given_up.covers(it.id, it.header));
            let Some(last) = parts().next_back().copied() else { continue };
            if is_given_up {
                for number in payload {
                    self.drop(number);
                }
            } else {
                self.take_payload(last, payload);
            }
        }
    }

    fn take_payload(&mut self, last: Listed<'l>, entries: Vec<usize>) {
        let Listed { at, header, verdict: Verdict::Accepted { covers, .. }, .. } = last else { return };
        let Some(user) = self.user_of(header.device) else { return };
        let is_snapshot = header.entry_type == EntryType::Snapshot;
        let (position, author) = (at.position, header.device);
        let digests = header.digests.filter(|_| is_snapshot);
        let kept = self.kept(header.doc);
        kept.snapshots.extend(digests.map(|digests| SnapshotHeader { position, author, covers, digests }));
        let is_coverable = is_snapshot || header.entry_type == EntryType::Changes;
        kept.content.push(Content { position, user, is_coverable, entries });
    }

    fn drop(&mut self, number: usize) {
        self.stays.get_mut(number).into_iter().for_each(|stays| *stays = false);
    }

    /// Every row of every confirm, with the number of the confirm, in order.
    fn rows(&self) -> impl Iterator<Item = (usize, Said)> {
        self.entries.iter().enumerate().flat_map(|(number, it)| {
            let rows = match it.verdict {
                Verdict::Accepted { rows, .. } if it.header.entry_type == EntryType::Confirm => rows,
                _ => &[],
            };
            let (position, author) = (it.at.position, it.header.device);
            rows.iter().map(move |row| (number, Said { position, author, row: *row }))
        })
    }

    /// Takes what was said of snapshots that are there.
    fn take_rows(&mut self) {
        let of_doc = |kept: &Kept| {
            kept.snapshots.iter().map(|it| it.position).map(|at| (at, kept.doc())).collect::<Vec<_>>()
        };
        let docs: BTreeMap<Position, WireDoc> = self.documents.values().flat_map(of_doc).collect();
        let rows: Vec<(usize, Said)> = self.rows().collect();
        for (_, said) in rows {
            if let Some(doc) = docs.get(&said.row.snapshot) {
                self.kept(*doc).said.push(said);
            }
        }
    }

    /// The confirms with a row that is the last by its device about one of these snapshots and disputes it, the device being in.
    fn open_disputes(&self, snapshots: &BTreeSet<Position>) -> BTreeSet<usize> {
        let about = self.rows().filter(|(_, said)| snapshots.contains(&said.row.snapshot));
        let last: BTreeMap<(Position, DeviceId), (usize, Said)> =
            about.map(|(number, said)| ((said.row.snapshot, said.author), (number, said))).collect();
        let is_open = |said: &Said| {
            said.row.dispute().is_some() && self.people.is_in(said.author, self.log.head().position)
        };
        last.into_values().filter(|(_, said)| is_open(said)).map(|(number, _)| number).collect()
    }

    /// What the log counts of each document, which snapshot stands in for what of it, and what was signed.
    fn states(&self, settled: &BTreeMap<WireDoc, Settled>) -> Vec<DocumentState> {
        let mut documents: BTreeMap<WireDoc, (Option<Position>, BTreeMap<UserId, Part>)> = BTreeMap::new();
        for written in self.log.weights().iter() {
            let part = Part { user: written.user, word: None, sum: written.sum };
            documents.entry(written.doc).or_default().1.insert(written.user, part);
        }
        for (doc, Settled { named, words, .. }) in settled {
            if named.is_none() && words.is_empty() {
                continue;
            }
            let (snapshot, parts) = documents.entry(*doc).or_default();
            *snapshot = *named;
            for (user, word) in words {
                parts.entry(*user).or_insert(Part { user: *user, word: None, sum: 0 }).word = Some(*word);
            }
        }
        let state = |(doc, (snapshot, parts)): (_, (_, BTreeMap<UserId, Part>))| DocumentState {
            doc,
            snapshot,
            parts: parts.into_values().collect(),
        };
        documents.into_iter().map(state).collect()
    }

    /// What the log has counted that belongs to no entry which stays.
    fn freed(&self, live: &[&Listed<'l>]) -> Vec<Freed> {
        let mut staying: BTreeMap<(WireDoc, UserId), u64> = BTreeMap::new();
        for it in live.iter().filter(|it| !it.header.weight.is_none()) {
            if let Some(user) = self.user_of(it.header.device) {
                *staying.entry((it.header.doc, user)).or_default() += it.header.weight.most();
            }
        }
        let freed = self.log.weights().iter().map(|written| {
            let stays = staying.get(&(written.doc, written.user)).copied().unwrap_or(0);
            Freed { doc: written.doc, user: written.user, sum: written.sum.saturating_sub(stays) }
        });
        freed.filter(|it| it.sum > 0).take(MAX_FREED).collect()
    }
}

/// Whether an accepted entry of this type stays unless something else is known of it. What this version has no rule for does.
fn stays_always(entry_type: EntryType) -> bool {
    !matches!(entry_type, EntryType::Confirm | EntryType::Checkpoint | EntryType::Witness)
}
