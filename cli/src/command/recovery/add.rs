//! `bowline recovery add`: a phrase that a person has comes into one more workspace.

use std::fmt;

use clap::Args;
use serde::Serialize;

use super::bring_in::{bring_in, check_none};
use super::words::{Words, recovery_of_own};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::secret_argument::Asked;
use crate::{syncing, workspaces};

const PHRASE: Asked =
    Asked { what: "Your recovery phrase", prompts: "bowline recovery add", reads: "bowline recovery add -" };

/// Take a recovery phrase that you have into another workspace
///
/// Asks for the 24 words. One phrase serves all your workspaces on a relay, and `bowline recovery use` finds them all. It also goes on
/// with words of `bowline recovery create` that did not come into force.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline recovery add --workspace Family\n  bowline recovery add - < words"
)]
pub(crate) struct Add {
    #[command(flatten)]
    words: Words,
    /// Into which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

#[derive(Serialize)]
struct Added {
    device: String,
    workspace: String,
    #[serde(skip)]
    label: String,
}

impl Add {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let phrase = self.words.read(invocation, PHRASE)?;
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        let device = phrase.device_keys().id();
        if recovery_of_own(&here.device, workspace)? == Some(device) {
            invocation.say(format_args!("It is in force there already."));
        } else {
            check_none(&here.device, workspace)?;
            syncing::check_connected(&here.device, workspace)?;
            bring_in(invocation, &mut here, workspace, phrase)?;
            here.wake();
        }
        invocation.answer(&Added {
            device: device.to_string(),
            workspace: workspace.to_string(),
            label: workspaces::label(&here.device, workspace),
        })
    }
}

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "The phrase brings you back into workspace {}", self.label)
    }
}
