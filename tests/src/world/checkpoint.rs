//! Two members whose other programs say what the log's state is: a snapshot of every document, a confirm, and a word of each. They compute it as
//! devices do who have kept everything.

use std::collections::BTreeMap;

use bowline_core::checkpoint::{Ledger, Listed, Verdict};
use bowline_core::consent::{Answer, Holding, People};
use bowline_core::document::{
    ActorId, ChangeHash, Consent, Document, Incoming, Kind, Marks, Source, changes_by_actor_in, weight_of,
};
use bowline_core::payload::Payload;
use bowline_core::sync::{Opened, open};
use bowline_crypto::{DeviceKeys, Keyring};
use bowline_relay::ConnId;
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::codec::{decode, encode};
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::header::{Digests, EntryType, Header};
use bowline_wire::ids::{
    DocId, Lane, LogHash, Moment, Position, SnapshotDigest, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::log::{Log, State};
use bowline_wire::weight::Weight;
use rand_core::Rng;

use super::World;
use super::handle::Handle;
use super::hostile::{Line, Say, Who};

/// Milliseconds in which what such a program says is on the relay's disk.
const SAID_WITHIN: u64 = 500;

/// A content entry, opened.
struct Content {
    position: Position,
    entry: Entry,
    payload: Payload,
}

/// A document as all of its entries make it.
struct Whole {
    id: DocId,
    kind: Kind,
    document: Document,
    content: Vec<Content>,
}

impl World {
    /// A checkpoint comes to stand at the end of the log by the words of these two, the first of whom is the Owner's. Its state names a snapshot
    /// of every document. Gives the place.
    pub fn say_state(&mut self, owner: &str, other: &str) -> Position {
        let [owner, other] = [owner, other].map(|name| self.device(name).index);
        self.read_log();
        for whole in self.wholes(owner) {
            let snapshot = self.snapshot_of(owner, &whole);
            self.say(owner, Say::Entry(snapshot.to_signed()));
        }
        if let Some(confirm) = self.confirm_by(other) {
            self.say(other, Say::Entry(confirm.to_signed()));
        }
        let state = self.state(owner);
        let digest = state.digest(self.workspace.expect("a workspace"));
        for (machine, freed) in [(owner, state.freed.clone()), (other, Vec::new())] {
            let body = Checkpoint { digest, freed }.to_body();
            let entry = self.control_by(machine, EntryType::Checkpoint, body, state.at);
            self.say(machine, Say::Entry(entry.to_signed()));
        }
        let at = state.at;
        self.state = Some(state);
        at
    }

    /// Somebody who has said the last state hands its bytes to the relay, which lets go what goes.
    pub fn hand_state_over(&mut self, by: &str) {
        let (state, workspace) = self.state.as_ref().zip(self.workspace).expect("a state was said");
        let (digest, bytes) = (state.digest(workspace), encode(state));
        let by = self.device(by).index;
        // The relay would ask other devices first, whose programs have no state.
        let online: Vec<String> =
            self.machines.iter().filter(|it| it.online).map(|it| it.name.clone()).collect();
        for name in &online {
            self.device(name).cut();
        }
        self.say(by, Say::State(digest, bytes));
        self.advance(SAID_WITHIN);
        while self.relay.let_some_go(self.now) {
            self.after_relay();
        }
        self.after_relay();
        let says_states =
            |(conn, line): (&ConnId, &Line)| matches!(line.say, Say::State(..)).then_some(*conn);
        let lines: Vec<ConnId> = self.hostile.lines.iter().filter_map(says_states).collect();
        for conn in lines {
            self.close_hostile_line(conn);
        }
        for name in &online {
            self.device(name).heal();
        }
    }

    /// A checkpoint comes to stand by these two, and the relay lets go what its state does not name.
    pub fn checkpoint(&mut self, owner: &str, other: &str) -> Position {
        let at = self.say_state(owner, other);
        self.hand_state_over(other);
        at
    }

    /// How many entries of content the relay has at or below a place.
    pub fn content_on_relay(&self, up_to: Position) -> usize {
        let workspace = self.workspace.expect("a workspace");
        let log = self.relay.log(workspace, Position::START);
        let below = log.into_iter().take_while(|(at, _)| *at <= up_to);
        let verified = below.map(|(_, logged)| logged.entry.verify(workspace).expect("a stored entry"));
        verified.filter(|entry| entry.header().lane == Lane::Content).count()
    }

    /// The program of a machine's person says something, and the relay takes it.
    fn say(&mut self, machine: usize, what: Say) {
        let keys = DeviceKeys::from_bytes(&self.machines[machine].keys().to_bytes());
        self.open_hostile_line(Who::Device(Box::new(keys)), what);
        self.advance(SAID_WITHIN);
        self.read_log();
    }

    /// Every document of which content is on the log.
    fn wholes(&self, machine: usize) -> Vec<Whole> {
        let keyring = self.keyring(machine);
        let mut content: BTreeMap<WireDoc, Vec<Content>> = BTreeMap::new();
        for (position, _, entry) in &self.log {
            if entry.header().lane != Lane::Content {
                continue;
            }
            if let Ok(Opened::Content(payload)) = open(entry, &keyring.snapshot()) {
                let (position, entry, payload) = (*position, entry.clone(), *payload);
                let content = content.entry(entry.header().doc).or_default();
                content.push(Content { position, entry, payload });
            }
        }
        content.into_values().map(Whole::of).collect()
    }

    fn keyring(&self, machine: usize) -> Keyring {
        let workspace = self.workspace.expect("a workspace");
        self.keyring_of(machine, workspace).expect("the machine has the workspace's keys")
    }

    fn people(&self) -> People {
        People::of(self.roster.as_ref().expect("a roster"))
    }

    fn user(&self, machine: usize) -> UserId {
        self.people().user(self.machines[machine].keys().id()).expect("a member")
    }

    /// What is signed of the changes in a document that devices of a user made; of all, if none is named.
    fn digest(
        &self,
        keyring: &Keyring,
        (id, holds): (DocId, &[(ChangeHash, ActorId)]),
        of: Option<UserId>,
    ) -> SnapshotDigest {
        let people = self.people();
        let is_of = |actor: &ActorId| of.is_none_or(|user| people.user_of(*actor) == Some(user));
        let hashes = holds.iter().filter(|(_, actor)| is_of(actor)).map(|(hash, _)| hash.as_bytes());
        keyring.snapshot().changes_digest(id, hashes).expect("the first key")
    }

    fn snapshot_of(&mut self, machine: usize, whole: &Whole) -> Entry {
        let (keyring, user) = (self.keyring(machine), self.user(machine));
        let document = &whole.document;
        let (bytes, holds) = (document.save(), document.changes_by_actor());
        let all = self.digest(&keyring, (whole.id, &holds), None);
        let own = self.digest(&keyring, (whole.id, &holds), Some(user));
        let payload = Payload {
            doc: whole.id,
            kind: whole.kind.number(),
            time: self.now,
            heads: document.heads(),
            bytes,
            summary: document.summary(),
            deleted_at: None,
            marks: Some(Marks::of(document)),
        };
        let weight = Weight::of(weight_of(payload.bytes.len(), document.extent().1));
        let seen = self.seen(machine);
        let keys = self.machines[machine].keys();
        let header = Header {
            seen: Some(seen.into()),
            covers: seen.position,
            digests: Some(Digests { all, own }),
            epoch: keyring.newest_epoch(),
            doc: keyring.wire_doc(whole.id).expect("the first key"),
            weight,
            ..self.header_by(&keys, Lane::Content, EntryType::Snapshot).expect("a roster")
        };
        let mut random = [0; 32];
        self.random.fill_bytes(&mut random);
        let sealed = bowline_crypto::seal(&keyring.snapshot(), header, &payload.encode(), random);
        let (header, body) = sealed.expect("a small document");
        keys.sign_header(header, body).expect("a header of this device")
    }

    /// The head that a machine has from the relay.
    fn seen(&self, machine: usize) -> bowline_wire::head::SeenHead {
        let workspace = self.workspace.expect("a workspace");
        let status = self.machines[machine].device_ref().status(workspace);
        status.ok().and_then(|status| status.signed).expect("a machine that is in step")
    }

    fn control_by(&mut self, machine: usize, what: EntryType, body: Vec<u8>, covers: Position) -> Entry {
        let (seen, keys) = (self.seen(machine), self.machines[machine].keys());
        let header = Header {
            seen: Some(seen.into()),
            covers,
            body_len: u32::try_from(body.len()).expect("a short body"),
            body_hash: hash::body_hash(&body),
            ..self.header_by(&keys, Lane::Control, what).expect("a roster")
        };
        keys.sign_header(header, body).expect("a header of this device")
    }

    /// A machine's person confirms every newest snapshot in which something is theirs.
    fn confirm_by(&mut self, machine: usize) -> Option<Entry> {
        let (keyring, user) = (self.keyring(machine), self.user(machine));
        let mut rows = Vec::new();
        for whole in self.wholes(machine) {
            let Some(snapshot) = whole.content.iter().rev().find(|it| it.entry.header().digests.is_some())
            else {
                continue;
            };
            let holds = whole.document.changes_by_actor();
            let own = self.digest(&keyring, (whole.id, &holds), Some(user));
            rows.push(Row { snapshot: snapshot.position, word: Word::Confirms(Some(own)) });
        }
        rows.sort_by_key(|row| row.snapshot);
        let confirm = Confirm::new(rows).ok()?;
        Some(self.control_by(machine, EntryType::Confirm, confirm.to_body(), Position::START))
    }

    /// The state of the log as it is.
    fn state(&self, machine: usize) -> State {
        let workspace = self.workspace.expect("a workspace");
        let (log, accepted) = self.judged(workspace);
        let rows: Vec<Vec<Row>> = self.log.iter().map(|(.., entry)| rows_of(entry)).collect();
        let listed =
            self.log.iter().zip(&accepted).zip(&rows).map(|(((position, time, entry), ok), rows)| {
                let verdict = if *ok {
                    Verdict::accepted(&log, entry.header(), *position, rows).expect("a head of this log")
                } else {
                    Verdict::Passed
                };
                let at = Moment { position: *position, time: *time };
                Listed { at, id: entry.id(), header: entry.header(), verdict }
            });
        let base = self.state.as_ref();
        let ledger = Ledger::new(&log, base, listed).expect("everything is here");
        let keyring = self.keyring(machine);
        let wholes = self.wholes(machine);
        let mut judged: BTreeMap<Position, Answer> = BTreeMap::new();
        for kept in ledger.documents() {
            let name = |whole: &&Whole| keyring.wire_doc(whole.id) == Some(kept.doc());
            let Some(whole) = wholes.iter().find(name) else { continue };
            let holdings = whole.holdings();
            let facts = kept.facts(ledger.people(), &holdings);
            for snapshot in kept.snapshots() {
                let held = whole.content.iter().find(|it| it.position == snapshot.position);
                let holds = held.expect("its entry").holds(whole.kind);
                let digest = |sorted: &[ChangeHash]| {
                    let hashes = sorted.iter().map(ChangeHash::as_bytes);
                    keyring.snapshot().changes_digest(whole.id, hashes).expect("the first key")
                };
                judged.insert(snapshot.position, facts.stands(snapshot, &holds, &digest));
            }
        }
        ledger.state(&judged).expect("every snapshot is judged")
    }

    /// The log by its entries, and which of them were accepted.
    fn judged(&self, workspace: WorkspaceId) -> (Log, Vec<bool>) {
        let succession = self.relay.succession(workspace);
        let mut log = Log::begun(workspace, self.seen(0).log, &succession);
        let mut hashes: BTreeMap<Position, LogHash> = BTreeMap::new();
        let mut accepted = Vec::new();
        for (position, time, entry) in &self.log {
            let checked = log.check(entry, *time, |at| hashes.get(&at).copied());
            accepted.push(checked.is_ok());
            let placed = if let Ok(ok) = checked { log.append(ok) } else { log.pass(entry.id(), *time) };
            assert_eq!(placed.position, *position);
            hashes.insert(placed.position, placed.hash);
        }
        (log, accepted)
    }
}

impl Handle<'_> {
    /// The place from whose state its log was begun.
    pub fn begun_at(self) -> Option<Position> {
        let read = self.world.machines[self.index].device_ref().store().read();
        let begun = read.begun(self.world.workspace?).expect("memory is always readable")?;
        Some(decode::<State>(&begun).expect("a stored state").at)
    }
}

