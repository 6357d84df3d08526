//! What can go wrong with a database, split by whose fault it is.

use std::io;

use rusqlite::ffi;
use thiserror::Error;

/// Why a database did not do what it was asked. Of a failed write nothing is stored.
///
/// No variant carries content, keys or paths, so each may be logged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    // The environment's.
    /// The disk is full, or a quota of the file system is reached. Free space and do the same again.
    #[error("there is no space left on the disk")]
    DiskFull(#[source] rusqlite::Error),
    /// This user cannot open or write the file, or what SQLite keeps beside it.
    #[error("the database cannot be opened or written")]
    NotWritable(#[source] rusqlite::Error),
    /// The file or its folder could not be made.
    #[error("the database file cannot be created")]
    NotCreated(#[source] io::Error),
    /// Another process held the write lock for longer than [`BUSY_TIMEOUT`](crate::database::BUSY_TIMEOUT).
    #[error("another process is holding the database")]
    Busy(#[source] rusqlite::Error),
    /// The disk failed to read or write.
    #[error("the disk reported an error")]
    Io(#[source] rusqlite::Error),

    // A file that is not what this program wrote. Nothing is repaired or overwritten: restore a backup.
    /// A newer version of this program wrote the file: update the program. The file was not touched.
    #[error("the database has version {found}, this program knows up to {known}: update the program")]
    NewerVersion {
        /// The version of the file.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// The file is not SQLite's, or its first page is overwritten, or it is another program's database. It was not
    /// touched.
    #[error("the file is not a database of this program, or its beginning is overwritten")]
    NotOurs,
    /// What is in the file is not what was written into it.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// A stored value does not have the shape in which this program writes it.
    #[error("a stored row cannot be read back")]
    Undecodable(#[source] rusqlite::Error),

    // Ours.
    /// Anything else that SQLite says: a statement of ours is wrong.
    #[error("unexpected database error")]
    Unexpected(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error as E;
        match &error {
            E::SqliteFailure(failure, message) => {
                let (failure, message) = (*failure, message.clone());
                Self::from_sqlite(failure, message, error)
            }
            E::FromSqlConversionFailure(..)
            | E::IntegralValueOutOfRange(..)
            | E::InvalidColumnType(..)
            | E::Utf8Error(..) => Self::Undecodable(error),
            _ => Self::Unexpected(error),
        }
    }
}

impl DatabaseError {
    fn from_sqlite(failure: ffi::Error, message: Option<String>, error: rusqlite::Error) -> Self {
        use ffi::ErrorCode as C;
        match failure.code {
            C::DiskFull => Self::DiskFull(error),
            // The side file that processes share could not be made larger: there is no room for it.
            C::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull(error),
            C::CannotOpen | C::ReadOnly | C::PermissionDenied => Self::NotWritable(error),
            C::DatabaseBusy | C::DatabaseLocked | C::FileLockingProtocolFailed => Self::Busy(error),
            C::SystemIoFailure => Self::Io(error),
            C::DatabaseCorrupt => Self::Damaged(message.unwrap_or_else(|| failure.to_string())),
            C::NotADatabase => Self::NotOurs,
            _ => Self::Unexpected(error),
        }
    }
}
