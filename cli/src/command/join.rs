//! `bowline join`: comes into a workspace by a code.

use std::fmt;

use bowline_engine::device::Notice;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::{Goal, Inquired};
use bowline_engine::transport::Address;
use bowline_engine::{Code, CodeKind, Device, Invitation, JoinFailed, Role};
use clap::Args;
use serde::Serialize;

use crate::command::{code, share};
use crate::documents::workspace_prefix;
use crate::error::{CommandError, ErrorCode, inquiry_failed, join_failed, no_line_for_code};
use crate::ids::{Prefixes, spelled};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::secret_argument::{self, Asked};
use crate::text::count;
use crate::time::moment;
use crate::workspaces::{WorkspaceNames, relay_for_people};
use crate::{syncing, workspaces};

/// How a person is asked for a code.
pub(super) const CODE: Asked =
    Asked { what: "The code", prompts: "bowline join", reads: "bowline join - --yes" };

/// Join a workspace with a code
///
/// Asks for the code, then the relay for the record behind it, and shows what that says: who made the code, whom it makes you,
/// and until when. Nothing is written before you say yes; with nobody to ask and without --yes this shows it and joins nothing. A
/// code from `bowline device link` makes this device another one of the person who made it; one from `bowline workspace invite` makes you
/// a member. Nothing existing is shared by joining.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline join\n  bowline join - --yes < FILE")]
pub(crate) struct Join {
    /// The code, as it was given to you; `-` reads it from stdin [default: asks]
    code: Option<String>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Joined {
    workspace: String,
    #[serde(skip)]
    label: String,
    relay: String,
    kind: &'static str,
    role: &'static str,
    made_by: String,
}

impl Join {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut code = read_code(invocation, self.code.as_deref(), CODE)?;
        let mut here = invocation.open()?;
        if code.kind == CodeKind::Recovery {
            return Err(CommandError::new(
                ErrorCode::NotACode,
                "This code is for a recovery phrase, not for a device",
            )
            .hint("`bowline device link` makes a code for a device"));
        }
        here.device.check_joinable(&code)?;
        let shown = show(invocation, &mut here, &mut code)?;
        invocation.confirm(self.yes, "Join?")?;
        let mut workspace = here.device.join(&code, invocation.now())?;
        if come_in(invocation, &mut here, workspace)? == CameIn::KeySpent {
            invocation.say(format_args!(
                "This device was removed from the workspace before: it comes back under a new key."
            ));
            workspace = here.device.rejoin(&code, invocation.now())?;
            if come_in(invocation, &mut here, workspace)? == CameIn::KeySpent {
                return Err(join_failed(&JoinFailed::KeySpent));
            }
        }
        answer(invocation, &here, &code, &shown)?;
        if code.kind == CodeKind::Link {
            share::offer(invocation, &mut here.device, workspace)?;
        }
        here.wake();
        bring_what_is_there(invocation, &mut here, workspace)
    }
}

/// Asks the relay for the record behind a code, and shows what it says. From then on the code is held to that.
pub(super) fn show(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    code: &mut Code,
) -> Result<Invitation, CommandError> {
    let address: Address = code.relay.parse()?;
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let shown = match syncing::inquire(invocation, here, code, progress)? {
        Inquired::Said(shown) => shown,
        Inquired::Failed(why) => return Err(inquiry_failed(why)),
        Inquired::NoLine(why) => return Err(no_line_for_code(&why)),
        Inquired::Stopped => return Err(syncing::interrupted()),
    };
    code.hold_to(&shown);
    let name = Prefixes::new([code.workspace]).shorten(code.workspace);
    invocation.say(format_args!("{}", what_it_says(&shown, &name, &address)));
    Ok(shown)
}

/// The code that a person gives. One on the command line is taken, with a warning.
pub(super) fn read_code(
    invocation: &mut Invocation<'_>,
    typed: Option<&str>,
    asked: Asked,
) -> Result<Code, CommandError> {
    let code = Code::parse(&secret_argument::read(invocation, typed, asked)?)?;
    if typed.is_some_and(|typed| typed != "-") {
        secret_argument::warn(invocation, asked);
    }
    Ok(code)
}

