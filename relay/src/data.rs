//! The folder a relay keeps everything in: its lock, its key, its registration token, its database.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bowline_transport::Token;
use data_encoding::BASE64URL_NOPAD;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::Identity;
use crate::sqlite::{DatabaseError, Sqlite};

/// Bytes of chance in a registration token: nobody guesses it, and it still fits a line.
const TOKEN_BYTES: usize = 16;

/// Bytes read of a file that holds one line, at most; a longer one is not ours.
const MAX_LINE: u64 = 1024;

const DATABASE: &str = "relay.db";
const KEY: &str = "relay.key";
const TOKEN: &str = "registration.token";
const LOCK: &str = "relay.lock";

/// Why a data folder cannot be used. Names files, never what is in them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// Another process holds the folder's lock.
    #[error("{} is in use by another bowline-relay{}", .folder.display(), named(*.process))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The other process, if it has said so.
        process: Option<u32>,
    },
    /// There is no relay's data in this folder.
    #[error("there is no relay's data in {}", .0.display())]
    Absent(PathBuf),
    /// The environment: a file or folder cannot be made, read or written.
    #[error("{} cannot be {what}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// There is a database, but the key that its devices know this relay by is gone.
    #[error("{} is missing, and the database beside it belongs to that key", .0.display())]
    KeyMissing(PathBuf),
    /// A file that does not hold what this program wrote.
    #[error("{} does not hold {what}", .path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The database cannot be used.
    #[error("{} cannot be used", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: DatabaseError,
    },
}

fn named(id: Option<u32>) -> String {
    id.map(|id| format!(" (process {id})")).unwrap_or_default()
}

/// A relay's folder, locked for as long as this value lives. The system lets go of the lock when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder (0700) if it is not there, and locks it for this process.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = missing(path);
        builder.create(path).map_err(|source| failed(path, "created", source))?;
        for parent in made.iter().filter_map(|folder| folder.parent()) {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            sync_folder(parent).map_err(|source| failed(parent, "written", source))?;
        }
        Self::lock(path)
    }

    /// Locks a folder that holds a relay's data for this process.
    pub fn open(path: &Path) -> Result<Self, DataError> {
        find_database(path)?;
        Self::lock(path)
    }

    /// Opens the database in the folder for reading, also while a relay serves it.
    pub fn read_database(path: &Path) -> Result<Sqlite, DataError> {
        let database = find_database(path)?;
        Sqlite::open_for_reading(&database).map_err(|source| DataError::Database { path: database, source })
    }

    fn lock(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(LOCK);
        let cannot = |source| failed(&path, "opened for writing", source);
        let mut lock = private().read(true).create(true).truncate(false).open(&path).map_err(cannot)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let process = read_line(&mut lock).ok().and_then(|line| line.parse().ok());
                return Err(DataError::InUse { folder: folder.to_owned(), process });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&path, "locked", source)),
        }
        // Only so that a second process can say who has it; the lock is what counts.
        let named = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id()));
        named.map_err(|source| failed(&path, "written", source))?;
        Ok(Self { path: folder.to_owned(), _lock: lock })
    }

    /// The relay's identity, made the first time.
    ///
    /// # Errors
    /// [`DataError::KeyMissing`] rather than a new identity when there is a database already: devices would refuse to
    /// talk to it.
    pub fn identity(&self, rng: &mut dyn CryptoRng) -> Result<Identity, DataError> {
        let path = self.path.join(KEY);
        if let Some(line) = read(&path)? {
            let what = "a relay's key";
            let seed = BASE64URL_NOPAD.decode(line.as_bytes()).map(Zeroizing::new).ok();
            let seed = seed.and_then(|seed| <[u8; 32]>::try_from(seed.as_slice()).ok()).map(Zeroizing::new);
            return match seed {
                Some(seed) => Ok(Identity::from_secret(&seed)),
                None => Err(DataError::Unreadable { path, what }),
            };
        }
        if self.database_path().exists() {
            return Err(DataError::KeyMissing(path));
        }
        let identity = Identity::generate(rng);
        self.write_new(&path, &Zeroizing::new(BASE64URL_NOPAD.encode(identity.secret().as_ref())))?;
        Ok(identity)
    }

    /// The token that lets somebody make workspaces here, made the first time. An operator may write another one into
    /// its file.
    pub fn token(&self, rng: &mut dyn CryptoRng) -> Result<Token, DataError> {
        let path = self.path.join(TOKEN);
        let unreadable = |path| DataError::Unreadable { path, what: "a registration token" };
        if let Some(line) = read(&path)? {
            return Token::from_str(&line).map_err(|_| unreadable(path));
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        rng.fill_bytes(bytes.as_mut());
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_ref()));
        self.write_new(&path, &text)?;
        Token::from_str(&text).map_err(|_| unreadable(path))
    }

    /// The database, made the first time. Ask for [`DataFolder::identity`] first: that key has to be there before the
    /// first log is.
    pub fn database(&self) -> Result<Sqlite, DataError> {
        let path = self.database_path();
        Sqlite::open(&path).map_err(|source| DataError::Database { path, source })
    }

    fn database_path(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// A file with one line in it, whole and durable or not there at all.
    fn write_new(&self, path: &Path, line: &str) -> Result<(), DataError> {
        let unfinished = path.with_extension("new");
        let write = || {
            let mut file = private().create(true).truncate(true).open(&unfinished)?;
            file.write_all(line.as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&unfinished, path)?;
            sync_folder(&self.path)
        };
        write().map_err(|source| failed(path, "written", source))
    }
}

