//! What a replica and the relay say to one another on a connection, from Hello to Goodbye.

use bowline_wire::codec::encode;
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::SignedEntry;
use bowline_wire::evidence::Rollback;
use bowline_wire::frame::{
    Challenge, Create, Frame, HOLDINGS, Hello, Party, Reason, STATES, VERSIONS, Welcome, Word,
};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{EntryId, LineKey, Millis, Position};

use super::again::Leads;
use super::faults::RelayFault;
use super::patience;
use super::session::{Awaited, Greeted, LinkState, Proving, Pulse, Up};
use crate::sync::bodies::Bodies;
use crate::sync::context::Context;
use crate::sync::effect::{Effect, JoinFailed};
use crate::sync::limits::RETRY_AFTER;
use crate::sync::replica::Replica;
use crate::sync::state::{Phase, Pins};

/// What both sides have to name to use it, ascending.
const CAPABILITIES: [&str; 4] = [WRITES_DRAFT, "entries/1", HOLDINGS, STATES];

impl Replica {
    /// Why the relay closed the last connection, if it said so. Its word, shown and not believed.
    pub fn last_goodbye(&self) -> Option<Reason> {
        self.session.goodbye()
    }

    /// What the relay had not answered when the last connection was given up because of its silence.
    pub fn last_silence(&self) -> Option<Awaited> {
        self.session.silence()
    }

    /// What the relay owes an answer to at the moment.
    pub fn awaited(&self) -> Option<Awaited> {
        let is_unanswered = || self.outbox.is_unanswered() || self.feed.is_unanswered();
        let owes = || self.is_missing_entries() || is_unanswered();
        self.session.awaited_in_handshake().or_else(|| owes().then_some(Awaited::Answer))
    }

    /// How the connection is.
    pub fn link(&self) -> LinkState {
        // What names no head is not acceptable, and at the place of a state there is none.
        let has_no_head = || self.head.is_none() && self.position() > Position::START;
        match self.session.link(self.position()) {
            LinkState::Live if self.is_beginning() || has_no_head() => {
                LinkState::CatchingUp { at: self.position(), of: self.begins_at().max(self.position()) }
            }
            link => link,
        }
    }

    /// A line to the relay is up. Whatever an earlier line was doing is over. `line` is the Ed25519 key of the relay's certificate
    /// as the line has proven it; `None` if the line proves something else, such as a host name.
    pub fn handle_connected(&mut self, line: Option<LineKey>, cx: &mut Context<'_>) {
        self.handle_disconnected();
        if matches!(self.phase, Phase::Failed(_)) {
            // Not in the workspace, and not on its way in: there is nothing to say.
            return self.effects.push_back(Effect::Close);
        }
        let capabilities = CAPABILITIES.map(str::to_owned).to_vec();
        let hello = Frame::Hello(Hello { nonce: cx.bytes(), versions: VERSIONS.to_vec(), capabilities });
        self.session.greet(&hello, self.party(), line, cx.now);
        self.send(hello);
    }

    /// The line is down. Nothing is lost by it: what was not answered is sent again.
    pub fn handle_disconnected(&mut self) {
        self.session.lose();
        self.holdings.start_over();
        self.bodies = Bodies::for_new_line();
        if let Some(beginning) = &mut self.beginning {
            beginning.pause();
        }
        self.outbox.start_over();
        self.feed.start_over();
    }

    /// A frame has come. A relay that sends one after the other which bring nothing new is given up: answering them would keep
    /// this device busy for ever.
    pub fn handle_frame(&mut self, frame: Frame, cx: &mut Context<'_>) {
        self.session.note_heard(cx.now);
        let cost = patience::cost(&frame);
        let before = self.brought();
        // From which state to begin brings nothing of it, though it is answered.
        let is_barren = matches!(frame, Frame::LetGo(_));
        self.take_frame(frame, cx);
        if (is_barren || self.brought() == before) && self.session.note_barren(cost, cx.now) {
            self.fault(RelayFault::BringsNothing);
        }
    }

    /// Changes whenever a frame brings something.
    fn brought(&self) -> (Position, usize, u64) {
        (self.position(), self.effects.len(), self.session.brought())
    }

