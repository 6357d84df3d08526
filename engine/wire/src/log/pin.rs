//! Hashes of a log at single places.

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::ids::{LogHash, Position};

/// The log's hash at a place that somebody may still compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The place.
    pub at: Position,
    /// The log's hash there.
    pub hash: LogHash,
}

impl Canonical for Pin {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.at).value(&self.hash);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { at: from.value()?, hash: from.value()? })
    }
}
