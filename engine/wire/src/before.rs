//! Entries of logs that are older than protocol 1, header version 1: read from a device's own database, so that documents of
//! workspaces made before can be read for ever. Nothing writes them, no log accepts them, and nothing but what shows such workspaces
//! may use this.

mod records;

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode};
use crate::entry::{Entry, EntryError};
use crate::hash;
use crate::head::{Seen, SeenHead};
use crate::header::{EntryType, Header, Part};
use crate::ids::{
    BodyHash, DeviceId, EntryId, EpochId, Incarnation, Lane, LogTime, Position, RosterHash, Salt, Signature,
    WireDoc, WorkspaceId,
};
use crate::log::ChainTip;
use crate::signed::{Verified, verify_signature};
use crate::weight::Weight;

pub(crate) use records::join_proof;
pub use records::{record, roster};

/// The number that the headers read here begin with.
const VERSION: u64 = 1;

/// What their authors signed under.
const DOMAIN: &[u8] = b"bowline/entry/1";

/// Fields of such a header.
const FIELDS: usize = 19;

/// Bytes of the longest: covers were lists.
const MAX_HEADER: usize = 64 * 1024;

/// Chains that a snapshot or erase named at most.
const MAX_COVERS: usize = 1024;

/// Whether stored header bytes are of that version. What is neither this nor [`crate::header::HEADER_VERSION`] is damaged.
pub fn is_of_before(header: &[u8]) -> bool {
    let mut from = Reader::new(header);
    from.array(FIELDS).and_then(|()| from.u64()) == Ok(VERSION)
}

/// The id of an entry with these header bytes, which are of that version: `SHA-256(header)`.
pub fn id(header: &[u8]) -> EntryId {
    EntryId::from_bytes(hash::sha256(&[header]))
}

/// The end of a chain as a device stored it for a log of before; `None` for other bytes.
pub fn tip(bytes: &[u8]) -> Option<ChainTip> {
    Some(decode::<TipBefore>(bytes).ok()?.tip)
}

/// A stored entry of a log of before, checked as it was then: canonical, signed by its author, the body its own. It
/// declares nothing, so its weight is the largest there is.
pub fn entry(header: Vec<u8>, signature: Signature, body: Option<Vec<u8>>) -> Result<Entry, EntryError> {
    let from_before = |error: DecodeError| EntryError::Header(error.into());
    if header.len() > MAX_HEADER {
        return Err(from_before(DecodeError::TooLarge { what: "header", limit: MAX_HEADER }));
    }
    let before: HeaderBefore = decode(&header).map_err(from_before)?;
    verify_signature(before.header.device.as_bytes(), DOMAIN, &header, &signature)
        .map_err(EntryError::Header)?;
    let id = id(&header);
    Entry::with_id(id, Verified::of_before(before.header, header, signature), body)
}

/// A header of version 1: what is still in headers, and what is not.
struct HeaderBefore {
    header: Header,
    seen: Option<SeenHead>,
    target: EntryId,
    covers: Vec<Cover>,
}

/// The end of a chain as it was stored: with the log in what it has seen, and without when the chain began.
struct TipBefore {
    tip: ChainTip,
    seen: Option<SeenHead>,
}

impl Canonical for TipBefore {
    fn write(&self, to: &mut Writer) {
        let ChainTip { seq, id, held, roster, .. } = &self.tip;
        to.array(5).u64(*seq).value(id).option(self.seen.as_ref(), |to, seen| seen.write(to));
        to.value(held).u64(*roster);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        let (seq, id) = (from.u64()?, from.value()?);
        let seen = from.option(SeenHead::read)?;
        let (held, roster, since) = (from.value()?, from.u64()?, LogTime::START);
        let tip = ChainTip { seq, id, seen: seen.map(Seen::from), held, roster, since, log: 0 };
        Ok(Self { tip, seen })
    }
}

/// A chain up to a number, as a snapshot or an erase named what it stood in for.
struct Cover {
    device: DeviceId,
    incarnation: Incarnation,
    seq: u64,
}

impl Canonical for HeaderBefore {
    fn write(&self, to: &mut Writer) {
        let header = &self.header;
        to.array(FIELDS).u64(VERSION).value(&header.workspace).value(&header.device);
        to.value(&header.incarnation).value(&header.lane).u64(header.seq).value(&header.prev);
        to.option(self.seen.as_ref(), |to, seen| seen.write(to)).value(&header.held).value(&header.roster);
        to.value(&header.epoch).u64(header.entry_type.number().into()).value(&header.doc);
        to.value(&self.target).list(&self.covers).value(&header.part).value(&header.salt);
        to.u64(header.body_len.into()).value(&header.body_hash);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(FIELDS)?;
        let version = from.u64()?;
        if version != VERSION {
            return Err(DecodeError::UnknownNumber { what: "header version", number: version });
        }
        let (workspace, device): (WorkspaceId, DeviceId) = (from.value()?, from.value()?);
        let (incarnation, lane): (Incarnation, Lane) = (from.value()?, from.value()?);
        let (seq, prev): (u64, EntryId) = (from.u64()?, from.value()?);
        let seen = from.option(SeenHead::read)?;
        let (held, roster): (Position, RosterHash) = (from.value()?, from.value()?);
        let (epoch, entry_type): (EpochId, _) = (from.value()?, EntryType::from_number(from.u16()?));
        let (doc, target): (WireDoc, EntryId) = (from.value()?, from.value()?);
        let covers = from.list("covers", MAX_COVERS)?;
        let (part, salt): (Part, Salt) = (from.value()?, from.value()?);
        let (body_len, body_hash): (u32, BodyHash) = (from.u32()?, from.value()?);
        let header = Header {
            workspace,
            device,
            incarnation,
            lane,
            seq,
            prev,
            seen: seen.map(Seen::from),
            held,
            roster,
            epoch,
            entry_type,
            doc,
            covers: Position::START,
            digests: None,
            weight: Weight::MAX,
            part,
            salt,
            body_len,
            body_hash,
        };
        Ok(Self { header, seen, target, covers })
    }
}

impl Canonical for Cover {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.device).value(&self.incarnation).u64(self.seq);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { device: from.value()?, incarnation: from.value()?, seq: from.u64()? })
    }
}
