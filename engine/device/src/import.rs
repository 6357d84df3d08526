//! What other applications hold, on its way into documents of this device: sessions line by line, and definitions with
//! their files. What was taken is remembered, so that the next import of the same adds what is new and nothing else.
//!
//! An import makes documents of this device, in no workspace, and adds to those it made before wherever they are by now.
//! It removes nothing. A [`Device`](super::Device) stores as it goes, so an import that ends in the middle goes on where
//! it was.

mod dry_run;
mod files;
mod items;
pub(crate) mod knowledge;
mod lines;
mod outcome;
mod plan;
mod remembered;
mod run;
pub(crate) mod sessions;
mod state;
mod writing;

use bowline_core::document::{AgentValues, Document, FilePath, Json, Kind, Pen};
use bowline_store::{DocN, DocRow, Tx};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

pub use dry_run::DryRun;
pub use outcome::{Outcome, Verdict, Why};
pub use state::SessionImport;

use crate::documents::Documents;
use crate::documents::cache::Loaded;
use crate::documents::edit::{Beginning, Edit};
use crate::lent::{Lent, Parts};
use crate::workspace::Workspaces;
use crate::{Device, Error};
use knowledge::Knowledge;

/// An import at work on a device that is taken apart for it.
pub(crate) struct Import<'d> {
    documents: &'d mut Documents,
    workspaces: &'d mut Workspaces,
    lent: Lent<'d>,
    /// The workspace for which there is something to send afterwards.
    edited: Option<WorkspaceId>,
}

impl<'d> Import<'d> {
    pub(crate) fn into(parts: Parts<'d>) -> Self {
        let Parts { documents, workspaces, lent } = parts;
        Self { documents, workspaces, lent, edited: None }
    }

    /// Ends it; the workspace for which there is something to send.
    pub(crate) fn into_edited(self) -> Option<WorkspaceId> {
        self.edited
    }

    fn knowledge(&self) -> Knowledge<'_> {
        Knowledge { read: self.lent.read(), device: self.lent.device(), workspaces: self.workspaces }
    }

    fn load(&mut self, row: &DocRow) -> Result<&mut Loaded, Error> {
        self.documents.load(&mut self.lent, self.workspaces.keyrings(), row)
    }

    fn load_anew(&mut self, n: DocN) -> Result<&mut Loaded, Error> {
        self.documents.load_anew(&mut self.lent, self.workspaces.keyrings(), n)
    }

    fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        row: &DocRow,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let edited = self.documents.edit(&mut self.lent, self.workspaces.keyrings(), row, edit)?;
        if let Some(edited) = edited {
            self.workspaces.note_edited(&edited);
            self.edited = edited.workspace.or(self.edited);
        }
        Ok(())
    }

    fn begin_document<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        beginning: Beginning,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
        together: impl FnOnce(&Tx<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let keyrings = self.workspaces.keyrings();
        let edited = self.documents.begin(&mut self.lent, keyrings, beginning, edit, together)?;
        self.edited = edited.workspace.or(self.edited);
        Ok(())
    }
}

/// Where an import goes: into a device, or nowhere but into a [`DryRun`], which comes to the same and writes nothing.
pub trait ImportTarget {
    /// As [`Device::begin_import`].
    fn begin_import(&mut self, session: &SourceSession, now: Millis) -> Result<SessionImport, Error>;

    /// As [`Device::import_line`].
    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error>;

    /// As [`Device::skip_line`].
    fn skip_line(&mut self, import: &mut SessionImport, len: u64, now: Millis) -> Result<LineVerdict, Error>;

    /// As [`Device::finish_import`].
    fn finish_import(
        &mut self,
        import: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error>;

    /// As [`Device::import_files`].
    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error>;
}

impl ImportTarget for Device {
    fn begin_import(&mut self, session: &SourceSession, now: Millis) -> Result<SessionImport, Error> {
        Self::begin_import(self, session, now)
    }

    fn import_line(
        &mut self,
        import: &mut SessionImport,
        line: &[u8],
        now: Millis,
    ) -> Result<LineVerdict, Error> {
        Self::import_line(self, import, line, now)
    }

    fn skip_line(&mut self, import: &mut SessionImport, len: u64, now: Millis) -> Result<LineVerdict, Error> {
        Self::skip_line(self, import, len, now)
    }

    fn finish_import(
        &mut self,
        import: SessionImport,
        ends_with_newline: bool,
        now: Millis,
    ) -> Result<ImportedSession, Error> {
        Self::finish_import(self, import, ends_with_newline, now)
    }

    fn import_files(&mut self, import: &FilesImport<'_>, now: Millis) -> Result<ImportedFiles, Error> {
        Self::import_files(self, import, now)
    }
}

/// A session as its application has it, apart from its lines. What is `None` or `false` here and was not the last time is
/// taken back, and nothing of it ever comes before what was said in Bowline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceSession {
    /// The application, as `openclaw`.
    pub app: String,
    /// The session's id, unique among all people's sessions of this application: with the application it decides which
    /// document it is, on every device.
    pub id: String,
    /// What the application calls it besides, as `agent:main:main`.
    pub key: Option<String>,
    /// The title that its application shows.
    pub title: Option<String>,
    /// Labels; those that were there the last time and are not any more are taken off.
    pub labels: Vec<String>,
    /// Whether its application shows it first.
    pub pinned: bool,
    /// Whether its application leaves it out of lists.
    pub archived: bool,
    /// The agent it is with, as its application calls it, so that it is the same on every device.
    pub agent: Option<String>,
}

/// What becomes of one line of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineVerdict {
    /// Whether it is the header of the file, and not one of the lines below it.
    pub is_header: bool,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why, where the outcome does not say it.
    pub why: Option<Why>,
}

/// What the import of a session came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedSession {
    /// Which document it is.
    pub id: DocId,
    /// Where that is; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where the outcome does not say it.
    pub why: Option<Why>,
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
    /// The name of the agent or skill, or of the agent whose memory it is.
    pub name: Option<&'a str>,
    /// What it is for; of an agent or a skill.
    pub description: Option<&'a str>,
    /// The model it runs on; of an agent.
    pub model: Option<&'a str>,
    /// The values of an agent.
    pub values: &'a [(AgentValues, &'a str, Json)],
    /// The files.
    pub files: &'a [SourceFile<'a>],
}

/// A file as another application holds it.
#[derive(Clone, Copy, Debug)]
pub struct SourceFile<'a> {
    /// The path of the file.
    pub path: &'a FilePath,
    /// What is in it. What is not text (UTF-8) can only be in a skill.
    pub content: &'a [u8],
    /// Whether it can be run; only in a skill.
    pub executable: bool,
}

/// What the import of an agent, a skill or personal files came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFiles {
    /// Which document it is; `None` if there is none, because nothing was in it or nothing was written.
    pub id: Option<DocId>,
    /// Where that is; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where the outcome does not say it.
    pub why: Option<Why>,
    /// What became of each field and value, as `name` or `params/temperature`.
    pub fields: Vec<(String, Verdict)>,
    /// What became of each file, those that are gone at the end.
    pub files: Vec<(FilePath, Verdict)>,
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
