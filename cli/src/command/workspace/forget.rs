//! `bowline workspace forget`: takes this device out of a workspace, without telling anyone.

use clap::Args;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::count;
use crate::{syncing, workspaces};

/// Forget a workspace on this device
///
/// Its documents stay, only on this device from then on; its keys, log and members go. The relay and the others notice
/// nothing. To come back this device needs a new code.
#[derive(Args, Debug)]
pub(crate) struct Forget {
    /// Which workspace: its name, or the beginning of its id
    id: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Forget {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::find(&here.device, &self.id)?;
        let name = workspaces::label(&here.device, workspace);
        let outstanding = here.device.outstanding(workspace)?;
        // What waits for a workspace of another version goes into the next one with all the rest.
        if outstanding.queued > 0 && here.device.other_draft(workspace).is_none() {
            invocation.warn(format_args!(
                "others will never see what is queued for workspace {name}: {}",
                count(outstanding.queued, "document")
            ));
        }
        invocation.confirm(self.yes, &format!("Forget workspace {name} on this device?"))?;
        here.device.set_connected(workspace, false)?;
        syncing::wait_until_closed(&here.home, &here.device, workspace)?;
        let kept = here.device.forget_workspace(workspace, invocation.now())?;
        here.wake();
        invocation
            .say(format_args!("Forgot workspace {name}; kept {} on this device.", count(kept, "document")));
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "documents_kept": kept,
        }))
    }
}
