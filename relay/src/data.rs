//! The folder a relay keeps everything in: its lock, its key, its registration token, its database.

mod backup;
mod restore;
mod restores;

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

pub use self::restore::{NotRestored, Restored};
use bowline_disk::secret::{self, SecretError};
use bowline_disk::{DatabaseError, lock};
use bowline_transport::Token;
use data_encoding::BASE64URL_NOPAD;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::keys::{CertificateKey, Identity};
use crate::storage::sqlite::Sqlite;

/// Bytes of chance in a registration token: nobody guesses it, and it still fits a line.
const TOKEN_BYTES: usize = 16;

/// Bytes of a process number at most, as a lock's file holds it.
const MAX_PROCESS: u64 = 32;

const DATABASE: &str = "relay.db";
/// Name of a copied database until it is whole.
const UNFINISHED: &str = "relay.db.unfinished";
const KEY: &str = "relay.key";
const IDENTITY: &str = "identity.key";
const TOKEN: &str = "registration.token";
const LOCK: &str = "relay.lock";

/// Why a data folder cannot be used. Names files, never what is in them.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// Another process holds the folder's lock.
    #[error("{} is in use by another bowline-relay{}", .folder.display(), named(*.process))]
    InUse {
        /// The folder that is in use.
        folder: PathBuf,
        /// The process that uses it, if it has noted its number.
        process: Option<u32>,
    },
    /// There is no relay's data in this folder.
    #[error("there is no relay's data in {}", .0.display())]
    Absent(PathBuf),
    /// A copy or a restore into this folder was cut off.
    #[error("what was being copied into {} is not whole", .0.display())]
    Unfinished(PathBuf),
    /// The environment: a file or folder cannot be made, read or written.
    #[error("{} cannot be {what}", .path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What could not be done with it, as in "created".
        what: &'static str,
        /// What the system says about it.
        source: io::Error,
    },
    /// The environment: other users of this machine may read or change a secret. Nothing was read.
    #[error("the secret in {} can be read by other users", .0.display())]
    Exposed(PathBuf),
    /// The environment: the disk does not keep who may read a file, so secrets on it would be open to other users.
    #[error("the disk of {} does not keep who may read a file, so its secrets would be open to other users", .0.display())]
    NoModes(PathBuf),
    /// There is something where a copy was to be made.
    #[error("there is something at {} already", .0.display())]
    AlreadyThere(PathBuf),
    /// There is a database, but the key that its devices know this relay by is gone.
    #[error("{} is missing, and the database beside it belongs to that key", .0.display())]
    KeyMissing(PathBuf),
    /// A file does not hold what this program wrote into it.
    #[error("{} does not hold {what}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// A file does not hold what restores have noted in it.
    #[error("{} does not hold what was restored", .0.display())]
    Restores(PathBuf),
    /// The database cannot be used.
    #[error("{} cannot be used", .path.display())]
    Database {
        /// The database's file.
        path: PathBuf,
        /// Why it cannot be used.
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
    /// Makes the folder (0700) if it is not there, and locks it for this process. Leaves nothing behind on a disk that cannot
    /// keep a secret.
    pub fn create(path: &Path) -> Result<Self, DataError> {
        if !path.join(KEY).exists() {
            make_folder(path)?;
        }
        Self::lock(path)
    }

    /// Whether the folder holds a relay's database.
    pub fn has_database(path: &Path) -> bool {
        path.join(DATABASE).exists()
    }

    /// Whether the folder holds the key of a relay's certificate.
    pub fn has_certificate_key(path: &Path) -> bool {
        path.join(KEY).exists()
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
        let mut lock = match lock::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(DataError::InUse { folder: folder.to_owned(), process: None });
            }
            opened => opened.map_err(|source| failed(&path, "opened for writing", source))?,
        };
        if !lock::try_alone(&lock).map_err(|source| failed(&path, "locked", source))? {
            return Err(DataError::InUse { folder: folder.to_owned(), process: process_in(&lock) });
        }
        // Only so that a second process can say who has it; the lock is what counts, also on a disk that is full.
        if let Err(error) = lock.set_len(0).and_then(|()| writeln!(lock, "{}", std::process::id())) {
            tracing::debug!(%error, "the number of this process cannot be noted");
        }
        Ok(Self { path: folder.to_owned(), _lock: lock })
    }

    /// The key of the relay's certificate, made the first time, and anew if it is gone while the identity is there: devices that
    /// know the identity follow it. Ask for it before [`DataFolder::identity`].
    ///
    /// # Errors
    /// [`DataError::KeyMissing`] rather than a new key when there is a database and no identity: devices would refuse to talk to
    /// that relay.
    pub fn certificate_key(&self, rng: &mut dyn CryptoRng) -> Result<CertificateKey, DataError> {
        let path = self.path.join(KEY);
        if let Some(seed) = read_seed(&path)? {
            return Ok(CertificateKey::from_secret(&seed));
        }
        if self.database_path().exists() && !self.path.join(IDENTITY).exists() {
            return Err(DataError::KeyMissing(path));
        }
        let key = CertificateKey::generate(rng);
        write_seed(&path, &key.secret())?;
        Ok(key)
    }

    /// The relay's identity, made the first time, and for a database of a version before relays had one.
    ///
    /// # Errors
    /// [`DataError::KeyMissing`] rather than a new identity for a database that has had one: devices would refuse to talk to it.
    pub fn identity(&self, rng: &mut dyn CryptoRng) -> Result<Identity, DataError> {
        let path = self.path.join(IDENTITY);
        if let Some(seed) = read_seed(&path)? {
            return Ok(Identity::from_secret(&seed));
        }
        let database = self.database_path();
        if database.exists() && Self::read_database(&self.path)?.has_had_an_identity() {
            return Err(DataError::KeyMissing(path));
        }
        let identity = Identity::generate(rng);
        write_seed(&path, &identity.secret())?;
        Ok(identity)
    }

    /// The token that lets somebody make workspaces here, made the first time. An operator may write another one into
    /// its file.
    pub fn token(&self, rng: &mut dyn CryptoRng) -> Result<Token, DataError> {
        let path = self.path.join(TOKEN);
        let unreadable = |path| DataError::Unreadable { path, what: "a registration token" };
        if let Some(line) = read(&path)? {
            let token = str::from_utf8(&line).ok().and_then(|line| Token::from_str(line).ok());
            return token.ok_or_else(|| unreadable(path));
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        rng.fill_bytes(bytes.as_mut());
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_ref()));
        write(&path, &text)?;
        Token::from_str(&text).map_err(|_| unreadable(path))
    }

    /// The database, made the first time. Ask for [`DataFolder::identity`] first: it has to be there before the first log is.
    ///
    /// # Errors
    /// [`DataError::Unfinished`] rather than a new one beside what was to become it.
    pub fn database(&self) -> Result<Sqlite, DataError> {
        if self.path.join(UNFINISHED).exists() {
            return Err(DataError::Unfinished(self.path.clone()));
        }
        let path = self.database_path();
        Sqlite::open(&path).map_err(|source| DataError::Database { path, source })
    }

    fn database_path(&self) -> PathBuf {
        self.path.join(DATABASE)
    }
}

