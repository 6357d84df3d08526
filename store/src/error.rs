//! What can go wrong with the store, split by whose fault it is.

use bowline_disk::DatabaseError;
use rusqlite::ffi;
use thiserror::Error;

/// Why the store did not do what it was asked. After any error inside a transaction the database is as it was before
/// that transaction.
///
/// No variant carries content, keys or paths, so each may be logged.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The environment's, or a file that is not what this program wrote, or our bug: as [`DatabaseError`] says.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The commit did not happen, by the decision of a hook on the connection. The transaction is rolled back.
    #[error("the commit was refused")]
    CommitRefused,

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
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let Some(failure) = error.sqlite_error().filter(|it| it.code == ffi::ErrorCode::ConstraintViolation)
        else {
            return Self::Database(error.into());
        };
        match failure.extended_code {
            ffi::SQLITE_CONSTRAINT_COMMITHOOK => Self::CommitRefused,
            ffi::SQLITE_CONSTRAINT_UNIQUE
            | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
            | ffi::SQLITE_CONSTRAINT_ROWID => Self::AlreadyThere(error),
            _ => Self::Refused(error),
        }
    }
}
