//! One replica, with a caller that does what it asks for and keeps a record of it.
//!
//! Longer than 500 lines because a caller of the sync machine owes it as much, and each test may ask for any of it.

use std::collections::BTreeMap;

use bowline_core::payload::Payload;
use bowline_core::sync::{
    ContentDraft, Context, CutBack, Effect, Ingested, IngestedEntry, JoinFailed, Joining, Opened, Phase,
    Pins, RelayFault, Replay, Replica, Stored, Token, Unreadable, Verdict, genesis, open,
};
use bowline_crypto::{DeviceKeys, TicketSecret};
use bowline_wire::bodies::{Bodiless, BodyName};
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, Incarnation, LogHash, LogTime, Millis, Moment, Position, Suite};
use bowline_wire::limits::MAX_BODIES_PER_FRAME;
use bowline_wire::log::{Log, Run, State};
use bowline_wire::roster::{CodeKind, GivenUp};
use rand_chacha::ChaCha20Rng;

use crate::author::{Author, LARGE_WEIGHT, rng};
use crate::opening::Opening;
use crate::relay::FakeRelay;

pub(crate) struct Bench {
    pub(crate) replica: Replica,
    pub(crate) keys: DeviceKeys,
    pub(crate) now: Millis,
    rng: ChaCha20Rng,
    hashes: BTreeMap<Position, LogHash>,
    /// Id and time of every entry that is here, by its place.
    pub(crate) places: BTreeMap<Position, (EntryId, LogTime)>,
    /// What stays below a checkpoint, stored aside.
    pub(crate) aside: Vec<(Moment, Entry)>,
    /// The state from which the log was begun.
    pub(crate) begun: Option<State>,
    /// Entries whose bodies are withheld.
    pub(crate) withheld: BTreeMap<Position, Entry>,
    /// Everything the replica asked for, in order.
    pub(crate) effects: Vec<Effect>,
    /// How many of them a relay was shown.
    shown: usize,
    /// What was said on the line.
    opening: Opening,
    /// What is stored of the log: enough to cut it back, and to send again what stood behind.
    kept: Vec<LoggedEntry>,
    /// How many of what is kept were handed in to be sent again.
    handed: usize,
    /// How many of them are handed in at once.
    pub(crate) hands_in: usize,
}

impl Bench {
    fn with(seed: u8, keys: DeviceKeys, stored: Stored) -> Self {
        Self {
            replica: Replica::restore(stored),
            keys,
            now: Millis(1_000_000),
            rng: rng(u64::from(seed) + 1000),
            hashes: BTreeMap::new(),
            places: BTreeMap::new(),
            aside: Vec::new(),
            begun: None,
            withheld: BTreeMap::new(),
            effects: Vec::new(),
            shown: 0,
            opening: Opening::default(),
            kept: Vec::new(),
            handed: 0,
            hands_in: usize::MAX,
        }
    }

    /// The log of this relay is what is stored here.
    pub(crate) fn keep(&mut self, relay: &FakeRelay) {
        self.kept = (1..=relay.len()).map(|at| relay.logged(at)).collect();
    }

    fn stored_entry(&self, logged: &LoggedEntry) -> Entry {
        logged.entry.clone().verify(self.replica.workspace()).unwrap()
    }

