//! A skill: instructions for an assistant with the files that belong to them, texts or not, some of which can be run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use automerge::{ObjId, ReadDoc, ScalarValue, Value};
use bowline_wire::hash::sha256;

use super::field;
use crate::document::edit::deletion::{self, ContentHash};
use crate::document::edit::fields::{Fields, Issue, container};
use crate::document::edit::files::{FilePath, Files};
use crate::document::hex::hex;
use crate::document::kind::Kind;
use crate::document::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX};
use crate::document::loaded::{Document, OtherKind};
use crate::document::summary::{Summary, shortened};

/// What is in a file of a skill.
#[derive(Clone, PartialEq, Eq)]
pub enum FileContent {
    /// Text, which merges with what others write into it.
    Text(String),
    /// Anything else; of two concurrent versions both stay.
    Bytes(Vec<u8>),
}

impl FileContent {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl fmt::Debug for FileContent {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "Text({} bytes)", text.len()),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

/// A file of a skill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillFile {
    /// Where the file is; no two files of a skill have one path.
    pub path: FilePath,
    /// What is in the file.
    pub content: FileContent,
    /// Whether the file can be run.
    pub executable: bool,
    /// The path at which another device wrote at the same time what cannot be merged with this. That version has the path;
    /// this file has a name of its own until somebody removes one of the two. `None` without such a conflict.
    pub conflicts_with: Option<FilePath>,
}

/// A skill to be read. What is of the wrong type and a path that leads elsewhere read as absent and are among
/// [`Skill::issues`]; of concurrent edits of one field all devices show the same.
#[derive(Clone, Copy, Debug)]
pub struct Skill<'a> {
    document: &'a Document,
}

impl Document {
    /// This document as a skill, to be read.
    pub fn skill(&self) -> Result<Skill<'_>, OtherKind> {
        self.expect(Kind::Skill).map(|()| Skill::new(self))
    }
}

impl<'a> Skill<'a> {
    pub(in crate::document) fn new(document: &'a Document) -> Self {
        Self { document }
    }

    /// What the skill is called.
    pub fn name(&self) -> Option<String> {
        Fields::root(self.document).text(field::NAME).ok().flatten()
    }

    /// What the skill is for.
    pub fn description(&self) -> Option<String> {
        Fields::root(self.document).text(field::DESCRIPTION).ok().flatten()
    }

    /// The skill's files, in order of their paths. Removing and conflicts of texts are as with an agent's; bytes that were
    /// overwritten by two devices at once, or stand where a text is, have a name of their own.
    pub fn files(&self) -> Vec<SkillFile> {
        All::of(self.document).files
    }

    /// How many files the skill has.
    pub fn file_count(&self) -> usize {
        self.files().len()
    }

    /// What in the document could not be shown, or not as its authors meant it.
    pub fn issues(&self) -> Vec<Issue> {
        let root = Fields::root(self.document);
        let executable = Fields::container(self.document, field::EXECUTABLE);
        let mut issues = All::of(self.document).issues;
        issues.extend([field::NAME, field::DESCRIPTION].iter().filter_map(|key| root.text(key).err()));
        issues.extend(executable.keys().filter_map(|path| executable.flag(&path).err()));
        issues.extend(deletion::issue_of(self.document));
        issues
    }

