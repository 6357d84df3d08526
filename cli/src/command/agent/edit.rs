//! `bowline agent edit`: changes fields and files of an agent.

use bowline_engine::device::{FilesEdit, ShownAgent};
use bowline_engine::document::{AgentEdit, AgentField};
use clap::Args;

use crate::command::kind::FileEdits;
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::workspaces::new_name;

/// Change fields and files of an agent, or one file in your editor
///
/// What others wrote since the version that you say with --base stays, and so it does if you edit in an editor.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline agent edit 81c0
  bowline agent edit 81c0 --from AGENTS.md --base 5f0c91d2a7e3
  bowline agent edit 81c0 --from notes.txt --as memory/notes.md
  bowline agent edit 81c0 --model some-model --description \"Knows what is in the fridge\"")]
pub(crate) struct Edit {
    /// Which agent: its name, or the beginning of its id
    id: String,
    #[command(flatten)]
    files: FileEdits,
    /// What it is called
    #[arg(long)]
    name: Option<String>,
    /// What it is for; empty for nothing
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The model it runs on; empty for none
    #[arg(long)]
    model: Option<String>,
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
        if let Some(name) = &self.name {
            new_name(name)?;
        }
        self.files.run::<ShownAgent>(invocation, &self.id, FilesEdit::Agent(edit))
    }
}
