//! An agent as it is shown: its fields, values and files.

use std::collections::BTreeMap;

use bowline_core::document::{
    AgentField, AgentValues, ChangeHash, Document, Issue, Json, Kind, OtherKind, TextFile,
};
use bowline_wire::ids::DocId;

use crate::documents::edit::View;

/// An agent in full.
#[derive(Clone)]
pub struct ShownAgent {
    /// The document's id.
    pub id: DocId,
    /// What it is called; empty if it has no name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The model it runs on.
    pub model: Option<String>,
    /// What it can call, by name.
    pub tools: BTreeMap<String, Json>,
    /// What it has to keep to, by name.
    pub guardrails: BTreeMap<String, Json>,
    /// Parameters of its model, by name.
    pub params: BTreeMap<String, Json>,
    /// What it does by itself, by the schedule's id.
    pub schedules: BTreeMap<String, Json>,
    /// The files, in order of their paths.
    pub files: Vec<TextFile>,
    /// What could not be shown, or not as meant.
    pub issues: Vec<Issue>,
    /// The document's heads: equal on devices that show the same.
    pub heads: Vec<ChangeHash>,
}

impl std::fmt::Debug for ShownAgent {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ShownAgent");
        shown.field("id", &self.id).field("files", &self.files.len()).field("heads", &self.heads);
        shown.finish_non_exhaustive()
    }
}

impl View for ShownAgent {
    const KIND: Kind = Kind::Agent;

    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind> {
        let agent = document.agent()?;
        Ok(ShownAgent {
            id,
            name: agent.field(AgentField::Name).unwrap_or_default(),
            description: agent.field(AgentField::Description),
            model: agent.field(AgentField::Model),
            tools: agent.values(AgentValues::Tools),
            guardrails: agent.values(AgentValues::Guardrails),
            params: agent.values(AgentValues::Params),
            schedules: agent.values(AgentValues::Schedules),
            files: agent.files(),
            issues: agent.issues(),
            heads: document.heads(),
        })
    }
}
