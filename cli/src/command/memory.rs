//! `bowline memory`: what agents know about their person.

mod export;
mod show;

use bowline_engine::document::Kind;
use clap::{Args, Subcommand};

use crate::command::trash;
use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::{self, Columns};

/// Memories: list, show, export, delete
///
/// A memory is what one agent knows about its person: USER.md, MEMORY.md and the files in memory/. It stays on this device
/// unless you share it by its id.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    List(List),
    Show(show::Show),
    Export(export::Export),
    Delete(Delete),
    Restore(Restore),
}

/// List memories, those edited last first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
}

/// Move an agent's memory to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which memory: its agent's name, or the beginning of its id
    id: String,
}

/// Take an agent's memory out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which memory: its agent's name, or the beginning of its id, as `bowline memory list --trash` shows it
    id: String,
}

impl MemoryCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(invocation),
            Self::Show(command) => command.run(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Delete(command) => trash::delete(invocation, Kind::Memory, &command.id),
            Self::Restore(command) => trash::restore(invocation, Kind::Memory, &command.id),
        }
    }
}

impl List {
    fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let rows = documents::listed(&here.device, Kind::Memory, self.trash)?;
        let list = listing::List::new(&here.device, rows, Columns::OF_AGENTS, invocation.now())?;
        if list.is_empty() && !self.trash {
            invocation.hint(format_args!(
                "there is no memory here: `bowline import openclaw` brings in those of OpenClaw"
            ));
        }
        invocation.answer(&list)
    }
}
