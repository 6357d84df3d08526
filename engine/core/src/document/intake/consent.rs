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

/// For whose devices a snapshot stands, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    covered_is_gone: bool,
    since: BTreeMap<Owner, Position>,
}

impl Standing {
    /// That of a snapshot whose covered entries are there as well: what they do not hold counts from where its consent is complete.
    pub fn beside_what_it_covers() -> Self {
        Self { covered_is_gone: false, since: BTreeMap::new() }
    }

    /// That of a snapshot whose covered entries are gone, by a checkpoint that stands: what it holds is all that counted of them,
    /// and goes before whatever else is at or below the position that it covers.
    pub fn alone() -> Self {
        Self { covered_is_gone: true, since: BTreeMap::new() }
    }

    /// Notes that the snapshot stands for this device; the earliest since when remains.
    pub fn add(&mut self, device: DeviceId, since: Position) {
        self.since.entry(Owner::of(device)).and_modify(|it| *it = since.min(*it)).or_insert(since);
    }

    pub(super) fn since(&self, owner: Owner) -> Option<Position> {
        self.since.get(&owner).copied()
    }

    pub(super) fn is_alone(&self) -> bool {
        self.covered_is_gone
    }
}
