//! `bowline agent new`: makes an agent.

use std::fmt;
use std::path::PathBuf;

use bowline_engine::document::{AgentEdit, AgentField};
use clap::Args;
use serde::Serialize;

use super::source;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;

/// Make an agent; prints its id
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline agent new Cook\n  bowline agent new Cook --from ./cook")]
pub(crate) struct New {
    /// What it is called
    name: String,
    /// A file for it, or a folder with its files
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<PathBuf>,
}

#[derive(Serialize)]
struct Created {
    id: String,
    workspace: Option<String>,
    files: usize,
}

impl New {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some(&self.name));
        let sources = match &self.from {
            Some(from) => source::read(invocation, from, None)?,
            None => Vec::new(),
        };
        let files = sources.len();
        for file in sources {
            edit.write_file(file.path, &file.text);
        }
        let mut here = invocation.open()?;
        let now = invocation.now();
        let id = here.device.create_agent_with(&edit, now)?;
        let workspace = here.device.current_workspace()?;
        invocation.answer(&Created {
            id: id.to_string(),
            workspace: workspace.map(|it| it.to_string()),
            files,
        })?;
        syncing::after_edit(invocation, &here, id)
    }
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}
