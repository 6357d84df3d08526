//! What becomes of one thing that is imported, a session or a line of it, an agent, a field or a file, and why.

use bowline_core::document::FilePath;
use bowline_wire::ids::WorkspaceId;
use serde::Serialize;

/// What becomes of one thing that is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The thing was not here before.
    New,
    /// The thing was here and went on since: there is more of it now.
    More,
    /// The thing was here and has changed.
    Updated,
    /// The thing was here and is the same.
    Unchanged,
    /// Kept as it is, and not as what it was meant to be: a damaged line set aside, a file that is gone at its source.
    Kept,
    /// Changed on both sides: both are here now, one beside the other.
    Conflict,
    /// Left where it is.
    Skipped,
    /// The thing could not be imported.
    Failed,
}

/// Why something becomes what it does, where the outcome does not say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// This workspace has the document with less in it; [`Device::share`](crate::Device::share) makes one of the two.
    LessInWorkspace(WorkspaceId),
    /// The document is in the trash and stays there, as it is.
    InTrash,
    /// There is nothing in it, and there is no document.
    Empty,
    /// The line is not a transcript entry, for this reason, and is kept aside for export.
    NotAnEntry(&'static str),
    /// The line is longer than [`LINE_MAX`](bowline_core::document::limits::LINE_MAX) and stays in the file.
    LineTooLong,
    /// The line is not a transcript entry, and as many others of its file are kept aside as may be.
    TooManyAsides,
    /// The line is not a transcript entry, and those that are kept aside would have more bytes with it than they may.
    AsidesTooLong,
    /// The thing was changed here and at its source. Here it stays as it is; what a file says at its source is at this path.
    ChangedOnBothSides(Option<FilePath>),
    /// The thing was at its source the last time and is not any more. Here it stays.
    GoneAtSource,
    /// Documents of this kind have no place for such a thing.
    NoPlace,
    /// A name, a description or a model has more bytes than it may.
    TextTooLong,
    /// The name of a value has more bytes than it may.
    NameTooLong,
    /// The file is not text, and documents of this kind hold text only.
    NotText,
    /// The file has more bytes than a file may.
    FileTooLarge,
    /// The document would have more files than it may.
    TooManyFiles,
    /// The files of the document would have more bytes together than they may.
    FilesTooLarge,
    /// Every name that the source's file could have beside ours is taken.
    NoNameBeside,
}

/// What becomes of one thing, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why, where the outcome does not say it.
    pub why: Option<Why>,
}

impl Verdict {
    /// An outcome for this reason.
    pub(super) fn because(outcome: Outcome, why: Why) -> Self {
        Self { outcome, why: Some(why) }
    }

    /// Something that cannot be imported, and why.
    pub(super) fn failed(why: Why) -> Self {
        Self::because(Outcome::Failed, why)
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, why: None }
    }
}
