//! Workspaces and who is in them, as people name and see them.

use std::collections::BTreeMap;

use bowline_engine::device::{MemberStatus, Membership};
use bowline_engine::ids::{DeviceId, Millis, UserId, WorkspaceId};
use bowline_engine::{Deed, Device, Role};

use crate::documents::workspace_prefix;
use crate::error::{COME_BACK, CommandError, ErrorCode, not_permitted, other_draft, way_on};
use crate::ids::{Candidate, Names, Prefixes, resolve};
use crate::text::OneLine;

const LIST: &str = "`bowline workspace list` shows those there are";

/// The workspace a person means.
pub(crate) fn find(device: &Device, typed: &str) -> Result<WorkspaceId, CommandError> {
    let candidate = |workspace: WorkspaceId| Candidate {
        value: workspace,
        id: workspace.to_string(),
        name: name(device, workspace).unwrap_or_else(|| device.relay_address(workspace).unwrap_or_default()),
    };
    let candidates = device.workspaces().map(candidate).collect();
    resolve("workspace", typed, candidates, Names::Count, LIST).map(|found| found.value)
}

/// What a workspace is called, if anybody has named it.
pub(crate) fn name(device: &Device, workspace: WorkspaceId) -> Option<String> {
    device.workspace_name(workspace).ok().flatten()
}

/// A workspace for one line: its name, and the beginning of its id beside it.
pub(crate) fn label(device: &Device, workspace: WorkspaceId) -> String {
    named(name(device, workspace).as_deref(), workspace_prefix(device, workspace))
}

/// What the workspaces of a device are called. Names are sealed, so logs have ids alone.
pub(crate) struct WorkspaceNames {
    prefixes: Prefixes,
    names: BTreeMap<WorkspaceId, String>,
}

impl WorkspaceNames {
    pub(crate) fn load(device: &Device) -> Self {
        let named = device.workspaces().filter_map(|it| Some((it, name(device, it)?)));
        Self { prefixes: Prefixes::new(device.workspaces()), names: named.collect() }
    }

    /// The beginning of a workspace's id.
    pub(crate) fn prefix(&self, workspace: WorkspaceId) -> String {
        self.prefixes.shorten(workspace)
    }

    /// A workspace's name, and the beginning of its id beside it.
    pub(crate) fn label(&self, workspace: WorkspaceId) -> String {
        named(self.names.get(&workspace).map(String::as_str), self.prefix(workspace))
    }

    /// A workspace's name alone if no other has it, else as [`Self::label`].
    pub(crate) fn short(&self, workspace: WorkspaceId) -> String {
        match self.names.get(&workspace) {
            Some(name) if self.names.values().filter(|other| *other == name).count() == 1 => {
                OneLine(name).to_string()
            }
            _ => self.label(workspace),
        }
    }
}

/// The name that a person gives to something; an error if there is nothing in it.
pub(crate) fn new_name(typed: &str) -> Result<&str, CommandError> {
    let name = typed.trim();
    if name.is_empty() {
        return Err(CommandError::new(ErrorCode::Usage, "A name has at least one character"));
    }
    Ok(name)
}

/// An error if this device is not in the workspace, for commands that only somebody in it can carry out.
pub(crate) fn check_in(device: &Device, workspace: WorkspaceId) -> Result<(), CommandError> {
    let membership = device.membership(workspace)?;
    if !membership.is_over() {
        return Ok(());
    }
    let why = match membership {
        Membership::OtherDraft(other) => return Err(other_draft(other)),
        Membership::Removed(_) => "This device was removed from the workspace, or has left it",
        Membership::NotLetIn => "The code did not let this device in",
        _ => "The relay says that this device is not in the workspace any more",
    };
    Err(CommandError::new(ErrorCode::NotAMember, why).hint(way_back(&membership)))
}

/// An error if the workspace is of another version, for commands whose answer needs more than what is only read.
pub(crate) fn check_draft(device: &Device, workspace: WorkspaceId) -> Result<(), CommandError> {
    device.other_draft(workspace).map_or(Ok(()), |other| Err(other_draft(other)))
}

/// What brings a device back that is not in a workspace any more.
pub(crate) fn way_back(membership: &Membership) -> String {
    match membership {
        Membership::OtherDraft(other) => way_on(*other, None),
        Membership::NotLetIn => "ask for a new code and run `bowline join`".to_owned(),
        _ => COME_BACK.to_owned(),
    }
}

/// The role in which this device's person is in a workspace; `None` if they are not, or the log does not say so yet.
pub(crate) fn own_role(
    device: &Device,
    workspace: WorkspaceId,
    members: &[MemberStatus],
) -> Result<Option<Role>, CommandError> {
    let own = device.own_user(workspace)?;
    let is_own = |member: &&MemberStatus| member.user == own && member.active;
    Ok(members.iter().find(is_own).and_then(|member| member.role))
}

/// The word for a role, for people and programs.
pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Member => "member",
    }
}

/// An error if only the owner of the workspace can invite, and this device is not the owner's.
pub(crate) fn check_owner(
    device: &mut Device,
    workspace: WorkspaceId,
    now: Millis,
) -> Result<(), CommandError> {
    check_may(device, workspace, Deed::Invite, now)
}

