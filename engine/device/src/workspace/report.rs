//! What the process that syncs says about itself in the database, for `status` and for processes that wait for it.

use std::collections::BTreeMap;

use bowline_core::sync::NotReady;
use bowline_wire::frame::Reason;
use bowline_wire::ids::WorkspaceId;
use serde::{Deserialize, Serialize};

use crate::{Device, Error, LineFailure};

/// What the process that syncs is doing. It is doing it only while it holds the sync lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncReport {
    /// The process.
    pub pid: u32,
    /// When the process last said so, in milliseconds since 1970.
    pub at: u64,
    /// The process's lines, by workspace in hexadecimal.
    pub lines: BTreeMap<String, LineReport>,
}

/// One workspace's line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReport {
    /// How far it is.
    pub stage: LineStage,
    /// Since when it is connected or not, in milliseconds since 1970.
    pub since: u64,
    /// What is here, in log positions.
    pub position: u64,
    /// When everything the relay had was here last.
    pub last_live: Option<u64>,
    /// Why there is no connection.
    pub error: Option<LineFailure>,
    /// When it is tried again.
    pub retry_at: Option<u64>,
    /// What stands in the way of what waits to be sent, though there is a connection.
    #[serde(default)]
    pub stuck: Option<Stuck>,
}

/// Why what waits to be sent will not be for now, however long one waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stuck {
    /// The relay has no room for the workspace.
    Quota,
    /// The relay cannot store anything.
    Storage,
    /// There is lasting evidence against the relay.
    Distrusted,
    /// This device has no usable key for the epoch in force.
    NoKey,
    /// The workspace needs a newer version.
    UpdateNeeded,
    /// This device is not in the workspace.
    NotMember,
    /// That many documents have unsealed work that is more than others would take at once; other documents do not wait for
    /// them.
    TooLarge(usize),
    /// A decision does not fit what this person may still write of records. Everything else does not wait for it, unless somebody is to be
    /// removed.
    RecordsSpent,
}

impl Stuck {
    /// Why what this process has to send in a workspace will not be sent for now.
    pub fn of(device: &Device, workspace: WorkspaceId) -> Result<Option<Self>, Error> {
        match device.held_up(workspace)? {
            Some(Reason::Quota) => return Ok(Some(Self::Quota)),
            Some(Reason::Storage) => return Ok(Some(Self::Storage)),
            _ => {}
        }
        match device.not_ready(workspace)? {
            Some(NotReady::Distrusted) => return Ok(Some(Self::Distrusted)),
            Some(NotReady::NoKey) => return Ok(Some(Self::NoKey)),
            Some(NotReady::UpdateNeeded) => return Ok(Some(Self::UpdateNeeded)),
            Some(NotReady::NotMember) => return Ok(Some(Self::NotMember)),
            Some(NotReady::RecordsSpent) => return Ok(Some(Self::RecordsSpent)),
            _ => {}
        }
        let unsealable = device.unsealable(workspace)?;
        Ok((unsealable > 0).then_some(Self::TooLarge(unsealable)))
    }
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineStage {
    /// No socket is open, and none will be until something is decided or happens.
    Off,
    /// No socket is open, and one will be.
    Waiting,
    /// The relay is being dialled, or asked to let this device in.
    Connecting,
    /// Entries are on their way.
    CatchingUp,
    /// Everything is here.
    Live,
}

impl SyncReport {
    /// What it says of a workspace.
    pub fn line(&self, workspace: WorkspaceId) -> Option<&LineReport> {
        self.lines.get(&workspace.to_string())
    }
}
