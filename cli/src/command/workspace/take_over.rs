//! `bowline workspace take-over`: a member accepts the ownership that is on offer.

use bowline_engine::intent::Decision;
use clap::Args;

use crate::command::removal::{self, Said};
use crate::error::{CommandError, void};
use crate::invocation::Invocation;
use crate::workspaces;

/// Accept the ownership of a workspace that is offered to you
///
/// You are the owner then: you alone invite and remove people, and cannot leave before you have handed the workspace over. Invites that are
/// open are closed.
#[derive(Args, Debug)]
pub(crate) struct TakeOver {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl TakeOver {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        let own = here.device.own_user(workspace)?;
        if here.device.status(workspace)?.offer.is_none_or(|offer| offer.to != own) {
            return Err(
                void(bowline_engine::Void::NotOffered).hint("`bowline sync` brings what has come since")
            );
        }
        invocation.confirm(self.yes, "Become the owner of this workspace?")?;
        here.device.decide(workspace, Decision::TakeOver, now)?;
        here.wake();
        let said =
            Said::of("You are the owner of this workspace.".to_owned(), "Taking the ownership".to_owned());
        removal::carry_out(invocation, &mut here, workspace, &said)?;
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "owner": own.to_string(),
        }))
    }
}
