//! What a checkpoint says of a log: a state that every holder of the log computes alike at a position, and of which the entry
//! carries the digest only.

use std::collections::BTreeMap;

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, encode};
use bowline_wire::hash::sha256;
use bowline_wire::ids::{
    DeviceId, EntryId, Incarnation, Lane, LogHash, Position, RosterHash, SnapshotDigest, WireDoc,
};

use crate::bounded::log::{Log, Row};

/// Bounds that reading keeps to; the spike's workspaces stay far below.
const MANY: usize = 1 << 20;

/// The end of a chain, with what the next entry must not fall behind.
pub(crate) struct Tip {
    device: DeviceId,
    incarnation: Incarnation,
    lane: Lane,
    seq: u64,
    id: EntryId,
    seen: Position,
    held: Position,
    /// The position of the last roster record that its author had applied.
    roster: Position,
}

/// What one user has in a document.
pub(crate) struct Words {
    /// The user's number in the order of the roster.
    pub(crate) user: u64,
    /// What a device of the user signed last of its own changes in it.
    pub(crate) digest: Option<SnapshotDigest>,
    /// Declared weight since the standing snapshot.
    pub(crate) weight: u64,
}

/// What stands of a document.
pub(crate) struct Standing {
    pub(crate) doc: WireDoc,
    /// The newest snapshot that stands.
    pub(crate) snapshot: Position,
    pub(crate) words: Vec<Words>,
}

/// The state of a log at a position. Roster records are not in it: they are never erased, and are checked by their hash.
pub(crate) struct State {
    pub(crate) position: Position,
    pub(crate) hash: LogHash,
    time: u64,
    pub(crate) roster: RosterHash,
    records: u64,
    tips: Vec<Tip>,
    docs: Vec<Standing>,
    /// Over position, id and time of every entry at or below the position that is live there.
    pub(crate) live: [u8; 32],
    /// Hashes at earlier checkpoints, for devices that come back from in between.
    marks: Vec<(Position, LogHash)>,
}

impl State {
    /// The state at the end of a log.
    pub(crate) fn of(log: &Log, docs: Vec<Standing>, marks: Vec<(Position, LogHash)>) -> Self {
        let mut ends: BTreeMap<_, &Row> = BTreeMap::new();
        let mut roster = Position::START;
        let mut rosters = BTreeMap::new();
        for row in &log.rows {
            ends.insert(row.header.chain(), row);
            rosters.insert(row.position, roster);
            if row.header.lane == Lane::Control && row.header.doc == WireDoc::ZERO {
                roster = row.position;
            }
        }
        let tip = |row: &&Row| {
            let wire = &row.header;
            let seen = wire.seen.map_or(Position::START, |seen| seen.position);
            let (device, incarnation, lane, seq) = (wire.device, wire.incarnation, wire.lane, wire.seq);
            Tip {
                device,
                incarnation,
                lane,
                seq,
                id: row.id,
                seen,
                held: wire.held,
                roster: rosters[&row.position],
            }
        };
        let live = log.rows.iter().filter(|row| row.is_live());
        Self {
            position: log.position(),
            hash: log.hash,
            time: log.clock,
            roster: log.roster,
            records: log.records,
            tips: ends.values().map(tip).collect(),
            docs,
            live: live_digest(live),
            marks,
        }
    }

    /// What the entry carries.
    pub(crate) fn digest(&self) -> [u8; 32] {
        sha256(&[b"bowline/checkpoint/1", &encode(self)])
    }

    /// The bytes of each part: ends of chains, documents, and the rest.
    pub(crate) fn parts(&self) -> [usize; 3] {
        let bytes = |write: &dyn Fn(&mut Writer)| {
            let mut to = Writer::new();
            write(&mut to);
            to.into_bytes().len()
        };
        let tips = bytes(&|to| drop_ref(to.list(&self.tips)));
        let docs = bytes(&|to| drop_ref(to.list(&self.docs)));
        [tips, docs, encode(self).len() - tips - docs]
    }
}

fn drop_ref(_: &mut Writer) {}

/// Binds the entries that stay below a checkpoint, now that no running hash does.
pub(crate) fn live_digest<'a>(rows: impl Iterator<Item = &'a Row>) -> [u8; 32] {
    let mut to = Writer::new();
    for row in rows {
        to.array(3).value(&row.position).value(&row.id).u64(row.time);
    }
    sha256(&[b"bowline/live/1", &to.into_bytes()])
}

impl Canonical for Tip {
    fn write(&self, to: &mut Writer) {
        to.array(8).value(&self.device).value(&self.incarnation).value(&self.lane).u64(self.seq);
        to.value(&self.id).value(&self.seen).value(&self.held).value(&self.roster);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(8)?;
        Ok(Self {
            device: from.value()?,
            incarnation: from.value()?,
            lane: from.value()?,
            seq: from.u64()?,
            id: from.value()?,
            seen: from.value()?,
            held: from.value()?,
            roster: from.value()?,
        })
    }
}

impl Canonical for Words {
    fn write(&self, to: &mut Writer) {
        to.array(3).u64(self.user);
        to.option(self.digest.as_ref(), |to, digest| {
            to.value(digest);
        });
        to.u64(self.weight);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { user: from.u64()?, digest: from.option(Reader::value)?, weight: from.u64()? })
    }
}

impl Canonical for Standing {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.doc).value(&self.snapshot).list(&self.words);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { doc: from.value()?, snapshot: from.value()?, words: from.list("words", MANY)? })
    }
}

/// A position with the log hash there.
struct Mark(Position, LogHash);

impl Canonical for Mark {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.0).value(&self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self(from.value()?, from.value()?))
    }
}

impl Canonical for State {
    fn write(&self, to: &mut Writer) {
        to.array(9).value(&self.position).value(&self.hash).u64(self.time);
        to.value(&self.roster).u64(self.records).list(&self.tips).list(&self.docs).bytes(&self.live);
        to.list(&self.marks.iter().map(|(position, hash)| Mark(*position, *hash)).collect::<Vec<_>>());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(9)?;
        Ok(Self {
            position: from.value()?,
            hash: from.value()?,
            time: from.u64()?,
            roster: from.value()?,
            records: from.u64()?,
            tips: from.list("tips", MANY)?,
            docs: from.list("documents", MANY)?,
            live: from.fixed()?,
            marks: from.list::<Mark>("marks", MANY)?.into_iter().map(|mark| (mark.0, mark.1)).collect(),
        })
    }
}
