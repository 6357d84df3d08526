//! A machine with a device on it: a database that survives power cuts, and a process that does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bowline_crypto::DeviceKeys;
use bowline_engine::{Device, Error};
use bowline_relay::ConnId;
use bowline_store::{Connection, Store, StoreError};
use bowline_wire::ids::{DeviceId, DocId, Millis};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use super::bug::Bug;

/// An edit whose call returned, and where it was made.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// The index of the machine.
    pub(super) machine: usize,
    /// The document that it was said in.
    pub(super) document: DocId,
    /// What was said; no two are alike.
    pub(super) text: String,
    /// Whether the relay was known to have it when somebody decided to remove the device that said it. Of a removed device
    /// nothing else is promised.
    pub(super) was_on_relay: bool,
    /// Whether the device that said it was put back to before that: from then on perhaps nobody but the relay has it.
    pub(super) left_its_device: bool,
}

/// A text whose writing was acknowledged, on the machine it was written on.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) machine: usize,
    pub(super) document: DocId,
    pub(super) text: String,
}

/// A text that was written into something that stays on its device.
#[derive(Clone, Debug)]
pub(super) struct Staying {
    pub(super) device: DeviceId,
    pub(super) document: DocId,
    pub(super) text: String,
}

/// Why a call did not do what it should.
#[derive(Debug)]
pub(super) enum Stopped {
    /// A commit failed, as it does when the power goes.
    PowerCut,
    /// The device refuses; nothing has changed.
    Misuse(Error),
}

thread_local! {
    /// What each machine begins with: making all tables anew takes longer than some histories.
    static EMPTY: Store = {
        let connection = Connection::open_in_memory().expect("a database in memory");
        Store::from_connection(connection).expect("a new database")
    };
}

fn empty_database() -> Connection {
    let mut copy = Connection::open_in_memory().expect("a database in memory");
    EMPTY.with(|empty| empty.copy_to(&mut copy)).expect("a copy");
    copy
}

/// A machine with a device on it.
pub struct Machine {
    pub(super) name: String,
    key: [u8; 64],
    /// Seeds the next process's randomness.
    next_process: u64,
    device: Option<Device>,
    /// Commits until one fails; negative for none.
    commits_left: Arc<AtomicI64>,
    pub(super) conn: Option<ConnId>,
    /// Whether the person wants to be connected.
    pub(super) online: bool,
    /// Removed, or the code did not let it in: nothing more is expected of it.
    pub(super) gone: bool,
    /// The next call loses power after its commits and before anything is sent.
    pub(super) stop_before_sending: bool,
    /// An older copy of the database.
    pub(super) copy: Option<Connection>,
    bug: Option<Bug>,
}

impl Machine {
    pub(super) fn new(name: &str, key: [u8; 64], seed: u64, bug: Option<Bug>) -> Self {
        Self::with_database(name, key, seed, bug, empty_database())
    }

    fn with_database(name: &str, key: [u8; 64], seed: u64, bug: Option<Bug>, connection: Connection) -> Self {
        let mut machine = Self {
            name: name.to_owned(),
            key,
            next_process: seed,
            device: None,
            commits_left: Arc::new(AtomicI64::new(-1)),
            conn: None,
            online: true,
            gone: false,
            stop_before_sending: false,
            copy: None,
            bug,
        };
        machine.start(connection);
        machine
    }

    /// Starts a process on a database.
    fn start(&mut self, mut connection: Connection) {
        self.commits_left.store(-1, Ordering::Relaxed);
        let left = Arc::clone(&self.commits_left);
        let refuse = move || left.fetch_sub(1, Ordering::Relaxed) == 0;
        connection.commit_hook(Some(refuse)).expect("a commit hook");
        let store = Store::from_connection(connection).expect("a database of this version");
        self.start_on(store);
    }

    fn start_on(&mut self, mut store: Store) {
        self.commits_left.store(-1, Ordering::Relaxed);
        store.plant_cursor_before_batch(self.bug == Some(Bug::CursorBeforeBatch));
        let random = ChaCha8Rng::seed_from_u64(self.next_process);
        self.next_process = self.next_process.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.device =
            Some(Device::open(store, self.keys(), Box::new(random)).expect("a device on its own database"));
    }

    /// The power goes: what was not committed is gone, and so is everything in memory.
    pub(super) fn restart(&mut self) {
        self.stop_before_sending = false;
        if let Some(device) = self.device.take() {
            self.start_on(device.into_store());
        }
    }

    /// Keeps a copy of the database for later.
    pub(super) fn take_copy(&mut self) {
        self.copy = Some(self.copied());
    }

    fn copied(&mut self) -> Connection {
        let mut copy = Connection::open_in_memory().expect("a database in memory");
        self.device().store().copy_to(&mut copy).expect("a copy");
        copy
    }

    /// Puts the older copy in place of the database. `false` if there is none.
    pub(super) fn restore_copy(&mut self) -> bool {
        let Some(copy) = self.copy.take() else {
            return false;
        };
        self.device = None;
        self.start(copy);
        true
    }

    /// Another machine with a copy of this one's database and key.
    pub(super) fn cloned(&mut self, name: &str, seed: u64) -> Self {
        let copy = self.copied();
        Self::with_database(name, self.key, seed, self.bug, copy)
    }

    /// The commit after `commits` more fails.
    pub(super) fn fail_commit(&mut self, commits: u32) {
        self.commits_left.store(commits.into(), Ordering::Relaxed);
    }

    /// The keys of its device, which every program of its owner can read.
    pub(super) fn keys(&self) -> DeviceKeys {
        DeviceKeys::from_bytes(&self.key)
    }

    pub(super) fn device(&mut self) -> &mut Device {
        self.device.as_mut().expect("a machine has a device")
    }

    pub(super) fn device_ref(&self) -> &Device {
        self.device.as_ref().expect("a machine has a device")
    }

    pub(super) fn poll_timeout(&self) -> Option<Millis> {
        self.device_ref().poll_timeout()
    }

    pub(super) fn call(
        &mut self,
        step: impl FnOnce(&mut Device) -> Result<(), Error>,
    ) -> Result<(), Stopped> {
        match step(self.device()) {
            Ok(()) if self.device().needs_reopening() => Err(Stopped::PowerCut),
            Ok(()) => Ok(()),
            Err(Error::Store(StoreError::CommitRefused)) => Err(Stopped::PowerCut),
            Err(Error::Store(error)) => panic!("{}: {error}", self.name),
            Err(error @ (Error::Bug(_) | Error::Damaged(_) | Error::Gone | Error::NoMemory)) => {
                panic!("{}: {error}", self.name)
            }
            Err(error) => Err(Stopped::Misuse(error)),
        }
    }
}
