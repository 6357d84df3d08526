//! The relay's tables, their versions, and the settings every connection gets.

mod checkpoints;
mod draft;
mod parties;
mod successor;

use bowline_disk::{DatabaseError, Schema, database};
use rusqlite::Connection;

use self::checkpoints::{VERSION_10, VERSION_11};
use self::draft::VERSION_4;
use self::parties::{VERSION_7, VERSION_9};
use self::successor::{VERSION_5, VERSION_6, VERSION_8};

/// Marks the file as a relay's: `BowR` in ASCII.
const APPLICATION_ID: i64 = 0x426f_7752;

/// Kibibytes of pages kept in memory: the upper levels of all indexes of a large relay.
const CACHE_KIBIBYTES: i64 = 16 * 1024;

/// Bytes to which the write-ahead log is cut back after a checkpoint, should a long read have let it grow.
const JOURNAL_BYTES: i64 = 64 * 1024 * 1024;

/// Statements kept prepared: a few more than this crate has.
const CACHED_STATEMENTS: usize = 48;

/// What turns version `i` of the schema into version `i + 1`. A released step is never edited.
const STEPS: &[&str] = &[
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9,
    VERSION_10, VERSION_11,
];

const SCHEMA: Schema = Schema { application_id: APPLICATION_ID, steps: STEPS };

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

/// What each device last said that it holds, as it was signed.
const VERSION_2: &str = "
CREATE TABLE holding (
    log    INTEGER NOT NULL REFERENCES log (n),
    device BLOB NOT NULL,
    said   BLOB NOT NULL,
    PRIMARY KEY (log, device)
) STRICT, WITHOUT ROWID;
";

/// Which bodies are lost is one look-up.
const VERSION_3: &str = "
CREATE INDEX entry_bodiless ON entry (log, position) WHERE body IS NULL;
";

/// How many steps were done once [`VERSION_5`] was, with which relays have an identity beside their certificate's key.
const WITH_IDENTITY: i64 = 5;

/// Makes a connection fit for use: settings, and every step of the schema it lacks.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), DatabaseError> {
    set_up(connection)?;
    let is_behind = SCHEMA.is_behind(connection)?;
    if is_new(connection)? {
        // Before the first table, or it has no effect: pages of a deleted workspace go back to the file system.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    database::make_durable(connection)?;
    connection.pragma_update_and_check(None, "journal_size_limit", JOURNAL_BYTES, |_| Ok(()))?;
    if is_behind {
        SCHEMA.migrate(connection)?;
    }
    check_heads(connection)
}

/// Makes a connection fit for reading beside a relay that serves. Writes nothing, so that an older database stays one: no
/// reader asks for what it lacks.
pub(super) fn prepare_for_reading(connection: &Connection) -> Result<(), DatabaseError> {
    set_up(connection)?;
    let is_unmade = SCHEMA.is_behind(connection)? && is_new(connection)?;
    if is_unmade { Err(DatabaseError::NotOurs) } else { Ok(()) }
}

/// Whether the step was done that came with identities. One that cannot be read says yes: then no identity is made for it.
pub(super) fn has_had_an_identity(connection: &Connection) -> bool {
    let steps = connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    !steps.is_ok_and(|steps| steps < WITH_IDENTITY)
}

/// Whether no step was done yet.
fn is_new(connection: &Connection) -> Result<bool, DatabaseError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? == 0)
}

fn set_up(connection: &Connection) -> Result<(), DatabaseError> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    database::harden(connection)?;
    Ok(connection.pragma_update(None, "cache_size", -CACHE_KIBIBYTES)?)
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
