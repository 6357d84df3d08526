//! Whose changes count through an entry: a device's own always do, and those of others by their word only.

use std::collections::BTreeMap;

use bowline_wire::ids::{DeviceId, Position};

use crate::document::actor::Owner;

/// On whose word changes in an entry count that its author did not make.
#[derive(Clone, Copy, Debug)]
pub enum Consent<'a> {
    /// On nobody's: what others made counts through their own entries.
    Author,
    /// On everybody's. For what this device keeps of its own, under whatever keys it wrote it, and for logs from before
    /// protocol 1, where what counted goes on counting: behind all that has a place of its own.
    Everybody,
    /// On that of the devices for whose users a snapshot stands.
    Standing(&'a Standing),
}

/// From where on what a snapshot holds of somebody counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Since {
    /// Before everything that the snapshot does not hold: the entries that it covers are gone, and it says what counted of them.
    Settled,
    /// From here on, where the consent was complete.
    Position(Position),
}

/// For whose devices a snapshot stands, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    since: BTreeMap<Owner, Since>,
}

impl Standing {
    /// Notes that the snapshot stands for this device; the earliest since when remains.
    pub fn add(&mut self, device: DeviceId, since: Since) {
        self.since.entry(Owner::of(device)).and_modify(|it| *it = since.min(*it)).or_insert(since);
    }

    pub(super) fn since(&self, owner: Owner) -> Option<Since> {
        self.since.get(&owner).copied()
    }
}
