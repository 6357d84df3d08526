//! `bowline device link`: a code for another device of the same person.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::code::{self, Making};
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Link another device of yours; prints a code for it
///
/// Run `bowline join` there, which asks for the code. It is a secret until it is used: give it to nobody. On a terminal it is shown as a
/// QR code too. It is good for 10 minutes, or for as long as you say, up to an hour. For another person, use `bowline workspace invite`.
#[derive(Args, Debug)]
pub(crate) struct Link {
    #[command(flatten)]
    making: Making,
}

impl Link {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        code::make(invocation, &self.making, CodeKind::Link)
    }
}
