//! Personal files of an agent, such as what it knows about its person, as they are shown. They stay on this device unless
//! a person shares them by name.

use bowline_core::document::{ChangeHash, Document, Issue, Kind, OtherKind, TextFile};
use bowline_wire::ids::DocId;

use crate::documents::edit::View;

/// The personal files of one agent, in full.
#[derive(Clone)]
pub struct ShownMemory {
    /// The document's id.
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

impl View for ShownMemory {
    const KIND: Kind = Kind::Memory;

    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind> {
        let memory = document.memory()?;
        Ok(ShownMemory {
            id,
            name: memory.name().unwrap_or_default(),
            files: memory.files(),
            issues: memory.issues(),
            heads: document.heads(),
        })
    }
}