/// An error, which names whom to ask, if this device's role in the workspace does not permit this.
pub(crate) fn check_may(
    device: &mut Device,
    workspace: WorkspaceId,
    deed: Deed,
    now: Millis,
) -> Result<(), CommandError> {
    let members = device.status(workspace)?.members;
    if own_role(device, workspace, &members)?.is_none_or(|role| role.may(deed)) {
        return Ok(());
    }
    let owner = members.iter().find(|member| member.role == Some(Role::Owner)).map(|member| member.user);
    let called = Called::load(device, workspace, &members, now)?;
    let whom = owner.map_or_else(|| "the owner".to_owned(), |owner| called.user(owner));
    Err(not_permitted(deed).hint(format!("ask {whom}")))
}

/// The workspace a person means, or without a word the one in use, or the only one. One of another version is meant only where
/// there is no other.
pub(crate) fn chosen(device: &Device, typed: Option<&str>) -> Result<WorkspaceId, CommandError> {
    if let Some(typed) = typed {
        return find(device, typed);
    }
    if let Some(current) = device.current_workspace()? {
        return Ok(current);
    }
    let (mut all, old): (Vec<_>, Vec<_>) =
        device.workspaces().partition(|workspace| device.other_draft(*workspace).is_none());
    if all.is_empty() {
        all = old;
    }
    let mut all = all.into_iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(CommandError::new(ErrorCode::NoWorkspace, "This device is in no workspace").hint(
            "`bowline workspace create --relay ADDRESS` makes one; `bowline join CODE` joins another's",
        )),
        _ => Err(CommandError::new(ErrorCode::Ambiguous, "There are several workspaces and none is in use")
            .hint(format!("say which with --workspace, or `bowline workspace use ID`; {LIST}"))),
    }
}

/// A relay's address for people: without the key, which is for programs to compare.
pub(crate) fn relay_for_people(address: &str) -> String {
    OneLine(address.split('#').next().unwrap_or(address)).to_string()
}

/// What the people and devices of a workspace are called.
pub(crate) struct Called {
    devices: BTreeMap<DeviceId, String>,
    users: BTreeMap<UserId, String>,
    device_prefixes: Prefixes,
    user_prefixes: Prefixes,
}

impl Called {
    pub(crate) fn load(
        device: &mut Device,
        workspace: WorkspaceId,
        members: &[MemberStatus],
        now: Millis,
    ) -> Result<Self, CommandError> {
        let (mut devices, mut users) = (BTreeMap::new(), BTreeMap::new());
        for member in members {
            if let Some(name) = device.device_name(workspace, member.device, now)? {
                devices.insert(member.device, name);
            }
            if let Some(name) = device.user_name(workspace, member.user, now)? {
                users.insert(member.user, name);
            }
        }
        Ok(Self {
            devices,
            users,
            device_prefixes: Prefixes::new(members.iter().map(|member| member.device)),
            user_prefixes: Prefixes::new(members.iter().map(|member| member.user)),
        })
    }

    /// What a device calls itself.
    pub(crate) fn device_name(&self, device: DeviceId) -> Option<&str> {
        self.devices.get(&device).map(String::as_str)
    }

    /// What a person calls themselves.
    pub(crate) fn user_name(&self, user: UserId) -> Option<&str> {
        self.users.get(&user).map(String::as_str)
    }

    /// A device for one line: names are what their owners chose, so the id stands beside them.
    pub(crate) fn device(&self, device: DeviceId) -> String {
        named(self.device_name(device), self.device_prefix(device))
    }

    /// A person for one line: the name, and the beginning of the id beside it.
    pub(crate) fn user(&self, user: UserId) -> String {
        named(self.user_name(user), self.user_prefix(user))
    }

    pub(crate) fn device_prefix(&self, device: DeviceId) -> String {
        self.device_prefixes.shorten(device)
    }

    pub(crate) fn user_prefix(&self, user: UserId) -> String {
        self.user_prefixes.shorten(user)
    }

    /// The device a person means, by id or name, among those that are in.
    pub(crate) fn find_device(
        &self,
        members: &[MemberStatus],
        typed: &str,
    ) -> Result<DeviceId, CommandError> {
        let candidates = members.iter().filter(|member| member.active).map(|member| Candidate {
            value: member.device,
            id: member.device.to_string(),
            name: self.device_name(member.device).unwrap_or_default().to_owned(),
        });
        let hint = "`bowline device list` shows those there are; one that was just let in elsewhere is here after `bowline sync`";
        resolve("device", typed, candidates.collect(), Names::Count, hint).map(|found| found.value)
    }

    /// The member a person means, by id or name, among those that are in.
    pub(crate) fn find_user(&self, members: &[MemberStatus], typed: &str) -> Result<UserId, CommandError> {
        let active = members.iter().filter(|member| member.active).map(|member| member.user);
        let users: std::collections::BTreeSet<UserId> = active.collect();
        let candidates = users.into_iter().map(|user| Candidate {
            value: user,
            id: user.to_string(),
            name: self.user_name(user).unwrap_or_default().to_owned(),
        });
        let hint = "`bowline workspace members` shows those there are; who has just joined elsewhere is here after `bowline sync`";
        resolve("member", typed, candidates.collect(), Names::Count, hint).map(|found| found.value)
    }
}

fn named(name: Option<&str>, prefix: String) -> String {
    match name {
        Some(name) => format!("{} ({prefix})", OneLine(name)),
        None => prefix,
    }
}
