//! `bowline chat restore`: takes a conversation out of the trash.

use bowline_engine::document::Kind;
use clap::Args;

use crate::command::trash;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Take a conversation out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which conversation: its title, or the beginning of its id, as `bowline chat list --trash` shows it
    id: String,
}

impl Restore {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        trash::restore(invocation, Kind::Conversation, &self.id)
    }
}
