//! Whether this device is in a workspace, as people are told: what the log says, what the relay says against it, and what a
//! relay does not take for now.

use bowline_core::sync::Phase;
use bowline_store::{Reader, Store, StoreError, Tx};
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, Millis, WorkspaceId};
use bowline_wire::roster::Standing;

use crate::workspace::Workspaces;
use crate::{Error, OtherDraft};

/// Name of the value that says since when the relay turns this device away, and why.
pub(super) const TURNED_AWAY: &str = "turned-away";

/// Name of the value that says since when the relay takes nothing of ours, and why.
pub(super) const HELD_UP: &str = "held-up";

/// Name of the value that says when this device learned of its removal.
const REMOVED: &str = "removed";

/// Whether this device is in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// The workspace was made here, and no relay has signed for it yet.
    Creating,
    /// This device is on its way in by a code.
    Joining,
    /// This device is in.
    Member,
    /// The code did not let this device in.
    NotLetIn,
    /// The log says that this device was removed, or has left.
    Removed(Removal),
    /// The relay does not let this device in, though it is in the workspace as far as the log is known here.
    TurnedAway(RelaySays),
    /// The workspace's log is of another draft of the protocol than this version's: nothing is sent or fetched.
    OtherDraft(OtherDraft),
}

impl Membership {
    /// Names of all of them, for pages and programs.
    pub const NAMES: [&'static str; 8] =
        ["creating", "joining", "member", "not_let_in", "removed", "turned_away", "old", "newer"];

    /// The membership's name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Joining => "joining",
            Self::Member => "member",
            Self::NotLetIn => "not_let_in",
            Self::Removed(_) => "removed",
            Self::TurnedAway(_) => "turned_away",
            Self::OtherDraft(OtherDraft::Earlier) => "old",
            Self::OtherDraft(OtherDraft::Later) => "newer",
        }
    }

    /// Whether nothing that is written here goes to the others any more, unless this device comes in once more.
    pub fn is_over(&self) -> bool {
        match self {
            Self::Removed(_) | Self::NotLetIn | Self::OtherDraft(_) => true,
            Self::TurnedAway(said) => said.reason != Reason::NoWorkspace,
            Self::Creating | Self::Joining | Self::Member => false,
        }
    }
}

/// How this device came out of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removal {
    /// The device that wrote it: this one if it has left. `None` if the log does not show it here.
    pub by: Option<DeviceId>,
    /// When this device learned of it, by its own clock; `None` if an earlier version did.
    pub since: Option<Millis>,
}

/// What a relay says, and since when. Its word, not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelaySays {
    /// What it says.
    pub reason: Reason,
    /// When it first said so, by this device's clock.
    pub since: Millis,
}

impl RelaySays {
    fn to_bytes(self) -> [u8; 10] {
        let mut bytes = [0; 10];
        let parts = self.reason.number().to_be_bytes().into_iter().chain(self.since.0.to_be_bytes());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (reason, since) = bytes.split_at_checked(2)?;
        let reason = Reason::from_number(u16::from_be_bytes(reason.try_into().ok()?));
        Some(Self { reason, since: Millis(u64::from_be_bytes(since.try_into().ok()?)) })
    }
}

/// What the relay says under this name; `None` if nothing.
pub(super) fn said(
    read: Reader<'_>,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<RelaySays>, StoreError> {
    Ok(read.state(workspace, name)?.and_then(|bytes| RelaySays::from_bytes(&bytes)))
}

/// Notes what the relay says under this name, with the time at which it first said so; true if that is news.
pub(super) fn note(
    store: &mut Store,
    workspace: WorkspaceId,
    name: &str,
    reason: Option<Reason>,
    now: Millis,
) -> Result<bool, StoreError> {
    if said(store.read(), workspace, name)?.map(|said| said.reason) == reason {
        return Ok(false);
    }
    store.transaction(|tx| match reason {
        Some(reason) => tx.put_state(workspace, name, &RelaySays { reason, since: now }.to_bytes()),
        None => tx.delete_state(workspace, name),
    })?;
    Ok(true)
}

/// Notes when this device learned that it is not in the workspace any more.
pub(super) fn note_removal(tx: &Tx<'_>, workspace: WorkspaceId, now: Millis) -> Result<(), StoreError> {
    tx.put_state(workspace, REMOVED, &now.0.to_be_bytes())
}

impl Workspaces {
    /// Whether this device is in a workspace, as people are told.
    pub(crate) fn membership(
        &self,
        read: Reader<'_>,
        device: DeviceId,
        workspace: WorkspaceId,
    ) -> Result<Membership, Error> {
        if let Some(other) = self.other_draft(workspace) {
            return Ok(Membership::OtherDraft(other));
        }
        Ok(match self.replica(workspace)?.phase() {
            Phase::Creating(_) => Membership::Creating,
            Phase::Joining(_) => Membership::Joining,
            Phase::Failed(_) => Membership::NotLetIn,
            Phase::Removed => Membership::Removed(self.way_out(read, device, workspace)?),
            Phase::Member => match said(read, workspace, TURNED_AWAY)? {
                Some(said) => Membership::TurnedAway(said),
                None => Membership::Member,
            },
        })
    }

    fn way_out(&self, read: Reader<'_>, device: DeviceId, workspace: WorkspaceId) -> Result<Removal, Error> {
        let log = self.replica(workspace)?.log();
        let position = match log.and_then(|log| log.roster().device(&device)).map(|it| &it.standing) {
            Some(Standing::Removed { position, .. }) => Some(*position),
            Some(Standing::Active) | None => None,
        };
        let records = read.control_by_type(workspace, EntryType::Roster.number())?;
        let record = records.into_iter().map(|found| found.entry).find(|entry| {
            position.is_some_and(|position| entry.place.is_some_and(|place| place.pos == position))
        });
        let since = read.state(workspace, REMOVED)?;
        let since =
            since.and_then(|bytes| Some(Millis(u64::from_be_bytes(bytes.as_slice().try_into().ok()?))));
        Ok(Removal { by: record.map(|entry| entry.chain.device), since })
    }
}
