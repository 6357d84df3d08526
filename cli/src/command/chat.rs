//! `bowline chat`: conversations.

mod delete;
mod export;
mod list;
mod new;
mod restore;
mod say;
mod show;

use bowline_engine::Device;
use bowline_engine::document::Kind;
use bowline_engine::ids::DocId;
use clap::Subcommand;

use crate::documents;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Conversations: begin, write, list, show, export, delete
#[derive(Debug, Subcommand)]
pub(crate) enum Chat {
    New(new::New),
    List(list::List),
    Show(show::Show),
    Say(say::Say),
    Export(export::Export),
    Delete(delete::Delete),
    Restore(restore::Restore),
}

impl Chat {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::New(command) => command.run(invocation),
            Self::List(command) => command.run(invocation),
            Self::Show(command) => command.run(invocation),
            Self::Say(command) => command.run(invocation),
            Self::Export(command) => command.run(invocation),
            Self::Delete(command) => command.run(invocation),
            Self::Restore(command) => command.run(invocation),
        }
    }
}

/// The conversation a person means.
fn find(device: &Device, typed: &str) -> Result<DocId, CommandError> {
    documents::find(device, &[Kind::Conversation], typed).map(|(_, id)| id)
}
