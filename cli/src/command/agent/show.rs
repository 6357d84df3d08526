//! `bowline agent show`: an agent, or one of its files.

use std::collections::BTreeMap;
use std::fmt;

use bowline_engine::device::ShownAgent;
use bowline_engine::document::Json;
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::command::kind::Named;
use crate::command::text_file::{ShownFile, write_files};
use crate::documents::{self, Whereabouts};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe, count};

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
    files: Vec<ShownFile>,
    #[serde(flatten)]
    whereabouts: Whereabouts,
}

type Values = BTreeMap<String, Option<Box<RawValue>>>;

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut named = Named::<ShownAgent>::read_to_show(invocation, &self.id)?;
        if let Some(path) = &self.file {
            let file = ShownFile::from(named.file(path)?);
            let version = named.seen_file(invocation, path)?;
            return file.print(&version, invocation);
        }
        let (prefix, whereabouts) = (named.prefix()?, named.whereabouts()?);
        let Named { id, document, .. } = named;
        invocation.answer(&Agent {
            id: id.to_string(),
            prefix,
            name: document.name,
            description: document.description,
            model: document.model,
            tools: values(document.tools),
            guardrails: values(document.guardrails),
            params: values(document.params),
            schedules: values(document.schedules),
            files: document.files.iter().map(ShownFile::from).collect(),
            whereabouts,
        })
    }
}

fn values(values: BTreeMap<String, Json>) -> Values {
    values
        .into_iter()
        .map(|(name, value)| (name, RawValue::from_string(value.as_str().to_owned()).ok()))
        .collect()
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
        write_files(f, &self.files)
    }
}
