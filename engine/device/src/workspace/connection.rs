//! Whether a workspace is connected, what still waits, and what other processes on the same home have changed.

use bowline_core::sync::{NotReady, Phase, RelayFault};
use bowline_store::{Reader, StoreError, Tx, WorkspaceRow};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DeviceId, Millis, Position, WorkspaceId};
use rand_core::Rng as _;

use crate::Error;
use crate::SyncReport;
use crate::documents::cache::{CACHE_BYTES, Cache};
use crate::{Device, Linked};

/// Name of the value that is there while a person wants a workspace disconnected.
const DISCONNECTED: &str = "disconnected";

/// Name of the value that says what the process that syncs is doing.
const REPORT: &str = "sync";

/// What of a workspace waits for the relay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outstanding {
    /// Documents with work that is in no entry yet.
    pub queued: usize,
    /// Entries that the log does not show yet.
    pub offered: usize,
    /// Decisions about the roster that the log has not answered.
    pub undecided: usize,
}

impl Outstanding {
    /// Whether nothing waits.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl Device {
    /// Says whether a workspace may be connected. Without that, no host opens a socket for it; everything else works.
    pub fn set_connected(&mut self, workspace: WorkspaceId, connected: bool) -> Result<(), Error> {
        self.replica(workspace)?;
        self.store.transaction(|tx| {
            if connected {
                tx.delete_state(workspace, DISCONNECTED)
            } else {
                tx.put_state(workspace, DISCONNECTED, &[])
            }
        })?;
        Ok(())
    }

    /// Whether a person wants the workspace connected and it makes sense to: this device is in it or on its way in. What
    /// other processes have said counts at once.
    pub fn wants_connection(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        let phase = self.replica(workspace)?.phase();
        let is_over = matches!(phase, Phase::Failed(_) | Phase::Removed);
        Ok(!is_over && self.store.read().state(workspace, DISCONNECTED)?.is_none())
    }

    /// Whether a person has disconnected the workspace.
    pub fn is_disconnected(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        Ok(self.store.read().state(workspace, DISCONNECTED)?.is_some())
    }

    /// Why the line that has just ended did: what the relay said, and what it was caught at on it.
    pub fn take_parting(
        &mut self,
        workspace: WorkspaceId,
    ) -> Result<(Option<Reason>, Option<RelayFault>), Error> {
        let linked = self.linked(workspace)?;
        Ok((linked.replica.last_goodbye(), linked.line_fault.take()))
    }