    /// Cuts the log back as a caller does: it is made anew from what is stored, and what stood behind is to be sent again.
    fn cut_back(&mut self, back: CutBack) {
        let cut = back.cut.clone();
        let at = usize::try_from(cut.at.0).unwrap();
        let mut replay = Replay::of(Log::begun(self.replica.workspace(), cut.head.log, &cut.succession));
        for logged in &self.kept[..at] {
            let entry = self.stored_entry(logged);
            replay.take(logged.time, entry, true, |position| self.hashes.get(&position).copied()).unwrap();
        }
        let log = replay.finish().unwrap();
        assert_eq!(Some(&log.head().hash), self.hashes.get(&cut.at));
        let behind: Vec<LoggedEntry> = self.kept.split_off(at);
        self.hashes.retain(|position, _| *position <= cut.at);
        let stored = Stored {
            since_epoch: Vec::new(),
            workspace: self.replica.workspace(),
            device: self.keys.id(),
            incarnation: self.replica.incarnation(),
            phase: Phase::Member,
            log: Some(log),
            head: Some(cut.head).filter(|head| head.position == cut.at),
            keyring: self.replica.keyring().cloned(),
            ticket: None,
            pins: None,
            lets_in: None,
            relay: self.replica.relay(),
            offered: self.replica.offered().cloned().collect(),
            succession: cut.succession.clone(),
            to_send_again: behind.iter().map(|logged| self.stored_entry(logged).id()).collect(),
            decided: None,
            withheld_from: None,
            distrusted: false,
        };
        (self.kept, self.handed) = (behind, 0);
        let before = std::mem::replace(&mut self.replica, Replica::restore(stored));
        self.step(|replica, cx| replica.go_on(before, back, cx));
    }

    /// Hands in what is to be sent again, if the replica wants it.
    fn feed(&mut self) {
        while self.replica.wants_feed() {
            let next = self.kept[self.handed..].iter().take(self.hands_in);
            let next: Vec<Entry> = next.map(|logged| self.stored_entry(logged)).collect();
            self.handed += next.len();
            self.step(|replica, cx| replica.feed(next, cx));
        }
    }

    /// The maker of a workspace, not yet known to its relay.
    pub(crate) fn creator(seed: u8) -> (Self, FakeRelay) {
        let mut rng = rng(seed.into());
        let keys = DeviceKeys::generate(&mut rng);
        let incarnation = Incarnation::from_bytes([seed; 8]);
        let mut cx = Context { keys: &keys, now: Millis(1), random: &mut rng, hash_at: &|_| None };
        let (entry, keyring) = genesis(Suite::XWing, incarnation, &mut cx).unwrap();
        let workspace = keyring.workspace();
        let stored = Stored {
            since_epoch: Vec::new(),
            workspace,
            device: keys.id(),
            incarnation,
            phase: Phase::Creating(Token("the token".to_owned())),
            log: None,
            head: None,
            keyring: Some(keyring),
            ticket: None,
            pins: None,
            lets_in: None,
            relay: None,
            offered: vec![entry],
            succession: bowline_wire::successor::Succession::default(),
            decided: None,
            to_send_again: std::collections::BTreeSet::new(),
            withheld_from: None,
            distrusted: false,
        };
        (Self::with(seed, keys, stored), FakeRelay::new(seed, workspace))
    }

    /// Someone who was given a code just now.
    pub(crate) fn newcomer(seed: u8, relay: &FakeRelay, secret: &TicketSecret) -> Self {
        Self::newcomer_with(seed, relay, secret, |_| {})
    }

    pub(crate) fn newcomer_with(
        seed: u8,
        relay: &FakeRelay,
        secret: &TicketSecret,
        tweak: impl FnOnce(&mut Pins),
    ) -> Self {
        let mut pins = pins_of(relay);
        tweak(&mut pins);
        Self::newcomer_of(seed, seed, relay, secret, pins)
    }

    /// The same in another copy of its database, which had its own life before it was given the code.
    pub(crate) fn newcomer_in_other_life(seed: u8, relay: &FakeRelay, secret: &TicketSecret) -> Self {
        Self::newcomer_of(seed, seed + 100, relay, secret, pins_of(relay))
    }

    /// Someone whose code says whom it lets in.
    pub(crate) fn newcomer_by(relay: &FakeRelay, secret: &TicketSecret, kind: CodeKind, pins: Pins) -> Self {
        Self::newcomer_told(2, 2, relay, secret, (pins, Some(kind)))
    }

    fn newcomer_of(seed: u8, life: u8, relay: &FakeRelay, secret: &TicketSecret, pins: Pins) -> Self {
        Self::newcomer_told(seed, life, relay, secret, (pins, None))
    }

