//! What a person decides about who is in a workspace, as removing somebody: decided here, in force once the relay has signed for it.

use bowline_engine::Device;
use bowline_engine::device::Notice;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::Goal;

use crate::error::{CommandError, ErrorCode, void};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::workspaces::WorkspaceNames;

/// What is said of a decision.
pub(super) struct Said {
    /// Once it is in force.
    pub(super) done: String,
    /// What is decided, as the beginning of a sentence, while it is not.
    pub(super) decided: String,
    /// Whether nothing is sent before it is in force.
    stops: bool,
}

impl Said {
    /// What is said of a decision that keeps nothing from being sent.
    pub(super) fn of(done: String, decided: String) -> Self {
        Self { done, decided, stops: false }
    }

    /// What is said of a decision before which nothing more is sent.
    pub(super) fn stopping(done: String, decided: String) -> Self {
        Self { done, decided, stops: true }
    }

    /// What is said of a removal.
    pub(super) fn removed(whom: &str) -> Self {
        Self::stopping(
            format!("Removed {whom}. What is written from now on cannot be read there."),
            format!("The removal of {whom}"),
        )
    }
}

/// Waits until the log has answered a decision, or cannot be asked.
pub(super) fn carry_out(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    said: &Said,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut answered = |device: &mut Device, _: Millis| Ok(device.outstanding(workspace)?.undecided == 0);
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut answered), progress)?;
    let refused = reached.notices.iter().find_map(|notice| match notice {
        Notice::DecisionVoid { workspace: of, why } if *of == workspace => Some(void(*why)),
        _ => None,
    });
    if let Some(error) = refused {
        return Err(error);
    }
    if here.device.outstanding(workspace)?.undecided == 0 {
        invocation.say(format_args!("{}", said.done));
        return Ok(());
    }
    let why = syncing::not_reached(&reached.finished, workspace)
        .unwrap_or_else(|| CommandError::new(ErrorCode::NoAnswer, "The relay was not asked"));
    let mut error = CommandError::new(why.code, format!("{} is decided, and not yet in force", said.decided));
    error.causes.push(why.message);
    error.causes.extend(why.causes);
    Err(error.hint(if said.stops {
        "nothing more is sent from here before it is: run `bowline sync` when the relay can be reached"
    } else {
        "run `bowline sync` when the relay can be reached; `bowline workspace cancel` takes it back before"
    }))
}
