//! A skill: instructions for an assistant with the files that belong to them, texts or not, some of which can be run.

mod edit;
mod field;
mod read;

pub use edit::{SkillEdit, SkillMut};
pub use read::{FileContent, Skill, SkillFile};
