//! `bowline device revoke`: removes a device from a workspace.

use bowline_engine::Deed;
use clap::Args;

use crate::command::recovery::settled;
use crate::command::removal;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::workspaces::{self, Called};

/// Revoke a device that is lost or not used any more
///
/// Your own, or as the owner anybody's. It keeps what it has, and can read nothing that is written after the removal is
/// in force.
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// Which device: the name, or the beginning of the id, as `bowline device list` shows it
    device: String,
    /// From which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Revoke {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let device = called.find_device(&members, &self.device)?;
        if device == here.device.id_in(workspace) {
            return Err(CommandError::new(ErrorCode::RemovesItself, "A device cannot revoke itself")
                .hint("run this on another device, or `bowline workspace forget` here"));
        }
        let own = here.device.own_user(workspace)?;
        if members.iter().any(|member| member.device == device && member.user != own) {
            workspaces::check_may(&mut here.device, workspace, Deed::RemoveOthersDevice, now)?;
        }
        let phrase = members.iter().find(|member| member.device == device && member.settled);
        if let Some(phrase) = phrase {
            let role = phrase.role.filter(|_| phrase.user == own);
            return Err(settled(&workspaces::label(&here.device, workspace), role));
        }
        let whom = called.device(device);
        invocation.confirm(self.yes, &format!("Revoke {whom}?"))?;
        here.device.remove_device(workspace, device, now)?;
        here.wake();
        removal::carry_out(invocation, &mut here, workspace, &removal::Said::removed(&whom))?;
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "removed": device.to_string(),
        }))
    }
}
