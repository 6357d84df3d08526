//! `bowline chat`: conversations.

mod delete;
mod export;
mod filing;
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

/// Conversations: begin, write, list, show, file, export, delete
#[derive(Debug, Subcommand)]
pub(crate) enum Chat {
    New(new::New),
    List(list::List),
    Show(show::Show),
    Say(say::Say),
    Rename(filing::Rename),
    Pin(filing::Pin),
    Unpin(filing::Unpin),
    Archive(filing::Archive),
    Unarchive(filing::Unarchive),
    Label(filing::Label),
    Unlabel(filing::Unlabel),
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
            Self::Rename(command) => command.run(invocation),
            Self::Pin(command) => command.run(invocation),
            Self::Unpin(command) => command.run(invocation),
            Self::Archive(command) => command.run(invocation),
            Self::Unarchive(command) => command.run(invocation),
            Self::Label(command) => command.run(invocation),
            Self::Unlabel(command) => command.run(invocation),
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
