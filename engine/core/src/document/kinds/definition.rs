//! What a kind of document says about itself, so that nothing else has to ask which kind it is.

use bowline_wire::ids::DocId;

use crate::document::edit::deletion::Lifecycle;
use crate::document::edit::fields::Issue;
use crate::document::edit::files::{FilePath, TextFile};
use crate::document::loaded::Document;
use crate::document::summary::Summary;

/// Everything in which kinds differ and that is asked without knowing the kind. What is in every document of a kind
/// for ever is in [`crate::document::kind`]; how one is edited is in the views of its own file.
pub(in crate::document) struct Definition {
    /// What documents of the kind are called.
    pub(in crate::document) words: Words,
    /// Who comes to see documents of the kind.
    pub(in crate::document) visibility: Visibility,
    /// Whether and how documents of the kind go into the trash.
    pub(in crate::document) lifecycle: Lifecycle,
    /// What a list shows of a document.
    pub(in crate::document) summary: fn(&Document) -> Summary,
    /// What in a document could not be shown, or not as its authors meant it.
    pub(in crate::document) issues: fn(&Document) -> Vec<Issue>,
    /// The files into which a document is exported, each under a path of its own.
    pub(in crate::document) export: fn(&Document, DocId) -> Vec<ExportedFile>,
}

/// What documents of a kind are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// The word for one document, as `memory`.
    pub one: &'static str,
    /// The word for several documents, as `memories`.
    pub several: &'static str,
}

/// Who comes to see documents of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// People list them, and all of them are offered for sharing.
    Shared,
    /// People list them, and each is shared by its name or not at all.
    Personal,
    /// No list shows them: a workspace keeps them for itself.
    Hidden,
}

/// A file of an export.
#[derive(Clone, PartialEq, Eq)]
pub struct ExportedFile {
    /// Where the file goes; no two files of an export have one path.
    pub path: FilePath,
    /// What is in the file.
    pub bytes: Vec<u8>,
    /// Whether the file can be run.
    pub executable: bool,
}

impl ExportedFile {
    /// A file that cannot be run.
    pub(in crate::document) fn new(path: FilePath, bytes: Vec<u8>) -> Self {
        Self { path, bytes, executable: false }
    }

    /// Texts, each under its path.
    pub(in crate::document) fn of_texts(files: Vec<TextFile>) -> Vec<Self> {
        files.into_iter().map(|file| Self::new(file.path, file.text.into_bytes())).collect()
    }
}

impl std::fmt::Debug for ExportedFile {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExportedFile({} bytes)", self.bytes.len())
    }
}
