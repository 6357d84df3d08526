//! Files whose lock says which process uses a folder. The system lets go of a lock when its process ends, however it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use crate::file;

/// Opens a file to be locked, and makes it (0600, its folder's owner's) if it is not there. What is in it stays.
///
/// A lock's file holds nothing that matters, so one that somebody has left as read-only is locked as it is, and one that this
/// user may not open at all, as another user's leftover, gives way to a new one in a folder where this user may do that.
///
/// # Errors
/// [`io::ErrorKind::WouldBlock`] if such a leftover is locked by somebody, or if it is not known whether it is.
pub fn open(path: &Path) -> io::Result<File> {
    let refused = match file::open_or_create(path, file::private().read(true)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => error,
        opened => return opened,
    };
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => replace(path, refused),
        opened => opened,
    }
}

/// Puts a new file in the place of one that this user may not open.
fn replace(path: &Path, refused: io::Error) -> io::Result<File> {
    if is_locked(path)? {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    // Only whoever may write in the folder can do this, and only they could have a home or a relay there.
    if file::remove(path).is_err() {
        return Err(refused);
    }
    tracing::info!(path = %path.display(), "a lock's file that another user had left was made anew");
    file::open_or_create(path, file::private().read(true))
}

/// Whether a process has locked a file, told without opening it: Linux lists the numbers of all such files. The disk's number
/// beside it does not say the same everywhere, so a file on another disk may be taken for this one, and that is the safe side.
#[cfg(target_os = "linux")]
fn is_locked(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let number = path.metadata()?.ino().to_string();
    let held = std::fs::read_to_string("/proc/locks").map_err(|_| io::ErrorKind::WouldBlock)?;
    let mut files = held.split_whitespace().filter_map(|word| word.rsplit_once(':'));
    Ok(files.any(|(_disk, file)| file == number))
}

/// Whether a process has locked a file: not known here without opening it.
#[cfg(not(target_os = "linux"))]
fn is_locked(_: &Path) -> io::Result<bool> {
    Err(io::ErrorKind::WouldBlock.into())
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

    #[cfg(unix)]
    #[test]
    fn a_lock_that_was_left_as_read_only_is_locked_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("lock");
        drop(open(&path).unwrap());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
        let (one, other) = (open(&path).unwrap(), open(&path).unwrap());
        assert!(try_alone(&one).unwrap());
        assert!(!try_alone(&other).unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_locked_file_is_told_apart_without_opening_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("lock");
        let file = open(&path).unwrap();
        assert!(!is_locked(&path).unwrap());
        assert!(try_alone(&file).unwrap());
        assert!(is_locked(&path).unwrap());
    }

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
