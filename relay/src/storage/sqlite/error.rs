//! What a failing database means to the relay.

use bowline_disk::DatabaseError;

use crate::storage::StorageError;

impl From<DatabaseError> for StorageError {
    fn from(error: DatabaseError) -> Self {
        use DatabaseError as E;
        match error {
            E::DiskFull(_) | E::NotWritable(_) | E::NotCreated(_) | E::Busy(_) | E::Io(_) => {
                Self::Unavailable(error.to_string())
            }
            E::NewerVersion { .. } | E::NotOurs | E::Undecodable(_) => Self::Corrupt(error.to_string()),
            E::Damaged(what) => Self::Corrupt(what),
            error => {
                tracing::error!(%error, "the database refused a statement");
                Self::Misuse("the database refused a statement")
            }
        }
    }
}

impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        DatabaseError::from(error).into()
    }
}
