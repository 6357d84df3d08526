//! A workspace that grows: documents, what each user has in them, and the entries that say so.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{
    ChangeHash, Document, Kind, Marks, Pen, change_hash, operation_count, weight_of,
};
use bowline_core::payload::Payload;
use bowline_crypto::{KeySnapshot, Keyring};
use bowline_wire::hash::sha256;
use bowline_wire::header::{Digests, EntryType};
use bowline_wire::ids::{DocId, LogHash, Millis, Position, SnapshotDigest, WireDoc};
use bowline_wire::weight::Weight;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::bounded::checkpoint::State;
use crate::bounded::log::{Body, Draft, Log};
use crate::bounded::people::{Device, found, random};
use crate::bounded::rounds::Costs;

/// A user's part in a document.
#[derive(Default)]
pub(crate) struct Part {
    pub(crate) changes: BTreeSet<ChangeHash>,
    /// How many of them a device of the user signed for, and the digest.
    pub(crate) confirmed: usize,
    pub(crate) digest: Option<SnapshotDigest>,
    pub(crate) weight: u64,
}

/// A document, as everybody has it who holds all entries.
pub(crate) struct Doc {
    pub(crate) document: Document,
    pub(crate) wire: WireDoc,
    id: DocId,
    pub(crate) parts: BTreeMap<usize, Part>,
    pub(crate) standing: Option<Position>,
    /// Bytes of the newest snapshot, and of the entries since.
    pub(crate) snapshot_len: u64,
    pub(crate) tail_len: u64,
    pub(crate) tail_entries: u64,
    /// A snapshot that is not confirmed.
    pub(crate) pending: Option<Position>,
    /// Entries whose bodies are there.
    pub(crate) live: Vec<Position>,
}

pub(crate) struct Workspace {
    pub(crate) log: Log,
    pub(crate) devices: Vec<Device>,
    pub(crate) docs: Vec<Doc>,
    pub(crate) costs: Costs,
    /// Users none of whose devices connects.
    pub(crate) absent: BTreeSet<usize>,
    /// When there is nothing else to do, a tail that takes more than this many hundredths of its snapshot is due.
    pub(crate) idle_share: u64,
    pub(crate) state: Option<State>,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) marks: Vec<(Position, LogHash)>,
    keyring: Keyring,
}

impl Workspace {
    pub(crate) fn found(users: &[usize], idle_share: u64, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (log, devices, keyring) = found(users, &mut rng);
        let (docs, marks, costs, absent) = (Vec::new(), Vec::new(), Costs::default(), BTreeSet::new());
        Self { log, devices, docs, costs, absent, idle_share, state: None, rng, keyring, marks }
    }

    pub(crate) fn keys(&self) -> KeySnapshot {
        self.keyring.snapshot()
    }

    /// Begins a document.
    pub(crate) fn create(&mut self, kind: Kind) -> usize {
        let id = DocId::from_bytes(random(&mut self.rng));
        let wire = self.keyring.wire_doc(id).unwrap();
        let (document, parts) = (Document::create(kind), BTreeMap::new());
        let (snapshot_len, tail_len, tail_entries) = (0, 0, 0);
        let (standing, pending, live) = (None, None, Vec::new());
        self.docs.push(Doc {
            document,
            wire,
            id,
            parts,
            standing,
            snapshot_len,
            tail_len,
            tail_entries,
            pending,
            live,
        });
        self.docs.len() - 1
    }

    pub(crate) fn pen(&self, device: usize) -> Pen {
        Pen { actor: self.devices[device].actor, now: Millis(self.log.clock) }
    }

    /// Seals what a device changed, as one entry; the first entry of a document is a snapshot.
    pub(crate) fn commit(&mut self, device: usize, doc: usize, changes: &[Vec<u8>]) {
        let user = self.devices[device].user;
        let hashes = changes.iter().map(|change| change_hash(change).unwrap());
        self.docs[doc].parts.entry(user).or_default().changes.extend(hashes);
        if self.docs[doc].standing.is_none() {
            self.docs[doc].standing = Some(self.snapshot(device, doc, Position::START));
            return;
        }
        let operations = changes.iter().map(|change| operation_count(change).unwrap()).sum();
        let bytes = changes.concat();
        let weight = Weight::of(weight_of(bytes.len(), operations));
        let at = self.seal(device, doc, EntryType::Changes, (Position::START, weight, bytes));
        let len = self.log.row(at).len();
        let doc = &mut self.docs[doc];
        doc.tail_len += len;
        doc.tail_entries += 1;
        doc.parts.entry(user).or_default().weight += weight.most();
    }

