//! `bowline agent restore`: takes an agent out of the trash.

use bowline_engine::document::Kind;
use clap::Args;

use crate::command::trash;
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Take an agent out of the trash, on all devices
#[derive(Args, Debug)]
pub(crate) struct Restore {
    /// Which agent: its name, or the beginning of its id, as `bowline agent list --trash` shows it
    id: String,
}

impl Restore {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        trash::restore(invocation, Kind::Agent, &self.id)
    }
}
