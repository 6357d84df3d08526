//! `bowline workspace cancel`: takes back a decision that is not in force yet.

use bowline_engine::device::Cancelling;
use clap::Args;

use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::workspaces;

/// Cancel a decision that is not in force yet
///
/// `bowline status` numbers them. One that has been sent cannot be taken back: the relay may have it.
#[derive(Args, Debug)]
pub(crate) struct Cancel {
    /// The decision's number
    number: u64,
    /// In which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

impl Cancel {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let number = self.number;
        match here.device.cancel_decision(workspace, number)? {
            Cancelling::Cancelled => {}
            Cancelling::Sent => {
                let message = format!("Decision {number} has been sent, and the relay may have it");
                return Err(
                    CommandError::new(ErrorCode::NotReady, message).hint("`bowline sync` brings its answer")
                );
            }
            Cancelling::NotThere => {
                let message = format!("There is no decision {number} that is not in force yet");
                return Err(CommandError::new(ErrorCode::NotFound, message)
                    .hint("`bowline status` shows those there are"));
            }
        }
        here.wake();
        invocation.say(format_args!("Decision {number} is cancelled."));
        invocation
            .answer_in_json(&serde_json::json!({ "workspace": workspace.to_string(), "cancelled": number }))
    }
}
