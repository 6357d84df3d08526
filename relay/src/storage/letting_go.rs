//! Entries that go because a checkpoint stands: by which state, and how far it has come.

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer};
use bowline_wire::frame::LetGo;
use bowline_wire::ids::{LogHash, Position};
use bowline_wire::limits::MAX_STATE_ROWS;
use bowline_wire::log::{Run, Stood};

/// By which state entries of a log are let go. The encoding, which is for storing, has all but how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LettingGo {
    /// The checkpoint whose state it is.
    pub stood: Stood,
    /// The log's hash at its place, where the entry itself may be gone: heads there are compared. `None` where an earlier version noted it.
    pub hash: Option<LogHash>,
    /// How many bytes the state has.
    pub len: u64,
    /// The entries at or below the checkpoint's place that stay.
    pub live: Vec<Run>,
    /// Up to where all others are gone.
    pub swept: Position,
}

impl LettingGo {
    /// The place at or below which only live entries are handed out.
    pub fn floor(&self) -> Position {
        self.stood.at
    }

    /// Whether an entry at a place stays.
    pub fn keeps(&self, at: Position) -> bool {
        at > self.floor() || Run::is_in(&self.live, at)
    }

    /// The first entry behind a place that stays at or below the checkpoint's.
    pub fn next_kept(&self, after: Position) -> Option<Position> {
        let next = after.next();
        let run = self
            .live
            .get(self.live.partition_point(|run| run.first.0.saturating_add(run.count) <= next.0))?;
        Some(run.first.max(next))
    }

    /// Whether everything is gone that goes.
    pub fn is_done(&self) -> bool {
        self.swept >= self.floor()
    }

    /// What a device is told of it.
    pub fn told(&self) -> LetGo {
        LetGo { stood: self.stood, len: self.len }
    }
}

/// Fields of one that has the hash.
const FIELDS: usize = 4;

impl Canonical for LettingGo {
    fn write(&self, to: &mut Writer) {
        to.array(if self.hash.is_some() { FIELDS } else { FIELDS - 1 }).value(&self.stood);
        to.u64(self.len).list(&self.live);
        if let Some(hash) = &self.hash {
            to.value(hash);
        }
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let fields = from.array_up_to("fields of what is let go", FIELDS)?;
        let (stood, len) = (from.value()?, from.u64()?);
        let live = from.list("runs", MAX_STATE_ROWS)?;
        let hash = if fields < FIELDS { None } else { Some(from.value()?) };
        Ok(Self { stood, hash, len, live, swept: Position::START })
    }
}
