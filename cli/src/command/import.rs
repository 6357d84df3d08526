//! `bowline import`: takes in what other programs have written.

mod jsonl;
mod lock;
mod openclaw;
mod shown;

use clap::Subcommand;

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Import conversations, agents and skills from other programs
///
/// Reads only, and can be repeated: what is here already is left as it is, and what is new comes in. Everything stays on
/// this device until you share it.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    Openclaw(openclaw::Openclaw),
    Jsonl(jsonl::Jsonl),
}

impl Import {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Openclaw(command) => command.run(invocation),
            Self::Jsonl(command) => command.run(invocation),
        }
    }
}
