//! `bowline skill show`: a skill, or one of its files.

use std::fmt;

use bowline_engine::device::ShownSkill;
use bowline_engine::document::{FileContent, FilePath, SkillFile, Version};
use clap::Args;
use serde::Serialize;

use crate::command::kind::{InVersion, Named};
use crate::documents::{self, Whereabouts};
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe, Table, count, grouped};

/// Show a skill, or one of its files
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline skill show 81c0\n  bowline skill show 81c0 --file SKILL.md")]
pub(crate) struct Show {
    /// Which skill: its name, or the beginning of its id
    id: String,
    /// Only what is in this file, as it is
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

#[derive(Serialize)]
struct Skill {
    id: String,
    #[serde(skip)]
    prefix: String,
    name: String,
    description: Option<String>,
    files: Vec<File>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

#[derive(Serialize)]
struct File {
    path: String,
    /// `None` if it is not text: `skill export` has it.
    text: Option<String>,
    bytes: usize,
    executable: bool,
    conflicts_with: Option<String>,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut named = Named::<ShownSkill>::read_to_show(invocation, &self.id)?;
        if let Some(path) = &self.file {
            let file = named.file(path)?.clone();
            let version = named.seen_file(invocation, path)?;
            return show_file(invocation, &file, &version);
        }
        let (prefix, whereabouts) = (named.prefix()?, named.whereabouts()?);
        let Named { id, document, .. } = named;
        invocation.answer(&Skill {
            id: id.to_string(),
            prefix,
            name: document.name,
            description: document.description,
            files: document.files.iter().map(File::from).collect(),
            whereabouts,
        })
    }
}

impl From<&SkillFile> for File {
    fn from(file: &SkillFile) -> Self {
        Self {
            path: file.path.to_string(),
            bytes: file.content.as_bytes().len(),
            text: match &file.content {
                FileContent::Text(text) => Some(text.clone()),
                FileContent::Bytes(_) => None,
            },
            executable: file.executable,
            conflicts_with: file.conflicts_with.as_ref().map(FilePath::to_string),
        }
    }
}

fn show_file(
    invocation: &mut Invocation<'_>,
    file: &SkillFile,
    version: &Version,
) -> Result<(), CommandError> {
    if invocation.is_json() {
        return invocation
            .answer_in_json(&InVersion { file: &File::from(file), version: version.to_string() });
    }
    if !invocation.host.terminal.stdout {
        return invocation.print(file.content.as_bytes());
    }
    match &file.content {
        FileContent::Text(text) => invocation.print(Safe(text).to_string().as_bytes()),
        FileContent::Bytes(_) => Err(CommandError::new(
            ErrorCode::NotForTerminals,
            "This file is not text, and a terminal shows text only",
        )
        .hint("send it into a file with `>`, or `bowline skill export` the skill")),
    }
}

impl fmt::Display for Skill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files.len(), "file");
        writeln!(f, "{}\n{} · {files} · {}", documents::title(&self.name), self.prefix, self.whereabouts)?;
        if let Some(description) = &self.description {
            writeln!(f, "\n{}", Safe(description))?;
        }
        if self.files.is_empty() {
            return Ok(());
        }
        let mut table = Table::default();
        for file in &self.files {
            let conflict = file.conflicts_with.as_ref();
            let notes = [
                file.text.is_none().then(|| "not text".to_owned()),
                file.executable.then(|| "can be run".to_owned()),
                conflict.map(|path| format!("was written as {} elsewhere", OneLine(path))),
            ];
            table.row(vec![
                format!("  {}", OneLine(&file.path)),
                format!("{} bytes", grouped(file.bytes as u64)),
                notes.into_iter().flatten().collect::<Vec<_>>().join(", "),
            ]);
        }
        write!(f, "\nFiles:\n{table}")
    }
}