    fn newcomer_told(
        seed: u8,
        life: u8,
        relay: &FakeRelay,
        secret: &TicketSecret,
        (pins, lets_in): (Pins, Option<CodeKind>),
    ) -> Self {
        let keys = DeviceKeys::generate(&mut rng(seed.into()));
        let stored = Stored {
            since_epoch: Vec::new(),
            workspace: relay.log().head().workspace,
            device: keys.id(),
            incarnation: Incarnation::from_bytes([life; 8]),
            phase: Phase::Joining(Box::new(Joining::new(None))),
            log: None,
            head: None,
            keyring: None,
            ticket: Some(TicketSecret::from_bytes(&secret.to_bytes())),
            pins: Some(pins),
            lets_in,
            relay: None,
            offered: Vec::new(),
            succession: bowline_wire::successor::Succession::default(),
            decided: None,
            to_send_again: std::collections::BTreeSet::new(),
            withheld_from: None,
            distrusted: false,
        };
        Self::with(seed, keys, stored)
    }

    /// A workspace of an Owner with this bench as a Member, everything of it known here, and its line up.
    pub(crate) fn member() -> (Self, Author, FakeRelay) {
        let (mut owner, mut relay) = Author::owner(1);
        let secret = owner.put_ticket(&mut relay, false);
        let mut bench = Self::newcomer(2, &relay, &secret);
        bench.sync(&mut relay);
        bench.sync(&mut relay);
        assert!(matches!(bench.replica.phase(), Phase::Member));
        assert_eq!(bench.replica.position().0, relay.len());
        bench.effects.clear();
        bench.shown = 0;
        (bench, owner, relay)
    }

    /// The same database after a restart, with whatever was stored of the replica.
    pub(crate) fn restarted(self) -> Self {
        self.restarted_with(None)
    }

    /// This database after a restart, with the secret of the code that the device came by if its Join has not come with the
    /// log.
    pub(crate) fn restarted_with(self, ticket: Option<TicketSecret>) -> Self {
        self.restarted_as(Phase::Member, ticket, None)
    }

    /// The same, while it is on its way in with this code.
    pub(crate) fn restarted_while_joining(self, secret: &TicketSecret, pins: Pins) -> Self {
        let join = self.replica.offered().next().map(Entry::id);
        let ticket = TicketSecret::from_bytes(&secret.to_bytes());
        self.restarted_as(Phase::Joining(Box::new(Joining::new(join))), Some(ticket), Some(pins))
    }

    /// This database after a restart, once a person has decided to go on with the log up to a head.
    pub(crate) fn decided(self, head: SeenHead) -> Self {
        self.restarted_from(Phase::Member, None, None, Some(head))
    }

    fn restarted_as(self, phase: Phase, ticket: Option<TicketSecret>, pins: Option<Pins>) -> Self {
        self.restarted_from(phase, ticket, pins, None)
    }

