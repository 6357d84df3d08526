//! Entries that go because a checkpoint stands: by which state, and how far it has come.

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer};
use bowline_wire::frame::LetGo;
use bowline_wire::ids::Position;
use bowline_wire::limits::MAX_STATE_ROWS;
use bowline_wire::log::{Run, Stood};

/// By which state entries of a log are let go. The encoding, which is for storing, has all but how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LettingGo {
    /// The checkpoint whose state it is.
    pub stood: Stood,
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

impl Canonical for LettingGo {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.stood).u64(self.len).list(&self.live);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let (stood, len) = (from.value()?, from.u64()?);
        Ok(Self { stood, len, live: from.list("runs", MAX_STATE_ROWS)?, swept: Position::START })
    }
}
