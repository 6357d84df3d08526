//! Who was in a workspace when.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::ids::{DeviceId, Position, UserId};
use bowline_wire::roster::{Roster, Standing};

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

/// All devices that are or were in a workspace. What is asked of every document is looked up, and not searched for.
#[derive(Clone, Debug, Default)]
pub struct People {
    devices: BTreeMap<DeviceId, Member>,
    /// Whose the workspace has been from which position on, oldest first.
    owners: Vec<(Position, UserId)>,
    by_user: BTreeMap<UserId, Vec<DeviceId>>,
    /// Each device under the least of the actors that it may write under.
    by_actor: BTreeMap<ActorId, DeviceId>,
    /// How many users have a device in from which position on, ascending.
    counts: Vec<(Position, usize)>,
}

impl People {
    /// These devices, with whose the workspace has been from which position on, oldest first.
    pub fn new(
        owners: Vec<(Position, UserId)>,
        devices: impl IntoIterator<Item = (DeviceId, Member)>,
    ) -> Self {
        let devices: BTreeMap<DeviceId, Member> = devices.into_iter().collect();
        let mut by_user: BTreeMap<UserId, Vec<DeviceId>> = BTreeMap::new();
        for (id, member) in &devices {
            by_user.entry(member.user).or_default().push(*id);
        }
        let mut by_actor = BTreeMap::new();
        for id in devices.keys() {
            by_actor.entry(ActorId::for_device(*id, [0; 8])).or_insert(*id);
        }
        let counts = counts(&devices);
        Self { devices, owners, by_user, by_actor, counts }
    }

    /// Those of a roster.
    pub fn of(roster: &Roster) -> Self {
        let place = |number: usize| roster.points().get(number).map_or(Position::START, |it| it.at.position);
        let member = |device: &bowline_wire::roster::Device| {
            let joined = place(device.joined_at);
            let left = match &device.standing {
                Standing::Active => None,
                Standing::Removed { position, .. } => Some(*position),
            };
            Member { user: device.user, recovery: device.recovery, joined, left }
        };
        let owners = roster.ownerships().iter().map(|it| (place(it.since), it.user)).collect();
        Self::new(owners, roster.devices().map(|(id, device)| (*id, member(device))))
    }

    /// Whose device this is.
    pub fn user(&self, device: DeviceId) -> Option<UserId> {
        self.devices.get(&device).map(|member| member.user)
    }

    /// Whose device writes under an actor.
    pub fn user_of(&self, actor: ActorId) -> Option<UserId> {
        let (_, device) = self.by_actor.range(..=actor).next_back()?;
        self.user(*device).filter(|_| actor.belongs_to(*device))
    }

    /// The devices that a user has or had.
    pub fn devices_of(&self, user: UserId) -> impl Iterator<Item = DeviceId> {
        self.by_user.get(&user).into_iter().flatten().copied()
    }

    fn members_of(&self, user: UserId) -> impl Iterator<Item = (DeviceId, &Member)> {
        self.devices_of(user).filter_map(|id| Some((id, self.devices.get(&id)?)))
    }

    /// Everybody whose the workspace is or was.
    pub(super) fn owners(&self) -> BTreeSet<UserId> {
        self.owners.iter().map(|(_, user)| *user).collect()
    }

    pub(super) fn is_owner(&self, user: UserId, at: Position) -> bool {
        let last = self.owners.iter().rev().find(|(since, _)| *since <= at);
        last.is_some_and(|(_, owner)| *owner == user)
    }

    /// Whether a device is in at a position.
    pub fn is_in(&self, device: DeviceId, at: Position) -> bool {
        self.devices.get(&device).is_some_and(|member| member.is_in(at))
    }

    /// How many users have a device in at a position.
    pub(super) fn users_at(&self, at: Position) -> usize {
        let next = self.counts.partition_point(|(from, _)| *from <= at);
        let last = next.checked_sub(1).and_then(|last| self.counts.get(last));
        last.map_or(0, |(_, count)| *count)
    }

    /// Whether anybody but these two has a device in at a position.
    pub(super) fn has_others(&self, (one, other): (UserId, UserId), at: Position) -> bool {
        let is_in = |user: UserId| self.members_of(user).any(|(_, member)| member.is_in(at));
        let of_these = usize::from(is_in(one)) + usize::from(one != other && is_in(other));
        self.users_at(at) > of_these
    }

    /// Whether this is the one live device that its user has at a position.
    pub(super) fn is_only_device(&self, device: DeviceId, at: Position) -> bool {
        let Some(user) = self.user(device) else { return false };
        let live = |(_, member): &(DeviceId, &Member)| !member.recovery && member.is_in(at);
        self.members_of(user).filter(live).all(|(id, _)| id == device)
    }

    /// From where on a user has no device here any more, if it is so by now.
    pub(super) fn gone(&self, user: UserId) -> Option<Position> {
        let left = self.members_of(user).map(|(_, member)| member.left);
        left.max_by_key(|left| left.map_or(u64::MAX, |left| left.0)).flatten()
    }
}

/// How many users have a device in from which position on, ascending.
fn counts(devices: &BTreeMap<DeviceId, Member>) -> Vec<(Position, usize)> {
    let mut moves: BTreeMap<Position, Vec<(UserId, bool)>> = BTreeMap::new();
    for member in devices.values().filter(|it| it.left.is_none_or(|left| it.joined < left)) {
        moves.entry(member.joined).or_default().push((member.user, true));
        if let Some(left) = member.left {
            moves.entry(left).or_default().push((member.user, false));
        }
    }
    let mut devices_in: BTreeMap<UserId, usize> = BTreeMap::new();
    let mut counts = Vec::with_capacity(moves.len());
    for (at, moves) in moves {
        for (user, comes) in moves {
            let of_user = devices_in.entry(user).or_default();
            *of_user = if comes { *of_user + 1 } else { of_user.saturating_sub(1) };
            if *of_user == 0 {
                devices_in.remove(&user);
            }
        }
        counts.push((at, devices_in.len()));
    }
    counts
}