    fn restarted_from(
        self,
        phase: Phase,
        ticket: Option<TicketSecret>,
        pins: Option<Pins>,
        decided: Option<SeenHead>,
    ) -> Self {
        let Self { replica, keys, now, rng, hashes, places, aside, begun, withheld, .. } = self;
        let log = replica.log().filter(|log| log.head().position > Position::START).map(|log| {
            let tips = log.tips().map(|(chain, tip)| (*chain, *tip));
            let (weights, checkpoints) = (log.weights().clone(), log.checkpoints().clone());
            let log = Log::restore(log.head(), log.time(), log.roster().clone(), tips, weights, checkpoints);
            if let Some(state) = &begun { log.begun_from(state) } else { log }
        });
        let offered: Vec<Entry> = replica.offered().cloned().collect();
        let keyring = replica.keyring().map(|keyring| {
            let stored = keyring.to_stored(&keys, [1; 32]);
            let epochs: Vec<_> = keyring.epochs().collect();
            let workspace = keyring.workspace();
            bowline_crypto::Keyring::from_stored(workspace, &stored, &keys, &epochs).unwrap()
        });
        let stored = Stored {
            since_epoch: Vec::new(),
            workspace: replica.workspace(),
            device: keys.id(),
            incarnation: replica.incarnation(),
            phase,
            log,
            head: replica.head().copied(),
            keyring,
            ticket,
            pins,
            lets_in: None,
            relay: replica.relay(),
            offered,
            succession: replica.succession().clone(),
            decided,
            to_send_again: std::collections::BTreeSet::new(),
            withheld_from: withheld.keys().next().copied(),
            distrusted: replica.is_distrusted(),
        };
        let (replica, effects) = (Replica::restore(stored), Vec::new());
        Self {
            replica,
            keys,
            now,
            rng,
            hashes,
            places,
            aside,
            begun,
            withheld,
            effects,
            shown: 0,
            opening: Opening::default(),
            kept: Vec::new(),
            handed: 0,
            hands_in: usize::MAX,
        }
    }

    /// Lets the replica work, and does what it asks for.
    pub(crate) fn step<T>(&mut self, work: impl FnOnce(&mut Replica, &mut Context<'_>) -> T) -> T {
        let hashes = &self.hashes;
        let hash_at = |at| hashes.get(&at).copied();
        let mut cx = Context { keys: &self.keys, now: self.now, random: &mut self.rng, hash_at: &hash_at };
        let done = work(&mut self.replica, &mut cx);
        if self.carry_out() {
            let (hashes, first) = (&self.hashes, self.withheld.keys().next().copied());
            let hash_at = |at| hashes.get(&at).copied();
            let cx = Context { keys: &self.keys, now: self.now, random: &mut self.rng, hash_at: &hash_at };
            self.replica.note_withheld_from(first, &cx);
            self.carry_out();
        }
        if let Some(runs) = self.replica.wants_known() {
            let stay = self.places.iter().filter(|(at, _)| Run::is_in(&runs, **at));
            let known = stay.map(|(at, (id, time))| (*at, *id, *time)).collect();
            let hashes = &self.hashes;
            let hash_at = |at| hashes.get(&at).copied();
            let cx = Context { keys: &self.keys, now: self.now, random: &mut self.rng, hash_at: &hash_at };
            self.replica.hand_known(known, &cx);
            self.carry_out();
        }
        while let Some(after) = self.replica.fetches_after(self.now) {
            let behind = self.withheld.range(after.next()..).map(bodiless);
            let lacking: Vec<Bodiless> = behind.take(MAX_BODIES_PER_FRAME).collect();
            self.replica.fetch(lacking, self.now);
            self.carry_out();
        }
        done
    }

    /// Does what the replica asks for; true if bodies have come or were given up.
    fn carry_out(&mut self) -> bool {
        let mut lacks_less = false;
        while let Some(effect) = self.replica.poll_effect() {
            match &effect {
                Effect::Ingest(ingested) => {
                    let places = ingested.entries.iter().map(|entry| entry.placed.clone());
                    self.hashes.extend(places.map(|placed| (placed.position, placed.hash)));
                    let stored = |item: &IngestedEntry| {
                        (item.position(), (item.verdict.entry().id(), item.placed.time))
                    };
                    self.places.extend(ingested.entries.iter().map(stored));
                    self.withheld.extend(ingested.entries.iter().filter_map(withheld));
                    let (given_up, before) = (given_up(&self.replica), self.withheld.len());
                    self.withheld.retain(|_, entry| !given_up.covers(entry.id(), entry.header()));
                    lacks_less |= self.withheld.len() < before;
                }
                Effect::CutBack(_) => {
                    let Effect::CutBack(cut) = effect else { unreachable!() };
                    self.cut_back(*cut);
                    continue;
                }
                Effect::Keep(entries) => {
                    assert!(self.aside.iter().chain(entries).is_sorted_by_key(|(at, _)| at.position));
                    self.aside.extend(entries.iter().cloned());
                }
                Effect::DropKept => self.aside.clear(),
                Effect::Begin(begun) => {
                    let aside = std::mem::take(&mut self.aside);
                    self.places.extend(aside.iter().map(|(at, entry)| (at.position, (entry.id(), at.time))));
                    let bodiless = aside.into_iter().filter(|(_, entry)| entry.body().is_none());
                    self.withheld.retain(|at, _| begun.state.is_live(*at));
                    self.withheld.extend(bodiless.map(|(at, entry)| (at.position, entry)));
                    self.begun = Some(begun.state.clone());
                    lacks_less = true;
                }
                Effect::Bodies(bodies) => {
                    lacks_less = true;
                    self.withheld.retain(|at, _| bodies.iter().all(|supplied| supplied.position != *at));
                }
                Effect::Send(frame) => self.opening.hears(frame),
                _ => {}
            }
            self.effects.push(effect);
        }
        lacks_less
    }

    /// What the relay says, signed for this line where it has to be.
    pub(crate) fn receive(&mut self, frame: Frame) {
        let frame = self.opening.signs(frame);
        self.receive_as_it_is(frame);
    }

    /// What the relay says, signed for this line.
    pub(crate) fn signed(&mut self, frame: Frame) -> Frame {
        self.opening.signs(frame)
    }

    pub(crate) fn receive_as_it_is(&mut self, frame: Frame) {
        self.step(|replica, cx| replica.handle_frame(frame, cx));
        self.feed();
    }

    /// The line is up.
    pub(crate) fn connect(&mut self) {
        self.step(|replica, cx| replica.handle_connected(None, cx));
    }

    pub(crate) fn disconnect(&mut self) {
        self.step(|replica, _| replica.handle_disconnected());
    }

    /// Opens a line that stops before Welcome.
    pub(crate) fn greet(&mut self) {
        self.connect();
        self.receive(FakeRelay::challenge());
        self.shown = self.effects.len();
    }

    /// Opens a line and answers honestly until nothing more is to be said.
    pub(crate) fn sync(&mut self, relay: &mut FakeRelay) {
        self.shown = self.effects.len();
        self.connect();
        self.talk(relay);
    }

    /// Shows the relay what was sent since it was last looked at, and so on.
    pub(crate) fn talk(&mut self, relay: &mut FakeRelay) {
        while self.shown < self.effects.len() {
            let answers = match &self.effects[self.shown] {
                Effect::Send(frame) => relay.answer(frame.clone()),
                _ => Vec::new(),
            };
            self.shown += 1;
            for answer in answers {
                self.receive(answer);
            }
        }
    }

    /// Time passes.
    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(millis);
        let now = self.now;
        self.step(|replica, _| replica.handle_timeout(now));
    }

