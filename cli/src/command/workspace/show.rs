//! `bowline workspace show`: one workspace, with its relay's address.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::OneLine;
use crate::workspaces;

/// Show a workspace, with the address of its relay
///
/// The address is as other devices need it, without the token that lets new workspaces be made.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    id: String,
    name: Option<String>,
    role: Option<&'static str>,
    relay: String,
    membership: &'static str,
    in_use: bool,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let members = here.device.status(workspace)?.members;
        invocation.answer(&Shown {
            id: workspace.to_string(),
            name: workspaces::name(&here.device, workspace),
            role: workspaces::own_role(&here.device, workspace, &members)?.map(workspaces::role_word),
            relay: here.device.relay_address(workspace)?,
            membership: here.device.membership(workspace)?.name(),
            in_use: here.device.current_workspace()? == Some(workspace),
        })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Workspace: {}", self.id)?;
        if let Some(name) = &self.name {
            writeln!(f, "Name: {}", OneLine(name))?;
        }
        if let Some(role) = self.role {
            writeln!(f, "Your role: {role}")?;
        }
        writeln!(f, "Relay: {}", OneLine(&self.relay))
    }
}
