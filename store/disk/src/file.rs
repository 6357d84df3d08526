//! Files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// How to open a file for writing that, if it has to be made, only its owner may read (0600).
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes an empty file that only its owner may read, if there is none. SQLite gives what it keeps beside a database the
/// permissions of the database's own file.
pub fn make(path: &Path) -> io::Result<()> {
    match private().create_new(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Deletes a file, if it is there.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Whether an open file is still the one with this name: `false` if it was deleted or replaced.
#[cfg(unix)]
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether an open file is still the one with this name. Outside Unix a file that is open cannot be deleted.
#[cfg(not(unix))]
pub fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_new_file_is_the_owners_alone_and_one_that_is_there_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let (new, old) = (folder.path().join("new"), folder.path().join("old"));
        fs::write(&old, "kept").unwrap();
        fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
        make(&new).unwrap();
        make(&old).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&new), mode(&old)), (0o600, 0o644));
        assert_eq!(fs::read_to_string(&old).unwrap(), "kept");
    }

    #[test]
    fn an_open_file_that_lost_its_name_to_another_is_told_apart() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("file");
        make(&path).unwrap();
        let file = File::open(&path).unwrap();
        assert!(is_at(&file, &path).unwrap());
        remove(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        make(&path).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
