//! One connection to the relay, from Hello to Goodbye.

use std::cmp::Ordering;

use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Challenge, Create, Frame, Party, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{EntryId, Millis, Position};
use bowline_wire::log::Log;

use super::faults::RelayFault;
use crate::sync::context::Context;
use crate::sync::effect::Effect;
use crate::sync::limits::{HANDSHAKE_TIMEOUT, PING_AFTER, RETRY_AFTER};
use crate::sync::replica::Replica;
use crate::sync::state::{LinkState, OutgoingState, Phase, Session, Up};

/// What both sides have to name to use it. Entries and roster records are the whole protocol so far.
const CAPABILITIES: [&str; 1] = ["entries/1"];

impl Replica {
    /// Why the relay closed the last connection, if it said so. Its word, shown and not believed.
    pub fn last_goodbye(&self) -> Option<Reason> {
        self.goodbye
    }

    /// How the connection is.
    pub fn link(&self) -> LinkState {
        match &self.session {
            Session::Down => LinkState::Down,
            Session::Greeting { .. } | Session::Proving { .. } => LinkState::Connecting,
            Session::Up(up) if self.position() < up.target => {
                LinkState::CatchingUp { at: self.position(), of: up.target }
            }
            Session::Up(_) => LinkState::Live,
        }
    }

    /// A line to the relay is up. Whatever an earlier line was doing is over. `relay` is the relay's Ed25519 identity as
    /// the line has proven it (a pinned TLS key); `None` if the line proves something else, such as a host name.
    pub fn handle_connected(&mut self, relay: Option<[u8; 32]>, now: Millis) {
        self.handle_disconnected();
        self.goodbye = None;
        let party = self.party();
        let capabilities = CAPABILITIES.map(str::to_owned).to_vec();
        self.send(Frame::Hello { workspace: self.workspace, party, capabilities });
        self.session = Session::Greeting { since: now, party, relay };
    }

    /// The line is down. Nothing is lost by it: what was not answered is sent again.
    pub fn handle_disconnected(&mut self) {
        self.session = Session::Down;
        self.partial = None;
        self.held_up = None;
        for outgoing in &mut self.outbox {
            outgoing.state = OutgoingState::Waiting(Millis(0));
        }
    }

    /// A frame has come.
    pub fn handle_frame(&mut self, frame: Frame, cx: &mut Context<'_>) {
        if let Session::Up(up) = &mut self.session {
            up.heard = cx.now;
        }
        match frame {
            Frame::Challenge(challenge) => self.handle_challenge(&challenge, cx),
            Frame::Welcome { head, .. } => self.handle_welcome(head, cx),
            Frame::Entries { first, entries, head } => self.handle_entries(first, entries, head, cx),
            Frame::Appended { entries, head } => self.handle_appended(&entries, head, cx),
            Frame::Refused { entry, reason, proof, .. } => {
                self.handle_refused(entry, reason, proof.map(|proof| *proof), cx);
            }
            Frame::Head(head) => self.handle_head(head, cx),
            Frame::Records { entries, more } => self.handle_records(entries, more, cx),
            Frame::Goodbye { reason, .. } => self.handle_goodbye(reason),
            Frame::Hello { .. }
            | Frame::Proof { .. }
            | Frame::Subscribe { .. }
            | Frame::Append { .. }
            | Frame::Ping => self.fault(RelayFault::Nonsense("a frame that only devices send")),
        }
    }

    /// Bytes have come that are no frame.
    pub fn handle_malformed(&mut self) {
        self.fault(RelayFault::Nonsense("bytes that are no frame"));
    }

    fn handle_challenge(&mut self, challenge: &Challenge, cx: &Context<'_>) {
        let Session::Greeting { party, relay, .. } = self.session else {
            return;
        };
        // A proof is good at the relay that the challenge names: never make one for whom this line is not to.
        if relay.is_some_and(|relay| relay != challenge.relay) {
            return self.fault(RelayFault::OtherRelay);
        }
        let signature = match (&party, &self.ticket) {
            (Party::Ticket(_), Some(secret)) => secret.sign_challenge(challenge, self.workspace),
            _ => cx.keys.sign_challenge(challenge, self.workspace),
        };
        let create = match &self.phase {
            Phase::Creating(token) => self.outbox.first().map(|genesis| {
                Box::new(Create { token: token.0.clone(), genesis: genesis.entry.to_signed() })
            }),
            _ => None,
        };
        self.send(Frame::Proof { signature, create });
        self.session = Session::Proving { since: cx.now, party };
    }

