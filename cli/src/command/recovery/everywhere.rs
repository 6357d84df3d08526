//! Something that is done with a phrase in one workspace after the other, and goes on where it fails in one.

use bowline_engine::ids::WorkspaceId;

use crate::error::{CommandError, ErrorCode};
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::workspaces;

/// A workspace, and the address of its relay.
pub(super) struct Place {
    pub(super) workspace: WorkspaceId,
    pub(super) relay: String,
}

/// What became of it in all places.
#[derive(Default)]
pub(super) struct Everywhere {
    done: usize,
    failed: Vec<CommandError>,
}

impl Everywhere {
    /// Does it in one place. What fails is told, and does not keep it from the next place, unless a person has stopped it.
    pub(super) fn in_one(
        &mut self,
        invocation: &mut Invocation<'_>,
        here: &mut Opened,
        place: &Place,
        work: impl FnOnce(&mut Invocation<'_>, &mut Opened, &Place) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        match work(invocation, here, place) {
            Ok(()) => {
                self.done += 1;
                Ok(())
            }
            Err(why) => self.failed_in(invocation, &called(here, place.workspace), why),
        }
    }

    /// Notes that nothing could be done in one place.
    pub(super) fn failed_in(
        &mut self,
        invocation: &mut Invocation<'_>,
        name: &str,
        why: CommandError,
    ) -> Result<(), CommandError> {
        if why.code == ErrorCode::Interrupted {
            return Err(why);
        }
        invocation.warn(format_args!("workspace {name}: {why}"));
        self.failed.push(why);
        Ok(())
    }

    /// The error of the command, if it was not done in all places: that of the last one if it was done in none.
    pub(super) fn outcome(mut self, what: &str, again: &str) -> Result<(), CommandError> {
        let of = self.done + self.failed.len();
        match (self.done, self.failed.pop()) {
            (_, None) => Ok(()),
            (0, Some(why)) => Err(why.hint(again)),
            (done, Some(_)) => {
                let message = format!("The recovery phrase is {what} in {done} of {of} workspaces");
                Err(CommandError::new(ErrorCode::RecoveryIncomplete, message).hint(again))
            }
        }
    }
}

/// What a workspace is called, also one that this device is not in.
pub(super) fn called(here: &Opened, workspace: WorkspaceId) -> String {
    if here.device.workspaces().any(|known| known == workspace) {
        workspaces::label(&here.device, workspace)
    } else {
        Prefixes::new([workspace]).shorten(workspace)
    }
}
