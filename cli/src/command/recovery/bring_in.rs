//! A phrase comes into a workspace: a link is made for it alone, and its keys join by that, in memory.

use bowline_engine::device::{MemberStatus, PhraseInHand};
use bowline_engine::ids::{DeviceId, Millis, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::{Code, CodeKind, Device, RecoveryPhrase};

use super::at_relay::done;
use super::words::recovery_of_own;
use crate::command::code;
use crate::error::{CommandError, ErrorCode, join_failed};
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
    .hint("`bowline recovery check` says whether the words that you have are its; `bowline recovery replace` puts new ones in their place")
    .hint("if they are lost, `bowline recovery remove --lost` takes the phrase out in its first week"))
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
    come_in_by(invocation, here, &mut phrase, &code)?;
    let device = phrase.id();
    hear_of(invocation, here, workspace, |members| is_in(members, device))
}

/// Has a phrase join by the code that was made for it.
pub(super) fn come_in_by(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    phrase: &mut PhraseInHand,
    code: &Code,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    done(syncing::come_in_by_phrase(invocation, phrase, code, progress)?)?.map_err(|why| join_failed(&why))
}

/// Whether a device is in.
pub(super) fn is_in(members: &[MemberStatus], device: DeviceId) -> bool {
    members.iter().any(|member| member.device == device && member.active)
}

/// Waits until this device has heard of what became of a phrase, and the key is in force that keeps out whoever went. The relay has signed
/// for it already: if this device does not hear of it, that is a hint.
pub(super) fn hear_of(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    is_so: impl Fn(&[MemberStatus]) -> bool,
) -> Result<(), CommandError> {
    let mut has_heard = |home: &mut Device, _: Millis| {
        let status = home.status(workspace)?;
        Ok(is_so(&status.members) && !status.rekey_due)
    };
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut has_heard), progress)?;
    if has_heard(&mut here.device, invocation.now())? {
        return Ok(());
    }
    let name = workspaces::label(&here.device, workspace);
    let why = syncing::not_reached(&reached.finished, workspace).map(|why| format!(": {why}"));
    invocation.hint(format_args!(
        "the relay has signed for it in workspace {name}, and this device has not heard of it{}: `bowline sync` goes on",
        why.unwrap_or_default()
    ));
    Ok(())
}
