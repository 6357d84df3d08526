//! `bowline chat delete`: moves a conversation to the trash.

use bowline_engine::document::Kind;
use clap::Args;

use crate::command::trash;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Move a conversation to the trash, on all devices
///
/// It can be restored. If somebody writes into it without knowing, it is back in view.
#[derive(Args, Debug)]
pub(crate) struct Delete {
    /// Which conversation: its title, or the beginning of its id
    id: String,
}

impl Delete {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        trash::delete(invocation, Kind::Conversation, &self.id)
    }
}
