//! Going on from a backup: the logs in a folder that was put back, or in a new one that is made of a copy.

use std::path::Path;

use bowline_wire::frame::Party;
use bowline_wire::ids::{DeviceId, WorkspaceId};
use rand_core::CryptoRng;
use thiserror::Error;

use super::{DATABASE, DataError, DataFolder, restores};
use crate::keys::Identity;
use crate::restore::{Earlier, LeftLog, Plan, RestoreError, RestoredLog};
use crate::storage::sqlite::Sqlite;
use crate::storage::{Storage, StorageError};

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
}

impl DataFolder {
    /// Lets every log in this folder go on from where its database has it, which was put back from a backup.
    ///
    /// # Errors
    /// [`NotRestored`]; nothing is changed then.
    pub fn restore(&self, rng: &mut dyn CryptoRng) -> Result<Restored, NotRestored> {
        let identity = self.identity(rng)?;
        let mut database = open_whole(&self.path.join(DATABASE))?;
        let plan = plan(&database, &identity, &restores::read(&self.path)?, rng)?;
        // Before anything is served by it: a database that is put back after that has to go on from there.
        restores::write(&self.path, plan.noted())?;
        let left = plan.left().to_vec();
        Ok(Restored { logs: plan.carry_out(&mut database)?, left, is_noted: false })
    }

    /// Makes a folder (0700, files 0600) of a backup, whose logs go on from where that has them. Until they do, no command takes the
    /// new folder for a relay's.
    ///
    /// # Errors
    /// [`DataError::AlreadyThere`] if there is something of that name, and the rest of [`NotRestored`].
    pub fn restore_copy(from: &Path, to: &Path, rng: &mut dyn CryptoRng) -> Result<Restored, NotRestored> {
        let finish = |folder: &Self, database: &Path| {
            let identity = folder.identity(rng)?;
            let mut database = open_whole(database)?;
            let plan = plan(&database, &identity, &restores::read(from)?, rng)?;
            restores::write(to, plan.noted())?;
            // A backup may be on something that cannot be written.
            let noted = restores::write(from, plan.noted());
            if let Err(error) = &noted {
                tracing::debug!(%error, "a backup does not have noted that it was restored");
            }
            let left = plan.left().to_vec();
            Ok(Restored { logs: plan.carry_out(&mut database)?, left, is_noted: noted.is_ok() })
        };
        Self::copy(from, to, finish)
    }

