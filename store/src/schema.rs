//! The tables, their versions, and the settings every connection gets.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use crate::{Store, StoreError};

/// Marks the file as ours: "Bowl" in ASCII.
const APPLICATION_ID: i64 = 0x426f_776c;

/// Statements kept prepared per connection: a little more than this crate has.
const CACHED_STATEMENTS: usize = 128;

/// How often the switch to write-ahead logging is tried. It happens once in the life of a file, so only processes that
/// start together for the first time get in each other's way.
const SWITCH_ATTEMPTS: u32 = 100;

/// What turns version `i` of the schema into version `i + 1`. A released step is never edited.
const STEPS: &[&str] = &[VERSION_1, VERSION_2, VERSION_3];

/// Small columns come before long ones, so that reading them does not follow overflow pages.
///
/// `entry.state`: 0 offered, 1 on the log, 2 quarantined, 3 refused, 4 update needed (`EntryState`).
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

/// Makes `connection` one on which a [`Store`] can work: settings, then whatever steps are missing.
///
/// What is not ours or too new is refused before anything is written.
pub(crate) fn prepare(connection: &mut Connection) -> Result<(), StoreError> {
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
    }
    connection.busy_timeout(Store::BUSY_TIMEOUT)?;
    missing_steps(connection, STEPS)?;
    configure(connection)?;
    migrate(connection, STEPS)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(())
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    write_ahead(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an fsync alone may stay in the drive's cache; elsewhere this does nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A large sort must not spill content into a file elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// Switches to write-ahead logging; an in-memory database answers "memory" and stays what it is.
///
/// The switch wants the file to itself and does not wait for it as a transaction does. So whenever another process is
/// in the way, a transaction does the waiting.
fn write_ahead(connection: &Connection) -> Result<(), StoreError> {
    let switch = || connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()));
    for _ in 0..SWITCH_ATTEMPTS {
        match switch().map_err(StoreError::from) {
            Err(StoreError::Busy(_)) => connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?,
            outcome => return outcome,
        }
    }
    Ok(switch()?)
}

/// The steps this database lacks, with the version each one leads to.
fn missing_steps<'s>(
    connection: &Connection,
    steps: &'s [&'s str],
) -> Result<Vec<(i64, &'s str)>, StoreError> {
    // One statement, so that another process's first step is seen whole or not at all.
    let sql = "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_user_version, pragma_application_id";
    let (found, application, objects): (i64, i64, i64) =
        connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let known = i64::try_from(steps.len()).map_err(|_| StoreError::NumberTooLarge)?;
    if application != APPLICATION_ID && (application, found, objects) != (0, 0, 0) {
        return Err(StoreError::NotOurs);
    }
    if found > known {
        return Err(StoreError::NewerVersion { found, known });
    }
    Ok((1..).zip(steps.iter().copied()).filter(|(leads_to, _)| *leads_to > found).collect())
}

fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    if missing_steps(connection, steps)?.is_empty() {
        return Ok(());
    }
    // Rebuilding a table must not cascade; each step is checked as a whole instead.
    connection.pragma_update(None, "foreign_keys", false)?;
    loop {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Asked again under the write lock: another process may have been faster.
        let missing = missing_steps(&tx, steps)?;
        let Some((leads_to, step)) = missing.first() else {
            return Ok(());
        };
        tx.execute_batch(step)?;
        check_references(&tx)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", leads_to)?;
        tx.commit()?;
        tracing::debug!(version = leads_to, "schema step done");
    }
}

/// Every reference leads to a row.
pub(crate) fn check_references(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT \"table\" FROM pragma_foreign_key_check")?;
    match statement.query_map((), |row| row.get::<_, String>(0))?.next() {
        None => Ok(()),
        Some(table) => Err(StoreError::Corrupt(format!("a row of {} refers to nothing", table?))),
    }
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
            "attempt",
            "base",
            "body",
            "chain",
            "change",
            "doc",
            "entry",
            "evidence",
            "import",
            "import_line",
            "intent",
            "meta",
            "sqlite_sequence",
            "state",
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
    fn an_older_database_gets_only_the_steps_it_lacks() {
        let first: &[&str] = &["CREATE TABLE one (n INTEGER) STRICT; INSERT INTO one VALUES (1)"];
        let both: &[&str] =
            &[first[0], "CREATE TABLE two (n INTEGER) STRICT; INSERT INTO two SELECT n FROM one"];
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, first).unwrap();
        assert_eq!(version(&connection), 1);
        migrate(&mut connection, both).unwrap();
        assert_eq!(version(&connection), 2);
        assert_eq!(connection.query_row("SELECT sum(n) FROM two", (), |row| row.get(0)), Ok(1));
    }

    #[test]
    fn a_step_that_fails_leaves_the_version_before_it() {
        let steps: &[&str] = &["CREATE TABLE one (n) ", "CREATE TABLE two (n); CREATE TABLE two (n)"];
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection, steps).is_err());
        assert_eq!(version(&connection), 1);
        assert_eq!(tables(&connection), ["one"]);
    }

    #[test]
    fn a_step_that_leaves_a_dangling_reference_is_undone() {
        let steps: &[&str] = &[
            "CREATE TABLE parent (n INTEGER PRIMARY KEY);
             CREATE TABLE child (n REFERENCES parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1)",
            "DELETE FROM parent",
        ];
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(matches!(migrate(&mut connection, steps), Err(StoreError::Corrupt(_))));
        assert_eq!(version(&connection), 1);
        assert_eq!(connection.query_row("SELECT count(*) FROM parent", (), |row| row.get(0)), Ok(1));
    }

    #[test]
    fn a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        prepare(&mut connection).unwrap();
        let newer = version(&connection) + 1;
        connection.pragma_update(None, "user_version", newer).unwrap();
        let refused = prepare(&mut connection).unwrap_err();
        let StoreError::NewerVersion { found, known } = refused else { panic!("{refused}") };
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
            assert!(matches!(prepare(&mut connection), Err(StoreError::NotOurs)), "{theirs}");
            assert!(!tables(&connection).contains(&"meta".to_owned()), "{theirs}");
        }
    }
}
