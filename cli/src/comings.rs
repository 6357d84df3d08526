//! Since when somebody is in a workspace, who let them in, and who removed them when, in words and for programs.

use std::collections::BTreeMap;

use bowline_engine::Device;
use bowline_engine::device::{Coming, MemberStatus, Step};
use bowline_engine::ids::{DeviceId, Millis, UserId, WorkspaceId};
use serde::Serialize;

use crate::error::CommandError;
use crate::time::{ago, iso};
use crate::workspaces::Called;

/// How the devices of a workspace came and went.
pub(crate) struct Comings<'c> {
    all: BTreeMap<DeviceId, Coming>,
    users: BTreeMap<DeviceId, UserId>,
    called: &'c Called,
    now: Millis,
}

/// How one device or person came and went.
#[derive(Serialize)]
pub(crate) struct Came {
    /// Since when, by the log's time.
    since: Option<String>,
    /// Who let them in; `None` for who made the workspace.
    let_in_by: Option<String>,
    let_in_by_name: Option<String>,
    /// When they were removed, by the log's time; `None` while they are in.
    removed_at: Option<String>,
    removed_by: Option<String>,
    removed_by_name: Option<String>,
    #[serde(skip)]
    pub(crate) shown_since: String,
    #[serde(skip)]
    pub(crate) shown_by: String,
    /// How they went.
    #[serde(skip)]
    pub(crate) shown_removal: Option<String>,
}

impl<'c> Comings<'c> {
    pub(crate) fn load(
        device: &Device,
        workspace: WorkspaceId,
        members: &[MemberStatus],
        called: &'c Called,
        now: Millis,
    ) -> Result<Self, CommandError> {
        let all = device.stored_log(workspace).comings()?;
        let users = members.iter().map(|member| (member.device, member.user)).collect();
        Ok(Self { all, users, called, now })
    }

    /// How a device came and went.
    pub(crate) fn of_device(&self, device: DeviceId) -> Came {
        let coming = self.all.get(&device);
        self.told(
            coming.map(|it| it.came).filter(|came| came.by != device),
            coming.map(|it| it.came),
            coming.and_then(|it| it.went),
        )
    }

    /// How a person came with the first device, and went with the last.
    pub(crate) fn of_person(&self, user: UserId) -> Came {
        let theirs = || {
            let ours = |device: &DeviceId| self.users.get(device) == Some(&user);
            self.all.iter().filter(move |(device, _)| ours(device))
        };
        let first = theirs().min_by_key(|(_, it)| it.came.position);
        let by = first.map(|(device, it)| (*device, it.came)).filter(|(device, came)| came.by != *device);
        let is_out = theirs().all(|(_, it)| it.went.is_some());
        let last = theirs().filter_map(|(_, it)| it.went).max_by_key(|went| went.position);
        self.told(by.map(|(_, came)| came), first.map(|(_, it)| it.came), last.filter(|_| is_out))
    }

    fn told(&self, let_in: Option<Step>, came: Option<Step>, went: Option<Step>) -> Came {
        let user = |step: Option<Step>| step.and_then(|step| self.users.get(&step.by).copied());
        let name =
            |user: Option<UserId>| user.and_then(|user| self.called.user_name(user)).map(str::to_owned);
        let shown = |user: Option<UserId>| user.map(|user| self.called.user(user));
        let (let_in_by, removed_by) = (user(let_in), user(went));
        let ago = |step: Step| ago(step.at.millis(), self.now);
        let removal = |step: Step| match shown(removed_by) {
            Some(by) => format!("removed {} by {by}", ago(step)),
            None => format!("removed {}", ago(step)),
        };
        Came {
            since: came.and_then(|step| iso(step.at.millis())),
            let_in_by: let_in_by.map(|user| user.to_string()),
            let_in_by_name: name(let_in_by),
            removed_at: went.and_then(|step| iso(step.at.millis())),
            removed_by: removed_by.map(|user| user.to_string()),
            removed_by_name: name(removed_by),
            shown_since: came.map(ago).unwrap_or_default(),
            shown_by: shown(let_in_by).unwrap_or_default(),
            shown_removal: went.map(removal),
        }
    }
}
