//! The roster: who is in a workspace, as a fold over its roster records.
//!
//! [`Roster::apply`] never fails: a record that breaks a rule is [`Outcome::Void`] and changes nothing, on every replay
//! and in every implementation alike. How records are applied, and by which rules, is in `fold.rs` and below it.

mod fold;
mod recipients;
pub mod record;
mod roles;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::record::Move;
pub use roles::{Deed, PERMITTED};

use crate::ids::{
    ChainKey, Commitment, DeviceId, EntryId, EpochId, HpkePublicKey, LogTime, Millis, Moment, Position,
    RosterHash, Suite, TicketKey, UserId, WorkspaceId,
};
use crate::limits::{
    INVITE_LIFETIME, LINK_LIFETIME, MAX_INVITE_LIFETIME, MAX_LINK_LIFETIME, MAX_RECIPIENTS, RECOVERY_SETTLES,
};

/// What a member may do: see [`PERMITTED`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one who made the workspace, or to whom it was handed over: invites and removes.
    Owner,
    /// Everyone else.
    Member,
}

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// What they may do.
    pub role: Role,
    /// Whether the Owner has removed them or they have left.
    pub removed: bool,
}

/// Who has been the Owner since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The Owner.
    pub user: UserId,
    /// Number of the record that made them so, counted from 0 over applied records.
    pub since: usize,
}

/// An offer of ownership that a Member has not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The Member.
    pub to: UserId,
    /// The Owner's device that made the offer. With it the offer goes.
    pub by: DeviceId,
}

/// Whether a device may write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The device may write.
    Active,
    /// The device was removed at `position`; of its chains only what the cut names still counts.
    Removed {
        /// Where the removal stands in the log.
        position: Position,
        /// The last entry that counts of each chain; chains not in here count up to what was on the log by then.
        cut: BTreeMap<ChainKey, (u64, EntryId)>,
    },
}

/// A device that is or was in the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// The user whose device this is.
    pub user: UserId,
    /// Where epoch keys for it are sealed to.
    pub hpke: HpkePublicKey,
    /// A recovery phrase: receives keys, never counts as a live device.
    pub recovery: bool,
    /// The ticket that the device came by; `None` for the first device.
    pub joined_by: Option<TicketKey>,
    /// Number of the record that the device came by, counted from 0 over applied records.
    pub joined_at: usize,
    /// The log's time where that record stands.
    pub joined: LogTime,
    /// Whether the device may write.
    pub standing: Standing,
}

impl Device {
    /// Whether the device may write.
    pub fn is_active(&self) -> bool {
        self.standing == Standing::Active
    }

    /// Whether others may remove the device at a time of the log. A recovery phrase has settled then if it has been in for long enough:
    /// it goes by its own signature or with its user.
    pub fn is_removable(&self, now: LogTime) -> bool {
        let has_settled = now.millis().since(self.joined.millis()) >= RECOVERY_SETTLES;
        self.is_active() && !(self.recovery && has_settled)
    }
}

/// Whom a ticket lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketKind {
    /// A new Member.
    Invite,
    /// One more device of this user.
    Link(UserId),
}

/// As what a ticket lets somebody in: its maker's word, in the record, and what whoever joins has signed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admits {
    /// Whom it lets in.
    pub kind: TicketKind,
    /// Whether that is a recovery phrase.
    pub recovery: bool,
}

/// Whom a ticket's code lets in, as whoever makes or is given one sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeKind {
    /// A new Member.
    Invite,
    /// Another device of the same person.
    Link,
    /// The recovery phrase of the same person.
    Recovery,
}

impl CodeKind {
    /// Milliseconds for which a code lets somebody in, unless a person says otherwise.
    pub fn usual(self) -> u64 {
        match self {
            Self::Invite => INVITE_LIFETIME,
            Self::Link | Self::Recovery => LINK_LIFETIME,
        }
    }

    /// Milliseconds for which a code lets somebody in at most.
    pub fn longest(self) -> u64 {
        match self {
            Self::Invite => MAX_INVITE_LIFETIME,
            Self::Link | Self::Recovery => MAX_LINK_LIFETIME,
        }
    }
}

impl From<Admits> for CodeKind {
    fn from(admits: Admits) -> Self {
        match admits.kind {
            TicketKind::Invite => Self::Invite,
            TicketKind::Link(_) if admits.recovery => Self::Recovery,
            TicketKind::Link(_) => Self::Link,
        }
    }
}

