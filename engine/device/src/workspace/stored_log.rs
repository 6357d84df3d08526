//! The log of a workspace as it is stored here, to look at and not to change: who did what, how each device came in and went, whether all
//! of it verifies, and what two people compare.

pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod comings;
pub(crate) mod compare;

use bowline_store::Reader;
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::log::Log;

use crate::Error;
use crate::workspace::Workspaces;

/// Entries that are read at once, without their bodies.
const READ_AT_ONCE: usize = 1024;

/// The log of a workspace as it is stored here. See the module's text.
#[derive(Clone, Copy)]
pub struct StoredLog<'d> {
    read: Reader<'d>,
    workspaces: &'d Workspaces,
    workspace: WorkspaceId,
}

impl<'d> StoredLog<'d> {
    pub(crate) fn new(read: Reader<'d>, workspaces: &'d Workspaces, workspace: WorkspaceId) -> Self {
        Self { read, workspaces, workspace }
    }

    /// The place from whose state the log was begun: entries at or below it were let go by a checkpoint, but for those that stay. The beginning
    /// if all of the log is here.
    pub fn begun_at(&self) -> Result<Position, Error> {
        Ok(self.log()?.map_or(Position::START, Log::begun_at))
    }

    /// The log that the device goes by; `None` if nothing of it is here.
    ///
    /// # Errors
    /// [`Error::OtherDraft`] for a workspace that this version only reads.
    fn log(&self) -> Result<Option<&'d Log>, Error> {
        Ok(self.workspaces.replica(self.workspace)?.log())
    }
}
