//! `bowline memory export`: its files into a folder.

use std::path::PathBuf;

use bowline_engine::document::Kind;
use clap::Args;

use crate::documents;
use crate::error::CommandError;
use crate::files::Unpacked;
use crate::invocation::Invocation;

/// Export a memory's files into a folder
///
/// Its files come under their paths. The folder must be empty or not be there.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Which memory: its agent's name, or the beginning of its id
    id: String,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

impl Export {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let (_, id) = documents::find(&here.device, &[Kind::Memory], &self.id)?;
        let shown = here.device.show_memory(id, invocation.now())?;
        let mut unpacked = Unpacked::into(&self.output)?;
        for file in &shown.files {
            unpacked.write(file.path.as_str(), file.text.as_bytes(), false)?;
        }
        unpacked.finish(id, invocation)
    }
}
