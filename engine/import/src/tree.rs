//! Reads below one folder and nowhere else: no link is followed, nothing but a plain file is opened, and nothing that may be
//! large is read whole.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bowline_device::composed;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, FileType, Metadata, OpenOptions};

/// Names read from one folder; a folder with more is a store of some program, and nothing a person looks after.
pub(crate) const LIST_MAX: usize = 50_000;

/// A folder that is read, and everything below it. Whatever links there are, nothing beside it can be reached through this:
/// the operating system or cap-std refuses each step that would lead out, and this module each link.
#[derive(Debug)]
pub(crate) struct Tree {
    folder: Dir,
    /// Where the folder really is, for what takes no open folder: SQLite.
    real: PathBuf,
}

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// The name; what is not text in it is replaced.
    pub(crate) name: String,
    /// Whether the name is text, so that it can be opened by it.
    pub(crate) is_text: bool,
    /// Whether it is a file, a folder or something else.
    pub(crate) sort: Sort,
    /// The size in bytes, for a file.
    pub(crate) len: u64,
}

/// What something in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    File,
    Folder,
    Link,
    /// A FIFO, a socket, a device: opening one can hang or do something.
    Special,
}

/// Why something is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Missing,
    Link,
    Special,
    NotAFile,
    NotAFolder,
    TooLarge { bytes: u64, limit: u64 },
    Denied,
    Other(io::ErrorKind),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is not there"),
            Self::Link => f.write_str("it is a link, and links are not followed"),
            Self::Special => f.write_str("it is not a file (a FIFO, socket or device), and was not opened"),
            Self::NotAFile => f.write_str("it is a folder where a file was expected"),
            Self::NotAFolder => f.write_str("it is not a folder"),
            Self::TooLarge { bytes, limit } => write!(f, "it has {bytes} bytes, more than {limit}"),
            Self::Denied => f.write_str("it may not be read by you"),
            Self::Other(kind) => write!(f, "it cannot be read: {kind}"),
        }
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            // cap-std's own refusal has no number of the operating system.
            io::ErrorKind::PermissionDenied if error.raw_os_error().is_none() => Self::Link,
            io::ErrorKind::PermissionDenied => Self::Denied,
            kind => Self::Other(kind),
        }
    }
}

/// Size and time of a file, by which it shows whether somebody has written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) len: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of an open file, as it is now.
    pub(crate) fn of(file: &File) -> Result<Self, Refused> {
        let about = file.metadata()?;
        Ok(Self { len: about.len(), modified: about.modified().ok() })
    }
}

impl Tree {
    /// A folder that a person or the settings name. Links on the way to it are followed, as everywhere.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let real = path.canonicalize()?;
        Ok(Self { folder: Dir::open_ambient_dir(&real, ambient_authority())?, real })
    }

    /// The folder's real path.
    pub(crate) fn real(&self) -> &Path {
        &self.real
    }

    /// A folder below, `/` between its components. None of them may be a link.
    pub(crate) fn enter(&self, path: &str) -> Result<Self, Refused> {
        let mut at = Self { folder: self.folder.try_clone()?, real: self.real.clone() };
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let name = &*at.spelled(name).into_owned();
            match sort(&at.metadata(name)?) {
                Sort::Folder => {}
                Sort::Link => return Err(Refused::Link),
                Sort::File | Sort::Special => return Err(Refused::NotAFolder),
            }
            at = Self { folder: at.folder.open_dir(name)?, real: at.real.join(name) };
        }
        Ok(at)
    }

    /// What is in this folder, by name, and how many things there are beyond [`LIST_MAX`].
    pub(crate) fn list(&self) -> Result<(Vec<Found>, usize), Refused> {
        let (mut found, mut more) = (Vec::new(), 0);
        for entry in self.folder.entries()? {
            let entry = entry?;
            if found.len() == LIST_MAX {
                more += 1;
                continue;
            }
            let name = entry.file_name();
            // What is gone again since the folder was listed is not there.
            let Ok(about) = entry.metadata() else { continue };
            let (sort, len) = (sort(&about), about.len());
            let text = name.to_str().map(str::to_owned);
            let is_text = text.is_some();
            let name = text.unwrap_or_else(|| name.to_string_lossy().into_owned());
            found.push(Found { name, is_text, sort, len });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((found, more))
    }

    /// What `name` in this folder is.
    pub(crate) fn sort_of(&self, name: &str) -> Result<Sort, Refused> {
        Ok(sort(&self.metadata(&self.spelled(name))?))
    }

    /// Opens a plain file in this folder.
    pub(crate) fn file(&self, name: &str) -> Result<File, Refused> {
        let expect_file = |about: &Metadata| match sort(about) {
            Sort::File => Ok(()),
            Sort::Folder => Err(Refused::NotAFile),
            Sort::Link => Err(Refused::Link),
            Sort::Special => Err(Refused::Special),
        };
        let name = &*self.spelled(name);
        expect_file(&self.metadata(name)?)?;
        let mut options = OpenOptions::new();
        options.read(true);
        // Should a FIFO or a link have taken the file's place since, opening it neither hangs nor follows.
        #[cfg(unix)]
        cap_std::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK | libc::O_NOFOLLOW);
        let file = self.folder.open_with(name, &options)?;
        expect_file(&file.metadata()?)?;
        Ok(file.into_std())
    }

    /// Reads a whole file in this folder, if it has at most `limit` bytes.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Refused> {
        let file = self.file(name)?;
        let bytes = file.metadata()?.len();
        if bytes > limit {
            return Err(Refused::TooLarge { bytes, limit });
        }
        let mut content = Vec::new();
        file.take(limit + 1).read_to_end(&mut content)?;
        match content.len() as u64 {
            bytes if bytes > limit => Err(Refused::TooLarge { bytes, limit }),
            _ => Ok(content),
        }
    }

    /// Whether a file in this folder may be executed.
    pub(crate) fn is_executable(&self, name: &str) -> bool {
        self.metadata(name).is_ok_and(|about| is_executable(&about))
    }

    /// A name as this folder has it. What was written down on another system may have the same letters in other bytes.
    fn spelled<'n>(&self, name: &'n str) -> Cow<'n, str> {
        if name.is_ascii() || self.folder.symlink_metadata(name).is_ok() {
            return Cow::Borrowed(name);
        }
        let names = self.folder.entries().into_iter().flatten().take(LIST_MAX);
        let mut names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.find(|found| composed(found) == composed(name)).map_or(Cow::Borrowed(name), Cow::Owned)
    }

    /// The metadata of `name` itself: of a link, not of what it leads to.
    fn metadata(&self, name: &str) -> Result<Metadata, Refused> {
        if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
            return Err(Refused::Missing);
        }
        Ok(self.folder.symlink_metadata(name)?)
    }
}

