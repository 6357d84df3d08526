//! `bowline recovery create`: a new recovery phrase.

use std::fmt;
use std::path::PathBuf;

use bowline_engine::RecoveryPhrase;
use bowline_engine::ids::WorkspaceId;
use clap::Args;
use serde::Serialize;

use super::bring_in::{bring_in, check_none};
use super::sheet::{Printed, Sheet, check_seen};
use super::words::one_line;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::{syncing, workspaces};

/// Make your recovery phrase: 24 words that bring everything back when all devices are gone
///
/// Shows the words before anything comes of them: write them down, or print the sheet. Whoever has them can read everything in your
/// workspaces. Nothing keeps them for you. One phrase serves all your workspaces on a relay: `bowline recovery add` takes it to the next.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  bowline recovery create\n  bowline recovery create --sheet sheet.txt\n  bowline recovery create --yes > words"
)]
pub(crate) struct Create {
    /// In which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Write the sheet to print into a new file, which only you can read, and not onto the terminal
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Created<'a> {
    words: &'a str,
    device: String,
    workspace: String,
}

impl Create {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_in(&here.device, workspace)?;
        syncing::check_connected(&here.device, workspace)?;
        check_none(&here.device, workspace)?;
        check_seen(invocation, self.yes)?;
        let phrase = RecoveryPhrase::generate(&mut *(invocation.host.random)());
        self.show(invocation, &here, workspace, &phrase)?;
        invocation.confirm(self.yes, "Have you written the words down, so that they come into force?")?;
        bring_in(invocation, &mut here, workspace, phrase)?;
        invocation.say(format_args!(
            "From now on these words bring you back into the workspace. `bowline recovery check` tries them."
        ));
        here.wake();
        Ok(())
    }

    fn show(
        &self,
        invocation: &mut Invocation<'_>,
        here: &Opened,
        workspace: WorkspaceId,
        phrase: &RecoveryPhrase,
    ) -> Result<(), CommandError> {
        let words = one_line(phrase);
        let sheet = Sheet {
            places: vec![Printed {
                workspace: workspaces::label(&here.device, workspace),
                relay: here.device.relay_address(workspace)?,
            }],
            made: invocation.now(),
            words: &words,
        };
        sheet.show(invocation, self.sheet.as_deref())?;
        invocation.answer(&Created {
            words: &words,
            device: phrase.device_keys().id().to_string(),
            workspace: workspace.to_string(),
        })
    }
}

impl fmt::Display for Created<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.words)
    }
}
