//! The roster: who is in a workspace, as a fold over its roster records.
//!
//! [`Roster::apply`] never fails: a record that breaks a rule is [`Outcome::Void`] and changes nothing, on every replay
//! and in every implementation alike. How records are applied, and by which rules, is in `fold.rs` and below it.

mod bytes;
mod fold;
mod given_up;
mod outcome;
mod recipients;
pub mod record;
mod roles;
#[cfg(test)]
mod tests;
mod ticket;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::record::Move;
pub use bytes::RecordBytes;
pub use given_up::GivenUp;
pub use outcome::{Outcome, Void};
pub use roles::{Deed, PERMITTED};
pub use ticket::{Admits, CodeKind, TicketKind, TicketStage, TicketState};

use crate::ids::{
    ChainKey, Commitment, DeviceId, EntryId, EpochId, HpkePublicKey, LogTime, Moment, Position, RosterHash,
    Suite, TicketKey, UserId, WorkspaceId,
};
use crate::limits::{MAX_RECIPIENTS, RECOVERY_SETTLES};

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
    /// What users have written as Members, as far as they have.
    record_bytes: BTreeMap<UserId, RecordBytes>,
    given_up: GivenUp,
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
            record_bytes: BTreeMap::new(),
            given_up: GivenUp::default(),
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

    /// The log's time at the last applied record.
    fn time(&self) -> LogTime {
        self.points.last().map_or(LogTime::START, |point| point.at.time)
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

    /// What a user has written of records as a Member, and may. Nothing of it binds the Owner.
    pub fn record_bytes(&self, user: &UserId) -> RecordBytes {
        self.record_bytes.get(user).copied().unwrap_or_default()
    }

    /// Content that counts nowhere any more.
    pub fn given_up(&self) -> &GivenUp {
        &self.given_up
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
