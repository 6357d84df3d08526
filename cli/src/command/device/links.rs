//! `bowline device links`: which links are open, and closing one.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::codes::Codes;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// List links for devices that are open, or close one
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline device links\n  bowline device links close 3f2a")]
pub(crate) struct Links {
    #[command(flatten)]
    codes: Codes,
}

impl Links {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        self.codes.run(invocation, CodeKind::Link)
    }
}
