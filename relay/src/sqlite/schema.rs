//! The relay's tables, their versions, and the settings every connection gets.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use super::DatabaseError;

/// Marks the file as a relay's: `BowR` in ASCII.
const APPLICATION_ID: i64 = 0x426f_7752;

/// How long a statement waits for another process. Only the operator's tools read beside a relay, and none of them
/// holds a lock for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Kibibytes of pages kept in memory: the upper levels of all indexes of a large relay.
const CACHE_KIBIBYTES: i64 = 16 * 1024;

/// Bytes to which the write-ahead log is cut back after a checkpoint, should a long read have let it grow.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;

/// Statements kept prepared: a few more than this crate has.
const CACHED_STATEMENTS: usize = 32;

/// What turns version `i` of the schema into version `i + 1`. A released step is never edited.
const STEPS: &[&str] = &[VERSION_1];

/// Short columns come before long ones, so that reading them does not follow overflow pages. An id or a number may be
/// there twice (`Storage::position_of`), so neither index is unique. Times are milliseconds since 1970.
const VERSION_1: &str = "
CREATE TABLE log (
    n           INTEGER PRIMARY KEY,
    workspace   BLOB NOT NULL UNIQUE,
    secret      BLOB NOT NULL,
    position    INTEGER NOT NULL,
    hash        BLOB NOT NULL,
    content     INTEGER NOT NULL,
    control     INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    appended_at INTEGER NOT NULL
) STRICT;

CREATE TABLE chain (
    n           INTEGER PRIMARY KEY,
    log         INTEGER NOT NULL REFERENCES log (n),
    device      BLOB NOT NULL,
    incarnation BLOB NOT NULL,
    lane        INTEGER NOT NULL,
    tip         BLOB NOT NULL,
    UNIQUE (log, device, incarnation, lane)
) STRICT;

CREATE TABLE entry (
    n         INTEGER PRIMARY KEY,
    log       INTEGER NOT NULL REFERENCES log (n),
    position  INTEGER NOT NULL,
    type      INTEGER NOT NULL,
    chain     INTEGER NOT NULL REFERENCES chain (n),
    seq       INTEGER NOT NULL,
    hash      BLOB NOT NULL,
    id        BLOB NOT NULL,
    signature BLOB NOT NULL,
    header    BLOB NOT NULL,
    body      BLOB,
    UNIQUE (log, position)
) STRICT;
CREATE INDEX entry_id ON entry (log, id, position);
CREATE INDEX entry_seq ON entry (chain, seq);
CREATE INDEX entry_roster ON entry (log, position) WHERE type = 16;
";

/// Makes a connection fit for use: settings, and every step of the schema it lacks.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), DatabaseError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let is_new = !missing_steps(connection)?.is_empty();
    harden(connection)?;
    if is_new {
        // Before the first table, or it has no effect: pages of a deleted workspace go back to the file system.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    // A database in memory answers "memory" and stays what it is.
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // On macOS an fsync alone may stay in the drive's cache; elsewhere these do nothing.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update_and_check(None, "journal_size_limit", JOURNAL_BYTES, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "secure_delete", true, |_| Ok(()))?;
    migrate(connection)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    check_heads(connection)
}

/// Makes a connection fit for reading beside a relay that serves. Writes nothing.
pub(super) fn prepare_for_reading(connection: &Connection) -> Result<(), DatabaseError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    if !missing_steps(connection)?.is_empty() {
        return Err(DatabaseError::NotOurs);
    }
    harden(connection)
}

fn harden(connection: &Connection) -> Result<(), DatabaseError> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection.set_db_config(setting, on)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?;
    // What is sorted must not spill into a file elsewhere.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// The steps this database lacks, with the version each one leads to.
fn missing_steps(connection: &Connection) -> Result<Vec<(i64, &'static str)>, DatabaseError> {
    let sql = "SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema)
               FROM pragma_user_version, pragma_application_id";
    let (found, application, objects): (i64, i64, i64) =
        connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if application != APPLICATION_ID && (application, found, objects) != (0, 0, 0) {
        return Err(DatabaseError::NotOurs);
    }
    let steps: Vec<(i64, &str)> = (1..).zip(STEPS.iter().copied()).collect();
    let known = steps.last().map_or(0, |(leads_to, _)| *leads_to);
    if found > known {
        return Err(DatabaseError::NewerVersion { found, known });
    }
    Ok(steps.into_iter().filter(|(leads_to, _)| *leads_to > found).collect())
}

/// Nobody else migrates at the same time: whoever writes holds the data folder's lock.
fn migrate(connection: &mut Connection) -> Result<(), DatabaseError> {
    for (leads_to, step) in missing_steps(connection)? {
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", leads_to)?;
        tx.commit()?;
        tracing::debug!(version = leads_to, "schema step done");
    }
    Ok(())
}

/// Every log ends with the entry that its row names. Costs one look-up for each log, so it is asked whenever the
/// database is opened: a relay must not sign for a log that was cut short.
fn check_heads(connection: &Connection) -> Result<(), DatabaseError> {
    let sql =
        "SELECT count(*) FROM log LEFT JOIN entry ON entry.log = log.n AND entry.position = log.position
               WHERE entry.hash IS NOT log.hash
                  OR EXISTS (SELECT 1 FROM entry AS later
                             WHERE later.log = log.n AND later.position > log.position)";
    match connection.query_row(sql, (), |row| row.get::<_, i64>(0))? {
        0 => Ok(()),
        logs => Err(DatabaseError::Damaged(format!("{logs} logs do not end with their last entry"))),
    }
}
