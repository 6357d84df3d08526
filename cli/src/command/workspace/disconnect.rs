//! `bowline workspace disconnect`: no socket is opened for a workspace until it is connected again.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::{syncing, workspaces};

/// Disconnect a workspace
///
/// Returns once its connection is closed, and none is opened until `bowline workspace connect`. Everything goes on
/// working on this device; what is written meanwhile is queued.
#[derive(Args, Debug)]
pub(crate) struct Disconnect {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
}

impl Disconnect {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        here.device.set_connected(workspace, false)?;
        syncing::wait_until_closed(&here.home, &here.device, workspace)?;
        let name = workspaces::label(&here.device, workspace);
        invocation.say(format_args!("Workspace {name} is disconnected."));
        invocation
            .answer_in_json(&serde_json::json!({ "workspace": workspace.to_string(), "connected": false }))
    }
}