    /// Forgets what was recorded so far.
    pub(crate) fn forget(&mut self) {
        self.effects.clear();
        self.shown = 0;
    }

    pub(crate) fn frames(&self) -> Vec<&Frame> {
        let sent = self.effects.iter().filter_map(|effect| match effect {
            Effect::Send(frame) => Some(frame),
            _ => None,
        });
        sent.collect()
    }

    /// Every entry that was sent, in order, as often as it was.
    pub(crate) fn appended(&self) -> Vec<Entry> {
        let entries = |frame: &Frame| match frame {
            Frame::Append { entries } => entries.clone(),
            _ => Vec::new(),
        };
        let signed = self.frames().into_iter().flat_map(entries);
        signed.map(|entry| entry.verify(self.replica.workspace()).unwrap()).collect()
    }

    /// The positions after which entries were asked for.
    pub(crate) fn subscriptions(&self) -> Vec<u64> {
        let after = |frame: &Frame| match frame {
            Frame::Subscribe { after } => Some(after.0),
            _ => None,
        };
        self.frames().into_iter().filter_map(after).collect()
    }

    pub(crate) fn faults(&self) -> Vec<&RelayFault> {
        let faults = self.effects.iter().filter_map(|effect| match effect {
            Effect::Fault(fault) => Some(fault),
            _ => None,
        });
        faults.collect()
    }