/// How far a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStage {
    /// Waiting for its Join.
    Open,
    /// This device came by the ticket.
    Used(DeviceId),
    /// Closed by its maker's side, or because its maker was removed.
    Closed,
}

/// An invite or link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketState {
    /// As what the ticket lets somebody in.
    pub admits: Admits,
    /// The device that made the ticket.
    pub maker: DeviceId,
    /// The key to which rekeys are wrapped while the ticket is open.
    pub hpke: HpkePublicKey,
    /// Milliseconds since 1970 after which the relay lets nobody in by it.
    pub expires: u64,
    /// How far the ticket is.
    pub stage: TicketStage,
    /// Number of the record that made the ticket, counted from 0 over applied records.
    pub made_at: usize,
    /// The log's time where that record stands.
    pub made: LogTime,
    /// Where the record stands by which it was used or closed; `None` while it is open.
    pub ended: Option<Position>,
}

impl TicketState {
    fn end(&mut self, stage: TicketStage, position: Position) {
        (self.stage, self.ended) = (stage, Some(position));
    }
}

impl TicketState {
    /// Whether nobody is let in by the ticket any more at this time of the log.
    pub fn is_over(&self, at: LogTime) -> bool {
        at.millis() > self.over_after()
    }

    /// When nobody is let in by the ticket any more, in the log's time. What its maker wrote counts up to the longest that there is for its
    /// kind.
    pub fn over_after(&self) -> Millis {
        Millis(self.expires).min(self.made.millis().plus(CodeKind::from(self.admits).longest()))
    }
}

/// The roster after one applied record, as far as later entries refer to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// The roster hash after the record.
    pub hash: RosterHash,
    /// Where and when the record stands in the log.
    pub at: Moment,
    /// The epoch in force.
    pub epoch: EpochId,
    /// Whether content sealing was suspended until a Rekey.
    pub rekey_due: bool,
}

/// An epoch: a time in which content is sealed under one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// From the entry that began the epoch, so that no two have one.
    pub id: EpochId,
    /// What the epoch's key has to be. Whoever began the epoch may have copied it from another one.
    pub commitment: Commitment,
}

/// What a record did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The record took effect.
    Applied {
        /// Why the record did not begin the epoch that it asked for, so that content waits for another Rekey.
        rekey_void: Option<Void>,
    },
    /// The record changed nothing, for this reason.
    Void(Void),
    /// A record type this version does not know. Sealing has to stop until an update.
    Unknown(u64),
}

/// Why a record, or the rekey in a removal, changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Void {
    /// Genesis is the first record, and the only Genesis.
    #[error("there is exactly one Genesis, and it comes first")]
    Genesis,
    /// The author is not an active device at this position.
    #[error("its author is not active")]
    AuthorNotActive,
    /// The record is one that only the Owner may write.
    #[error("only the Owner may do this")]
    NotOwner,
    /// The record concerns a device of another user, and its author is not the Owner.
    #[error("it concerns another user's device")]
    NotOwnUser,
    /// The roster has moved since it was written.
    #[error("another roster record came first")]
    NotOnHead,
    /// No such ticket, or one of the other kind.
    #[error("there is no such invite or link")]
    NoTicket,
    /// The ticket was used or closed.
    #[error("the invite or link is no longer open")]
    TicketNotOpen,
    /// The ticket's signature in a Join does not verify.
    #[error("the proof is not by the invite or link secret")]
    BadProof,
    /// A ticket, device or HPKE key that was used before in this workspace.
    #[error("a key in it was used before")]
    KeyReused,
    /// An HPKE key of a weaker suite than the workspace takes.
    #[error("a key in it is of a weaker suite than this workspace takes")]
    WeakSuite,
    /// Another number of wraps than there are recipients.
    #[error("it is not sealed to exactly those who stay")]
    WrongRecipients,
    /// Since the roster that a rekey builds on, somebody went, came in, or began an epoch.
    #[error("what has happened since its author wrote it was faster")]
    Outrun,
    /// No rekey is due, and its author may not begin an epoch without that.
    #[error("no rekey is due, and its author has no other reason that counts")]
    NotDue,
    /// The epoch complained of, or whose keys are handed on, is not the newest.
    #[error("it is about an epoch that is not in force")]
    NotNewest,
    /// The newest epoch was complained of before.
    #[error("somebody has complained of this epoch before")]
    Complained,
    /// A device hands keys of an epoch on once.
    #[error("its author has handed on keys of this epoch before")]
    HandedOn,
    /// No offer of ownership is open, or none to the author's user.
    #[error("ownership is not on offer to its author")]
    NotOffered,
    /// No such device or user, or already removed.
    #[error("its target is not active")]
    TargetNotActive,
    /// Nobody removes the device they write with.
    #[error("a device does not remove itself")]
    SelfRemoval,
    /// The Owner cannot leave, nor lose the last live device.
    #[error("the Owner keeps at least one live device")]
    LastOwnerDevice,
    /// Recovery devices leave only by their own signature, come only by link, and do not rekey.
    #[error("a recovery device cannot be part of this")]
    Recovery,
    /// The cut names chains of a device that the record does not concern.
    #[error("its cut names another device")]
    ForeignCut,
    /// The workspace is full: see the limits.
    #[error("the workspace is at its limit of members or epochs")]
    Full,
    /// A record of an unknown type came before, so nothing after it can be judged.
    #[error("an unknown record came before it")]
    AfterUnknown,
}