impl Whole {
    fn of(content: Vec<Content>) -> Self {
        let first = content.first().expect("a document has content");
        let (id, kind) = (first.payload.doc, Kind::from_number(first.payload.kind).expect("a known kind"));
        let incoming: Vec<Incoming<'_>> = content.iter().map(Content::incoming).collect();
        let document = Document::assemble(kind, &incoming).document;
        Self { id, kind, document, content }
    }

    /// What its author's device says in each entry but snapshots with digests.
    fn holdings(&self) -> Vec<Holding> {
        let plain = self.content.iter().filter(|it| it.entry.header().digests.is_none());
        let own = |it: &Content| {
            let author = it.entry.header().device;
            let changes = it.holds(self.kind).into_iter().filter(|(_, actor)| actor.belongs_to(author));
            Holding { position: it.position, author, changes: changes.map(|(hash, _)| hash).collect() }
        };
        plain.map(own).collect()
    }
}

impl Content {
    fn source(&self) -> Source {
        let is_whole = self.entry.header().entry_type == EntryType::Snapshot;
        if is_whole { Source::Snapshot } else { Source::Changes }
    }

    fn incoming(&self) -> Incoming<'_> {
        let header = self.entry.header();
        Incoming {
            entry: self.entry.id(),
            position: Some(self.position),
            author: header.device,
            source: self.source(),
            consent: Consent::Author,
            weight: header.weight,
            bytes: &self.payload.bytes,
        }
    }

    fn holds(&self, kind: Kind) -> Vec<(ChangeHash, ActorId)> {
        changes_by_actor_in(kind, self.source(), &self.payload.bytes).expect("what honest devices sealed")
    }
}

fn rows_of(entry: &Entry) -> Vec<Row> {
    let confirm = entry.body().and_then(|body| Confirm::parse(entry.header(), body).ok());
    confirm.map_or_else(Vec::new, |confirm| confirm.rows().to_vec())
}
