//! One device: its documents, its workspaces, and what it says to their relays. Synchronous and without sockets, clock
//! or randomness of its own; the host hands frames in and takes frames out.
//!
//! After an [`Error::Store`] the device has to be opened anew: what it believed to have stored may not be there.
//!
//! Architecture Invariant: nothing in here uses tokio; the manifest has no line for it.

mod documents;
mod error;
mod import;
mod notice;
mod workspace;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

use bowline_core::document::ActorId;
use bowline_core::sync::{Context, Phase, RelayFault, Replica};
use bowline_crypto::DeviceKeys;
use bowline_store::{DocN, Store};
use bowline_wire::ids::{DeviceId, Millis, WorkspaceId};
use rand_core::CryptoRng;

pub use documents::agents::ShownAgent;
use documents::cache::{CACHE_BYTES, Cache};
pub use documents::edit::{Listed, Shown};
pub use documents::found::{Found, Which};
pub use documents::marks::Marks;
pub use documents::memories::ShownMemory;
pub use documents::names::OwnNames;
pub use documents::skills::ShownSkill;
pub use error::{Damage, Error};
pub use import::{
    DryRun, FilesImport, ImportTarget, ImportedFiles, ImportedSession, LineVerdict, Outcome, SessionFile,
    SessionImport, SourceFile, SourceSession, Verdict, Why,
};
pub use notice::Notice;
pub use workspace::code::{Code, CodeError, CodeKind};
pub use workspace::connection::Outstanding;
pub use workspace::intent;
pub use workspace::line_failure::{LineFailure, LineReason};
pub use workspace::quarantine::QuarantineReason;
pub use workspace::report::{LineReport, LineStage, Stuck, SyncReport};
pub use workspace::status::{DocumentState, MemberStatus, Quarantined, WorkspaceStatus};

/// Name of the value that says whose database this is.
const DEVICE: &str = "device";

/// Notices kept for a host that does not ask for them; the oldest go first, and status still shows what they were about.
const MAX_NOTICES: usize = 1024;

/// Where randomness comes from; a host passes the operating system's, a simulation a seeded one.
pub type Random = Box<dyn CryptoRng + Send>;

/// One device. See the module's text.
pub struct Device {
    store: Store,
    keys: DeviceKeys,
    random: Random,
    actor: ActorId,
    workspaces: BTreeMap<WorkspaceId, Linked>,
    documents: Cache,
    /// The revision in which each document with entries still to be taken in was last looked at.
    indexed: BTreeMap<DocN, u64>,
    notices: VecDeque<Notice>,
    /// A commit failed after memory had moved on: nothing more is believed or sent before the device is opened anew.
    broken: bool,
}

/// A workspace and its line to the relay.
struct Linked {
    replica: Replica,
    /// Encoded frames to hand to the line.
    transmit: VecDeque<Vec<u8>>,
    /// The line is to be closed once everything was handed over.
    close: bool,
    /// The last thing the relay was caught at.
    fault: Option<RelayFault>,
    /// What it was caught at on this line.
    line_fault: Option<RelayFault>,
    /// The person has been told that this device is no longer in the workspace.
    removed: bool,
    /// Documents whose unsealed work no payload may hold; looked at again when they change.
    too_large: BTreeMap<DocN, usize>,
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("id", &self.id()).finish_non_exhaustive()
    }
}

/// Who else has the database open at the moment a device is opened on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// No other process: whatever is marked as under way was so when a process died.
    Nobody,
    /// Another process, whose work under way is no crash.
    Others,
}

impl Device {
    /// Opens a device on its database, which may be new and which no other process has open.
    pub fn open(store: Store, keys: DeviceKeys, random: Random) -> Result<Self, Error> {
        Self::open_beside(store, keys, random, Beside::Nobody)
    }

