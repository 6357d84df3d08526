//! Making a code that lets somebody in: an invite for another person, a link for another device.

use std::fmt;

use bowline_engine::device::Notice;
use bowline_engine::ids::{Millis, TicketKey, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::{CodeKind, Device, INVITE_LIFETIME, LINK_LIFETIME};
use serde::Serialize;

use crate::error::{CommandError, ErrorCode, void};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::workspaces::{self, WorkspaceNames};

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Milliseconds of a day.
const DAY: u64 = 24 * 60 * MINUTE;

#[derive(Serialize)]
struct Made<'a> {
    code: &'a str,
    kind: &'static str,
    workspace: String,
}

/// Has the log open an invite or link, and prints its code.
pub(super) fn make(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    kind: CodeKind,
) -> Result<(), CommandError> {
    let now = invocation.now();
    workspaces::check_in(&here.device, workspace)?;
    if kind == CodeKind::Invite {
        workspaces::check_owner(&mut here.device, workspace, now)?;
    }
    syncing::check_connected(&here.device, workspace)?;
    let ticket = match kind {
        CodeKind::Invite => here.device.invite(workspace, now)?,
        CodeKind::Link => here.device.link_device(workspace, now)?,
    };
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut is_open = |device: &mut Device, _: Millis| {
        Ok(device.code(workspace, ticket)?.is_some() || device.outstanding(workspace)?.undecided == 0)
    };
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_open), progress)?;
    let Some(code) = here.device.code(workspace, ticket)? else {
        let why = reached.notices.iter().find_map(|notice| match notice {
            Notice::DecisionVoid { workspace: of, why } if *of == workspace => Some(void(*why)),
            _ => None,
        });
        let why = why.or_else(|| syncing::not_reached(&reached.finished, workspace));
        return Err(no_code(invocation, here, workspace, (kind, ticket), why));
    };
    let name = match kind {
        CodeKind::Invite => "invite",
        CodeKind::Link => "link",
    };
    invocation.answer(&Made { code: &code.to_text(), kind: name, workspace: workspace.to_string() })?;
    match kind {
        CodeKind::Invite => invocation.say(format_args!(
            "Who runs `bowline join` with this code becomes a member and can read everything in the workspace. It lets \
             in one person, within {} days.",
            INVITE_LIFETIME / DAY
        )),
        CodeKind::Link => invocation.say(format_args!(
            "The device on which you run `bowline join` with this code becomes yours and can read everything in the \
             workspace. It lets in one device, within {} minutes.",
            LINK_LIFETIME / MINUTE
        )),
    }
    Ok(())
}

/// Closes the invite or link whose code was not printed, should the log open it yet; gives the error for the person.
fn no_code(
    invocation: &Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (kind, ticket): (CodeKind, TicketKey),
    why: Option<CommandError>,
) -> CommandError {
    let pending = here.device.outstanding(workspace).is_ok_and(|outstanding| outstanding.undecided > 0);
    if pending && let Err(error) = here.device.close_code(workspace, kind, ticket, invocation.now()) {
        return error.into();
    }
    let why =
        why.unwrap_or_else(|| CommandError::new(ErrorCode::NoAnswer, "The relay did not sign for the code"));
    CommandError { hints: Vec::new(), ..why }
        .hint("no code was made: run this again when the relay can be reached")
}

impl fmt::Display for Made<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.code)
    }
}
