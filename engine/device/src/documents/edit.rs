//! What a person does with documents: create, write, delete to the trash, restore, list, show.

use bowline_core::document::{Document, EditError, Kind, MessageId, Pen, Role, Transcript};
use bowline_store::{DocFilter, DocRow, DocUpdate, NewDoc, Place, StoreError, Trash, Tx, WrittenDoc};
use bowline_wire::ids::{DocId, Millis, WireDoc, WorkspaceId};

use crate::Device;
use crate::Error;
use crate::documents::found::{Found, Which};
use crate::documents::loading::Derived;
use crate::documents::marks::Marks;
use crate::workspace::effects::kind_column;

/// How far a document's sealing is, as the store keeps it.
pub(crate) mod doc_state {
    /// No entry of it was ever made or seen: the first one is a snapshot.
    pub(crate) const NEVER_SEALED: u8 = 0;
    /// There are entries of it.
    pub(crate) const SEALED: u8 = 1;
}

/// A document as a list shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: DocId,
    /// Its workspace; `None` for this device only.
    pub workspace: Option<WorkspaceId>,
    /// The title, or the name of what is no conversation; may be empty.
    pub title: String,
    /// When it was last edited.
    pub updated_at: Millis,
    /// How many entries it has, or files.
    pub count: u64,
    /// The beginning of its latest text, or of a description.
    pub preview: String,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
    /// How it is filed, of a conversation. Of one that has come from elsewhere that shows once it was indexed or loaded.
    pub marks: Marks,
}

impl std::fmt::Debug for Listed {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Listed");
        shown.field("id", &self.id).field("updated_at", &self.updated_at).field("count", &self.count);
        shown.finish_non_exhaustive()
    }
}

/// A conversation in full.
#[derive(Clone)]
pub struct Shown {
    /// Which.
    pub id: DocId,
    /// The title somebody gave it.
    pub title: Option<String>,
    /// How it is filed.
    pub marks: Marks,
    /// All its entries, in order, with branches marked.
    pub transcript: Transcript,
    /// The document's heads: equal on devices that show the same.
    pub heads: Vec<bowline_core::document::ChangeHash>,
}

impl std::fmt::Debug for Shown {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Shown");
        shown.field("id", &self.id).field("entries", &self.transcript.entries.len());
        shown.field("heads", &self.heads).finish_non_exhaustive()
    }
}

