//! What is in the columns of the tables, and how it is read back.

use bowline_wire::codec::{Canonical, decode};
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

/// A value in its encoding, if there is one.
fn encoded<T: Canonical>(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<Option<T>> {
    let unreadable = |why| rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, Box::new(why));
    row.get_ref(index)?.as_blob_or_null()?.map(|bytes| decode(bytes).map_err(unreadable)).transpose()
}

/// What was said of checkpoints, as it is stored; nothing if none was spoken of.
pub(super) fn checkpoints(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<Checkpoints> {
    Ok(encoded(row, index)?.unwrap_or_default())
}

/// By which state entries are let go, from its encoding and from how far it has come.
pub(super) fn letting_go(row: &SqlRow<'_>, by: usize, swept: usize) -> rusqlite::Result<Option<LettingGo>> {
    let Some(by) = encoded::<LettingGo>(row, by)? else { return Ok(None) };
    Ok(Some(LettingGo { swept: Position(unsigned(row, swept)?), ..by }))
}

/// A stored number; a negative one is an error.
pub(super) fn unsigned(row: &SqlRow<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(index, number))
}
