//! A conversation: its transcript and what is said about it.

mod aside;
mod edit;
mod file;
mod import;
pub(super) mod key;
pub(super) mod line;
mod transcript;

use automerge::{ReadDoc, ScalarValue};
use bowline_wire::ids::Millis;

pub use aside::Aside;
pub use edit::{ConversationMut, MessageId, Role};
pub use import::{ImportBatch, ImportedLine};
pub use transcript::{Entry, Transcript};

use super::Document;
use super::deletion::Deletion;
use super::edit::{EditError, bounded};
use super::fields::{Fields, Issue, container};
use super::first::ENTRIES;
use super::limits::{LINE_MAX, NAME_MAX};
use super::summary::Tally;

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
    pub(super) const KEY: &str = "key";
    pub(super) const NO_FINAL_NEWLINE: &str = "no_final_newline";
}

/// Where an imported conversation comes from, and what its application says of it. Its title, agent and marks stand behind
/// what somebody says in Bowline, so that neither overwrites the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The application, as `openclaw`.
    pub app: Option<String>,
    /// Its id there.
    pub session: Option<String>,
    /// The first line of its file, byte for byte, if that is no entry.
    pub header: Option<String>,
    /// What it is called there besides, as `agent:main:main`.
    pub key: Option<String>,
    /// Its title there.
    pub title: Option<String>,
    /// The agent it is with, as it is called there.
    pub agent: Option<String>,
    /// Whether lists there show it first.
    pub pinned: bool,
    /// Whether lists there leave it out.
    pub archived: bool,
    /// Whether the last line of its file had no end.
    pub no_final_newline: bool,
}

impl Origin {
    fn texts(&self) -> [(&'static str, &Option<String>); 5] {
        [
            (field::APP, &self.app),
            (field::SESSION, &self.session),
            (field::KEY, &self.key),
            (field::TITLE, &self.title),
            (field::AGENT, &self.agent),
        ]
    }

    fn check(&self) -> Result<(), EditError> {
        bounded("the origin", self.header.as_deref().unwrap_or_default(), LINE_MAX)?;
        self.texts()
            .iter()
            .try_for_each(|(_, text)| bounded("the origin", text.as_deref().unwrap_or_default(), NAME_MAX))
    }

    /// Keys and values of all but the header.
    fn values(&self) -> Vec<(&'static str, Option<ScalarValue>)> {
        let texts = self.texts().map(|(key, text)| (key, text.as_deref().map(ScalarValue::from)));
        let flags = [
            (field::PINNED, self.pinned),
            (field::ARCHIVED, self.archived),
            (field::NO_FINAL_NEWLINE, self.no_final_newline),
        ];
        let flags = flags.map(|(key, flag)| (key, flag.then_some(ScalarValue::Boolean(true))));
        texts.into_iter().chain(flags).collect()
    }
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

    /// The title somebody gave it: here, or else where it comes from.
    pub fn title(&self) -> Option<String> {
        self.text(field::TITLE)
    }

    /// The agent it is with.
    pub fn agent(&self) -> Option<String> {
        self.text(field::AGENT)
    }

    /// Whether lists show it first.
    pub fn is_pinned(&self) -> bool {
        self.flag(field::PINNED)
    }

    /// Whether lists leave it out unless asked.
    pub fn is_archived(&self) -> bool {
        self.flag(field::ARCHIVED)
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
        let flag = |key| origin.flag(key).unwrap_or(false);
        Origin {
            app: text(field::APP),
            session: text(field::SESSION),
            header: text(field::HEADER),
            key: text(field::KEY),
            title: text(field::TITLE),
            agent: text(field::AGENT),
            pinned: flag(field::PINNED),
            archived: flag(field::ARCHIVED),
            no_final_newline: flag(field::NO_FINAL_NEWLINE),
        }
    }

    /// Lines of its file that are no entries, in the order of their places.
    pub fn asides(&self) -> Vec<Aside> {
        Aside::all(self.document).0
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

    /// What a list says of its transcript.
    pub fn tally(&self) -> Tally {
        self.document.outline().tally().clone()
    }

    /// What could not be shown, or not as meant, in fields and transcript.
    pub fn issues(&self) -> Vec<Issue> {
        let root = self.root();
        let mut issues = Vec::new();
        let texts = [field::TITLE, field::AGENT].map(|key| root.text(key).err());
        let flags = [field::PINNED, field::ARCHIVED].map(|key| root.flag(key).err());
        let origin = self.container(field::ORIGIN);
        let texts_of_origin =
            [field::APP, field::SESSION, field::HEADER, field::KEY, field::TITLE, field::AGENT];
        let flags_of_origin = [field::PINNED, field::ARCHIVED, field::NO_FINAL_NEWLINE];
        let labels = self.container(field::LABELS);
        issues.extend(texts.into_iter().chain(flags).chain([root.time(field::DELETED_AT).err()]).flatten());
        issues.extend(texts_of_origin.iter().filter_map(|key| origin.text(key).err()));
        issues.extend(flags_of_origin.iter().filter_map(|key| origin.flag(key).err()));
        issues.extend(Aside::all(self.document).1);
        issues.extend(labels.keys().filter_map(|label| labels.flag(&label).err()));
        issues.extend(self.transcript().issues);
        issues
    }

    /// How many keys the transcript has, readable or not.
    fn entry_count(self) -> usize {
        self.document.automerge().length(container(self.document.kind(), ENTRIES))
    }

    /// What was said here, else what its application says.
    fn text(self, key: &str) -> Option<String> {
        let here = self.root().text(key).ok().flatten();
        here.or_else(|| self.container(field::ORIGIN).text(key).ok().flatten())
    }

    /// What was said here, be it no, else what its application says.
    fn flag(self, key: &str) -> bool {
        let here = self.root().said(key).ok().flatten();
        here.unwrap_or_else(|| self.container(field::ORIGIN).flag(key).unwrap_or(false))
    }

    fn root(self) -> Fields<'a> {
        Fields::root(self.document)
    }

    fn container(self, name: &str) -> Fields<'a> {
        Fields::container(self.document, name)
    }
}
