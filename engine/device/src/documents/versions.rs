//! Documents that are folders of files, in any of their versions, and edits that know which version they were made from.

use std::collections::BTreeMap;

use bowline_core::document::{
    AgentEdit, AgentField, Document, FileContent, FilePath, Kind, MemoryEdit, NoVersion, Pen, SkillEdit,
    SkillFile, TextFile, Version,
};
use bowline_wire::ids::DocId;

use crate::apart::Parts;
use crate::documents::edit::Edit;
use crate::{Error, Found};

/// Under which name in the database it stands what of a document was seen on this device: texts of versions by the paths of
/// files, and under the empty path that of all of it.
fn seen_key(id: DocId) -> String {
    format!("seen/{id}")
}

/// An edit of a document of one of the kinds that are folders of files.
#[derive(Clone, Debug)]
pub enum FilesEdit {
    /// An edit of an agent.
    Agent(AgentEdit),
    /// An edit of a skill.
    Skill(SkillEdit),
    /// An edit of a memory.
    Memory(MemoryEdit),
}

impl FilesEdit {
    /// An edit of a document of this kind that changes nothing yet; `None` if such a document has no files.
    pub fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Agent => Some(Self::Agent(AgentEdit::default())),
            Kind::Skill => Some(Self::Skill(SkillEdit::default())),
            Kind::Memory => Some(Self::Memory(MemoryEdit::default())),
            Kind::Conversation | Kind::Profile => None,
        }
    }

    /// What the edit is for.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Agent(_) => Kind::Agent,
            Self::Skill(_) => Kind::Skill,
            Self::Memory(_) => Kind::Memory,
        }
    }

    /// Sets the name.
    pub fn set_name(&mut self, name: &str) {
        match self {
            Self::Agent(edit) => drop(edit.set(AgentField::Name, Some(name))),
            Self::Skill(edit) => drop(edit.set_name(Some(name))),
            Self::Memory(edit) => drop(edit.set_name(Some(name))),
        }
    }

    /// Makes a file hold this. False, and nothing is added to the edit, if it is not a text and the kind takes only texts.
    #[must_use]
    pub fn write_file(&mut self, path: FilePath, content: FileContent) -> bool {
        match (self, content) {
            (Self::Skill(edit), content) => drop(edit.write_file(path, content)),
            (Self::Agent(edit), FileContent::Text(text)) => drop(edit.write_file(path, &text)),
            (Self::Memory(edit), FileContent::Text(text)) => drop(edit.write_file(path, &text)),
            (Self::Agent(_) | Self::Memory(_), FileContent::Bytes(_)) => return false,
        }
        true
    }

    /// Removes a file, if it is there.
    pub fn remove_file(&mut self, path: FilePath) {
        match self {
            Self::Agent(edit) => drop(edit.remove_file(path)),
            Self::Skill(edit) => drop(edit.remove_file(path)),
            Self::Memory(edit) => drop(edit.remove_file(path)),
        }
    }

    /// Says whether a file can be run; only files of skills can.
    pub fn set_executable(&mut self, path: FilePath, executable: bool) {
        if let Self::Skill(edit) = self {
            edit.set_executable(path, executable);
        }
    }

    /// Whether the edit asks for nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Agent(edit) => edit.is_empty(),
            Self::Skill(edit) => edit.is_empty(),
            Self::Memory(edit) => edit.is_empty(),
        }
    }

    /// Makes the edit of a document, or of what it was `since`.
    pub(crate) fn make(
        &self,
        document: &mut Document,
        pen: Pen,
        since: Option<&Document>,
    ) -> Result<Vec<Vec<u8>>, Edit> {
        Ok(match self {
            Self::Agent(edit) => document.agent_mut(pen)?.edit_since(edit, since)?,
            Self::Skill(edit) => document.skill_mut(pen)?.edit_since(edit, since)?,
            Self::Memory(edit) => document.memory_mut(pen)?.edit_since(edit, since)?,
        })
    }
}

/// A document of a device in all its versions, and which of them the device's person has seen.
pub struct Versions<'d> {
    parts: Parts<'d>,
    found: Found,
}

