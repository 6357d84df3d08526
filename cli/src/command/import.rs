//! `bowline import`: takes in what other programs have written.

mod jsonl;
mod openclaw;
mod shown;

use bowline_engine::home::ImportLock;
use clap::Subcommand;

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;

/// Import conversations, agents and skills from other programs
///
/// Reads only, and can be repeated: what is here already is left as it is, and what is new comes in. Everything stays on
/// this device until you share it.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    Openclaw(openclaw::Openclaw),
    Jsonl(jsonl::Jsonl),
}

/// Held while something is imported into a home.
fn lock(here: &Opened) -> Result<ImportLock, CommandError> {
    here.home.try_import_lock()?.ok_or_else(|| {
        CommandError::new(ErrorCode::ImportRunning, "Another import into this home is under way")
            .hint("wait until it has ended, and run this again: nothing is taken twice")
    })
}

impl Import {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Openclaw(command) => command.run(invocation),
            Self::Jsonl(command) => command.run(invocation),
        }
    }
}
