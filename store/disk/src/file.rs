//! Files that only their owner may read, and whom they belong to.

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

/// Makes a file that only its owner may read, and opens it for reading and writing. It belongs to whom its folder belongs
/// to, also where root makes it.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] if there is something of this name, a link included.
pub fn create(path: &Path) -> io::Result<File> {
    let file = private().read(true).create_new(true).open(path)?;
    give_to_folders_owner(&file, path);
    Ok(file)
}

/// Opens a file with these options, or makes it as [`create`] does.
pub fn open_or_create(path: &Path, options: &OpenOptions) -> io::Result<File> {
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match create(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => options.open(path),
            made => made.and_then(|_made| options.open(path)),
        },
        opened => opened,
    }
}

/// Makes an empty file that only its owner may read, if there is none. SQLite gives what it keeps beside a database the
/// permissions of the database's own file, and its owner.
pub fn make(path: &Path) -> io::Result<()> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map(drop),
    }
}

/// Gives what this process has just made to whoever owns the folder that it is in: what root makes in somebody's folder would
/// shut them out. Only root may do this, and for anybody else there is nothing to do, so failing is not an error.
#[cfg(unix)]
pub(crate) fn give_to_folders_owner(made: &File, path: &Path) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (Ok(ours), Ok(above)) = (made.metadata(), fs::metadata(above)) else {
        return;
    };
    if ours.uid() != above.uid()
        && let Err(error) = fchown(made, Some(above.uid()), Some(above.gid()))
    {
        tracing::debug!(%error, "a new file does not belong to its folder's owner");
    }
}

/// Outside Unix what is made in a folder belongs to whom the folder says.
#[cfg(not(unix))]
pub(crate) fn give_to_folders_owner(_: &File, _: &Path) {}

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
    fn what_root_makes_in_somebodys_folder_is_theirs_and_a_file_behind_a_link_is_not_given_away() {
        use std::os::unix::fs::{MetadataExt, chown, symlink};
        let folder = TempDir::new().unwrap();
        let (theirs, roots) = (folder.path().join("theirs"), folder.path().join("roots"));
        fs::create_dir(&theirs).unwrap();
        fs::write(&roots, "").unwrap();
        if chown(&theirs, Some(1234), Some(1235)).is_err() {
            // Only root may give files to others.
            return;
        }
        let owner = |path: &Path| fs::metadata(path).map(|about| (about.uid(), about.gid())).unwrap();
        make(&theirs.join("database")).unwrap();
        open_or_create(&theirs.join("log"), private().append(true)).unwrap();
        assert_eq!(owner(&theirs.join("database")), (1234, 1235));
        assert_eq!(owner(&theirs.join("log")), (1234, 1235));
        let before = owner(&roots);
        symlink(&roots, theirs.join("link")).unwrap();
        open_or_create(&theirs.join("link"), &private()).unwrap();
        assert_eq!(owner(&roots), before);
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
