//! `bowline reset`: deletes this device's home.

use bowline_engine::device::Membership;
use bowline_engine::ids::WorkspaceId;
use bowline_engine::{Device, Home, Role};
use clap::Args;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, count};
use crate::{syncing, workspaces};

/// Delete this device's home, with its key and everything in it
///
/// First says what would be unreadable for ever, and for whom: what is only on this device, what no relay has signed for, and
/// every workspace of which no other device has the key. Other devices keep what they have. The key is deleted too, so this
/// device can come back only as a new one.
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
        let question = match losses(invocation) {
            Ok(losses) => {
                losses.tell(invocation);
                losses.question()
            }
            // A home that cannot be opened is one that people reset: it is not an error here.
            Err(error) => {
                invocation.warn(format_args!("what would be lost cannot be told: {error}"));
                "with everything in it"
            }
        };
        let shown = OneLine(&folder.display().to_string()).to_string();
        invocation.confirm(self.yes, &format!("Delete {shown} {question}?"))?;
        home.reset(&lock)?;
        invocation.say(format_args!("Deleted {shown}."));
        invocation
            .answer_in_json(&serde_json::json!({ "home": folder.display().to_string(), "deleted": true }))
    }
}

/// What a reset takes away.
#[derive(Default)]
struct Losses {
    /// What nobody can read any more, one line for each.
    for_ever: Vec<String>,
    /// What others have, and this person then has on no device.
    yours: Vec<String>,
    /// Whether this device is in a workspace.
    is_shared: bool,
}

impl Losses {
    fn tell(&self, invocation: &mut Invocation<'_>) {
        if !self.for_ever.is_empty() {
            invocation.warn(format_args!("nobody can read this any more:\n  {}", self.for_ever.join("\n  ")));
        }
        if !self.yours.is_empty() {
            invocation.warn(format_args!("you cannot read this any more:\n  {}", self.yours.join("\n  ")));
        }
        if self.for_ever.is_empty() && self.yours.is_empty() {
            if self.is_shared {
                invocation.say(format_args!(
                    "Everything in this home is on a relay, and other devices of yours can read it."
                ));
            } else {
                invocation.say(format_args!("There is nothing in this home but its key."));
            }
        }
    }

    fn question(&self) -> &'static str {
        match (self.for_ever.is_empty(), self.yours.is_empty()) {
            (false, _) => "with everything in it, and make what is listed above unreadable for ever",
            (true, false) => "with everything in it, and your way to what is listed above",
            (true, true) => "with everything in it",
        }
    }
}

fn losses(invocation: &mut Invocation<'_>) -> Result<Losses, CommandError> {
    let mut here = invocation.open()?;
    let mut losses = Losses::default();
    let only_here = documents::OnlyHere::of(&here.device)?;
    let whole = only_here.whole_in_words().map(|words| format!("{words} only on this device"));
    let parts = only_here.parts_in_words().map(|words| format!("{words} that were not shared"));
    losses.for_ever.extend(whole.into_iter().chain(parts));
    for workspace in here.device.workspaces().collect::<Vec<_>>() {
        lost_with(&mut here.device, workspace, &mut losses)?;
    }
    Ok(losses)
}

/// What goes with this device's part in a workspace.
fn lost_with(device: &mut Device, workspace: WorkspaceId, losses: &mut Losses) -> Result<(), CommandError> {
    let status = device.status(workspace)?;
    let name = workspaces::label(device, workspace);
    if status.queued + status.offered > 0 {
        let n = count(status.queued.max(status.offered), "document");
        losses.for_ever.push(format!("{n} in workspace {name} with work that no relay has signed for"));
    }
    if status.undecided > 0 {
        let n = count(status.undecided, "decision");
        losses.for_ever.push(format!("{n} in workspace {name} not yet in force"));
    }
    if status.membership.is_over() || matches!(status.membership, Membership::Joining) {
        return Ok(());
    }
    losses.is_shared = true;
    let (this, user) = (device.id_in(workspace), device.own_user(workspace)?);
    let others = || status.members.iter().filter(|member| member.active && member.device != this);
    let is_owner = status.members.iter().any(|it| it.device == this && it.role == Some(Role::Owner));
    if others().next().is_none() {
        losses.for_ever.push(format!(
            "all of workspace {name}: this is the only device in it, and its key is the only one"
        ));
    } else if !others().any(|member| member.user == user) {
        let invites = if is_owner { "; nobody will be able to invite or remove anybody" } else { "" };
        losses
            .yours
            .push(format!("workspace {name}: this is your only device in it. Others keep it{invites}"));
    }
    Ok(())
}
