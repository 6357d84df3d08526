//! A copy of everything a relay keeps, made while it serves.

use std::fs;
use std::io;
use std::path::Path;

use bowline_disk::{file, folder};

use super::{
    DATABASE, DataError, DataFolder, IDENTITY, KEY, TOKEN, UNFINISHED, failed, make_folder, read, restores,
    write,
};
use crate::storage::sqlite::Sqlite;

impl DataFolder {
    /// Copies database, keys, token and what is noted of restores into a new folder (0700, files 0600), as they are at one moment, also
    /// while a relay serves them. The copy is durable once this has returned.
    ///
    /// # Errors
    /// [`DataError::AlreadyThere`] if there is something of that name; [`DataError::KeyMissing`] rather than a copy that no
    /// device would talk to.
    pub fn back_up(from: &Path, to: &Path) -> Result<Sqlite, DataError> {
        Self::copy(from, to, |_, _| Ok::<_, DataError>(()))?;
        Self::read_database(to)
    }

    /// Copies everything into a new folder, or one that was cut off here. `finish` gets the folder, which is locked until the end, and the
    /// copied database before any command takes it for one.
    pub(super) fn copy<T, E: From<DataError>>(
        from: &Path,
        to: &Path,
        finish: impl FnOnce(&Self, &Path) -> Result<T, E>,
    ) -> Result<T, E> {
        let database = Self::read_database(from)?;
        let key = read(&from.join(KEY))?.ok_or_else(|| DataError::KeyMissing(from.join(KEY)))?;
        let (identity, token) = (read(&from.join(IDENTITY))?, read(&from.join(TOKEN))?);
        if identity.is_none() && database.has_had_an_identity() {
            return Err(DataError::KeyMissing(from.join(IDENTITY)).into());
        }
        let folder = Self::make_or_resume(to)?;
        // First of all, so that a folder that has keys and no whole database is known for what it is.
        let (unfinished, copy) = (to.join(UNFINISHED), to.join(DATABASE));
        let of_copy = |source| DataError::Database { path: copy.clone(), source };
        database.copy_to(&unfinished).map_err(of_copy)?;
        for (name, line) in [(KEY, Some(key)), (IDENTITY, identity), (TOKEN, token)] {
            if let Some(line) = line {
                let path = to.join(name);
                write(&path, str::from_utf8(&line).map_err(|_| not_text(&from.join(name)))?)?;
            }
        }
        // Without it a restore of the copy would go on from a key that devices have left behind.
        restores::copy(from, to)?;
        let finished = finish(&folder, &unfinished)?;
        let named: io::Result<()> = fs::rename(&unfinished, &copy)
            .and_then(|()| folder::sync_parent(&copy))
            .and_then(|()| folder::sync_parent(to));
        named.map_err(|source| failed(&copy, "written", source))?;
        Ok(finished)
    }

    /// Makes the folder of a copy and locks it. One in which a copy was cut off is begun anew.
    fn make_or_resume(to: &Path) -> Result<Self, DataError> {
        if to.symlink_metadata().is_err() {
            make_folder(to)?;
            return Self::lock(to);
        }
        let is_unfinished = || to.join(UNFINISHED).exists() && !Self::has_database(to);
        if !is_unfinished() {
            return Err(DataError::AlreadyThere(to.to_owned()));
        }
        let folder = Self::lock(to)?;
        // Whoever had the lock may have finished it.
        if !is_unfinished() {
            return Err(DataError::AlreadyThere(to.to_owned()));
        }
        for ending in ["-wal", "-shm", "-journal", ""] {
            let path = to.join(format!("{UNFINISHED}{ending}"));
            file::remove(&path).map_err(|source| failed(&path, "deleted", source))?;
        }
        Ok(folder)
    }
}

fn not_text(path: &Path) -> DataError {
    DataError::Unreadable { path: path.to_owned(), what: "one line of text" }
}

#[cfg(test)]
mod tests {
    use bowline_disk::secret;
    use tempfile::TempDir;

    use super::*;
    use crate::testing::rng;

    #[test]
    fn a_copy_has_the_key_and_the_token_and_is_a_relays_folder() {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("deep/copy"));
        let data = DataFolder::create(&from).unwrap();
        let (key, token) = (data.certificate_key(&mut rng(1)).unwrap(), data.token(&mut rng(2)).unwrap());
        let identity = data.identity(&mut rng(5)).unwrap();
        data.database().unwrap();
        assert_eq!(DataFolder::back_up(&from, &to).unwrap().workspaces().unwrap(), []);
        let copy = DataFolder::open(&to).unwrap();
        assert_eq!(copy.certificate_key(&mut rng(3)).unwrap().public(), key.public());
        assert_eq!(copy.identity(&mut rng(3)).unwrap().public(), identity.public());
        assert_eq!(copy.token(&mut rng(4)).unwrap().as_str(), token.as_str());
        copy.database().unwrap();
        assert!(matches!(DataFolder::back_up(&from, &to), Err(DataError::AlreadyThere(path)) if path == to));
    }

    #[test]
    fn without_a_key_or_a_database_there_is_no_copy() {
        let place = TempDir::new().unwrap();
        let (from, to) = (place.path().join("data"), place.path().join("copy"));
        assert!(matches!(DataFolder::back_up(&from, &to), Err(DataError::Absent(_))));
        let data = DataFolder::create(&from).unwrap();
        data.certificate_key(&mut rng(1)).unwrap();
        data.identity(&mut rng(1)).unwrap();
        data.database().unwrap();
        for name in [KEY, IDENTITY] {
            let kept = fs::read(from.join(name)).unwrap();
            fs::remove_file(from.join(name)).unwrap();
            assert!(matches!(DataFolder::back_up(&from, &to), Err(DataError::KeyMissing(_))), "{name}");
            assert!(!to.exists());
            secret::write(&from.join(name), &kept).unwrap();
        }
    }
}
