//! `bowline workspace list`: the workspaces of this device.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::documents::workspace_prefix;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, Table};
use crate::workspaces::{self, Called, relay_for_people, role_word};

/// List the workspaces of this device
#[derive(Args, Debug)]
pub(crate) struct List;

#[derive(Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

#[derive(Serialize)]
struct Row {
    id: String,
    #[serde(skip)]
    prefix: String,
    name: Option<String>,
    in_use: bool,
    connected: bool,
    member: bool,
    membership: &'static str,
    relay: String,
    /// Whom this person is there, as far as the log says.
    role: Option<&'static str>,
    owner: Option<String>,
    devices: usize,
    queued: usize,
}

impl List {
    #[expect(clippy::unused_self, reason = "every command is run in the same way")]
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let current = here.device.current_workspace()?;
        let mut rows = Vec::new();
        for workspace in here.device.workspaces().collect::<Vec<_>>() {
            let status = here.device.status(workspace)?;
            let called = Called::load(&mut here.device, workspace, &status.members, invocation.now())?;
            let is_owner = |role| role == Some(bowline_engine::Role::Owner);
            let owner = status.members.iter().find(|member| is_owner(member.role));
            rows.push(Row {
                id: workspace.to_string(),
                prefix: workspace_prefix(&here.device, workspace),
                name: workspaces::name(&here.device, workspace),
                in_use: current == Some(workspace),
                connected: !here.device.is_disconnected(workspace)?,
                membership: status.membership.name(),
                member: status.member && !status.membership.is_over(),
                relay: here.device.relay_address(workspace)?,
                role: workspaces::own_role(&here.device, workspace, &status.members)?.map(role_word),
                owner: owner.map(|owner| called.user_name(owner.user).unwrap_or_default().to_owned()),
                devices: status.members.iter().filter(|member| member.active).count(),
                queued: status.queued,
            });
        }
        if rows.is_empty() {
            invocation.hint(format_args!(
                "this device is in no workspace: `bowline workspace create --relay ADDRESS` makes one, \
                 `bowline join CODE` joins one"
            ));
        }
        invocation.answer(&Rows(rows))
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&["", "ID", "NAME", "ROLE", "OWNER", "DEVICES", "QUEUED", "RELAY"])
            .cutting(&["NAME", "OWNER", "RELAY"]);
        for row in &self.0 {
            let mark = if row.in_use { "*" } else { "" };
            let note = match (row.member, row.connected) {
                (false, _) if row.membership == "old" => " (old)",
                (false, _) if row.membership == "newer" => " (newer)",
                (false, _) => " (not a member)",
                (true, false) => " (disconnected)",
                (true, true) => "",
            };
            table.row(vec![
                mark.to_owned(),
                row.prefix.clone(),
                OneLine(row.name.as_deref().unwrap_or("-")).to_string(),
                row.role.unwrap_or("-").to_owned(),
                OneLine(row.owner.as_deref().filter(|name| !name.is_empty()).unwrap_or("-")).to_string(),
                // Before the relay has signed, nobody is in it for certain.
                if row.devices == 0 { "-".to_owned() } else { row.devices.to_string() },
                row.queued.to_string(),
                format!("{}{note}", relay_for_people(&row.relay)),
            ]);
        }
        table.fmt(f)
    }
}
