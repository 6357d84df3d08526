//! `bowline skill`: skills, with their files.

mod export;
mod show;

use bowline_engine::document::Kind;
use clap::{Args, Subcommand};

use crate::command::trash;
use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::{self, Columns};

/// Skills: list, show, export, delete
///
/// A skill is instructions for an assistant (SKILL.md), with the files that belong to them.
#[derive(Debug, Subcommand)]
pub(crate) enum SkillCommand {
    List(List),
    Show(show::Show),
    Export(export::Export),
    Delete(Delete),
    Restore(Restore),
}

/// List skills, those edited last first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
}

/// Move a skill to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which skill: its name, or the beginning of its id
    id: String,
}

/// Take a skill out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which skill: its name, or the beginning of its id, as `bowline skill list --trash` shows it
    id: String,
}

impl SkillCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::List(command) => command.run(invocation),
            Self::Show(command) => command.run(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Delete(command) => trash::delete(invocation, Kind::Skill, &command.id),
            Self::Restore(command) => trash::restore(invocation, Kind::Skill, &command.id),
        }
    }
}

impl List {
    fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let here = invocation.open()?;
        let rows = documents::listed(&here.device, Kind::Skill, self.trash)?;
        let list = listing::List::new(&here.device, rows, Columns::FILES, invocation.now())?;
        if list.is_empty() && !self.trash {
            invocation.hint(format_args!(
                "there is no skill here: `bowline import openclaw` brings in those of OpenClaw"
            ));
        }
        invocation.answer(&list)
    }
}
