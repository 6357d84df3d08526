//! `bowline device list`: the devices of a workspace.

use std::fmt;

use clap::Args;
use serde::Serialize;

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
    heard_at: Option<String>,
    #[serde(skip)]
    heard: String,
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
        let rows = members.iter().filter(|member| member.active || self.all).map(|member| Row {
            device: member.device.to_string(),
            prefix: called.device_prefix(member.device),
            name: called.device_name(member.device).map(str::to_owned),
            user: member.user.to_string(),
            user_name: called.user_name(member.user).map(str::to_owned),
            owner: called.user(member.user),
            this_device: member.device == this,
            active: member.active,
            heard_at: member.heard.and_then(iso),
            heard: match (member.active, member.device == this) {
                (false, _) => "removed".to_owned(),
                (true, true) => "this device".to_owned(),
                (true, false) => heard(member.heard, now),
            },
        });
        invocation.answer(&Rows(rows.collect()))
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["ID", "NAME", "WHOSE", "LAST HEARD"]).cutting(&["NAME", "WHOSE"]);
        for row in &self.0 {
            table.row(vec![
                row.prefix.clone(),
                OneLine(row.name.as_deref().unwrap_or_default()).to_string(),
                row.owner.clone(),
                row.heard.clone(),
            ]);
        }
        table.fmt(f)
    }
}
