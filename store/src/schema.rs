//! The tables, their versions, and the settings every connection gets.

mod aside;
mod begun;
mod draft;
mod one_row;
mod reasons;
mod withheld;

use bowline_disk::{DatabaseError, Schema, database};
use rusqlite::Connection;

use self::aside::VERSION_8;
use self::begun::VERSION_9;
use self::draft::VERSION_7;
use self::one_row::VERSION_5;
use self::reasons::VERSION_4;
use self::withheld::VERSION_6;

/// Marks the file as ours: "Bowl" in ASCII.
const APPLICATION_ID: i64 = 0x426f_776c;

/// Statements kept prepared per connection: a little more than this crate has.
const CACHED_STATEMENTS: usize = 128;

/// What turns version `i` of the schema into version `i + 1`. A released step is never edited.
const STEPS: &[&str] =
    &[VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9];

const SCHEMA: Schema = Schema { application_id: APPLICATION_ID, steps: STEPS };

/// Small columns come before long ones, so that reading them does not follow overflow pages.
///
/// `entry.state`: 0 offered, 1 on the log, 2 quarantined, 3 refused, 4 update needed, 5 withheld, 6 let go (`EntryState`).
/// `entry.lane`: 0 control, 1 content.
const VERSION_1: &str = "
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE workspace (
    id          BLOB PRIMARY KEY,
    incarnation BLOB NOT NULL,
    state       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    relay       TEXT NOT NULL,
    log_id      BLOB,
    pos         INTEGER,
    log_hash    BLOB,
    head        BLOB,
    CHECK ((log_id IS NULL) = (pos IS NULL) AND (pos IS NULL) = (log_hash IS NULL)),
    CHECK (head IS NULL OR log_id IS NOT NULL)
) STRICT;

