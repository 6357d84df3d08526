//! `bowline-relay backup`: a copy of everything, made while the relay serves.

use std::path::PathBuf;

use bowline_relay::data::DataFolder;
use clap::Args;
use serde::Serialize;

use super::error::{self, CommandError};
use super::output;
use super::size::Size;

/// Copy everything the relay keeps into a new folder, its keys and token included. Works while the relay serves.
#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// The folder to make. There must be nothing of that name.
    copy: PathBuf,
    /// The relay's folder.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Copied {
    copy: String,
    workspaces: usize,
    /// Bytes of the copied database file.
    file: u64,
}

impl Backup {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let made = DataFolder::back_up(&self.data, &self.copy)?;
        let copied = Copied {
            copy: self.copy.display().to_string(),
            workspaces: made.workspaces().map_err(error::database)?.len(),
            file: made.file_bytes().map_err(error::database)?,
        };
        if self.json {
            return output::print_json(&copied);
        }
        let Copied { copy, workspaces, file } = copied;
        output::print(&format!("Copied {}, {}, to {copy}\n", output::workspaces(workspaces), Size(file)))?;
        output::say(&format!(
            "It holds the relay's keys and token: keep it as secret as the relay's own folder.\n\
             To go on from it: `bowline-relay restore --data NEW {copy}`, where NEW is not there yet."
        ));
        Ok(())
    }
}
