//! `bowline workspace create`: makes a workspace on a relay.

use std::fmt;

use bowline_engine::Device;
use bowline_engine::ids::WorkspaceId;
use bowline_engine::run::{Goal, LineError, Standing};
use bowline_engine::transport::Address;
use clap::Args;
use serde::Serialize;

use crate::command::share;
use crate::documents::workspace_prefix;
use crate::error::{CommandError, ErrorCode, KEPT};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::secret_argument::{self, Asked};
use crate::syncing;
use crate::workspaces::{WorkspaceNames, label, new_name, relay_for_people};

const ADDRESS: Asked = Asked {
    what: "The address with its token",
    prompts: "bowline workspace create --relay -",
    reads: "bowline workspace create --relay - < FILE",
};

/// Make a workspace on a relay
///
/// New documents go into it from then on. Existing ones stay on this device unless you say otherwise: on a terminal it
/// asks, elsewhere nothing is shared. The relay stores what it cannot read.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  bowline workspace create --relay wss://relay.example#key=…,token=…")]
pub(crate) struct Create {
    /// The relay's address with its token, as `bowline-relay serve` printed it; `-` reads it from stdin
    #[arg(long, value_name = "ADDRESS")]
    relay: String,
    /// What the workspace is to be called; sealed, so that the relay does not learn it
    #[arg(long)]
    name: Option<String>,
}

#[derive(Serialize)]
struct Created {
    workspace: String,
    #[serde(skip)]
    label: String,
    relay: String,
}

impl Create {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let typed = secret_argument::read(invocation, Some(&self.relay), ADDRESS)?;
        let (address, token) = typed.trim().parse::<Address>()?.into_parts();
        if token.is_some() && self.relay != "-" {
            secret_argument::warn(invocation, ADDRESS);
        }
        let name = self.name.as_deref().map(new_name).transpose()?;
        let mut here = invocation.open()?;
        let before = here.device.current_workspace()?;
        let token = token.as_ref().map_or("", |token| token.as_str());
        let workspace = here.device.create_workspace(&address.to_text(), token, invocation.now())?;
        register(invocation, &mut here, workspace, before)?;
        if let Some(name) = name {
            here.device.name_workspace(workspace, name, invocation.now())?;
        }
        let label = label(&here.device, workspace);
        invocation.answer(&Created { workspace: workspace.to_string(), label, relay: address.to_text() })?;
        invocation.say(format_args!(
            "New documents go into it from now on; `bowline workspace use --none` keeps them on this device."
        ));
        share::offer(invocation, &mut here.device, workspace)?;
        here.wake();
        invocation.hint(format_args!(
            "`bowline device link` lets in another device of yours, `bowline workspace invite` another person"
        ));
        Ok(())
    }
}

/// Has the relay sign for the new workspace. If it has certainly not heard of it, the workspace is taken back.
fn register(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    before: Option<WorkspaceId>,
) -> Result<(), CommandError> {
    let is_signed = |device: &Device| device.status(workspace).map(|status| status.signed.is_some());
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut signed = |device: &mut Device, _| is_signed(device);
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut signed), progress)?;
    if is_signed(&here.device)? {
        return Ok(());
    }
    let error = syncing::not_reached(&reached.finished, workspace).unwrap_or_else(|| {
        CommandError::new(ErrorCode::NoAnswer, "The relay did not sign for the workspace")
    });
    let never_heard = match reached.finished.workspaces.get(&workspace) {
        Some(Standing::Failed(why)) => {
            matches!(**why, LineError::Address(_) | LineError::Dial(_) | LineError::Goodbye(_))
        }
        _ => false,
    };
    if !never_heard {
        let name = workspace_prefix(&here.device, workspace);
        return Err(error.hint(format!(
            "the workspace is made on this device: `bowline sync` goes on, `bowline workspace forget {name}` gives it up"
        )));
    }
    here.device.forget_workspace(workspace, invocation.now())?;
    here.device.use_workspace(before)?;
    let mut error = error;
    // Nothing is queued: there is no workspace.
    error.hints.retain(|hint| hint != KEPT);
    Err(error.hint("no workspace was made: run this again when that is mended"))
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Made workspace {} on {}", self.label, relay_for_people(&self.relay))
    }
}
