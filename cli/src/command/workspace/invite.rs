//! `bowline workspace invite`: a code for another person.

use bowline_engine::CodeKind;
use clap::Args;

use crate::command::code::{self, Making};
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Invite another person; prints a code for them
///
/// Only the owner can. The code is a secret until it is used: give it to nobody else. On a terminal it is shown as a QR code too. It is
/// good for 7 days, or for as long as you say, up to 30. For another device of your own, use `bowline device link`.
#[derive(Args, Debug)]
pub(crate) struct Invite {
    #[command(flatten)]
    making: Making,
}

impl Invite {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        code::make(invocation, &self.making, CodeKind::Invite)
    }
}
