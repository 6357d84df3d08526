//! What a replica begins with: how far this device's membership is, and everything else that was stored.

use std::collections::BTreeSet;

use bowline_crypto::{Keyring, TicketSecret};
use bowline_wire::entry::Entry;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{
    DeviceId, EntryId, Incarnation, LogHash, LogId, Position, RelayId, RosterHash, WorkspaceId,
};
use bowline_wire::log::Log;
use bowline_wire::roster::CodeKind;
use bowline_wire::successor::Succession;

use super::effect::JoinFailed;
use super::joining::Joining;

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
    /// The code did not let the device in.
    Failed(JoinFailed),
    /// The log says that this device was removed or left.
    Removed,
}

/// What a caller stored, to go on from.
#[derive(Debug)]
pub struct Stored {
    /// The workspace's id.
    pub workspace: WorkspaceId,
    /// This device's id.
    pub device: DeviceId,
    /// The present life of the device's database.
    pub incarnation: Incarnation,
    /// How far this device's membership is.
    pub phase: Phase,
    /// The log up to the cursor; `None` before the first entry was ingested.
    pub log: Option<Log>,
    /// The signed head at the cursor.
    pub head: Option<SeenHead>,
    /// The keys; `None` before a Join was offered, and before [`super::Replica::take_keys`] if another copy of this database
    /// has joined.
    pub keyring: Option<Keyring>,
    /// The roster's entries from the one on that began the epoch in force.
    pub since_epoch: Vec<Entry>,
    /// The secret of the invite or link through which this device comes in, until its Join is on the log here.
    pub ticket: Option<TicketSecret>,
    /// What a code said about the log, until the log has passed it.
    pub pins: Option<Pins>,
    /// Whom that code said it lets in; `None` if a version stored it that did not compare this with the record.
    pub lets_in: Option<CodeKind>,
    /// The relay's identity, once the log's key has vouched for it.
    pub relay: Option<RelayId>,
    /// Our entries that are not answered yet, in the order they have to be appended.
    pub offered: Vec<Entry>,
    /// By which the log came to be signed by its key; empty unless it was continued.
    pub succession: Succession,
    /// The head beyond this one up to which a person has decided to go on with the log.
    pub decided: Option<SeenHead>,
    /// What the log had before it was continued, and does not have yet.
    pub to_send_again: BTreeSet<EntryId>,
    /// Where the first entry stands whose body is withheld.
    pub withheld_from: Option<Position>,
    /// Whether lasting evidence against the relay is on record.
    pub distrusted: bool,
}

/// What a code says about the log, so that a relay cannot show a newcomer another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    /// The log.
    pub log: LogId,
    /// A position in that log.
    pub position: Position,
    /// The log hash at that position.
    pub hash: LogHash,
    /// The roster hash when the code was made.
    pub roster: RosterHash,
}
