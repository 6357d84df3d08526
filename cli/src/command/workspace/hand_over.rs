//! `bowline workspace hand-over`: the Owner offers the ownership to a member, or takes the offer back.

use bowline_engine::Deed;
use bowline_engine::ids::{UserId, WorkspaceId};
use bowline_engine::intent::Decision;
use clap::Args;

use crate::command::removal::{self, Said};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::workspaces::{self, Called};

/// Offer the ownership of a workspace to a member
///
/// They are the owner once they run `bowline workspace take-over`, and you are a member like anybody: only they invite and remove people
/// then. Until then you can take the offer back, or offer it to somebody else.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace hand-over Ben
  bowline workspace hand-over --take-back")]
pub(crate) struct HandOver {
    /// To whom: the name, or the beginning of the id, as `bowline workspace members` shows them
    #[arg(required_unless_present = "take_back")]
    user: Option<String>,
    /// Take back what was offered and is not taken
    #[arg(long, conflicts_with = "user")]
    take_back: bool,
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl HandOver {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        workspaces::check_may(&mut here.device, workspace, Deed::HandOver, now)?;
        let status = here.device.status(workspace)?;
        let called = Called::load(&mut here.device, workspace, &status.members, now)?;
        let (to, said) = if let Some(typed) = self.user {
            let to = called.find_user(&status.members, &typed)?;
            check_other(&here, workspace, to)?;
            let whom = called.user(to);
            invocation.confirm(self.yes, &format!("Offer the ownership of this workspace to {whom}?"))?;
            here.device.decide(workspace, Decision::HandOver(to), now)?;
            (Some(to), offered(&whom))
        } else {
            if status.offer.is_none() && status.undecided == 0 {
                return Err(CommandError::new(ErrorCode::NotOffered, "Nothing is on offer"));
            }
            let own = here.device.own_user(workspace)?;
            here.device.decide(workspace, Decision::HandOver(own), now)?;
            let done = "The offer is taken back: you stay the owner.".to_owned();
            (None, Said::of(done, "That the offer is taken back".to_owned()))
        };
        here.wake();
        removal::carry_out(invocation, &mut here, workspace, &said)?;
        invocation.answer_in_json(&serde_json::json!({
            "workspace": workspace.to_string(),
            "offered_to": to.map(|to| to.to_string()),
        }))
    }
}

fn offered(whom: &str) -> Said {
    Said::of(
        format!("Offered the ownership to {whom}. It is theirs once they run `bowline workspace take-over`."),
        format!("The offer of the ownership to {whom}"),
    )
}

/// An error if this is the person's own user, who has it already.
fn check_other(here: &Opened, workspace: WorkspaceId, to: UserId) -> Result<(), CommandError> {
    if to != here.device.own_user(workspace)? {
        return Ok(());
    }
    Err(CommandError::new(ErrorCode::NothingToChange, "You are the owner already")
        .hint("`bowline workspace hand-over --take-back` takes an offer back"))
}
