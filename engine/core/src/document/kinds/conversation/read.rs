//! A conversation: its transcript and what is said about it.

use automerge::ReadDoc;

use super::aside::Aside;
use super::field;
use super::gap::Gap;
use super::origin::Origin;
use super::outline::Outline;
use super::tally::Tally;
use super::transcript::Transcript;
use crate::document::edit::deletion;
use crate::document::edit::fields::{Fields, Issue, container};
use crate::document::kind::{ENTRIES, Kind};
use crate::document::loaded::{Document, OtherKind};

/// A conversation to be read. A field of the wrong type reads as absent and is among [`Conversation::issues`]; of
/// concurrent edits of one field all devices show the same.
#[derive(Clone, Copy, Debug)]
pub struct Conversation<'a> {
    pub(super) document: &'a Document,
}

impl Document {
    /// Reads it as a conversation.
    pub fn conversation(&self) -> Result<Conversation<'_>, OtherKind> {
        self.expect(Kind::Conversation).map(|()| Conversation::new(self))
    }

    /// What is kept of its transcript.
    pub(in crate::document) fn outline(&self) -> &Outline {
        self.outline_or(|| Outline::of(&Transcript::of(self).entries))
    }
}

impl<'a> Conversation<'a> {
    pub(in crate::document) fn new(document: &'a Document) -> Self {
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
        Origin::of(self.document)
    }

    /// Lines of its file that are not entries, in the order of their places.
    pub fn asides(&self) -> Vec<Aside> {
        Aside::all(self.document).0
    }

    /// What is known of lines that stayed in its file, in the order of their places.
    pub fn gaps(&self) -> Vec<Gap> {
        Gap::all(self.document).0
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
        issues.extend(texts.into_iter().chain(flags).chain([deletion::issue_of(self.document)]).flatten());
        issues.extend(texts_of_origin.iter().filter_map(|key| origin.text(key).err()));
        issues.extend(flags_of_origin.iter().filter_map(|key| origin.flag(key).err()));
        issues.extend(Aside::all(self.document).1);
        issues.extend(Gap::all(self.document).1);
        issues.extend(labels.keys().filter_map(|label| labels.flag(&label).err()));
        issues.extend(self.transcript().issues);
        issues
    }

    /// How many keys the transcript has, readable or not.
    pub(super) fn entry_count(self) -> usize {
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
