//! `bowline agent export`: an agent's files and fields into a folder.

use std::path::PathBuf;

use bowline_engine::document::{ExportedFile, Kind};
use clap::Args;

use crate::command::kind;
use crate::documents;
use crate::error::CommandError;
use crate::files::{self, Unpacked};
use crate::invocation::Invocation;

/// Name of the file that holds the fields.
const FIELDS: &str = "agent.json";

/// Export an agent's files into a folder
///
/// Its files come under their paths, and its fields into agent.json. The folder must be empty or not be there.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Which agent: its name, or the beginning of its id
    id: String,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

impl Export {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let id = documents::find_one(&here.device, Kind::Agent, &self.id)?;
        let shown = here.device.show_agent(id, invocation.now())?;
        let exported = here.device.export(id, invocation.now())?;
        let is_own = |file: &&ExportedFile| shown.files.iter().any(|own| own.path == file.path);
        let (own, fields): (Vec<_>, Vec<_>) = exported.iter().partition(is_own);
        let unpacked = Unpacked::of(own, &self.output)?;
        let path = self.output.join(FIELDS);
        // An agent may have a file of that name: that one is its own, and the fields are in `agent show --json`.
        if path.exists() {
            invocation
                .warn(format_args!("the agent has a file {FIELDS} of its own: its fields were not written"));
        } else {
            for file in fields {
                files::write_new(&path, &file.bytes)?;
            }
        }
        let version = kind::seen_whole(invocation, &mut here.device, id)?;
        unpacked.finish(id, &version, invocation)
    }
}
