//! `bowline workspace invites`: which invites are open, and closing one.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::codes::Codes;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// List invites that are open, or close one
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline workspace invites\n  bowline workspace invites close 3f2a")]
pub(crate) struct Invites {
    #[command(flatten)]
    codes: Codes,
}

impl Invites {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        self.codes.run(invocation, CodeKind::Invite)
    }
}
