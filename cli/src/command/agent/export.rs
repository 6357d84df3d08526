//! `bowline agent export`: an agent's files and fields into a folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bowline_engine::device::ShownAgent;
use bowline_engine::document::Json;
use clap::Args;

use crate::command::kind::Named;
use crate::error::CommandError;
use crate::files;
use crate::invocation::Invocation;

/// Name of the file that holds the fields.
const FIELDS: &str = "agent.json";

/// Export an agent's files into a folder
///
/// Its files come under their paths, and its fields into agent.json. The folder must be empty or not be there.
#[derive(Args, Debug)]
pub(crate) struct Export {
    /// Which agent: its name, or the beginning of its id
    id: String,
    /// Into which folder
    #[arg(long, short, value_name = "DIR")]
    output: PathBuf,
}

impl Export {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let named = Named::<ShownAgent>::read(invocation, &self.id)?;
        let unpacked = named.unpack(&self.output)?;
        let Named { id, document: shown, .. } = named;
        let value = |values: BTreeMap<String, Json>| {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap_or_default();
            values
                .into_iter()
                .map(|(name, value)| (name, parsed(value.as_str())))
                .collect::<serde_json::Map<_, _>>()
        };
        let fields = serde_json::json!({
            "id": id.to_string(),
            "name": shown.name,
            "description": shown.description,
            "model": shown.model,
            "tools": value(shown.tools),
            "guardrails": value(shown.guardrails),
            "params": value(shown.params),
            "schedules": value(shown.schedules),
        });
        let path = self.output.join(FIELDS);
        // An agent may have a file of that name: that one is its own, and the fields are in `agent show --json`.
        if path.exists() {
            invocation
                .warn(format_args!("the agent has a file {FIELDS} of its own: its fields were not written"));
        } else {
            files::write_new(&path, format!("{fields:#}\n").as_bytes())?;
        }
        unpacked.finish(id, invocation)
    }
}
