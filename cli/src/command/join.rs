//! `bowline join`: comes into a workspace by a code.

use std::fmt;

use bowline_engine::device::Notice;
use bowline_engine::ids::{Millis, WorkspaceId};
use bowline_engine::run::Goal;
use bowline_engine::transport::Address;
use bowline_engine::{Code, CodeKind, Device};
use clap::Args;
use serde::Serialize;

use crate::command::share;
use crate::documents::workspace_prefix;
use crate::error::{CommandError, ErrorCode, join_failed};
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::Progress;
use crate::syncing;
use crate::workspaces::relay_for_people;

/// Join a workspace with a code
///
/// Says first what the code does. A code from `bowline device link` makes this device another one of the person who made
/// it; one from `bowline workspace invite` makes you a member. Nothing existing is shared by joining.
#[derive(Args, Debug)]
pub(crate) struct Join {
    /// The code, as it was given to you
    code: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Serialize)]
struct Joined {
    workspace: String,
    #[serde(skip)]
    prefix: String,
    relay: String,
    kind: &'static str,
}

impl Join {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let code = Code::parse(&self.code)?;
        let address: Address = code.relay.parse()?;
        let mut here = invocation.open()?;
        let name = Prefixes::new([code.workspace]).shorten(code.workspace);
        invocation.say(format_args!("{}", what_it_does(&code, &name, &address)));
        invocation.confirm(self.yes, "Join?")?;
        let workspace = here.device.join(&code, invocation.now())?;
        come_in(invocation, &mut here, workspace)?;
        invocation.answer(&Joined {
            workspace: workspace.to_string(),
            prefix: workspace_prefix(&here.device, workspace),
            relay: address.to_text(),
            kind: match code.kind {
                CodeKind::Invite => "invite",
                CodeKind::Link => "link",
            },
        })?;
        if code.kind == CodeKind::Link {
            share::offer(invocation, &mut here.device, workspace)?;
        }
        here.wake();
        bring_what_is_there(invocation, &mut here, workspace)
    }
}

/// Brings what is in the workspace. If the connection is lost meanwhile that is a hint, not an error: this device is in.
fn bring_what_is_there(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, Prefixes::new(here.device.workspaces()));
    let reached = syncing::reach(invocation, here, Goal::Synced, progress)?;
    let standing = reached.finished.workspaces.get(&workspace);
    if reached.finished.stopped || standing.is_none_or(|standing| syncing::standing_error(standing).is_some())
    {
        invocation.hint(format_args!("not everything that is in it is here yet: `bowline sync` goes on"));
    }
    Ok(())
}

fn what_it_does(code: &Code, name: &str, address: &Address) -> String {
    let relay = relay_for_people(&address.to_text());
    match code.kind {
        CodeKind::Invite => format!(
            "This code makes you a member of workspace {name} on {relay}.\nIts members will read what you write there; \
             what is on this device now stays on it."
        ),
        CodeKind::Link => format!(
            "This code makes this machine a device of the person who made it, in workspace {name} on {relay}.\n\
             Whoever made the code will read what is written there on this device. Use only a code of your own."
        ),
    }
}

/// Waits until the relay has let this device in.
fn come_in(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    workspace: WorkspaceId,
) -> Result<(), CommandError> {
    let progress = Progress::shown(invocation, Prefixes::new(here.device.workspaces()));
    let mut is_in = |device: &mut Device, _: Millis| Ok(device.status(workspace)?.member);
    let reached = syncing::reach(invocation, here, Goal::Until(workspace, &mut is_in), progress)?;
    if here.device.status(workspace)?.member {
        return Ok(());
    }
    let name = workspace_prefix(&here.device, workspace);
    let why = reached.notices.iter().find_map(|notice| match notice {
        Notice::JoinFailed(of, why) if *of == workspace => Some(join_failed(why)),
        _ => None,
    });
    let is_over = !here.device.wants_connection(workspace)? && !here.device.is_disconnected(workspace)?;
    if why.is_some() || is_over {
        // Nothing of the workspace is here, and the code is worth nothing any more.
        here.device.forget_workspace(workspace, invocation.now())?;
        return Err(why.unwrap_or_else(|| {
            CommandError::new(ErrorCode::NotAMember, "The relay did not let this device in")
                .hint("ask for a new code")
        }));
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
        writeln!(f, "Joined workspace {} on {}", self.prefix, relay_for_people(&self.relay))
    }
}