    /// The whole document by this device, whose user thereby signs for the own words in it.
    pub(crate) fn snapshot(&mut self, device: usize, doc: usize, covers: Position) -> Position {
        let bytes = self.docs[doc].document.save();
        let weight = Weight::of(weight_of(bytes.len(), self.docs[doc].document.extent().1));
        let user = self.devices[device].user;
        self.sign_for(doc, user);
        let at = self.seal(device, doc, EntryType::Snapshot, (covers, weight, bytes));
        let len = self.log.row(at).len();
        let doc = &mut self.docs[doc];
        (doc.snapshot_len, doc.tail_len, doc.tail_entries) = (len, 0, 0);
        at
    }

    fn seal(
        &mut self,
        device: usize,
        doc: usize,
        kind: EntryType,
        what: (Position, Weight, Vec<u8>),
    ) -> Position {
        let (covers, weight, bytes) = what;
        let payload = self.payload(doc, bytes).encode();
        let Doc { wire, parts, .. } = &self.docs[doc];
        let own = parts.get(&self.devices[device].user).and_then(|part| part.digest);
        let digests = (kind == EntryType::Snapshot)
            .then(|| Digests { all: self.digest(doc, None), own: own.unwrap_or(SnapshotDigest::ZERO) });
        let keys = self.keys();
        let draft = Draft {
            kind,
            doc: *wire,
            digests,
            covers,
            weight,
            body: Body::Sealed(&keys, &payload),
            upkeep: covers != Position::START,
        };
        let at = self.log.append(&mut self.devices[device], draft, &mut self.rng);
        self.docs[doc].live.push(at);
        at
    }

    fn payload(&self, doc: usize, bytes: Vec<u8>) -> Payload {
        let Doc { document, id, .. } = &self.docs[doc];
        Payload {
            doc: *id,
            kind: document.kind().number(),
            time: Millis(self.log.clock),
            heads: document.heads(),
            bytes,
            summary: document.summary(),
            deleted_at: None,
            marks: Some(Marks::of(document)),
        }
    }

    /// The digest of all changes in a document, or of one user's.
    pub(crate) fn digest(&self, doc: usize, user: Option<usize>) -> SnapshotDigest {
        let Doc { parts, id, .. } = &self.docs[doc];
        let of = parts.iter().filter(|(of, _)| user.is_none_or(|user| user == **of));
        digest_of(*id, of.flat_map(|(_, part)| part.changes.iter().copied()))
    }

    /// A device of the user signs for the changes that the user has in a document now.
    pub(crate) fn sign_for(&mut self, doc: usize, user: usize) {
        let digest = self.digest(doc, Some(user));
        let part = self.docs[doc].parts.entry(user).or_default();
        (part.confirmed, part.digest) = (part.changes.len(), Some(digest));
    }
    /// The least that any way of keeping the documents takes: the body of one fresh snapshot of each.
    pub(crate) fn floor(&mut self) -> u64 {
        (0..self.docs.len()).map(|doc| self.floor_of(doc)).sum()
    }

    pub(crate) fn floor_of(&mut self, doc: usize) -> u64 {
        let payload = self.payload(doc, self.docs[doc].document.save()).encode();
        let (keys, doc) = (self.keys(), self.docs[doc].wire);
        let body = Body::Sealed(&keys, &payload);
        let draft =
            Draft { doc, body, weight: Weight::MIN, ..Draft::control(EntryType::Snapshot, Vec::new()) };
        let made = self.log.make(&mut self.devices[0], &draft, &mut self.rng);
        u64::from(made.header.body_len)
    }
}

/// What a snapshot or a confirm says of changes. A plain hash stands here for one that is keyed: it is as long.
pub(crate) fn digest_of(doc: DocId, changes: impl IntoIterator<Item = ChangeHash>) -> SnapshotDigest {
    let sorted: BTreeSet<_> = changes.into_iter().collect();
    let bytes: Vec<u8> = sorted.iter().flat_map(|change| *change.as_bytes()).collect();
    SnapshotDigest::from_bytes(sha256(&[b"bowline/confirm/1", doc.as_bytes(), &bytes]))
}
