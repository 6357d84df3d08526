//! `bowline agent`: agents, their fields and files.

mod delete;
mod edit;
mod export;
mod list;
mod new;
mod restore;
mod show;
mod source;

use bowline_engine::Device;
use bowline_engine::document::Kind;
use bowline_engine::ids::DocId;
use clap::Subcommand;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Agents: make, edit, list, show, export, delete
///
/// An agent is a name, a description, a model and files like AGENTS.md. Two devices may edit one file at the same time:
/// what both wrote stays.
#[derive(Debug, Subcommand)]
pub(crate) enum Agent {
    New(new::New),
    List(list::List),
    Show(show::Show),
    Edit(edit::Edit),
    Export(export::Export),
    Delete(delete::Delete),
    Restore(restore::Restore),
}

impl Agent {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::New(command) => command.run(invocation),
            Self::List(command) => command.run(invocation),
            Self::Show(command) => command.run(invocation),
            Self::Edit(command) => command.run(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Delete(command) => command.run(invocation),
            Self::Restore(command) => command.run(invocation),
        }
    }
}

/// The agent a person means.
fn find(device: &Device, typed: &str) -> Result<DocId, CommandError> {
    documents::find(device, &[Kind::Agent], typed).map(|(_, id)| id)
}
