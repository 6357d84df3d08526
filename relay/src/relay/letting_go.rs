//! Entries that go because a checkpoint stands: in small steps, between frames, so that nobody waits for it.

use bowline_wire::ids::{Millis, WorkspaceId};

use super::Relay;
use crate::config::LETTING_GO_INTERVAL;
use crate::storage::{Storage, StorageError};
use crate::workspace::report;

impl<S: Storage> Relay<S> {
    /// Whether a step of letting go is due although frames keep coming.
    pub fn is_letting_go_due(&self, now: Millis) -> bool {
        self.has_to_let_go() && now.since(self.let_go_at) >= LETTING_GO_INTERVAL
    }

    /// Whether there is something to let go, or space to give back.
    pub fn has_to_let_go(&self) -> bool {
        !self.unswept.is_empty() || self.has_space
    }

    /// Lets some entries go that go, or gives some space back: as long as a commit takes. For a driver that has nothing else to do, or
    /// for which it is due.
    pub fn let_some_go(&mut self, now: Millis) {
        self.hear(now);
        self.let_go_at = self.clock;
        let Some(workspace) = self.unswept.first().copied() else {
            self.has_space = self.storage.give_some_back().unwrap_or_else(|error| {
                report(&error);
                false
            });
            return;
        };
        match self.sweep(workspace) {
            Ok(false) => {}
            Ok(true) => {
                self.unswept.remove(&workspace);
                self.has_space = true;
            }
            Err(error) => {
                // It goes on once something can be stored again.
                self.unswept.remove(&workspace);
                self.stalled.insert(workspace);
                report(&error);
            }
        }
    }

    /// One step in one workspace. Returns whether nothing is left in it.
    fn sweep(&mut self, workspace: WorkspaceId) -> Result<bool, StorageError> {
        let Some(loaded) = self.workspaces.get_mut(&workspace) else {
            // Nobody is there: the storage knows.
            let stored = self.storage.log(workspace)?.and_then(|stored| stored.letting_go);
            let Some(by) = stored else { return Ok(true) };
            return Ok(self.storage.let_some_go(workspace, &by)?.up_to >= by.floor());
        };
        let Some(by) = &mut loaded.letting_go else { return Ok(true) };
        let swept = self.storage.let_some_go(workspace, by)?;
        by.swept = swept.up_to;
        loaded.usage = loaded.usage.without(swept.freed);
        Ok(by.is_done())
    }
}
