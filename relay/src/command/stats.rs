//! `bowline-relay stats`: what is stored, in numbers.

use std::path::PathBuf;

use bowline_relay::data::DataFolder;
use clap::Args;
use serde::Serialize;

use super::error::{self, CommandError};
use super::output;
use super::size::Size;

/// Say how much is stored. Works while the relay serves.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The relay's folder.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Serialize)]
struct Totals {
    workspaces: usize,
    /// Devices that have written, counted once for each workspace.
    devices: u64,
    entries: Lanes,
    bytes: Lanes,
    /// Bytes of the database file.
    file: u64,
}

#[derive(Debug, Default, Serialize)]
struct Lanes {
    content: u64,
    control: u64,
}

impl Stats {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let database = DataFolder::read_database(&self.data)?;
        let workspaces = database.workspaces().map_err(error::database)?;
        let mut totals = Totals {
            workspaces: workspaces.len(),
            file: database.file_bytes().map_err(error::database)?,
            ..Totals::default()
        };
        for workspace in workspaces {
            totals.devices += workspace.devices;
            totals.entries.content += workspace.content_entries;
            totals.entries.control += workspace.control_entries;
            totals.bytes.content = totals.bytes.content.saturating_add(workspace.usage.content);
            totals.bytes.control = totals.bytes.control.saturating_add(workspace.usage.control);
        }
        if self.json { output::print_json(&totals) } else { output::print(&totals.to_text()) }
    }
}

impl Totals {
    fn to_text(&self) -> String {
        let Self { workspaces, devices, entries, bytes, file } = self;
        let (content, control) = (Size(bytes.content), Size(bytes.control));
        let rows = [
            ("workspaces", workspaces.to_string()),
            ("devices", devices.to_string()),
            ("entries", format!("{} content, {} control", entries.content, entries.control)),
            ("bytes", format!("{content} content, {control} control")),
            ("database", Size(*file).to_string()),
        ];
        output::columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
    }
}
