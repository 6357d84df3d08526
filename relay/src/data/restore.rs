//! Going on from a backup: the logs in a folder that was put back, or in a new one that is made of a copy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bowline_wire::ids::WorkspaceId;
use rand_core::CryptoRng;
use thiserror::Error;

use super::{DATABASE, DataError, DataFolder, restores};
use crate::keys::Identity;
use crate::restore::{Earlier, LeftLog, Plan, RestoredLog};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Storage, StorageError};

/// Why a relay does not go on from a backup. Nothing was changed, but that a new folder may be left without a database.
#[derive(Debug, Error)]
pub enum NotRestored {
    /// A folder or its database cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The logs cannot be read, or cannot be made to go on.
    #[error(transparent)]
    Logs(#[from] StorageError),
}

/// What a restore has done.
#[derive(Clone, Debug)]
pub struct Restored {
    /// The logs that go on.
    pub logs: Vec<RestoredLog>,
    /// The logs that do not, and are served to nobody.
    pub left: Vec<LeftLog>,
    /// Whether the backup has it noted, so that it can be restored once more. One that cannot be written has not, nor one that was put
    /// in the folder's place: where that lies nobody knows here.
    pub is_noted: bool,
    /// Files of the folder in which the keys of logs are that earlier restores have made, and that no log goes on from.
    pub kept: Vec<PathBuf>,
}

impl DataFolder {
    /// Lets every log in this folder go on from where its database has it, which was put back from a backup. `chosen` is a file of what
    /// earlier restores have done, to go on from before what is noted in the folder.
    ///
    /// # Errors
    /// [`NotRestored`]; nothing is changed then.
    pub fn restore(&self, chosen: Option<&Path>, rng: &mut dyn CryptoRng) -> Result<Restored, NotRestored> {
        self.go_on(&self.path.join(DATABASE), None, chosen, rng)
    }

    /// Makes a folder (0700, files 0600) of a backup, whose logs go on from where that has them. Until they do, no command takes the
    /// new folder for a relay's.
    ///
    /// # Errors
    /// [`DataError::AlreadyThere`] if there is something of that name, and the rest of [`NotRestored`].
    pub fn restore_copy(
        from: &Path,
        to: &Path,
        chosen: Option<&Path>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Restored, NotRestored> {
        Self::copy(from, to, |folder, database| folder.go_on(database, Some(from), chosen, rng))
    }

    /// Lets the logs of a database go on that is in this folder, or is to be. `from` is the backup that it was copied from.
    fn go_on(
        &self,
        database: &Path,
        from: Option<&Path>,
        chosen: Option<&Path>,
        rng: &mut dyn CryptoRng,
    ) -> Result<Restored, NotRestored> {
        let identity = self.identity(rng)?;
        let mut database = open_whole(database)?;
        let earlier = restores::read(from.unwrap_or(&self.path), chosen)?;
        let plan = plan(&database, &identity, &earlier, rng)?;
        // Before anything is served by it: a database that is put back after that has to go on from there.
        restores::write(&self.path, plan.noted())?;
        // A backup may be on something that cannot be written.
        let noted = from.map(|from| restores::write(from, plan.noted()));
        if let Some(Err(error)) = &noted {
            tracing::debug!(%error, "a backup does not have noted that it was restored");
        }
        let (is_noted, left) = (matches!(noted, Some(Ok(()))), plan.left().to_vec());
        let kept = restores::kept(&self.path)?;
        Ok(Restored { logs: plan.carry_out(&mut database)?, left, is_noted, kept })
    }

    /// The workspaces of which restores have noted anything here.
    ///
    /// # Errors
    /// If what is noted of restores cannot be read.
    pub fn noted(&self) -> Result<BTreeSet<WorkspaceId>, DataError> {
        restores::workspaces(&self.path)
    }

    /// Takes away, durably, what restores have noted of a workspace, keys included. To be called when its log is gone: without what is
    /// noted an older database would be served under a key that devices have left behind.
    ///
    /// # Errors
    /// If what is noted of restores cannot be read or written.
    pub fn forget(&self, workspace: WorkspaceId) -> Result<(), DataError> {
        restores::forget(&self.path, workspace)
    }

    /// Whether a restore of this folder or of this backup is known of which its database knows nothing: it was put back since, and what
    /// it signed now nobody would follow. A log that is served to nobody signs nothing.
    ///
    /// # Errors
    /// If what is noted of restores cannot be read.
    pub fn is_older_than_a_restore(&self, database: &Sqlite) -> Result<bool, NotRestored> {
        let earlier = restores::read(&self.path, None)?;
        for (workspace, _) in earlier.iter() {
            let stored = match database.log(*workspace) {
                Err(StorageError::Corrupt(_)) => None,
                stored => stored?,
            };
            let signs = stored.filter(|stored| !stored.is_lost);
            if signs.is_some_and(|stored| earlier.has_gone_on_from(*workspace, &stored)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Opens a database for going on with it. One that is not whole is not served again.
fn open_whole(path: &Path) -> Result<Sqlite, DataError> {
    let of_database = |source| DataError::Database { path: path.to_owned(), source };
    let database = Sqlite::open(path).map_err(of_database)?;
    // A journal that belonged to another database would show here.
    database.integrity_check().map_err(of_database)?;
    Ok(database)
}

fn plan(
    database: &Sqlite,
    identity: &Identity,
    earlier: &Earlier,
    rng: &mut dyn CryptoRng,
) -> Result<Plan, StorageError> {
    let workspaces = database.workspaces().map_err(StorageError::from)?;
    let workspaces: Vec<_> = workspaces.into_iter().map(|stats| stats.workspace).collect();
    Plan::make(database, identity, &workspaces, earlier, rng)
}

#[cfg(test)]
mod tests;
