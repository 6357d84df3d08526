//! A relay that is shown a newer head of its own than it has was put back to an older state. It signs nothing any more: every further
//! entry would stand where it has signed for another one.

use bowline_wire::frame::Reason;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::WorkspaceId;

use super::Relay;
use crate::room::LOST;
use crate::session::{ConnId, Session, State};
use crate::storage::Storage;
use crate::workspace::{Workspace, report};

impl<S: Storage> Relay<S> {
    /// A head of a workspace was shown that its log's own key has signed, with more entries than the log has: nothing is signed or
    /// stored from now on, for any workspace, since one file holds them all. The caller has verified the signature.
    pub(crate) fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) {
        let here = self.workspaces.get(&workspace).and_then(Workspace::durable);
        if self.is_lost || here.is_none_or(|here| here.log != head.log || here.position >= head.position) {
            return;
        }
        tracing::error!(?workspace, position = head.position.0, "{LOST}");
        self.is_lost = true;
        if let Err(error) = self.storage.note_lost(workspace, head) {
            // It is shown again after the next start.
            report(&error);
        }
        self.dirty.clear();
        (self.staged_bytes, self.staged_entries) = (0, 0);
        let is_told = |session: &Session| matches!(session.state, State::Closing);
        let all: Vec<ConnId> =
            self.sessions.iter().filter(|(_, session)| !is_told(session)).map(|(conn, _)| *conn).collect();
        for conn in all {
            self.goodbye(conn, Reason::Storage, LOST);
        }
        // What was staged is not to be signed for.
        self.workspaces.clear();
    }

    /// Whether the relay was shown that it has lost entries, and has signed nothing since.
    pub fn signs_nothing(&self) -> bool {
        self.is_lost
    }
}