/// What allows whom to begin an epoch when none is due, and to hand its key on.
#[derive(Clone, Debug, Default)]
struct Permits {
    /// Who began the newest epoch.
    begun_by: Option<DeviceId>,
    /// Whether somebody has complained of it.
    complained: bool,
    /// Users with a ticket that was closed during it: somebody may have seen the code, who then has its key.
    closed_tickets: BTreeSet<UserId>,
    /// Devices that were in when it began, and that the record which began it does not reach.
    behind: BTreeSet<DeviceId>,
    /// Devices that have wrapped its key to others.
    rewrapped: BTreeSet<DeviceId>,
    /// Devices that have handed on keys that its history lacks.
    filled: BTreeSet<DeviceId>,
    /// How many epochs others than the Owner have begun.
    by_others: usize,
    /// How many epochs each user has begun because of a complaint.
    answers: BTreeMap<UserId, usize>,
}

/// Who is in a workspace, and which epoch is in force.
#[derive(Clone, Debug)]
pub struct Roster {
    workspace: WorkspaceId,
    points: Vec<Point>,
    index: HashMap<RosterHash, usize>,
    users: BTreeMap<UserId, User>,
    devices: BTreeMap<DeviceId, Device>,
    tickets: BTreeMap<TicketKey, TicketState>,
    epochs: Vec<Epoch>,
    permits: Permits,
    /// Whose it has been, oldest first.
    ownerships: Vec<Ownership>,
    offer: Option<Offer>,
    /// Where the log has gone on, oldest first.
    moves: Vec<Move>,
    keys_seen: BTreeSet<HpkePublicKey>,
    /// Genesis states it.
    suite: Suite,
    /// Whether its Joins were signed as in drafts before 3.
    is_of_before: bool,
    rekey_due: bool,
    unknown: Option<u64>,
}