    /// Whether a restore of this folder or of this backup is known of which its database knows nothing: it was put back since, and what
    /// it signed now nobody would follow. A log that is served to nobody signs nothing.
    ///
    /// # Errors
    /// If what is noted of restores cannot be read.
    pub fn is_older_than_a_restore(&self, database: &Sqlite) -> Result<bool, NotRestored> {
        let earlier = restores::read(&self.path)?;
        for (workspace, _) in earlier.iter() {
            let stored = match database.log(*workspace) {
                Err(StorageError::Corrupt(_)) => None,
                stored => stored.map_err(RestoreError::from)?,
            };
            if is_served(database, *workspace)
                && stored.is_some_and(|stored| earlier.has_gone_on_from(*workspace, &stored))
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a log is served to anybody: no loss is known of it.
fn is_served(database: &Sqlite, workspace: WorkspaceId) -> bool {
    let anybody = Party::Device(DeviceId::ZERO);
    !matches!(database.admission(workspace, &anybody), Ok(Some(found)) if found.is_lost)
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
) -> Result<Plan, RestoreError> {
    let workspaces = database.workspaces().map_err(StorageError::from)?;
    let workspaces: Vec<_> = workspaces.into_iter().map(|stats| stats.workspace).collect();
    Plan::make(database, identity, &workspaces, earlier, rng)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use bowline_wire::ids::{Millis, Position};
    use tempfile::TempDir;

    use super::*;
    use crate::keys::LogKey;
    use crate::restore::WhyLeft;
    use crate::storage::conformance::Scribe;
    use crate::testing::author::Author;
    use crate::testing::rng;
    use crate::workspace::Workspace;

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
        assert_eq!(restored.logs.iter().map(|log| log.position).collect::<Vec<_>>(), [Position(3)]);
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
        assert_eq!(restored.logs.len(), 1);
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
    fn a_log_that_no_device_follows_any_further_is_left_and_keeps_no_other_from_going_on() {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("new"));
        let scribe = served(&from);
        let before = fs::read(from.join("relay.db")).unwrap();
        for n in 0..bowline_wire::limits::MAX_SUCCESSORS {
            DataFolder::open(&from).unwrap().restore(&mut rng(n as u64)).unwrap();
        }
        fs::write(from.join("relay.db"), before).unwrap();
        let mut other = Scribe::new(8);
        let entry = other.content(5);
        let mut database = DataFolder::open(&from).unwrap().database().unwrap();
        database.commit(&[other.commit_of(vec![entry])]).unwrap();
        drop(database);
        let restored = DataFolder::restore_copy(&from, &to, &mut rng(3)).unwrap();
        let left = LeftLog { workspace: scribe.workspace(), why: WhyLeft::TooOften };
        assert_eq!(restored.left, [left]);
        assert_eq!(restored.logs.iter().map(|log| log.workspace).collect::<Vec<_>>(), [other.workspace()]);
        let folder = DataFolder::open(&to).unwrap();
        let database = folder.database().unwrap();
        assert!(database.has_lost().unwrap() && !is_served(&database, scribe.workspace()));
        assert!(is_served(&database, other.workspace()));
        assert!(!folder.is_older_than_a_restore(&database).unwrap(), "the others are served");
    }

    #[test]
    fn a_damaged_log_is_left_and_keeps_no_other_from_going_on() {
        let place = TempDir::new().unwrap();
        let scribe = served(place.path());
        let folder = DataFolder::open(place.path()).unwrap();
        folder.restore(&mut rng(2)).unwrap();
        let mut database = folder.database().unwrap();
        let (damaged, genesis) = Author::new(8).genesis(8);
        let mut made = Workspace::create(damaged, LogKey::generate(&mut rng(8)), genesis, Millis(1)).unwrap();
        database.commit(&[made.take_staged().0]).unwrap();
        database.put_bodies(damaged, &[(Position(1), None)]).unwrap();
        drop(database);
        let restored = folder.restore(&mut rng(3)).unwrap();
        assert_eq!(restored.logs.iter().map(|log| log.workspace).collect::<Vec<_>>(), [scribe.workspace()]);
        let [LeftLog { workspace, why: WhyLeft::Damaged(what) }] = &restored.left[..] else { panic!() };
        assert_eq!((*workspace, what.contains("roster")), (damaged, true), "{what}");
        let database = folder.database().unwrap();
        assert_eq!(successors(&database, &scribe).len(), 2);
        assert!(!is_served(&database, damaged));
    }

    fn successors(database: &Sqlite, scribe: &Scribe) -> Vec<bowline_wire::successor::SaidSuccessor> {
        database.log(scribe.workspace()).unwrap().unwrap().successors
    }

    #[test]
    fn a_restore_that_ended_before_the_database_changed_is_known_and_run_again() {
        let place = TempDir::new().unwrap();
        let scribe = served(place.path());
        let folder = DataFolder::open(place.path()).unwrap();
        let database = folder.database().unwrap();
        assert!(!folder.is_older_than_a_restore(&database).unwrap());
        let identity = folder.identity(&mut rng(1)).unwrap();
        let plan = plan(&database, &identity, &Earlier::default(), &mut rng(3)).unwrap();
        restores::write(place.path(), plan.noted()).unwrap();
        // The power goes here.
        assert!(folder.is_older_than_a_restore(&database).unwrap());
        drop(database);
        folder.restore(&mut rng(4)).unwrap();
        let database = folder.database().unwrap();
        assert!(!folder.is_older_than_a_restore(&database).unwrap());
        let (_, noted) = plan.noted().iter().next().unwrap();
        let said = successors(&database, &scribe);
        assert_eq!((said.len(), &said[..1]), (2, &noted.said[..]), "whoever has followed the first goes on");
    }

    #[test]
    fn a_backup_is_restored_again_whatever_became_of_the_folder_before() {
        let place = TempDir::new().unwrap();
        let (from, copy) = (place.path().join("data"), place.path().join("copy"));
        let scribe = served(&from);
        DataFolder::back_up(&from, &copy).unwrap();
        let mut before = Vec::new();
        for times in 1..=3 {
            let to = place.path().join(format!("new {times}"));
            let restored = DataFolder::restore_copy(&copy, &to, &mut rng(10 + times)).unwrap();
            assert!(restored.is_noted && !restored.logs[0].contradicts);
            let folder = DataFolder::open(&to).unwrap();
            let database = folder.database().unwrap();
            assert!(!folder.is_older_than_a_restore(&database).unwrap());
            let said = successors(&database, &scribe);
            assert_eq!((said.len() as u64, &said[..before.len()]), (times, &before[..]));
            let log = database.log(scribe.workspace()).unwrap().unwrap();
            assert_eq!(LogKey::from(&log.secret).id(), restored.logs[0].log);
            before = said;
        }
        let backup = DataFolder::open(&copy).unwrap();
        assert!(
            backup.is_older_than_a_restore(&backup.database().unwrap()).unwrap(),
            "it is not served itself"
        );
    }

    #[test]
    fn a_restore_that_was_cut_off_is_not_served_and_can_be_run_again() {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("new"));
        let scribe = served(&from);
        let cut_off = |held: &DataFolder, _: &Path| {
            assert!(
                matches!(DataFolder::create(&to), Err(DataError::InUse { .. })),
                "nobody serves it meanwhile"
            );
            held.identity(&mut rng(9)).unwrap();
            Err::<(), _>(DataError::NoModes(to.clone()))
        };
        DataFolder::copy(&from, &to, cut_off).unwrap_err();
        let folder = DataFolder::create(&to).unwrap();
        assert!(matches!(folder.database(), Err(DataError::Unfinished(path)) if path == to));
        assert!(matches!(DataFolder::read_database(&to), Err(DataError::Unfinished(path)) if path == to));
        drop(folder);
        let restored = DataFolder::restore_copy(&from, &to, &mut rng(3)).unwrap();
        assert_eq!(restored.logs.len(), 1);
        let folder = DataFolder::open(&to).unwrap();
        assert_eq!(successors(&folder.database().unwrap(), &scribe).len(), 1);
        let identity = folder.identity(&mut rng(4)).unwrap().public();
        assert_eq!(identity, DataFolder::open(&from).unwrap().identity(&mut rng(4)).unwrap().public());
    }

    #[test]
    fn a_backup_of_a_folder_that_was_put_back_is_restored_so_that_devices_follow() {
        let place = TempDir::new().unwrap();
        let (data, copy, to) =
            (place.path().join("data"), place.path().join("copy"), place.path().join("new"));
        let scribe = served(&data);
        let before = fs::read(data.join("relay.db")).unwrap();
        let folder = DataFolder::open(&data).unwrap();
        assert!(
            !folder.restore(&mut rng(3)).unwrap().is_noted,
            "the backup that was put there has it nowhere"
        );
        let followed = successors(&folder.database().unwrap(), &scribe);
        fs::write(data.join("relay.db"), before).unwrap();
        DataFolder::back_up(&data, &copy).unwrap();
        assert!(DataFolder::restore_copy(&copy, &to, &mut rng(4)).unwrap().is_noted);
        let said = successors(&DataFolder::open(&to).unwrap().database().unwrap(), &scribe);
        assert_eq!((said.len(), &said[..1]), (2, &followed[..]));
    }

    #[test]
    fn a_relay_without_a_workspace_is_restored_as_well() {
        let place = TempDir::new().unwrap();
        let folder = DataFolder::create(place.path()).unwrap();
        folder.identity(&mut rng(1)).unwrap();
        folder.database().unwrap();
        for _ in 0..2 {
            assert!(folder.restore(&mut rng(3)).unwrap().logs.is_empty());
        }
    }

    #[test]
    fn what_is_noted_is_a_secret_and_is_not_guessed_at() {
        let place = TempDir::new().unwrap();
        served(place.path());
        let folder = DataFolder::open(place.path()).unwrap();
        folder.restore(&mut rng(3)).unwrap();
        let note = place.path().join("restores.key");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&note).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let line = fs::read_to_string(&note).unwrap();
        for wrong in [&line[..line.len() / 2], "no such thing"] {
            fs::write(&note, wrong).unwrap();
            let refused = folder.restore(&mut rng(4)).unwrap_err();
            assert!(matches!(refused, NotRestored::Data(DataError::Restores(_))), "{refused}");
            assert_eq!(fs::read_to_string(&note).unwrap(), wrong);
        }
        fs::write(&note, &line).unwrap();
        folder.restore(&mut rng(4)).unwrap();
    }
}
