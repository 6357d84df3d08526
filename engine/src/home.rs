//! A home: the folder in which one device keeps its key, its database and the locks between its processes.
//!
//! | file | what it is |
//! |---|---|
//! | `bowline.db` | the database, with SQLite's side files |
//! | `device.key` | the device's secret keys, as one line of text |
//! | `open.lock` | held shared by every process that has the home open, to know whether a crash was one |
//! | `sync.lock` | held by the one process that syncs |
//! | `import.lock` | held by the one process that imports |
//! | `wake` | touched after an edit, so that the process that syncs looks |
//! | `log/` | operational events of a process that syncs for long |

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bowline_crypto::DeviceKeys;
use bowline_crypto::keys::DEVICE_KEYS_LEN;
use bowline_disk::secret::{self, MAX_SECRET_FILE, SecretError};
use bowline_disk::{file, folder, lock};
use bowline_store::Store;
use data_encoding::BASE64URL_NOPAD;
use rand_core::CryptoRng;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::device::{Beside, Random};
use crate::{Device, Error};

/// What the key file begins with; the number is the format's version.
const KEY_PREFIX: &str = "bowline-device-key-1:";

const DATABASE: &str = "bowline.db";
const KEY: &str = "device.key";
const OPEN_LOCK: &str = "open.lock";
const SYNC_LOCK: &str = "sync.lock";
const IMPORT_LOCK: &str = "import.lock";
const WAKE: &str = "wake";
const LOG: &str = "log";
const LOG_FILE: &str = "bowline.log";

/// Why a home cannot be used. Nothing was changed.
#[derive(Debug, Error)]
pub enum HomeError {
    /// Misuse: there is no home in this folder yet.
    #[error("there is no Bowline home in {}", .0.display())]
    NotThere(PathBuf),
    /// Misuse: there is a home in this folder already.
    #[error("there is a Bowline home in {} already", .0.display())]
    AlreadyThere(PathBuf),
    /// Misuse: another process has the home open.
    #[error("another Bowline process is using the home in {}", .0.display())]
    InUse(PathBuf),
    /// Environment: the database is there and the key is not. Restore `device.key`, or the whole home, from a backup.
    #[error("the home in {} has a database and no device key", .0.display())]
    KeyMissing(PathBuf),
    /// Environment: the key file does not hold what was written into it. Restore `device.key` from a backup.
    #[error("the device key in {} is damaged", .0.display())]
    KeyDamaged(PathBuf),
    /// Environment: a newer version of this program wrote the key file. Update the program.
    #[error("the device key in {} was written by a newer version", .0.display())]
    KeyNewer(PathBuf),
    /// Environment: other users of this machine may read or change the key. `chmod 600` closes the file.
    #[error("the device key in {} can be read by other users", .0.display())]
    KeyExposed(PathBuf),
    /// Environment: the disk does not keep who may read a file, so a key on it would be open to other users. The home has to
    /// be on another disk; what was made of it is gone again.
    #[error("the disk of {} does not keep who may read a file", .0.display())]
    NoModes(PathBuf),
    /// Environment: this user may not look into the folder, so it is not known whether there is a home in it.
    #[error("{} may not be read", .0.display())]
    MayNotBeRead(PathBuf),
    /// Environment: a file cannot be read or written.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was tried, as in "create".
        what: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the system says about it.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used, or what is in it.
    #[error(transparent)]
    Device(#[from] Error),
}

/// One device's folder.
#[derive(Clone, Debug)]
pub struct Home {
    folder: PathBuf,
}

/// A device and the sign, for other processes, that this one has the home open.
#[derive(Debug)]
pub struct OpenDevice {
    /// The device.
    pub device: Device,
    /// Released when the process ends, however it ends.
    _presence: File,
}

/// The right to sync this home, which one process at a time has. The system takes it back when the process ends, however
/// it ends.
#[derive(Debug)]
pub struct SyncLock {
    _file: File,
}

/// The right to import into this home, which one process at a time has. The system takes it back when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct ImportLock {
    _file: File,
}

impl Home {
    /// Makes a home with new keys. The folder may exist; a home in it may not, unless making it was interrupted before
    /// there was a database.
    pub fn init(folder: &Path, random: &mut dyn CryptoRng) -> Result<Self, HomeError> {
        let home = Self { folder: folder.to_owned() };
        if home.has(DATABASE)? {
            return Err(HomeError::AlreadyThere(home.folder));
        }
        secret::make_folder(folder).map_err(|error| match error {
            SecretError::Io(source) => HomeError::Io { what: "create", path: folder.to_owned(), source },
            SecretError::NoModes | SecretError::Exposed => HomeError::NoModes(folder.to_owned()),
        })?;
        // Two that make it at once would write one key over the other's.
        let _alone = home.lock_alone()?;
        if home.has(DATABASE)? {
            return Err(HomeError::AlreadyThere(home.folder));
        }
        if !home.has(KEY)? {
            home.write_key(&DeviceKeys::generate(random))?;
        }
        Store::open(&home.path(DATABASE)).map_err(Error::from)?;
        Ok(home)
    }

