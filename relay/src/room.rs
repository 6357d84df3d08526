//! Whether there is room: on the storage, which is tried when somebody asks, and in each workspace's quota. The log has one line
//! when either ends and one when it is back, however many entries were refused in between.

use std::collections::BTreeMap;

use bowline_wire::ids::{Millis, WorkspaceId};

use crate::config::STORAGE_CHECK_INTERVAL;
use crate::storage::StorageError;

/// What is logged when the storage stops storing.
const GONE: &str = "nothing can be stored: devices are told to try again later";

/// What is said of a relay that has lost what it had signed for: to devices, and to whoever asks whether it can store anything.
pub(crate) const LOST: &str =
    "this relay was put back to an older state; its operator has to run `bowline-relay restore`";

/// What the relay knows of its room.
#[derive(Default)]
pub(crate) struct Room {
    /// What keeps the storage from storing; `None` while it stores.
    trouble: Option<Trouble>,
    /// When the storage was last tried.
    tried: Option<Millis>,
    /// The workspaces whose quota was too small for an entry, and the bytes that they would have had with it.
    full: BTreeMap<WorkspaceId, u64>,
}

/// What keeps the storage from storing.
struct Trouble {
    why: StorageError,
    /// Whether trying has found it. A small commit may still succeed then, and proves nothing.
    was_tried: bool,
}

impl Room {
    /// Whether the storage is to be tried now: once in [`STORAGE_CHECK_INTERVAL`] at most. If so, says that it is.
    pub(crate) fn is_to_be_tried(&mut self, now: Millis) -> bool {
        let is_due = self.tried.is_none_or(|tried| now.since(tried) >= STORAGE_CHECK_INTERVAL);
        if is_due {
            self.tried = Some(now);
        }
        is_due
    }

    /// Notes what came of trying the storage.
    pub(crate) fn note_trial(&mut self, outcome: Result<(), StorageError>) {
        match outcome {
            Ok(()) => self.is_back(),
            Err(why) => self.is_gone(why, true),
        }
    }

    /// Notes how a commit has ended.
    pub(crate) fn note_commit(&mut self, ended: &Result<(), StorageError>) {
        match ended {
            Ok(()) if self.trouble.as_ref().is_some_and(|trouble| trouble.was_tried) => {}
            Ok(()) => self.is_back(),
            Err(why) => self.is_gone(why.clone(), false),
        }
    }

    /// What keeps the storage from storing, as far as that is known.
    pub(crate) fn trouble(&self) -> Result<(), StorageError> {
        self.trouble.as_ref().map_or(Ok(()), |trouble| Err(trouble.why.clone()))
    }

    /// Notes whether the quota of a workspace has room for entries with which it would have `bytes` of content; gives the same
    /// back.
    pub(crate) fn note_quota(&mut self, workspace: WorkspaceId, bytes: u64, quota: u64) -> bool {
        if bytes > quota {
            if self.full.insert(workspace, bytes).is_none() {
                tracing::warn!(?workspace, quota, "a workspace is full: what its devices write is refused");
            }
            return false;
        }
        if self.full.get(&workspace).is_some_and(|wanted| *wanted <= quota) {
            self.full.remove(&workspace);
            tracing::info!(?workspace, "a workspace has room again");
        }
        true
    }

    fn is_gone(&mut self, why: StorageError, was_tried: bool) {
        match &mut self.trouble {
            None => {
                // What the environment does is a warning; damage and our own bugs are errors.
                if matches!(why, StorageError::Unavailable(_)) {
                    tracing::warn!(error = %why, "{GONE}");
                } else {
                    tracing::error!(error = %why, "{GONE}");
                }
                self.trouble = Some(Trouble { why, was_tried });
            }
            Some(trouble) => {
                tracing::debug!(error = %why, "storage failed again");
                *trouble = Trouble { why, was_tried: was_tried || trouble.was_tried };
            }
        }
    }

    fn is_back(&mut self) {
        if self.trouble.take().is_some() {
            tracing::info!("what devices send can be stored again");
        }
    }
}
