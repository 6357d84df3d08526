//! What a person does with skills: list, show. Deleting, restoring and sharing are as for conversations.

use bowline_core::document::{ChangeHash, Issue, Kind, SkillFile};
use bowline_wire::ids::{DocId, Millis};

use crate::Error;
use crate::{Device, Listed, Which};

/// A skill in full.
#[derive(Clone)]
pub struct ShownSkill {
    /// Which.
    pub id: DocId,
    /// What it is called; empty if it has no name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its files, in order of their paths.
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

impl Device {
    /// All skills, newest first: those in view, or those in the trash. Loads none of them.
    pub fn skills(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Skill, trash)
    }

    /// A skill in full.
    pub fn show_skill(&mut self, which: impl Into<Which>, now: Millis) -> Result<ShownSkill, Error> {
        let found = self.find_of_kind(which, Kind::Skill)?;
        let id = found.id();
        let document = &self.load(&found.row, now)?.document;
        let skill = document.skill().map_err(|_| Error::OtherKind(id))?;
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
