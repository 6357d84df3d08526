//! Texts as they are stored: under their paths, with marks on those that were removed.

use std::collections::BTreeSet;
use std::fmt;

use automerge::{ObjId, ObjType, ReadDoc, Value};
use bowline_wire::hash::sha256;

use super::path::FilePath;
use crate::document::edit::fields::{Fields, Issue, container};
use crate::document::hex::hex;
use crate::document::kind::{FILES, REMOVED};
use crate::document::loaded::Document;

/// A file that is a text.
#[derive(Clone, PartialEq, Eq)]
pub struct TextFile {
    /// Where it is; no two files of a document have one path.
    pub path: FilePath,
    /// What is in it.
    pub text: String,
    /// Two devices began a file at this path at the same time with different texts. One of them has the path, and this is
    /// the other, under a name of its own, until somebody removes one of the two.
    pub conflicts_with: Option<FilePath>,
}

impl fmt::Debug for TextFile {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextFile({} bytes)", self.text.len())
    }
}

/// Bytes of a mark: two texts of one file that had one mark would have to be found among 2¹²⁸.
const MARK: usize = 16;

/// A text that is shown.
pub(in crate::document) struct Shown {
    pub(in crate::document) file: TextFile,
    pub(in crate::document) object: ObjId,
    /// Texts begun apart at the same path that read the same: one of them is shown.
    pub(in crate::document) twins: Vec<ObjId>,
}

/// All texts of a document.
///
/// A text stays under its path for good: nobody's edit is ever made in something that is no longer there. Removing a file
/// puts [`mark`] into the map of removed ones; writing what was removed takes it out again.
pub(in crate::document) struct Files {
    shown: Vec<Shown>,
    /// The text that a path has, shown or not, which whoever writes there again goes on with.
    removed: Vec<(FilePath, ObjId, String)>,
    issues: Vec<Issue>,
}

impl Files {
    pub(in crate::document) fn of(document: &Document) -> Self {
        let mut files = Self { shown: Vec::new(), removed: Vec::new(), issues: Vec::new() };
        let map = container(document.kind(), FILES);
        let marks = Fields::container(document, REMOVED);
        let mut conflicts = Vec::new();
        for key in document.automerge().keys(&map) {
            let Ok(path) = FilePath::parse(&key) else {
                files.issues.push(Issue::BadPath { path: key });
                continue;
            };
            let found = document.automerge().get_all(&map, key.as_str()).unwrap_or_default();
            // Automerge lists the winner last.
            let (mut first, mut removed): (Option<Shown>, Option<(ObjId, String)>) = (None, None);
            for (value, object) in found.into_iter().rev() {
                if value != Value::Object(ObjType::Text) {
                    files.issues.push(Issue::WrongType { field: format!("{FILES}/{key}") });
                    continue;
                }
                let text = document.automerge().text(&object).unwrap_or_default();
                if marks.flag(&mark(&object, &text)).unwrap_or(false) {
                    removed.get_or_insert((object, text));
                } else if let Some(first) = &mut first {
                    if first.file.text == text {
                        first.twins.push(object);
                    } else {
                        conflicts.push((path.clone(), object, text));
                    }
                } else {
                    let file = TextFile { path: path.clone(), text, conflicts_with: None };
                    first = Some(Shown { file, object, twins: Vec::new() });
                }
            }
            match (first, removed) {
                (Some(shown), _) => files.shown.push(shown),
                (None, Some((object, text))) => files.removed.push((path, object, text)),
                (None, None) => {}
            }
        }
        files.name(conflicts);
        files
    }

    /// Gives texts that have lost their path names that nothing else has.
    fn name(&mut self, conflicts: Vec<(FilePath, ObjId, String)>) {
        let mut taken: BTreeSet<FilePath> = self.shown.iter().map(|shown| shown.file.path.clone()).collect();
        for (path, object, text) in conflicts {
            let id = hex(&sha256(&[&object_bytes(&object)]));
            let short = id.get(..8).unwrap_or_default();
            let names =
                [path.marked(&format!("conflict-{short}")), FilePath::parse(&format!("conflict-{id}")).ok()];
            let Some(name) = names.into_iter().flatten().find(|name| !taken.contains(name)) else {
                self.issues.push(Issue::BadPath { path: path.as_str().to_owned() });
                continue;
            };
            taken.insert(name.clone());
            let file = TextFile { path: name, text, conflicts_with: Some(path) };
            self.shown.push(Shown { file, object, twins: Vec::new() });
        }
        self.shown.sort_by(|a, b| a.file.path.cmp(&b.file.path));
    }

    pub(in crate::document) fn shown(&self) -> &[Shown] {
        &self.shown
    }

    pub(in crate::document) fn find(&self, path: &FilePath) -> Option<&Shown> {
        self.shown.iter().find(|shown| shown.file.path == *path)
    }

    /// What a path had before it was removed.
    pub(in crate::document) fn find_removed(&self, path: &FilePath) -> Option<(&ObjId, &str)> {
        let found = self.removed.iter().find(|(removed, _, _)| removed == path);
        found.map(|(_, object, text)| (object, text.as_str()))
    }

    /// How many paths are in use, or were.
    pub(in crate::document) fn len(&self) -> usize {
        self.shown.len() + self.removed.len()
    }

    pub(in crate::document) fn into_removed(self) -> Vec<FilePath> {
        self.removed.into_iter().map(|(path, ..)| path).collect()
    }

    pub(in crate::document) fn into_shown(self) -> Vec<TextFile> {
        self.shown.into_iter().map(|shown| shown.file).collect()
    }

    pub(in crate::document) fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

/// Under which name it is noted that this text, with this in it, was removed.
pub(in crate::document) fn mark(object: &ObjId, text: &str) -> String {
    let hash = sha256(&[b"bowline/removed/1", &object_bytes(object), text.as_bytes()]);
    hex(hash.get(..MARK).unwrap_or_default())
}

/// The operation that made the object: its actor, and its counter in eight bytes.
fn object_bytes(object: &ObjId) -> Vec<u8> {
    match object {
        ObjId::Root => Vec::new(),
        ObjId::Id(counter, actor, _) => [actor.to_bytes(), &counter.to_be_bytes()].concat(),
    }
}
