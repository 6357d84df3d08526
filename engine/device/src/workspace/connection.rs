//! Whether a workspace is connected, what still waits, and what other processes on the same home have changed.

use bowline_core::sync::{Awaited, Phase, RelayFault};
use bowline_crypto::DeviceKeys;
use bowline_store::{Reader, Store, StoreError, Tx, WorkspaceRow};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DeviceId, Millis, Position, WorkspaceId};
use bowline_wire::log::Log;

use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;
use crate::workspace::evidence;
use crate::workspace::linked::Linked;
use crate::workspace::log_state::begun_place;
use crate::{Error, OtherDraft, SyncReport};

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

/// Why a line has ended, as far as the device knows.
#[derive(Clone, Debug, Default)]
pub struct Parting {
    /// What the relay said when it closed the line.
    pub goodbye: Option<Reason>,
    /// What the relay was caught at on the line.
    pub fault: Option<RelayFault>,
    /// What the relay had not answered when the device gave the line up.
    pub silence: Option<Awaited>,
}

impl Outstanding {
    /// Whether nothing waits.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

/// Notes whether a person wants a workspace connected.
pub(super) fn put_connected(store: &mut Store, workspace: WorkspaceId, connected: bool) -> Result<(), Error> {
    store.transaction(|tx| {
        if connected {
            tx.delete_state(workspace, DISCONNECTED)
        } else {
            tx.put_state(workspace, DISCONNECTED, &[])
        }
    })?;
    Ok(())
}

/// Whether a person has disconnected a workspace.
pub(super) fn is_disconnected(read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
    Ok(read.state(workspace, DISCONNECTED)?.is_some())
}

/// What the process that syncs has last said about itself.
pub(super) fn report(read: Reader<'_>) -> Result<Option<SyncReport>, Error> {
    let bytes = read.meta(REPORT)?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Stores what the process that syncs says about itself.
pub(super) fn put_report(store: &mut Store, report: &SyncReport) -> Result<(), Error> {
    let bytes = serde_json::to_vec(report).map_err(|_| Error::Bug("a sync report is not JSON"))?;
    Ok(store.transaction(|tx| tx.put_meta(REPORT, &bytes))?)
}

/// What waits for the relay, as the database has it: whichever process does the sending.
pub(super) fn outstanding(read: Reader<'_>, workspace: WorkspaceId) -> Result<Outstanding, Error> {
    Ok(Outstanding {
        queued: read.docs_with_unsealed(Some(workspace))?.len(),
        offered: read.offered(workspace)?.len() + read.ids_again(workspace)?.len(),
        undecided: read.intents(workspace)?.len(),
    })
}

impl Workspaces {
    /// Whether a person wants the workspace connected and it makes sense to: this device is in it or on its way in. What
    /// other processes have said counts at once.
    pub(crate) fn wants_connection(&self, read: Reader<'_>, workspace: WorkspaceId) -> Result<bool, Error> {
        if self.other_draft(workspace).is_some() {
            return Ok(false);
        }
        let phase = self.replica(workspace)?.phase();
        let is_over = matches!(phase, Phase::Failed(_) | Phase::Removed);
        Ok(!is_over && !is_disconnected(read, workspace)?)
    }

    /// Why the line that has just ended did.
    pub(crate) fn take_parting(&mut self, workspace: WorkspaceId) -> Result<Parting, Error> {
        let linked = self.linked(workspace)?;
        Ok(Parting {
            goodbye: linked.replica.last_goodbye(),
            fault: linked.line_fault.take(),
            silence: linked.replica.last_silence(),
        })
    }

    /// Whether the device has given the line up because of what the relay did on it, or did not do.
    pub(crate) fn has_given_up(&self, workspace: WorkspaceId) -> bool {
        let linked = self.linked.get(&workspace);
        linked.is_some_and(|linked| linked.line_fault.is_some() || linked.replica.last_silence().is_some())
    }

    /// How many documents have unsealed work that others would not take.
    pub(crate) fn unsealable(&self, workspace: WorkspaceId) -> Result<usize, Error> {
        Ok(self.linked.get(&workspace).ok_or(Error::NoWorkspace(workspace))?.unsealable.len())
    }

    /// Another process may have written: looks for workspaces that came or went, and does what there is to do in the
    /// others.
    pub(crate) fn look_again(&mut self, lent: &mut Lent<'_>, documents: &mut Documents) -> Result<(), Error> {
        let rows = lent.read().workspaces()?;
        let known = self.linked.len() + self.old.len();
        self.linked.retain(|id, _| rows.iter().any(|row| row.id == *id));
        self.old.retain(|id, _| rows.iter().any(|row| row.id == *id));
        if self.linked.len() + self.old.len() < known {
            documents.forget_all();
        }
        for row in rows {
            if self.is_news(lent.read(), &row)? {
                self.take_up(lent.read(), lent.keys, documents, &row)?;
            }
            let Some(linked) = self.linked.get_mut(&row.id) else {
                continue; // damaged and left out, or of another draft
            };
            linked.unsealable.clear();
            self.drive(lent, documents, row.id)?;
        }
        Ok(())
    }

    /// Whether the row is of a workspace that this process has not seen, or has seen before it was joined again, which begins
    /// a new life of this device's chains in it, before its relay moved, was caught or was trusted again, or before its log was begun from a state.
    pub(super) fn is_news(&self, read: Reader<'_>, row: &WorkspaceRow) -> Result<bool, Error> {
        if let Some(old) = self.old.get(&row.id) {
            return Ok(Some(old.other) != OtherDraft::of(row.draft) || old.incarnation != row.incarnation);
        }
        let Some(Linked { replica, relay, .. }) = self.linked.get(&row.id) else {
            return Ok(true);
        };
        let is_trusted_otherwise = replica.is_distrusted() != evidence::counts(read, row.id)?;
        let begun_at = replica.log().map_or(Position::START, Log::begun_at);
        Ok(replica.incarnation() != row.incarnation
            || *relay != row.relay
            || is_trusted_otherwise
            || begun_at != begun_place(read, row.id)?)
    }

    /// Begins to follow a workspace as it is in the database. One that is damaged is left out, as when opening.
    pub(super) fn take_up(
        &mut self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        documents: &mut Documents,
        row: &WorkspaceRow,
    ) -> Result<(), Error> {
        let was_linked = self.linked.remove(&row.id).is_some();
        let was_old = self.old.remove(&row.id).is_some();
        match self.follow(read, keys, row) {
            Ok(()) => {
                // If there is still a line, it is the old one's.
                if let Some(linked) = self.linked.get_mut(&row.id) {
                    linked.close = was_linked;
                }
            }
            Err(error @ Error::Store(_)) => return Err(error),
            Err(error) => tracing::warn!(%error, "a workspace cannot be restored and is left out"),
        }
        if was_linked || was_old {
            documents.forget_all();
        }
        Ok(())
    }

    /// Believes what is in the database instead of what is in memory.
    pub(crate) fn reload(
        &mut self,
        read: Reader<'_>,
        keys: &DeviceKeys,
        documents: &mut Documents,
    ) -> Result<(), Error> {
        self.linked.clear();
        self.old.clear();
        documents.forget_all();
        for row in read.workspaces()? {
            self.take_up(read, keys, documents, &row)?;
        }
        Ok(())
    }
}

/// Name of the value that says when a device was last heard.
fn heard(device: DeviceId) -> String {
    format!("heard/{device}")
}

/// Notes that a device was heard at this time of our clock. A time that has not come yet is from a version that believed the
/// device's own clock, and gives way.
pub(crate) fn put_heard(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
    at: Millis,
    now: Millis,
) -> Result<(), StoreError> {
    if last_heard(**tx, workspace, device)?.is_some_and(|known| known >= at && known <= now) {
        return Ok(());
    }
    tx.put_state(workspace, &heard(device), &at.0.to_be_bytes())
}

/// When a device was last heard, by our clock.
pub(crate) fn last_heard(
    read: Reader<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<Option<Millis>, StoreError> {
    Ok(number(read, workspace, &heard(device))?.map(Millis))
}

/// Name of the value that says up to where a device holds the log, beside what its entries say.
fn holding(device: DeviceId) -> String {
    format!("holding/{device}")
}

/// Whether it was known already what a device says.
pub(super) enum HeardBefore {
    Yes,
    No,
}

/// Notes that a device has said that it holds the log up to a position.
pub(super) fn put_holding(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
    position: Position,
) -> Result<HeardBefore, StoreError> {
    if held_by(**tx, workspace, device)? >= position {
        return Ok(HeardBefore::Yes);
    }
    tx.put_state(workspace, &holding(device), &position.0.to_be_bytes())?;
    Ok(HeardBefore::No)
}

/// What a device has said beyond a position counts no more.
pub(super) fn cut_holding(
    tx: &Tx<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
    at: Position,
) -> Result<(), StoreError> {
    tx.put_state(workspace, &holding(device), &at.0.to_be_bytes())
}

/// Up to where a device has said that it holds the log, beside what its entries say.
pub(super) fn held_by(
    read: Reader<'_>,
    workspace: WorkspaceId,
    device: DeviceId,
) -> Result<Position, StoreError> {
    Ok(number(read, workspace, &holding(device))?.map_or(Position::START, Position))
}

fn number(read: Reader<'_>, workspace: WorkspaceId, name: &str) -> Result<Option<u64>, StoreError> {
    let bytes = read.state(workspace, name)?;
    Ok(bytes.and_then(|bytes| Some(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))))
}
