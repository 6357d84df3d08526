//! What an import takes and what it gives: a session, its lines and its file, an agent, a skill or personal files.

use bowline_core::document::{AgentValues, FilePath, Json, Kind, Missing};
use bowline_wire::ids::{DocId, WorkspaceId};

use super::outcome::{Outcome, Verdict, Why};

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
    /// Whether its application says nothing of a session that is here already, and what was said before stays: there are only
    /// the lines, as in a file that was taken out of its folder.
    pub is_lines_only: bool,
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
    /// Lines that stay in the file: too long, not readable, or too many to be kept aside.
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
    /// Lines that are not among them, since they stayed in the file that was imported.
    pub missing: Vec<Missing>,
}

impl std::fmt::Debug for SessionFile {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionFile").field("len", &self.bytes.len()).finish_non_exhaustive()
    }
}