    /// Opens a device on its database, which may be new.
    pub fn open_beside(
        mut store: Store,
        keys: DeviceKeys,
        mut random: Random,
        beside: Beside,
    ) -> Result<Self, Error> {
        let id = keys.id();
        let known = store.read().meta(DEVICE)?;
        if known.as_ref().is_some_and(|found| found != id.as_bytes()) {
            return Err(Error::OtherKey);
        }
        if known.is_none() || beside == Beside::Nobody {
            store.transaction(|tx| {
                tx.put_meta(DEVICE, id.as_bytes())?;
                match beside {
                    Beside::Nobody => tx.count_crashes(),
                    Beside::Others => Ok(()),
                }
            })?;
        }
        let mut process = [0; 8];
        random.fill_bytes(&mut process);
        let mut device = Self {
            actor: ActorId::for_device(id, process),
            store,
            keys,
            random,
            workspaces: BTreeMap::new(),
            documents: Cache::new(CACHE_BYTES),
            indexed: BTreeMap::new(),
            notices: VecDeque::new(),
            broken: false,
        };
        for row in device.store.read().workspaces()? {
            match device.restore(&row) {
                Ok(replica) => {
                    device.workspaces.insert(row.id, Linked::new(replica));
                }
                Err(error @ Error::Store(_)) => return Err(error),
                // One damaged workspace must not keep a person from everything else.
                Err(error) => {
                    tracing::warn!(%error, "a workspace cannot be restored and is left out");
                    device.notices.push_back(Notice::Damaged(row.id));
                }
            }
        }
        device.retry_after_update()?;
        Ok(device)
    }

    /// Which device this is.
    pub fn id(&self) -> DeviceId {
        self.keys.id()
    }

    /// Its database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its database, to close it or to open the device anew.
    pub fn into_store(self) -> Store {
        self.store
    }

    /// The next thing a person may want to know.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop_front()
    }

    /// Whether the database failed in the middle of something, so that nothing more is sent or taken in before the
    /// device is opened anew. Edits that were answered with `Ok` are durable all the same.
    pub fn needs_reopening(&self) -> bool {
        self.broken
    }

    fn notify(&mut self, notice: Notice) {
        if self.notices.len() == MAX_NOTICES {
            self.notices.pop_front();
        }
        self.notices.push_back(notice);
    }

    fn linked(&mut self, workspace: WorkspaceId) -> Result<&mut Linked, Error> {
        self.workspaces.get_mut(&workspace).ok_or(Error::NoWorkspace(workspace))
    }

    fn replica(&self, workspace: WorkspaceId) -> Result<&Replica, Error> {
        let linked = self.workspaces.get(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        Ok(&linked.replica)
    }

    /// Runs `step` on a workspace's replica with everything it needs from outside.
    fn with_replica<T>(
        &mut self,
        workspace: WorkspaceId,
        now: Millis,
        step: impl FnOnce(&mut Replica, &mut Context<'_>) -> T,
    ) -> Result<T, Error> {
        let linked = self.workspaces.get_mut(&workspace).ok_or(Error::NoWorkspace(workspace))?;
        let store = &self.store;
        // A hash that cannot be read must not look like one that is not there: that would be evidence.
        let failed = RefCell::new(None);
        let hash_at = |position| match store.read().log_hash_at(workspace, position) {
            Ok(hash) => hash,
            Err(error) => {
                failed.borrow_mut().get_or_insert(error);
                None
            }
        };
        let mut cx = Context { keys: &self.keys, now, random: &mut *self.random, hash_at: &hash_at };
        let done = step(&mut linked.replica, &mut cx);
        match failed.take() {
            Some(error) => {
                self.broken = true;
                Err(error.into())
            }
            None => Ok(done),
        }
    }
}

impl Linked {
    fn new(replica: Replica) -> Self {
        Self {
            removed: matches!(replica.phase(), Phase::Removed),
            replica,
            transmit: VecDeque::new(),
            close: false,
            fault: None,
            line_fault: None,
            too_large: BTreeMap::new(),
        }
    }
}
