//! Automerge actors: which device an actor belongs to is visible in its id, so nobody can write under another's.

use std::fmt;

use bowline_wire::hash::sha256;
use bowline_wire::ids::DeviceId;
use serde::{Deserialize, Serialize};

/// Who a change is by, as Automerge sees it: `SHA-256(device id)[..16] ‖ 8 bytes` drawn at random when a process
/// starts and never stored, so that no two processes, and no restored or cloned device, write under one id.
///
/// The one exception is the actor of the built-in first changes, which no device owns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActorId([u8; ActorId::LEN]);

impl ActorId {
    /// Length in bytes.
    pub const LEN: usize = 24;
    /// Length of the part that names the device.
    const OWNER: usize = 16;

    /// The actor under which `device` writes in the process that drew `process`.
    pub fn for_device(device: DeviceId, process: [u8; 8]) -> Self {
        Self::join(&sha256(&[device.as_bytes()]), process)
    }

    /// Whether `device` is the one that may write under this actor.
    pub fn belongs_to(&self, device: DeviceId) -> bool {
        self.owner() == Owner::of(device)
    }

    /// Whether a device may write under this actor at all; nobody does under that of the first changes.
    pub fn is_of_a_device(&self) -> bool {
        self.as_built_in().is_none()
    }

    /// Whether both belong to one device.
    pub(super) fn is_same_device(&self, other: Self) -> bool {
        self.owner() == other.owner()
    }

    /// What the actor has of the device that may write under it.
    pub(super) fn owner(&self) -> Owner {
        Owner::of_bytes(&self.0)
    }

    /// The bytes, as they stand in a change.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// `None` unless `bytes` is exactly [`Self::LEN`] long.
    pub(super) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The actor of the first change that every document of this kind and schema step shares. No device owns it: its
    /// owner part hashes a sentence, not a key.
    pub(super) fn built_in(kind: u32, schema: u32) -> Self {
        let mut tail = [0; 8];
        for (to, from) in tail.iter_mut().zip(kind.to_be_bytes().into_iter().chain(schema.to_be_bytes())) {
            *to = from;
        }
        Self::join(&sha256(&[b"bowline/first-change/1"]), tail)
    }

    /// The kind and schema step, if this is an actor of [`Self::built_in`]'s form.
    pub(super) fn as_built_in(&self) -> Option<(u32, u32)> {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum: u32, byte| (sum << 8) | u32::from(*byte));
        let (kind, schema) = self.0.get(Self::OWNER..)?.split_at_checked(4)?;
        let (kind, schema) = (number(kind), number(schema));
        (Self::built_in(kind, schema) == *self).then_some((kind, schema))
    }

    pub(super) fn to_automerge(self) -> automerge::ActorId {
        automerge::ActorId::from(self.0)
    }

    fn join(owner: &[u8; 32], tail: [u8; 8]) -> Self {
        let mut id = [0; Self::LEN];
        for (to, from) in id.iter_mut().zip(owner.iter().take(Self::OWNER).copied().chain(tail)) {
            *to = from;
        }
        Self(id)
    }
}

/// The part of an actor that says whose it is: which device may write under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Owner([u8; ActorId::OWNER]);

impl Owner {
    /// The one in the actors of this device.
    pub(super) fn of(device: DeviceId) -> Self {
        Self::of_bytes(&sha256(&[device.as_bytes()]))
    }

    fn of_bytes<'b>(bytes: impl IntoIterator<Item = &'b u8>) -> Self {
        let mut owner = [0; ActorId::OWNER];
        owner.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(owner)
    }
}

impl fmt::Debug for ActorId {
    /// Four bytes of the owner and four of the process tell actors apart in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActorId(")?;
        self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…")?;
        self.0.iter().skip(Self::LEN - 4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: DeviceId = DeviceId::from_bytes([1; 32]);
    const BEN: DeviceId = DeviceId::from_bytes([2; 32]);

    #[test]
    fn an_actor_belongs_to_the_device_it_was_made_for_and_to_no_other() {
        let actor = ActorId::for_device(ANA, [7; 8]);
        assert!(actor.belongs_to(ANA));
        assert!(!actor.belongs_to(BEN));
    }

    #[test]
    fn each_process_of_a_device_writes_under_its_own_actor() {
        assert_ne!(ActorId::for_device(ANA, [7; 8]), ActorId::for_device(ANA, [8; 8]));
    }

    #[test]
    fn the_owner_part_is_the_first_half_of_the_hash_of_the_device_id() {
        let actor = ActorId::for_device(ANA, [7; 8]);
        assert_eq!(actor.as_bytes()[..16], sha256(&[ANA.as_bytes()])[..16]);
        assert_eq!(actor.as_bytes()[16..], [7; 8]);
    }

    #[test]
    fn a_built_in_actor_says_which_kind_and_schema_it_is_for() {
        assert_eq!(ActorId::built_in(1, 2).as_built_in(), Some((1, 2)));
        assert_eq!(ActorId::for_device(ANA, [0; 8]).as_built_in(), None);
    }
}
