//! A skill: instructions for an assistant with the files that belong to them, texts or not, some of which can be run.

mod edit;
mod field;
mod read;

pub use edit::{SkillEdit, SkillMut};
pub use read::{FileContent, Skill, SkillFile};

use super::definition::{Definition, ExportedFile, Visibility, Words};
use crate::document::edit::deletion::Lifecycle;

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "skill", several: "skills" },
    visibility: Visibility::Shared,
    lifecycle: Lifecycle::Content(|document| Skill::new(document).content_hash()),
    summary: |document| Skill::new(document).summary(),
    issues: |document| Skill::new(document).issues(),
    export: |document, _| Skill::new(document).files().into_iter().map(exported).collect(),
};

fn exported(file: SkillFile) -> ExportedFile {
    let bytes = match file.content {
        FileContent::Text(text) => text.into_bytes(),
        FileContent::Bytes(bytes) => bytes,
    };
    ExportedFile { path: file.path, bytes, executable: file.executable }
}