    /// What lists show: the skill's name, what it is for and how many files it has.
    pub(super) fn summary(self) -> Summary {
        Summary {
            title: shortened(&self.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
            updated_at: self.document.last_edit(),
            count: self.file_count() as u64,
            preview: shortened(&self.description().unwrap_or_default(), SUMMARY_PREVIEW_MAX),
        }
    }

    pub(super) fn content_hash(self) -> String {
        let mut hash = ContentHash::default();
        hash.add(self.name().unwrap_or_default().as_bytes());
        hash.add(self.description().unwrap_or_default().as_bytes());
        for SkillFile { path, content, executable, .. } in self.files() {
            hash.add(path.as_str().as_bytes());
            hash.add(&[u8::from(matches!(content, FileContent::Bytes(_))), u8::from(executable)]);
            hash.add(content.as_bytes());
        }
        hash.finish()
    }
}

/// All files of a skill.
pub(super) struct All {
    files: Vec<SkillFile>,
    issues: Vec<Issue>,
    /// What each path of bytes holds, its winner first.
    pub(super) bytes: BTreeMap<FilePath, Vec<Vec<u8>>>,
}

impl All {
    pub(super) fn of(document: &Document) -> Self {
        let texts = Files::of(document);
        let executable = Fields::container(document, field::EXECUTABLE);
        let runs = |path: &FilePath| executable.flag(path.as_str()).unwrap_or(false);
        let (mut bytes, mut issues) = read_bytes(document);
        issues.extend(texts.issues().iter().cloned());
        let mut files: Vec<SkillFile> = Vec::new();
        for file in texts.into_shown() {
            let executable = runs(file.conflicts_with.as_ref().unwrap_or(&file.path));
            let content = FileContent::Text(file.text);
            files.push(SkillFile {
                path: file.path,
                content,
                executable,
                conflicts_with: file.conflicts_with,
            });
        }
        let mut taken: BTreeSet<FilePath> = files.iter().map(|file| file.path.clone()).collect();
        taken.extend(bytes.keys().cloned());
        let of_text: BTreeSet<FilePath> = files.iter().map(|file| file.path.clone()).collect();
        for (path, versions) in &mut bytes {
            for (turn, content) in versions.iter().enumerate() {
                let (name, conflicts_with) = if turn == 0 && !of_text.contains(path) {
                    (path.clone(), None)
                } else if let Some(name) = name_beside(path, content, &taken) {
                    taken.insert(name.clone());
                    (name, Some(path.clone()))
                } else {
                    issues.push(Issue::BadPath { path: path.as_str().to_owned() });
                    continue;
                };
                let content = FileContent::Bytes(content.clone());
                files.push(SkillFile { path: name, content, executable: runs(path), conflicts_with });
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { files, issues, bytes }
    }

    /// What a file has in it.
    pub(super) fn content(&self, path: &FilePath) -> Option<&FileContent> {
        self.files.iter().find(|file| file.path == *path).map(|file| &file.content)
    }

    /// The bytes that count of those a path holds.
    pub(super) fn winner(&self, path: &FilePath) -> Option<&Vec<u8>> {
        self.bytes.get(path).and_then(|versions| versions.first())
    }

    /// A name for other bytes beside those of a path.
    pub(super) fn name_beside(&self, path: &FilePath, content: &[u8]) -> Option<FilePath> {
        let taken = self.files.iter().map(|file| file.path.clone()).collect();
        name_beside(path, content, &taken)
    }

    /// The path of bytes that a name stands beside.
    pub(super) fn beside(&self, name: &FilePath) -> Option<&FilePath> {
        let file = self.files.iter().find(|file| file.path == *name)?;
        file.conflicts_with.as_ref().filter(|_| matches!(file.content, FileContent::Bytes(_)))
    }
}

/// What every path of bytes holds, each content once and the one that counts first, and what cannot be read.
fn read_bytes(document: &Document) -> (BTreeMap<FilePath, Vec<Vec<u8>>>, Vec<Issue>) {
    let map = container(document.kind(), field::BYTES);
    let (mut read, mut issues) = (BTreeMap::new(), Vec::new());
    for key in document.automerge().keys(&map) {
        let Ok(path) = FilePath::parse(&key) else {
            issues.push(Issue::BadPath { path: key });
            continue;
        };
        let mut versions: Vec<Vec<u8>> = Vec::new();
        let found: Vec<(Value<'_>, ObjId)> =
            document.automerge().get_all(&map, key.as_str()).unwrap_or_default();
        // Automerge lists the winner last.
        for (value, _) in found.into_iter().rev() {
            match value {
                Value::Scalar(value) => match value.as_ref() {
                    ScalarValue::Bytes(bytes) if versions.contains(bytes) => {}
                    ScalarValue::Bytes(bytes) => versions.push(bytes.clone()),
                    _ => issues.push(Issue::WrongType { field: format!("{}/{key}", field::BYTES) }),
                },
                Value::Object(_) => {
                    issues.push(Issue::WrongType { field: format!("{}/{key}", field::BYTES) });
                }
            }
        }
        if !versions.is_empty() {
            read.insert(path, versions);
        }
    }
    (read, issues)
}

/// A name beside a path that has another file, the same on every device.
fn name_beside(path: &FilePath, content: &[u8], taken: &BTreeSet<FilePath>) -> Option<FilePath> {
    let id = hex(&sha256(&[path.as_str().as_bytes(), &[0], content]));
    let short = id.get(..8)?;
    let names = [path.marked(&format!("conflict-{short}")), FilePath::parse(&format!("conflict-{id}")).ok()];
    names.into_iter().flatten().find(|name| !taken.contains(name))
}
