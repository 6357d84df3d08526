//! `bowline share`: puts documents of this device into a workspace.

use std::fmt;

use bowline_engine::Device;
use bowline_engine::ids::WorkspaceId;
use clap::Args;
use serde::Serialize;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::{documents, syncing, workspaces};

/// Put documents of this device into a workspace
///
/// Everybody in the workspace can read them from then on, with all their history. What is shared cannot be taken back
/// from devices that have it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline share 3fa9 81c0\n  bowline share --all")]
pub(crate) struct Share {
    /// Which documents: the beginnings of their ids
    #[arg(required_unless_present = "all", value_name = "ID")]
    ids: Vec<String>,
    /// All that are only on this device, but for memories: those are shared by their ids alone
    #[arg(long, conflicts_with = "ids")]
    all: bool,
    /// Into which workspace: the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask before sharing all
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Answer {
    workspace: String,
    #[serde(skip)]
    name: String,
    shared: Vec<String>,
    #[serde(skip)]
    amount: String,
}

impl Share {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let found = if self.all {
            documents::shareable(&here.device)?
        } else {
            documents::find_all(&here.device, &self.ids)?
        };
        let amount = documents::amount(&found, "");
        if self.all && !found.is_empty() {
            let name = documents::workspace_prefix(&here.device, workspace);
            invocation.confirm(self.yes, &format!("Share {amount} with everybody in workspace {name}?"))?;
        }
        let now = invocation.now();
        for (_, id) in &found {
            here.device.share(*id, workspace, now)?;
        }
        invocation.answer(&Answer {
            workspace: workspace.to_string(),
            name: documents::workspace_prefix(&here.device, workspace),
            shared: found.iter().map(|(_, id)| id.to_string()).collect(),
            amount,
        })?;
        if found.is_empty() { Ok(()) } else { syncing::after_change(invocation, &here, workspace) }
    }
}

/// After making or linking a workspace: asks about what is only on this device. With nobody to ask, nothing is shared.
pub(super) fn offer(
    invocation: &mut Invocation<'_>,
    device: &mut Device,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let found = documents::shareable(device)?;
    if found.is_empty() {
        return Ok(());
    }
    let amount = documents::amount(&found, "");
    match invocation.ask(&format!("Share {}?", documents::amount(&found, "existing")))? {
        Some(true) => {
            let now = invocation.now();
            for (_, id) in &found {
                device.share(*id, workspace, now)?;
            }
            invocation.say(format_args!("Sharing {amount}."));
        }
        Some(false) => invocation.say(format_args!(
            "Kept on this device. `bowline share ID` or `bowline share --all` shares later."
        )),
        None => invocation.say(format_args!(
            "Only on this device: {amount}. `bowline share ID` or `bowline share --all` shares them."
        )),
    }
    Ok(())
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shared.is_empty() {
            writeln!(f, "There is nothing to share: nothing is only on this device but what you keep here")
        } else {
            writeln!(f, "Shared {} into workspace {}", self.amount, self.name)
        }
    }
}
