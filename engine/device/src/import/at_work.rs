//! An import at work on a device that is taken apart for it.

use bowline_core::document::{Document, Pen};
use bowline_store::{DocN, DocRow, Tx};
use bowline_wire::ids::WorkspaceId;

use super::knowledge::{Knowledge, stays_aside};
use crate::Error;
use crate::apart::Parts;
use crate::documents::cache::Loaded;
use crate::documents::edit::{Beginning, Edit};
use crate::documents::held::Documents;
use crate::lent::Lent;
use crate::workspace::Workspaces;

/// An import at work on a device that is taken apart for it.
pub(crate) struct Import<'d> {
    pub(super) documents: &'d mut Documents,
    pub(super) workspaces: &'d mut Workspaces,
    pub(super) lent: Lent<'d>,
    /// The workspace for which there is something to send afterwards.
    pub(super) edited: Option<WorkspaceId>,
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

    pub(super) fn knowledge(&self) -> Knowledge<'_> {
        Knowledge { read: self.lent.read(), device: self.lent.device(), workspaces: self.workspaces }
    }

    pub(super) fn load(&mut self, row: &DocRow) -> Result<&mut Loaded, Error> {
        self.documents.load(&mut self.lent, self.workspaces.keyrings(), row)
    }

    pub(super) fn load_anew(&mut self, n: DocN) -> Result<&mut Loaded, Error> {
        self.documents.load_anew(&mut self.lent, self.workspaces.keyrings(), n)
    }

    /// Makes one edit. What somebody else has put into a workspace is not an import's to add to there: what it adds stays
    /// here.
    pub(super) fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        row: &DocRow,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let (stays, keyrings) = (stays_aside(self.lent.read(), row)?, self.workspaces.keyrings());
        let edited = if stays {
            self.documents.edit_aside(&mut self.lent, keyrings, row, edit)?
        } else {
            self.documents.edit(&mut self.lent, keyrings, row, edit)?
        };
        if let Some(edited) = edited {
            self.workspaces.note_edited(&edited);
            self.edited = edited.workspace.or(self.edited);
        }
        Ok(())
    }

    pub(super) fn begin_document<C: IntoIterator<Item = Vec<u8>>>(
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
