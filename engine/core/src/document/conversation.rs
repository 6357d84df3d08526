//! A conversation: its transcript and what is said about it.

mod edit;
pub(super) mod key;
mod line;
mod transcript;

use automerge::ReadDoc;
use bowline_wire::ids::Millis;

pub use edit::{ConversationMut, MessageId, Role};
pub use transcript::{Entry, Transcript};

use super::Document;
use super::deletion::Deletion;
use super::fields::{Fields, Issue, container};
use super::first::ENTRIES;

/// Names of the fields. They are in every stored document: they change with the schema step only.
mod field {
    pub(super) const TITLE: &str = "title";
    pub(super) const AGENT: &str = "agent";
    pub(super) const PINNED: &str = "pinned";
    pub(super) const ARCHIVED: &str = "archived";
    pub(super) const DELETED_AT: &str = "deleted_at";
    pub(super) const DELETED_ENTRIES: &str = "deleted_entries";
    pub(super) const LABELS: &str = "labels";
    pub(super) const ORIGIN: &str = "origin";
    pub(super) const APP: &str = "app";
    pub(super) const SESSION: &str = "session";
    pub(super) const HEADER: &str = "header";
}

/// Where an imported conversation comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The application, as `openclaw`.
    pub app: Option<String>,
    /// Its id there.
    pub session: Option<String>,
    /// The first line of its file, byte for byte.
    pub header: Option<String>,
}

/// A conversation to be read. A field of the wrong type reads as absent and is among [`Conversation::issues`]; of
/// concurrent edits of one field all devices show the same.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    document: &'a Document,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(document: &'a Document) -> Self {
        Self { document }
    }

    /// The title somebody gave it.
    pub fn title(&self) -> Option<String> {
        self.root().text(field::TITLE).ok().flatten()
    }

    /// The agent it is with.
    pub fn agent(&self) -> Option<String> {
        self.root().text(field::AGENT).ok().flatten()
    }

    /// Whether lists show it first.
    pub fn is_pinned(&self) -> bool {
        self.root().flag(field::PINNED).unwrap_or(false)
    }

    /// Whether lists leave it out unless asked.
    pub fn is_archived(&self) -> bool {
        self.root().flag(field::ARCHIVED).unwrap_or(false)
    }

    /// The labels on it, in alphabetical order.
    pub fn labels(&self) -> Vec<String> {
        let labels = self.container(field::LABELS);
        labels.keys().filter(|label| labels.flag(label).unwrap_or(false)).collect()
    }

    /// Where it was imported from.
    pub fn origin(&self) -> Origin {
        let origin = self.container(field::ORIGIN);
        let text = |key| origin.text(key).ok().flatten();
        Origin { app: text(field::APP), session: text(field::SESSION), header: text(field::HEADER) }
    }

    /// Whether it is in the trash. What a deletion had seen is how many entries there were.
    pub fn deletion(&self) -> Deletion {
        let Ok(Some(at)) = self.root().time(field::DELETED_AT) else {
            return Deletion::None;
        };
        let seen = self.root().highest(field::DELETED_ENTRIES).unwrap_or(0);
        if self.entry_count() as u64 > seen {
            Deletion::EditedAfter(Millis(at))
        } else {
            Deletion::Deleted(Millis(at))
        }
    }

    /// All its entries. Reads every line: for showing, exporting and indexing.
    pub fn transcript(&self) -> Transcript {
        Transcript::of(self.document)
    }

    /// What could not be shown, or not as meant, in fields and transcript.
    pub fn issues(&self) -> Vec<Issue> {
        let root = self.root();
        let mut issues = Vec::new();
        let texts = [field::TITLE, field::AGENT].map(|key| root.text(key).err());
        let flags = [field::PINNED, field::ARCHIVED].map(|key| root.flag(key).err());
        let origin = self.container(field::ORIGIN);
        let origins = [field::APP, field::SESSION, field::HEADER].map(|key| origin.text(key).err());
        let labels = self.container(field::LABELS);
        issues.extend(texts.into_iter().chain(flags).chain([root.time(field::DELETED_AT).err()]).flatten());
        issues.extend(origins.into_iter().flatten());
        issues.extend(labels.keys().filter_map(|label| labels.flag(&label).err()));
        issues.extend(self.transcript().issues);
        issues
    }

    /// How many keys the transcript has, readable or not.
    fn entry_count(self) -> usize {
        self.document.automerge().length(container(self.document.kind(), ENTRIES))
    }

    fn root(self) -> Fields<'a> {
        Fields::root(self.document)
    }

    fn container(self, name: &str) -> Fields<'a> {
        Fields::container(self.document, name)
    }
}
