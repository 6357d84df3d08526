//! States of logs on their way, in pieces that each fit a frame, and which checkpoint it is whose state somebody has to begin with.

use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::StateDigest;
use crate::limits::{MAX_STATE, MAX_STATE_PIECE};
use crate::log::Stood;

const OUT_OF_BOUNDS: DecodeError =
    DecodeError::Rule("a state has bytes, a piece is some of them, and none is too long");

/// Some bytes of a state. Whether all of them together are the state's is for whoever has its digest to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatePiece {
    /// The digest of the state that these are said to be of.
    pub digest: StateDigest,
    /// How many bytes the state has.
    pub len: u64,
    /// How many of them are before these.
    pub offset: u64,
    /// These bytes.
    pub bytes: Vec<u8>,
}

impl StatePiece {
    /// The piece that begins with this byte of a state; `None` if the state has no such byte.
    pub fn of(digest: StateDigest, state: &[u8], offset: u64) -> Option<Self> {
        let rest = state.get(usize::try_from(offset).ok()?..).filter(|rest| !rest.is_empty())?;
        let bytes = rest.get(..MAX_STATE_PIECE).unwrap_or(rest).to_vec();
        Some(Self { digest, len: state.len() as u64, offset, bytes })
    }

    /// How many bytes of the state there are up to the end of these.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.bytes.len() as u64)
    }

    pub(super) const FIELDS: usize = 4;

    pub(super) fn write_to(&self, to: &mut Writer) {
        to.value(&self.digest).u64(self.len).u64(self.offset).bytes(&self.bytes);
    }

    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (digest, len, offset) = (from.value()?, from.u64()?, from.u64()?);
        let bytes = from.bytes("bytes of a state", MAX_STATE_PIECE)?.to_vec();
        let piece = Self { digest, len, offset, bytes };
        let is_within = offset.checked_add(piece.bytes.len() as u64).is_some_and(|end| end <= len);
        if piece.bytes.is_empty() || !is_within || len > MAX_STATE {
            return Err(OUT_OF_BOUNDS);
        }
        Ok(piece)
    }
}

/// A checkpoint below which a relay has let go what its state does not name as live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LetGo {
    /// The checkpoint.
    pub stood: Stood,
    /// How many bytes its state has.
    pub len: u64,
}

impl LetGo {
    pub(super) const FIELDS: usize = 2;

    pub(super) fn write_to(&self, to: &mut Writer) {
        to.value(&self.stood).u64(self.len);
    }

    pub(super) fn read_from(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let let_go = Self { stood: from.value()?, len: from.u64()? };
        if let_go.len == 0 || let_go.len > MAX_STATE {
            return Err(OUT_OF_BOUNDS);
        }
        Ok(let_go)
    }
}

/// The capability of a side that takes states and gives them: [`super::Frame::State`], [`super::Frame::StateWanted`],
/// [`super::Frame::LetGo`], [`super::Frame::SubscribeFrom`] and [`super::Frame::Kept`].
pub const STATES: &str = "states/1";
