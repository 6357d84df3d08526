//! Going on from a backup: the logs in a folder that was put back, or in a new one that is made of a copy.

use std::path::Path;

use rand_core::CryptoRng;
use thiserror::Error;

use super::{DATABASE, DataError, DataFolder};
use crate::keys::Identity;
use crate::restore::{RestoreError, RestoredLog, continue_logs};
use crate::storage::sqlite::Sqlite;

/// Why a relay does not go on from a backup. Nothing was changed, but that a new folder may be left without a database.
#[derive(Debug, Error)]
pub enum NotRestored {
    /// A folder or its database cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The logs cannot go on.
    #[error(transparent)]
    Logs(#[from] RestoreError),
}

impl DataFolder {
    /// Lets every log in this folder go on from where its database has it, which was put back from a backup.
    ///
    /// # Errors
    /// [`NotRestored`]; nothing is changed then.
    pub fn restore(&self, rng: &mut dyn CryptoRng) -> Result<Vec<RestoredLog>, NotRestored> {
        let identity = self.identity(rng)?;
        continue_in(&self.path.join(DATABASE), &identity, rng)
    }

    /// Makes a folder (0700, files 0600) of a backup, whose logs go on from where that has them. Until they do, no command takes the
    /// new folder for a relay's.
    ///
    /// # Errors
    /// [`DataError::AlreadyThere`] if there is something of that name, and the rest of [`NotRestored`].
    pub fn restore_copy(
        from: &Path,
        to: &Path,
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<RestoredLog>, NotRestored> {
        // The key is copied before the database.
        Self::copy(from, to, |database| continue_in(database, &Self::lock(to)?.identity(rng)?, rng))
    }
}

/// Lets every log in a database go on, in one transaction. A database that is not whole is not served again.
fn continue_in(
    path: &Path,
    identity: &Identity,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<RestoredLog>, NotRestored> {
    let of_database = |source| DataError::Database { path: path.to_owned(), source };
    let mut database = Sqlite::open(path).map_err(of_database)?;
    // A journal that belonged to another database would show here.
    database.integrity_check().map_err(of_database)?;
    let workspaces = database.workspaces().map_err(of_database)?;
    let workspaces: Vec<_> = workspaces.into_iter().map(|stats| stats.workspace).collect();
    Ok(continue_logs(&mut database, identity, &workspaces, rng)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bowline_wire::ids::Position;
    use tempfile::TempDir;

    use super::*;
    use crate::storage::Storage;
    use crate::storage::conformance::Scribe;
    use crate::testing::rng;

    /// A relay's folder with one log of a few entries.
    fn served(folder: &Path) -> Scribe {
        let data = DataFolder::create(folder).unwrap();
        data.certificate_key(&mut rng(5)).unwrap();
        data.identity(&mut rng(1)).unwrap();
        data.token(&mut rng(2)).unwrap();
        let mut scribe = Scribe::new(7);
        let mut database = data.database().unwrap();
        let entries = (0..3).map(|_| scribe.content(5)).collect();
        database.commit(&[scribe.commit_of(entries)]).unwrap();
        scribe
    }

    #[test]
    fn every_log_goes_on_under_another_key_from_where_it_is() {
        let place = TempDir::new().unwrap();
        let scribe = served(place.path());
        let folder = DataFolder::open(place.path()).unwrap();
        let before = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
        let restored = folder.restore(&mut rng(3)).unwrap();
        assert_eq!(restored.iter().map(|log| log.position).collect::<Vec<_>>(), [Position(3)]);
        let after = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
        assert_eq!((after.position, after.hash, after.time), (before.position, before.hash, before.time));
        assert_ne!(after.secret.as_bytes(), before.secret.as_bytes());
        assert_eq!((before.successors.len(), after.successors.len()), (0, 1));
        folder.restore(&mut rng(4)).unwrap();
        assert_eq!(folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap().successors.len(), 2);
    }

    #[test]
    fn a_backup_becomes_a_folder_whose_logs_go_on() {
        let place = TempDir::new().unwrap();
        let (from, copy, to) =
            (place.path().join("data"), place.path().join("copy"), place.path().join("deep/new"));
        let scribe = served(&from);
        DataFolder::back_up(&from, &copy).unwrap();
        let restored = DataFolder::restore_copy(&copy, &to, &mut rng(3)).unwrap();
        assert_eq!(restored.len(), 1);
        let folder = DataFolder::open(&to).unwrap();
        let identity = folder.identity(&mut rng(4)).unwrap().public();
        assert_eq!(identity, DataFolder::open(&from).unwrap().identity(&mut rng(4)).unwrap().public());
        let log = folder.database().unwrap().log(scribe.workspace()).unwrap().unwrap();
        assert_eq!(log.successors.len(), 1);
        let untouched = DataFolder::open(&copy).unwrap().database().unwrap();
        assert_eq!(untouched.log(scribe.workspace()).unwrap().unwrap().successors.len(), 0);
        let refused = DataFolder::restore_copy(&copy, &to, &mut rng(3)).unwrap_err();
        assert!(matches!(refused, NotRestored::Data(DataError::AlreadyThere(path)) if path == to));
    }

    #[test]
    fn without_its_key_nothing_is_restored() {
        let place = TempDir::new().unwrap();
        served(place.path());
        fs::remove_file(place.path().join("identity.key")).unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let refused = folder.restore(&mut rng(3)).unwrap_err();
        assert!(matches!(refused, NotRestored::Data(DataError::KeyMissing(_))));
        let to = place.path().join("new");
        let refused = DataFolder::restore_copy(place.path(), &to, &mut rng(3)).unwrap_err();
        assert!(matches!(refused, NotRestored::Data(DataError::KeyMissing(_))));
        assert!(!to.exists());
    }

    #[test]
    fn a_folder_of_which_the_logs_do_not_go_on_is_no_relays() {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("new"));
        served(&from);
        for n in 0..bowline_wire::limits::MAX_SUCCESSORS {
            DataFolder::open(&from).unwrap().restore(&mut rng(n as u64)).unwrap();
        }
        let refused = DataFolder::restore_copy(&from, &to, &mut rng(3)).unwrap_err();
        assert!(matches!(refused, NotRestored::Logs(RestoreError::TooOften(_))));
        assert!(matches!(DataFolder::open(&to), Err(DataError::Absent(_))));
        let refused = DataFolder::open(&from).unwrap().restore(&mut rng(3)).unwrap_err();
        assert!(matches!(refused, NotRestored::Logs(RestoreError::TooOften(_))));
    }
}
