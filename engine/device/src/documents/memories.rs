//! Personal files of agents, as what one knows about its person: list, show. They stay on this device unless a person
//! shares one by name; deleting and restoring are as for conversations.

use bowline_core::document::{ChangeHash, Issue, Kind, TextFile};
use bowline_wire::ids::{DocId, Millis};

use crate::Error;
use crate::{Device, Listed, Which};

/// The personal files of one agent, in full.
#[derive(Clone)]
pub struct ShownMemory {
    /// Which.
    pub id: DocId,
    /// The agent whose they are; empty if that has no name.
    pub name: String,
    /// The files, in order of their paths.
    pub files: Vec<TextFile>,
    /// What could not be shown, or not as meant.
    pub issues: Vec<Issue>,
    /// The document's heads: equal on devices that show the same.
    pub heads: Vec<ChangeHash>,
}

impl std::fmt::Debug for ShownMemory {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ShownMemory");
        shown.field("id", &self.id).field("files", &self.files.len()).field("heads", &self.heads);
        shown.finish_non_exhaustive()
    }
}

impl Device {
    /// The personal files of all agents, one document for each agent, newest first: those in view, or those in the trash.
    /// Loads none of them.
    pub fn memories(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Memory, trash)
    }

    /// The personal files of one agent, in full.
    pub fn show_memory(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownMemory, Error> {
        let found = self.find_of_kind(which, Kind::Memory)?;
        let id = found.id();
        let document = &self.load(&found.row, now)?.document;
        let memory = document.memory().map_err(|_| Error::OtherKind(id))?;
        Ok(ShownMemory {
            id,
            name: memory.name().unwrap_or_default(),
            files: memory.files(),
            issues: memory.issues(),
            heads: document.heads(),
        })
    }
}
