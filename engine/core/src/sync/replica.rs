//! One workspace on this device: the log as far as it was verified, the keys, and what is on its way to the relay.

use std::collections::VecDeque;

use bowline_crypto::{Keyring, TicketSecret};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{DeviceId, Incarnation, Millis, Position, WorkspaceId};
use bowline_wire::log::Log;

use super::effect::Effect;
use super::ingest::Partial;
use super::join::{JoinFailed, Joining};
use super::relay_faults::RelayFault;
use super::session::Session;

/// What a relay asks for before it makes a workspace. Does not print.
pub struct Token(pub String);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// How far this device's membership is.
#[derive(Debug)]
pub enum Phase {
    /// The workspace was made here; the relay may not know of it yet.
    Creating(Token),
    /// The device is on its way in through an invite or link.
    Joining(Box<Joining>),
    /// The device is in the workspace, as far as the log is known here.
    Member,
    /// The code did not let it in.
    Failed(JoinFailed),
    /// The log says that this device was removed or left.
    Removed,
}

/// What a caller stored, to go on from.
#[derive(Debug)]
pub struct Stored {
    /// Which workspace.
    pub workspace: WorkspaceId,
    /// This device.
    pub device: DeviceId,
    /// This life of its database.
    pub incarnation: Incarnation,
    /// How far its membership is.
    pub phase: Phase,
    /// The log up to the cursor; `None` before the first entry was ingested.
    pub log: Option<Log>,
    /// The signed head at the cursor.
    pub head: Option<SeenHead>,
    /// The keys, `None` before a Join was offered.
    pub keyring: Option<Keyring>,
    /// The secret of the invite or link through which this device comes in, until its Join is on the log here.
    pub ticket: Option<TicketSecret>,
    /// What a code said about the log, until the log has passed it.
    pub pins: Option<super::join::Pins>,
    /// Our entries that are not answered yet, in the order they have to be appended.
    pub offered: Vec<Entry>,
    /// Whether lasting evidence against the relay is on record.
    pub distrusted: bool,
}

/// One of our entries on its way.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) entry: Entry,
    pub(super) state: OutgoingState,
}

impl Outgoing {
    /// Bytes of it on the line, without an answer.
    pub(super) fn unanswered(&self) -> Option<usize> {
        matches!(self.state, OutgoingState::Sent { .. }).then(|| self.entry.wire_len())
    }
}

/// How far an entry of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutgoingState {
    /// To be sent, not before this time.
    Waiting(Millis),
    /// Sent on this connection.
    Sent {
        /// When it is to be sent again if it was not answered.
        again: Millis,
    },
    /// The relay says it is durable; it will come with the log.
    Acknowledged,
}

/// One workspace on this device. See [`crate::sync`].
#[derive(Debug)]
pub struct Replica {
    pub(super) workspace: WorkspaceId,
    pub(super) device: DeviceId,
    pub(super) incarnation: Incarnation,
    pub(super) phase: Phase,
    pub(super) log: Option<Log>,
    pub(super) head: Option<SeenHead>,
    /// The furthest head beyond ours that the relay has signed: the log has to come to pass through it.
    pub(super) promised: Option<SeenHead>,
    pub(super) keyring: Option<Keyring>,
    pub(super) ticket: Option<TicketSecret>,
    pub(super) pins: Option<super::join::Pins>,
    pub(super) outbox: Vec<Outgoing>,
    pub(super) session: Session,
    pub(super) partial: Option<Partial>,
    pub(super) distrusted: bool,
    pub(super) goodbye: Option<Reason>,
    /// Why the relay last refused an entry of ours for now, if it has accepted none since.
    pub(super) held_up: Option<Reason>,
    pub(super) effects: VecDeque<Effect>,
}

impl Replica {
    /// Goes on from what was stored.
    pub fn restore(stored: Stored) -> Self {
        let waiting = |entry| Outgoing { entry, state: OutgoingState::Waiting(Millis(0)) };
        Self {
            workspace: stored.workspace,
            device: stored.device,
            incarnation: stored.incarnation,
            phase: stored.phase,
            log: stored.log,
            head: stored.head,
            promised: None,
            keyring: stored.keyring,
            ticket: stored.ticket,
            pins: stored.pins,
            outbox: stored.offered.into_iter().map(waiting).collect(),
            session: Session::Down,
            partial: None,
            distrusted: stored.distrusted,
            goodbye: None,
            held_up: None,
            effects: VecDeque::new(),
        }
    }

    /// The next thing the caller owes.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Which workspace.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// This life of the database.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// How far the membership is.
    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The log as far as it was verified.
    pub fn log(&self) -> Option<&Log> {
        self.log.as_ref()
    }

    /// The signed head at the log's end here.
    pub fn head(&self) -> Option<&SeenHead> {
        self.head.as_ref()
    }

    /// The keys.
    pub fn keyring(&self) -> Option<&Keyring> {
        self.keyring.as_ref()
    }

    /// Our entries that are not on the log yet as far as we know, in order.
    pub fn offered(&self) -> impl Iterator<Item = &Entry> {
        self.outbox.iter().map(|outgoing| &outgoing.entry)
    }

    /// Where the log is here.
    pub fn position(&self) -> Position {
        self.log.as_ref().map_or(Position::START, |log| log.head().position)
    }

    /// Why the relay does not take our entries at the moment, on this connection: it may later.
    pub fn held_up(&self) -> Option<Reason> {
        self.held_up
    }

    /// Whether lasting evidence against the relay is on record.
    pub fn is_distrusted(&self) -> bool {
        self.distrusted
    }

    /// Reports a fault of the relay and closes the connection.
    pub(super) fn fault(&mut self, fault: RelayFault) {
        tracing::warn!(%fault, "relay fault");
        self.distrusted |= fault.is_lasting();
        self.effects.push_back(Effect::Fault(fault));
        self.close();
    }

    pub(super) fn send(&mut self, frame: bowline_wire::frame::Frame) {
        self.effects.push_back(Effect::Send(frame));
    }

    pub(super) fn close(&mut self) {
        if !matches!(self.session, Session::Down) {
            self.session = Session::Down;
            self.partial = None;
            self.effects.push_back(Effect::Close);
        }
    }
}
