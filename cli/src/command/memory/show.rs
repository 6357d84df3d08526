//! `bowline memory show`: what an agent knows about its person, or one of the files.

use std::fmt;

use bowline_engine::device::ShownMemory;
use clap::Args;
use serde::Serialize;

use crate::command::kind::Named;
use crate::command::text_file::{ShownFile, write_files};
use crate::documents::{self, Whereabouts};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::count;

/// Show an agent's memory, or one of its files
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline memory show 81c0\n  bowline memory show 81c0 --file USER.md")]
pub(crate) struct Show {
    /// Which memory: its agent's name, or the beginning of its id
    id: String,
    /// Only this file's text, as it is
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

#[derive(Serialize)]
struct Memory {
    id: String,
    #[serde(skip)]
    prefix: String,
    agent: String,
    files: Vec<ShownFile>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut named = Named::<ShownMemory>::read_to_show(invocation, &self.id)?;
        if let Some(path) = &self.file {
            let file = ShownFile::from(named.file(path)?);
            let version = named.seen_file(invocation, path)?;
            return file.print(&version, invocation);
        }
        let (prefix, whereabouts) = (named.prefix()?, named.whereabouts()?);
        let Named { id, document, .. } = named;
        invocation.answer(&Memory {
            id: id.to_string(),
            prefix,
            agent: document.name,
            files: document.files.iter().map(ShownFile::from).collect(),
            whereabouts,
        })
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files.len(), "file");
        let agent = documents::title(&self.agent);
        writeln!(f, "What {agent} knows\n{} · {files} · {}", self.prefix, self.whereabouts)?;
        write_files(f, &self.files)
    }
}
