//! The kinds of documents, one file or folder each, and what can be asked of a document of any kind.

pub(super) mod agent;
pub(super) mod conversation;
pub(super) mod memory;
pub(super) mod profile;
pub(super) mod skill;

use self::agent::{Agent, AgentField};
use self::conversation::Conversation;
use self::memory::Memory;
use self::profile::Profile;
use self::skill::Skill;
use super::edit::deletion::Deletion;
use super::edit::files::{FilePath, Files};
use super::kind::Kind;
use super::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX};
use super::loaded::Document;
use super::summary::{Summary, shortened};

impl Document {
    /// Paths of texts that were removed, and that count towards [`super::limits::FILES_MAX`] as before: each may come back
    /// with all that was in it.
    pub fn removed_files(&self) -> Vec<FilePath> {
        match self.kind() {
            Kind::Agent | Kind::Skill | Kind::Memory => Files::of(self).into_removed(),
            Kind::Conversation | Kind::Profile => Vec::new(),
        }
    }

    /// Whether it is in the trash.
    pub fn deletion(&self) -> Deletion {
        match self.kind() {
            Kind::Conversation => Conversation::new(self).deletion(),
            Kind::Agent => Agent::new(self).deletion(),
            Kind::Skill => Skill::new(self).deletion(),
            Kind::Memory => Memory::new(self).deletion(),
            Kind::Profile => Deletion::None,
        }
    }

    /// What a list shows of it.
    pub fn summary(&self) -> Summary {
        match self.kind() {
            Kind::Conversation => summary_of_conversation(self),
            Kind::Profile => summary_of_profile(self),
            Kind::Agent => summary_of_agent(self),
            Kind::Skill => summary_of_skill(self),
            Kind::Memory => summary_of_memory(self),
        }
    }
}

fn summary_of_conversation(document: &Document) -> Summary {
    let title = Conversation::new(document).title();
    document.outline().tally().summary(title.as_deref(), document.last_edit())
}

fn summary_of_agent(document: &Document) -> Summary {
    let agent = Agent::new(document);
    let text = |field| agent.field(field).unwrap_or_default();
    Summary {
        title: shortened(&text(AgentField::Name), SUMMARY_TITLE_MAX),
        updated_at: document.last_edit(),
        count: agent.file_count() as u64,
        preview: shortened(&text(AgentField::Description), SUMMARY_PREVIEW_MAX),
    }
}

fn summary_of_skill(document: &Document) -> Summary {
    let skill = Skill::new(document);
    Summary {
        title: shortened(&skill.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
        updated_at: document.last_edit(),
        count: skill.file_count() as u64,
        preview: shortened(&skill.description().unwrap_or_default(), SUMMARY_PREVIEW_MAX),
    }
}

fn summary_of_memory(document: &Document) -> Summary {
    let memory = Memory::new(document);
    Summary {
        title: shortened(&memory.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
        updated_at: document.last_edit(),
        count: memory.file_count() as u64,
        preview: String::new(),
    }
}

fn summary_of_profile(document: &Document) -> Summary {
    let count = Profile::new(document).count() as u64;
    Summary { updated_at: document.last_edit(), count, ..Summary::default() }
}
