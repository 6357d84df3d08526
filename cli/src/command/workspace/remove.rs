//! `bowline workspace remove`: removes a member with all devices.

use bowline_engine::Deed;
use clap::Args;

use crate::command::removal;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::workspaces::{self, Called};

/// Remove a member with all their devices
///
/// Only the owner can. They keep what they have, and can read nothing that is written after the removal is in force.
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// Whom: the name, or the beginning of the id, as `bowline workspace members` shows them
    user: String,
    /// From which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Remove {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        workspaces::check_may(&mut here.device, workspace, Deed::RemoveMember, now)?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let user = called.find_user(&members, &self.user)?;
        if user == here.device.own_user(workspace)? {
            return Err(CommandError::new(ErrorCode::RemovesItself, "You cannot remove yourself")
                .hint("`bowline workspace forget` takes this device out; `bowline device revoke` removes another of yours"));
        }
        let whom = called.user(user);
        invocation.confirm(self.yes, &format!("Remove {whom} with all devices?"))?;
        here.device.remove_member(workspace, user, now)?;
        here.wake();
        removal::carry_out(invocation, &mut here, workspace, &removal::Said::removed(&whom))?;
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "removed": user.to_string(),
        }))
    }
}
