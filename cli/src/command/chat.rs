//! `bowline chat`: conversations.

mod export;
mod filing;
mod list;
mod new;
mod rendered;
mod say;
mod show;

use bowline_engine::device::Shown;
use bowline_engine::document::{Issue, Kind};
use bowline_engine::ids::{DocId, Millis};
use bowline_engine::{Device, Error};
use clap::{Args, Subcommand};

use crate::command::kind::{self, KindInFull};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::Columns;

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
    Delete(Delete),
    Restore(Restore),
}

/// Move a conversation to the trash, on all devices
///
/// It can be restored. If somebody writes into it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which conversations: their titles, or the beginnings of their ids
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
}

/// Take a conversation out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which conversations: their titles, or the beginnings of their ids, as `bowline chat list --trash` shows them
    #[arg(required = true, value_name = "ID|NAME")]
    ids: Vec<String>,
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
            Self::Delete(command) => kind::delete::<Shown>(invocation, &command.ids),
            Self::Restore(command) => kind::restore::<Shown>(invocation, &command.ids),
        }
    }
}

impl KindInFull for Shown {
    const KIND: Kind = Kind::Conversation;
    const COLUMNS: Columns = Columns::CHATS;
    const NONE_YET: &'static str = "there is no conversation here: `bowline chat new` begins one";

    fn load(device: &mut Device, id: DocId, now: Millis) -> Result<Self, Error> {
        device.show(id, now)
    }

    fn issues(&self) -> &[Issue] {
        &self.transcript.issues
    }
}
