//! The memory of an agent: files about its person, which stay with that person unless they share them.

use std::collections::BTreeMap;
use std::fmt;

use automerge::{ROOT, ScalarValue};

use crate::document::edit::commit::{EditError, Pen, bounded};
use crate::document::edit::deletion::{self, ContentHash, Lifecycle};
use crate::document::edit::fields::{Fields, Issue};
use crate::document::edit::files::{FilePath, Files, Plan, TextFile};
use crate::document::kind::Kind;
use crate::document::kinds::definition::{Definition, ExportedFile, Visibility, Words};
use crate::document::limits::{NAME_MAX, SUMMARY_TITLE_MAX};
use crate::document::loaded::{Document, OtherKind};
use crate::document::summary::{Summary, shortened};

const NAME: &str = "name";

pub(in crate::document) static DEFINITION: Definition = Definition {
    words: Words { one: "memory", several: "memories" },
    visibility: Visibility::Personal,
    lifecycle: Lifecycle::Content(|document| Memory::new(document).content_hash()),
    summary: |document| Memory::new(document).summary(),
    issues: |document| Memory::new(document).issues(),
    export: |document, _| ExportedFile::of_texts(Memory::new(document).files()),
};

/// A memory to be read. What is of the wrong type and a path that leads elsewhere read as absent and are among
/// [`Memory::issues`]; of concurrent edits of one field all devices show the same.
#[derive(Clone, Copy, Debug)]
pub struct Memory<'a> {
    document: &'a Document,
}

impl Document {
    /// This document as a memory, to be read.
    pub fn memory(&self) -> Result<Memory<'_>, OtherKind> {
        self.expect(Kind::Memory).map(|()| Memory::new(self))
    }
}

impl<'a> Memory<'a> {
    pub(in crate::document) fn new(document: &'a Document) -> Self {
        Self { document }
    }

    /// What the agent is called whose memory it is.
    pub fn name(&self) -> Option<String> {
        Fields::root(self.document).text(NAME).ok().flatten()
    }

    /// The memory's files, in order of their paths. Removing and conflicts are as with an agent's.
    pub fn files(&self) -> Vec<TextFile> {
        Files::of(self.document).into_shown()
    }

    /// How many files the memory has.
    pub fn file_count(&self) -> usize {
        Files::of(self.document).shown().len()
    }

    /// What in the document could not be shown, or not as its authors meant it.
    pub fn issues(&self) -> Vec<Issue> {
        let mut issues: Vec<Issue> = Fields::root(self.document).text(NAME).err().into_iter().collect();
        issues.extend(deletion::issue_of(self.document));
        issues.extend(Files::of(self.document).issues().iter().cloned());
        issues
    }

    /// What lists show: the memory's name and how many files it has; nothing of what is in them.
    fn summary(self) -> Summary {
        Summary {
            title: shortened(&self.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
            updated_at: self.document.last_edit(),
            count: self.file_count() as u64,
            preview: String::new(),
        }
    }

    fn content_hash(self) -> String {
        let mut hash = ContentHash::default();
        hash.add(self.name().unwrap_or_default().as_bytes());
        for file in self.files() {
            hash.add(file.path.as_str().as_bytes());
            hash.add(file.text.as_bytes());
        }
        hash.finish()
    }
}

/// What an edit is to change about a memory; everything else stays.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MemoryEdit {
    fields: BTreeMap<&'static str, Option<String>>,
    files: BTreeMap<FilePath, Option<String>>,
}

impl MemoryEdit {
    /// Sets the name of the agent whose memory it is, or removes it.
    pub fn set_name(&mut self, name: Option<&str>) -> &mut Self {
        self.fields.insert(NAME, name.map(str::to_owned));
        self
    }

    /// Makes a file hold `text`. Only what differs from what it holds now is written, so that it merges with what others
    /// write meanwhile.
    pub fn write_file(&mut self, path: FilePath, text: &str) -> &mut Self {
        self.files.insert(path, Some(text.to_owned()));
        self
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&mut self, path: FilePath) -> &mut Self {
        self.files.insert(path, None);
        self
    }

    /// Whether the edit asks for nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Debug for MemoryEdit {
    /// Shows how much the edit is about; content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryEdit").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// A memory to be edited.
#[derive(Debug)]
pub struct MemoryMut<'a> {
    document: &'a mut Document,
    pen: Pen,
}

impl Document {
    /// This document as a memory, to be edited.
    pub fn memory_mut(&mut self, pen: Pen) -> Result<MemoryMut<'_>, OtherKind> {
        self.expect(Kind::Memory).map(|()| MemoryMut::new(self, pen))
    }
}

impl<'a> MemoryMut<'a> {
    pub(in crate::document) fn new(document: &'a mut Document, pen: Pen) -> Self {
        Self { document, pen }
    }

    /// Makes an edit; answers as [`AgentMut::edit`](crate::document::AgentMut::edit) does.
    pub fn edit(&mut self, edit: &MemoryEdit) -> Result<Vec<Vec<u8>>, EditError> {
        self.edit_since(edit, None)
    }

    /// Makes an edit of the memory as it was `since`, as [`AgentMut::edit_since`](crate::document::AgentMut::edit_since) does.
    pub fn edit_since(
        &mut self,
        edit: &MemoryEdit,
        since: Option<&Document>,
    ) -> Result<Vec<Vec<u8>>, EditError> {
        let mut plan = Plan::of(Kind::Memory);
        for (key, text) in &edit.fields {
            bounded("the name", text.as_deref().unwrap_or_default(), NAME_MAX)?;
            plan.put(self.document, &ROOT, key, text.as_deref().map(ScalarValue::from));
        }
        let texts = edit.files.iter().map(|(path, text)| (path, text.as_deref())).collect();
        plan.write_texts(self.document, &texts, since.map(Files::of).as_ref(), 0)?;
        plan.commit(self.document, self.pen)
    }
}
