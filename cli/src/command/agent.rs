//! `bowline agent`: agents, their fields and files.

mod edit;
mod export;
mod show;

use bowline_engine::device::ShownAgent;
use bowline_engine::document::{FilePath, Issue, Kind, TextFile};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::{Device, Error};
use clap::{Args, Subcommand};

use crate::command::kind::{self, Checkout, Commit, KindInFull, KindOfFiles, Merge, New};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::Columns;

/// Agents: make, edit, list, show, check out, merge, export, delete
///
/// An agent is a name, a description, a model and files like AGENTS.md. Two devices may edit one file at the same time:
/// what both wrote stays.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    /// Make an agent; prints its id
    #[command(after_help = "Examples:\n  bowline agent new Cook\n  bowline agent new Cook --from ./cook")]
    New(New),
    List(List),
    Show(show::Show),
    Edit(edit::Edit),
    /// Write an agent's files into a folder, to be edited there
    Checkout(Checkout),
    Commit(Commit),
    /// Make one agent of two
    Merge(Merge),
    Export(export::Export),
    Delete(Delete),
    Restore(Restore),
}

/// List agents, those edited last first
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Those in the trash instead
    #[arg(long)]
    trash: bool,
}

/// Move an agent to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which agents: their names, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Take an agent out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which agents: their names, or the beginnings of their ids, as `bowline agent list --trash` shows them
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

impl Agent {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::New(command) => command.run::<ShownAgent>(invocation),
            Self::List(command) => kind::list::<ShownAgent>(invocation, command.trash),
            Self::Show(command) => command.run(invocation),
            Self::Edit(command) => command.run(invocation),
            Self::Checkout(command) => command.run::<ShownAgent>(invocation),
            Self::Commit(command) => command.run::<ShownAgent>(invocation),
            Self::Merge(command) => command.run::<ShownAgent>(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Delete(command) => kind::delete::<ShownAgent>(invocation, &command.ids),
            Self::Restore(command) => kind::restore::<ShownAgent>(invocation, &command.ids),
        }
    }
}

impl KindInFull for ShownAgent {
    const KIND: Kind = Kind::Agent;
    const COLUMNS: Columns = Columns::FILES;
    const NONE_YET: &'static str = "there is no agent here: `bowline agent new NAME` makes one";

    fn load(device: &mut Device, id: DocId, now: Millis) -> Result<Self, Error> {
        device.show_agent(id, now)
    }

    fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl KindOfFiles for ShownAgent {
    type File = TextFile;

    fn files(&self) -> &[TextFile] {
        &self.files
    }

    fn path(file: &TextFile) -> &FilePath {
        &file.path
    }
}
