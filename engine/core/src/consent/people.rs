//! Who was in a workspace when.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::ids::{DeviceId, Position, UserId};
use bowline_wire::roster::{Role, Roster, Standing};

use crate::document::ActorId;

/// A device, whose it is and when it was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose device it is.
    pub user: UserId,
    /// Whether the device is a recovery phrase, which is not live.
    pub recovery: bool,
    /// Where the record stands by which it came.
    pub joined: Position,
    /// Where the record stands by which it went, if it did.
    pub left: Option<Position>,
}

impl Member {
    fn is_in(&self, at: Position) -> bool {
        self.joined <= at && self.left.is_none_or(|left| at < left)
    }
}

/// All devices that are or were in a workspace.
#[derive(Clone, Debug, Default)]
pub struct People {
    devices: BTreeMap<DeviceId, Member>,
    owner: Option<UserId>,
}

impl People {
    /// These devices, with the Owner's user.
    pub fn new(owner: UserId, devices: impl IntoIterator<Item = (DeviceId, Member)>) -> Self {
        Self { devices: devices.into_iter().collect(), owner: Some(owner) }
    }

    /// Those of a roster.
    pub fn of(roster: &Roster) -> Self {
        let member = |device: &bowline_wire::roster::Device| {
            let joined =
                roster.points().get(device.joined_at).map_or(Position::START, |point| point.at.position);
            let left = match &device.standing {
                Standing::Active => None,
                Standing::Removed { position, .. } => Some(*position),
            };
            Member { user: device.user, recovery: device.recovery, joined, left }
        };
        let devices = roster.devices().map(|(id, device)| (*id, member(device))).collect();
        let owner = roster.users().find(|(_, user)| user.role == Role::Owner).map(|(id, _)| *id);
        Self { devices, owner }
    }

    /// Whose device this is.
    pub fn user(&self, device: DeviceId) -> Option<UserId> {
        self.devices.get(&device).map(|member| member.user)
    }

    /// Whose device writes under an actor.
    pub(super) fn user_of(&self, actor: ActorId) -> Option<UserId> {
        self.devices.iter().find(|(device, _)| actor.belongs_to(**device)).map(|(_, member)| member.user)
    }

    /// The devices that a user has or had.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = DeviceId> {
        self.devices.iter().filter(move |(_, member)| member.user == user).map(|(id, _)| *id)
    }

    /// Everybody who has or had a device here.
    pub fn users(&self) -> BTreeSet<UserId> {
        self.devices.values().map(|member| member.user).collect()
    }

    pub(super) fn owner(&self) -> Option<UserId> {
        self.owner
    }

    pub(super) fn is_in(&self, device: DeviceId, at: Position) -> bool {
        self.devices.get(&device).is_some_and(|member| member.is_in(at))
    }

    /// The users who have a device in at a position.
    pub(super) fn users_at(&self, at: Position) -> BTreeSet<UserId> {
        self.devices.values().filter(|member| member.is_in(at)).map(|member| member.user).collect()
    }

    /// Whether this is the one live device that its user has at a position.
    pub(super) fn is_only_device(&self, device: DeviceId, at: Position) -> bool {
        let Some(user) = self.user(device) else { return false };
        let live =
            |(_, member): &(&DeviceId, &Member)| member.user == user && !member.recovery && member.is_in(at);
        self.devices.iter().filter(live).all(|(id, _)| *id == device)
    }

    /// From where on a user has no device here any more, if it is so by now.
    pub(super) fn gone(&self, user: UserId) -> Option<Position> {
        let devices = self.devices.values().filter(|member| member.user == user);
        devices.map(|member| member.left).max_by_key(|left| left.map_or(u64::MAX, |left| left.0)).flatten()
    }
}
