//! `bowline workspace accept`: goes on with a relay's log as it is.

use bowline_engine::GoingOn;
use clap::Args;

use super::going_on::{self, Decides};
use crate::error::CommandError;
use crate::invocation::Invocation;

/// Go on with the relay's log as it is, once what is missing from it was shown
///
/// For a relay that was caught or tells another story than before, and stays so. First ask its operator: after `bowline-relay restore`
/// everything goes on by itself, and nobody has to decide anything. This shows what the relay's log lacks of what is known here and asks; nothing
/// changes before. What this device wrote is sent anew. What others wrote and the log lacks stays in sight here until they send it anew, for
/// which they have to decide as well. Whoever was removed is removed again before anything is sent. Evidence is kept.
///
/// What remains: whoever is shown as removed here and unknown to that log, or in by that log and unknown here, may hold the key in force
/// there until the next removal makes a new one. What somebody wrote who never comes back stays in sight here alone. Where nobody in that log
/// may make a removal again, nothing is sent any more, and `bowline workspace forget` is the way out.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  bowline workspace accept --dry-run     only show what is missing
  bowline workspace accept
  bowline workspace accept --yes         for scripts")]
pub(crate) struct Accept {
    #[command(flatten)]
    decides: Decides,
}

impl Accept {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        going_on::run(invocation, self.decides, (GoingOn::Accept, None))
    }
}
