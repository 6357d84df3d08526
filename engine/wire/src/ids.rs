//! The identifiers every crate speaks in: newtypes of a fixed size that cannot be mixed up, and suites with their keys.

mod suite;

use std::fmt;

pub use suite::{HpkePublicKey, Suite};

/// Declares an opaque fixed-size identifier.
macro_rules! byte_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;
            /// All zeros: what a header holds where the field does not apply.
            pub const ZERO: Self = Self([0; $len]);

            /// Takes bytes as they are; an id proves nothing by itself.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The bytes, in the order they are sent and stored.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// `None` unless `bytes` is exactly [`Self::LEN`] long.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Whether this is [`Self::ZERO`].
            pub fn is_zero(&self) -> bool {
                self.0 == [0; $len]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            /// The first four bytes are enough to tell ids apart in a trace.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "("))?;
                self.0.iter().take(4).try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("…)")
            }
        }
    };
}

byte_id! {
    /// A workspace: SHA-256 of the body of its Genesis record.
    WorkspaceId, 32
}
byte_id! {
    /// A device: its Ed25519 public key, which is also its iroh endpoint id.
    DeviceId, 32
}
byte_id! {
    /// A person in one workspace: derived from the first device they joined with, see [`UserId::of_first_device`].
    UserId, 16
}
byte_id! {
    /// One life of a device's database: random, drawn anew after a restore or a clone.
    Incarnation, 8
}
byte_id! {
    /// An entry: SHA-256 of its workspace and its exact header bytes.
    EntryId, 32
}
byte_id! {
    /// A log: the Ed25519 public key with which the relay signs this log's heads.
    LogId, 32
}
byte_id! {
    /// A relay: its identity's Ed25519 public key, which signs what its lines prove and outlives them.
    RelayId, 32
}
byte_id! {
    /// The Ed25519 public key of a relay's own certificate, which a line with TLS has proven.
    LineKey, 32
}
byte_id! {
    /// The running hash over all entry ids of a log up to a position, and the log's time at each.
    LogHash, 32
}
byte_id! {
    /// The running hash over all applied roster records; zeros before Genesis.
    RosterHash, 32
}
byte_id! {
    /// Commits to an epoch key without telling it.
    Commitment, 32
}
byte_id! {
    /// An epoch in a header: the first 16 bytes of the id of the entry that began it; zeros in the control lane.
    EpochId, 16
}
byte_id! {
    /// A document on its owner's devices. Never on the wire in the clear.
    DocId, 16
}
byte_id! {
    /// A document as the relay sees it: a keyed hash of its [`DocId`], unlinkable across workspaces.
    WireDoc, 16
}
byte_id! {
    /// Per-entry input to the body key; zeros in the control lane.
    Salt, 16
}
byte_id! {
    /// SHA-256 of a body as it travels.
    BodyHash, 32
}
byte_id! {
    /// Commits to a set of changes of one document, without telling them.
    SnapshotDigest, 32
}
byte_id! {
    /// Commits to the state of a log at a place.
    StateDigest, 32
}
byte_id! {
    /// An Ed25519 signature, not yet verified by being held in this type.
    Signature, 64
}
byte_id! {
    /// The public key of an invite or link secret: an Ed25519 key, with which a Join is proven.
    TicketKey, 32
}

impl EpochId {
    /// The epoch that this entry began.
    pub fn begun_by(entry: EntryId) -> Self {
        Self::first_of(entry.as_bytes())
    }

    /// As epochs were named before draft 3: by the first bytes of their commitments.
    pub fn of_before(commitment: Commitment) -> Self {
        Self::first_of(commitment.as_bytes())
    }

    fn first_of(bytes: &[u8; 32]) -> Self {
        let mut id = [0; Self::LEN];
        id.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
        Self(id)
    }
}

/// The two chains of a device, one of which an entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Plain bodies that the relay can act on; exempt from content quota.
    Control,
    /// Sealed bodies.
    Content,
}

impl Lane {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::Control => 0,
            Self::Content => 1,
        }
    }

    /// The lane with this number; `None` if no lane has it.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Control),
            1 => Some(Self::Content),
            _ => None,
        }
    }
}

/// A chain: the entries one device wrote in one lane during one life of its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainKey {
    /// The author.
    pub device: DeviceId,
    /// The life of the author's database.
    pub incarnation: Incarnation,
    /// The one of the device's two chains.
    pub lane: Lane,
}

/// A place in a log, from 1; [`Position::START`] is before the first entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl Position {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// The place after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since 1970-01-01 UTC, as a relay's clock had them when it gave an entry its position: below 2^48, and never less
/// than at the position before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogTime(u64);

impl LogTime {
    /// Before every log.
    pub const START: Self = Self(0);
    /// The latest time that a log can have, in the year 10889.
    pub const LAST: Self = Self((1 << 48) - 1);

    /// `None` for 2^48 and beyond.
    pub const fn new(millis: u64) -> Option<Self> {
        if millis <= Self::LAST.0 { Some(Self(millis)) } else { None }
    }

    /// The time of a clock, or the last one that a log can have.
    pub fn at_most(clock: Millis) -> Self {
        Self(clock.0.min(Self::LAST.0))
    }

    /// The time, to be compared with a clock.
    pub const fn millis(self) -> Millis {
        Millis(self.0)
    }
}

/// A moment of a log: a place in it, and its time there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The place.
    pub position: Position,
    /// The log's time there.
    pub time: LogTime,
}

impl Moment {
    /// Before every log.
    pub const START: Self = Self { position: Position::START, time: LogTime::START };
    /// Behind every log.
    pub const END: Self = Self { position: Position(u64::MAX), time: LogTime::LAST };
}

/// Milliseconds since 1970-01-01 UTC, as the caller's clock has it. An argument everywhere, read nowhere in the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and `millis` later.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// How long after `earlier` this is, zero if it is not.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
