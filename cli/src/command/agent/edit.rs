//! `bowline agent edit`: changes fields and files of an agent.

use std::path::PathBuf;

use bowline_engine::document::{AgentEdit, AgentField, Kind};
use clap::Args;

use super::source::{self, agent_path};
use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::syncing;

/// Change fields and files of an agent
///
/// A file is written as the difference to what it was, so what another device writes into it at the same time stays.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline agent edit 81c0 --from AGENTS.md
  bowline agent edit 81c0 --from notes.txt --as memory/notes.md
  bowline agent edit 81c0 --model some-model --description \"Knows what is in the fridge\"")]
pub(crate) struct Edit {
    /// Which agent: its name, or the beginning of its id
    id: String,
    /// A file to write into it, or a folder of them
    #[arg(long, value_name = "FILE|DIR")]
    from: Option<PathBuf>,
    /// The file's path in the agent [default: its name]
    #[arg(long = "as", value_name = "PATH", requires = "from")]
    under: Option<String>,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    /// What it is for; empty for nothing
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The model it runs on; empty for none
    #[arg(long)]
    model: Option<String>,
    /// A file to remove from it
    #[arg(long, value_name = "PATH")]
    remove_file: Vec<String>,
}

impl Edit {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut edit = AgentEdit::default();
        let fields = [
            (AgentField::Name, &self.name),
            (AgentField::Description, &self.description),
            (AgentField::Model, &self.model),
        ];
        for (field, text) in fields {
            if let Some(text) = text {
                edit.set(field, Some(text.as_str()).filter(|text| !text.is_empty()));
            }
        }
        for path in &self.remove_file {
            edit.remove_file(agent_path(path)?);
        }
        if let Some(from) = &self.from {
            for file in source::read(invocation, from, self.under.as_deref())? {
                edit.write_file(file.path, &file.text);
            }
        }
        if edit.is_empty() {
            return Err(CommandError::new(ErrorCode::NothingToChange, "There is nothing to change")
                .hint("say what: --from FILE, --name, --description, --model or --remove-file; see `bowline agent edit --help`"));
        }
        let mut here = invocation.open()?;
        let id = documents::find_one(&here.device, Kind::Agent, &self.id)?;
        here.device.edit_agent(id, &edit, invocation.now())?;
        syncing::after_edit(invocation, &here, id)?;
        invocation.answer_in_json(&serde_json::json!({ "id": id.to_string() }))
    }
}
