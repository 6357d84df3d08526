//! `bowline recovery`: 24 words on paper that bring everything back when every device is gone.

mod add;
mod at_relay;
mod bring_in;
mod check;
mod create;
mod everywhere;
mod remove;
mod replace;
mod settled;
mod sheet;
mod use_phrase;
mod words;

pub(super) use settled::settled;

use clap::Subcommand;

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Recovery phrase: 24 words that bring everything back when all devices are gone
#[derive(Debug, Subcommand)]
pub(crate) enum Recovery {
    Create(create::Create),
    Add(add::Add),
    Check(check::Check),
    Replace(replace::Replace),
    Remove(remove::Remove),
    Use(use_phrase::Use),
}

impl Recovery {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        match self {
            Self::Create(command) => command.run(invocation),
            Self::Add(command) => command.run(invocation),
            Self::Check(command) => command.run(invocation),
            Self::Replace(command) => command.run(invocation),
            Self::Remove(command) => command.run(invocation),
            Self::Use(command) => command.run(invocation),
        }
    }
}
