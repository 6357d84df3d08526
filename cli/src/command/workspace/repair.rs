//! `bowline workspace repair`: goes on with a relay's log and brings back what it lacks.

use bowline_engine::GoingOn;
use clap::Args;

use super::going_on::{self, Decides};
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Go on with the relay's log and send again what is missing from it
///
/// Like `bowline workspace accept`, and every missing entry that the log can take as it is goes back to the relay in the old order, whoever
/// wrote it, before anything new. An entry that builds on what the relay has signed and given up cannot stand in its log: what this device
/// wrote of that is sent anew, and the rest stays in sight here until whoever wrote it decides as well.
/// What remains is what `bowline workspace accept --help` says of that.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  bowline workspace repair --dry-run     only show what is missing
  bowline workspace repair
  bowline workspace repair --yes         for scripts")]
pub(crate) struct Repair {
    #[command(flatten)]
    decides: Decides,
}

impl Repair {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        going_on::run(invocation, self.decides, GoingOn::Repair)
    }
}
