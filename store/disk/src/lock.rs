//! Files whose lock says which process uses a folder. The system lets go of a lock when its process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::file;

/// Opens a file to be locked, and makes it (0600) if it is not there. What is in it stays.
pub fn open(path: &Path) -> io::Result<File> {
    file::private().read(true).create(true).truncate(false).open(path)
}

/// Locks an open file for its holder alone, without waiting. `false` if somebody else holds a lock on it.
pub fn try_alone(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn one_at_a_time_holds_a_lock_and_it_goes_with_its_holder() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("lock");
        let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
        assert!(try_alone(&one).unwrap());
        assert!(!try_alone(&other).unwrap());
        drop(one);
        assert!(try_alone(&other).unwrap());
    }
}
