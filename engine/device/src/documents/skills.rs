//! A skill as it is shown: its fields and files.

use bowline_core::document::{ChangeHash, Document, Issue, Kind, OtherKind, SkillFile};
use bowline_wire::ids::DocId;

use crate::documents::edit::View;

/// A skill in full.
#[derive(Clone)]
pub struct ShownSkill {
    /// The document's id.
    pub id: DocId,
    /// What it is called; empty if it has no name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The files, in order of their paths.
    pub files: Vec<SkillFile>,
    /// What could not be shown, or not as meant.
    pub issues: Vec<Issue>,
    /// The document's heads: equal on devices that show the same.
    pub heads: Vec<ChangeHash>,
}

impl std::fmt::Debug for ShownSkill {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ShownSkill");
        shown.field("id", &self.id).field("files", &self.files.len()).field("heads", &self.heads);
        shown.finish_non_exhaustive()
    }
}

impl View for ShownSkill {
    const KIND: Kind = Kind::Skill;

    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind> {
        let skill = document.skill()?;
        Ok(ShownSkill {
            id,
            name: skill.name().unwrap_or_default(),
            description: skill.description(),
            files: skill.files(),
            issues: skill.issues(),
            heads: document.heads(),
        })
    }
}
