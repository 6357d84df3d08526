//! `bowline chat new`: begins a conversation.

use std::fmt;

use clap::Args;
use serde::Serialize;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::workspaces::new_name;

/// Begin a conversation; prints its id
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline chat new --title Groceries\n  id=$(bowline chat new -q)")]
pub(crate) struct New {
    /// What it is about [default: how its first message begins]
    #[arg(long, short)]
    title: Option<String>,
    /// Keep it on this device, whichever workspace is in use
    #[arg(long)]
    local: bool,
}

#[derive(Serialize)]
pub(super) struct Created {
    id: String,
    workspace: Option<String>,
}

impl New {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let title = self.title.as_deref().map(new_name).transpose()?;
        let workspace = if self.local { None } else { here.device.current_workspace()? };
        let id = here.device.create_conversation_in(workspace, title, now)?;
        invocation.answer(&Created { id: id.to_string(), workspace: workspace.map(|it| it.to_string()) })?;
        // An untitled one has nothing in it yet that could travel.
        if title.is_some() {
            syncing::after_edit(invocation, &here, id)?;
        }
        Ok(())
    }
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}
