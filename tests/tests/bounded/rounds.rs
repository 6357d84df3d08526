//! The rounds of snapshot, confirm and checkpoint that keep a log as small as what is live in it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::Document;
use bowline_wire::codec::encode;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{Position, SnapshotDigest, WireDoc};

use crate::bounded::checkpoint::{Standing, State, Words};
use crate::bounded::field;
use crate::bounded::log::{Draft, Row};
use crate::bounded::newcomer::{Handed, opened, vote};
use crate::bounded::workspace::{Doc, Workspace};

/// Content entries of a document after which a snapshot is due, whatever they weigh.
const MANY_ENTRIES: u64 = 256;
/// Content entries after which one is due if they weigh more than the document.
const SOME_ENTRIES: u64 = 32;
/// Hashes of earlier checkpoints that a state names.
const MARKS: usize = 16;

/// What the rounds so far cost, or would have cost: how many, and the bytes on the line.
#[derive(Default)]
pub(crate) struct Costs {
    /// Snapshots beyond each document's first.
    pub(crate) snapshots: (u64, u64),
    /// Confirms as one entry for each document and each user with words in it (not made).
    pub(crate) single: (u64, u64),
    /// The same as rows of one entry for each user and round (not made).
    pub(crate) batched: (u64, u64),
    /// Rows of users whose words are new, or of one witness: what is on the log.
    pub(crate) fresh: (u64, u64),
    /// Entries that sign for a checkpoint.
    pub(crate) votes: (u64, u64),
    /// By document, the superseded snapshot that stays for an absent user if each snapshot is confirmed anew.
    pub(crate) pinned: BTreeMap<WireDoc, u64>,
}

impl Workspace {
    /// One round, as an idle device makes it: snapshots that are due, confirms, a checkpoint. Whether anything was due.
    pub(crate) fn maintain(&mut self) -> bool {
        let due: Vec<_> = (0..self.docs.len()).filter(|doc| self.is_due(&self.docs[*doc])).collect();
        for doc in &due {
            let covers = self.log.position();
            self.note_pinned(*doc);
            let makers: Vec<_> = self.present().collect();
            let at = self.snapshot(makers[doc % makers.len()], *doc, covers);
            add(&mut self.costs.snapshots, self.log.row(at));
            self.docs[*doc].pending = Some(at);
        }
        if !due.is_empty() {
            self.confirm();
            self.checkpoint();
        }
        !due.is_empty()
    }

    fn is_due(&self, doc: &Doc) -> bool {
        doc.tail_entries >= MANY_ENTRIES
            || (doc.tail_entries >= SOME_ENTRIES && doc.tail_len > doc.snapshot_len)
            || doc.tail_len * 100 > doc.snapshot_len * self.idle_share
    }

    /// A device of each user who is there.
    fn present(&self) -> impl Iterator<Item = usize> {
        let first = |user: usize| self.devices.iter().position(|device| device.user == user);
        let users: BTreeSet<_> = self.devices.iter().map(|device| device.user).collect();
        users.into_iter().filter(|user| !self.absent.contains(user)).filter_map(first)
    }

    fn note_pinned(&mut self, doc: usize) {
        let Doc { parts, wire, snapshot_len, .. } = &self.docs[doc];
        let stays_for = |user: &usize| parts.get(user).is_some_and(|part| part.digest.is_some());
        if self.absent.iter().any(stays_for) {
            self.costs.pinned.entry(*wire).or_insert(*snapshot_len);
        }
    }

    /// Who has to confirms what is pending, after opening it; what is confirmed loses the bodies that it covers.
    fn confirm(&mut self) {
        let mut rows: BTreeMap<usize, Vec<Vec<u8>>> = BTreeMap::new();
        let mut alike: BTreeMap<usize, u64> = BTreeMap::new();
        let pending: Vec<_> = (0..).zip(&self.docs).filter_map(|(n, doc)| Some((n, doc.pending?))).collect();
        for (doc, at) in &pending {
            let (fresh, all) = self.confirmers(*doc, *at);
            for device in all {
                *alike.entry(device).or_default() += 1;
            }
            for device in fresh {
                self.check(*doc, *at);
                let user = self.devices[device].user;
                // The maker's user has signed in the snapshot itself.
                let says = user != self.log.row(*at).user && self.docs[*doc].parts.contains_key(&user);
                let own = says.then(|| self.digest(*doc, Some(user)));
                if own.is_some() {
                    self.sign_for(*doc, user);
                }
                rows.entry(device).or_default().push(confirm_row(*at, own.as_ref()));
            }
        }
        self.note_alternatives(&alike);
        for (device, rows) in rows {
            let draft = Draft::control(EntryType::Confirm, list(&rows));
            let at = self.log.append(&mut self.devices[device], draft, &mut self.rng);
            add(&mut self.costs.fresh, self.log.row(at));
            self.costs.fresh.0 += rows.len() as u64 - 1;
        }
        for (doc, at) in pending {
            self.stand(doc, at);
        }
    }

