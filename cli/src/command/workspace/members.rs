//! `bowline workspace members`: who is in a workspace.

use std::collections::BTreeMap;
use std::fmt;

use bowline_engine::Role;
use bowline_engine::ids::{Millis, UserId};
use clap::Args;
use serde::Serialize;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, Table};
use crate::time::{ago, iso};
use crate::workspaces::{self, Called};

/// Show who is in a workspace
#[derive(Args, Debug)]
pub(crate) struct Members {
    /// Which workspace: its name, or the beginning of its id [default: the one in use]
    workspace: Option<String>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

#[derive(Serialize)]
struct Row {
    user: String,
    #[serde(skip)]
    prefix: String,
    name: Option<String>,
    role: &'static str,
    you: bool,
    devices: usize,
    heard_at: Option<String>,
    #[serde(skip)]
    heard: String,
}

#[derive(Default)]
struct Person {
    role: Option<Role>,
    devices: usize,
    heard: Option<Millis>,
}

impl Members {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_draft(&here.device, workspace)?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let own = here.device.own_user(workspace)?;
        let mut people: BTreeMap<UserId, Person> = BTreeMap::new();
        for member in members.iter().filter(|member| member.active) {
            let person = people.entry(member.user).or_default();
            person.role = member.role;
            person.devices += 1;
            person.heard = person.heard.max(member.heard);
        }
        let row = |(user, person): (UserId, Person)| Row {
            user: user.to_string(),
            prefix: called.user_prefix(user),
            name: called.user_name(user).map(str::to_owned),
            role: if person.role == Some(Role::Owner) { "owner" } else { "member" },
            you: user == own,
            devices: person.devices,
            heard_at: person.heard.and_then(iso),
            heard: if user == own { "this is you".to_owned() } else { heard(person.heard, now) },
        };
        invocation.answer(&Rows(people.into_iter().map(row).collect()))
    }
}

/// When somebody was last heard.
pub(in crate::command) fn heard(at: Option<Millis>, now: Millis) -> String {
    at.map_or_else(|| "nothing yet".to_owned(), |at| ago(at.min(now), now))
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["ID", "NAME", "ROLE", "DEVICES", "LAST HEARD"]).cutting(&["NAME"]);
        for row in &self.0 {
            table.row(vec![
                row.prefix.clone(),
                OneLine(row.name.as_deref().unwrap_or_default()).to_string(),
                row.role.to_owned(),
                row.devices.to_string(),
                row.heard.clone(),
            ]);
        }
        table.fmt(f)
    }
}