impl Device {
    /// Begins a conversation, in the current workspace or on this device only.
    pub fn create_conversation(&mut self, title: Option<&str>, now: Millis) -> Result<DocId, Error> {
        self.create(Kind::Conversation, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_title(title)?)
        })
    }

    /// Begins a document of a kind with a first edit, in the current workspace or on this device only.
    pub(crate) fn create<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        kind: Kind,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<DocId, Error> {
        let mut id = [0; DocId::LEN];
        self.random.fill_bytes(&mut id);
        let workspace = self.current_workspace()?;
        self.create_at(kind, workspace, DocId::from_bytes(id), now, edit, |_| Ok(()))
    }

    /// Begins a document at a place and under an id, together with something else.
    pub(crate) fn create_at<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        kind: Kind,
        workspace: Option<WorkspaceId>,
        id: DocId,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
        together: impl FnOnce(&Tx<'_>) -> Result<(), Error>,
    ) -> Result<DocId, Error> {
        let mut document = Document::create(kind);
        let changes: Vec<_> = edit(&mut document, self.pen(now)).map_err(Error::from)?.into_iter().collect();
        let derived = Derived::of(&document);
        let new = self.new_document(kind, workspace, id, now);
        self.store.transaction(|tx| -> Result<(), Error> {
            let n = tx.insert_doc(&new)?;
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            if !changes.is_empty() {
                derived.write(tx, n)?;
            }
            together(tx)
        })?;
        self.drive_after_edit(workspace, now);
        Ok(id)
    }

    /// Appends a message.
    pub fn say(&mut self, which: impl Into<Which>, role: Role, text: &str, now: Millis) -> Result<(), Error> {
        let found = self.find_of_kind(which, Kind::Conversation)?;
        loop {
            let mut message = [0; 4];
            self.random.fill_bytes(&mut message);
            let message = MessageId::from_bytes(message);
            let said = self.edit_row(&found.row, now, |document, pen| {
                Ok(document.conversation_mut(pen)?.append_message(message, role, text, now)?)
            });
            match said {
                Err(Error::Edit(EditError::IdTaken)) => {}
                other => return other,
            }
        }
    }

    /// Appends a transcript line byte for byte.
    pub fn append_line(&mut self, which: impl Into<Which>, line: &str, now: Millis) -> Result<(), Error> {
        self.edit_conversation(which, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.append_raw(line)?)
        })
    }

    /// Sets or removes the title.
    pub fn set_title(
        &mut self,
        which: impl Into<Which>,
        title: Option<&str>,
        now: Millis,
    ) -> Result<(), Error> {
        self.edit_conversation(which, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_title(title)?)
        })
    }

    /// Sets or removes a label.
    pub fn set_label(
        &mut self,
        which: impl Into<Which>,
        label: &str,
        on: bool,
        now: Millis,
    ) -> Result<(), Error> {
        self.edit_conversation(which, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_label(label, on)?)
        })
    }

    /// Has it shown first, or no longer.
    pub fn set_pinned(&mut self, which: impl Into<Which>, pinned: bool, now: Millis) -> Result<(), Error> {
        self.edit_conversation(which, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_pinned(pinned)?)
        })
    }

    /// Puts it away, or takes it out again.
    pub fn set_archived(
        &mut self,
        which: impl Into<Which>,
        archived: bool,
        now: Millis,
    ) -> Result<(), Error> {
        self.edit_conversation(which, now, |document, pen| {
            Ok(document.conversation_mut(pen)?.set_archived(archived)?)
        })
    }

    /// Moves a document to the trash; it can be restored.
    pub fn delete(&mut self, which: impl Into<Which>, now: Millis) -> Result<(), Error> {
        let found = self.find_deletable(which)?;
        self.edit(found, now, |document, pen| Ok(document.delete(pen)?))
    }

    /// Takes a document out of the trash.
    pub fn restore_deleted(&mut self, which: impl Into<Which>, now: Millis) -> Result<(), Error> {
        let found = self.find_deletable(which)?;
        self.edit(found, now, |document, pen| Ok(document.restore(pen)?))
    }

    /// All conversations, newest first: those in view, or those in the trash. Loads none of them.
    pub fn list(&self, trash: bool) -> Result<Vec<Listed>, Error> {
        self.list_kind(Kind::Conversation, trash)
    }

    /// All documents of a kind, newest first: those in view, or those in the trash. Loads none of them.
    pub fn list_kind(&self, kind: Kind, trash: bool) -> Result<Vec<Listed>, Error> {
        let trash = if trash { Trash::Only } else { Trash::Without };
        let kind = Some(kind_column(kind));
        let filter = DocFilter { place: Place::Anywhere, trash, kind, limit: None };
        Ok(self.store.read().list_docs(&filter)?.into_iter().map(listed).collect())
    }

    /// Documents but profiles, those in the trash included, whose id begins so as it is printed: for people, who type the
    /// beginning of it. Loads none of them.
    pub fn find_by_prefix(&self, prefix: &str) -> Result<Vec<(DocId, Kind)>, Error> {
        Ok(self.find_beginning(prefix)?.iter().map(|found| (found.id(), found.kind())).collect())
    }

    /// As [`Device::find_by_prefix`], each of them as a verb takes it.
    pub fn find_beginning(&self, prefix: &str) -> Result<Vec<Found>, Error> {
        Found::beginning(self.store.read(), self.current_workspace()?, prefix)
    }

    /// Documents of a kind with this title, in order of their ids: those in view or, if there is none, those in the trash.
    pub fn find_titled(&self, kind: Kind, title: &str) -> Result<Vec<Found>, Error> {
        Found::titled(self.store.read(), self.current_workspace()?, kind, title)
    }

    /// The document that is meant, looked up if it was not yet.
    pub fn find(&self, which: impl Into<Which>) -> Result<Found, Error> {
        match which.into() {
            Which::Id(id) => Found::with_id(self.store.read(), self.current_workspace()?, id),
            Which::Found(found) => Ok(*found),
        }
    }

    /// What a document is.
    pub fn kind_of(&self, which: impl Into<Which>) -> Result<Kind, Error> {
        Ok(self.find(which)?.kind())
    }

    /// A conversation in full.
    pub fn show(&mut self, which: impl Into<Which>, now: Millis) -> Result<Shown, Error> {
        let found = self.find_of_kind(which, Kind::Conversation)?;
        let id = found.id();
        let document = &self.load(&found.row, now)?.document;
        let conversation = document.conversation().map_err(|_| Error::OtherKind(id))?;
        Ok(Shown {
            id,
            title: conversation.title(),
            marks: Marks::of(document),
            transcript: conversation.transcript(),
            heads: document.heads(),
        })
    }

    fn edit_conversation(
        &mut self,
        which: impl Into<Which>,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<Option<Vec<u8>>, Edit>,
    ) -> Result<(), Error> {
        let found = self.find_of_kind(which, Kind::Conversation)?;
        self.edit(found, now, edit)
    }

    /// Makes one edit of the document that is meant, as [`Device::edit_row`].
    pub(crate) fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        which: impl Into<Which>,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let found = self.find(which)?;
        self.edit_row(&found.row, now, edit)
    }

    /// Makes one edit: its changes, the row that lists show and the mark that they are unsealed are durable together.
    pub(crate) fn edit_row<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        row: &DocRow,
        now: Millis,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<(), Error> {
        let (n, pen) = (row.n, self.pen(now));
        let loaded = self.load(row, now)?;
        let changes: Vec<_> = edit(&mut loaded.document, pen).map_err(Error::from)?.into_iter().collect();
        if changes.is_empty() {
            return Ok(());
        }
        let (derived, loaded_rev) = (Derived::of(&loaded.document), loaded.rev);
        let stored = self.store.transaction(|tx| -> Result<Stored, Error> {
            for change in &changes {
                tx.insert_change(n, change).map_err(gone)?;
            }
            if let Some(written) = derived.write_at(tx, n, loaded_rev)? {
                return Ok(Stored::AsLoaded(written));
            }
            // Another process has written meanwhile. The change stands; what lists show of both is found below.
            let now = tx.doc(n)?.ok_or(Error::Gone)?;
            touch(tx, &now)?;
            Ok(Stored::Beside(now.ws))
        });
        let workspace = match (stored, self.documents.get_mut(n)) {
            (Ok(Stored::Beside(workspace)), _) => {
                self.documents.remove(n);
                self.load_anew(n, now)?;
                workspace
            }
            (Ok(Stored::AsLoaded(written)), Some(loaded)) => {
                loaded.wrote(written.rev);
                loaded.unfolded += changes.len();
                self.documents.grow(n, changes.iter().map(Vec::len).sum());
                written.ws
            }
            // What is in memory was never stored.
            (Err(error), _) => {
                self.documents.remove(n);
                return Err(error);
            }
            (Ok(Stored::AsLoaded(written)), None) => written.ws,
        };
        if let Some(linked) = workspace.and_then(|workspace| self.workspaces.get_mut(&workspace)) {
            linked.too_large.remove(&n);
        }
        self.drive_after_edit(workspace, now);
        Ok(())
    }

    /// Sends what there is to send. The edit is durable whatever comes of it; if the database fails now, that shows in
    /// [`Device::needs_reopening`].
    pub(crate) fn drive_after_edit(&mut self, workspace: Option<WorkspaceId>, now: Millis) {
        if let Some(workspace) = workspace
            && let Err(error) = self.drive(workspace, now)
        {
            tracing::warn!(%error, "an edit is stored and cannot be sent now");
        }
    }

    pub(crate) fn new_document(
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
    pub(crate) fn wire_doc(&self, workspace: WorkspaceId, id: DocId) -> Option<WireDoc> {
        Some(self.workspaces.get(&workspace)?.replica.keyring()?.wire_doc(id))
    }

    /// The document that is meant, which has to be of this kind.
    pub(crate) fn find_of_kind(&self, which: impl Into<Which>, kind: Kind) -> Result<Found, Error> {
        let found = self.find(which)?;
        if found.kind() == kind { Ok(found) } else { Err(Error::OtherKind(found.id())) }
    }

    /// The document that is meant, which has to be of a kind that people delete and restore.
    fn find_deletable(&self, which: impl Into<Which>) -> Result<Found, Error> {
        let found = self.find(which)?;
        if found.kind().can_be_deleted() { Ok(found) } else { Err(Error::OtherKind(found.id())) }
    }
}