    fn handle_welcome(&mut self, head: SeenHead, cx: &Context<'_>) {
        let Session::Proving { party, .. } = self.session else {
            return;
        };
        if head.verify(self.workspace).is_err() {
            return self.fault(RelayFault::Nonsense("a head that its log did not sign"));
        }
        if let Some(fault) = self.compare_welcome(&head, cx) {
            return self.fault(fault);
        }
        self.goodbye = None;
        if self.log.is_none() {
            self.log = Some(Log::new(self.workspace, head.log));
        }
        self.session = Session::Up(Up {
            party,
            target: head.position,
            heard: cx.now,
            pinged: None,
            subscribed: cx.now,
            entries_at: cx.now,
            gap: None,
            refusals: 0,
        });
        match party {
            Party::Device(_) => {
                // Whoever is let in as a device is one, whatever became of the answer to the Join.
                if matches!(self.phase, Phase::Joining(_)) {
                    self.become_member();
                }
                self.subscribe(cx.now);
                self.send_outbox(cx.now);
            }
            Party::Ticket(_) => self.enter_by_ticket(cx.now),
        }
    }

    /// What is wrong with the head that the relay opens the session with.
    fn compare_welcome(&self, theirs: &SeenHead, cx: &Context<'_>) -> Option<RelayFault> {
        let pinned = self.pins.as_ref().map(|pins| pins.log);
        let known = self.log.as_ref().map(|log| log.head().log);
        if known.or(pinned).is_some_and(|known| known != theirs.log) {
            return Some(RelayFault::OtherLog { theirs: *theirs });
        }
        if self.pins.as_ref().is_some_and(|pins| theirs.position < pins.position) {
            return Some(RelayFault::NotThePinnedLog);
        }
        if let Some(fault) = self.contradiction(theirs, cx) {
            return Some(fault);
        }
        let ours = self.promised.or(self.head)?;
        (theirs.position < ours.position).then_some(RelayFault::Rollback { ours, theirs: *theirs })
    }

    /// The hash of the log as it is known here.
    pub(in crate::sync) fn hash_at(
        &self,
        position: Position,
        cx: &Context<'_>,
    ) -> Option<bowline_wire::ids::LogHash> {
        let head = self.log.as_ref()?.head();
        match position.cmp(&head.position) {
            Ordering::Equal => Some(head.hash),
            Ordering::Less => (cx.hash_at)(position),
            Ordering::Greater => None,
        }
    }

    /// Asks for everything after what is here.
    pub(in crate::sync) fn subscribe(&mut self, now: Millis) {
        let after = self.position();
        self.partial = None;
        if let Session::Up(up) = &mut self.session {
            up.subscribed = now;
            self.send(Frame::Subscribe { after });
        }
    }

    /// Asks for what was lost before a frame. All frames behind the gap say the same, so it is asked for once, and again
    /// after a while.
    pub(in crate::sync) fn ask_for_gap(&mut self, missing: Position, now: Millis) {
        if let Session::Up(up) = &mut self.session
            && (up.gap != Some(missing) || now.since(up.subscribed) >= RETRY_AFTER)
        {
            up.gap = Some(missing);
            self.subscribe(now);
        }
    }

    fn handle_head(&mut self, head: SeenHead, cx: &Context<'_>) {
        let Session::Up(up) = &mut self.session else {
            return;
        };
        let pinged = up.pinged.take();
        let quiet = pinged.is_some_and(|pinged| up.entries_at < pinged);
        if !self.agrees(&head, cx) {
            return;
        }
        // The relay is ahead and has sent nothing since it was asked: its last frame was lost on the way.
        if head.position > self.position() && quiet {
            self.subscribe(cx.now);
        }
    }

    /// Whether a signed head agrees with the log as it is known here; if not, that is a fault. One beyond what is here is
    /// remembered: signing for it was a promise.
    pub(in crate::sync) fn agrees(&mut self, theirs: &SeenHead, cx: &Context<'_>) -> bool {
        if head_of_other_log(self, theirs) || theirs.verify(self.workspace).is_err() {
            self.fault(RelayFault::Nonsense("a head that is not of this log"));
            return false;
        }
        if let Some(fault) = self.contradiction(theirs, cx) {
            self.fault(fault);
            return false;
        }
        let known = self.promised.map_or(self.position(), |promised| promised.position);
        if theirs.position > known {
            self.promised = Some(*theirs);
        }
        true
    }

    /// The proof that two heads of this log cannot both be true, if `theirs` is one of two such.
    fn contradiction(&self, theirs: &SeenHead, cx: &Context<'_>) -> Option<RelayFault> {
        let here = self.hash_at(theirs.position, cx);
        if let (Some(ours), Some(hash)) = (self.head, here)
            && hash != theirs.hash
        {
            return Some(RelayFault::Fork { ours, theirs: *theirs });
        }
        let promised = self.promised.filter(|promised| promised.position == theirs.position)?;
        (promised.hash != theirs.hash).then_some(RelayFault::Fork { ours: promised, theirs: *theirs })
    }

