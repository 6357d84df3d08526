//! Taking in a stretch of the log: nothing is believed before the relay's signature on its end matches what the
//! entries hash to, and then every entry is judged by the same predicate that the relay has to apply.

use std::collections::{BTreeMap, BTreeSet};

use bowline_crypto::Keyring;
use bowline_wire::bodies::{WithoutBody, verify_given, without_body};
use bowline_wire::entry::{Entry, EntryError, LoggedEntry};
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{ChainKey, EntryId, Incarnation, LogHash, LogTime, Position, UserId, WireDoc};
use bowline_wire::log::{ChainTip, Log, Placed, Refusal};
use bowline_wire::roster::Outcome;
use bowline_wire::weight::Written;

use super::beginning::LONG_RUN;
use super::context::Context;
use super::effect::{Effect, Ingested, IngestedEntry, Verdict};
use super::handing_on::{Begun, Lacking};
use super::keys::Recipient;
use super::limits::MAX_HELD_BACK;
use super::relay::faults::RelayFault;
use super::relay::heads::{missed_by, passed_by};
use super::relay::session::Up;
use super::replica::Replica;
use super::state::Phase;

/// Entries do not lead to the head that is signed for them. Which of the two it is shows only what stands before them: a look at the relay's
/// log before a decision reads that.
const OTHER_HISTORY: &str = "entries that do not lead from what it signed before to what it signs now, so it tells two histories, or alters \
                             what it sends";

/// What one stretch has changed so far. Nothing outside it moves before the stretch is whole, because a stretch that ends
/// inside a run is judged again with the rest.
struct Stretch<'a, 'c> {
    cx: &'a mut Context<'c>,
    recent: BTreeMap<Position, LogHash>,
    touched: BTreeMap<ChainKey, ChainTip>,
    weighed: BTreeMap<(WireDoc, UserId), Written>,
    /// Whether something was said of checkpoints.
    speaks_of_checkpoints: bool,
    entries: Vec<IngestedEntry>,
    /// The relay's signed head at the end of the stretch.
    head: SeenHead,
    /// The entries of ours that have come.
    own: BTreeSet<EntryId>,
    keyring: Option<Keyring>,
    lacking: Lacking,
    keys_changed: bool,
    taken_over: bool,
    fork: Option<RelayFault>,
    /// How much was given up before.
    given_up: usize,
}

impl Stretch<'_, '_> {
    fn check<'e>(
        &self,
        log: &Log,
        entry: &'e Entry,
        time: LogTime,
    ) -> Result<bowline_wire::log::Accepted<'e>, Refusal> {
        log.check(entry, time, |position| self.hash_at(position))
    }

    fn hash_at(&self, position: Position) -> Option<LogHash> {
        self.recent.get(&position).copied().or_else(|| (self.cx.hash_at)(position))
    }
}

impl Replica {
    pub(super) fn handle_entries(
        &mut self,
        first: Position,
        entries: Vec<LoggedEntry>,
        head: SeenHead,
        cx: &mut Context<'_>,
    ) {
        if !self.session.is_up_as_device() {
            return;
        }
        let len = entries.len() as u64;
        if len == 0 || first == Position::START || head.position.0 != first.0.saturating_add(len - 1) {
            return self.fault(RelayFault::Nonsense("entries that do not end at their head"));
        }
        if !self.agrees(&head, cx) {
            return;
        }
        self.session.note_entries(cx.now);
        if self.is_beginning() {
            return self.follow_entries(first, entries, head, cx);
        }
        // The relay has what is behind the log here after all.
        self.abandon_beginning();
        let (first, entries) = self.session.join_held_back(first, entries);
        let next = self.position().next();
        if head.position < next {
            return self.take_bodies_of(first, entries); // all of it is here already
        }
        if first > next {
            self.note_promise(&head);
            return self.ask_for_gap(next, cx.now); // something before it was lost on the way
        }
        let skip = usize::try_from(next.0 - first.0).unwrap_or(usize::MAX);
        let mut entries = entries;
        let new = entries.split_off(skip.min(entries.len()));
        let Some((end, time)) = self.log.as_ref().map(|log| (log.head(), log.time())) else { return };
        if !self.do_lead((end.position, end.hash, time), &new, &head, cx) {
            return;
        }
        let is_beyond = |it: &SeenHead| it.position > head.position;
        self.promised = self.promised.filter(is_beyond);
        self.decided = self.decided.filter(is_beyond);
        self.take_bodies_of(first, entries);
        self.take_in(next, new, head, cx);
    }

