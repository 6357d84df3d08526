//! Opening a SQLite database, and the settings that keep it whole, and secret from whoever finds the disk.

use std::path::Path;
use std::time::Duration;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction};

use crate::DatabaseError;
#[cfg(feature = "planted-bugs")]
use crate::planted::{self, Side};
use crate::{file, folder};

/// How long a statement waits for another process's transaction. Longer than any of ours takes, short enough that a
/// person who waits learns why.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the switch to write-ahead logging is tried. It happens once in the life of a file, so only processes that
/// start together for the first time get in each other's way.
const SWITCH_ATTEMPTS: u32 = 100;

/// Opens the database at `path` for writing, and makes it (0600) and its folder (0700) if they are not there.
/// Permissions of what exists stay as they are.
pub fn open(path: &Path) -> Result<Connection, DatabaseError> {
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        folder::make(above).map_err(DatabaseError::NotCreated)?;
    }
    file::make(path).map_err(DatabaseError::NotCreated)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// Opens an existing database for reading, also while another process writes it.
pub fn open_for_reading(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Ok(Connection::open_with_flags(path, flags)?)
}

/// Makes a connection wait for others, distrust what is in the file, and refuse a row that refers to nothing. Every
/// connection gets this, and nothing is written.
pub fn harden(connection: &Connection) -> Result<(), DatabaseError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        // Otherwise a statement that could use a partial index is prepared again for each value that is bound to it.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // A large sort must not spill content into a file elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Makes what a connection commits durable, and what it deletes unreadable. May write the head of the file, so whoever
/// calls this knows that the file is theirs.
pub fn make_durable(connection: &Connection) -> Result<(), DatabaseError> {
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an fsync alone may stay in the drive's cache; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    Ok(())
}

/// Switches to write-ahead logging; a database in memory answers "memory" and stays what it is.
///
/// The switch wants the file to itself and does not wait for it as a transaction does. So whenever another process is
/// in the way, a transaction does the waiting.
fn write_ahead(connection: &Connection) -> Result<(), DatabaseError> {
    let switch = || connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
    for _ in 0..SWITCH_ATTEMPTS {
        match switch().map_err(DatabaseError::from) {
            Err(DatabaseError::Busy(_)) => connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?,
            outcome => return outcome,
        }
    }
    Ok(switch()?)
}

/// Copies a whole database over what `to` holds, as one consistent picture, while other processes may write.
///
/// # Errors
/// [`DatabaseError::Busy`] if a writer does not let go of either database; otherwise the environment's.
pub fn copy(from: &Connection, to: &mut Connection) -> Result<(), DatabaseError> {
    to.busy_timeout(BUSY_TIMEOUT)?;
    let busy = match Backup::new(from, to)?.step(-1)? {
        StepResult::Done => return Ok(()),
        StepResult::Locked => rusqlite::ffi::SQLITE_LOCKED,
        _ => rusqlite::ffi::SQLITE_BUSY,
    };
    Err(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(busy), None).into())
}

/// Commits. Once this has returned `Ok`, everything is on the disk.
pub fn commit(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    #[cfg(feature = "planted-bugs")]
    let number = planted::next_commit();
    #[cfg(feature = "planted-bugs")]
    planted::end_here(Side::Before, number);
    transaction.commit()?;
    #[cfg(feature = "planted-bugs")]
    planted::end_here(Side::After, number);
    Ok(())
}

/// Reads every page and checks every index and reference. Takes time in proportion to the file.
///
/// # Errors
/// [`DatabaseError::Damaged`] with the first thing found.
pub fn check_integrity(connection: &Connection) -> Result<(), DatabaseError> {
    let found: String = connection.query_row("PRAGMA integrity_check(1)", (), |row| row.get(0))?;
    if found != "ok" {
        return Err(DatabaseError::Damaged(found));
    }
    check_references(connection)
}

/// Checks that every reference leads to a row.
pub(crate) fn check_references(connection: &Connection) -> Result<(), DatabaseError> {
    let mut statement = connection.prepare("SELECT \"table\" FROM pragma_foreign_key_check")?;
    match statement.query_map((), |row| row.get::<_, String>(0))?.next() {
        None => Ok(()),
        Some(table) => Err(DatabaseError::Damaged(format!("a row of {} refers to nothing", table?))),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn setting(connection: &Connection, pragma: &str) -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    }

    fn opened(folder: &TempDir) -> Connection {
        let connection = open(&folder.path().join("home/database.db")).unwrap();
        harden(&connection).unwrap();
        make_durable(&connection).unwrap();
        connection
    }

    #[test]
    fn every_connection_gets_the_settings_that_keep_data_safe() {
        let folder = TempDir::new().unwrap();
        let connection = opened(&folder);
        for (pragma, value) in [
            ("synchronous", 2),
            ("fullfsync", 1),
            ("checkpoint_fullfsync", 1),
            ("secure_delete", 1),
            ("foreign_keys", 1),
            ("trusted_schema", 0),
            ("cell_size_check", 1),
            ("temp_store", 2),
            ("busy_timeout", 10_000),
        ] {
            assert_eq!(setting(&connection, pragma), value, "{pragma}");
        }
        let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(journal, "wal");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_what_is_made() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().unwrap();
        let connection = opened(&folder);
        connection.execute_batch("CREATE TABLE one (n)").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&folder.path().join("home")), 0o700);
        let files: Vec<_> =
            fs::read_dir(folder.path().join("home")).unwrap().map(|it| it.unwrap().path()).collect();
        assert_eq!(files.len(), 3, "{files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }

    #[test]
    fn hardening_writes_nothing_and_reading_does_not_make_a_database() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("database.db");
        assert!(matches!(open_for_reading(&path), Err(DatabaseError::NotWritable(_))));
        assert!(!path.exists());
        harden(&open(&path).unwrap()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    }

    #[test]
    fn a_row_that_refers_to_nothing_is_damage() {
        let folder = TempDir::new().unwrap();
        let connection = opened(&folder);
        connection
            .execute_batch(
                "CREATE TABLE parent (n INTEGER PRIMARY KEY); CREATE TABLE child (n REFERENCES parent)",
            )
            .unwrap();
        check_integrity(&connection).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF; INSERT INTO child VALUES (1)").unwrap();
        assert!(matches!(check_integrity(&connection), Err(DatabaseError::Damaged(_))));
    }

    #[test]
    fn a_full_disk_is_told_apart_and_leaves_nothing() {
        let folder = TempDir::new().unwrap();
        let mut connection = opened(&folder);
        connection.execute_batch("CREATE TABLE one (bytes BLOB)").unwrap();
        let pages = setting(&connection, "page_count");
        connection.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
        let tx = connection.transaction().unwrap();
        let refused = tx.execute("INSERT INTO one VALUES (zeroblob(100000))", ()).unwrap_err();
        assert!(matches!(DatabaseError::from(refused), DatabaseError::DiskFull(_)));
        drop(tx);
        let tx = connection.transaction().unwrap();
        tx.execute("INSERT INTO one VALUES (zeroblob(10))", ()).unwrap();
        commit(tx).unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM one", (), |row| row.get(0)), Ok(1));
    }
}