    /// The home in a folder, which has to have a database and a key.
    pub fn open(folder: &Path) -> Result<Self, HomeError> {
        let home = Self { folder: folder.to_owned() };
        match (home.has(DATABASE)?, home.has(KEY)?) {
            (true, true) => Ok(home),
            (true, false) => Err(HomeError::KeyMissing(home.folder)),
            (false, _) => Err(HomeError::NotThere(home.folder)),
        }
    }

    /// What is left of a home in a folder, to be reset: its key or its database may be gone.
    pub fn left_in(folder: &Path) -> Result<Self, HomeError> {
        let home = Self { folder: folder.to_owned() };
        if home.has(DATABASE)? || home.has(KEY)? { Ok(home) } else { Err(HomeError::NotThere(home.folder)) }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file for the log of a process that syncs for long, to add to; it is made if it is not there. One that has more than
    /// `max` bytes is kept as `.old` before, and a new one begun.
    pub fn log_file(&self, max: u64) -> Result<File, HomeError> {
        let failed = |source| self.io("write to", LOG, source);
        let folder = self.path(LOG);
        folder::make(&folder).map_err(failed)?;
        let path = folder.join(LOG_FILE);
        if path.metadata().is_ok_and(|about| about.len() > max) {
            fs::rename(&path, path.with_extension("log.old")).map_err(failed)?;
        }
        file::open_or_create(&path, file::private().append(true)).map_err(failed)
    }

    /// Opens the device on this home's key and database.
    pub fn device(&self, random: Random) -> Result<OpenDevice, HomeError> {
        let presence = self.lock_file(OPEN_LOCK)?;
        // Nobody else has the home open: what is marked as under way was so when a process died. Others that open it
        // wait until this is counted.
        let beside = if self.try_alone(&presence, OPEN_LOCK)? {
            Beside::Nobody
        } else {
            presence.lock_shared().map_err(|source| self.io("lock", OPEN_LOCK, source))?;
            Beside::Others
        };
        self.check_still_there(&presence)?;
        let keys = self.read_key()?;
        let store = Store::open(&self.path(DATABASE)).map_err(Error::from)?;
        let device = Device::open_beside(store, keys, random, beside)?;
        if beside == Beside::Nobody {
            let shared = presence.unlock().and_then(|()| presence.lock_shared());
            shared.map_err(|source| self.io("lock", OPEN_LOCK, source))?;
            self.check_still_there(&presence)?;
        }
        Ok(OpenDevice { device, _presence: presence })
    }

    /// The right to sync this home; `None` while another process has it.
    pub fn try_sync_lock(&self) -> Result<Option<SyncLock>, HomeError> {
        Ok(self.try_lock(SYNC_LOCK)?.map(|file| SyncLock { _file: file }))
    }

    /// The right to import into this home; `None` while another process has it. Two imports of one thing at once would both find
    /// that it is not here, and make two of it.
    pub fn try_import_lock(&self) -> Result<Option<ImportLock>, HomeError> {
        Ok(self.try_lock(IMPORT_LOCK)?.map(|file| ImportLock { _file: file }))
    }

    fn try_lock(&self, name: &'static str) -> Result<Option<File>, HomeError> {
        match lock::open(&self.path(name)) {
            Ok(file) => Ok(self.try_alone(&file, name)?.then_some(file)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(self.io("open", name, error)),
        }
    }

    /// Tells the process that syncs, if there is one, that there is something new in the database. If that cannot be, as on a
    /// full disk, the process finds out by itself a few seconds later.
    pub fn wake(&self) {
        let path = self.path(WAKE);
        let touch = || {
            let file = file::open_or_create(&path, &file::private())?;
            file.set_modified(SystemTime::now())
        };
        // A file that another user has left, or that is read-only, says nothing that a new one does not.
        let touched = touch().or_else(|_| file::remove(&path).and_then(|()| touch()));
        if let Err(error) = touched {
            tracing::warn!(%error, "the process that syncs cannot be woken");
        }
    }

    /// The file that [`Home::wake`] touches, made if it is not there and can be made.
    pub(crate) fn wake_file(&self) -> PathBuf {
        let path = self.path(WAKE);
        if !path.exists() {
            self.wake();
        }
        path
    }

    /// Deletes everything of this home, and the folder if nothing else is in it. Interrupted in between, it leaves a home
    /// that [`Home::init`] takes up again.
    ///
    /// # Errors
    /// [`HomeError::InUse`] while any process, this one included, has the device open.
    pub fn reset(self, _lock: &SyncLock) -> Result<(), HomeError> {
        let _alone = self.lock_alone()?;
        let remove = |path: PathBuf| {
            file::remove(&path).map_err(|source| HomeError::Io { what: "delete", path, source })
        };
        // The database before its side files: without them it would be an older one, and be believed.
        for name in [DATABASE, "bowline.db-wal", "bowline.db-shm", WAKE] {
            remove(self.path(name))?;
        }
        remove(secret::unfinished(&self.path(KEY)))?;
        match fs::remove_dir_all(self.path(LOG)) {
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => remove(self.path(LOG))?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(self.io("delete", LOG, error));
            }
            _ => {}
        }
        for name in [KEY, OPEN_LOCK, SYNC_LOCK, IMPORT_LOCK] {
            remove(self.path(name))?;
        }
        // What a person keeps here besides is left alone.
        let _kept = fs::remove_dir(&self.folder);
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the folder has something of this name.
    fn has(&self, name: &str) -> Result<bool, HomeError> {
        match self.path(name).try_exists() {
            Ok(there) => Ok(there),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                Err(HomeError::MayNotBeRead(self.folder.clone()))
            }
            // Something else than a folder stands there or above it.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            Err(source) => Err(self.io("read", name, source)),
        }
    }

    fn lock_file(&self, name: &str) -> Result<File, HomeError> {
        lock::open(&self.path(name)).map_err(|source| self.io("open", name, source))
    }

    /// Takes a lock for this handle alone; `false` if another one has it.
    fn try_alone(&self, file: &File, name: &str) -> Result<bool, HomeError> {
        lock::try_alone(file).map_err(|source| self.io("lock", name, source))
    }

    /// The lock that says that nobody else has the home open.
    fn lock_alone(&self) -> Result<File, HomeError> {
        self.try_lock(OPEN_LOCK)?.ok_or_else(|| HomeError::InUse(self.folder.clone()))
    }

    /// Checks that the home was not deleted while this process waited for its lock: opening its database would make it
    /// again.
    fn check_still_there(&self, lock: &File) -> Result<(), HomeError> {
        let is_same =
            file::is_at(lock, &self.path(OPEN_LOCK)).map_err(|source| self.io("read", OPEN_LOCK, source))?;
        if is_same && self.path(DATABASE).exists() {
            Ok(())
        } else {
            Err(HomeError::NotThere(self.folder.clone()))
        }
    }

    fn write_key(&self, keys: &DeviceKeys) -> Result<(), HomeError> {
        // Room for all of it: what grows leaves copies behind.
        let mut line = Zeroizing::new(String::with_capacity(MAX_SECRET_FILE));
        line.push_str(KEY_PREFIX);
        BASE64URL_NOPAD.encode_append(keys.to_bytes().as_ref(), &mut line);
        secret::write(&self.path(KEY), line.as_bytes()).map_err(|error| match error {
            SecretError::Io(source) => self.io("write", KEY, source),
            SecretError::NoModes | SecretError::Exposed => HomeError::NoModes(self.folder.clone()),
        })
    }

    fn read_key(&self) -> Result<DeviceKeys, HomeError> {
        let path = self.path(KEY);
        let line = match secret::read(&path) {
            Ok(Some(line)) => line,
            Ok(None) => return Err(HomeError::KeyMissing(self.folder.clone())),
            Err(SecretError::Exposed) => return Err(HomeError::KeyExposed(path)),
            Err(SecretError::NoModes) => return Err(HomeError::NoModes(self.folder.clone())),
            Err(SecretError::Io(source)) => return Err(self.io("read", KEY, source)),
        };
        let Some(encoded) = line.strip_prefix(KEY_PREFIX.as_bytes()) else {
            let is_ours = line.starts_with(b"bowline-device-key-");
            return Err(if is_ours { HomeError::KeyNewer(path) } else { HomeError::KeyDamaged(path) });
        };
        let bytes = BASE64URL_NOPAD.decode(encoded).map(Zeroizing::new);
        let keys = bytes
            .ok()
            .and_then(|bytes| <&[u8; DEVICE_KEYS_LEN]>::try_from(&**bytes).map(DeviceKeys::from_bytes).ok());
        keys.ok_or(HomeError::KeyDamaged(path))
    }

    fn io(&self, what: &'static str, name: &str, source: io::Error) -> HomeError {
        HomeError::Io { what, path: self.path(name), source }
    }
}
