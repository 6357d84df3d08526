//! A list of documents as a table, or for programs.

use std::fmt;

use bowline_engine::Device;
use bowline_engine::device::{Listed, Marks, OnlyHere};
use bowline_engine::ids::Millis;
use serde::Serialize;

use crate::documents::{self, Whereabouts};
use crate::error::CommandError;
use crate::text::{OneLine, Table, fit, grouped};
use crate::time::{ago, iso};
use crate::workspaces::WorkspaceNames;

/// Columns of a terminal that a title may take on however wide a terminal.
const TITLE_COLUMNS: usize = 60;

/// What the columns of a list are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    count: &'static str,
    title: &'static str,
}

impl Columns {
    pub(crate) const CHATS: Self = Self { count: "ENTRIES", title: "TITLE" };
    pub(crate) const FILES: Self = Self { count: "FILES", title: "NAME" };
    pub(crate) const OF_AGENTS: Self = Self { count: "FILES", title: "AGENT" };
}

/// Documents as lists show them.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct List {
    rows: Vec<Row>,
    #[serde(skip)]
    columns: Columns,
    /// This device is in several workspaces, so a row says in which one its document is.
    #[serde(skip)]
    says_workspace: bool,
}

#[derive(Serialize)]
struct Row {
    id: String,
    #[serde(skip)]
    prefix: String,
    title: String,
    workspace: Option<String>,
    #[serde(skip)]
    workspace_name: String,
    #[serde(flatten)]
    whereabouts: Whereabouts,
    /// How much is only here beside what the workspace has; `null` if it was not counted yet.
    only_here: Option<u64>,
    /// How many entries of it the relay holds back.
    withheld: u64,
    count: u64,
    preview: String,
    updated_at: Option<String>,
    deleted_at: Option<String>,
    #[serde(flatten)]
    filed: Option<Filed>,
    #[serde(skip)]
    age: String,
}

impl Row {
    /// Where the document is, and how much of it does not come.
    fn place(&self) -> String {
        let place = self.whereabouts.place(self.only_here);
        if self.withheld == 0 { place } else { format!("{place}, {} held back", grouped(self.withheld)) }
    }
}

/// How a conversation is filed.
#[derive(Serialize)]
pub(crate) struct Filed {
    pinned: bool,
    archived: bool,
    labels: Vec<String>,
}

impl From<Marks> for Filed {
    fn from(Marks { pinned, archived, labels }: Marks) -> Self {
        Self { pinned, archived, labels }
    }
}

impl fmt::Display for Filed {
    /// `pinned, #garden, #home`; nothing if it is not filed at all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let marks = [(self.pinned, "pinned"), (self.archived, "archived")];
        let marks = marks.into_iter().filter(|(on, _)| *on).map(|(_, mark)| mark.to_owned());
        let labels = self.labels.iter().map(|label| format!("#{}", OneLine(label)));
        f.write_str(&marks.chain(labels).collect::<Vec<_>>().join(", "))
    }
}

impl List {
    pub(crate) fn new(
        device: &Device,
        rows: Vec<Listed>,
        columns: Columns,
        now: Millis,
    ) -> Result<Self, CommandError> {
        let prefixes = documents::prefixes(device)?;
        let is_chats = columns == Columns::CHATS;
        let names = WorkspaceNames::load(device);
        let row = |mut listed: Listed| {
            // Written when this computer's clock was ahead: no list says that something happens later.
            listed.updated_at = listed.updated_at.min(now);
            listed.deleted_at = listed.deleted_at.map(|at| at.min(now));
            Ok(Row {
                prefix: prefixes.shorten(listed.id),
                id: listed.id.to_string(),
                workspace: listed.workspace.map(|workspace| workspace.to_string()),
                workspace_name: listed.workspace.map_or_else(|| "-".to_owned(), |it| names.short(it)),
                whereabouts: Whereabouts::of(device, listed.id)?,
                only_here: match listed.only_here {
                    OnlyHere::Nothing => Some(0),
                    OnlyHere::Uncounted => None,
                    OnlyHere::Parts(parts) => Some(parts),
                },
                withheld: listed.withheld.map_or(0, |withheld| withheld.entries),
                count: listed.count,
                age: ago(listed.deleted_at.unwrap_or(listed.updated_at), now),
                updated_at: iso(listed.updated_at),
                deleted_at: listed.deleted_at.and_then(iso),
                title: listed.title,
                preview: listed.preview,
                filed: is_chats.then(|| Filed::from(listed.marks)),
            })
        };
        let rows = rows.into_iter().map(row).collect::<Result<_, CommandError>>()?;
        Ok(Self { rows, columns, says_workspace: device.workspaces().nth(1).is_some() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.is_empty() {
            return Ok(());
        }
        let when = if self.rows.iter().all(|row| row.deleted_at.is_some()) { "DELETED" } else { "UPDATED" };
        let filed = |row: &Row| row.filed.as_ref().map(Filed::to_string).unwrap_or_default();
        let mut columns = vec!["ID", when, self.columns.count, "WHERE"];
        columns.extend(self.says_workspace.then_some("WORKSPACE"));
        columns.push(self.columns.title);
        let shows_filed = self.rows.iter().any(|row| !filed(row).is_empty());
        columns.extend(shows_filed.then_some("FILED"));
        let mut table = Table::new(&columns).cutting(&["WORKSPACE", self.columns.title, "FILED"]);
        for row in &self.rows {
            let mut cells = vec![row.prefix.clone(), row.age.clone(), grouped(row.count), row.place()];
            cells.extend(self.says_workspace.then(|| row.workspace_name.clone()));
            cells.push(fit(&documents::title(&row.title), TITLE_COLUMNS));
            cells.extend(shows_filed.then(|| filed(row)));
            table.row(cells);
        }
        table.fmt(f)
    }
}