impl<'d> Versions<'d> {
    pub(crate) fn new(parts: Parts<'d>, found: Found) -> Self {
        Self { parts, found }
    }

    /// What the document is now, as it is shown.
    pub fn current(&mut self) -> Result<Version, Error> {
        self.look(Document::version)
    }

    /// The version that somebody means.
    ///
    /// # Errors
    /// [`Error::NoVersion`] if there is none that begins so, or more than one.
    pub fn find(&mut self, text: &str) -> Result<Version, Error> {
        Ok(self.look(|document| document.find_version(text))??)
    }

    /// The files of an agent, a skill or a memory, as they are now or were in a version.
    pub fn files(&mut self, version: Option<&Version>) -> Result<Vec<SkillFile>, Error> {
        match version {
            Some(version) => Ok(files_of(&self.as_of(version)?)),
            None => self.look(files_of),
        }
    }

    /// Notes that a person has the document before them as it is now, or one of its files.
    pub fn note_seen(&mut self, path: Option<&FilePath>) -> Result<(), Error> {
        let version = self.current()?.to_string();
        let before = self.seen_texts()?;
        let mut seen = before.clone();
        if path.is_none() {
            seen.clear();
        }
        seen.insert(path.map(FilePath::to_string).unwrap_or_default(), version);
        if seen == before {
            return Ok(());
        }
        let value = serde_json::to_vec(&seen).map_err(|_| Error::Bug("versions that are not JSON"))?;
        let key = seen_key(self.found.id());
        Ok(self.parts.lent.store.transaction(|tx| tx.put_meta(&key, &value))?)
    }

    /// The version of a file that a person has last had before them on this device; `None` if they never had, or if it is not here
    /// any more.
    pub fn seen(&mut self, path: &FilePath) -> Result<Option<Version>, Error> {
        let seen = self.seen_texts()?;
        let Some(text) = seen.get(path.as_str()).or_else(|| seen.get("")) else { return Ok(None) };
        self.look(|document| document.find_version(text).ok())
    }

    /// Whether somebody else than this device has written into the document.
    pub fn has_other_writers(&mut self) -> Result<bool, Error> {
        let Parts { workspaces, lent, .. } = &self.parts;
        let mut own = vec![lent.device()];
        own.extend(self.found.workspace().map(|workspace| workspaces.device_in(lent.keys, workspace)));
        self.look(|document| !document.is_all_by(|actor| own.iter().any(|own| actor.belongs_to(*own))))
    }

    /// The document as it was in a version.
    pub(crate) fn as_of(&mut self, version: &Version) -> Result<Document, Error> {
        self.look(|document| document.as_of(version))?.ok_or(Error::NoVersion(NoVersion::Unknown))
    }

    fn seen_texts(&self) -> Result<BTreeMap<String, String>, Error> {
        let stored = self.parts.lent.read().meta(&seen_key(self.found.id()))?;
        // What cannot be read counts as never seen: it costs a question.
        Ok(stored.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Reads the document as it is shown.
    fn look<T>(&mut self, read: impl FnOnce(&Document) -> T) -> Result<T, Error> {
        let Parts { documents, workspaces, lent } = &mut self.parts;
        Ok(read(documents.load(lent, workspaces.keyrings(), &self.found.row)?.shown()))
    }
}

/// The files of a document, whatever its kind; none of a kind that has no files.
fn files_of(document: &Document) -> Vec<SkillFile> {
    let text = |file: TextFile| SkillFile {
        path: file.path,
        content: FileContent::Text(file.text),
        executable: false,
        conflicts_with: file.conflicts_with,
    };
    match document.kind() {
        Kind::Agent => document.agent().map(|agent| agent.files().into_iter().map(text).collect()),
        Kind::Memory => document.memory().map(|memory| memory.files().into_iter().map(text).collect()),
        Kind::Skill => document.skill().map(|skill| skill.files()),
        Kind::Conversation | Kind::Profile => Ok(Vec::new()),
    }
    .unwrap_or_default()
}