    pub(crate) fn closed(&self) -> bool {
        self.effects.iter().any(|effect| matches!(effect, Effect::Close))
    }

    pub(crate) fn stretches(&self) -> Vec<&Ingested> {
        let stretches = self.effects.iter().filter_map(|effect| match effect {
            Effect::Ingest(ingested) => Some(ingested.as_ref()),
            _ => None,
        });
        stretches.collect()
    }

    /// What the content entries hold that were taken in, as whoever stores them finds it.
    pub(crate) fn opened(&self) -> Vec<Result<Opened, Unreadable>> {
        let content = self.verdicts().into_iter().filter_map(|verdict| match verdict {
            Verdict::Content(entry) => Some(self.open(entry)),
            _ => None,
        });
        content.collect()
    }

    pub(crate) fn open(&self, entry: &Entry) -> Result<Opened, Unreadable> {
        open(entry, &self.replica.keyring().ok_or(Unreadable::NoKey)?.snapshot())
    }

    pub(crate) fn verdicts(&self) -> Vec<&Verdict> {
        self.stretches()
            .into_iter()
            .flat_map(|ingested| ingested.entries.iter().map(|entry| &entry.verdict))
            .collect()
    }

    pub(crate) fn refused(&self) -> Vec<(EntryId, Reason)> {
        let refused = |effect: &Effect| match effect {
            Effect::Refused { entry, reason } => Some((*entry, *reason)),
            _ => None,
        };
        self.effects.iter().filter_map(refused).collect()
    }

    pub(crate) fn new_incarnations(&self) -> usize {
        let is_new = |effect: &&Effect| match effect {
            Effect::NewIncarnation(_) => true,
            Effect::Ingest(ingested) => ingested.new_incarnation.is_some(),
            _ => false,
        };
        self.effects.iter().filter(is_new).count()
    }

    pub(crate) fn join_failed(&self) -> Option<JoinFailed> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::JoinFailed(why) => Some(*why),
            _ => None,
        })
    }

    /// Seals and offers what fits one entry.
    pub(crate) fn write(&mut self, payload: &Payload) -> Entry {
        let [entry] = self.write_parts(payload).try_into().unwrap();
        entry
    }

    /// Seals and offers a payload of any size.
    pub(crate) fn write_parts(&mut self, payload: &Payload) -> Vec<Entry> {
        let now = self.now;
        let entries = self.seal(payload);
        for entry in entries.iter().cloned() {
            self.step(|replica, _| replica.offer(entry, now));
        }
        entries
    }

    pub(crate) fn seal(&mut self, payload: &Payload) -> Vec<Entry> {
        let (entry_type, weight) = (EntryType::Changes, LARGE_WEIGHT);
        let draft = ContentDraft { entry_type, payload, weight, covering: None };
        self.step(|replica, cx| replica.seal(&draft, cx)).unwrap()
    }
}

fn withheld(ingested: &IngestedEntry) -> Option<(Position, Entry)> {
    let Verdict::Withheld(entry) = &ingested.verdict else {
        return None;
    };
    Some((ingested.position(), Entry::clone(entry)))
}

fn bodiless((position, entry): (&Position, &Entry)) -> Bodiless {
    Bodiless { position: *position, id: entry.id(), name: BodyName::of(entry) }
}

fn given_up(replica: &Replica) -> GivenUp {
    replica.log().map(|log| log.roster().given_up().clone()).unwrap_or_default()
}

/// What a code made now would pin.
pub(crate) fn pins_of(relay: &FakeRelay) -> Pins {
    let head = relay.log().head();
    Pins { log: head.log, position: head.position, hash: head.hash, roster: relay.log().roster().hash() }
}
