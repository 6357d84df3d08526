//! `new` of every kind that has files: makes a document with a name and files of this machine.

use std::fmt;
use std::path::PathBuf;

use bowline_engine::device::FilesEdit;
use clap::Args;
use serde::Serialize;

use super::KindInFull;
use super::edit::add;
use super::source::{self, Taking, no_files};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::syncing;
use crate::workspaces::new_name;

/// Make one; prints its id
#[derive(Args, Debug)]
pub(crate) struct New {
    /// What it is called
    name: String,
    /// A file for it, or a folder with its files
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<PathBuf>,
    /// Take a file also if something in it looks like a secret
    #[arg(long)]
    allow_secret: bool,
}

#[derive(Serialize)]
struct Created {
    id: String,
    workspace: Option<String>,
    files: usize,
}

impl New {
    pub(in crate::command) fn run<D: KindInFull>(
        self,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let mut edit = FilesEdit::of(D::KIND).ok_or_else(no_files)?;
        edit.set_name(new_name(&self.name)?);
        let taking = Taking { kind: D::KIND, allow_secret: self.allow_secret };
        let sources = match &self.from {
            Some(from) => source::read(invocation, taking, from, None)?,
            None => Vec::new(),
        };
        for source in &sources {
            add(&mut edit, source)?;
        }
        let mut here = invocation.open()?;
        let id = here.device.create_files(&edit, invocation.now())?;
        let workspace = here.device.find(id)?.workspace();
        invocation.answer(&Created {
            id: id.to_string(),
            workspace: workspace.map(|it| it.to_string()),
            files: sources.len(),
        })?;
        syncing::after_edit(invocation, &here, id)
    }
}

impl fmt::Display for Created {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.id)
    }
}