    fn take_frame(&mut self, frame: Frame, cx: &mut Context<'_>) {
        match frame {
            Frame::Challenge(challenge) => self.handle_challenge(challenge, cx),
            Frame::Welcome(welcome) => self.handle_welcome(welcome, cx),
            Frame::Entries { first, entries, head } => self.handle_entries(first, entries, head, cx),
            Frame::Appended { entries, head } => self.handle_appended(&entries, head, cx),
            Frame::Refused { entry, reason, proof, .. } => {
                self.handle_refused(entry, reason, proof.map(|proof| *proof), cx);
            }
            Frame::Head(head) => self.handle_head(head, cx),
            Frame::Records { entries, more } => self.handle_records(entries, more, cx),
            Frame::Goodbye { reason, .. } => self.handle_goodbye(reason),
            Frame::Holdings { devices } => self.handle_holdings(&devices, cx),
            Frame::Supply { bodies } => self.handle_supply(bodies, cx),
            Frame::Wanted { positions } => self.handle_wanted(positions, cx),
            Frame::Found { .. } => {
                self.fault(RelayFault::Nonsense("where a recovery phrase is, which nobody has asked"));
            }
            Frame::LetGo(let_go) => self.handle_let_go(let_go, cx),
            Frame::State(piece) => self.handle_piece(piece, cx),
            Frame::Kept { entries, more } => self.handle_kept(entries, more, cx),
            // Whoever has signed for a state is asked for it, and has it; nobody else need answer.
            Frame::StateWanted { .. } => {}
            Frame::Hello(_)
            | Frame::Proof(_)
            | Frame::Lookup(_)
            | Frame::Subscribe { .. }
            | Frame::SubscribeFrom { .. }
            | Frame::Append { .. }
            | Frame::Fetch { .. }
            | Frame::Ping => self.fault(RelayFault::Nonsense("a frame that only devices send")),
        }
    }

    /// Handles bytes that are not a frame.
    pub fn handle_malformed(&mut self) {
        self.fault(RelayFault::Nonsense("bytes that are not a frame"));
    }

    fn handle_challenge(&mut self, challenge: Challenge, cx: &Context<'_>) {
        let Some(Greeted { party, line, said }) = self.session.greeted() else {
            return;
        };
        if !challenge.is_by(line, self.relay, said) {
            return self.fault(RelayFault::OtherRelay);
        }
        if !VERSIONS.contains(&challenge.version) {
            self.session.note_goodbye(Reason::Version);
            return self.close();
        }
        let create = match &self.phase {
            Phase::Creating(token) => self.outbox.entries().next().map(|genesis| {
                Box::new(Create { token: token.0.clone(), genesis: genesis.to_signed(), logs: Vec::new() })
            }),
            _ => None,
        };
        let relay = challenge.relay;
        let challenge = Frame::Challenge(challenge);
        let said = said.then(&encode(&challenge));
        let shown = self.furthest_head();
        let proof = match (&party, &self.ticket) {
            (Party::Ticket(_), Some(secret)) => secret.prove(said, self.workspace, shown),
            _ => cx.keys.prove(said, self.workspace, shown, create),
        };
        let proof = Frame::Proof(Box::new(proof));
        self.session.prove(relay, (&challenge, &proof), shown, cx.now);
        self.send(proof);
    }

    pub(super) fn handle_welcome(&mut self, welcome: Welcome, cx: &Context<'_>) {
        let Some(proving) = self.session.proved() else {
            return;
        };
        if welcome.verify(proving.said()).is_err() || welcome.head.verify(self.workspace).is_err() {
            return self.fault(RelayFault::Nonsense("a welcome that its log did not sign on this line"));
        }
        if !welcome.capabilities.iter().any(|name| name == WRITES_DRAFT) {
            return self.fault(RelayFault::Nonsense("a welcome without the draft of this log"));
        }
        match self.follow_successors(&welcome, proving.relay, cx) {
            Ok(Leads::On) => {}
            Ok(Leads::Back(cut)) => return self.effects.push_back(Effect::CutBack(cut)),
            Err(fault) => return self.fault(*fault),
        }
        let wrong = self.compare_welcome(&welcome, &proving, cx);
        if let Some(fault) = wrong.or_else(|| self.read_clocks(&welcome, &proving, cx)) {
            return self.fault(fault);
        }
        let Welcome { head, capabilities, .. } = welcome;
        let Proving { party, relay, line, .. } = proving;
        self.relay = Some(relay);
        self.effects.push_back(Effect::Met { relay, line });
        let hears_holdings = capabilities.iter().any(|name| name == HOLDINGS);
        self.session.open(party, head.position, hears_holdings, cx.now);
        match party {
            Party::Device(_) => {
                self.effects.push_back(Effect::LetIn);
                // Whoever is let in as a device is one, whatever became of the answer to the Join.
                if matches!(self.phase, Phase::Joining(_)) {
                    self.become_member();
                }
                self.subscribe(cx.now);
                self.send_outbox(cx.now);
                self.renew_holding(cx);
                self.supply_wanted(cx.now);
            }
            Party::Ticket(_) => self.enter_by_ticket(cx.now),
        }
    }

