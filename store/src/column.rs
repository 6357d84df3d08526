//! How identifiers and numbers become column values and back.

use bowline_wire::ids::{ChainKey, DeviceId, Incarnation, Lane, LogHash, LogTime, Millis};
use rusqlite::types::{FromSqlError, Type, ValueRef};
use rusqlite::{Error, Row};

use crate::StoreError;

/// Declares the number of a row in one table: meaningless outside this database.
macro_rules! row_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl rusqlite::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(
                value: rusqlite::types::ValueRef<'_>,
            ) -> rusqlite::types::FromSqlResult<Self> {
                value.as_i64().map(Self)
            }
        }
    };
}
pub(crate) use row_number;

/// An identifier of `N` bytes; any other length is an error.
pub(crate) fn id<const N: usize, T>(row: &Row<'_>, index: usize, make: fn([u8; N]) -> T) -> Result<T, Error> {
    row.get(index).map(make)
}

/// An identifier of `N` bytes, or NULL.
pub(crate) fn optional_id<const N: usize, T>(
    row: &Row<'_>,
    index: usize,
    make: fn([u8; N]) -> T,
) -> Result<Option<T>, Error> {
    Ok(row.get::<_, Option<[u8; N]>>(index)?.map(make))
}

/// A count, position or sequence number, as SQLite's signed integer.
pub(crate) fn int(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::NumberTooLarge)
}

/// A count, position or sequence number; a negative one is an error.
pub(crate) fn number(row: &Row<'_>, index: usize) -> Result<u64, Error> {
    let value: i64 = row.get(index)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(index, value))
}

/// A time; a negative one is an error.
pub(crate) fn millis(row: &Row<'_>, index: usize) -> Result<Millis, Error> {
    number(row, index).map(Millis)
}

/// A log's time; where there is none, in what is older than protocol 1, the one before every log.
pub(crate) fn log_time(row: &Row<'_>, index: usize) -> Result<LogTime, Error> {
    let Some(value) = row.get::<_, Option<i64>>(index)? else { return Ok(LogTime::START) };
    let time = u64::try_from(value).ok().and_then(LogTime::new);
    time.ok_or(Error::IntegralValueOutOfRange(index, value))
}

/// A log hash; empty where it is not known.
pub(crate) fn log_hash(row: &Row<'_>, index: usize) -> Result<Option<LogHash>, Error> {
    match row.get_ref(index)? {
        ValueRef::Blob([]) => Ok(None),
        _ => id(row, index, LogHash::from_bytes).map(Some),
    }
}

/// Device, incarnation and lane from three columns in a row.
pub(crate) fn chain_key(row: &Row<'_>, first: usize) -> Result<ChainKey, Error> {
    Ok(ChainKey {
        device: id(row, first, DeviceId::from_bytes)?,
        incarnation: id(row, first + 1, Incarnation::from_bytes)?,
        lane: coded(row, first + 2, Lane::from_number)?,
    })
}

/// An enum stored as its number; a number without a meaning is an error.
pub(crate) fn coded<T>(row: &Row<'_>, index: usize, make: fn(u8) -> Option<T>) -> Result<T, Error> {
    let value: u8 = row.get(index)?;
    make(value).ok_or_else(|| {
        let cause = Box::new(FromSqlError::OutOfRange(value.into()));
        Error::FromSqlConversionFailure(index, Type::Integer, cause)
    })
}