/// The one line of a secret file, if there is one.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, DataError> {
    match File::open(path) {
        Ok(mut file) => {
            warn_if_public(path, &file);
            read_line(&mut file).map(Some).map_err(|source| failed(path, "read", source))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed(path, "read", source)),
    }
}

fn find_database(folder: &Path) -> Result<PathBuf, DataError> {
    let path = folder.join(DATABASE);
    match path.try_exists() {
        Ok(true) => Ok(path),
        Ok(false) => Err(DataError::Absent(folder.to_owned())),
        Err(source) => Err(failed(&path, "read", source)),
    }
}

fn failed(path: &Path, what: &'static str, source: io::Error) -> DataError {
    DataError::File { path: path.to_owned(), what, source }
}

/// The folders on the way to `path`, it included, that are not there.
fn missing(path: &Path) -> Vec<&Path> {
    path.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists()).collect()
}

/// For files that only their owner may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn read_line(file: &mut File) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(128));
    file.take(MAX_LINE).read_to_string(&mut text)?;
    let line = text.trim_end().len();
    text.truncate(line);
    Ok(text)
}

#[cfg(unix)]
fn warn_if_public(path: &Path, file: &File) {
    use std::os::unix::fs::PermissionsExt;
    if file.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0) {
        tracing::warn!(file = %path.display(), "others on this machine may read this secret: set its mode to 0600");
    }
}

#[cfg(not(unix))]
fn warn_if_public(_: &Path, _: &File) {}

/// A new name is durable once its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::testing::rng;

    #[test]
    fn key_and_token_are_made_once() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(&folder.path().join("deep/data")).unwrap();
        let (key, token) = (data.identity(&mut rng(1)).unwrap(), data.token(&mut rng(2)).unwrap());
        assert_eq!(token.as_str().len(), 22);
        assert_eq!(data.identity(&mut rng(3)).unwrap().public(), key.public());
        assert_eq!(data.token(&mut rng(4)).unwrap().as_str(), token.as_str());
    }

    #[test]
    fn every_folder_that_is_made_is_found() {
        let folder = TempDir::new().unwrap();
        let deep = folder.path().join("deep/data");
        assert_eq!(missing(&deep), [deep.as_path(), deep.parent().unwrap()]);
        DataFolder::create(&deep).unwrap();
        assert!(missing(&deep).is_empty());
        assert_eq!(missing(Path::new("no/such")), [Path::new("no/such"), Path::new("no")]);
    }

    #[test]
    fn a_folder_has_one_relay() {
        let folder = TempDir::new().unwrap();
        let held = DataFolder::create(folder.path()).unwrap();
        let refused = DataFolder::create(folder.path()).unwrap_err();
        let DataError::InUse { process, .. } = refused else { panic!("{refused}") };
        assert_eq!(process, Some(std::process::id()));
        drop(held);
        DataFolder::create(folder.path()).unwrap();
    }

    #[test]
    fn a_lost_key_is_not_replaced_once_there_is_a_database() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        let key = data.identity(&mut rng(1)).unwrap();
        data.database().unwrap();
        assert_eq!(data.identity(&mut rng(2)).unwrap().public(), key.public());
        fs::remove_file(folder.path().join(KEY)).unwrap();
        assert!(matches!(data.identity(&mut rng(2)), Err(DataError::KeyMissing(_))));
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_left_alone() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        for wrong in ["", "AAAA", "not a key at all", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            fs::write(folder.path().join(KEY), wrong).unwrap();
            let refused = data.identity(&mut rng(1)).unwrap_err();
            assert!(matches!(refused, DataError::Unreadable { .. }), "{wrong:?}: {refused}");
            assert_eq!(fs::read_to_string(folder.path().join(KEY)).unwrap(), wrong);
        }
        fs::write(folder.path().join(TOKEN), "two words").unwrap();
        assert!(matches!(data.token(&mut rng(1)), Err(DataError::Unreadable { .. })));
    }

    #[test]
    fn reading_needs_data_and_no_lock() {
        let folder = TempDir::new().unwrap();
        assert!(matches!(DataFolder::read_database(folder.path()), Err(DataError::Absent(_))));
        assert!(matches!(DataFolder::open(folder.path()), Err(DataError::Absent(_))));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "looking leaves nothing behind");
        let data = DataFolder::create(folder.path()).unwrap();
        data.database().unwrap();
        assert_eq!(DataFolder::read_database(folder.path()).unwrap().workspaces().unwrap(), []);
        assert!(matches!(DataFolder::open(folder.path()), Err(DataError::InUse { .. })));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look_inside() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("data");
        let data = DataFolder::create(&folder).unwrap();
        data.identity(&mut rng(1)).unwrap();
        data.token(&mut rng(1)).unwrap();
        let database = data.database().unwrap();
        assert_eq!(mode(&folder), 0o700);
        for file in fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        drop(database);
    }
}
