//! Going on after a restore: each log gets another key, and says from where it goes on under that. The old key may have signed for
//! entries that the backup does not have; it signs nothing any more.

use bowline_wire::draft::DRAFT;
use bowline_wire::ids::{LogId, Position, WorkspaceId};
use bowline_wire::limits::MAX_SUCCESSORS;
use bowline_wire::successor::Successor;
use rand_core::CryptoRng;
use thiserror::Error;

use crate::keys::{Identity, LogKey};
use crate::storage::{Continued, Storage, StorageError};

/// Why logs could not be made to go on. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The storage cannot be read or written.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A log was continued so often that no device follows it any further.
    #[error(
        "the log of workspace {0} was restored {MAX_SUCCESSORS} times, and no device follows it any further"
    )]
    TooOften(WorkspaceId),
}

/// A log that goes on under another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestoredLog {
    /// The workspace whose log it is.
    pub workspace: WorkspaceId,
    /// The last entry that the backup has of it.
    pub position: Position,
    /// The log that signs from now on.
    pub log: LogId,
}

/// Lets the logs of these workspaces go on from where they are, all of them or none. Logs that this version does not serve stay
/// as they are.
pub fn continue_logs(
    storage: &mut impl Storage,
    identity: &Identity,
    workspaces: &[WorkspaceId],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<RestoredLog>, RestoreError> {
    let (mut restored, mut continued) = (Vec::new(), Vec::new());
    for &workspace in workspaces {
        let Some(stored) = storage.log(workspace)?.filter(|stored| stored.draft == DRAFT) else {
            continue;
        };
        if stored.successors.len() >= MAX_SUCCESSORS {
            return Err(RestoreError::TooOften(workspace));
        }
        let (old, new) = (LogKey::from(&stored.secret), LogKey::generate(&mut *rng));
        let (position, hash) = (stored.position, stored.hash);
        let successor = Successor { workspace, old: old.id(), position, hash, new: new.id() };
        let successor = identity
            .sign_successor(successor, &old)
            .map_err(|_| StorageError::Corrupt("the signing key does not fit the log".to_owned()))?;
        restored.push(RestoredLog { workspace, position, log: new.id() });
        continued.push(Continued { workspace, secret: new.secret(), successor });
    }
    storage.continue_logs(&continued)?;
    Ok(restored)
}