/// The secret in a file, if there is one.
fn read(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, DataError> {
    secret::read(path).map_err(|error| of_secret(error, path, "read"))
}

fn write(path: &Path, line: &str) -> Result<(), DataError> {
    secret::write(path, line.as_bytes()).map_err(|error| of_secret(error, path, "written"))
}

/// Makes a folder for secrets, and leaves nothing behind where that cannot be.
fn make_folder(path: &Path) -> Result<(), DataError> {
    secret::make_folder(path).map_err(|error| of_secret(error, path, "created"))
}

/// Why a secret could not be read, or `what` else was to be done with it.
fn of_secret(error: SecretError, path: &Path, what: &'static str) -> DataError {
    match error {
        SecretError::Exposed => DataError::Exposed(path.to_owned()),
        SecretError::NoModes => DataError::NoModes(path.to_owned()),
        SecretError::Io(source) => failed(path, what, source),
    }
}

/// The Ed25519 seed in a file, if there is one.
fn read_seed(path: &Path) -> Result<Option<Zeroizing<[u8; 32]>>, DataError> {
    let Some(line) = read(path)? else { return Ok(None) };
    let seed = BASE64URL_NOPAD.decode(&line).map(Zeroizing::new).ok();
    let seed = seed.and_then(|seed| <[u8; 32]>::try_from(seed.as_slice()).ok()).map(Zeroizing::new);
    let unreadable = || DataError::Unreadable { path: path.to_owned(), what: "a relay's key" };
    seed.map(Some).ok_or_else(unreadable)
}

fn write_seed(path: &Path, seed: &[u8; 32]) -> Result<(), DataError> {
    write(path, &Zeroizing::new(BASE64URL_NOPAD.encode(seed)))
}

/// The process that has said in its lock's file that it holds the lock.
fn process_in(lock: &File) -> Option<u32> {
    let mut line = String::new();
    lock.take(MAX_PROCESS).read_to_string(&mut line).ok()?;
    line.trim_end().parse().ok()
}

fn find_database(folder: &Path) -> Result<PathBuf, DataError> {
    let path = folder.join(DATABASE);
    match path.try_exists() {
        Ok(true) => Ok(path),
        Ok(false) if folder.join(UNFINISHED).exists() => Err(DataError::Unfinished(folder.to_owned())),
        Ok(false) => Err(DataError::Absent(folder.to_owned())),
        Err(source) => Err(failed(&path, "read", source)),
    }
}

fn failed(path: &Path, what: &'static str, source: io::Error) -> DataError {
    DataError::File { path: path.to_owned(), what, source }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;
    use crate::testing::rng;

    #[test]
    fn key_and_token_are_made_once() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(&folder.path().join("deep/data")).unwrap();
        let (key, token) = (data.certificate_key(&mut rng(1)).unwrap(), data.token(&mut rng(2)).unwrap());
        let identity = data.identity(&mut rng(5)).unwrap();
        assert_eq!(token.as_str().len(), 22);
        assert_ne!(key.public().as_bytes(), identity.public().as_bytes());
        assert_eq!(data.certificate_key(&mut rng(3)).unwrap().public(), key.public());
        assert_eq!(data.identity(&mut rng(3)).unwrap().public(), identity.public());
        assert_eq!(data.token(&mut rng(4)).unwrap().as_str(), token.as_str());
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
    fn a_lost_identity_is_not_replaced_once_there_is_a_database() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        let identity = data.identity(&mut rng(1)).unwrap();
        data.database().unwrap();
        assert_eq!(data.identity(&mut rng(2)).unwrap().public(), identity.public());
        fs::remove_file(folder.path().join(IDENTITY)).unwrap();
        assert!(matches!(data.identity(&mut rng(2)), Err(DataError::KeyMissing(_))));
        assert!(matches!(data.certificate_key(&mut rng(2)), Err(DataError::KeyMissing(_))));
    }

    #[test]
    fn the_certificates_key_can_be_made_anew_under_the_same_identity() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        let (key, identity) =
            (data.certificate_key(&mut rng(1)).unwrap(), data.identity(&mut rng(2)).unwrap());
        data.database().unwrap();
        fs::remove_file(folder.path().join(KEY)).unwrap();
        assert_ne!(data.certificate_key(&mut rng(3)).unwrap().public(), key.public());
        assert_eq!(data.identity(&mut rng(4)).unwrap().public(), identity.public());
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_left_alone() {
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        secret::write(&folder.path().join(KEY), b"").unwrap();
        secret::write(&folder.path().join(TOKEN), b"").unwrap();
        for wrong in ["", "AAAA", "not a key at all", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"] {
            fs::write(folder.path().join(KEY), wrong).unwrap();
            let refused = data.certificate_key(&mut rng(1)).unwrap_err();
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
    fn a_secret_that_others_may_read_is_neither_used_nor_replaced() {
        use std::os::unix::fs::PermissionsExt;
        let folder = TempDir::new().unwrap();
        let data = DataFolder::create(folder.path()).unwrap();
        let key = data.certificate_key(&mut rng(1)).unwrap();
        let token = data.token(&mut rng(1)).unwrap();
        let allow = |name: &str, mode| {
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        for mode in [0o644, 0o640, 0o660, 0o604] {
            allow(KEY, mode);
            allow(TOKEN, mode);
            let refused = data.certificate_key(&mut rng(2)).unwrap_err();
            assert!(matches!(&refused, DataError::Exposed(path) if path.ends_with(KEY)), "{refused}");
            let refused = data.token(&mut rng(2)).unwrap_err();
            assert!(matches!(&refused, DataError::Exposed(path) if path.ends_with(TOKEN)), "{refused}");
        }
        allow(KEY, 0o600);
        allow(TOKEN, 0o400);
        assert_eq!(data.certificate_key(&mut rng(2)).unwrap().public(), key.public());
        assert_eq!(data.token(&mut rng(2)).unwrap().as_str(), token.as_str());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_look_inside() {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let parent = TempDir::new().unwrap();
        let folder = parent.path().join("data");
        let data = DataFolder::create(&folder).unwrap();
        data.certificate_key(&mut rng(1)).unwrap();
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
