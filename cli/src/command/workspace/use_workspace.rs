//! `bowline workspace use`: where new documents go.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::workspaces;

/// Choose where new documents go
///
/// Documents that exist stay where they are.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline workspace use 7c1e\n  bowline workspace use --none")]
#[command(
    override_usage = "bowline workspace use [OPTIONS] <ID>\n       bowline workspace use [OPTIONS] --none"
)]
pub(crate) struct Use {
    /// Which workspace: its name, or the beginning of its id
    #[arg(required_unless_present = "none")]
    id: Option<String>,
    /// None: new documents stay on this device
    #[arg(long, conflicts_with = "id")]
    none: bool,
}

impl Use {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = match &self.id {
            Some(typed) => Some(workspaces::find(&here.device, typed)?),
            None => None,
        };
        here.device.use_workspace(workspace)?;
        match workspace {
            Some(workspace) => invocation.say(format_args!(
                "New documents go into workspace {}.",
                workspaces::label(&here.device, workspace)
            )),
            None => invocation.say(format_args!("New documents stay on this device.")),
        }
        invocation.answer_in_json(&serde_json::json!({ "in_use": workspace.map(|it| it.to_string()) }))
    }
}