    /// Whether entries lead from the end of a log to a head that the relay has signed, through all that it has signed on the way; if not, that
    /// is a fault.
    pub(super) fn do_lead(
        &mut self,
        (position, hash, time): (Position, LogHash, LogTime),
        new: &[LoggedEntry],
        head: &SeenHead,
        cx: &Context<'_>,
    ) -> bool {
        // Neither entries nor their bodies are under the relay's signature by themselves: what does not match is not
        // evidence, only useless, and the next connection may deliver the true bytes.
        let passed = passed_by(self.workspace, (position, hash), new);
        if passed.last().map(|(_, hash)| *hash) != Some(head.hash) {
            self.fault(RelayFault::Nonsense(OTHER_HISTORY));
            return false;
        }
        // Looked at once the entries are known to follow: behind another history any time would seem to go back.
        if !std::iter::once(time).chain(new.iter().map(|logged| logged.time)).is_sorted() {
            self.fault(RelayFault::Nonsense("entries whose times go back"));
            return false;
        }
        if self.succession.successors().any(|it| {
            passed.contains(&(it.position, it.hash)) != passed.iter().any(|(at, _)| *at == it.position)
        }) {
            self.fault(RelayFault::Nonsense("a log that was continued from something else"));
            return false;
        }
        let reached = |beyond: &SeenHead| beyond.position <= head.position;
        for promised in self.beyond().filter(reached).collect::<Vec<_>>() {
            if let Some(fork) = missed_by(self.workspace, promised, *head, (new, &passed)) {
                self.fault(self.given_up(promised).unwrap_or(fork));
                return false;
            }
        }
        // Not before: it would take the place of what was promised on the way to it.
        self.note_promise(head);
        if let Some(fault) = new.last().and_then(|last| self.is_too_late(last.time, cx)) {
            self.fault(fault);
            return false;
        }
        true
    }

    fn take_in(&mut self, first: Position, new: Vec<LoggedEntry>, head: SeenHead, cx: &mut Context<'_>) {
        let Some(log) = &self.log else {
            return;
        };
        let (count, bytes) = (new.len(), new.iter().map(|logged| logged.entry.wire_len()).sum::<usize>());
        let verify = |logged: LoggedEntry| Ok((logged.time, verify_given(logged.entry, self.workspace)?));
        let verified: Result<Vec<(LogTime, Entry)>, EntryError> = new.into_iter().map(verify).collect();
        let given_up = log.roster().given_up();
        let is_not_the_log =
            |(_, entry): &(LogTime, Entry)| without_body(entry, given_up) == Some(WithoutBody::NotTheLog);
        let verified = match verified {
            Ok(verified) if !verified.iter().any(is_not_the_log) => verified,
            // Taken in, it would silently drop a removal, or cut off its author's chain, on this device alone.
            _ => {
                return self
                    .fault(RelayFault::Nonsense("an entry whose signature or body is not its author's"));
            }
        };
        // Only with such an entry can a run begin here, and only for a run does the state before matter.
        let run_possible = verified.iter().any(|(_, entry)| {
            entry.header().entry_type == EntryType::Roster || !log.roster().is_active(&entry.header().device)
        });
        let mut before = run_possible.then(|| {
            let signed =
                |(time, entry): &(LogTime, Entry)| LoggedEntry { time: *time, entry: entry.to_signed() };
            (log.clone(), verified.iter().map(signed).collect())
        });
        let mut stretch = Stretch {
            cx,
            recent: BTreeMap::new(),
            touched: BTreeMap::new(),
            weighed: BTreeMap::new(),
            speaks_of_checkpoints: false,
            entries: Vec::with_capacity(count),
            head,
            own: BTreeSet::new(),
            keyring: self.keyring.clone(),
            lacking: self.lacking.clone(),
            keys_changed: false,
            taken_over: false,
            fork: None,
            given_up: given_up.count(),
        };
        let mut rest = verified.into_iter().peekable();
        while let Some(entry) = rest.next() {
            let Some((time, entry, len)) = self.judge(&mut stretch, entry) else {
                continue;
            };
            let chain = entry.header().chain();
            let mut run = vec![(time, entry)];
            while (run.len() as u64) < len
                && let Some(next) = rest.next_if(|(_, next)| next.header().chain() == chain)
            {
                run.push(next);
            }
            let goes_on = (run.len() as u64) < len && rest.peek().is_none();
            if goes_on && let Some((log, entries)) = before.take() {
                // Judged once the rest has come, all from the same state.
                self.log = Some(log);
                if bytes > MAX_HELD_BACK {
                    return self.fault(RelayFault::Nonsense(LONG_RUN));
                }
                self.session.hold_back(first, entries);
                return;
            }
            self.judge_run(&mut stretch, run);
        }
        self.settle(stretch);
    }

