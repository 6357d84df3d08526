//! A workspace's log, what is in the bodies of its entries, and its state as somebody computes it who has kept all or some of it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

mod continuing;
mod signing;

use std::collections::BTreeMap;

use bowline_core::checkpoint::{Ledger, Listed, NotWhole, Verdict};
use bowline_core::consent::{Answer, Holding};
use bowline_core::document::{ActorId, ChangeHash};
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::codec::{decode, encode};
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::Entry;
use bowline_wire::hash::{self, sha256};
use bowline_wire::head::{Head, Seen, SeenHead};
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::*;
use bowline_wire::log::{DocumentState, Log, State};
use bowline_wire::roster::record::{Cut, Join, Lost, Record};
use bowline_wire::roster::{Admits, Roster, TicketKind};
use bowline_wire::signed::{Verified, signing_message};
use bowline_wire::successor::SaidSuccessor;
use bowline_wire::weight::Weight;
use ed25519_dalek::SigningKey;

pub use crate::authors::{Author, no_rekey, rekey, seed};
use crate::authors::{secret, signer, ticket};

pub const DOC: WireDoc = WireDoc::from_bytes([1; 16]);
/// The document of what is of none.
pub const ZERO: WireDoc = WireDoc::ZERO;
pub const OTHER_DOC: WireDoc = WireDoc::from_bytes([2; 16]);
/// A digest of nothing that anybody has said.
pub const GARBAGE: Word = Word::Confirms(Some(SnapshotDigest::from_bytes([9; 32])));
/// What every payload of these tests declares.
pub const WEIGHT: Weight = Weight::MIN;
/// When it all begins.
pub const BEGINNING: Millis = Millis(1_700_000_000_000);

pub fn at(position: u64) -> Position {
    Position(position)
}

/// An entry on the log.
#[derive(Clone)]
pub struct Stored {
    pub at: Moment,
    pub entry: Entry,
    /// Whether it was accepted.
    is_accepted: bool,
    rows: Vec<Row>,
}

impl Stored {
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What a list says of it whose log is this.
    pub fn listed(&self, log: &Log) -> Listed<'_> {
        let header = self.entry.header();
        let accepted = || Verdict::accepted(log, header, self.at.position, &self.rows).unwrap();
        let verdict = if self.is_accepted { accepted() } else { Verdict::Passed };
        Listed { at: self.at, id: self.entry.id(), header, verdict }
    }
}

/// A workspace's log, and what is in the bodies of its entries.
#[derive(Clone)]
pub struct Story {
    relay: SigningKey,
    /// The logs that were continued, as the relay said it.
    said: Vec<SaidSuccessor>,
    pub log: Log,
    hashes: Vec<LogHash>,
    pub stored: Vec<Stored>,
    pub clock: Millis,
    /// What the author's device says in content of this place.
    says: BTreeMap<Position, Holding>,
    /// What counts of each document from where on.
    counts: BTreeMap<WireDoc, Vec<(Position, ChangeHash, ActorId)>>,
    /// What is in a snapshot.
    holds: BTreeMap<Position, Vec<(ChangeHash, ActorId)>>,
    /// The states whose checkpoints have come to stand, oldest first.
    pub states: Vec<State>,
}

impl Story {
    /// A workspace of these, each with one device; it is the first one's.
    pub fn of(people: &[&Author]) -> Self {
        let owner = people[0];
        let relay = SigningKey::from_bytes(&seed("relay"));
        let genesis = owner.genesis().to_body();
        let id = LogId::from_bytes(relay.verifying_key().to_bytes());
        let log = Log::new(hash::workspace_id(&genesis), id);
        let mut story = Self {
            relay,
            said: Vec::new(),
            hashes: vec![log.head().hash],
            log,
            stored: Vec::new(),
            clock: BEGINNING,
            says: BTreeMap::new(),
            counts: BTreeMap::new(),
            holds: BTreeMap::new(),
            states: Vec::new(),
        };
        let header = story.blank(owner, EntryType::Roster);
        story.put(&owner.sign(header, &genesis));
        for newcomer in &people[1..] {
            story.lets_in(owner, newcomer);
        }
        story
    }

    pub fn here(&self) -> Position {
        self.log.head().position
    }

    pub fn stored_at(&self, at: Position) -> &Stored {
        &self.stored[usize::try_from(at.0).unwrap() - 1]
    }

    pub fn hash_at(&self, at: Position) -> LogHash {
        self.hashes[usize::try_from(at.0).unwrap()]
    }

