//! `bowline reset`: deletes this device's home.

use bowline_engine::Home;
use clap::Args;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::text::{OneLine, count};

/// Delete this device's home, with its key and everything in it
///
/// First says what would be lost: what is only on this device, and what no relay has signed for. Other devices keep what
/// they have. The key is deleted too, so this device can come back only as a new one.
#[derive(Args, Debug)]
pub(crate) struct Reset {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Reset {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let folder = invocation.folder()?;
        let home = Home::left_in(&folder)?;
        let Some(lock) = home.try_sync_lock()? else {
            let pid = invocation.open().ok().and_then(|here| here.device.sync_report().ok().flatten());
            let pid = pid.map_or(0, |report| report.pid);
            return Err(syncing::busy(pid, "it cannot be deleted meanwhile"));
        };
        match unsynced(invocation) {
            Ok(lines) if lines.is_empty() => {
                invocation.say(format_args!("Everything in this home is on a relay."));
            }
            Ok(lines) => {
                invocation.warn(format_args!("this would be lost:\n  {}", lines.join("\n  ")));
            }
            // A home that cannot be opened is one that people reset: it is not an error here.
            Err(error) => {
                invocation.warn(format_args!("what would be lost cannot be told: {error}"));
            }
        }
        let shown = OneLine(&folder.display().to_string()).to_string();
        invocation.confirm(self.yes, &format!("Delete {shown} with everything in it?"))?;
        home.reset(&lock)?;
        invocation.say(format_args!("Deleted {shown}."));
        invocation
            .answer_in_json(&serde_json::json!({ "home": folder.display().to_string(), "deleted": true }))
    }
}

/// What is nowhere else, one line for each.
fn unsynced(invocation: &mut Invocation<'_>) -> Result<Vec<String>, CommandError> {
    let here = invocation.open()?;
    let mut lines = Vec::new();
    let only_here = documents::only_here(&here.device)?;
    if !only_here.is_empty() {
        lines.push(format!("{} only on this device", documents::amount(&only_here, "")));
    }
    for workspace in here.device.workspaces() {
        let status = here.device.status(workspace)?;
        let name = documents::workspace_prefix(&here.device, workspace);
        if status.queued + status.offered > 0 {
            let n = count(status.queued.max(status.offered), "document");
            lines.push(format!("{n} in workspace {name} with work that no relay has signed for"));
        }
        if status.undecided > 0 {
            lines.push(format!(
                "{} in workspace {name} not yet in force",
                count(status.undecided, "decision")
            ));
        }
    }
    Ok(lines)
}
