//! A phrase comes into a workspace: a link is made for it alone, and its keys join by that, in memory.

use bowline_engine::device::PhraseInHand;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::run::recover::Recovered;
use bowline_engine::{CodeKind, Device, RecoveryPhrase};

use super::words::recovery_of_own;
use crate::command::code;
use crate::error::{CommandError, ErrorCode, join_failed, line_failed};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::workspaces::{self, WorkspaceNames};

/// What a person does if a phrase did not come in: its words are on paper by then.
const AGAIN: &str = "the words are good: `bowline recovery add` goes on with them";

/// An error if this person has a phrase in a workspace.
pub(super) fn check_none(device: &Device, workspace: WorkspaceId) -> Result<(), CommandError> {
    if recovery_of_own(device, workspace)?.is_none() {
        return Ok(());
    }
    let name = workspaces::label(device, workspace);
    Err(CommandError::new(
        ErrorCode::HasPhrase,
        format!("You have a recovery phrase in workspace {name} already"),
    )
    .hint("`bowline recovery check` says whether the words that you have are its"))
}

/// Brings a phrase into a workspace, and waits until this device has seen it there.
pub(super) fn bring_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    phrase: RecoveryPhrase,
) -> Result<(), CommandError> {
    come_in(invocation, here, workspace, phrase).map_err(|error| error.hint(AGAIN))
}

fn come_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    phrase: RecoveryPhrase,
) -> Result<(), CommandError> {
    let ticket = here.device.make_recovery_code(workspace, &phrase, invocation.now())?;
    let (code, _) = code::when_open(invocation, here, workspace, (CodeKind::Recovery, ticket))?;
    let mut phrase = PhraseInHand::new(phrase, (invocation.host.random)())?;
    let device = phrase.id();
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    match syncing::come_in_by_phrase(invocation, &mut phrase, &code, progress)? {
        Recovered::Done(joined) => joined.map_err(|why| join_failed(&why))?,
        Recovered::NoLine(why) => return Err(line_failed(&why)),
        Recovered::Stopped => return Err(syncing::interrupted()),
    }
    let mut is_seen = |home: &mut Device, _: Millis| {
        let members = home.status(workspace)?.members;
        Ok(members.iter().any(|member| member.device == device && member.active))
    };
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_seen), progress)?;
    if is_seen(&mut here.device, invocation.now())? {
        return Ok(());
    }
    // The relay has signed for it: what is missing is that this device hears of it.
    if let Some(why) = syncing::not_reached(&reached.finished, workspace) {
        invocation
            .hint(format_args!("the relay has taken the phrase in; this device has not heard of it: {why}"));
    }
    Ok(())
}