    fn blank(&self, author: &Author, entry_type: EntryType) -> Header {
        let lane = entry_type.lane().unwrap_or(Lane::Content);
        Header {
            workspace: self.log.head().workspace,
            device: author.id(),
            incarnation: Incarnation::from_bytes([3; 8]),
            lane,
            seq: 1,
            prev: EntryId::ZERO,
            seen: None,
            held: Position::START,
            roster: self.log.roster().hash(),
            epoch: EpochId::ZERO,
            entry_type,
            doc: WireDoc::ZERO,
            covers: Position::START,
            digests: None,
            weight: if lane == Lane::Content { WEIGHT } else { Weight::NONE },
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: hash::body_hash(b""),
        }
    }

    /// What `author` would write next, having seen everything.
    pub fn draft(&self, author: &Author, entry_type: EntryType) -> Header {
        let mut header = self.blank(author, entry_type);
        if let Some(tip) = self.log.tip(&header.chain()) {
            (header.seq, header.prev) = (tip.seq + 1, tip.id);
        }
        header.seen = Some(self.seen(self.log.head()));
        header.held = self.here();
        if header.lane == Lane::Content {
            header.epoch = self.log.roster().epoch().unwrap();
            header.salt = Salt::from_bytes([4; 16]);
        }
        header
    }

    /// Appends an entry that has to be acceptable.
    pub fn put(&mut self, entry: &Entry) -> Position {
        let hash_at = |at: Position| self.hashes.get(usize::try_from(at.0).unwrap()).copied();
        let accepted = self.log.check(entry, self.log.time_at(self.clock), hash_at).unwrap();
        let placed = self.log.append(accepted);
        let known = self.log.knew(entry.header(), placed.position).unwrap();
        assert_eq!(known.place_of(entry.header().covers), placed.covers);
        self.store(entry, placed.time, placed.hash, true)
    }

    /// Appends the last that may come of somebody removed.
    pub fn put_run(&mut self, run: &[&Entry]) {
        let time = self.log.time_at(self.clock);
        let timed: Vec<_> = run.iter().map(|entry| (time, *entry)).collect();
        let hash_at = |at: Position| self.hashes.get(usize::try_from(at.0).unwrap()).copied();
        for accepted in self.log.check_run(&timed, hash_at).unwrap() {
            let entry = accepted.entry().clone();
            let placed = self.log.append(accepted);
            self.store(&entry, placed.time, placed.hash, true);
        }
    }

    /// A head of this log with its signature.
    pub fn seen(&self, head: Head) -> Seen {
        Seen::from(SeenHead::from(&Verified::sign(head, signer(&self.relay)).unwrap()))
    }

    /// Appends an entry that stands and may not.
    pub fn pass(&mut self, entry: &Entry) -> Position {
        let placed = self.log.pass(entry.id(), self.log.time_at(self.clock));
        self.store(entry, placed.time, placed.hash, false)
    }

    fn store(&mut self, entry: &Entry, time: LogTime, hash: LogHash, is_accepted: bool) -> Position {
        self.hashes.push(hash);
        let rows = entry.body().and_then(|body| Confirm::parse(entry.header(), body).ok());
        let rows = rows.map_or(Vec::new(), |confirm| confirm.rows().to_vec());
        let position = self.here();
        self.stored.push(Stored { at: Moment { position, time }, entry: entry.clone(), is_accepted, rows });
        position
    }

    pub fn record(&mut self, author: &Author, record: &Record) -> Position {
        self.put(&author.sign(self.draft(author, EntryType::Roster), &record.to_body()))
    }

    /// An invite for somebody of this name.
    pub fn code(&mut self, by: &Author, name: &str, expires: Millis) -> Position {
        self.record(by, &Record::Invite(ticket(name, expires)))
    }

    /// A link for a device of this name.
    pub fn link(&mut self, by: &Author, name: &str, expires: Millis) -> Position {
        self.record(by, &Record::Link(ticket(name, expires)))
    }

    /// `newcomer` comes in by a code of their name.
    pub fn joins(&mut self, newcomer: &Author) -> Position {
        let secret = secret(&newcomer.name);
        let ticket = TicketKey::from_bytes(secret.verifying_key().to_bytes());
        let kind = self.log.roster().ticket(&ticket).map_or(TicketKind::Invite, |made| made.admits.kind);
        let (workspace, admits) = (self.log.head().workspace, Admits { kind, recovery: false });
        let message = Join::proof_message(workspace, newcomer.id(), &newcomer.hpke(), admits);
        let proof = signer(&secret)(&signing_message(Join::PROOF_DOMAIN, &message));
        let join = Join { ticket, hpke: newcomer.hpke(), recovery: false, proof };
        let header = self.blank(newcomer, EntryType::Roster);
        self.put(&newcomer.sign(header, &Record::Join(join).to_body()))
    }

