//! Opening a database that belongs to another program, and asking it what it has.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::tree::{Found, Refused, Sort, Tree};

/// How long SQLite waits for whoever has the database to itself for a moment.
const BUSY: Duration = Duration::from_secs(5);

/// Bytes of one value that SQLite hands out: an archive with room to spare.
const VALUE_MAX: i32 = 128 << 20;

/// The files that SQLite keeps beside a database, and opens by itself.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Opens a database read-only where it lies. Nothing is written into it and nothing is taken from it but what is asked for;
/// SQLite itself makes the files `-wal` and `-shm` beside it if they are not there.
pub(crate) fn open(folder: &Tree, name: &str) -> Result<Connection, String> {
    let is_file = |name: &str| match folder.sort_of(name) {
        Ok(Sort::File) => Ok(()),
        Ok(Sort::Link) => Err(Refused::Link),
        Ok(Sort::Folder) => Err(Refused::NotAFile),
        Ok(Sort::Special) => Err(Refused::Special),
        Err(refused) => Err(refused),
    };
    is_file(name).map_err(|refused| refused.to_string())?;
    for ending in BESIDE {
        match is_file(&format!("{name}{ending}")) {
            Ok(()) | Err(Refused::Missing) => {}
            Err(refused) => return Err(format!("{name}{ending}: {refused}")),
        }
    }
    let path = folder.real().join(name);
    connect(&path).map_err(|error| reason(&error))
}

/// Whether a file beside a database is one that SQLite makes to read it, so that it may be there or not.
pub(crate) fn is_made_to_read(found: &Found, database: &str) -> bool {
    let ending = found.name.strip_prefix(database).filter(|_| found.sort == Sort::File);
    ending.is_some_and(|ending| matches!(ending, "-wal" | "-shm"))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        // Should a link have taken the place of a folder or file since it was looked at.
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(uri(path), flags)?;
    connection.busy_timeout(BUSY)?;
    // What the schema of a strange database says is not run.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, VALUE_MAX)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // Reads the header and, if there is one, the write-ahead log: what is wrong with either shows here.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Ok(connection)
}

/// A path as a URI, every byte that means something in one escaped.
fn uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    let text = path.to_string_lossy();
    #[cfg(windows)]
    let text = format!("/{}", text.trim_start_matches(r"\\?\").replace('\\', "/"));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'~' | b':') {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}"); // writing to a String cannot fail
        }
    }
    uri.push_str("?mode=ro");
    uri
}

/// Why a database cannot be read, and what to do. Says nothing of what is in it.
pub(crate) fn reason(error: &rusqlite::Error) -> String {
    let Some(code) = error.sqlite_error_code() else {
        return "it does not hold what OpenClaw's databases hold".to_owned();
    };
    match code {
        ErrorCode::NotADatabase => "it is not a SQLite database, or is an encrypted one",
        ErrorCode::DatabaseCorrupt => "the database is damaged: let OpenClaw repair it (openclaw doctor), then import again",
        ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::FileLockingProtocolFailed => {
            "SQLite cannot open it for reading: it has to make the files -wal and -shm beside it, and may not. Make its folder \
             writable, or start OpenClaw, which has them open; or stop OpenClaw, copy the whole folder to where you may write, \
             and import that"
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => "OpenClaw is busy with it: import again in a moment",
        ErrorCode::OutOfMemory | ErrorCode::TooBig => "something in it is too large to be read",
        ErrorCode::SystemIoFailure => "the disk it is on cannot be read",
        _ => "it does not hold what OpenClaw's databases hold",
    }
    .to_owned()
}

/// The columns of a table; none if there is no such table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Columns(BTreeSet<String>);

impl Columns {
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    pub(crate) fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.contains(name))
    }

    /// The column, or what stands for one that is not there.
    pub(crate) fn or_null(&self, name: &'static str) -> &'static str {
        if self.contains(name) { name } else { "NULL" }
    }
}

/// What columns a table has. A view or a virtual table under the name does not count: it could do anything when it is read.
pub(crate) fn table(connection: &Connection, name: &str) -> rusqlite::Result<Columns> {
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'";
    if connection.query_row(sql, [name], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Columns::default());
    }
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let names = statement.query_map([name], |row| row.get(0))?;
    names.collect::<rusqlite::Result<_>>().map(Columns)
}

/// Whether there are transcripts in a database at all: one of generation A has none.
pub(crate) fn has_transcripts(connection: &Connection) -> rusqlite::Result<bool> {
    let events = table(connection, "transcript_events")?;
    Ok(events.has(&["session_id", "seq"]) && (events.contains("event_json") || events.contains("event_zstd")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a database in WAL mode that nobody has open.
    fn folder(name: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join(name)).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (a, b);").unwrap();
        folder
    }

    #[test]
    fn a_name_that_means_something_in_a_uri_is_only_a_name() {
        let name = "a b?mode=rwc&x=%41#y.sqlite";
        let folder = folder(name);
        let connection = open(&Tree::open(folder.path()).unwrap(), name).unwrap();
        assert!(table(&connection, "t").unwrap().has(&["a", "b"]));
    }

    #[test]
    fn what_is_opened_cannot_be_written() {
        let folder = folder("x");
        let connection = open(&Tree::open(folder.path()).unwrap(), "x").unwrap();
        assert!(connection.execute("INSERT INTO t VALUES (1, 2)", []).is_err());
        assert!(connection.pragma_update(None, "user_version", 7).is_err());
    }

    #[test]
    fn a_view_or_a_virtual_table_has_no_columns() {
        let connection = Connection::open_in_memory().unwrap();
        let sql =
            "CREATE TABLE t (a); CREATE VIEW v AS SELECT a FROM t; CREATE VIRTUAL TABLE f USING fts5(a);";
        connection.execute_batch(sql).unwrap();
        for name in ["v", "f", "nothing"] {
            assert_eq!(table(&connection, name).unwrap(), Columns::default(), "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_a_database_is_not_opened() {
        let folder = folder("x");
        std::os::unix::fs::symlink("x", folder.path().join("y")).unwrap();
        assert!(open(&Tree::open(folder.path()).unwrap(), "y").unwrap_err().contains("link"));
        // Nor by SQLite, should it come there between looking and opening.
        assert!(connect(&folder.path().canonicalize().unwrap().join("y")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn where_sqlite_may_make_no_files_it_is_said_what_to_do() {
        use std::os::unix::fs::PermissionsExt;
        let folder = folder("x");
        let mode =
            |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o555);
        let may_write = std::fs::File::create(folder.path().join("probe")).is_ok();
        let opened = open(&Tree::open(folder.path()).unwrap(), "x");
        mode(0o755);
        if may_write {
            println!("skipped: whoever runs this test may write everywhere");
        } else {
            assert!(opened.unwrap_err().contains("-wal and -shm"));
        }
        let missing = connect(&folder.path().join("no such folder/x")).unwrap_err();
        assert!(reason(&missing).contains("-wal and -shm"));
    }
}
