//! `bowline device list`: the devices of a workspace.

use std::fmt;

use bowline_engine::device::MemberStatus;
use clap::Args;
use serde::Serialize;

use crate::comings::{Came, Comings};
use crate::command::workspace::heard;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, Table};
use crate::time::iso;
use crate::workspaces::{self, Called};

/// List the devices of a workspace
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
    /// Those that were removed as well
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

#[derive(Serialize)]
struct Row {
    device: String,
    #[serde(skip)]
    prefix: String,
    name: Option<String>,
    user: String,
    user_name: Option<String>,
    #[serde(skip)]
    owner: String,
    this_device: bool,
    active: bool,
    #[serde(flatten)]
    phrase: Phrase,
    #[serde(flatten)]
    came: Came,
    heard_at: Option<String>,
    #[serde(skip)]
    heard: String,
}

#[derive(Serialize)]
struct Phrase {
    /// Whether it is a recovery phrase.
    recovery: bool,
    /// Whether it is one that only its own words take out any more.
    settled: bool,
}

impl List {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_draft(&here.device, workspace)?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let this = here.device.id_in(workspace);
        let comings = Comings::load(&here.device, workspace, &members, &called, now)?;
        let row = |member: &MemberStatus, came: Came| Row {
            device: member.device.to_string(),
            prefix: called.device_prefix(member.device),
            name: called.device_name(member.device).map(str::to_owned),
            user: member.user.to_string(),
            user_name: called.user_name(member.user).map(str::to_owned),
            owner: called.user(member.user),
            this_device: member.device == this,
            active: member.active,
            phrase: Phrase { recovery: member.recovery, settled: member.settled },
            heard_at: member.heard.and_then(iso),
            heard: match (&came.shown_removal, member.device == this) {
                (Some(removal), _) => removal.clone(),
                (None, true) => "this device".to_owned(),
                (None, false) if member.recovery => "on paper".to_owned(),
                (None, false) => heard(member.heard, now),
            },
            came,
        };
        let shown = members.iter().filter(|member| member.active || self.all);
        let rows = shown.map(|member| row(member, comings.of_device(member.device)));
        invocation.answer(&Rows(rows.collect()))
    }
}

/// What a device is called that has no name.
fn unnamed(row: &Row) -> &'static str {
    if row.phrase.recovery { "recovery phrase" } else { "" }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["ID", "NAME", "WHOSE", "SINCE", "LET IN BY", "LAST HEARD"]);
        table = table.cutting(&["NAME", "WHOSE", "LET IN BY", "LAST HEARD"]);
        for row in &self.0 {
            table.row(vec![
                row.prefix.clone(),
                OneLine(row.name.as_deref().unwrap_or(unnamed(row))).to_string(),
                row.owner.clone(),
                row.came.shown_since.clone(),
                row.came.shown_by.clone(),
                row.heard.clone(),
            ]);
        }
        table.fmt(f)
    }
}
