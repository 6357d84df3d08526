//! What can go wrong with the relay's database, split by whose fault it is.

use std::io;

use rusqlite::ffi;
use thiserror::Error;

use crate::storage::StorageError;

/// Why the database did not do what it was asked. Of a failed write nothing is stored. Carries neither keys nor bodies,
/// so it may be logged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    // The environment's.
    /// No room on the disk, or a quota of the file system reached.
    #[error("there is no space left on the disk")]
    DiskFull(#[source] rusqlite::Error),
    /// The file or what SQLite keeps beside it cannot be opened or written by this user.
    #[error("the database cannot be opened or written")]
    NotWritable(#[source] rusqlite::Error),
    /// The file could not be made.
    #[error("the database file cannot be created")]
    NotCreated(#[source] io::Error),
    /// Another process holds the write lock.
    #[error("another process is holding the database")]
    Busy(#[source] rusqlite::Error),
    /// The disk failed to read or write.
    #[error("the disk reported an error")]
    Io(#[source] rusqlite::Error),

    // A file that is not this program's to use.
    /// Written by a newer version of this program. The file was not touched.
    #[error("the database has version {found}, and this program knows versions up to {known}")]
    NewerVersion {
        /// What the file says.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// Not SQLite (or its first page is overwritten), or another program's database. The file was not touched.
    #[error("the file is not a relay's database, or its beginning is overwritten")]
    NotOurs,
    /// What is read is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(String),

    // Ours.
    /// A commit that does not continue the log it is for.
    #[error("the commit does not fit the log: {0}")]
    Misuse(&'static str),
    /// Anything else SQLite says.
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
            | E::Utf8Error(..) => Self::Damaged("a row cannot be read back".to_owned()),
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

impl From<DatabaseError> for StorageError {
    fn from(error: DatabaseError) -> Self {
        use DatabaseError as E;
        match error {
            E::DiskFull(_) | E::NotWritable(_) | E::NotCreated(_) | E::Busy(_) | E::Io(_) => {
                Self::Unavailable(error.to_string())
            }
            E::NewerVersion { .. } | E::NotOurs => Self::Corrupt(error.to_string()),
            E::Damaged(what) => Self::Corrupt(what),
            E::Misuse(what) => Self::Misuse(what),
            E::Unexpected(error) => {
                tracing::error!(%error, "the database refused a statement");
                Self::Misuse("the database refused a statement")
            }
        }
    }
}