    /// 64 random bits, for waits.
    pub fn draw(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Documents whose unsealed work is more than others would take at once.
    pub(crate) fn too_large(&self, workspace: WorkspaceId) -> Result<usize, Error> {
        Ok(self.workspaces.get(&workspace).ok_or(Error::NoWorkspace(workspace))?.too_large.len())
    }

    /// Why the relay does not take what this device offers at the moment, though it may later.
    pub(crate) fn held_up(&self, workspace: WorkspaceId) -> Result<Option<Reason>, Error> {
        Ok(self.replica(workspace)?.held_up())
    }

    /// Why nothing is sealed at the moment.
    pub(crate) fn not_ready(&self, workspace: WorkspaceId) -> Result<Option<NotReady>, Error> {
        self.waiting_for(workspace)
    }

    /// Whether this device is on its way into a workspace.
    pub fn is_joining(&self, workspace: WorkspaceId) -> Result<bool, Error> {
        Ok(matches!(self.replica(workspace)?.phase(), Phase::Joining(_)))
    }

    /// How much of a workspace's log is here.
    pub fn position(&self, workspace: WorkspaceId) -> Result<Position, Error> {
        Ok(self.replica(workspace)?.position())
    }

    /// A number that changes when another connection to the database, of any process, has committed.
    pub fn data_version(&self) -> Result<i64, Error> {
        Ok(self.store.read().data_version()?)
    }

    /// What the process that syncs has last said about itself.
    pub fn sync_report(&self) -> Result<Option<SyncReport>, Error> {
        let bytes = self.store.read().meta(REPORT)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Stores what the process that syncs says about itself.
    pub fn put_sync_report(&mut self, report: &SyncReport) -> Result<(), Error> {
        let bytes = serde_json::to_vec(report).map_err(|_| Error::Bug("a sync report is not JSON"))?;
        Ok(self.store.transaction(|tx| tx.put_meta(REPORT, &bytes))?)
    }

    /// The relay's address, as it was given when the workspace was made or joined.
    pub fn relay_address(&self, workspace: WorkspaceId) -> Result<String, Error> {
        let row = self.store.read().workspace(workspace)?.ok_or(Error::NoWorkspace(workspace))?;
        Ok(row.relay)
    }

    /// What waits for the relay, as the database has it: whichever process does the sending.
    pub fn outstanding(&self, workspace: WorkspaceId) -> Result<Outstanding, Error> {
        let read = self.store.read();
        Ok(Outstanding {
            queued: read.docs_with_unsealed(Some(workspace))?.len(),
            offered: read.offered(workspace)?.len(),
            undecided: read.intents(workspace)?.len(),
        })
    }

    /// Another process may have written: looks for workspaces that came or went, and does what there is to do in the
    /// others.
    pub fn handle_store_changed(&mut self, now: Millis) -> Result<(), Error> {
        let rows = self.store.read().workspaces()?;
        let known = self.workspaces.len();
        self.workspaces.retain(|id, _| rows.iter().any(|row| row.id == *id));
        if self.workspaces.len() < known {
            self.forget_documents();
        }
        for row in rows {
            if self.is_news(&row) {
                self.take_up(&row)?;
            }
            let Some(linked) = self.workspaces.get_mut(&row.id) else {
                continue; // damaged and left out
            };
            linked.too_large.clear();
            self.drive(row.id, now)?;
        }
        Ok(())
    }

    /// Whether the row is of a workspace that this process has not seen, or has seen before it was joined again: each time
    /// begins a new life of this device's chains in it.
    fn is_news(&self, row: &WorkspaceRow) -> bool {
        self.workspaces.get(&row.id).is_none_or(|linked| linked.replica.incarnation() != row.incarnation)
    }

    /// Begins to follow a workspace as it is in the database. One that is damaged is left out, as when opening.
    fn take_up(&mut self, row: &WorkspaceRow) -> Result<(), Error> {
        let replaced = self.workspaces.remove(&row.id).is_some();
        match self.restore(row) {
            Ok(replica) => {
                // If there is still a line, it is the old one's.
                let linked = Linked { close: replaced, ..Linked::new(replica) };
                self.workspaces.insert(row.id, linked);
            }
            Err(error @ Error::Store(_)) => return Err(error),
            Err(error) => tracing::warn!(%error, "a workspace cannot be restored and is left out"),
        }
        if replaced {
            self.forget_documents();
        }
        Ok(())
    }

    /// Rows of documents went, and new ones may have got their numbers.
    fn forget_documents(&mut self) {
        self.documents = Cache::new(CACHE_BYTES);
        self.indexed.clear();
    }

    /// Believes what is in the database instead of what is in memory, for a process that waits while another one syncs, or
    /// begins to. Not for one that has lines: they would be forgotten.
    pub fn reload(&mut self) -> Result<(), Error> {
        self.workspaces.clear();
        self.forget_documents();
        for row in self.store.read().workspaces()? {
            self.take_up(&row)?;
        }
        Ok(())
    }
}

/// Name of the value that says when a device last wrote, by its own clock.
fn heard(device: DeviceId) -> String {
    format!("heard/{device}")
}

/// Notes that a device wrote content at this time of its clock.
pub(crate) fn put_heard(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
    time: Millis,
) -> Result<(), StoreError> {
    if last_heard(**tx, workspace, device)?.is_some_and(|known| known >= time) {
        return Ok(());
    }
    tx.put_state(workspace, &heard(device), &time.0.to_be_bytes())
}

/// When a device last wrote content, by its own clock.
pub(crate) fn last_heard(
    read: Reader<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<Option<Millis>, StoreError> {
    let bytes = read.state(workspace, &heard(device))?;
    Ok(bytes.and_then(|bytes| Some(Millis(u64::from_be_bytes(bytes.as_slice().try_into().ok()?)))))
}