    pub fn lets_in(&mut self, by: &Author, newcomer: &Author) -> Position {
        self.code(by, &newcomer.name, self.clock.plus(60 * 1000));
        self.joins(newcomer)
    }

    /// Removes somebody with all of their devices.
    pub fn removes(&mut self, by: &Author, of: &Author) -> Position {
        self.removes_up_to(by, of, vec![])
    }

    /// Removes somebody, of whom this may still come.
    pub fn removes_up_to(&mut self, by: &Author, of: &Author, cut: Vec<Cut>) -> Position {
        let removal = |rekey| Record::RemoveMember { user: of.user(), cut: cut.clone(), rekey };
        let name = format!("epoch {}", self.log.roster().epochs().len());
        let header = self.draft(by, EntryType::Roster);
        let stay = self.log.roster().recipients_after(&header, &removal(rekey(&name, 0)));
        self.record(by, &removal(rekey(&name, stay.unwrap_or_default().len())))
    }

    pub fn gives_up(&mut self, by: &Author, entries: &[Position]) -> Position {
        let mut entries: Vec<EntryId> = entries.iter().map(|at| self.stored_at(*at).entry.id()).collect();
        entries.sort();
        self.record(by, &Record::Lost(Lost { epochs: vec![], entries }))
    }

    /// A change of `author`'s in an entry of its own.
    pub fn says(&mut self, author: &Author, doc: WireDoc) -> Position {
        self.says_in_parts(author, doc, 1)[0]
    }

    /// A change of `author`'s in so many entries.
    pub fn says_in_parts(&mut self, author: &Author, doc: WireDoc, count: u32) -> Vec<Position> {
        let places: Vec<Position> =
            (0..count).map(|index| self.part(author, doc, Part { index, count })).collect();
        self.notes(author, doc, places[places.len() - 1]);
        places
    }

    /// Notes that there is a change of `author`'s in the content here.
    pub fn notes(&mut self, author: &Author, doc: WireDoc, position: Position) {
        let change = ChangeHash::from_bytes(seed(&format!("change at {position}")));
        self.says.insert(position, Holding { position, author: author.id(), changes: vec![change] });
        self.counts.entry(doc).or_default().push((position, change, author.actor()));
    }

    /// What is in a snapshot.
    pub fn holds(&self, snapshot: Position) -> &[(ChangeHash, ActorId)] {
        &self.holds[&snapshot]
    }

    /// What each author's device says in its content.
    pub fn says_all(&self) -> impl Iterator<Item = &Holding> {
        self.says.values()
    }

    /// The change that was first said here.
    pub fn change(&self, position: Position) -> ChangeHash {
        self.says[&position].changes[0]
    }

    /// A change of `author`'s once more, in another entry.
    pub fn repeats(&mut self, author: &Author, doc: WireDoc, of: Position) -> Position {
        let here = self.part(author, doc, Part::WHOLE);
        self.says.insert(here, Holding { position: here, ..self.says[&of].clone() });
        here
    }

    /// A piece of content.
    pub fn part(&mut self, author: &Author, doc: WireDoc, part: Part) -> Position {
        self.content(author, Header { doc, part, ..self.draft(author, EntryType::Changes) })
    }

    pub fn content(&mut self, author: &Author, header: Header) -> Position {
        let weight = if header.part.is_last() { WEIGHT } else { Weight::NONE };
        self.put(&author.sign(Header { weight, ..header }, b"sealed"))
    }

    /// What is in the content of a place counts no more.
    pub fn counts_no_more(&mut self, doc: WireDoc, position: Position) {
        self.counts.entry(doc).or_default().retain(|(at, ..)| *at != position);
    }

    /// Nothing in the content of a place ever counted.
    pub fn counts_nowhere(&mut self, doc: WireDoc, position: Position) {
        self.counts_no_more(doc, position);
        self.says.remove(&position);
    }

    /// What counts of a document up to a place.
    pub fn counts(&self, doc: WireDoc, covers: Position) -> Vec<(ChangeHash, ActorId)> {
        let all = self.counts.get(&doc).into_iter().flatten().filter(|(at, ..)| *at <= covers);
        all.map(|(_, change, actor)| (*change, *actor)).collect()
    }

    /// Something of this type.
    pub fn writes(&mut self, author: &Author, entry_type: EntryType, doc: WireDoc) -> Position {
        let header = self.draft(author, entry_type);
        self.put(&author.sign(Header { doc, ..header }, b"anything"))
    }

    /// The state of the checkpoint that stands.
    pub fn base(&self) -> Option<&State> {
        let stood = self.log.checkpoints().stood()?;
        self.states.iter().rev().find(|state| state.at == stood.at)
    }

