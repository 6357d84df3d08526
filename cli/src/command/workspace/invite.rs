//! `bowline workspace invite`: a code for another person.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::code;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::workspaces;

/// Invite another person; prints a code for them
///
/// Only the owner can. The code is a secret until it is used: give it to nobody else. For another device of your own, use
/// `bowline device link`.
#[derive(Args, Debug)]
pub(crate) struct Invite {
    /// Into which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Invite {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        code::make(invocation, &mut here, workspace, CodeKind::Invite)
    }
}
