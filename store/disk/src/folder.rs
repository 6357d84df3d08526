//! Folders that only their owner may look into.

use std::fs::DirBuilder;
#[cfg(unix)]
use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(unix)]
use crate::file;

/// Makes a folder, and those above it that are missing, each for its owner only (0700); the owner is that of the first
/// folder that is there already, also where root makes them. Once this has returned a power cut takes none of them away.
/// Permissions of folders that are there already stay as they are.
pub fn make(path: &Path) -> io::Result<()> {
    let made = missing(path);
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    made.iter().rev().for_each(|folder| give_to_folders_owner(folder));
    made.into_iter().try_for_each(sync_parent)
}

#[cfg(unix)]
fn give_to_folders_owner(made: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    // Whoever owns the folder above could have put a link to somebody else's folder in its place by now.
    let opened = File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(made);
    if let Ok(folder) = opened {
        file::give_to_folders_owner(&folder, made);
    }
}

/// Outside Unix what is made in a folder belongs to whom the folder says.
#[cfg(not(unix))]
fn give_to_folders_owner(_: &Path) {}

/// Makes the name of a file or folder durable: a new name is, once the folder it is in has been written to the disk.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        None => Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
    }
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Does nothing: outside Unix a folder cannot be opened as a file, and its names are written in order.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

/// The folders that are missing on the way to `path`, itself included.
pub(crate) fn missing(path: &Path) -> Vec<&Path> {
    path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn every_folder_that_is_made_is_found() {
        let folder = TempDir::new().unwrap();
        let deep = folder.path().join("deep/data");
        assert_eq!(missing(&deep), [deep.as_path(), deep.parent().unwrap()]);
        make(&deep).unwrap();
        assert!(missing(&deep).is_empty());
        assert_eq!(missing(Path::new("no/such")), [Path::new("no/such"), Path::new("no")]);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_made_is_the_owners_alone_and_what_was_there_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = TempDir::new().unwrap();
        let there = folder.path().join("there");
        fs::create_dir(&there).unwrap();
        fs::set_permissions(&there, fs::Permissions::from_mode(0o750)).unwrap();
        make(&there.join("new/deeper")).unwrap();
        make(&there).unwrap();
        assert_eq!(mode(&there), 0o750);
        assert_eq!((mode(&there.join("new")), mode(&there.join("new/deeper"))), (0o700, 0o700));
    }

    #[cfg(unix)]
    #[test]
    fn what_root_makes_in_somebodys_folder_is_theirs() {
        use std::os::unix::fs::{MetadataExt, chown};
        let folder = TempDir::new().unwrap();
        let theirs = folder.path().join("theirs");
        fs::create_dir(&theirs).unwrap();
        if chown(&theirs, Some(1234), Some(1235)).is_err() {
            // Only root may give folders to others.
            return;
        }
        make(&theirs.join("deep/data")).unwrap();
        for made in ["deep", "deep/data"] {
            let about = fs::metadata(theirs.join(made)).unwrap();
            assert_eq!((about.uid(), about.gid()), (1234, 1235), "{made}");
        }
    }

    #[test]
    fn a_folder_cannot_be_made_where_a_file_is() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "in the way").unwrap();
        assert!(make(&file).is_err());
        assert!(make(&file.join("deeper")).is_err());
    }
}