    /// What is wrong with the head that the relay opens the session with.
    fn compare_welcome(&self, welcome: &Welcome, proving: &Proving, cx: &Context<'_>) -> Option<RelayFault> {
        let theirs = welcome.head;
        let pinned = self.pins.as_ref().map(|pins| pins.log);
        let known = self.log.as_ref().map(|log| log.head().log);
        if known.or(pinned).is_some_and(|known| known != theirs.log) {
            return Some(RelayFault::OtherLog { theirs });
        }
        if self.pins.as_ref().is_some_and(|pins| self.misses(pins, &theirs, cx)) {
            return Some(RelayFault::NotThePinnedLog);
        }
        if let Some(fault) = self.contradiction(&theirs, cx) {
            return Some(fault);
        }
        let ours =
            proving.shown.filter(|shown| shown.log == theirs.log && theirs.position < shown.position)?;
        let [hello, challenge, proof] = proving.frames.clone();
        let proof = Rollback { frames: [hello, challenge, proof, encode(&Frame::Welcome(welcome.clone()))] };
        Some(RelayFault::Rollback { ours, theirs, proof: Box::new(proof) })
    }

    /// Whether the log does not pass through the point of the code: as it is known here, or because it ends before.
    fn misses(&self, pins: &Pins, theirs: &SeenHead, cx: &Context<'_>) -> bool {
        if pins.position > self.position() {
            return theirs.position < pins.position;
        }
        self.hash_at(pins.position, cx).is_some_and(|hash| hash != pins.hash)
    }

    /// Asks for everything after what is here.
    pub(in crate::sync) fn subscribe(&mut self, now: Millis) {
        let after = self.position();
        if self.session.note_asked(now).is_some() {
            self.send(Frame::Subscribe { after });
        }
    }

    /// Asks for what was lost before a frame. All frames behind the gap say the same, so it is asked for once, and again
    /// after a while.
    pub(in crate::sync) fn ask_for_gap(&mut self, missing: Position, now: Millis) {
        if self.session.note_gap(missing, now) {
            self.subscribe(now);
        }
    }

    fn handle_appended(&mut self, entries: &[(EntryId, Position)], head: SeenHead, cx: &Context<'_>) {
        if self.session.up().is_none() || !self.agrees(&head, cx) {
            return;
        }
        self.note_promise(&head);
        let is_taken = |ours| entries.iter().any(|(id, _)| *id == ours);
        let is_news = self.feed.acknowledge(is_taken);
        if self.outbox.acknowledge(is_taken) || is_news {
            self.session.note_accepted();
            self.effects.push_back(Effect::HeldUp(None));
        }
        if is_news {
            self.send_outbox(cx.now);
        }
        if let Phase::Joining(joining) = &self.phase
            && joining.offered().is_some_and(|join| entries.iter().any(|(id, _)| *id == join))
        {
            self.become_member();
            // The ticket's session may do nothing more; the device opens its own.
            self.close();
        }
    }

    fn handle_refused(
        &mut self,
        entry: EntryId,
        reason: Reason,
        proof: Option<SignedEntry>,
        cx: &mut Context<'_>,
    ) {
        if self.session.up().is_some() && self.feed.find(entry).is_some() {
            return self.refused_again(entry, reason, proof, cx);
        }
        if self.session.up().is_none() || self.outbox.find(entry).is_none() {
            return;
        }
        if self.misses_what_it_signed(entry, reason) {
            return self.fault(RelayFault::Nonsense("that it lacks what it has signed for"));
        }
        if reason.is_transient() && !self.names_lost_roster(entry, reason) {
            // Saying it again changes nothing, and costs no writing here.
            if !self.outbox.postpone(entry, cx.now) {
                return;
            }
            self.session.note_brought();
            self.note_held_up(reason);
            return;
        }
        self.refused_for_good(entry, reason, proof, cx);
    }

    /// Notes that the relay takes an entry later, perhaps.
    pub(super) fn note_held_up(&mut self, reason: Reason) {
        let before = self.session.held_up();
        self.session.note_refused_for_now(reason);
        let now = self.session.held_up();
        if now != before {
            self.effects.push_back(Effect::HeldUp(now));
        }
    }