CREATE TABLE state (
    ws    BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (ws, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE chain (
    ws          BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    device      BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    lane        INTEGER NOT NULL,
    tip         BLOB NOT NULL,
    PRIMARY KEY (ws, device, incarnation, lane)
) STRICT, WITHOUT ROWID;

CREATE TABLE intent (
    n          INTEGER PRIMARY KEY,
    ws         BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    kind       INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    value      BLOB NOT NULL
) STRICT;
CREATE INDEX intent_ws ON intent (ws);

-- No reference to workspace: proof against a relay or a member outlives the workspace it is about.
CREATE TABLE evidence (
    n    INTEGER PRIMARY KEY,
    ws   BLOB NOT NULL,
    kind INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    what BLOB NOT NULL,
    UNIQUE (ws, kind, what)
) STRICT;

-- AUTOINCREMENT: a row's number is never used again, so that what another process knows by it cannot become another document.
CREATE TABLE doc (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    ws         BLOB REFERENCES workspace (id),
    id         BLOB NOT NULL,
    wire       BLOB,
    rev        INTEGER NOT NULL,
    state      INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    deleted_at INTEGER,
    created_at INTEGER NOT NULL,
    title      TEXT NOT NULL,
    preview    TEXT NOT NULL,
    heads      BLOB NOT NULL,
    CHECK (wire IS NULL OR ws IS NOT NULL)
) STRICT;
CREATE UNIQUE INDEX doc_id ON doc (coalesce(ws, x''), id); -- NULLs are distinct in a plain unique index
CREATE UNIQUE INDEX doc_wire ON doc (ws, wire) WHERE wire IS NOT NULL;
CREATE INDEX doc_place ON doc (ws, updated_at);
CREATE INDEX doc_updated ON doc (updated_at);

CREATE TABLE base (
    doc   INTEGER PRIMARY KEY REFERENCES doc (n) ON DELETE CASCADE,
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE entry (
    n           INTEGER PRIMARY KEY,
    ws          BLOB NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
    pos         INTEGER,
    id          BLOB NOT NULL,
    device      BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    lane        INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    type        INTEGER NOT NULL,
    wire        BLOB,
    doc         INTEGER REFERENCES doc (n) ON DELETE SET NULL,
    state       INTEGER NOT NULL,
    applied     INTEGER NOT NULL,
    log_hash    BLOB,
    reason      TEXT,
    signature   BLOB NOT NULL,
    header      BLOB NOT NULL,
    UNIQUE (ws, id),
    CHECK ((pos IS NULL) = (log_hash IS NULL)),
    CHECK (state <> 0 OR pos IS NULL),
    CHECK (state <> 1 OR pos IS NOT NULL),
    CHECK ((state IN (2, 3)) = (reason IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX entry_pos ON entry (ws, pos) WHERE pos IS NOT NULL;
CREATE INDEX entry_chain ON entry (ws, device, incarnation, lane, seq);
CREATE INDEX entry_doc ON entry (doc, pos) WHERE doc IS NOT NULL;
CREATE INDEX entry_unapplied ON entry (doc, pos) WHERE state = 1 AND lane = 1 AND applied = 0;
CREATE INDEX entry_control ON entry (ws, type, pos) WHERE state = 1 AND lane = 0;
CREATE INDEX entry_not_on_log ON entry (ws, state, lane) WHERE state <> 1;

CREATE TABLE body (
    entry INTEGER PRIMARY KEY REFERENCES entry (n) ON DELETE CASCADE,
    bytes BLOB NOT NULL
) STRICT;

-- ws repeats the document's, so that one workspace's unsealed work is found without walking through local documents'.
CREATE TABLE change (
    n     INTEGER PRIMARY KEY,
    doc   INTEGER NOT NULL REFERENCES doc (n) ON DELETE CASCADE,
    ws    BLOB,
    entry INTEGER REFERENCES entry (n) ON DELETE SET NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX change_doc ON change (doc);
CREATE INDEX change_unsealed ON change (ws, doc, entry) WHERE entry IS NULL; -- entry, so that no row is touched
CREATE INDEX change_entry ON change (entry) WHERE entry IS NOT NULL;

CREATE TABLE attempt (
    entry     INTEGER PRIMARY KEY REFERENCES entry (n) ON DELETE CASCADE,
    in_flight INTEGER NOT NULL,
    crashes   INTEGER NOT NULL
) STRICT;
";

/// What was taken over from other applications. No reference to `doc`: a document keeps its id when it moves.
///
/// `import_line.first`: number of the first of the lines, from 0; rows of one source follow one another without gaps.
const VERSION_2: &str = "
CREATE TABLE import (
    source TEXT PRIMARY KEY,
    doc    BLOB NOT NULL,
    value  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE import_line (
    source TEXT NOT NULL REFERENCES import (source) ON DELETE CASCADE,
    first  INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (source, first)
) STRICT, WITHOUT ROWID;
";

/// `doc.marks`: as the engine encodes them. A document that was here before has none until it is loaded.
const VERSION_3: &str = "
ALTER TABLE doc ADD COLUMN marks BLOB NOT NULL DEFAULT x'';
";

/// Makes `connection` one on which a [`Store`](crate::Store) can work: settings, then whatever steps are missing.
///
/// What is not ours or too new is refused before anything is written.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), DatabaseError> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    database::harden(connection)?;
    let is_behind = SCHEMA.is_behind(connection)?;
    database::make_durable(connection)?;
    if is_behind { SCHEMA.migrate(connection) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    }

    fn tables(connection: &Connection) -> Vec<String> {
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    fn setting(connection: &Connection, pragma: &str) -> i64 {
        connection.pragma_query_value(None, pragma, |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_empty_database_gets_every_table_and_our_mark() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        assert_eq!(version(&connection), i64::try_from(STEPS.len()).unwrap());
        assert_eq!(setting(&connection, "application_id"), APPLICATION_ID);
        let expected = [
            "aside",
            "attempt",
            "base",
            "begun",
            "body",
            "chain",
            "change",
            "doc",
            "entry",
            "evidence",
            "import",
            "import_line",
            "intent",
            "kept",
            "meta",
            "sqlite_sequence",
            "state",
            "weight",
            "withheld",
            "workspace",
        ];
        assert_eq!(tables(&connection), expected);
    }

    #[test]
    fn every_table_is_strict() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        let sql = "SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite%'";
        assert_eq!(connection.query_row(sql, (), |row| row.get::<_, i64>(0)).unwrap(), 0);
    }

    #[test]
    fn every_connection_gets_the_settings_that_keep_data_safe() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        for (pragma, value) in [
            ("foreign_keys", 1),
            ("secure_delete", 1),
            ("synchronous", 2),
            ("fullfsync", 1),
            ("trusted_schema", 0),
            ("cell_size_check", 1),
            ("temp_store", 2),
            ("busy_timeout", 10_000),
        ] {
            assert_eq!(setting(&connection, pragma), value, "{pragma}");
        }
    }

    #[test]
    fn preparing_again_writes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        connection.commit_hook(Some(|| true)).unwrap(); // refuses every commit
        prepare(&mut connection).unwrap();
    }

    #[test]
    fn an_open_transaction_is_rolled_back() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        connection.execute_batch("BEGIN; INSERT INTO meta VALUES ('left', x'01')").unwrap();
        prepare(&mut connection).unwrap();
        assert!(connection.is_autocommit());
        assert_eq!(connection.query_row("SELECT count(*) FROM meta", (), |row| row.get(0)), Ok(0));
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        let newer = version(&connection) + 1;
        connection.pragma_update(None, "user_version", newer).unwrap();
        let refused = prepare(&mut connection).unwrap_err();
        let DatabaseError::NewerVersion { found, known } = refused else { panic!("{refused}") };
        assert_eq!((found, known), (newer, newer - 1));
    }

    #[test]
    fn another_programs_database_is_refused_and_left_alone() {
        let with_table = "CREATE TABLE theirs (n)";
        let with_mark = "PRAGMA application_id = 42";
        let with_version = "PRAGMA user_version = 1";
        for theirs in [with_table, with_mark, with_version] {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.execute_batch(theirs).unwrap();
            assert!(matches!(prepare(&mut connection), Err(DatabaseError::NotOurs)), "{theirs}");
            assert!(!tables(&connection).contains(&"meta".to_owned()), "{theirs}");
        }
    }
}
