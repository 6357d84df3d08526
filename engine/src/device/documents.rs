//! What a person does with documents: create, write, delete to the trash, restore, list, show.

use bowline_core::document::{Document, EditError, Kind, MessageId, Pen, Role, Transcript};
use bowline_store::{DocFilter, DocN, DocRow, NewDoc, Place, Trash};
use bowline_wire::ids::{DocId, Millis, WireDoc, WorkspaceId};

use super::Device;
use super::effects::kind_column;
use super::loading::{Derived, kind_of};
use crate::Error;

/// How far a document's sealing is, as the store keeps it.
pub(super) mod doc_state {
    /// No entry of it was ever made or seen: the first one is a snapshot.
    pub(in crate::device) const NEVER_SEALED: u8 = 0;
    /// There are entries of it.
    pub(in crate::device) const SEALED: u8 = 1;
}

/// A conversation as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: DocId,
    /// Its workspace; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// The title; may be empty.
    pub title: String,
    /// When it was last edited.
    pub updated_at: Millis,
    /// How many entries it has.
    pub count: u64,
    /// The beginning of its latest text.
    pub preview: String,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
}

/// A conversation in full.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Which.
    pub id: DocId,
    /// The title somebody gave it.
    pub title: Option<String>,
    /// All its entries, in order, with branches marked.
    pub transcript: Transcript,
    /// The document's heads: equal on devices that show the same.
    pub heads: Vec<bowline_core::document::ChangeHash>,
}

impl Device {
    /// Begins a conversation, in the current workspace or on this device only.
    pub fn create_conversation(&mut self, title: Option<&str>, now: Millis) -> Result<DocId, Error> {
        let mut id = [0; DocId::LEN];
        self.random.fill_bytes(&mut id);
        let id = DocId::from_bytes(id);
        let workspace = self.current_workspace()?;
        let mut document = Document::create(Kind::Conversation);
        let mut view = document.conversation_mut(self.pen(now)).map_err(|_| Error::OtherKind(id))?;
        let change = view.set_title(title)?;
        let derived = Derived::of(&document);
        let new = self.new_document(Kind::Conversation, workspace, id, now);
        self.store.transaction(|tx| -> Result<(), Error> {
            let n = tx.insert_doc(&new)?;
            if let Some(change) = &change {
                tx.insert_change(n, change)?;
                derived.write(tx, n, doc_state::NEVER_SEALED)?;
            }
            Ok(())
        })?;
        self.drive_after_edit(workspace, now);
        Ok(id)
    }

    /// Appends a message.
    pub fn say(&mut self, id: DocId, role: Role, text: &str, now: Millis) -> Result<(), Error> {
        let n = self.find(id)?;
        loop {
            let mut message = [0; 4];
            self.random.fill_bytes(&mut message);
            let message = MessageId::from_bytes(message);
            let said = self.edit(n, now, |document, pen| {
                Ok(document.conversation_mut(pen)?.append_message(message, role, text, now)?)
            });
            match said {
                Err(Error::Edit(EditError::IdTaken)) => {}
                other => return other,
            }
        }
    }

