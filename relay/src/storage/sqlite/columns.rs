//! What is in the columns of the tables, and how it is read back.

use bowline_wire::codec::decode;
use bowline_wire::ids::{LogTime, Position};
use bowline_wire::log::Checkpoints;
use rusqlite::Row as SqlRow;
use rusqlite::types::Type;

use crate::storage::{LettingGo, StorageError};

/// A position or number to look for. No stored one is above 2⁶³ − 1, so a larger one finds nothing.
pub(super) fn at(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// A number as SQLite's signed integer, to be stored.
pub(super) fn signed(number: u64) -> Result<i64, StorageError> {
    i64::try_from(number).map_err(|_| StorageError::Misuse("a number is too large to store"))
}

/// A log's time; the one before every log where none is stored, in logs that are older than protocol 1.
pub(super) fn log_time(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<LogTime> {
    let Some(time) = row.get::<_, Option<i64>>(index)? else { return Ok(LogTime::START) };
    let parsed = u64::try_from(time).ok().and_then(LogTime::new);
    parsed.ok_or(rusqlite::Error::IntegralValueOutOfRange(index, time))
}

/// What was said of checkpoints, as it is stored; nothing if none was spoken of.
pub(super) fn checkpoints(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<Checkpoints> {
    let stored = row.get_ref(index)?.as_blob_or_null()?;
    let unreadable = |why| rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(why));
    stored.map_or(Ok(Checkpoints::default()), |bytes| decode(bytes).map_err(unreadable))
}

/// A stored number; a negative one is an error.
pub(super) fn unsigned(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}

/// By which state entries are let go, from its encoding and from how far it has come.
pub(super) fn letting_go(row: &SqlRow<'_>, by: usize, swept: usize) -> rusqlite::Result<Option<LettingGo>> {
    let Some(bytes) = row.get_ref(by)?.as_blob_or_null()? else { return Ok(None) };
    let unreadable = |why| rusqlite::Error::FromSqlConversionFailure(by, Type::Blob, Box::new(why));
    let by: LettingGo = decode(bytes).map_err(unreadable)?;
    Ok(Some(LettingGo { swept: Position(unsigned(row, swept)?), ..by }))
}
