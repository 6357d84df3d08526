//! Documents of any kind: beginning one, editing it, showing it, and its line in a list.

use bowline_core::document::{Document, EditError, Kind, MessageId, OtherKind, Pen, Role, Transcript};
use bowline_store::{DocFilter, DocRow, DocUpdate, NewDoc, Place, Reader, StoreError, Trash, Tx, WrittenDoc};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

use crate::Error;
use crate::documents::edited::Edited;
use crate::documents::found::Found;
use crate::documents::held::Documents;
use crate::documents::loading::Derived;
use crate::documents::marks::Marks;
use crate::lent::Lent;
use crate::rows::{doc_state, kind_column};
use crate::workspace::Keyrings;

/// A document as a list shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Listed {
    /// The document's id.
    pub id: DocId,
    /// The document's workspace; `None` if it is on this device only.
    pub workspace: Option<WorkspaceId>,
    /// The title of a conversation, else the document's name; may be empty.
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
    /// The document's id.
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

/// What a document of one kind is shown as.
pub(crate) trait View: Sized {
    const KIND: Kind;

    /// A document in full.
    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind>;
}

impl View for Shown {
    const KIND: Kind = Kind::Conversation;

    fn of(id: DocId, document: &Document) -> Result<Self, OtherKind> {
        let conversation = document.conversation()?;
        Ok(Self {
            id,
            title: conversation.title(),
            marks: Marks::of(document),
            transcript: conversation.transcript(),
            heads: document.heads(),
        })
    }
}

/// A document that is about to begin.
#[derive(Clone, Copy)]
pub(crate) struct Beginning {
    pub(crate) kind: Kind,
    pub(crate) id: DocId,
    /// Where it will be; `None` for this device only.
    pub(crate) workspace: Option<WorkspaceId>,
}

impl Beginning {
    /// The document's row before the first edit.
    pub(crate) fn row(self, keyrings: Keyrings<'_>, now: Millis) -> NewDoc<'static> {
        let Self { kind, id, workspace } = self;
        NewDoc {
            ws: workspace,
            id,
            wire: workspace.and_then(|workspace| keyrings.wire_doc(workspace, id)),
            heads: &[],
            state: doc_state::NEVER_SEALED,
            kind: kind_column(kind),
            summary: bowline_store::Summary { updated_at: now, ..Default::default() },
            deleted_at: None,
            created_at: now,
        }
    }
}

impl Documents {
    /// Begins a document with a first edit, together with something else.
    pub(crate) fn begin<C: IntoIterator<Item = Vec<u8>>>(
        &self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        beginning: Beginning,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
        together: impl FnOnce(&Tx<'_>) -> Result<(), Error>,
    ) -> Result<Edited, Error> {
        let mut document = Document::create(beginning.kind);
        let changes = edit(&mut document, self.pen(lent.now)).map_err(Error::from)?;
        let changes: Vec<_> = changes.into_iter().collect();
        let derived = Derived::of(&document);
        let new = beginning.row(keyrings, lent.now);
        lent.store.transaction(|tx| -> Result<(), Error> {
            let n = tx.insert_doc(&new)?;
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            if !changes.is_empty() {
                derived.write(tx, n)?;
            }
            together(tx)
        })?;
        Ok(Edited { workspace: beginning.workspace, row: None })
    }

    /// Makes one edit: its changes, the row that lists show and the mark that they are unsealed are durable together.
    /// `None` if it changes nothing.
    pub(crate) fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        edit: impl FnOnce(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<Option<Edited>, Error> {
        let (n, pen) = (row.n, self.pen(lent.now));
        let loaded = self.load(lent, keyrings, row)?;
        let changes: Vec<_> = edit(&mut loaded.document, pen).map_err(Error::from)?.into_iter().collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let (derived, loaded_rev) = (Derived::of(&loaded.document), loaded.rev);
        let stored = lent.store.transaction(|tx| -> Result<Stored, Error> {
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
        let workspace = match (stored, self.cache.get_mut(n)) {
            (Ok(Stored::Beside(workspace)), _) => {
                self.cache.remove(n);
                self.load_anew(lent, keyrings, n)?;
                workspace
            }
            (Ok(Stored::AsLoaded(written)), Some(loaded)) => {
                loaded.wrote(written.rev);
                loaded.unfolded += changes.len();
                self.cache.grow(n, changes.iter().map(Vec::len).sum());
                written.ws
            }
            // What is in memory was never stored.
            (Err(error), _) => {
                self.cache.remove(n);
                return Err(error);
            }
            (Ok(Stored::AsLoaded(written)), None) => written.ws,
        };
        Ok(Some(Edited { workspace, row: Some(n) }))
    }

    /// Appends a message to a conversation.
    pub(crate) fn say(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        role: Role,
        text: &str,
    ) -> Result<Option<Edited>, Error> {
        loop {
            let mut message = [0; 4];
            lent.random.fill_bytes(&mut message);
            let (message, now) = (MessageId::from_bytes(message), lent.now);
            let said = self.edit(lent, keyrings, row, |document, pen| {
                Ok(document.conversation_mut(pen)?.append_message(message, role, text, now)?)
            });
            match said {
                Err(Error::Edit(EditError::IdTaken)) => {}
                other => return other,
            }
        }
    }

    /// A document in full.
    pub(crate) fn show<V: View>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        found: &Found,
    ) -> Result<V, Error> {
        let document = &self.load(lent, keyrings, &found.row)?.document;
        V::of(found.id(), document).map_err(|_| Error::OtherKind(found.id()))
    }
}

/// How an edit was stored.
enum Stored {
    /// The document's row shows what is in memory.
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

impl From<OtherKind> for Edit {
    fn from(_: OtherKind) -> Self {
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

/// Documents of a kind, newest first: those in view, or those in the trash. Loads none of them.
pub(crate) fn list(read: Reader<'_>, kind: Kind, trash: bool) -> Result<Vec<Listed>, Error> {
    let trash = if trash { Trash::Only } else { Trash::Without };
    let kind = Some(kind_column(kind));
    let filter = DocFilter { place: Place::Anywhere, trash, kind, limit: None };
    Ok(read.list_docs(&filter)?.into_iter().map(listed).collect())
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
