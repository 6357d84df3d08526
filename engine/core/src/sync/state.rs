//! What a replica keeps while it works: how far the membership, the connection and each entry of ours are.

use bowline_crypto::{Keyring, TicketSecret};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Party, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{
    DeviceId, EntryId, Incarnation, LogHash, LogId, Millis, Position, RosterHash, WorkspaceId,
};
use bowline_wire::log::Log;

use super::effect::JoinFailed;
use super::limits::{PING_AFTER, PING_TIMEOUT};

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
    pub pins: Option<Pins>,
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

/// What a code says about the log, so that a relay cannot show a newcomer another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The log.
    pub log: LogId,
    /// A position in it.
    pub position: Position,
    /// The log hash there.
    pub hash: LogHash,
    /// The roster hash when the code was made.
    pub roster: RosterHash,
}

/// A device on its way in.
#[derive(Debug)]
pub struct Joining {
    pub(super) offered: Option<EntryId>,
    as_device: bool,
    refused_as_ticket: Option<JoinFailed>,
    pub(super) refused_as_device: bool,
    pub(super) records: Vec<(Position, SignedEntry)>,
    pub(super) bytes: usize,
}

impl Joining {
    /// `offered` is the Join that was stored earlier, if there is one.
    pub fn new(offered: Option<EntryId>) -> Self {
        Self {
            offered,
            // After a crash the Join may be on the log already; then only the device's own session is let in.
            as_device: offered.is_some(),
            refused_as_ticket: None,
            refused_as_device: false,
            records: Vec::new(),
            bytes: 0,
        }
    }

    /// The relay had acknowledged the Join and does not know it any more: it is brought once more, by the ticket.
    pub(super) fn again(offered: EntryId) -> Self {
        Self { as_device: false, ..Self::new(Some(offered)) }
    }

    pub(super) fn offered(&self) -> Option<EntryId> {
        self.offered
    }

    pub(super) fn goes_as_device(&self) -> bool {
        self.as_device
    }

    /// The relay did not let `party` in. If there is nothing left to try: why joining has failed.
    pub(super) fn turned_away(&mut self, party: &Party, reason: Reason) -> Option<JoinFailed> {
        match party {
            Party::Ticket(_) => {
                self.refused_as_ticket = Some(match reason {
                    Reason::TicketUsed => JoinFailed::TicketUsed,
                    Reason::TicketClosed => JoinFailed::TicketClosed,
                    Reason::TicketExpired => JoinFailed::TicketExpired,
                    _ => JoinFailed::NotAdmitted,
                });
                self.as_device = self.offered.is_some();
            }
            Party::Device(_) => {
                self.refused_as_device = true;
                self.as_device = false;
            }
        }
        self.refused_as_ticket.filter(|_| self.refused_as_device || self.offered.is_none())
    }
}

/// How far a connection is.
#[derive(Debug)]
pub(super) enum Session {
    /// There is none.
    Down,
    /// Hello was sent. `relay` is the identity that the line itself has proven, if it has proven one.
    Greeting { since: Millis, party: Party, relay: Option<[u8; 32]> },
    /// Proof was sent.
    Proving { since: Millis, party: Party },
    /// The relay let us in.
    Up(Up),
}

/// An open connection.
#[derive(Debug)]
pub(super) struct Up {
    /// As whom.
    pub(super) party: Party,
    /// The relay's head when it let us in: nothing is sealed before everything up to here is known.
    pub(super) target: Position,
    /// When the relay last said anything.
    pub(super) heard: Millis,
    /// When a ping went out that is not answered yet.
    pub(super) pinged: Option<Millis>,
    /// When we last asked for entries.
    pub(super) subscribed: Millis,
    /// When entries last came.
    pub(super) entries_at: Millis,
    /// The position from which entries were last found missing.
    pub(super) gap: Option<Position>,
    /// Refusals for good on this connection.
    pub(super) refusals: u32,
}

/// A connection as people are told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// There is none.
    Down,
    /// The handshake is going on.
    Connecting,
    /// Entries up to the relay's head are on their way.
    CatchingUp {
        /// What is here.
        at: Position,
        /// The head.
        of: Position,
    },
    /// Everything the relay had is here, and more comes as it happens.
    Live,
}

impl Up {
    /// When the line counts as dead, once it was asked: nothing came for as long as any frame before the ping may take.
    pub(super) fn dead_at(&self) -> Option<Millis> {
        let silent = self.heard.plus(PING_AFTER).plus(PING_TIMEOUT);
        self.pinged.map(|at| at.plus(PING_TIMEOUT).max(silent))
    }

    /// When entries were last asked for or came.
    pub(super) fn asked_at(&self) -> Millis {
        self.subscribed.max(self.entries_at)
    }
}

/// Entries that cannot be judged yet because a removed author's run goes on in the next frame. Not stored: after a
/// disconnect they are asked for again.
#[derive(Debug)]
pub(super) struct Partial {
    pub(super) first: Position,
    pub(super) entries: Vec<SignedEntry>,
}