    /// Judges one entry and moves the log past it; gives it back if it begins a run of so many, to be judged together.
    fn judge(
        &mut self,
        stretch: &mut Stretch<'_, '_>,
        (time, entry): (LogTime, Entry),
    ) -> Option<(LogTime, Entry, u64)> {
        let log = self.log.as_mut()?;
        let refusal = match stretch.check(log, &entry, time) {
            Ok(accepted) => {
                let placed = log.append(accepted);
                self.accept(stretch, entry, placed);
                return None;
            }
            Err(refusal) => refusal,
        };
        match (refusal, log.run_remaining(entry.header())) {
            (Refusal::RunIncomplete, Some(len)) => Some((time, entry, len)),
            (refusal, _) => {
                self.pass(stretch, time, entry, refusal);
                None
            }
        }
    }

    /// Judges what a removed author's cut still allows, as a whole.
    fn judge_run(&mut self, stretch: &mut Stretch<'_, '_>, run: Vec<(LogTime, Entry)>) {
        let Some(log) = &mut self.log else {
            return;
        };
        let borrowed: Vec<(LogTime, &Entry)> = run.iter().map(|(time, entry)| (*time, entry)).collect();
        match log.check_run(&borrowed, |position| stretch.hash_at(position)) {
            Ok(accepted) => {
                let placed: Vec<Placed> = accepted.into_iter().map(|accepted| log.append(accepted)).collect();
                for ((_, entry), placed) in run.into_iter().zip(placed) {
                    self.accept(stretch, entry, placed);
                }
            }
            Err(refusal) => {
                for (time, entry) in run {
                    self.pass(stretch, time, entry, refusal.clone());
                }
            }
        }
    }

    /// Moves the log past an entry that stands in it and may not count.
    fn pass(&mut self, stretch: &mut Stretch<'_, '_>, time: LogTime, entry: Entry, refusal: Refusal) {
        let Some(log) = &mut self.log else {
            return;
        };
        if let Refusal::Forked(theirs) = &refusal {
            // Somebody was shown another history up to a signed head than the one that this stretch's head signs.
            let proof = None;
            stretch.fork.get_or_insert(RelayFault::Fork { ours: stretch.head, theirs: **theirs, proof });
        }
        let placed = log.pass(entry.id(), time);
        stretch.recent.insert(placed.position, placed.hash);
        if self.feed.contains(entry.id()) {
            stretch.own.insert(entry.id());
        }
        let verdict = Verdict::NotAcceptable(Box::new(entry), refusal);
        stretch.entries.push(IngestedEntry { placed, verdict });
    }

    fn accept(&mut self, stretch: &mut Stretch<'_, '_>, entry: Entry, placed: Placed) {
        stretch.recent.insert(placed.position, placed.hash);
        let chain = entry.header().chain();
        if let Some(log) = &self.log {
            stretch.touched.extend(log.tip(&chain).map(|tip| (chain, *tip)));
            let written = log.weighed(entry.header());
            let freed = placed.freed.iter().map(|it| (it.doc, it.user));
            let freed = freed.map(|(doc, user)| Written { doc, user, sum: log.weights().of(doc, user) });
            stretch.weighed.extend(written.into_iter().chain(freed).map(|it| ((it.doc, it.user), it)));
        }
        let own = self.feed.contains(entry.id()) || self.offered().any(|offered| offered.id() == entry.id());
        if own {
            stretch.own.insert(entry.id());
        }
        let header = entry.header();
        stretch.speaks_of_checkpoints |= header.entry_type == EntryType::Checkpoint;
        if header.device == self.device && header.incarnation == self.incarnation && !own {
            stretch.taken_over = true;
        }
        if let Some(outcome) = placed.roster {
            self.learn_keys(stretch, &entry, outcome);
        }
        let given_up = self.log.as_ref().map(|log| log.roster().given_up());
        let is_given_up = given_up.is_some_and(|it| it.covers(entry.id(), entry.header()));
        let verdict = match (placed.roster, own) {
            (Some(outcome), _) => Verdict::Roster(Box::new(entry), outcome),
            (None, _) if is_given_up => Verdict::GivenUp(Box::new(entry)),
            (None, true) => Verdict::Own(Box::new(entry)),
            (None, false) if entry.body().is_none() => Verdict::Withheld(Box::new(entry)),
            (None, false) => Verdict::Content(Box::new(entry)),
        };
        stretch.entries.push(IngestedEntry { placed, verdict });
    }

