//! The entry header: every field the relay sees of an entry, all of them under the author's signature.

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode_by};
use crate::head::Seen;
use crate::ids::{
    BodyHash, ChainKey, DeviceId, EntryId, EpochId, Incarnation, Lane, Position, RosterHash, Salt,
    SnapshotDigest, WireDoc, WorkspaceId,
};
use crate::limits::{MAX_BODY, MAX_HEADER, MAX_PARTS};
use crate::signed::Signable;
use crate::weight::Weight;

/// The header format this code writes, and the only one that counts. Logs in which version 1 stands are older than protocol 1;
/// see [`crate::before`].
pub const HEADER_VERSION: u64 = 2;

/// What an entry is. Numbers below 16 belong to the content lane, 16 to 31 to the control lane; others may be in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryType {
    /// Automerge changes by the author's own device.
    Changes,
    /// A whole document, as its author had it.
    Snapshot,
    /// Others' entries verbatim, because the log has lost them; see [`crate::adopted`]. Reserved.
    Adopted,
    /// "My user has read this document up to here." Reserved.
    Receipt,
    /// A secret, sealed to some of the members alone. Reserved.
    Secret,
    /// A roster record.
    Roster,
    /// Erases a document everywhere. Reserved.
    Erase,
    /// Says of snapshots that they hold what they cover, or do not; see [`crate::confirm`]. Reserved.
    Confirm,
    /// The state of the log at a position. Reserved.
    Checkpoint,
    /// "I am here and have seen this much." Reserved.
    Witness,
    /// "I have erased what these erases cover." Reserved.
    Erased,
    /// A type this version has no name for: stored and carried, not understood.
    Unknown(u16),
}

impl EntryType {
    /// All types with a name, for tables and tests.
    pub const NAMED: [(&'static str, Self); 11] = [
        ("changes", Self::Changes),
        ("snapshot", Self::Snapshot),
        ("adopted", Self::Adopted),
        ("receipt", Self::Receipt),
        ("secret", Self::Secret),
        ("roster", Self::Roster),
        ("erase", Self::Erase),
        ("confirm", Self::Confirm),
        ("checkpoint", Self::Checkpoint),
        ("witness", Self::Witness),
        ("erased", Self::Erased),
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        match self {
            Self::Changes => 1,
            Self::Snapshot => 2,
            Self::Adopted => 3,
            Self::Receipt => 4,
            Self::Secret => 5,
            Self::Roster => 16,
            Self::Erase => 17,
            Self::Confirm => 18,
            Self::Checkpoint => 19,
            Self::Witness => 20,
            Self::Erased => 21,
            Self::Unknown(number) => number,
        }
    }

    /// The type with this number. Never fails: numbers without a name are [`EntryType::Unknown`].
    pub fn from_number(number: u16) -> Self {
        Self::NAMED
            .into_iter()
            .map(|(_, named)| named)
            .find(|named| named.number() == number)
            .unwrap_or(Self::Unknown(number))
    }

    /// The lane this type has to be in; `None` if either will do.
    pub const fn lane(self) -> Option<Lane> {
        match self.number() {
            0..16 => Some(Lane::Content),
            16..32 => Some(Lane::Control),
            _ => None,
        }
    }

    /// Whether this version acts on entries of this type. The others are kept, carried and shown as "update needed".
    pub const fn is_understood(self) -> bool {
        matches!(self, Self::Changes | Self::Snapshot | Self::Roster)
    }
}

/// The piece of a payload that a body holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// The piece's number, from 0.
    pub index: u32,
    /// How many pieces the payload has, at least 1.
    pub count: u32,
}

impl Part {
    /// The whole payload in one body.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Whether the payload ends with this piece: it takes effect with the entry that carries it.
    pub const fn is_last(self) -> bool {
        self.index + 1 == self.count
    }
}

/// What the author of a snapshot says it holds: each HMAC(document key, document ‖ sorted hashes of changes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digests {
    /// The one of all changes in the snapshot.
    pub all: SnapshotDigest,
    /// The one of those in it that devices of the author's user made.
    pub own: SnapshotDigest,
}