    fn handle_appended(&mut self, entries: &[(EntryId, Position)], head: SeenHead, cx: &Context<'_>) {
        if !matches!(self.session, Session::Up(_)) || !self.agrees(&head, cx) {
            return;
        }
        for outgoing in &mut self.outbox {
            if entries.iter().any(|(id, _)| *id == outgoing.entry.id()) {
                self.held_up = None;
                outgoing.state = OutgoingState::Acknowledged;
            }
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
        let Some(outgoing) = self.outbox.iter_mut().find(|outgoing| outgoing.entry.id() == entry) else {
            return;
        };
        if !matches!(self.session, Session::Up(_)) {
            return;
        }
        if reason.is_transient() {
            outgoing.state = OutgoingState::Waiting(cx.now.plus(RETRY_AFTER));
            // A gap is what another refusal leaves behind it.
            if reason != Reason::ChainGap || self.held_up.is_none() {
                self.held_up = Some(reason);
            }
            return;
        }
        self.refused_for_good(entry, reason, proof, cx);
    }

    fn handle_goodbye(&mut self, reason: Reason) {
        let party = match &self.session {
            Session::Down => return,
            Session::Greeting { party, .. } | Session::Proving { party, .. } => *party,
            Session::Up(up) => up.party,
        };
        tracing::info!(?reason, "the relay closed the connection");
        self.goodbye = Some(reason);
        let is_about_us = matches!(
            reason,
            Reason::NotAllowed
                | Reason::Removed
                | Reason::TicketUsed
                | Reason::TicketClosed
                | Reason::TicketExpired
        );
        if is_about_us
            && let Phase::Joining(joining) = &mut self.phase
            && let Some(why) = joining.turned_away(&party, reason)
        {
            self.fail_join(why);
        }
        if reason == Reason::NotAllowed && matches!(party, Party::Device(_)) {
            self.start_over_if_join_was_lost();
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
        match &self.session {
            Session::Down => None,
            Session::Greeting { since, .. } | Session::Proving { since, .. } => {
                Some(since.plus(HANDSHAKE_TIMEOUT))
            }
            Session::Up(up) => {
                let ping = up.dead_at().unwrap_or_else(|| up.heard.plus(PING_AFTER));
                let missing = self.is_missing_entries().then(|| up.asked_at().plus(RETRY_AFTER));
                let may_append = self.may_append() || self.may_send_join();
                let resend =
                    self.outbox.iter().filter(|_| may_append).filter_map(|outgoing| match outgoing.state {
                        OutgoingState::Waiting(at) => Some(at.max(up.subscribed)),
                        OutgoingState::Sent { again } => Some(again),
                        OutgoingState::Acknowledged => None,
                    });
                resend.chain(missing).chain([ping]).min()
            }
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Millis) {
        let missing = self.is_missing_entries();
        let up = match &mut self.session {
            Session::Down => return,
            Session::Greeting { since, .. } | Session::Proving { since, .. } => {
                if now.since(*since) >= HANDSHAKE_TIMEOUT {
                    self.close();
                }
                return;
            }
            Session::Up(up) => up,
        };
        match up.dead_at() {
            Some(at) if now >= at => return self.close(),
            None if now.since(up.heard) >= PING_AFTER => {
                up.pinged = Some(now);
                self.effects.push_back(Effect::Send(Frame::Ping));
            }
            _ => {}
        }
        if missing && now.since(up.asked_at()) >= RETRY_AFTER {
            self.ask_again(now);
        }
        for outgoing in &mut self.outbox {
            if let OutgoingState::Sent { again } = outgoing.state
                && now >= again
            {
                outgoing.state = OutgoingState::Waiting(now);
            }
        }
        if !self.may_send_join() {
            self.send_outbox(now);
        } else if self.outbox.iter().any(|out| matches!(out.state, OutgoingState::Waiting(at) if at <= now)) {
            self.send_join(now);
        }
    }

    fn ask_again(&mut self, now: Millis) {
        if let Session::Up(up) = &mut self.session {
            up.subscribed = now;
            match up.party {
                Party::Device(_) => self.subscribe(now),
                Party::Ticket(_) => self.enter_by_ticket(now),
            }
        }
    }

    /// Whether this is a ticket's connection with a Join to send.
    fn may_send_join(&self) -> bool {
        let by_ticket = matches!(&self.session, Session::Up(up) if matches!(up.party, Party::Ticket(_)));
        by_ticket && matches!(&self.phase, Phase::Joining(joining) if joining.offered().is_some())
    }

    /// Whether the relay is known to have something that is not here: entries up to its head on Welcome, entries of ours
    /// that it acknowledged, or for a ticket's holder the roster.
    fn is_missing_entries(&self) -> bool {
        let Session::Up(up) = &self.session else {
            return false;
        };
        match up.party {
            Party::Device(_) => {
                self.position() < up.target
                    || self.outbox.iter().any(|outgoing| outgoing.state == OutgoingState::Acknowledged)
            }
            Party::Ticket(_) => !self.may_send_join(),
        }
    }
}

fn head_of_other_log(replica: &Replica, theirs: &SeenHead) -> bool {
    replica.log.as_ref().is_some_and(|log| log.head().log != theirs.log)
}