    fn handle_goodbye(&mut self, reason: Reason) {
        // A relay of before nonces cannot read our Hello, which is never malformed to one of today.
        let is_behind = self.session.greeted().is_some() && reason == Reason::Malformed;
        let reason = if is_behind { Reason::RelayOutdated } else { reason };
        // Before its challenge nobody has shown that this is the relay, and a relay says nothing of parties or logs then.
        if self.session.greeted().is_some() && !speaks_of_the_line(reason) {
            return self.close();
        }
        // The relay knows a ticket that it has let in: what it does not allow then is something else, and may be another
        // time.
        let is_known = self.session.is_up_as_ticket() && reason == Reason::NotAllowed;
        let Some(party) = self.session.note_goodbye(reason) else {
            return;
        };
        tracing::info!(?reason, "the relay closed the connection");
        if reason == Reason::LogLost {
            return self.fault(RelayFault::LogLost);
        }
        if reason.is_about_party()
            && !is_known
            && let Phase::Joining(joining) = &mut self.phase
            && let Some(why) = joining.turned_away(&party, reason)
        {
            self.fail_join(why);
        }
        if reason == Reason::LogOutdated && matches!(self.phase, Phase::Joining(_)) {
            self.fail_join(JoinFailed::LogOutdated);
        }
        if matches!(reason, Reason::NotAllowed | Reason::Removed) && matches!(party, Party::Device(_)) {
            self.start_over_unless_in();
        }
        if reason.shuts_out() && matches!(party, Party::Device(_)) && matches!(self.phase, Phase::Member) {
            self.effects.push_back(Effect::TurnedAway(reason));
        }
        self.close();
    }

    /// As whom the next connection is opened.
    fn party(&self) -> Party {
        match (&self.phase, &self.ticket) {
            (Phase::Joining(joining), Some(secret)) if !joining.goes_as_device() => {
                Party::Ticket(secret.ticket_key())
            }
            _ => Party::Device(self.device),
        }
    }

    /// When [`Replica::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Millis> {
        let wakes_at = self.session.wakes_at()?;
        let Some(up) = self.session.up() else {
            return Some(wakes_at);
        };
        let missing = self.is_missing_entries().then(|| up.asked_at().plus(RETRY_AFTER));
        let may_send = self.may_append() || self.may_send_join();
        let ours = if self.feed.is_done() { self.outbox.due_at(up.subscribed()) } else { None };
        let send = ours.into_iter().chain(self.feed.due_at(up.subscribed())).min().filter(|_| may_send);
        let others = self.holding_due_at().into_iter().chain(self.bodies_due_at());
        send.into_iter().chain(missing).chain(others).chain([wakes_at]).min()
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        let missing = self.is_missing_entries();
        match self.session.pass_time(now) {
            Pulse::NotOpen => return,
            Pulse::Dead => return self.close(),
            Pulse::PingDue => self.send(Frame::Ping),
            Pulse::Alive => {}
        }
        if missing && self.session.up().is_some_and(|up| now.since(up.asked_at()) >= RETRY_AFTER) {
            self.ask_again(now);
        }
        self.outbox.expire(now);
        self.feed.expire(now);
        self.say_holding(now);
        self.supply_wanted(now);
        if !self.may_send_join() {
            self.send_outbox(now);
        } else if self.outbox.is_due(now) {
            self.send_join(now);
        }
    }

    fn ask_again(&mut self, now: Millis) {
        match self.session.up().map(Up::party) {
            Some(Party::Device(_)) => self.ask_on(now),
            Some(Party::Ticket(_)) => {
                self.session.note_asked(now);
                self.enter_by_ticket(now);
            }
            None => {}
        }
    }

    /// Whether this is a ticket's connection with a Join to send.
    fn may_send_join(&self) -> bool {
        self.session.is_up_as_ticket()
            && matches!(&self.phase, Phase::Joining(joining) if joining.offered().is_some())
    }

    /// Whether the relay is known to have something that is not here: entries up to its head on Welcome, entries of ours
    /// that it acknowledged, or for a ticket's holder the roster.
    fn is_missing_entries(&self) -> bool {
        let Some(up) = self.session.up() else {
            return false;
        };
        match up.party() {
            Party::Device(_) => {
                let is_acknowledged = self.outbox.has_acknowledged() || self.feed.has_acknowledged();
                self.position() < up.target() || is_acknowledged || self.is_beginning()
            }
            Party::Ticket(_) => !self.may_send_join(),
        }
    }
}

/// Whether a relay may close a line for this reason before it knows who is there.
fn speaks_of_the_line(reason: Reason) -> bool {
    reason.is_about_draft()
        || matches!(
            reason,
            Reason::Version | Reason::Malformed | Reason::OutOfPlace | Reason::Shutdown | Reason::Rate
        )
}
