//! `bowline workspace allow`: the Owner lets a member write more records.

use bowline_engine::intent::Decision;
use bowline_engine::{Deed, RecordBytes};
use clap::Args;

use crate::command::removal::{self, Said};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::workspaces::{self, Called};

/// Let a member write more about people and keys
///
/// Links, removals and new keys are kept by everybody for ever, so what a member may write of them is bounded: 4 MiB, and as much again each time
/// the owner allows it. `bowline status` names who is running out. Documents are not counted.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace allow Ben")]
pub(crate) struct Allow {
    /// Whom: the name, or the beginning of the id, as `bowline workspace members` shows them
    user: String,
    /// In which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Allow {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        workspaces::check_may(&mut here.device, workspace, Deed::Allow, now)?;
        let status = here.device.status(workspace)?;
        let called = Called::load(&mut here.device, workspace, &status.members, now)?;
        let user = called.find_user(&status.members, &self.user)?;
        if user == here.device.own_user(workspace)? {
            return Err(CommandError::new(
                ErrorCode::NothingToChange,
                "You are the owner, who may write without bound",
            ));
        }
        let whom = called.user(user);
        if status.record_bytes.get(&user).is_some_and(|bytes| !bytes.may_be_raised()) {
            let message = format!("{whom} may still write more than half of what members may");
            return Err(CommandError::new(ErrorCode::NothingToChange, message)
                .hint("`bowline status` names who is running out"));
        }
        here.device.decide(workspace, Decision::Allow(user), now)?;
        here.wake();
        let done = format!(
            "{whom} may write as much again about people and keys. What waits on their devices goes on by itself."
        );
        removal::carry_out(
            invocation,
            &mut here,
            workspace,
            &Said::of(done, format!("That {whom} may write more")),
        )?;
        let bytes = here.device.status(workspace)?.record_bytes.get(&user).copied().map(RecordBytes::allowed);
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "user": user.to_string(),
            "allowed": bytes,
        }))
    }
}
