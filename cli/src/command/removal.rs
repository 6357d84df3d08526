//! What a person decides about who is in a workspace, as removing somebody: decided here, in force once the relay has signed for it.

use bowline_engine::device::Notice;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::{Device, Void};

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

/// What came of waiting for the log's answer to what was decided.
pub(super) struct Answered {
    /// Why something that was decided came to nothing.
    pub(super) void: Option<Void>,
    /// Why something is not answered yet.
    waits: Option<CommandError>,
}

/// Waits until the log has answered a decision, or cannot be asked.
pub(super) fn carry_out(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    said: &Said,
) -> Result<(), CommandError> {
    let answered = answered(invocation, here, workspace)?;
    if let Some(why) = answered.void {
        return Err(void(why));
    }
    answered.in_force(said)?;
    invocation.say(format_args!("{}", said.done));
    Ok(())
}

/// Waits until the log has answered all that was decided, or cannot be asked.
pub(super) fn answered(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<Answered, CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut answered = |device: &mut Device, _: Millis| Ok(device.outstanding(workspace)?.undecided == 0);
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut answered), progress)?;
    let void = reached.notices.iter().find_map(|notice| match notice {
        Notice::DecisionVoid { workspace: of, why } if *of == workspace => Some(*why),
        _ => None,
    });
    let waits = (here.device.outstanding(workspace)?.undecided > 0).then(|| {
        syncing::not_reached(&reached.finished, workspace)
            .unwrap_or_else(|| CommandError::new(ErrorCode::NoAnswer, "The relay was not asked"))
    });
    Ok(Answered { void, waits })
}

impl Answered {
    /// An error if something is not answered yet, which is named by what is said.
    pub(super) fn in_force(self, said: &Said) -> Result<(), CommandError> {
        let Some(why) = self.waits else {
            return Ok(());
        };
        let mut error =
            CommandError::new(why.code, format!("{} is decided, and not yet in force", said.decided));
        error.causes.push(why.message);
        error.causes.extend(why.causes);
        Err(error.hint(if said.stops {
            "nothing more is sent from here before it is: run `bowline sync` when the relay can be reached"
        } else {
            "run `bowline sync` when the relay can be reached; `bowline workspace cancel` takes it back before"
        }))
    }
}
