//! `bowline agent show`: an agent, or one of its files.

use std::collections::BTreeMap;
use std::fmt;

use bowline_engine::document::{FilePath, Json};
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::documents::{self, Whereabouts};
use crate::error::{CommandError, Kind};
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe, Table, count, grouped};

/// Show an agent, or one of its files
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline agent show 81c0\n  bowline agent show 81c0 --file AGENTS.md")]
pub(crate) struct Show {
    /// Which agent: its name, or the beginning of its id
    id: String,
    /// Only this file's text, as it is
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

#[derive(Serialize)]
struct Agent {
    id: String,
    #[serde(skip)]
    prefix: String,
    name: String,
    description: Option<String>,
    model: Option<String>,
    tools: Values,
    guardrails: Values,
    params: Values,
    schedules: Values,
    files: Vec<File>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

type Values = BTreeMap<String, Option<Box<RawValue>>>;

#[derive(Serialize)]
struct File {
    path: String,
    text: String,
    conflicts_with: Option<String>,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let id = super::find(&here.device, &self.id)?;
        let shown = here.device.show_agent(id, invocation.now())?;
        for issue in &shown.issues {
            invocation.warn(format_args!("{}", documents::issue(issue)));
        }
        let mut files = shown.files.into_iter().map(|file| File {
            path: file.path.to_string(),
            text: file.text,
            conflicts_with: file.conflicts_with.as_ref().map(FilePath::to_string),
        });
        if let Some(path) = &self.file {
            let file = files.find(|file| file.path == *path).ok_or_else(|| {
                CommandError::new(Kind::NotFound, format!("The agent has no file \"{}\"", OneLine(path)))
                    .hint("`bowline agent show ID` lists its files")
            })?;
            return show_file(invocation, &file);
        }
        let prefix = documents::prefixes(&here.device)?.shorten(id);
        let answer = Agent {
            id: id.to_string(),
            prefix,
            name: shown.name,
            description: shown.description,
            model: shown.model,
            tools: values(shown.tools),
            guardrails: values(shown.guardrails),
            params: values(shown.params),
            schedules: values(shown.schedules),
            files: files.collect(),
            whereabouts: Whereabouts::of(&here.device, id)?,
        };
        invocation.answer(&answer)
    }
}

fn values(values: BTreeMap<String, Json>) -> Values {
    values
        .into_iter()
        .map(|(name, value)| (name, RawValue::from_string(value.as_str().to_owned()).ok()))
        .collect()
}

fn show_file(invocation: &mut Invocation<'_>, file: &File) -> Result<(), CommandError> {
    if invocation.is_json() {
        return invocation.answer_in_json(file);
    }
    let safe = invocation.host.terminal.stdout.then(|| Safe(&file.text).to_string());
    invocation.print(safe.as_ref().unwrap_or(&file.text).as_bytes())
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = count(self.files.len(), "file");
        writeln!(f, "{}\n{} · {files} · {}", documents::title(&self.name), self.prefix, self.whereabouts)?;
        if let Some(model) = &self.model {
            writeln!(f, "Model: {}", OneLine(model))?;
        }
        if let Some(description) = &self.description {
            writeln!(f, "\n{}", Safe(description))?;
        }
        for (title, values) in [
            ("Tools", &self.tools),
            ("Guardrails", &self.guardrails),
            ("Parameters", &self.params),
            ("Schedules", &self.schedules),
        ] {
            if values.is_empty() {
                continue;
            }
            writeln!(f, "\n{title}:")?;
            for (name, value) in values {
                writeln!(
                    f,
                    "  {}: {}",
                    OneLine(name),
                    OneLine(value.as_ref().map_or("null", |value| value.get()))
                )?;
            }
        }
        if self.files.is_empty() {
            return Ok(());
        }
        let mut table = Table::default();
        for file in &self.files {
            let note =
                file.conflicts_with.as_ref().map(|path| format!("was begun as {} elsewhere", OneLine(path)));
            let path = format!("  {}", OneLine(&file.path));
            table.row(vec![
                path,
                format!("{} bytes", grouped(file.text.len() as u64)),
                note.unwrap_or_default(),
            ]);
        }
        write!(f, "\nFiles:\n{table}")
    }
}
