//! Beginning from the state of a log, on a line whose relay has let go what is below: the questions, and what becomes of the answers.

use std::collections::{BTreeMap, BTreeSet};

use bowline_crypto::Keyring;
use bowline_wire::bodies::verify_given;
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{LetGo, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{ChainKey, EntryId, Incarnation, Lane, LogHash, LogTime, Millis, Position};
use bowline_wire::log::{Log, Run};
use bowline_wire::roster::{Outcome, Roster};

use super::faults::RelayFault;
use crate::sync::beginning::{Beginning, Kept, Stretch};
use crate::sync::context::Context;
use crate::sync::effect::{Begun, Effect};
use crate::sync::handing_on;
use crate::sync::keys::Recipient;
use crate::sync::replica::Replica;

/// A state is not of the log that is known here, or not of the one that a code was made for. No signature shows it to anybody else.
const OTHER_STATE: &str =
    "a state that is not of the log which it has shown before, so it tells two histories, or has altered it";

impl Replica {
    /// Up to where the caller is asked which entries are here that stay below a checkpoint: in these runs. `None` if it is not asked.
    pub fn wants_known(&self) -> Option<Vec<Run>> {
        self.beginning.as_ref().and_then(|beginning| beginning.wants_known(self.position()))
    }

    /// Takes place, id and time of each of those, ascending.
    pub fn hand_known(&mut self, known: Vec<(Position, EntryId, LogTime)>, cx: &Context<'_>) {
        let roster = self.log.as_ref().map(|log| log.roster().clone());
        let here = (self.position(), roster.unwrap_or_else(|| Roster::new(self.workspace)));
        if let Some(beginning) = self.beginning.as_mut() {
            beginning.take_known(known, here);
        }
        self.ask_on(cx.now);
    }

    /// Whether a log is being begun from a state on this line.
    pub(in crate::sync) fn is_beginning(&self) -> bool {
        self.beginning.as_ref().is_some_and(Beginning::is_on)
    }

    /// The place of the state from which a log begins.
    pub(super) fn begins_at(&self) -> Position {
        self.beginning.as_ref().map_or(Position::START, |beginning| beginning.let_go().stood.at)
    }

    /// Asks once more for what is awaited.
    pub(in crate::sync) fn ask_on(&mut self, now: Millis) {
        let Some(beginning) = self.beginning.as_mut().filter(|beginning| beginning.is_on()) else {
            return self.subscribe(now);
        };
        beginning.resume();
        let question = beginning.question();
        if let Some(question) = question.filter(|_| self.session.note_asked(now).is_some()) {
            self.send(question);
        }
    }

    /// Nothing comes of it.
    pub(in crate::sync) fn abandon_beginning(&mut self) {
        if self.beginning.take().is_some() {
            self.effects.push_back(Effect::DropKept);
        }
    }

    fn mistaken(&mut self, what: &'static str) {
        self.abandon_beginning();
        self.fault(RelayFault::Nonsense(what));
    }

    /// What was asked for is gone at the relay: the log begins from a state, or goes on with one.
    pub(super) fn handle_let_go(&mut self, let_go: LetGo, cx: &Context<'_>) {
        if !self.session.is_up_as_device() || self.log.is_none() {
            return self.fault(RelayFault::Nonsense("from which state to begin, which nobody has asked"));
        }
        if let_go.stood.since <= let_go.stood.at {
            return self.fault(RelayFault::Nonsense("a checkpoint that stands before its place"));
        }
        // Asked twice, it may say so once more when the log has begun.
        if let_go.stood.at <= self.position() {
            return;
        }
        self.session.note_entries(cx.now);
        if let Some(beginning) = self.beginning.as_mut().filter(|beginning| beginning.let_go() == let_go) {
            beginning.resume();
        } else {
            self.beginning = Some(Beginning::by(let_go));
            self.effects.push_back(Effect::DropKept);
        }
        self.ask_on(cx.now);
    }

    pub(super) fn handle_piece(&mut self, piece: StatePiece, cx: &Context<'_>) {
        let workspace = self.workspace;
        let Some(beginning) = self.beginning.as_mut().filter(|beginning| beginning.is_on()) else {
            return;
        };
        match beginning.take_piece(piece, workspace) {
            Ok(false) => return,
            Ok(true) => {}
            Err(what) => return self.mistaken(what),
        }
        self.session.note_entries(cx.now);
        self.session.note_brought();
        if self.position() == Position::START && self.wants_known().is_some() {
            return self.hand_known(Vec::new(), cx);
        }
        self.ask_on(cx.now);
    }

    pub(super) fn handle_kept(
        &mut self,
        entries: Vec<(Position, LoggedEntry)>,
        more: bool,
        cx: &Context<'_>,
    ) {
        let workspace = self.workspace;
        let Some(beginning) = self.beginning.as_mut().filter(|beginning| beginning.is_on()) else {
            return;
        };
        let taken = match beginning.take_kept(entries, workspace) {
            Ok(taken) => taken,
            Err(what) => return self.mistaken(what),
        };
        self.session.note_entries(cx.now);
        if !taken.is_empty() {
            self.effects.push_back(Effect::Keep(taken));
        }
        if !more {
            self.session.note_brought();
            self.follow_state();
        }
    }

    /// All that stays is here: the log behind it is followed, if it is the log that is known here.
    fn follow_state(&mut self) {
        let (Some(log), Some(mut beginning)) = (&self.log, self.beginning.take()) else { return };
        let followed = beginning.follow(self.workspace, (log.head().log, &self.succession));
        let is_other = match followed {
            Ok(Some(kept)) => self.is_other(kept),
            Ok(None) => false,
            Err(what) => {
                self.beginning = Some(beginning);
                return self.mistaken(what);
            }
        };
        self.beginning = Some(beginning);
        if is_other {
            self.mistaken(OTHER_STATE);
        }
    }

    /// Whether a state contradicts what is known here of the log: a signed head, the point of a code, the ends of chains.
    fn is_other(&self, Kept { state, .. }: &Kept) -> bool {
        let Some(log) = &self.log else { return false };
        let head = log.head();
        let pinned = self.pins.iter().map(|pins| (pins.position, pins.hash));
        let promised = self.beyond().map(|head| (head.position, head.hash));
        let known = std::iter::once((head.position, head.hash)).chain(pinned).chain(promised);
        let is_otherwise = |(at, ours): (Position, LogHash)| state.hash_at(at).is_some_and(|it| it != ours);
        known.into_iter().any(is_otherwise)
            || log.tips().any(|(chain, tip)| {
                let end = state.end(chain);
                end.is_none_or(|end| end.seq < tip.seq || (end.seq == tip.seq && end.id != tip.id))
            })
    }

    /// Entries have come while a log begins from a state: they are followed where they are behind its place.
    pub(in crate::sync) fn follow_entries(
        &mut self,
        first: Position,
        entries: Vec<LoggedEntry>,
        head: SeenHead,
        cx: &mut Context<'_>,
    ) {
        let Some(following) = self.beginning.as_mut().and_then(Beginning::following) else { return };
        let (end, time) = following.end();
        let next = end.position.next();
        if head.position < next {
            return;
        }
        if first > next {
            self.note_promise(&head);
            if self.session.note_gap(next, cx.now) {
                self.ask_on(cx.now);
            }
            return;
        }
        let mut new = entries;
        new.drain(..usize::try_from(next.0 - first.0).unwrap_or(usize::MAX).min(new.len()));
        if !self.do_lead((end.position, end.hash, time), &new, &head, cx) {
            return;
        }
        if let Err(what) = self.follow(Stretch { first: next, entries: new, head }) {
            return self.mistaken(what);
        }
        self.session.note_brought();
        if self.beginning.as_mut().and_then(Beginning::following).is_some_and(|it| it.stands()) {
            self.begin_from_state(cx);
        }
    }

    /// Follows a stretch whose end is signed, up to where the checkpoint comes to stand.
    fn follow(&mut self, stretch: Stretch) -> Result<(), &'static str> {
        let workspace = self.workspace;
        let Some(following) = self.beginning.as_mut().and_then(Beginning::following) else { return Ok(()) };
        for LoggedEntry { time, entry } in stretch.entries.iter().cloned() {
            if following.stands() {
                break;
            }
            let entry = verify_given(entry, workspace)
                .map_err(|_| "an entry whose signature or body is not its author's")?;
            following.take(time, entry)?;
        }
        following.keep(stretch);
        Ok(())
    }

    /// The checkpoint stands by the words of whoever signed for its state: the log begins there, and goes on with what has come.
    fn begin_from_state(&mut self, cx: &mut Context<'_>) {
        let Some((kept, following)) = self.beginning.take().and_then(Beginning::finish) else { return };
        let (log, come) = following.into_parts();
        let begun = self.take_state(kept, log, cx);
        self.effects.push_back(Effect::Begin(Box::new(begun)));
        let Some(come) = come else { return self.subscribe(cx.now) };
        for Stretch { first, entries, head } in come {
            self.handle_entries(first, entries, head, cx);
        }
    }

    /// Goes on from a state, and says what follows from it for the caller.
    fn take_state(&mut self, kept: Kept, log: Log, cx: &mut Context<'_>) -> Begun {
        let (records, keys_changed) = self.learn_records(&kept, cx);
        let (come, is_other_life) = self.come_by(&kept);
        let Kept { state, withheld_from, .. } = kept;
        self.outbox.drop_all(&come);
        if !come.is_empty() && self.session.held_up().is_some() {
            self.session.note_accepted();
            self.effects.push_back(Effect::HeldUp(None));
        }
        let new_incarnation = is_other_life.then(|| Incarnation::from_bytes(cx.bytes()));
        if let Some(incarnation) = new_incarnation {
            tracing::warn!("this database was restored or cloned: going on in a new incarnation");
            self.incarnation = incarnation;
        }
        self.withheld_from = self.withheld_from.or(withheld_from);
        if withheld_from.is_some() {
            self.bodies.note_withheld(cx.now);
        }
        self.log = Some(log.clone());
        self.head = None;
        let is_pin_passed = self.pins.as_ref().is_none_or(|pins| pins.position <= state.at);
        let joined = self.has_come_in_by_ticket();
        if joined {
            self.ticket = None;
        }
        if joined || (is_pin_passed && self.ticket.is_none()) {
            self.pins = None;
        }
        Begun { state, log, records, come, keys_changed, joined, new_incarnation }
    }

    /// What each record did, and whether one brought keys.
    fn learn_records(&mut self, kept: &Kept, cx: &Context<'_>) -> (BTreeMap<Position, Outcome>, bool) {
        let mut roster = kept.roster_before().clone();
        let (mut outcomes, mut has_changed) = (BTreeMap::new(), false);
        let recipient = Recipient { device: cx.keys.hpke(), ticket: self.ticket.as_ref() };
        for (at, entry) in &kept.records {
            let Some(outcome) = roster.apply_entry(*at, entry) else { continue };
            outcomes.insert(at.position, outcome);
            if let (Outcome::Applied { rekey_void: None }, Some(keyring)) = (outcome, &mut self.keyring) {
                let into: (&mut Keyring, _) = (keyring, &mut self.lacking);
                has_changed |= recipient.learn(entry, &roster, into, handing_on::Begun::wrapped_otherwise);
            }
        }
        (outcomes, has_changed)
    }

    /// The entries of ours that were on their way and have come: those that stay, those that the end of their chain in the state is at or behind, if
    /// this database knows it, and what is before either. And whether a chain that it writes ends in an entry that it does not know.
    fn come_by(&self, kept: &Kept) -> (BTreeSet<EntryId>, bool) {
        let state = &kept.state;
        let is_known = |chain: &ChainKey, end: EntryId| {
            let tip = self.log.as_ref().and_then(|log| log.tip(chain));
            tip.is_some_and(|tip| tip.id == end) || self.feed.contains(end) || self.outbox.find(end).is_some()
        };
        let stays: BTreeSet<EntryId> = kept.ids().collect();
        let mut come_up_to: BTreeMap<ChainKey, u64> = BTreeMap::new();
        for entry in self.outbox.entries() {
            let (chain, seq) = (entry.header().chain(), entry.header().seq);
            let end = state.end(&chain).filter(|end| is_known(&chain, end.id)).map(|end| end.seq);
            if let Some(here) = end.max(stays.contains(&entry.id()).then_some(seq)) {
                let up_to = come_up_to.entry(chain).or_default();
                *up_to = here.max(*up_to);
            }
        }
        let has_come = |entry: &&Entry| {
            come_up_to.get(&entry.header().chain()).is_some_and(|up_to| entry.header().seq <= *up_to)
        };
        let come = self.outbox.entries().filter(has_come).map(Entry::id).collect();
        let own = [Lane::Control, Lane::Content].map(|lane| ChainKey {
            device: self.device,
            incarnation: self.incarnation,
            lane,
        });
        let ends_unknown = |chain: &ChainKey| state.end(chain).is_some_and(|end| !is_known(chain, end.id));
        (come, own.iter().any(ends_unknown))
    }
}
