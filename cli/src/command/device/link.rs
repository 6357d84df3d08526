//! `bowline device link`: a code for another device of the same person.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::code;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::workspaces;

/// Link another device of yours; prints a code for it
///
/// Run `bowline join CODE` there. The code is a secret until it is used: give it to nobody. For another person, use
/// `bowline workspace invite`.
#[derive(Args, Debug)]
pub(crate) struct Link {
    /// Into which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Link {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        code::make(invocation, &mut here, workspace, CodeKind::Link)
    }
}
