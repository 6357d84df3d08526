//! Making a code that lets somebody in: an invite for another person, a link for another device.

use std::fmt;

use bowline_engine::device::{Notice, OpenCode};
use bowline_engine::ids::{Millis, TicketKey, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::{Code, CodeKind, Device, Lifetime};
use clap::Args;
use serde::Serialize;

use crate::error::{CommandError, ErrorCode, void};
use crate::ids::spelled;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::time::{iso, lasting, moment, parse_lasting};
use crate::workspaces::{self, WorkspaceNames};

/// How a code is made.
#[derive(Args, Debug)]
pub(super) struct Making {
    /// Into which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// For how long it is good: minutes, hours or days, as 30m, 2h or 3d
    #[arg(long = "for", value_name = "TIME")]
    lifetime: Option<String>,
    /// Do not show it as a QR code
    #[arg(long)]
    no_qr: bool,
}

#[derive(Serialize)]
struct Answer<'a> {
    code: &'a str,
    kind: &'static str,
    workspace: String,
    made_by: String,
    expires_at: Option<String>,
}

/// What a kind of code is called in JSON.
pub(super) fn word(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Invite => "invite",
        CodeKind::Link => "link",
        CodeKind::Recovery => "recovery",
    }
}

/// Has the log open an invite or link, and prints its code.
pub(super) fn make(
    invocation: &mut Invocation<'_>,
    making: &Making,
    kind: CodeKind,
) -> Result<(), CommandError> {
    let lifetime = lifetime(kind, making.lifetime.as_deref())?;
    let mut here = invocation.open()?;
    let workspace = workspaces::chosen(&here.device, making.workspace.as_deref())?;
    let now = invocation.now();
    workspaces::check_in(&here.device, workspace)?;
    if kind == CodeKind::Invite {
        workspaces::check_owner(&mut here.device, workspace, now)?;
    }
    syncing::check_connected(&here.device, workspace)?;
    let ticket = here.device.make_code(workspace, lifetime, now)?;
    let (code, open) = when_open(invocation, &mut here, workspace, (kind, ticket))?;
    let code = code.to_text();
    invocation.answer(&Answer {
        code: &code,
        kind: word(kind),
        workspace: workspace.to_string(),
        made_by: open.maker.to_string(),
        expires_at: iso(open.expires),
    })?;
    if !making.no_qr {
        invocation.show_qr(&code);
    }
    say_what_it_is(invocation, lifetime, &open);
    Ok(())
}

/// For how long a code is to be good.
fn lifetime(kind: CodeKind, typed: Option<&str>) -> Result<Lifetime, CommandError> {
    let Some(typed) = typed else {
        return Ok(Lifetime::usual(kind));
    };
    let longest = lasting(kind.longest());
    let millis = parse_lasting(typed).ok_or_else(|| {
        CommandError::new(ErrorCode::Usage, format!("{typed:?} is not a time")).hint("say 30m, 2h or 3d")
    })?;
    Lifetime::new(kind, millis).ok_or_else(|| {
        let what = match kind {
            CodeKind::Invite => "An invite",
            CodeKind::Link | CodeKind::Recovery => "A link",
        };
        CommandError::new(
            ErrorCode::Usage,
            format!("{what} is good for at least a minute and at most {longest}"),
        )
        .hint(format!("without --for it is good for {}", lasting(kind.usual())))
    })
}

fn say_what_it_is(invocation: &mut Invocation<'_>, lifetime: Lifetime, open: &OpenCode) {
    let (good, until) = (lasting(lifetime.millis()), moment(open.expires));
    match lifetime.kind() {
        CodeKind::Invite => invocation.say(format_args!(
            "Who runs `bowline join` with this code becomes a member and can read everything in the workspace. It lets \
             in one person, within {good}: until {until}."
        )),
        // Its code is shown to nobody.
        CodeKind::Recovery => {}
        CodeKind::Link => invocation.say(format_args!(
            "The device on which you run `bowline join` with this code becomes yours and can read everything in the \
             workspace. It lets in one device, within {good}: until {until}."
        )),
    }
    invocation.say(format_args!("There it is shown to be made by device {}.", spelled(&open.maker)));
}

/// Waits until the log has opened a code.
pub(super) fn when_open(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
    (kind, ticket): (CodeKind, TicketKey),
) -> Result<(Code, OpenCode), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut is_open = |device: &mut Device, _: Millis| {
        Ok(device.code(workspace, ticket)?.is_some() || device.outstanding(workspace)?.undecided == 0)
    };
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_open), progress)?;
    let open = here.device.open_codes(workspace)?.into_iter().find(|open| open.ticket == ticket);
    if let (Some(code), Some(open)) = (here.device.code(workspace, ticket)?, open) {
        return Ok((code, open));
    }
    let why = reached.notices.iter().find_map(|notice| match notice {
        Notice::DecisionVoid { workspace: of, why } if *of == workspace => Some(void(*why)),
        _ => None,
    });
    let why = why.or_else(|| syncing::not_reached(&reached.finished, workspace));
    Err(no_code(invocation, here, workspace, (kind, ticket), why))
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

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.code)
    }
}
