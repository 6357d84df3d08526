//! Two members whose other programs say what the log's state is: a snapshot of every document, a confirm, and a word of each. They compute it as
//! devices do who have kept everything.

use std::collections::BTreeMap;

use bowline_core::checkpoint::{Ledger, Listed, Verdict};
use bowline_core::consent::{Answer, Holding, People};
use bowline_core::document::{
    ActorId, ChangeHash, Consent, Document, Incoming, Kind, Marks, Source, changes_by_actor_in, weight_of,
};
use bowline_core::payload::Payload;
use bowline_core::sync::{Opened, Parts, open};
use bowline_crypto::{DeviceKeys, Keyring};
use bowline_relay::ConnId;
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::codec::{decode, encode};
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::head::SeenHead;
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::ids::{
    ChainKey, DocId, Lane, LogHash, LogTime, Moment, Position, SnapshotDigest, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::log::{Log, Placed, State};
use bowline_wire::roster::Role;
use bowline_wire::weight::Weight;
use rand_core::Rng;

use super::World;
use super::faults::Fault;
use super::handle::Handle;
use super::hostile::{Line, Say, Who};
use super::machine::Machine;

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
    /// A checkpoint comes to stand by the words of these two, the first of whom is the Owner's. Its state names a snapshot of every document that
    /// could be opened. Gives the place; nothing if one of the two was not in step, and then less was said.
    pub fn say_state(&mut self, owner: &str, other: &str) -> Option<Position> {
        let [owner, other] = [owner, other].map(|name| self.device(name).index);
        self.read_log();
        let documents: Vec<WireDoc> = self.content(owner)?.into_keys().collect();
        for document in documents {
            let content = self.content(owner)?.remove(&document)?;
            // What cannot be opened now is left to another checkpoint.
            let Some(whole) = content.map(Whole::of) else { continue };
            let Some(snapshot) = self.snapshot_of(owner, &whole) else { continue };
            self.say(owner, Say::Entry(snapshot.to_signed()));
        }
        if let Ok(confirm) = Confirm::new(self.rows_by(other)?) {
            let confirm = self.control_by(other, EntryType::Confirm, confirm.to_body(), Position::START)?;
            self.say(other, Say::Entry(confirm.to_signed()));
        }
        let state = self.state(owner)?;
        let digest = state.digest(self.workspace?);
        for (machine, freed) in [(owner, state.freed.clone()), (other, Vec::new())] {
            let body = Checkpoint { digest, freed }.to_body();
            let entry = self.control_by(machine, EntryType::Checkpoint, body, state.at)?;
            self.say(machine, Say::Entry(entry.to_signed()));
        }
        let at = state.at;
        self.state = Some(state);
        Some(at)
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
    pub fn checkpoint(&mut self, owner: &str, other: &str) -> Option<Position> {
        let at = self.say_state(owner, other)?;
        self.hand_state_over(other);
        Some(at)
    }

    /// A checkpoint by a machine of the Owner's and one of somebody else's, if such two are in step.
    pub(super) fn checkpoint_by_any(&mut self, number: usize) {
        self.read_log();
        let Some(roster) = &self.roster else { return };
        let device = |index: &usize| self.machines[*index].device_ref().id();
        let is_here = |index: &usize| {
            self.machines[*index].conn.is_some()
                && roster.is_active(&device(index))
                && self.seen(*index).is_some()
        };
        let here: Vec<usize> = (0..self.machines.len()).filter(is_here).collect();
        let is_owners = |index: &&usize| roster.role(&device(index)) == Some(Role::Owner);
        let (owners, others): (Vec<usize>, Vec<usize>) = here.iter().partition(is_owners);
        let any = |of: &[usize]| of.get(number.checked_rem(of.len())?).copied();
        let Some((owner, other)) = any(&owners).zip(any(&others)) else { return };
        let [owner, other] = [owner, other].map(|index| self.machines[index].name.clone());
        if let Some(at) = self.checkpoint(&owner, &other) {
            self.note(format!("a checkpoint stands for {at}"));
            let workspace = self.workspace.expect("a checkpoint is of one");
            let stays = self.relay.log(workspace, Position::START).len();
            if stays < self.log.len() {
                self.fired.count(Fault::LetGo);
            }
        }
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

    /// What counts of each document on the log, opened; nothing of those of which something cannot be. `None` if a machine has no keys.
    fn content(&self, machine: usize) -> Option<BTreeMap<WireDoc, Option<Vec<Content>>>> {
        let keys = self.keyring(machine)?.snapshot();
        let (_, accepted) = self.judged(self.workspace?)?;
        let given_up = self.roster.as_ref()?.given_up();
        let mut parts: BTreeMap<ChainKey, Parts> = BTreeMap::new();
        let mut content: BTreeMap<WireDoc, Option<Vec<Content>>> = BTreeMap::new();
        let counts = self.log.iter().zip(accepted).filter(|(_, ok)| *ok).map(|(it, _)| it);
        for (position, _, entry) in counts {
            let header = entry.header();
            if header.lane != Lane::Content || given_up.covers(entry.id(), header) {
                continue;
            }
            let opened = if header.part == Part::WHOLE {
                match open(entry, &keys) {
                    Ok(Opened::Content(payload)) => Some(*payload),
                    _ => None,
                }
            } else {
                let earlier = parts.entry(header.chain()).or_default();
                if header.part.index == 0 {
                    *earlier = Parts::default();
                }
                let is_added = earlier.add(entry, &keys).is_ok();
                if is_added && !header.part.is_last() {
                    continue;
                }
                std::mem::take(earlier).finish(&keys).ok().filter(|_| is_added)
            };
            let of_doc = content.entry(header.doc).or_insert_with(|| Some(Vec::new()));
            let opened = opened.map(|payload| Content { position: *position, entry: entry.clone(), payload });
            match (of_doc.as_mut(), opened) {
                (Some(all), Some(opened)) => all.push(opened),
                _ => *of_doc = None,
            }
        }
        Some(content)
    }

    fn keyring(&self, machine: usize) -> Option<Keyring> {
        self.keyring_of(machine, self.workspace?)
    }

    fn people(&self) -> People {
        People::of(self.roster.as_ref().expect("a roster"))
    }

    fn user(&self, machine: usize) -> Option<UserId> {
        self.people().user(self.machines[machine].device_ref().id())
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

    fn snapshot_of(&mut self, machine: usize, whole: &Whole) -> Option<Entry> {
        let (keyring, user) = (self.keyring(machine)?, self.user(machine)?);
        let roster = self.roster.as_ref()?;
        let is_sealing = roster.epoch() == Some(keyring.newest_epoch()) && !roster.is_rekey_due();
        let seen = self.seen(machine).filter(|_| is_sealing)?;
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
        let keys = self.machines[machine].keys();
        let header = Header {
            seen: Some(seen.into()),
            covers: seen.position,
            digests: Some(Digests { all, own }),
            epoch: keyring.newest_epoch(),
            doc: keyring.wire_doc(whole.id).expect("the first key"),
            weight,
            ..self.header_by(&keys, Lane::Content, EntryType::Snapshot)?
        };
        let mut random = [0; 32];
        self.random.fill_bytes(&mut random);
        let sealed = bowline_crypto::seal(&keyring.snapshot(), header, &payload.encode(), random);
        // What is too large for one entry stays as it is.
        let (header, body) = sealed.ok()?;
        Some(keys.sign_header(header, body).expect("a header of this device"))
    }

    /// The head that a machine has from the relay, if that is all that the relay has.
    fn seen(&self, machine: usize) -> Option<SeenHead> {
        let status = self.machines[machine].device_ref().status(self.workspace?).ok()?;
        let is_in_step = |seen: &SeenHead| self.log.last().is_some_and(|(end, ..)| *end == seen.position);
        status.signed.filter(is_in_step)
    }

    fn control_by(
        &mut self,
        machine: usize,
        what: EntryType,
        body: Vec<u8>,
        covers: Position,
    ) -> Option<Entry> {
        let (seen, keys) = (self.seen(machine)?, self.machines[machine].keys());
        let header = Header {
            seen: Some(seen.into()),
            covers,
            body_len: u32::try_from(body.len()).expect("a short body"),
            body_hash: hash::body_hash(&body),
            ..self.header_by(&keys, Lane::Control, what)?
        };
        Some(keys.sign_header(header, body).expect("a header of this device"))
    }

    /// By which a machine's person confirms the newest snapshot of each document, if that holds what counts of what it covers.
    fn rows_by(&self, machine: usize) -> Option<Vec<Row>> {
        let (keyring, user) = (self.keyring(machine)?, self.user(machine)?);
        let mut rows = Vec::new();
        for content in self.content(machine)?.into_values().flatten() {
            let Some(at) = content.iter().rposition(|it| it.entry.header().digests.is_some()) else {
                continue;
            };
            let (snapshot, covers) = (content[at].position, content[at].entry.header().covers);
            let kind = Kind::from_number(content[at].payload.kind)?;
            let held = content[at].holds(kind);
            let covered = content.into_iter().filter(|it| it.position <= covers).collect();
            let whole = Whole::of(covered);
            if whole.document.changes_by_actor() == held {
                let own = self.digest(&keyring, (whole.id, &held), Some(user));
                rows.push(Row { snapshot, word: Word::Confirms(Some(own)) });
            }
        }
        rows.sort_by_key(|row| row.snapshot);
        Some(rows)
    }

    /// The state of the log as it is.
    fn state(&self, machine: usize) -> Option<State> {
        let workspace = self.workspace?;
        let (log, accepted) = self.judged(workspace)?;
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
        // Another checkpoint may have come to stand than the one that was said last.
        let ledger = Ledger::new(&log, base, listed).ok()?;
        let keyring = self.keyring(machine)?;
        let wholes: Vec<Whole> = self.content(machine)?.into_values().flatten().map(Whole::of).collect();
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
        ledger.state(&judged).ok()
    }

    /// The log by its entries, and which of them were accepted.
    fn judged(&self, workspace: WorkspaceId) -> Option<(Log, Vec<bool>)> {
        let signed = |it: &Machine| it.device_ref().status(workspace).ok()?.signed;
        let head = self.machines.iter().find_map(signed)?;
        let mut log = Log::begun(workspace, head.log, &self.relay.succession(workspace));
        let mut hashes: BTreeMap<Position, LogHash> = BTreeMap::new();
        let mut accepted = Vec::new();
        let mut rest = self.log.as_slice();
        while let Some((_, time, entry)) = rest.first() {
            let len = log.run_remaining(entry.header());
            let count = len.and_then(|len| usize::try_from(len).ok()).unwrap_or(1).min(rest.len());
            let (run, behind) = rest.split_at(count);
            rest = behind;
            let timed: Vec<(LogTime, &Entry)> = run.iter().map(|(_, time, entry)| (*time, entry)).collect();
            let hash_at = |at| hashes.get(&at).copied();
            let checked = match len {
                Some(_) => log.check_run(&timed, hash_at),
                None => log.check(entry, *time, hash_at).map(|accepted| vec![accepted]),
            };
            accepted.extend(std::iter::repeat_n(checked.is_ok(), count));
            let placed: Vec<Placed> = match checked {
                Ok(run) => run.into_iter().map(|it| log.append(it)).collect(),
                Err(_) => timed.iter().map(|(time, entry)| log.pass(entry.id(), *time)).collect(),
            };
            hashes.extend(placed.into_iter().map(|it| (it.position, it.hash)));
        }
        Some((log, accepted))
    }
}

impl World {
    /// Counts the devices that have begun from a state.
    pub(super) fn count_begun(&mut self) {
        for index in 0..self.machines.len() {
            if (Handle { world: self, index }).begun_at().is_some() {
                self.fired.count(Fault::Begun);
            }
        }
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
