//! An agent as files: its own under their paths, and its fields in one beside them.

use bowline_wire::ids::DocId;
use serde_json::{Map, Value, json};

use super::read::{Agent, AgentField, AgentValues};
use crate::document::edit::files::FilePath;
use crate::document::kinds::definition::ExportedFile;

/// Name of the file that holds the fields.
const FIELDS: &str = "agent.json";

impl Agent<'_> {
    /// The agent's files, and its fields as JSON in `agent.json`. If the agent has a file of that name, that file is
    /// exported and the fields are left out.
    pub(super) fn export(self, id: DocId) -> Vec<ExportedFile> {
        let mut files = ExportedFile::of_texts(self.files());
        let is_taken = |path: &FilePath| files.iter().any(|file| file.path == *path);
        if let Some(path) = FilePath::parse(FIELDS).ok().filter(|path| !is_taken(path)) {
            files.push(ExportedFile::new(path, format!("{:#}\n", self.fields(id)).into_bytes()));
        }
        files
    }

    fn fields(self, id: DocId) -> Value {
        json!({
            "id": id.to_string(),
            "name": self.field(AgentField::Name).unwrap_or_default(),
            "description": self.field(AgentField::Description),
            "model": self.field(AgentField::Model),
            "tools": self.values_as_json(AgentValues::Tools),
            "guardrails": self.values_as_json(AgentValues::Guardrails),
            "params": self.values_as_json(AgentValues::Params),
            "schedules": self.values_as_json(AgentValues::Schedules),
        })
    }

    fn values_as_json(self, of: AgentValues) -> Map<String, Value> {
        self.values(of).into_iter().map(|(name, value)| (name, value.to_value())).collect()
    }
}
