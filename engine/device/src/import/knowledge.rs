//! What a device knows of a source before anything of it is imported: the document it became, and what is remembered.

use bowline_core::document::limits::NAME_MAX;
use bowline_core::document::{Document, EditError, Kind};
use bowline_store::{DocN, DocRow, Reader};
use bowline_wire::ids::{DeviceId, DocId};

use super::outcome::{Outcome, Verdict, Why};
use super::remembered::{FilesMemory, SessionMemory};
use super::source::{FilesImport, ImportedFiles, SourceSession};
use crate::Error;
use crate::documents::reading::Reading;
use crate::documents::sharing::is_shared_from_here;
use crate::rows::{decode_heads, kind_column, kind_of};
use crate::workspace::Workspaces;

/// Heads of a document from which on it is loaded, so that what is written brings them together: each import that loads
/// nothing leaves one.
const HEADS_MAX: usize = 32;

/// Where what is known is looked up. It can read, and nothing else.
#[derive(Clone, Copy)]
pub(crate) struct Knowledge<'d> {
    pub(crate) read: Reader<'d>,
    pub(crate) device: DeviceId,
    pub(crate) workspaces: &'d Workspaces,
}

/// What a device knows of a session.
pub(super) enum Known {
    Nothing,
    /// The session's document is in the trash.
    InTrash(DocRow),
    /// This device has imported the session.
    Remembered(DocRow, Box<SessionMemory>),
    /// The session's document is here, and what is remembered of an import says nothing about it.
    Document(DocRow),
}

/// What a device knows of a source of files.
pub(super) enum KnownFiles {
    /// There is no document of it.
    Nothing,
    /// The source's document is not to be changed.
    Leave(ImportedFiles),
    /// The source's document, and what is remembered of the last import.
    Ours(DocRow, FilesMemory),
}

impl KnownFiles {
    pub(super) fn leave(row: &DocRow, verdict: Verdict) -> Self {
        let Verdict { outcome, why } = verdict;
        let (id, workspace) = (Some(row.id), row.ws);
        Self::Leave(ImportedFiles { id, workspace, outcome, why, fields: Vec::new(), files: Vec::new() })
    }
}

impl Knowledge<'_> {
    /// What this device knows of a session.
    ///
    /// # Errors
    /// [`Error::Edit`] for names longer than [`NAME_MAX`]; the database's.
    pub(super) fn known_session(
        &self,
        session: &SourceSession,
        source: &str,
        id: DocId,
    ) -> Result<Known, Error> {
        for name in [Some(&session.app), Some(&session.id), session.key.as_ref()].into_iter().flatten() {
            if name.len() > NAME_MAX {
                return Err(EditError::TooLong { what: "the origin", limit: NAME_MAX }.into());
            }
        }
        let remembered = self.read.import(source)?;
        let Some(row) = self.read.find_doc(id)? else { return Ok(Known::Nothing) };
        if row.kind != kind_column(Kind::Conversation) {
            return Err(Error::OtherKind(id));
        }
        Ok(match remembered {
            _ if row.deleted_at.is_some() => Known::InTrash(row),
            // What is remembered is about the document that this device has made.
            Some(remembered) if !stays_aside(self.read, &row)? => {
                Known::Remembered(row, Box::new(SessionMemory::from_bytes(&remembered.value)?))
            }
            _ => Known::Document(row),
        })
    }

    /// What this device knows of a source of files.
    ///
    /// # Errors
    /// [`Error::OtherKind`] if the source was a document of another kind the last time, or is of none that has files.
    pub(super) fn known_files(&self, import: &FilesImport<'_>) -> Result<KnownFiles, Error> {
        let Some(remembered) = self.read.import(import.source)? else {
            return Ok(KnownFiles::Nothing);
        };
        let Some(row) = self.read.find_doc(remembered.doc)? else { return Ok(KnownFiles::Nothing) };
        if kind_of(&row)? != import.kind {
            return Err(Error::OtherKind(row.id));
        }
        if row.deleted_at.is_some() {
            return Ok(KnownFiles::leave(&row, Verdict::because(Outcome::Skipped, Why::InTrash)));
        }
        Ok(KnownFiles::Ours(row, FilesMemory::from_bytes(&remembered.value)?))
    }

    /// Whether nobody has written into a document since it was imported, so that all that is in it is remembered.
    pub(super) fn is_as_imported(&self, n: DocN, memory: &SessionMemory) -> Result<bool, Error> {
        let row = self.read.doc(n)?.ok_or(Error::Gone)?;
        let is_same = memory.is_all && decode_heads(&row.heads) == memory.heads;
        Ok(is_same && memory.heads.len() < HEADS_MAX && !self.read.has_unapplied(n)?)
    }

    /// A document with everything accepted so far, not to be kept in memory.
    pub(super) fn document(&self, n: DocN) -> Result<Document, Error> {
        let keyrings = self.workspaces.keyrings();
        Reading { read: self.read, device: self.device, keyrings }.document(n)
    }
}

/// Whether what an import adds to a document is only here: somebody else has put it into its workspace, or something of it is
/// only here already.
pub(super) fn stays_aside(read: Reader<'_>, row: &DocRow) -> Result<bool, Error> {
    match row.ws {
        None => Ok(false),
        Some(workspace) => Ok(row.only_here.is_some() || !is_shared_from_here(read, row.id, workspace)?),
    }
}
