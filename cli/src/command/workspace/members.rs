//! `bowline workspace members`: who is in a workspace.

use std::collections::BTreeMap;
use std::fmt;

use bowline_engine::ids::{Millis, UserId};
use bowline_engine::{RecordBytes, Role};
use clap::Args;
use serde::Serialize;

use crate::comings::{Came, Comings};
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
    /// Those who were removed or have left as well
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Rows(Vec<Row>);

/// How somebody stands in it.
#[derive(Serialize)]
struct Standing {
    /// Whether they are in.
    active: bool,
    /// Whether the ownership is on offer to them.
    offered: bool,
    /// What they have written of records and may; `null` for the owner, who is bound by nothing, and for who is out.
    records: Option<Records>,
}

/// Bytes of records about people and keys.
#[derive(Serialize)]
struct Records {
    written: u64,
    allowed: u64,
    /// Whether less than a quarter is left.
    scarce: bool,
}

impl From<RecordBytes> for Records {
    fn from(bytes: RecordBytes) -> Self {
        Self { written: bytes.written(), allowed: bytes.allowed(), scarce: bytes.are_scarce() }
    }
}

#[derive(Serialize)]
struct Row {
    user: String,
    #[serde(skip)]
    prefix: String,
    name: Option<String>,
    role: &'static str,
    you: bool,
    #[serde(flatten)]
    standing: Standing,
    /// How many of their devices are in, a recovery phrase not counted.
    devices: usize,
    /// Whether they have a recovery phrase in it.
    recovery_phrase: bool,
    #[serde(flatten)]
    came: Came,
    heard_at: Option<String>,
    #[serde(skip)]
    heard: String,
}

#[derive(Default)]
struct Person {
    role: Option<Role>,
    devices: usize,
    phrase: bool,
    heard: Option<Millis>,
}

impl Person {
    fn is_in(&self) -> bool {
        self.devices > 0 || self.phrase
    }
}

impl Members {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let now = invocation.now();
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        workspaces::check_draft(&here.device, workspace)?;
        let status = here.device.status(workspace)?;
        let (members, offered_to) = (status.members, status.offer.map(|offer| offer.to));
        let called = Called::load(&mut here.device, workspace, &members, now)?;
        let own = here.device.own_user(workspace)?;
        let comings = Comings::load(&here.device, workspace, &members, &called, now)?;
        let mut people: BTreeMap<UserId, Person> = BTreeMap::new();
        for member in &members {
            let person = people.entry(member.user).or_default();
            person.role = member.role;
            person.devices += usize::from(member.active && !member.recovery);
            person.phrase |= member.active && member.recovery;
            // A device that is out says nothing about whether its person can be reached.
            let heard = member.heard.filter(|_| member.active);
            person.heard = person.heard.max(heard);
        }
        people.retain(|_, person| self.all || person.is_in());
        let row = |(user, person): (UserId, Person), came: Came| Row {
            user: user.to_string(),
            prefix: called.user_prefix(user),
            name: called.user_name(user).map(str::to_owned),
            role: workspaces::role_word(person.role.unwrap_or(Role::Member)),
            you: user == own,
            standing: Standing {
                active: person.is_in(),
                offered: offered_to == Some(user),
                records: status.record_bytes.get(&user).copied().map(Records::from),
            },
            devices: person.devices,
            recovery_phrase: person.phrase,
            heard_at: person.heard.and_then(iso),
            heard: match &came.shown_removal {
                Some(removal) => removal.clone(),
                None if user == own => "this is you".to_owned(),
                None => heard(person.heard, now),
            },
            came,
        };
        let rows = people.into_iter().map(|(user, person)| row((user, person), comings.of_person(user)));
        invocation.answer(&Rows(rows.collect()))
    }
}

/// When somebody was last heard.
pub(in crate::command) fn heard(at: Option<Millis>, now: Millis) -> String {
    at.map_or_else(|| "nothing yet".to_owned(), |at| ago(at.min(now), now))
}

impl Row {
    /// The role, and what is to be known beside it.
    fn in_words(&self) -> String {
        let offered = if self.standing.offered { ", offered owner" } else { "" };
        let is_short = self.standing.records.as_ref().is_some_and(|records| records.scarce);
        let short = if is_short { ", needs `allow`" } else { "" };
        format!("{}{offered}{short}", self.role)
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new(&["ID", "NAME", "ROLE", "DEVICES", "SINCE", "LET IN BY", "LAST HEARD"]);
        table = table.cutting(&["NAME", "LET IN BY", "LAST HEARD"]);
        for row in &self.0 {
            table.row(vec![
                row.prefix.clone(),
                OneLine(row.name.as_deref().unwrap_or_default()).to_string(),
                row.in_words(),
                if row.recovery_phrase {
                    format!("{} + phrase", row.devices)
                } else {
                    row.devices.to_string()
                },
                row.came.shown_since.clone(),
                row.came.shown_by.clone(),
                row.heard.clone(),
            ]);
        }
        table.fmt(f)
    }
}
