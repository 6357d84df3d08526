//! The tip of a chain: what the next entry of that chain is compared with.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::head::SeenHead;
use crate::ids::{EntryId, Position};

/// The last accepted entry of a chain, as far as the next one depends on it. Its canonical encoding is for storing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainTip {
    /// Its number.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
    /// The head it had seen.
    pub seen: Option<SeenHead>,
    /// What its author held.
    pub held: Position,
    /// Number of its roster among the applied records, from 0.
    pub roster: u64,
}

impl Canonical for ChainTip {
    fn write(&self, to: &mut Writer) {
        to.array(5).u64(self.seq).value(&self.id).option(self.seen.as_ref(), |to, seen| seen.write(to));
        to.value(&self.held).u64(self.roster);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(5)?;
        Ok(Self {
            seq: from.u64()?,
            id: from.value()?,
            seen: from.option(SeenHead::read)?,
            held: from.value()?,
            roster: from.u64()?,
        })
    }
}