impl Roster {
    /// The roster of a workspace before its Genesis: nobody is in it.
    pub fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            points: Vec::new(),
            index: HashMap::new(),
            users: BTreeMap::new(),
            devices: BTreeMap::new(),
            tickets: BTreeMap::new(),
            epochs: Vec::new(),
            permits: Permits::default(),
            ownerships: Vec::new(),
            offer: None,
            moves: Vec::new(),
            keys_seen: BTreeSet::new(),
            suite: Suite::X25519,
            is_of_before: false,
            rekey_due: false,
            unknown: None,
        }
    }

    /// The roster of a workspace of an earlier draft before its Genesis.
    pub(crate) fn of_before(workspace: WorkspaceId) -> Self {
        Self { is_of_before: true, ..Self::new(workspace) }
    }

    /// The hash after the last applied record; zeros before Genesis.
    pub fn hash(&self) -> RosterHash {
        self.points.last().map_or(RosterHash::ZERO, |point| point.hash)
    }

    /// Number and state of the applied record after which the roster had this hash.
    pub fn point(&self, hash: &RosterHash) -> Option<(usize, &Point)> {
        let index = *self.index.get(hash)?;
        Some((index, self.points.get(index)?))
    }

    /// How many records had been applied up to and including `position`.
    pub fn applied_by(&self, position: Position) -> usize {
        self.points.partition_point(|point| point.at.position <= position)
    }

    /// All points, oldest first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The epoch in force; `None` before Genesis.
    pub fn epoch(&self) -> Option<EpochId> {
        self.epochs.last().map(|epoch| epoch.id)
    }

    /// All epochs, oldest first.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// Whether somebody has complained of the newest epoch.
    pub fn has_complaint(&self) -> bool {
        self.permits.complained
    }

    /// Where and when the epoch in force began; `None` before Genesis.
    pub fn began(&self) -> Option<Moment> {
        let epoch = self.epoch()?;
        self.points.iter().rev().take_while(|point| point.epoch == epoch).last().map(|point| point.at)
    }

    /// Devices that were in when the epoch in force began, and that the record which began it does not reach. Whoever has its key wraps
    /// it to them.
    pub fn behind(&self) -> &BTreeSet<DeviceId> {
        &self.permits.behind
    }

    /// Devices that have wrapped the key of the epoch in force to others.
    pub fn rewrapped(&self) -> &BTreeSet<DeviceId> {
        &self.permits.rewrapped
    }

    /// Devices that have handed on keys that the history of the epoch in force lacks.
    pub fn filled(&self) -> &BTreeSet<DeviceId> {
        &self.permits.filled
    }

    /// The weakest suite whose keys may come in, which this version's devices and codes have keys of.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Whether a ticket of this user's was closed during the epoch in force, which nobody has come in by: somebody may have seen the code.
    pub fn has_closed_ticket(&self, user: &UserId) -> bool {
        self.permits.closed_tickets.contains(user)
    }

    /// Whether nobody may seal content until a Rekey.
    pub fn is_rekey_due(&self) -> bool {
        self.rekey_due
    }

    /// The number of the first record of an unknown type, if there was one: sealing has to stop.
    pub fn unknown_record(&self) -> Option<u64> {
        self.unknown
    }

    /// A device that is or was in the workspace.
    pub fn device(&self, device: &DeviceId) -> Option<&Device> {
        self.devices.get(device)
    }

    /// All devices that are or were in the workspace.
    pub fn devices(&self) -> impl Iterator<Item = (&DeviceId, &Device)> {
        self.devices.iter()
    }

    /// Whether `device` may write now.
    pub fn is_active(&self, device: &DeviceId) -> bool {
        self.devices.get(device).is_some_and(Device::is_active)
    }

    /// A user that is or was in the workspace.
    pub fn user(&self, user: &UserId) -> Option<&User> {
        self.users.get(user)
    }

    /// All users that are or were in the workspace.
    pub fn users(&self) -> impl Iterator<Item = (&UserId, &User)> {
        self.users.iter()
    }

    /// Who has been the Owner since when, oldest first.
    pub fn ownerships(&self) -> &[Ownership] {
        &self.ownerships
    }

    /// The offer of ownership that is open.
    pub fn offer(&self) -> Option<Offer> {
        self.offer
    }

    /// Every move to another relay, oldest first: the last one says where the workspace is, or goes.
    pub fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// An invite or link that is or was.
    pub fn ticket(&self, key: &TicketKey) -> Option<&TicketState> {
        self.tickets.get(key)
    }

    /// All invites and links that are or were.
    pub fn tickets(&self) -> impl Iterator<Item = (&TicketKey, &TicketState)> {
        self.tickets.iter()
    }

    fn has_room(&self) -> bool {
        self.recipients().len() < MAX_RECIPIENTS
    }

    /// The recovery device of `user`, if one is active: there is one at most.
    pub fn recovery_of(&self, user: UserId) -> Option<DeviceId> {
        let is_it = |device: &Device| device.user == user && device.is_active() && device.recovery;
        self.devices.iter().find(|(_, device)| is_it(device)).map(|(id, _)| *id)
    }

    /// Live devices of `user`: active, and not a recovery phrase.
    fn live_devices(&self, user: UserId) -> impl Iterator<Item = DeviceId> {
        self.devices
            .iter()
            .filter(move |(_, device)| device.user == user && device.is_active() && !device.recovery)
            .map(|(id, _)| *id)
    }
}
