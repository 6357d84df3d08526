//! A relay that is shown a head of its own that its log does not pass through was put back to an older state. It signs nothing more for that
//! log: every further entry would stand where it has signed for another one.

use bowline_wire::frame::Reason;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogId, WorkspaceId};

use super::{Relay, TOLD_OPERATOR};
use crate::storage::Storage;
use crate::workspace::{Denial, report};

impl<S: Storage> Relay<S> {
    /// A head of a workspace was shown that its log's own key has signed, of a log that is not the one here: nothing is signed or
    /// stored for it from now on. The caller has verified the signature.
    pub(super) fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) {
        tracing::error!(?workspace, shown = head.position.0, "{TOLD_OPERATOR}");
        // What is staged is on nobody's log: whoever sent it keeps it.
        self.dirty.remove(&workspace);
        let loaded = self.workspaces.remove(&workspace);
        for conn in loaded.into_iter().flat_map(|loaded| loaded.sessions) {
            let Denial { reason, text, .. } = lost();
            self.goodbye(conn, reason, &text);
        }
        self.unstored_losses.insert(workspace, *head);
        self.store_loss(workspace);
    }

    /// Whether a loss of this log was found that is not stored yet. Tries to store it.
    pub(super) fn has_unstored_loss(&mut self, workspace: WorkspaceId, log: LogId) -> bool {
        let Some(head) = self.unstored_losses.get(&workspace) else { return false };
        // It was deleted and made anew meanwhile.
        if head.log != log {
            self.unstored_losses.remove(&workspace);
            return false;
        }
        self.store_loss(workspace);
        true
    }

    /// Stores a loss, so that it is known after the next start. On a full disk it waits in memory: the log is served no more.
    fn store_loss(&mut self, workspace: WorkspaceId) {
        let Some(head) = self.unstored_losses.get(&workspace) else { return };
        match self.storage.note_lost(workspace, head) {
            Ok(()) => {
                self.unstored_losses.remove(&workspace);
            }
            Err(error) => report(&error),
        }
    }
}

/// What whoever comes for such a log is told.
pub(super) fn lost() -> Denial {
    Denial::new(
        Reason::LogLost,
        "this relay has lost a part of the workspace's log; its operator has to run `bowline-relay restore`",
    )
}