/// What the author says about an entry. Field order is the order on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Where the entry belongs. Under the signature and part of the entry's id, and not sent.
    pub workspace: WorkspaceId,
    /// The author.
    pub device: DeviceId,
    /// The life of the author's database that the entry is from.
    pub incarnation: Incarnation,
    /// The one of the author's two chains that the entry is in.
    pub lane: Lane,
    /// Gapless number in the chain, from 1.
    pub seq: u64,
    /// Id of the chain's previous entry; zeros for seq 1.
    pub prev: EntryId,
    /// The last head whose headers the author had verified.
    pub seen: Option<Seen>,
    /// Every live body up to here is durable at the author's.
    pub held: Position,
    /// The author's roster; in a roster record, the one it builds on.
    pub roster: RosterHash,
    /// The epoch in force at `roster`; zeros in the control lane.
    pub epoch: EpochId,
    /// What the entry is.
    pub entry_type: EntryType,
    /// The document, or zeros.
    pub doc: WireDoc,
    /// A snapshot or an erase stands in for everything of its document up to here; [`Position::START`] for nothing.
    pub covers: Position,
    /// What a snapshot holds that others may confirm; only there.
    pub digests: Option<Digests>,
    /// What the payload weighs at most: in the entry with its last part, and only in the content lane.
    pub weight: Weight,
    /// The piece of the payload that is in the body.
    pub part: Part,
    /// Input to the body key; zeros in the control lane.
    pub salt: Salt,
    /// Bytes of the body.
    pub body_len: u32,
    /// SHA-256 of the body.
    pub body_hash: BodyHash,
}

/// Names and CBOR types of the header's fields in wire order; PROTOCOL.md's table is compared with this.
pub const HEADER_FIELDS: [(&str, &str); 19] = [
    ("version", "uint"),
    ("device", "bytes(32)"),
    ("incarnation", "bytes(8)"),
    ("lane", "uint"),
    ("seq", "uint"),
    ("prev", "bytes(32)"),
    ("seen", "null / [uint, bytes(32), bytes(64)]"),
    ("held", "uint"),
    ("roster", "bytes(32)"),
    ("epoch", "bytes(16)"),
    ("type", "uint"),
    ("doc", "bytes(16)"),
    ("covers", "uint"),
    ("digests", "null / [bytes(32), bytes(32)]"),
    ("weight", "uint"),
    ("part", "[uint, uint]"),
    ("salt", "bytes(16)"),
    ("body_len", "uint"),
    ("body_hash", "bytes(32)"),
];

/// Fields that follow from sealing, the last three: the seal cannot bind them.
pub(crate) const UNBOUND_FIELDS: usize = 3;

impl Header {
    /// The chain this entry is in.
    pub fn chain(&self) -> ChainKey {
        ChainKey { device: self.device, incarnation: self.incarnation, lane: self.lane }
    }

    /// The additional data of the body's seal: every field but `salt`, `body_len` and `body_hash`, which depend on it.
    pub fn additional_data(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(HEADER_FIELDS.len() - UNBOUND_FIELDS);
        self.write_bound_fields(&mut writer);
        writer.into_bytes()
    }

    fn write(&self, to: &mut Writer) {
        to.array(HEADER_FIELDS.len());
        self.write_bound_fields(to);
        to.value(&self.salt).u64(self.body_len.into()).value(&self.body_hash);
    }

    fn write_bound_fields(&self, to: &mut Writer) {
        to.u64(HEADER_VERSION)
            .value(&self.device)
            .value(&self.incarnation)
            .value(&self.lane)
            .u64(self.seq)
            .value(&self.prev)
            .option(self.seen.as_ref(), |to, seen| seen.write(to))
            .value(&self.held)
            .value(&self.roster)
            .value(&self.epoch)
            .u64(self.entry_type.number().into())
            .value(&self.doc)
            .value(&self.covers)
            .option(self.digests.as_ref(), |to, digests| digests.write(to))
            .value(&self.weight)
            .value(&self.part);
    }