    /// Devices that confirm a snapshot: of users whose words in it are new, or else one witness; and of all users there with
    /// words in it, as if each snapshot had to be confirmed anew.
    fn confirmers(&self, doc: usize, at: Position) -> (Vec<usize>, Vec<usize>) {
        let maker = self.log.row(at);
        let others: Vec<_> =
            self.present().filter(|device| self.devices[*device].user != maker.user).collect();
        // One user: another device of theirs.
        let of_maker = |id| self.devices.iter().position(|device| device.keys.id() != id);
        let witness = others.first().copied().or(of_maker(maker.header.device)).unwrap();
        let part = |device: &usize| self.docs[doc].parts.get(&self.devices[*device].user);
        let is_new = |device: &usize| part(device).is_some_and(|part| part.confirmed < part.changes.len());
        let or_witness = |devices: Vec<usize>| if devices.is_empty() { vec![witness] } else { devices };
        let fresh = others.iter().copied().filter(is_new).collect();
        let all = others.iter().copied().filter(|device| part(device).is_some()).collect();
        (or_witness(fresh), or_witness(all))
    }

    /// Whoever confirms opens the snapshot and finds exactly the changes that count.
    fn check(&self, doc: usize, at: Position) {
        let payload = opened(self.log.row(at), &self.keys()).unwrap();
        let kind = self.docs[doc].document.kind();
        let found = Document::load(kind, &payload.bytes).unwrap().changes_beyond(&Document::create(kind));
        let counts = self.docs[doc].parts.values().flat_map(|part| &part.changes);
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), counts.copied().collect());
    }

    /// The bytes of confirms in the two forms that are not used.
    fn note_alternatives(&mut self, alike: &BTreeMap<usize, u64>) {
        for (device, count) in alike {
            let row = confirm_row(self.log.position(), Some(&SnapshotDigest::from_bytes([9; 32])));
            // A confirm has no such fields; a type that has them is as long.
            let mut single = Draft::control(EntryType::Erase, vec![9; 32]);
            single.covers = self.log.position();
            single.doc = WireDoc::from_bytes([9; 16]);
            let rows = vec![row; usize::try_from(*count).unwrap()];
            let batched = Draft::control(EntryType::Confirm, list(&rows));
            for (draft, cost, times) in
                [(single, &mut self.costs.single, *count), (batched, &mut self.costs.batched, 1)]
            {
                let made = self.log.make(&mut self.devices[*device], &draft, &mut self.rng);
                cost.0 += count;
                cost.1 += made.len() * times;
            }
        }
    }

    /// A confirmed snapshot stands: bodies at or below what it covers go, but those of users who have not signed for all of theirs.
    fn stand(&mut self, doc: usize, at: Position) {
        let covers = self.log.row(at).header.covers;
        let Doc { parts, live, standing, pending, .. } = &mut self.docs[doc];
        (*pending, *standing) = (None, Some(at));
        let has_signed: BTreeSet<_> = parts
            .iter()
            .filter(|(_, part)| part.confirmed == part.changes.len())
            .map(|(user, _)| *user)
            .collect();
        for part in parts.values_mut() {
            part.weight = 0;
        }
        let rows = &mut self.log.rows;
        live.retain(|position| {
            let row = &mut rows[usize::try_from(position.0).unwrap() - 1];
            let is_superseded = row.kind() == EntryType::Snapshot || has_signed.contains(&row.user);
            if *position > covers || !is_superseded {
                return true;
            }
            row.body = None;
            false
        });
    }

    /// Two devices sign for the state here, one of them the Owner's.
    fn checkpoint(&mut self) {
        if let Some(before) = self.state.take() {
            self.marks.push((before.position, before.hash));
            self.marks.drain(..self.marks.len().saturating_sub(MARKS));
        }
        let standing = |doc: &Doc| {
            let words = doc.parts.iter().map(|(user, part)| {
                let (digest, weight) = (part.digest, part.weight);
                Words { user: *user as u64, digest, weight }
            });
            Some(Standing { doc: doc.wire, snapshot: doc.standing?, words: words.collect() })
        };
        let docs = self.docs.iter().filter_map(standing).collect();
        let state = State::of(&self.log, docs, self.marks.clone());
        let second = self.present().nth(1).unwrap_or(1);
        for device in [0, second] {
            let draft = Draft::control(EntryType::Checkpoint, vote(&state));
            let at = self.log.append(&mut self.devices[device], draft, &mut self.rng);
            add(&mut self.costs.votes, self.log.row(at));
        }
        self.state = Some(state);
    }

    /// What a newcomer gets now.
    pub(crate) fn handed(&self) -> Handed<'_> {
        let state = self.state.as_ref().unwrap();
        let (below, above): (Vec<&Row>, Vec<&Row>) =
            self.log.rows.iter().partition(|row| row.position <= state.position);
        let below = below.into_iter().filter(|row| row.is_live()).collect();
        Handed { state: encode(state), below, above, head: self.log.head() }
    }
}

fn add(cost: &mut (u64, u64), row: &Row) {
    cost.0 += 1;
    cost.1 += row.len();
}

/// A snapshot by its position, and the digest of the confirming user's own changes in it, if any of them are new.
fn confirm_row(at: Position, own: Option<&SnapshotDigest>) -> Vec<u8> {
    field(|to| {
        to.array(2).value(&at);
        to.option(own, |to, own| {
            to.value(own);
        })
    })
}

fn list(rows: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = field(|to| to.array(rows.len()));
    bytes.extend(rows.concat());
    bytes
}