    /// Appends a transcript line byte for byte.
    pub fn append_line(&mut self, id: DocId, line: &str, now: Millis) -> Result<(), Error> {
        self.edit_conversation(id, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.append_raw(line)?)
        })
    }

    /// Sets or removes the title.
    pub fn set_title(&mut self, id: DocId, title: Option<&str>, now: Millis) -> Result<(), Error> {
        self.edit_conversation(id, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_title(title)?)
        })
    }

    /// Sets or removes a label.
    pub fn set_label(&mut self, id: DocId, label: &str, on: bool, now: Millis) -> Result<(), Error> {
        self.edit_conversation(id, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_label(label, on)?)
        })
    }

    /// Moves a conversation to the trash; it can be restored.
    pub fn delete(&mut self, id: DocId, now: Millis) -> Result<(), Error> {
        self.edit_conversation(id, now, |document, pen| Ok(document.conversation_mut(pen)?.delete()?))
    }

    /// Takes a conversation out of the trash.
    pub fn restore_deleted(&mut self, id: DocId, now: Millis) -> Result<(), Error> {
        self.edit_conversation(id, now, |document, pen| Ok(document.conversation_mut(pen)?.restore()?))
    }

    /// All conversations, newest first: those in view, or those in the trash. Loads none of them.
    pub fn list(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        let trash = if trash { Trash::Only } else { Trash::Without };
        let kind = Some(kind_column(Kind::Conversation));
        let filter = DocFilter { place: Place::Anywhere, trash, kind, limit: None };
        Ok(self.store.read().list_docs(&filter)?.into_iter().map(listed).collect())
    }

    /// A conversation in full.
    pub fn show(&mut self, id: DocId, now: Millis) -> Result<Shown, Error> {
        let n = self.find(id)?;
        let document = &self.load(n, now)?.document;
        let conversation = document.conversation().map_err(|_| Error::OtherKind(id))?;
        let (title, transcript, heads) = (conversation.title(), conversation.transcript(), document.heads());
        Ok(Shown { id, title, transcript, heads })
    }

    /// Puts a document of this device into a workspace, with all its history.
    pub fn share(&mut self, id: DocId, workspace: WorkspaceId, now: Millis) -> Result<(), Error> {
        self.replica(workspace)?;
        let row = self.store.read().find_doc(None, id)?.ok_or(Error::NotLocal(id))?;
        if self.store.read().find_doc(Some(workspace), id)?.is_some() {
            return Err(Error::NotLocal(id));
        }
        let wire = self.wire_doc(workspace, id);
        self.store.transaction(|tx| tx.set_doc_workspace(row.n, Some(workspace), wire))?;
        self.drive(workspace, now)
    }

    fn edit_conversation(
        &mut self,
        id: DocId,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<Option<Vec<u8>>, Edit>,
    ) -> Result<(), Error> {
        let n = self.find(id)?;
        self.edit(n, now, edit)
    }

    /// Makes one edit: the change, the row that lists show and the mark that it is unsealed are durable together.
    pub(super) fn edit(
        &mut self,
        n: DocN,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<Option<Vec<u8>>, Edit>,
    ) -> Result<(), Error> {
        let pen = self.pen(now);
        let loaded = self.load(n, now)?;
        let Some(change) = edit(&mut loaded.document, pen).map_err(Error::from)? else {
            return Ok(());
        };
        let derived = Derived::of(&loaded.document);
        let row = self.store.read().doc(n)?.ok_or(Error::Unreadable("a document row"))?;
        let stored = self.store.transaction(|tx| -> Result<u64, Error> {
            tx.insert_change(n, &change)?;
            derived.write(tx, n, row.state)
        });
        match (stored, self.documents.get_mut(&n)) {
            (Ok(rev), Some(loaded)) => loaded.wrote(rev),
            // What is in memory was never stored.
            (Err(error), _) => {
                self.documents.remove(&n);
                return Err(error);
            }
            (Ok(_), None) => {}
        }
        if let Some(linked) = row.ws.and_then(|workspace| self.workspaces.get_mut(&workspace)) {
            linked.too_large.remove(&n);
        }
        self.drive_after_edit(row.ws, now);
        Ok(())
    }

    /// Sends what there is to send. The edit is durable whatever comes of it; if the database fails now, that shows in
    /// [`Device::needs_reopening`].
    fn drive_after_edit(&mut self, workspace: Option<WorkspaceId>, now: Millis) {
        if let Some(workspace) = workspace
            && let Err(error) = self.drive(workspace, now)
        {
            tracing::warn!(%error, "an edit is stored and cannot be sent now");
        }
    }

    pub(super) fn new_document(
        &self,
        kind: Kind,
        workspace: Option<WorkspaceId>,
        id: DocId,
        now: Millis,
    ) -> NewDoc<'static> {
        NewDoc {
            ws: workspace,
            id,
            wire: workspace.and_then(|workspace| self.wire_doc(workspace, id)),
            heads: &[],
            state: doc_state::NEVER_SEALED,
            kind: kind_column(kind),
            summary: bowline_store::Summary { updated_at: now, ..Default::default() },
            deleted_at: None,
            created_at: now,
        }
    }

    /// A document's id on the wire, once the workspace's first key is known here.
    pub(super) fn wire_doc(&self, workspace: WorkspaceId, id: DocId) -> Option<WireDoc> {
        Some(self.workspaces.get(&workspace)?.replica.keyring()?.wire_doc(id))
    }

    /// The row of a document, wherever it is: in the current workspace first, then on this device, then elsewhere.
    pub(super) fn find(&self, id: DocId) -> Result<DocN, Error> {
        let current = self.current_workspace()?;
        let others: Vec<_> = self.store.read().workspaces()?.into_iter().map(|row| Some(row.id)).collect();
        for place in [current, None].into_iter().chain(others) {
            if let Some(row) = self.store.read().find_doc(place, id)? {
                kind_of(&row)?;
                return Ok(row.n);
            }
        }
        Err(Error::NoDocument(id))
    }
}

/// Why an edit came to nothing, before it is known which document it was about.
pub(super) enum Edit {
    Refused(EditError),
    OtherKind,
}

impl From<EditError> for Edit {
    fn from(error: EditError) -> Self {
        Self::Refused(error)
    }
}

impl From<bowline_core::document::OtherKind> for Edit {
    fn from(_: bowline_core::document::OtherKind) -> Self {
        Self::OtherKind
    }
}

impl From<Edit> for Error {
    fn from(edit: Edit) -> Self {
        match edit {
            Edit::Refused(error) => Self::Edit(error),
            Edit::OtherKind => Self::Unreadable("a document as another kind"),
        }
    }
}

fn listed(row: DocRow) -> Listed {
    Listed {
        id: row.id,
        workspace: row.ws,
        title: row.summary.title,
        updated_at: row.summary.updated_at,
        count: row.summary.count,
        preview: row.summary.preview,
        deleted_at: row.deleted_at,
    }
}
