//! `bowline memory`: what agents know about their person.

mod show;

use std::path::PathBuf;

use bowline_engine::device::ShownMemory;
use bowline_engine::document::{FilePath, Issue, Kind, TextFile};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::{Device, Error};
use clap::{Args, Subcommand};

use crate::command::kind::{self, Checkout, Commit, Edit, KindInFull, KindOfFiles, Merge, New};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::Columns;

/// Memories: make, edit, list, show, check out, merge, export, delete
///
/// A memory is what one agent knows about its person: USER.md, MEMORY.md and the files in memory/. It stays on this device
/// unless you share it by its id.
#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// Make a memory, named after an agent, on this device only; prints its id
    #[command(after_help = "Examples:\n  bowline memory new Cook --from ./cook-memory")]
    New(New),
    List(List),
    Show(show::Show),
    /// Change the name and files of a memory, or one file in your editor
    ///
    /// What others wrote since the version that you say with --base stays, and so it does if you edit in an editor.
    #[command(
        after_help = "Examples:\n  bowline memory edit 81c0\n  bowline memory edit 81c0 --from USER.md --base 5f0c91d2a7e3"
    )]
    Edit(Edit),
    /// Write a memory's files into a folder, to be edited there
    Checkout(Checkout),
    Commit(Commit),
    /// Make one memory of two
    Merge(Merge),
    Export(Export),
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

/// Export a memory's files into a folder
///
/// Its files come under their paths. The folder must be empty or not be there.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Which memory: its agent's name, or the beginning of its id
    id: String,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

/// Move an agent's memory to the trash, on all devices
///
/// It can be restored. If somebody edits it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which memory: its agent's name, or the beginning of its id
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Take an agent's memory out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which memory: its agent's name, or the beginning of its id, as `bowline memory list --trash` shows it
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

impl MemoryCommand {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::New(command) => command.run::<ShownMemory>(invocation),
            Self::List(command) => kind::list::<ShownMemory>(invocation, command.trash),
            Self::Show(command) => command.run(invocation),
            Self::Edit(command) => command.run::<ShownMemory>(invocation),
            Self::Checkout(command) => command.run::<ShownMemory>(invocation),
            Self::Commit(command) => command.run::<ShownMemory>(invocation),
            Self::Merge(command) => command.run::<ShownMemory>(invocation),
            Self::Export(command) => kind::export::<ShownMemory>(invocation, &command.id, &command.output),
            Self::Delete(command) => kind::delete::<ShownMemory>(invocation, &command.ids),
            Self::Restore(command) => kind::restore::<ShownMemory>(invocation, &command.ids),
        }
    }
}

impl KindInFull for ShownMemory {
    const KIND: Kind = Kind::Memory;
    const COLUMNS: Columns = Columns::OF_AGENTS;
    const NONE_YET: &'static str =
        "there is no memory here: `bowline import openclaw` brings in those of OpenClaw";

    fn load(device: &mut Device, id: DocId, now: Millis) -> Result<Self, Error> {
        device.show_memory(id, now)
    }

    fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl KindOfFiles for ShownMemory {
    type File = TextFile;

    fn files(&self) -> &[TextFile] {
        &self.files
    }

    fn path(file: &TextFile) -> &FilePath {
        &file.path
    }
}
