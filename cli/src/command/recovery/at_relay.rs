//! What a recovery phrase does at a relay: it asks where it is, lets somebody in, and leaves.

use bowline_engine::device::{Departure, Entrance, Newcomer, PhraseInHand};
use bowline_engine::ids::WorkspaceId;
use bowline_engine::run::LineError;
use bowline_engine::run::recover::{LookedUp, Recovered};
use bowline_engine::{Code, LookupFailed, Reason, RelayFault};

use crate::error::{CommandError, ErrorCode, line_failed, turned_away, void};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::workspaces::WorkspaceNames;

/// Asks a relay in which workspaces a phrase is in force.
pub(super) fn look_up(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    phrase: &mut PhraseInHand,
    relay: &str,
) -> Result<Vec<WorkspaceId>, CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    match syncing::look_up(invocation, phrase, relay, progress)? {
        LookedUp::Found(found) => Ok(found),
        LookedUp::Failed(LookupFailed::Goodbye(Reason::OutOfPlace)) => Err(CommandError::new(
            ErrorCode::RelayVersion,
            "The relay is of a version that does not know recovery phrases",
        )
        .hint("ask its operator to update it")),
        LookedUp::Failed(LookupFailed::Goodbye(reason)) => Err(turned_away(reason)),
        LookedUp::Failed(LookupFailed::OtherRelay) => {
            Err(line_failed(&LineError::Fault(RelayFault::OtherRelay)))
        }
        LookedUp::Failed(LookupFailed::Nonsense(what)) => {
            Err(line_failed(&LineError::Fault(RelayFault::Nonsense(what))))
        }
        LookedUp::NoLine(why) => Err(line_failed(&why)),
        LookedUp::Stopped => Err(syncing::interrupted()),
    }
}

/// Has a phrase let somebody in, once the workspace's log has borne out that it may.
pub(super) fn let_in(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    by: (&mut PhraseInHand, Newcomer<'_>),
    place: (WorkspaceId, &str),
) -> Result<Code, CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    match done(syncing::let_in_by_phrase(invocation, by, place, progress)?)? {
        Entrance::Code(code) => Ok(*code),
        Entrance::NotIn => Err(not_in()),
        Entrance::NoKeys => Err(CommandError::new(
            ErrorCode::NotReady,
            "The workspace has given this recovery phrase no key that opens",
        )
        .hint("if another device of yours still works, `bowline device link` there lets this machine in")),
        Entrance::Void(why) => Err(void(why)),
        Entrance::OnTheWay => Err(syncing::interrupted()),
    }
}

/// Has a phrase leave a workspace. One that is out already has nothing more to do.
pub(super) fn leave(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    phrase: &mut PhraseInHand,
    place: (WorkspaceId, &str),
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let recovered = syncing::leave_by_phrase(invocation, phrase, place, progress)?;
    if matches!(&recovered, Recovered::NoLine(why) if is_out(why)) {
        return Ok(());
    }
    match done(recovered)? {
        Departure::Gone => Ok(()),
        Departure::NotIn => Err(not_in()),
        Departure::Alone => Err(CommandError::new(
            ErrorCode::LastDevice,
            "The recovery phrase is all that is left of you in the workspace: without it you would be gone",
        )
        .hint("`bowline recovery use` lets a device of yours in")),
        Departure::Void(why) => Err(void(why)),
        Departure::OnTheWay => Err(syncing::interrupted()),
    }
}

/// What a phrase has done, or why it came to nothing.
pub(super) fn done<T>(recovered: Recovered<T>) -> Result<T, CommandError> {
    match recovered {
        Recovered::Done(done) => Ok(done),
        Recovered::NoLine(why) => Err(line_failed(&why)),
        Recovered::Stopped => Err(syncing::interrupted()),
    }
}

/// Whether the relay says that a phrase was in, and is not any more.
fn is_out(why: &LineError) -> bool {
    matches!(why, LineError::Goodbye(Reason::Removed))
}

fn not_in() -> CommandError {
    CommandError::new(
        ErrorCode::RelayMisbehaves,
        "The relay names a workspace whose log does not have this recovery phrase",
    )
    .hint("nothing of it was taken over: tell the relay's operator")
}
