//! `bowline-relay workspace`: which workspaces there are, and deleting one.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bowline_relay::data::DataFolder;
use bowline_relay::storage::sqlite::WorkspaceStats;
use bowline_wire::draft::DRAFT;
use bowline_wire::ids::WorkspaceId;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::error::{self, CommandError, ErrorCode};
use super::output;
use super::size::Size;

/// Digits of a workspace's id that lists show: enough to tell any two apart that are not made to look alike.
const SHOWN_DIGITS: usize = 16;

/// List or delete workspaces.
#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    List(List),
    Delete(Delete),
}

/// List the workspaces, the one last written to first. Works while the relay serves.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The relay's folder.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Delete a workspace from this relay for good, and what restores have noted of it. Devices keep what they have, and backups too.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// The workspace's id, or the beginning of it.
    id: String,
    /// The relay's folder. No relay may be serving it.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Really delete it.
    #[arg(long)]
    yes: bool,
}

impl Workspace {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        match self {
            Self::List(list) => list.run(),
            Self::Delete(delete) => delete.run(),
        }
    }
}

#[derive(Debug, Serialize)]
struct Listed {
    id: String,
    devices: u64,
    content_entries: u64,
    control_entries: u64,
    bytes: u64,
    created: String,
    appended: String,
    state: LogState,
}

/// Whether this version serves a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum LogState {
    /// Devices are served.
    Served,
    /// An earlier version made the log, and nobody can go on with it.
    Old,
    /// A later version made the log: this program has to be updated.
    New,
}

impl LogState {
    fn of(draft: u16) -> Self {
        match draft.cmp(&DRAFT) {
            Ordering::Less => Self::Old,
            Ordering::Equal => Self::Served,
            Ordering::Greater => Self::New,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

impl From<WorkspaceStats> for Listed {
    fn from(stats: WorkspaceStats) -> Self {
        Self {
            id: stats.workspace.to_string(),
            devices: stats.devices,
            content_entries: stats.content_entries,
            control_entries: stats.control_entries,
            bytes: stats.usage.content.saturating_add(stats.usage.control),
            created: output::time(stats.created),
            appended: output::time(stats.appended),
            state: LogState::of(stats.draft),
        }
    }
}

impl List {
    fn run(self) -> Result<(), CommandError> {
        let workspaces = workspaces(&self.data)?;
        let listed: Vec<Listed> = workspaces.into_iter().map(Listed::from).collect();
        if self.json {
            return output::print_json(&listed);
        }
        if listed.is_empty() {
            output::say("There is no workspace on this relay yet.");
            return Ok(());
        }
        let heads = ["ID", "DEVICES", "ENTRIES", "SIZE", "CREATED", "LAST WRITTEN", "STATE"];
        let mut rows = vec![heads.map(str::to_owned).to_vec()];
        rows.extend(listed.into_iter().map(|listed| {
            vec![
                listed.id.chars().take(SHOWN_DIGITS).collect(),
                listed.devices.to_string(),
                (listed.content_entries + listed.control_entries).to_string(),
                Size(listed.bytes).to_string(),
                listed.created,
                listed.appended,
                listed.state.word().to_owned(),
            ]
        }));
        output::print(&output::columns(&rows))
    }
}

impl Delete {
    fn run(self) -> Result<(), CommandError> {
        // Locked first, so that what is counted is what is deleted.
        let folder = DataFolder::open(&self.data)?;
        let (all, noted) = (workspaces(&self.data)?, folder.noted()?);
        let id = find(&self.id, all.iter().map(|stats| stats.workspace).chain(noted).collect())?;
        let found = all.into_iter().find(|stats| stats.workspace == id);
        if !self.yes {
            let what = match &found {
                Some(stats) => format!(
                    "workspace {id} has {} entries of {} devices and was not deleted",
                    stats.content_entries + stats.control_entries,
                    stats.devices
                ),
                None => format!("what restores have noted of workspace {id} was not deleted"),
            };
            return Err(CommandError::new(ErrorCode::Unconfirmed, what)
                .hint("add --yes to delete it from this relay for good"));
        }
        // The log first: without what restores have noted, an older database would be served as it is. If only one is done, the command
        // is run again.
        let deleted = folder.database()?.delete(id).map_err(error::database)?;
        folder.forget(id).map_err(|error| {
            CommandError::from(error)
                .hint("the log is gone; run the command again, to delete the keys that restores have noted")
        })?;
        let Some(deleted) = deleted else {
            return output::print(&format!("Deleted what restores had noted of workspace {id}.\n"));
        };
        let freed = Size(deleted.freed);
        if deleted.is_read_elsewhere {
            output::say(
                "Somebody is reading the database: until they are done, its files still hold what was deleted.",
            );
        }
        output::print(&format!("Deleted workspace {id}: {} entries, {freed} freed.\n", deleted.entries))
    }
}

fn workspaces(data: &Path) -> Result<Vec<WorkspaceStats>, CommandError> {
    DataFolder::read_database(data)?.workspaces().map_err(error::database)
}

/// The one workspace whose id begins with `prefix`.
fn find(prefix: &str, all: BTreeSet<WorkspaceId>) -> Result<WorkspaceId, CommandError> {
    let prefix = prefix.to_ascii_lowercase();
    let is_id = (1..=2 * WorkspaceId::LEN).contains(&prefix.len());
    if !is_id || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CommandError::new(
            ErrorCode::NotAnId,
            format!("{prefix:?} is not the beginning of a workspace's id"),
        )
        .hint("an id is made of the digits 0 to 9 and a to f; `bowline-relay workspace list` shows them"));
    }
    let mut fitting = all.into_iter().filter(|id| id.to_string().starts_with(&prefix));
    match (fitting.next(), fitting.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(CommandError::new(
            ErrorCode::NoWorkspace,
            format!("no workspace here has an id that begins with {prefix}"),
        )
        .hint("`bowline-relay workspace list` shows which there are")),
        (Some(_), Some(_)) => Err(CommandError::new(
            ErrorCode::Ambiguous,
            format!("more than one workspace here has an id that begins with {prefix}"),
        )
        .hint("give more of its digits; `bowline-relay workspace list` shows them")),
    }
}
