//! `bowline workspace connect`: lets a workspace be synced again.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::process;
use crate::workspaces;

/// Connect a workspace again
///
/// A running `bowline sync --watch` connects at once; otherwise the next `bowline sync` does.
#[derive(Args, Debug)]
pub(crate) struct Connect {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
}

impl Connect {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        here.device.set_connected(workspace, true)?;
        here.wake();
        let name = workspaces::label(&here.device, workspace);
        match syncing::who_syncs(&here.home, &here.device)? {
            Some(pid) => invocation.say(format_args!("Workspace {name} is connected by {}.", process(pid))),
            None => {
                invocation.say(format_args!("Workspace {name} is connected with the next `bowline sync`."));
            }
        }
        invocation
            .answer_in_json(&serde_json::json!({ "workspace": workspace.to_string(), "connected": true }))
    }
}
