//! A copy of everything a relay keeps, made while it serves.

use std::fs;
use std::io;
use std::path::Path;

use bowline_disk::{folder, secret};

use super::{DATABASE, DataError, DataFolder, IDENTITY, KEY, TOKEN, failed, read, restores, write};
use crate::storage::sqlite::Sqlite;

/// Name of the copied database until it is whole. No command takes a folder without a database for a relay's, so a copy
/// that was interrupted is served by none.
const UNFINISHED: &str = "relay.db.unfinished";

impl DataFolder {
    /// Copies database, keys, token and what is noted of restores into a new folder (0700, files 0600), as they are at one moment, also
    /// while a relay serves them. The copy is durable once this has returned.
    ///
    /// # Errors
    /// [`DataError::AlreadyThere`] if there is something of that name; [`DataError::KeyMissing`] rather than a copy that no
    /// device would talk to.
    pub fn back_up(from: &Path, to: &Path) -> Result<Sqlite, DataError> {
        // Without it a restore of the copy would go on from a key that devices have left behind.
        Self::copy(from, to, |_| restores::copy(from, to))?;
        Self::read_database(to)
    }

    /// Copies everything into a new folder. `finish` gets the copied database before any command takes it for one.
    pub(super) fn copy<T, E: From<DataError>>(
        from: &Path,
        to: &Path,
        finish: impl FnOnce(&Path) -> Result<T, E>,
    ) -> Result<T, E> {
        let database = Self::read_database(from)?;
        let key = read(&from.join(KEY))?.ok_or_else(|| DataError::KeyMissing(from.join(KEY)))?;
        let (identity, token) = (read(&from.join(IDENTITY))?, read(&from.join(TOKEN))?);
        if identity.is_none() && database.has_had_an_identity() {
            return Err(DataError::KeyMissing(from.join(IDENTITY)).into());
        }
        if to.symlink_metadata().is_ok() {
            return Err(DataError::AlreadyThere(to.to_owned()).into());
        }
        secret::make_folder(to).map_err(|error| match error {
            secret::SecretError::Io(source) => failed(to, "created", source),
            _ => DataError::NoModes(to.to_owned()),
        })?;
        for (name, line) in [(KEY, Some(key)), (IDENTITY, identity), (TOKEN, token)] {
            if let Some(line) = line {
                let path = to.join(name);
                write(&path, str::from_utf8(&line).map_err(|_| not_text(&from.join(name)))?)?;
            }
        }
        let (unfinished, copy) = (to.join(UNFINISHED), to.join(DATABASE));
        let of_copy = |source| DataError::Database { path: copy.clone(), source };
        database.copy_to(&unfinished).map_err(of_copy)?;
        let finished = finish(&unfinished)?;
        let named: io::Result<()> = fs::rename(&unfinished, &copy)
            .and_then(|()| folder::sync_parent(&copy))
            .and_then(|()| folder::sync_parent(to));
        named.map_err(|source| failed(&copy, "written", source))?;
        Ok(finished)
    }
}

fn not_text(path: &Path) -> DataError {
    DataError::Unreadable { path: path.to_owned(), what: "one line of text" }
}

#[cfg(test)]
mod tests {
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
