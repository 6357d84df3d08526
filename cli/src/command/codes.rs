//! Open invites and links: listing and closing them.

use std::fmt;

use bowline_engine::ids::{Millis, TicketKey, WorkspaceId};
use bowline_engine::{CodeKind, Device};
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::command::removal;
use crate::error::CommandError;
use crate::ids::{Candidate, Names, Prefixes, resolve};
use crate::invocation::Invocation;
use crate::text::Table;
use crate::time::{ago, iso, moment};
use crate::workspaces::{self, Called};

/// What open codes there are, or to close one of them.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Codes {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    #[command(subcommand)]
    close: Option<Close>,
}

#[derive(Debug, Subcommand)]
enum Close {
    /// Close one: nobody comes in by it any more
    Close {
        /// Which one: the beginning of its id, as the list shows it
        id: String,
        /// Which workspace: its name, or the beginning of its id [default: the one in use]
        #[arg(long, short, value_name = "ID")]
        workspace: Option<String>,
    },
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

#[derive(Serialize)]
struct Row {
    id: String,
    #[serde(skip)]
    prefix: String,
    made_by: String,
    #[serde(skip)]
    maker: String,
    made_at: Option<String>,
    expires_at: Option<String>,
    expired: bool,
    #[serde(skip)]
    times: (String, String),
}

impl Codes {
    pub(super) fn run(self, invocation: &mut Invocation<'_>, kind: CodeKind) -> Result<(), CommandError> {
        match self.close {
            Some(Close::Close { id, workspace }) => {
                close(invocation, workspace.or(self.workspace).as_deref(), kind, &id)
            }
            None => list(invocation, self.workspace.as_deref(), kind),
        }
    }
}

fn list(invocation: &mut Invocation<'_>, typed: Option<&str>, kind: CodeKind) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let now = invocation.now();
    let workspace = workspaces::chosen(&here.device, typed)?;
    let rows = rows(&mut here.device, workspace, kind, now)?;
    if rows.is_empty() {
        let (what, make) = match kind {
            CodeKind::Invite => ("invite", "bowline workspace invite"),
            CodeKind::Link | CodeKind::Recovery => ("link", "bowline device link"),
        };
        invocation.hint(format_args!("no {what} is open; `{make}` makes one"));
    }
    invocation.answer(&Rows(rows))
}

fn rows(
    device: &mut Device,
    workspace: WorkspaceId,
    kind: CodeKind,
    now: Millis,
) -> Result<Vec<Row>, CommandError> {
    let codes = of_kind(device, workspace, kind)?;
    let members = device.status(workspace)?.members;
    let called = Called::load(device, workspace, &members, now)?;
    let prefixes = Prefixes::new(codes.iter().map(|code| code.ticket));
    let row = |code: &bowline_engine::device::OpenCode| {
        let expired = code.expires <= now;
        let until = if expired { "expired".to_owned() } else { moment(code.expires) };
        Row {
            id: code.ticket.to_string(),
            prefix: prefixes.shorten(code.ticket),
            made_by: code.maker.to_string(),
            maker: called.device(code.maker),
            made_at: iso(code.made),
            expires_at: iso(code.expires),
            expired,
            times: (ago(code.made, now), until),
        }
    };
    Ok(codes.iter().map(row).collect())
}

fn of_kind(
    device: &Device,
    workspace: WorkspaceId,
    kind: CodeKind,
) -> Result<Vec<bowline_engine::device::OpenCode>, CommandError> {
    Ok(device.open_codes(workspace)?.into_iter().filter(|code| code.kind == kind).collect())
}

fn close(
    invocation: &mut Invocation<'_>,
    typed: Option<&str>,
    kind: CodeKind,
    id: &str,
) -> Result<(), CommandError> {
    let mut here = invocation.open()?;
    let workspace = workspaces::chosen(&here.device, typed)?;
    workspaces::check_in(&here.device, workspace)?;
    let codes = of_kind(&here.device, workspace, kind)?;
    let candidate =
        |ticket: TicketKey| Candidate { value: ticket, id: ticket.to_string(), name: String::new() };
    let (what, list) = match kind {
        CodeKind::Invite => ("invite", "`bowline workspace invites` shows those that are open"),
        CodeKind::Link | CodeKind::Recovery => ("link", "`bowline device links` shows those that are open"),
    };
    let candidates = codes.iter().map(|code| candidate(code.ticket)).collect();
    let ticket = resolve(what, id, candidates, Names::Ignored, list)?.value;
    here.device.close_code(workspace, kind, ticket, invocation.now())?;
    here.wake();
    let shown = Prefixes::new(codes.iter().map(|code| code.ticket)).shorten(ticket);
    removal::carry_out(
        invocation,
        &mut here,
        workspace,
        &removal::Said::of(
            format!("Closed {what} {shown}. Nobody comes in by it any more."),
            format!("That {what} {shown} is closed"),
        ),
    )?;
    invocation.answer_in_json(
        &serde_json::json!({ "workspace": workspace.to_string(), "closed": ticket.to_string() }),
    )
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(&["ID", "MADE BY", "MADE", "GOOD UNTIL"]).cutting(&["MADE BY"]);
        for row in &self.0 {
            table.row(vec![row.prefix.clone(), row.maker.clone(), row.times.0.clone(), row.times.1.clone()]);
        }
        table.fmt(f)
    }
}
