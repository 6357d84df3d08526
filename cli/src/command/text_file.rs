//! Text files of agents and memories, as `show` shows them.

use std::fmt;

use bowline_engine::document::{FilePath, TextFile, Version};
use serde::Serialize;

use crate::command::kind::InVersion;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe, Table, grouped};

/// One text file.
#[derive(Serialize)]
pub(crate) struct ShownFile {
    path: String,
    text: String,
    conflicts_with: Option<String>,
}

impl From<&TextFile> for ShownFile {
    fn from(file: &TextFile) -> Self {
        let conflicts_with = file.conflicts_with.as_ref().map(FilePath::to_string);
        Self { path: file.path.to_string(), text: file.text.clone(), conflicts_with }
    }
}

impl ShownFile {
    /// Prints its text as it is, made harmless on a terminal; for programs, also the version of the document it is from.
    pub(crate) fn print(
        &self,
        version: &Version,
        invocation: &mut Invocation<'_>,
    ) -> Result<(), CommandError> {
        if invocation.is_json() {
            return invocation.answer_in_json(&InVersion { file: self, version: version.to_string() });
        }
        let safe = invocation.host.terminal.stdout.then(|| Safe(&self.text).to_string());
        invocation.print(safe.as_ref().unwrap_or(&self.text).as_bytes())
    }
}

/// The last part of what `show` shows: which files there are, and how large. Nothing if there is none.
pub(crate) fn write_files(f: &mut fmt::Formatter<'_>, files: &[ShownFile]) -> fmt::Result {
    if files.is_empty() {
        return Ok(());
    }
    let mut table = Table::default();
    for file in files {
        let note = file.conflicts_with.as_ref();
        let note = note.map(|path| format!("was begun as {} elsewhere", OneLine(path)));
        table.row(vec![
            format!("  {}", OneLine(&file.path)),
            format!("{} bytes", grouped(file.text.len() as u64)),
            note.unwrap_or_default(),
        ]);
    }
    write!(f, "\nFiles:\n{table}")
}
