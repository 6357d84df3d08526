//! `bowline workspace rename`: what a workspace is called.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::OneLine;
use crate::workspaces::{self, new_name};

/// Rename a workspace, for everybody in it
///
/// The name is sealed: the relay does not learn it. Commands take it wherever they take the beginning of the id.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bowline workspace rename Home")]
pub(crate) struct Rename {
    /// What it is to be called
    name: String,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Rename {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let name = new_name(&self.name)?;
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        here.device.name_workspace(workspace, name, invocation.now())?;
        invocation.say(format_args!("The workspace is called {}.", OneLine(name)));
        syncing::after_change(invocation, &here, workspace)?;
        invocation.answer_in_json(&serde_json::json!({ "workspace": workspace.to_string(), "name": name }))
    }
}
