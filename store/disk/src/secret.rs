//! Files that hold one secret, as one line of text: keys and tokens.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{file, folder};

/// Bytes of a secret's file at most: the longest secret and its line's end, with room to spare. What is beyond is not
/// read, and whoever parses the line refuses the rest.
pub const MAX_SECRET_FILE: usize = 4096;

/// What the name of a file begins with that is made to see whether the disk keeps permissions; a process number follows.
const TRIED: &str = ".modes-";

/// Why a secret was not read, or not written. Nothing was changed.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Environment: other users of this machine may read or change the file. Its owner has to take that away (`chmod 600`)
    /// and to judge whether somebody has used it.
    #[error("the file can be read by other users")]
    Exposed,
    /// Environment: the disk gives every file permissions of its own choice (FAT, some network disks, `/mnt/c` in WSL), so
    /// that other users may read what is on it and `chmod` does nothing. The secret has to be on another disk.
    #[error("the disk does not keep who may read a file")]
    NoModes,
    /// Environment: the file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The line in a secret's file, without its end; `None` if there is no file. Wiped when dropped.
///
/// # Errors
/// [`SecretError::Exposed`] or [`SecretError::NoModes`] before anything is read.
pub fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    Ok(read_up_to(path, MAX_SECRET_FILE)?.map(|mut line| {
        let len = line.trim_ascii_end().len();
        line.truncate(len);
        line
    }))
}

/// The first bytes of a secret's file, as many as `limit` at most; `None` if there is no file. Wiped when dropped.
///
/// # Errors
/// As [`read()`].
pub fn read_up_to(path: &Path, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, SecretError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let about = file.metadata()?;
    if is_exposed(&about) {
        let folder = path.parent().unwrap_or(Path::new(""));
        return Err(match keeps_modes(folder) {
            Ok(false) => SecretError::NoModes,
            Ok(true) | Err(_) => SecretError::Exposed,
        });
    }
    // Room for all of it: what grows leaves copies behind.
    let len = usize::try_from(about.len()).unwrap_or(limit).min(limit);
    let mut bytes = Zeroizing::new(Vec::with_capacity(len + 1));
    file.take(limit as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Writes a secret as one line into a file that only its owner may read. The secret is durable before the file has its
/// name, so that a half-written secret is never taken for one, and the name is durable once this has returned.
///
/// # Errors
/// [`SecretError::NoModes`] before the secret is in the file, and the file is gone again.
pub fn write(path: &Path, line: &[u8]) -> Result<(), SecretError> {
    let unfinished = unfinished(path);
    // Always a new file: one that is there, or a link, may let others read what is written into it.
    file::remove(&unfinished)?;
    let mut file = file::create(&unfinished)?;
    if is_exposed(&file.metadata()?) {
        file::remove(&unfinished)?;
        return Err(SecretError::NoModes);
    }
    file.write_all(line)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(folder::sync_parent(path)?)
}

/// Makes a folder as [`folder::make`] does, for files that nobody but its owner may read, and leaves nothing behind where
/// that cannot be.
///
/// # Errors
/// [`SecretError::NoModes`] if the disk keeps no permissions; the system's otherwise.
pub fn make_folder(path: &Path) -> Result<(), SecretError> {
    let made = folder::missing(path);
    folder::make(path)?;
    match keeps_modes(path) {
        Ok(true) => Ok(()),
        outcome => {
            for folder in made {
                let _in_use_by_now = fs::remove_dir(folder);
            }
            Err(outcome.err().map_or(SecretError::NoModes, SecretError::Io))
        }
    }
}

/// Whether files in a folder keep the permissions they are made with; tries it with one that is gone again.
fn keeps_modes(folder: &Path) -> io::Result<bool> {
    let tried = folder.join(format!("{TRIED}{}", std::process::id()));
    file::remove(&tried)?;
    let file = file::create(&tried)?;
    let about = file.metadata();
    drop(file);
    file::remove(&tried)?;
    Ok(!is_exposed(&about?))
}

/// Where [`write()`] keeps a secret until it has its name; left there only if writing was interrupted.
pub fn unfinished(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    name.into()
}

#[cfg(unix)]
fn is_exposed(about: &Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&about.permissions()) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_: &Metadata) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_secret_is_read_back_as_it_was_written() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        assert!(read(&path).unwrap().is_none());
        write(&path, b"one line").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one line\n");
        assert_eq!(read(&path).unwrap().unwrap().as_slice(), b"one line");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!unfinished(&path).exists());
    }

    #[test]
    fn a_secret_that_others_may_read_or_change_is_not_read() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        write(&path, b"one line").unwrap();
        for mode in [0o640, 0o604, 0o620, 0o610, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(matches!(read(&path), Err(SecretError::Exposed)), "{mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().as_slice(), b"one line");
    }

    #[test]
    fn a_secret_is_never_written_into_a_file_that_somebody_else_put_there() {
        let folder = TempDir::new().unwrap();
        let (path, elsewhere) = (folder.path().join("secret"), folder.path().join("elsewhere"));
        symlink(&elsewhere, unfinished(&path)).unwrap();
        write(&path, b"one line").unwrap();
        assert!(!elsewhere.exists());
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        fs::write(unfinished(&path), "open to all").unwrap();
        write(&path, b"another").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_for_secrets_is_made_where_permissions_are_kept_and_empty() {
        let folder = TempDir::new().unwrap();
        let deep = folder.path().join("deep/data");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 0);
    }

    #[test]
    fn no_more_than_the_limit_is_read() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("secret");
        write(&path, &[b'x'; 2 * MAX_SECRET_FILE]).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().len(), MAX_SECRET_FILE);
    }
}