    /// The state here, by everything.
    pub fn state(&self) -> State {
        self.state_by(&self.log, |_| true).unwrap()
    }

    /// The state here as somebody computes it whose log is this, and who has kept the entries at these places.
    pub fn state_by(&self, log: &Log, has: impl Fn(Position) -> bool) -> Result<State, NotWhole> {
        let kept = self.stored.iter().filter(|it| has(it.at.position)).map(|it| it.listed(log));
        let ledger = Ledger::new(log, self.base(), kept)?;
        let state = ledger.state(&self.judged(&ledger, has)).unwrap();
        assert_eq!(decode::<State>(&encode(&state)).as_ref(), Ok(&state), "it reads back");
        Ok(state)
    }

    /// What somebody comes to who opens every snapshot.
    pub fn judged(&self, ledger: &Ledger<'_>, has: impl Fn(Position) -> bool) -> BTreeMap<Position, Answer> {
        let mut by_doc: BTreeMap<WireDoc, Vec<Holding>> = BTreeMap::new();
        for (at, holding) in self.says.iter().filter(|(at, _)| has(**at)) {
            by_doc.entry(self.stored_at(*at).entry.header().doc).or_default().push(holding.clone());
        }
        let none = Vec::new();
        let mut judged = BTreeMap::new();
        for kept in ledger.documents() {
            let facts = kept.facts(ledger.people(), by_doc.get(&kept.doc()).unwrap_or(&none));
            for snapshot in kept.snapshots() {
                let by_key = |changes: &[ChangeHash]| digest(kept.doc(), changes.to_vec());
                judged.insert(
                    snapshot.position,
                    facts.stands(snapshot, &self.holds[&snapshot.position], &by_key),
                );
            }
        }
        judged
    }

    /// The Owner opens the place of a state, and another device says the same. It has to come to stand by that.
    pub fn checkpoint(&mut self, state: &State, owner: &Author, other: &Author) {
        for (author, freed) in [(owner, state.freed.clone()), (other, vec![])] {
            let said = Checkpoint { digest: state.digest(self.log.head().workspace), freed };
            let header = Header { covers: state.at, ..self.draft(author, EntryType::Checkpoint) };
            self.put(&author.sign(header, &said.to_body()));
        }
        assert_eq!(self.log.checkpoints().stood().map(|stood| stood.at), Some(state.at));
        self.states.push(state.clone());
    }

    /// The log of somebody who begins from a state that came to stand, up to here. What counts and what was passed has to be the same to them.
    pub fn begun(&self, state: &State) -> Log {
        let succession = self.succession();
        let is_record = |it: &&Stored| it.entry.header().entry_type == EntryType::Roster;
        let live = self.stored.iter().filter(|it| state.is_live(it.at.position));
        let records = live.filter(is_record).map(|it| (it.at, &it.entry));
        let id = self.log.head().log;
        let workspace = self.log.head().workspace;
        let roster = Roster::new(workspace);
        let mut log = state.begin(workspace, (id, &succession), roster, records).unwrap();
        let from = usize::try_from(state.at.0).unwrap();
        for it in &self.stored[from..] {
            let hash_at = |at: Position| (at >= state.at).then(|| self.hash_at(at));
            let judged = log.check(&it.entry, it.at.time, hash_at);
            assert_eq!(judged.is_ok(), it.is_accepted, "at {}", it.at.position);
            match judged {
                Ok(accepted) => drop(log.append(accepted)),
                Err(_) => drop(log.pass(it.entry.id(), it.at.time)),
            }
        }
        log
    }
}

pub fn digest(doc: WireDoc, mut changes: Vec<ChangeHash>) -> SnapshotDigest {
    changes.sort_unstable();
    let changes = changes.iter().map(|change| change.as_bytes().as_slice());
    let parts: Vec<&[u8]> = std::iter::once(doc.as_bytes().as_slice()).chain(changes).collect();
    SnapshotDigest::from_bytes(sha256(&parts))
}

/// An id that nothing has.
pub fn seed_id() -> EntryId {
    EntryId::from_bytes(seed("nothing"))
}

/// What a state says of a document.
pub fn document(state: &State, doc: WireDoc) -> &DocumentState {
    state.documents.iter().find(|it| it.doc == doc).unwrap()
}

/// Which of these places a state keeps.
pub fn live(state: &State, places: &[Position]) -> Vec<bool> {
    places.iter().map(|at| state.is_live(*at)).collect()
}

/// The covers of a user's word in a state, and where it was said.
pub fn word(state: &State, doc: WireDoc, author: &Author) -> Option<(Position, Position)> {
    let part = document(state, doc).parts.iter().find(|part| part.user == author.user())?;
    part.word.map(|word| (word.covers, word.said))
}
