//! What a device knows of a source before anything of it is imported: the document it became, and what is remembered.

use bowline_core::document::limits::NAME_MAX;
use bowline_core::document::{Document, EditError, Kind};
use bowline_store::{DocN, DocRow, Reader};
use bowline_wire::ids::{DeviceId, DocId, WorkspaceId};

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
    /// The session's document may be added to, and was imported elsewhere.
    Document(DocRow),
    /// Only others have put the session's document into this workspace.
    Watched(DocRow, WorkspaceId),
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

/// Where a document is that an import made.
enum Made {
    Ours(DocRow),
    Others(DocRow),
    Nowhere,
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
        let Some(row) = self.find_imported(id)? else { return Ok(Known::Nothing) };
        let is_ours = self.is_imports_own(&row)?;
        Ok(match (row.ws, remembered) {
            _ if row.deleted_at.is_some() => Known::InTrash(row),
            // What is remembered is about the document that this device has made.
            (_, Some(remembered)) if is_ours => {
                Known::Remembered(row, Box::new(SessionMemory::from_bytes(&remembered.value)?))
            }
            (Some(workspace), _) if !is_ours => Known::Watched(row, workspace),
            _ => Known::Document(row),
        })
    }

    /// The document an import adds to: one of this device first, then one of a workspace, the current one first.
    pub(super) fn find_imported(&self, id: DocId) -> Result<Option<DocRow>, Error> {
        let mut others = None;
        for row in self.places_of(id)? {
            if row.kind != kind_column(Kind::Conversation) {
                if row.ws.is_none() {
                    return Err(Error::OtherKind(id));
                }
            } else if self.is_imports_own(&row)? {
                return Ok(Some(row));
            } else {
                others = others.or(Some(row));
            }
        }
        Ok(others)
    }

    /// A document wherever it is: on this device first, then in the current workspace, then elsewhere.
    pub(super) fn places_of(&self, id: DocId) -> Result<Vec<DocRow>, Error> {
        let current = self.workspaces.current(self.read)?;
        let others = self.workspaces.ids().filter(|other| Some(*other) != current).map(Some);
        let mut places = vec![None];
        places.extend(current.map(Some).into_iter().chain(others));
        let found = places.into_iter().map(|place| self.read.find_doc(place, id));
        Ok(found.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Whether an import may add to a document: it is only here, or was shared from here to where it is.
    pub(super) fn is_imports_own(&self, row: &DocRow) -> Result<bool, Error> {
        match row.ws {
            None => Ok(true),
            Some(workspace) => is_shared_from_here(self.read, row.id, workspace),
        }
    }

    /// What this device knows of a source of files.
    ///
    /// # Errors
    /// [`Error::OtherKind`] if the source was a document of another kind the last time, or is of none that has files.
    pub(super) fn known_files(&self, import: &FilesImport<'_>) -> Result<KnownFiles, Error> {
        let Some(remembered) = self.read.import(import.source)? else {
            return Ok(KnownFiles::Nothing);
        };
        let row = match self.find_made(remembered.doc)? {
            Made::Ours(row) => row,
            Made::Others(row) => return Ok(KnownFiles::leave(&row, Outcome::Unchanged.into())),
            Made::Nowhere => return Ok(KnownFiles::Nothing),
        };
        if kind_of(&row)? != import.kind {
            return Err(Error::OtherKind(row.id));
        }
        if row.deleted_at.is_some() {
            return Ok(KnownFiles::leave(&row, Verdict::because(Outcome::Skipped, Why::InTrash)));
        }
        Ok(KnownFiles::Ours(row, FilesMemory::from_bytes(&remembered.value)?))
    }

    /// The document that an import made, wherever it is by now, if that is where this device has put it. One that is only where
    /// somebody else has put it is not this device's to add to.
    fn find_made(&self, id: DocId) -> Result<Made, Error> {
        let places = self.places_of(id)?;
        for row in &places {
            if self.is_imports_own(row)? {
                return Ok(Made::Ours(row.clone()));
            }
        }
        Ok(places.into_iter().next().map_or(Made::Nowhere, Made::Others))
    }

    /// Whether nobody has written into a document since it was imported, so that all that is in it is remembered.
    pub(super) fn is_as_imported(&self, n: DocN, memory: &SessionMemory) -> Result<bool, Error> {
        let row = self.read.doc(n)?.ok_or(Error::Gone)?;
        let is_same = memory.is_all && decode_heads(&row.heads) == memory.heads;
        Ok(is_same && memory.heads.len() < HEADS_MAX && !self.read.docs_with_unapplied()?.contains(&n))
    }

    /// A document with everything accepted so far, not to be kept in memory.
    pub(super) fn document(&self, n: DocN) -> Result<Document, Error> {
        let keyrings = self.workspaces.keyrings();
        Reading { read: self.read, device: self.device, keyrings }.document(n)
    }
}