fn sort(about: &Metadata) -> Sort {
    let is: FileType = about.file_type();
    if is.is_symlink() {
        Sort::Link
    } else if is.is_dir() {
        Sort::Folder
    } else if is.is_file() {
        Sort::File
    } else {
        Sort::Special
    }
}

#[cfg(unix)]
fn is_executable(about: &Metadata) -> bool {
    cap_std::fs::PermissionsExt::mode(&about.permissions()) & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, Tree) {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("in/side")).unwrap();
        fs::write(home.path().join("secret"), "outside").unwrap();
        fs::write(home.path().join("in/file"), "12345").unwrap();
        symlink("../secret", home.path().join("in/out")).unwrap();
        symlink("file", home.path().join("in/within")).unwrap();
        symlink("side", home.path().join("in/folder-link")).unwrap();
        let tree = Tree::open(&home.path().join("in")).unwrap();
        (home, tree)
    }

    #[test]
    fn a_folder_lists_what_each_thing_is_without_following_links() {
        let (_home, tree) = tree();
        let (found, more) = tree.list().unwrap();
        let sorts: Vec<_> = found.iter().map(|found| (found.name.as_str(), found.sort)).collect();
        assert_eq!(
            sorts,
            [
                ("file", Sort::File),
                ("folder-link", Sort::Link),
                ("out", Sort::Link),
                ("side", Sort::Folder),
                ("within", Sort::Link),
            ]
        );
        assert_eq!((more, found[0].len), (0, 5));
    }

    #[test]
    fn no_link_is_followed_whether_it_leads_out_or_not() {
        let (_home, tree) = tree();
        for link in ["out", "within"] {
            assert_eq!(tree.file(link).unwrap_err(), Refused::Link);
            assert_eq!(tree.read(link, 100).unwrap_err(), Refused::Link);
        }
        assert_eq!(tree.enter("folder-link").unwrap_err(), Refused::Link);
        assert_eq!(tree.read("file", 100).unwrap(), b"12345");
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let (_home, tree) = tree();
        for name in ["../secret", "..", ".", "", "side/../../secret", "/etc/hostname"] {
            assert!(tree.file(name).is_err(), "{name:?}");
        }
        assert!(tree.enter("..").is_err());
        assert!(tree.enter("side/..").is_err());
    }

    #[test]
    fn what_is_no_plain_file_is_never_opened() {
        let (home, tree) = tree();
        let socket = std::os::unix::net::UnixListener::bind(home.path().join("in/socket")).unwrap();
        assert_eq!(tree.file("socket").unwrap_err(), Refused::Special);
        assert_eq!(tree.file("side").unwrap_err(), Refused::NotAFile);
        assert_eq!(tree.file("nothing").unwrap_err(), Refused::Missing);
        drop(socket);
    }

    #[test]
    fn a_name_with_the_same_letters_in_other_bytes_is_found() {
        let (home, tree) = tree();
        fs::create_dir(home.path().join("in/U\u{0308}bung")).unwrap();
        fs::write(home.path().join("in/U\u{0308}bung/\u{e9}.md"), "text").unwrap();
        let folder = tree.enter("\u{dc}bung").unwrap();
        assert_eq!(folder.read("e\u{0301}.md", 9).unwrap(), b"text");
        assert_eq!(tree.sort_of("\u{dc}bung"), Ok(Sort::Folder));
        assert_eq!(tree.enter("Übungen").unwrap_err(), Refused::Missing);
    }

    #[test]
    fn a_file_beyond_the_limit_is_not_read() {
        let (_home, tree) = tree();
        assert_eq!(tree.read("file", 4), Err(Refused::TooLarge { bytes: 5, limit: 4 }));
        assert_eq!(tree.read("file", 5).unwrap(), b"12345");
    }
}
