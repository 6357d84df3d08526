//! `bowline export`: gives documents back to other programs.

pub(crate) mod missing;
mod openclaw;

use clap::Subcommand;

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Export conversations for other programs
#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    Openclaw(openclaw::Openclaw),
}

impl Export {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Openclaw(command) => command.run(invocation),
        }
    }
}
