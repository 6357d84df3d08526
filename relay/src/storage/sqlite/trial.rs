//! Tries whether something could be stored, without storing it.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use bowline_disk::file;
use bowline_wire::limits::MAX_FRAME;
use rusqlite::TransactionBehavior;

use super::Sqlite;
use crate::storage::StorageError;

/// Bytes for which there has to be room: the largest frame that a device sends.
const ROOM: usize = MAX_FRAME;

/// What is added to the database's path for the file with which room is looked for.
const SUFFIX: &str = "-room";

impl Sqlite {
    /// Looks for room for the largest frame beside the database, and commits a page that stays as it is.
    pub(super) fn try_out(&mut self) -> Result<(), StorageError> {
        let path =
            self.connection.path().filter(|path| !path.is_empty()).map(|path| format!("{path}{SUFFIX}"));
        if let Some(path) = path {
            find_room(Path::new(&path)).map_err(|error| no_room(&error))?;
        }
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let version: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
        tx.pragma_update(None, "user_version", version)?;
        Ok(tx.commit()?)
    }
}

/// Writes a file of [`ROOM`] bytes and takes it away again.
fn find_room(path: &Path) -> io::Result<()> {
    file::remove(path)?;
    let written = file::create(path).and_then(|mut file| file.write_all(&vec![0; ROOM]));
    let removed = fs::remove_file(path);
    written.and(removed)
}

fn no_room(error: &io::Error) -> StorageError {
    StorageError::Unavailable(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "there is no space left on the disk".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => "the disk is read-only".to_owned(),
        _ => format!("no file can be made beside the database: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn trying_changes_nothing_and_leaves_no_file() {
        let folder = TempDir::new().unwrap();
        let mut database = Sqlite::open(&folder.path().join("relay.db")).unwrap();
        let names = || {
            let mut names: Vec<_> =
                fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        database.try_out().unwrap();
        assert_eq!(names(), before);
        database.integrity_check().unwrap();
        drop(database);
        Sqlite::open(&folder.path().join("relay.db")).unwrap();
        Sqlite::in_memory().unwrap().try_out().unwrap();
    }

    #[test]
    fn no_room_in_the_folder_or_in_the_database_is_found() {
        let folder = TempDir::new().unwrap();
        let mut database = Sqlite::open(&folder.path().join("relay.db")).unwrap();
        let in_the_way = folder.path().join("relay.db-room");
        fs::create_dir(&in_the_way).unwrap();
        assert!(matches!(database.try_out(), Err(StorageError::Unavailable(_))));
        fs::remove_dir(&in_the_way).unwrap();
        database.connection.pragma_update(None, "query_only", true).unwrap();
        assert!(matches!(database.try_out(), Err(StorageError::Unavailable(_))));
        database.connection.pragma_update(None, "query_only", false).unwrap();
        database.try_out().unwrap();
    }
}
