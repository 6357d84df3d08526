//! `edit` of skills and memories: their name and their files.

use bowline_engine::device::FilesEdit;
use clap::Args;

use super::KindOfFiles;
use super::edit::FileEdits;
use super::source::no_files;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::workspaces::new_name;

/// Change the name and files, or one file in your editor
#[derive(Args, Debug)]
pub(crate) struct Edit {
    /// Which one: its name, or the beginning of its id
    id: String,
    #[command(flatten)]
    files: FileEdits,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
}

impl Edit {
    pub(in crate::command) fn run<D: KindOfFiles>(
        self,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        let mut edit = FilesEdit::of(D::KIND).ok_or_else(no_files)?;
        if let Some(name) = &self.name {
            edit.set_name(new_name(name)?);
        }
        self.files.run::<D>(invocation, &self.id, edit)
    }
}
