//! Workspaces whose log is of another draft of the protocol than this version's: what is left of them to read by. They have no replica
//! and no line, and nothing more is sealed for them; their documents are read with the keys that are here.

use std::collections::BTreeMap;

use bowline_crypto::{DeviceKeys, Keyring};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{Incarnation, WorkspaceId};
use bowline_wire::log::Log;

use crate::{Error, OtherDraft};

/// A workspace of another draft.
pub(super) struct Old {
    pub(super) other: OtherDraft,
    pub(super) keyring: Option<Keyring>,
    /// The device's keys in this workspace only, if it came back under others than it has elsewhere.
    pub(super) own_keys: Option<DeviceKeys>,
    pub(super) incarnation: Incarnation,
    /// The last head that the relay has signed.
    pub(super) head: Option<SeenHead>,
    /// The log as far as it is here, to show who is in it; `None` if there is none, or this version cannot read it.
    pub(super) log: Option<Log>,
}

/// Why there is no replica of a workspace.
pub(super) fn no_replica(old: &BTreeMap<WorkspaceId, Old>, workspace: WorkspaceId) -> Error {
    match old.get(&workspace) {
        Some(old) => Error::OtherDraft(workspace, old.other),
        None => Error::NoWorkspace(workspace),
    }
}
