//! What other applications hold, on its way into documents of this device: sessions line by line, and definitions with
//! their files. What was taken is remembered, so that the next import of the same adds what is new and nothing else.
//!
//! An import makes documents of this device, in no workspace, and adds to those it made before wherever they are by now.
//! It removes nothing. A [`Device`](super::Device) stores as it goes, so an import that ends in the middle goes on where
//! it was.

mod dry_run;
mod files;
mod items;
mod lines;
mod plan;
mod remembered;
mod sessions;
mod state;
mod writing;

use bowline_core::document::{AgentValues, FilePath, Json, Kind};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

pub use dry_run::DryRun;
pub use state::SessionImport;

use crate::{Device, Error};

/// Where an import goes: into a device, or nowhere but into a [`DryRun`], which comes to the same and writes nothing.
pub trait ImportTarget {
    /// As [`Device::begin_import`].
    fn begin_import(&mut self, origin: &SessionOrigin<'_>, now: Millis) -> Result<SessionImport, Error>;

    /// As [`Device::import_line`].
    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineOutcome, Error>;

    /// As [`Device::skip_line`].
    fn skip_line(&mut self, import: &mut SessionImport, len: u64, now: Millis) -> Result<LineOutcome, Error>;

    /// As [`Device::finish_import`].
    fn finish_import(
        &mut self,
        import: SessionImport,
        end: &SessionEnd<'_>,
        now: Millis,
    ) -> Result<ImportedSession, Error>;

    /// As [`Device::import_files`].
    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error>;
}

impl ImportTarget for Device {
    fn begin_import(&mut self, origin: &SessionOrigin<'_>, now: Millis) -> Result<SessionImport, Error> {
        Self::begin_import(self, origin, now)
    }

    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineOutcome, Error> {
        Self::import_line(self, import, line, now)
    }

    fn skip_line(&mut self, import: &mut SessionImport, len: u64, now: Millis) -> Result<LineOutcome, Error> {
        Self::skip_line(self, import, len, now)
    }

    fn finish_import(
        &mut self,
        import: SessionImport,
        end: &SessionEnd<'_>,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        Self::finish_import(self, import, end, now)
    }

    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        Self::import_files(self, import, now)
    }
}

/// Where a conversation comes from.
#[derive(Clone, Copy, Debug)]
pub struct SessionOrigin<'a> {
    /// The application, as `openclaw`.
    pub app: &'a str,
    /// The session's id, unique among all people's sessions of this application: with the application it decides which
    /// document it is, on every device.
    pub session: &'a str,
    /// What the application calls it besides, as `agent:main:main`.
    pub key: Option<&'a str>,
}

/// What became of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOutcome {
    /// It is the header of the file and new.
    Header,
    /// It is a new entry of the transcript.
    Entry,
    /// It is there already.
    Present,
    /// It is no transcript entry, for this reason, and kept aside for export.
    Aside(&'static str),
    /// It is longer than [`LINE_MAX`](bowline_core::document::limits::LINE_MAX) and stays in the file.
    TooLong,
    /// It is no transcript entry, and for this reason is not kept aside either.
    NotKept(&'static str),
    /// The conversation is in the trash: nothing is added to it.
    InTrash,
}

/// What is known of a session only at its end. What is `None` or `false` here and was not the last time is taken back, and
/// nothing of it ever comes before what was said in Bowline.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionEnd<'a> {
    /// Whether the last line ends with a line end, which is not one of the lines that were handed over.
    pub ends_with_newline: bool,
    /// The title that its application shows.
    pub title: Option<&'a str>,
    /// Labels; those that were there the last time and are not any more are taken off.
    pub labels: &'a [&'a str],
    /// Whether its application shows it first.
    pub pinned: bool,
    /// Whether its application leaves it out of lists.
    pub archived: bool,
    /// The agent it is with, as its application calls it, so that it is the same on every device.
    pub agent: Option<&'a str>,
}

/// What an import came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// There is a new document.
    New,
    /// There is a new document beside one in a workspace that has less; [`Device::share`](super::Device::share) makes one
    /// of the two.
    Beside(WorkspaceId),
    /// A document that was here has lines or files that it had not.
    More,
    /// Only what its application says about it is new, as its title or its fields.
    Updated,
    /// Everything was there.
    Unchanged,
    /// It is in the trash and stays there, as it is.
    InTrash,
    /// There was nothing in it, and there is no document.
    Empty,
}

/// What the import of a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportedSession {
    /// Which document it is.
    pub id: DocId,
    /// Where that is; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// What happened to it.
    pub outcome: ImportOutcome,
    /// New entries.
    pub added: u64,
    /// Lines that were there already.
    pub present: u64,
    /// Lines kept aside that are new.
    pub asides: u64,
    /// Lines that stay in the file: too long, or too many to be kept aside.
    pub left: u64,
}

/// An agent, a skill or the personal files of an agent, as another application holds it.
#[derive(Clone, Copy, Debug)]
pub struct FilesImport<'a> {
    /// What this device knows it by, as `openclaw/<profile>/agent/<id>`: the same source is the same document.
    pub source: &'a str,
    /// The application, as `openclaw`: what is different on both sides comes as `<stem>.<app>.<extension>`.
    pub app: &'a str,
    /// [`Kind::Agent`], [`Kind::Skill`] or [`Kind::Memory`].
    pub kind: Kind,
    /// Its name, or that of the agent whose memory it is.
    pub name: Option<&'a str>,
    /// What it is for; of an agent or a skill.
    pub description: Option<&'a str>,
    /// The model it runs on; of an agent.
    pub model: Option<&'a str>,
    /// Its values; of an agent.
    pub values: &'a [(AgentValues, &'a str, Json)],
    /// Its files.
    pub files: &'a [SourceFile<'a>],
}

/// A file as another application holds it.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// Where.
    pub path: &'a FilePath,
    /// What is in it. What is no text (UTF-8) can only be in a skill.
    pub content: &'a [u8],
    /// Whether it can be run; only in a skill.
    pub executable: bool,
}

/// What became of a field or file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemOutcome {
    /// It was not here, and is.
    New,
    /// It was here as its application had it the last time, and is now as it has it.
    Updated,
    /// It is the same, or the same as the last time.
    Unchanged,
    /// It was changed here and there. Here it stays as it is; what a file says there is at this path.
    Conflict(Option<FilePath>),
    /// It was there the last time and is not any more. Here it stays.
    Gone,
    /// It is not taken, for this reason.
    NotKept(&'static str),
}

/// What the import of an agent, a skill or personal files came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFiles {
    /// Which document it is; `None` if there is none, because nothing was in it or nothing was written.
    pub id: Option<DocId>,
    /// Where that is; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// What happened to it.
    pub outcome: ImportOutcome,
    /// What became of each field and value, as `name` or `params/temperature`.
    pub fields: Vec<(String, ItemOutcome)>,
    /// What became of each file, those that are gone at the end.
    pub files: Vec<(FilePath, ItemOutcome)>,
}

/// A session's file, as it is written for its application.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionFile {
    /// The application it came from; `None` if it was made in Bowline.
    pub app: Option<String>,
    /// The session's id there, or one made of the document's.
    pub session: String,
    /// What the application calls it besides.
    pub key: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for SessionFile {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionFile").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}
