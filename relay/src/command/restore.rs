//! `bowline-relay restore`: going on from a backup.

use std::path::PathBuf;

use bowline_relay::data::DataFolder;
use clap::Args;
use getrandom::SysRng;
use rand_core::UnwrapErr;
use serde::Serialize;

use super::error::CommandError;
use super::output;

/// Go on from a backup. Devices notice, and send again what it lacks. Without it, a relay that was put back to an older state is
/// found to misbehave.
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// What `bowline-relay backup` has made, to make a new folder of. Left away, DIR is a folder that was put back as it is.
    copy: Option<PathBuf>,
    /// The relay's folder. No relay may be serving it; with COPY, there must be nothing of that name.
    #[arg(long, value_name = "DIR", env = "BOWLINE_RELAY_DATA")]
    data: PathBuf,
    /// Answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Restored {
    data: String,
    workspaces: Vec<GoesOn>,
}

/// A workspace whose log goes on.
#[derive(Debug, Serialize)]
struct GoesOn {
    id: String,
    /// Entries that the backup has.
    entries: u64,
}

impl Restore {
    pub(crate) fn run(self) -> Result<(), CommandError> {
        let mut rng = UnwrapErr(SysRng);
        let logs = match &self.copy {
            Some(copy) => DataFolder::restore_copy(copy, &self.data, &mut rng)?,
            None => DataFolder::open(&self.data)?.restore(&mut rng)?,
        };
        let data = self.data.display().to_string();
        let goes_on = |log: &bowline_relay::restore::RestoredLog| GoesOn {
            id: log.workspace.to_string(),
            entries: log.position.0,
        };
        let restored = Restored { data, workspaces: logs.iter().map(goes_on).collect() };
        if self.json {
            return output::print_json(&restored);
        }
        let Restored { data, workspaces } = restored;
        output::print(&format!("Restored {} workspaces in {data}\n", workspaces.len()))?;
        output::say(&format!(
            "Next: `bowline-relay serve --data {data}`. Devices notice and send again what the backup lacks.\n\
             Then make a new backup: this one cannot be restored a second time."
        ));
        Ok(())
    }
}
