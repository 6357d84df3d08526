//! What a person does with agents: make, list, show, edit. Deleting, restoring and sharing are as for conversations.

use std::collections::BTreeMap;

use bowline_core::document::{AgentEdit, AgentField, AgentValues, ChangeHash, Issue, Json, Kind, TextFile};
use bowline_wire::ids::{DocId, Millis};

use crate::Error;
use crate::{Device, Listed, Which};

/// An agent in full.
#[derive(Clone)]
pub struct ShownAgent {
    /// Which.
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
    /// Its files, in order of their paths.
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

impl Device {
    /// Makes an agent, in the current workspace or on this device only.
    pub fn create_agent(&mut self, name: &str, now: Millis) -> Result<DocId, Error> {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some(name));
        self.create_agent_with(&edit, now)
    }

    /// Makes an agent with all that an edit says of it: there is nothing of it if the edit is refused.
    pub fn create_agent_with(&mut self, edit: &AgentEdit, now: Millis) -> Result<DocId, Error> {
        self.create(Kind::Agent, now, |document, pen| Ok(document.agent_mut(pen)?.edit(edit)?))
    }

    /// All agents, newest first: those in view, or those in the trash. Loads none of them.
    pub fn agents(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Agent, trash)
    }

    /// An agent in full.
    pub fn show_agent(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownAgent, Error> {
        let found = self.find_of_kind(which, Kind::Agent)?;
        let id = found.id();
        let document = &self.load(&found.row, now)?.document;
        let agent = document.agent().map_err(|_| Error::OtherKind(id))?;
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

    /// Edits an agent: all of it or, with an error, nothing. What the edit does not name stays, and what others write into
    /// the same files meanwhile as well.
    pub fn edit_agent(
        &mut self,
        which: impl Into<Which>,
        edit: &AgentEdit,
        now: Millis,
    ) -> Result<(), Error> {
        let found = self.find_of_kind(which, Kind::Agent)?;
        self.edit(found, now, |document, pen| Ok(document.agent_mut(pen)?.edit(edit)?))
    }
}