    /// The rules a header keeps by itself, whoever reads it and whatever else is in the log.
    fn check(&self) -> Result<(), DecodeError> {
        let content = self.lane == Lane::Content;
        let seen_position = self.seen.map_or(Position::START, |seen| seen.position);
        let rules = [
            (self.entry_type.lane().is_none_or(|lane| lane == self.lane), "type belongs to the other lane"),
            (self.seq > 0, "seq counts from 1"),
            ((self.seq == 1) == self.prev.is_zero(), "prev is zeros exactly for seq 1"),
            (!content || self.seen.is_some(), "content has seen a head"),
            (self.held <= seen_position, "held does not pass seen"),
            (content != self.epoch.is_zero(), "epoch is zeros exactly in the control lane"),
            (content || self.salt.is_zero(), "salt is zeros in the control lane"),
            (self.covers <= seen_position, "covers do not pass seen"),
            (self.part.count > 0 && self.part.index < self.part.count, "part index is below its count"),
            (self.part.count <= MAX_PARTS, "too many parts"),
            (self.seq > self.part.index.into(), "seq counts the parts before it"),
            (content || self.part == Part::WHOLE, "only content is in parts"),
            (
                self.weight.is_none() != (content && self.part.is_last()),
                "weight is in the last part of content and nowhere else",
            ),
            (self.body_len as usize <= MAX_BODY, "body is too long"),
        ];
        let bare = self.covers == Position::START && self.digests.is_none();
        let own = match self.entry_type {
            EntryType::Changes | EntryType::Adopted | EntryType::Receipt | EntryType::Secret => {
                bare && !self.doc.is_zero()
            }
            EntryType::Snapshot => !self.doc.is_zero(),
            EntryType::Erase => self.digests.is_none() && !self.doc.is_zero(),
            EntryType::Checkpoint => self.digests.is_none() && self.doc.is_zero(),
            EntryType::Roster | EntryType::Confirm | EntryType::Witness | EntryType::Erased => {
                bare && self.doc.is_zero()
            }
            EntryType::Unknown(_) => self.digests.is_none(),
        };
        match rules
            .into_iter()
            .chain([(own, "a field that this type does not use is not zeros")])
            .find(|r| !r.0)
        {
            Some((_, broken)) => Err(DecodeError::Rule(broken)),
            None => Ok(()),
        }
    }
}

impl Header {
    fn read(workspace: WorkspaceId, from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(HEADER_FIELDS.len())?;
        let version = from.u64()?;
        if version != HEADER_VERSION {
            return Err(DecodeError::UnknownNumber { what: "header version", number: version });
        }
        let header = Self {
            workspace,
            device: from.value()?,
            incarnation: from.value()?,
            lane: from.value()?,
            seq: from.u64()?,
            prev: from.value()?,
            seen: from.option(Seen::read)?,
            held: from.value()?,
            roster: from.value()?,
            epoch: from.value()?,
            entry_type: EntryType::from_number(from.u16()?),
            doc: from.value()?,
            covers: from.value()?,
            digests: from.option(Digests::read)?,
            weight: from.value()?,
            part: from.value()?,
            salt: from.value()?,
            body_len: from.u32()?,
            body_hash: from.value()?,
        };
        header.check()?;
        Ok(header)
    }
}

impl Signable for Header {
    const DOMAIN: &'static [u8] = b"bowline/entry/2";
    const LIMIT: usize = MAX_HEADER;
    type Within = WorkspaceId;
    fn signer(&self) -> [u8; 32] {
        *self.device.as_bytes()
    }
    fn within(&self) -> WorkspaceId {
        self.workspace
    }
    fn to_bytes(&self) -> Vec<u8> {
        let mut to = Writer::new();
        self.write(&mut to);
        to.into_bytes()
    }
    fn from_bytes(workspace: WorkspaceId, bytes: &[u8]) -> Result<Self, DecodeError> {
        decode_by(bytes, |from| Self::read(workspace, from), Self::write)
    }
}

impl Canonical for Digests {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.all).value(&self.own);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { all: from.value()?, own: from.value()? })
    }
}

impl Canonical for Part {
    fn write(&self, to: &mut Writer) {
        to.array(2).u64(self.index.into()).u64(self.count.into());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { index: from.u32()?, count: from.u32()? })
    }
}
