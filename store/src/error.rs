//! What can go wrong with a database, split by whose fault it is.

use std::io;

use rusqlite::ffi;
use thiserror::Error;

/// Why the store did not do what it was asked. After any error inside a transaction the database is as it was before
/// that transaction.
///
/// No variant carries content, keys or paths, so each may be logged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    // The environment's.
    /// No room on the disk, or a quota reached. Free space and do the same again.
    #[error("no space left for the database")]
    DiskFull(#[source] rusqlite::Error),
    /// The file, its folder or its side files cannot be opened or written by this user.
    #[error("the database cannot be opened or written: check who owns the folder and its permissions")]
    NotWritable(#[source] rusqlite::Error),
    /// The folder or the file could not be created.
    #[error("the database file cannot be created")]
    NotCreated(#[source] io::Error),
    /// Another process held the write lock for longer than [`Store::BUSY_TIMEOUT`](crate::Store::BUSY_TIMEOUT).
    #[error("another process is holding the database")]
    Busy(#[source] rusqlite::Error),
    /// The disk failed to read or write.
    #[error("the disk reported an error")]
    Io(#[source] rusqlite::Error),
    /// The file is damaged. Nothing is repaired or overwritten: restore a backup.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// The commit did not happen, by the decision of a hook on the connection. The transaction is rolled back.
    #[error("the commit was refused")]
    CommitRefused,

    // A file that is not this program's to open.
    /// Written by a newer version of this program: update it. The file was not touched.
    #[error("the database has version {found}, this program knows up to {known}: update the program")]
    NewerVersion {
        /// What the file says.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// Not SQLite, or another program's database. The file was not touched.
    #[error("this file is not a Bowline database")]
    NotOurs,

    // The caller's.
    /// A row that was to be changed, or to be built on, does not exist.
    #[error("there is no such {0}")]
    NoSuchRow(&'static str),
    /// The row exists but is in a state from which this step does not lead on.
    #[error("wrong state: {0}")]
    WrongState(&'static str),
    /// A row with the same identity is already there.
    #[error("already there")]
    AlreadyThere(#[source] rusqlite::Error),
    /// A rule of the schema was broken: a missing parent row, or a combination no row may have.
    #[error("the schema refuses this row")]
    Refused(#[source] rusqlite::Error),
    /// A number above 2⁶³ − 1, which SQLite cannot hold.
    #[error("a number is too large to store")]
    NumberTooLarge,

    // Ours.
    /// A stored value does not have the shape that this crate writes.
    #[error("a stored row cannot be read back")]
    Undecodable(#[source] rusqlite::Error),
    /// Anything else SQLite says: a statement of ours is wrong.
    #[error("unexpected database error")]
    Unexpected(#[source] rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
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

impl StoreError {
    fn from_sqlite(failure: ffi::Error, message: Option<String>, error: rusqlite::Error) -> Self {
        use ffi::ErrorCode as C;
        match failure.code {
            C::DiskFull => Self::DiskFull(error),
            // The side file that processes share could not be made larger: there is no room for it.
            C::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_SHMSIZE => Self::DiskFull(error),
            C::CannotOpen | C::ReadOnly | C::PermissionDenied => Self::NotWritable(error),
            C::DatabaseBusy | C::DatabaseLocked | C::FileLockingProtocolFailed => Self::Busy(error),
            C::SystemIoFailure => Self::Io(error),
            C::DatabaseCorrupt => Self::Corrupt(message.unwrap_or_else(|| failure.to_string())),
            C::NotADatabase => Self::NotOurs,
            C::ConstraintViolation => match failure.extended_code {
                ffi::SQLITE_CONSTRAINT_COMMITHOOK => Self::CommitRefused,
                ffi::SQLITE_CONSTRAINT_UNIQUE
                | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
                | ffi::SQLITE_CONSTRAINT_ROWID => Self::AlreadyThere(error),
                _ => Self::Refused(error),
            },
            _ => Self::Unexpected(error),
        }
    }
}
