//! `bowline memory show`: what an agent knows about its person, or one of the files.

use std::fmt;

use bowline_engine::document::{FilePath, Kind, TextFile};
use clap::Args;
use serde::Serialize;

use crate::documents::{self, Whereabouts};
use crate::error::{CommandError, Kind as ErrorKind};
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe, Table, count, grouped};

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
    files: Vec<File>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

#[derive(Serialize)]
struct File {
    path: String,
    text: String,
    conflicts_with: Option<String>,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let (_, id) = documents::find(&here.device, &[Kind::Memory], &self.id)?;
        let shown = here.device.show_memory(id, invocation.now())?;
        for issue in &shown.issues {
            invocation.warn(format_args!("{}", documents::issue(issue)));
        }
        let mut files = shown.files.into_iter().map(File::from);
        if let Some(path) = &self.file {
            let file = files.find(|file| file.path == *path).ok_or_else(|| {
                CommandError::new(
                    ErrorKind::NotFound,
                    format!("The memory has no file \"{}\"", OneLine(path)),
                )
                .hint("`bowline memory show ID` lists its files")
            })?;
            return show_file(invocation, &file);
        }
        let prefix = documents::prefixes(&here.device)?.shorten(id);
        let answer = Memory {
            id: id.to_string(),
            prefix,
            agent: shown.name,
            files: files.collect(),
            whereabouts: Whereabouts::of(&here.device, id)?,
        };
        invocation.answer(&answer)
    }
}

impl From<TextFile> for File {
    fn from(file: TextFile) -> Self {
        let conflicts_with = file.conflicts_with.as_ref().map(FilePath::to_string);
        Self { path: file.path.to_string(), text: file.text, conflicts_with }
    }
}

fn show_file(invocation: &mut Invocation<'_>, file: &File) -> Result<(), CommandError> {
    if invocation.is_json() {
        return invocation.answer_in_json(file);
    }
    let safe = invocation.host.terminal.stdout.then(|| Safe(&file.text).to_string());
    invocation.print(safe.as_ref().unwrap_or(&file.text).as_bytes())
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files.len(), "file");
        let agent = documents::title(&self.agent);
        writeln!(f, "What {agent} knows\n{} · {files} · {}", self.prefix, self.whereabouts)?;
        if self.files.is_empty() {
            return Ok(());
        }
        let mut table = Table::default();
        for file in &self.files {
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
}