/// How an edit was stored.
enum Stored {
    /// Its row shows what is in memory.
    AsLoaded(WrittenDoc),
    /// Another process has written since the document was loaded; where the document is.
    Beside(Option<WorkspaceId>),
}

/// A document that is not there any more when something is to be written into it.
fn gone(error: StoreError) -> Error {
    match error {
        StoreError::NoSuchRow(_) => Error::Gone,
        error => error.into(),
    }
}

/// Why an edit came to nothing, before it is known which document it was about.
pub(crate) enum Edit {
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
            Edit::OtherKind => Self::Bug("a document was opened as another kind than it is"),
        }
    }
}

/// Gives a row a new revision and leaves what it shows as it is.
pub(crate) fn touch(tx: &Tx<'_>, row: &DocRow) -> Result<u64, StoreError> {
    let (heads, state, summary) = (row.heads.as_slice(), row.state, &row.summary);
    tx.update_doc(row.n, &DocUpdate { heads, state, summary, deleted_at: row.deleted_at })
}

pub(crate) fn listed(row: DocRow) -> Listed {
    Listed {
        id: row.id,
        workspace: row.ws,
        title: row.summary.title,
        updated_at: row.summary.updated_at,
        count: row.summary.count,
        preview: row.summary.preview,
        deleted_at: row.deleted_at,
        marks: Marks::from_bytes(&row.summary.marks),
    }
}

#[cfg(test)]
mod tests;