    /// Takes the new epoch's key if this record began one, and keys that it hands on.
    fn learn_keys(&self, stretch: &mut Stretch<'_, '_>, entry: &Entry, outcome: Outcome) {
        let Outcome::Applied { rekey_void: None } = outcome else {
            return;
        };
        let (Some(keyring), Some(log)) = (&mut stretch.keyring, &self.log) else {
            return;
        };
        let recipient = Recipient { device: stretch.cx.keys.hpke(), ticket: self.ticket.as_ref() };
        let into = (keyring, &mut stretch.lacking);
        stretch.keys_changed |= recipient.learn(entry, log.roster(), into, Begun::wrapped_otherwise);
    }

    /// Hands the stretch over for storing, and draws the consequences.
    fn settle(&mut self, stretch: Stretch<'_, '_>) {
        let Stretch { cx, recent, entries, touched, weighed, speaks_of_checkpoints, head, own, .. } = stretch;
        let Stretch { keyring, lacking, keys_changed, taken_over, fork, given_up, .. } = stretch;
        let new_incarnation = taken_over.then(|| Incarnation::from_bytes(cx.bytes()));
        let now = cx.now;
        self.outbox.drop_all(&own);
        self.feed.drop_all(&own);
        if !own.is_empty() && self.session.held_up().is_some() {
            self.session.note_accepted();
            self.effects.push_back(Effect::HeldUp(None));
        }
        self.keyring = keyring;
        self.lacking = lacking;
        self.head = Some(head);
        let is_withheld = |entry: &&IngestedEntry| matches!(entry.verdict, Verdict::Withheld(_));
        if let Some(first) = entries.iter().find(is_withheld) {
            self.withheld_from.get_or_insert(first.position());
            self.bodies.note_withheld(now);
        }
        if self.log.as_ref().is_some_and(|log| log.roster().given_up().count() > given_up) {
            self.bodies.look_anew(now);
        }
        if let Some(incarnation) = new_incarnation {
            tracing::warn!("this database was restored or cloned: going on in a new incarnation");
            self.incarnation = incarnation;
        }
        let pin_fault = self.check_pins(&entries);
        let faults: Vec<RelayFault> = fork.into_iter().chain(pin_fault).collect();
        let is_faulty = !faults.is_empty();
        for fault in faults {
            // Before the cursor: once that has passed the place, nothing there is looked at again.
            self.note_fault(fault);
        }
        let joined = self.has_come_in_by_ticket();
        if joined {
            self.ticket = None;
            self.pins = None;
        }
        let tips = touched.into_iter().collect();
        let is_after = |up: &Up| entries.first().is_some_and(|first| first.position() > up.target());
        let is_news = self.session.up().is_some_and(is_after);
        let weighed = weighed.into_values().collect();
        let said = self.log.as_ref().filter(|_| speaks_of_checkpoints);
        let checkpoints = said.map(|log| log.checkpoints().clone());
        let ingested = Ingested {
            entries,
            head,
            is_news,
            tips,
            weighed,
            checkpoints,
            keys_changed,
            joined,
            new_incarnation,
        };
        self.effects.push_back(Effect::Ingest(Box::new(ingested)));
        self.update_phase();
        self.weigh_holdings(&recent, cx);
        if is_faulty {
            return self.close();
        }
        self.send_outbox(now);
        self.renew_holding(cx);
    }

    /// Whether the log passes through the point that the code named.
    fn check_pins(&mut self, entries: &[IngestedEntry]) -> Option<RelayFault> {
        let pins = self.pins.as_ref()?;
        let at = entries.iter().find(|entry| entry.position() == pins.position)?;
        if at.placed.hash != pins.hash {
            return Some(RelayFault::NotThePinnedLog);
        }
        // With a ticket they are kept until it has done its work: the way in may have to be begun anew.
        if self.ticket.is_none() {
            self.pins = None;
        }
        None
    }

    /// Whether the ticket has done its work: the log has passed it, the code's point, and a Join of this device, whichever
    /// copy of its database wrote that. Every key that is wrapped to the ticket has come, and later ones are wrapped to the
    /// device itself. Not with a relay that was caught: the code and its point are part of the evidence.
    pub(super) fn has_come_in_by_ticket(&self) -> bool {
        if self.distrusted {
            return false;
        }
        let Some((log, ticket)) = self.log.as_ref().zip(self.ticket.as_ref()) else {
            return false;
        };
        let roster = log.roster();
        let is_past_pins = self.pins.as_ref().is_none_or(|pins| pins.position <= log.head().position);
        is_past_pins && roster.device(&self.device).is_some() && roster.ticket(&ticket.ticket_key()).is_some()
    }

    fn update_phase(&mut self) {
        let Some(log) = &self.log else {
            return;
        };
        match log.roster().device(&self.device) {
            Some(device) if !device.is_active() => self.phase = Phase::Removed,
            Some(_) if matches!(self.phase, Phase::Creating(_)) => self.phase = Phase::Member,
            _ => {}
        }
    }
}