/// Says that this device is in.
pub(super) fn answer(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    code: &Code,
    shown: &Invitation,
) -> Result<(), CommandError> {
    invocation.answer(&Joined {
        workspace: code.workspace.to_string(),
        label: workspaces::label(&here.device, code.workspace),
        relay: here.device.relay_address(code.workspace)?,
        kind: code::word(shown.kind),
        role: workspaces::role_word(shown.role),
        made_by: shown.maker.to_string(),
    })
}

/// Brings what is in the workspace. If the connection is lost meanwhile that is a hint, not an error: this device is in.
pub(super) fn bring_what_is_there(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let reached = syncing::reach(invocation, here, Goal::Synced, progress)?;
    let standing = reached.finished.workspaces.get(&workspace);
    if reached.finished.stopped || standing.is_none_or(|standing| syncing::standing_error(standing).is_some())
    {
        invocation.hint(format_args!("not everything that is in it is here yet: `bowline sync` goes on"));
    }
    Ok(())
}

/// What the record of a code says, and whom it makes this machine.
fn what_it_says(shown: &Invitation, name: &str, address: &Address) -> String {
    let relay = relay_for_people(&address.to_text());
    let (what, warning) = match shown.kind {
        CodeKind::Invite => (
            format!("This code makes you a member of workspace {name} on {relay}."),
            "Its members will read what you write there; what is on this device now stays on it.",
        ),
        CodeKind::Recovery => (
            format!("This code lets a recovery phrase into workspace {name} on {relay}."),
            "It makes no device of this machine.",
        ),
        CodeKind::Link => (
            format!(
                "This code makes this machine a device of the person who made it, in workspace {name} on {relay}."
            ),
            "Whoever made the code will read what is written there on this device. Use only a code of your own.",
        ),
    };
    let may = match shown.role {
        Role::Owner => "read and write everything, invite and remove people, as the owner",
        Role::Member => "read and write everything; only the owner invites and removes people",
    };
    let whose = match shown.maker_role {
        Role::Owner => "the owner",
        Role::Member => "a member",
    };
    format!(
        "{what}\n  Made by:    device {} of {whose}\n  You may:    {may}\n  Good until: {}, once\n  In it now:  {} with {}\n{warning}",
        spelled(&shown.maker),
        moment(shown.over_after),
        if shown.people == 1 { "1 person".to_owned() } else { format!("{} people", shown.people) },
        count(shown.devices, "device"),
    )
}

/// Whether the relay has let this device in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CameIn {
    /// The relay has let it in.
    Member,
    /// The device was removed under the key that it has: it needs another one. Nothing of the workspace is here.
    KeySpent,
}

/// Waits until the relay has let this device in.
pub(super) fn come_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<CameIn, CommandError> {
    let progress = Progress::shown(invocation, WorkspaceNames::load(&here.device));
    let mut is_in = |device: &mut Device, _: Millis| Ok(device.status(workspace)?.member);
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_in), progress)?;
    if here.device.status(workspace)?.member {
        return Ok(CameIn::Member);
    }
    let name = workspace_prefix(&here.device, workspace);
    let why = reached.notices.iter().find_map(|notice| match notice {
        Notice::JoinFailed(of, why) if *of == workspace => Some(*why),
        _ => None,
    });
    let is_over = !here.device.wants_connection(workspace)? && !here.device.is_disconnected(workspace)?;
    if why.is_some() || is_over {
        // Nothing of the workspace is here, and the code is worth nothing any more.
        here.device.forget_workspace(workspace, invocation.now())?;
        if why == Some(JoinFailed::KeySpent) {
            return Ok(CameIn::KeySpent);
        }
        return Err(match why {
            Some(why) => join_failed(&why),
            None => CommandError::new(ErrorCode::NotAMember, "The relay did not let this device in")
                .hint("ask for a new code"),
        });
    }
    let error = syncing::not_reached(&reached.finished, workspace).unwrap_or_else(|| {
        CommandError::new(ErrorCode::NoAnswer, "The relay has not let this device in yet")
    });
    Err(error.hint(format!(
        "the code is kept: `bowline sync` tries again, `bowline workspace forget {name}` gives it up"
    )))
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Joined workspace {} on {}", self.label, relay_for_people(&self.relay))
    }
}
