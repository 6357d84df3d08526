//! Documents of any kind: beginning one, editing it, showing it, and its line in a list.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{Document, EditError, Kind, Marks, MessageId, OtherKind, Pen, Role, Transcript};
use bowline_store::{DocRow, DocUpdate, NewDoc, StoreError, Tx, WrittenDoc};
use bowline_wire::ids::{DocId, Millis, WorkspaceId};

use crate::documents::cache::Standing;
use crate::documents::edited::Edited;
use crate::documents::found::Found;
use crate::documents::held::Documents;
use crate::documents::loading::Derived;
use crate::documents::writers::Writers;
use crate::lent::Lent;
use crate::rows::{doc_state, kind_column};
use crate::workspace::{Keyrings, Workspaces};
use crate::{Error, WrittenBy};

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
    /// Who wrote each entry, by its key.
    pub written_by: BTreeMap<String, WrittenBy>,
    /// Keys of the entries that are only here, beside what the conversation's workspace has.
    pub only_here: BTreeSet<String>,
    /// The conversation of another workspace that this one is a copy of, as whoever made it says.
    pub copied_from: Option<String>,
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
            written_by: BTreeMap::new(),
            only_here: BTreeSet::new(),
            copied_from: document.copied_from(),
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
            log_id: None,
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
        let pen = self.pen(lent, keyrings, beginning.workspace);
        let changes = edit(&mut document, pen).map_err(Error::from)?;
        let mut changes: Vec<_> = changes.into_iter().collect();
        let is_empty = changes.is_empty();
        if is_empty {
            // A document with nothing in it is there all the same, and is sealed with this.
            changes.push(document.kind().first_change().to_vec());
        }
        let derived = Derived::of(&document).no_later_than(lent.now, lent.now);
        let new = beginning.row(keyrings, lent.now);
        lent.store.transaction(|tx| -> Result<(), Error> {
            let n = tx.insert_doc(&new)?;
            for change in &changes {
                tx.insert_change(n, change)?;
            }
            if !is_empty {
                derived.write(tx, n)?;
            }
            together(tx)
        })?;
        Ok(Edited { workspace: beginning.workspace, row: None })
    }

    /// Makes one edit: its changes, the row that lists show and the mark that they are unsealed are durable together.
    /// `None` if it changes nothing. It may be asked for more than once, if another process moves the document meanwhile.
    pub(crate) fn edit<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<Option<Edited>, Error> {
        self.edit_into(lent, keyrings, (row, Goes::WhereItIs), edit, &|_| Ok(()))
    }

    /// Makes one edit, as [`Documents::edit`], that stays here whatever else of the document leaves.
    pub(crate) fn edit_aside<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<Option<Edited>, Error> {
        self.edit_into(lent, keyrings, (row, Goes::Aside), edit, &|_| Ok(()))
    }

    /// Makes one edit, as [`Documents::edit`], that says how something is to be, together with something else; without that if it
    /// changes nothing. Where what is only here says otherwise, that is edited as well: a person who looks afterwards sees what
    /// they have said.
    pub(crate) fn set<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        mut edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
        together: Together<'_>,
    ) -> Result<Option<Edited>, Error> {
        let edited = self.edit_into(lent, keyrings, (row, Goes::WhereItIs), &mut edit, together)?;
        let now = lent.row(row.n)?;
        if !now.only_here.is_some() {
            return Ok(edited);
        }
        let beside = self.edit_into(lent, keyrings, (&now, Goes::Aside), &mut edit, &|_| Ok(()))?;
        Ok(edited.or(beside))
    }

    fn edit_into<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        (row, goes): (&DocRow, Goes),
        mut edit: impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
        together: Together<'_>,
    ) -> Result<Option<Edited>, Error> {
        let n = row.n;
        let mut moved = None;
        let workspace = loop {
            let row = moved.as_ref().unwrap_or(row);
            let Some(changes) = self.change(lent, keyrings, (row, goes), &mut edit)? else {
                return Ok(None);
            };
            match self.store_changes(lent, row, &changes, together) {
                Ok(Stored::AsLoaded(written)) => break written.ws,
                Ok(Stored::Beside(workspace)) => {
                    self.cache.remove(n);
                    self.load_anew(lent, keyrings, n)?;
                    break workspace;
                }
                Ok(Stored::Moved) => {
                    self.cache.remove(n);
                    moved = Some(lent.row(n)?);
                }
                // What is in memory was never stored.
                Err(error) => {
                    self.cache.remove(n);
                    return Err(error);
                }
            }
        };
        Ok(Some(Edited { workspace, row: Some(n) }))
    }

    /// Makes an edit in memory; what there is to store of it, `None` if it changes nothing that anybody would see.
    fn change<C: IntoIterator<Item = Vec<u8>>>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        (row, goes): (&DocRow, Goes),
        edit: &mut impl FnMut(&mut Document, Pen) -> Result<C, Edit>,
    ) -> Result<Option<Changes>, Error> {
        let standing = self.load(lent, keyrings, row)?.standing;
        let is_aside = match goes {
            Goes::Aside => standing.workspace.is_some(),
            Goes::WhereItIs => standing.kept && standing.has_aside,
        };
        // What is only here may hold changes of this process, and one actor makes no two with one number.
        let pen = if is_aside || standing.has_aside {
            lent.fresh_pen(keyrings.writer(standing.workspace, lent.device()))
        } else {
            self.pen(lent, keyrings, standing.workspace)
        };
        let loaded = self.cache.loaded(row.n)?;
        let document = if is_aside {
            loaded.with_aside.get_or_insert_with(|| loaded.document.clone())
        } else {
            &mut loaded.document
        };
        let made = edit(document, pen).map(|changes| changes.into_iter().collect::<Vec<_>>());
        let is_made = made.as_ref().is_ok_and(|changes| !changes.is_empty());
        if !is_made && !standing.has_aside {
            loaded.with_aside = None;
        }
        let bytes = made.map_err(Error::from)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if !is_aside && standing.has_aside {
            loaded.with_aside = None;
            self.look_aside(lent, keyrings, row)?;
        }
        let loaded = self.cache.loaded(row.n)?;
        let derived = Derived::of_loaded(loaded).no_later_than(lent.now, lent.now);
        let bytes = if is_aside && !derived.has_aside() {
            // What the document's place has is what it comes to: then nothing is only here any more.
            if !standing.has_aside {
                loaded.with_aside = None;
                return Ok(None);
            }
            Vec::new()
        } else {
            bytes
        };
        Ok(Some(Changes { bytes, is_aside, derived, standing, rev: loaded.rev }))
    }

    /// Stores an edit that was made in memory, unless the document stands elsewhere by now.
    fn store_changes(
        &mut self,
        lent: &mut Lent<'_>,
        row: &DocRow,
        changes: &Changes,
        together: Together<'_>,
    ) -> Result<Stored, Error> {
        let n = row.n;
        let Changes { bytes, is_aside, derived, standing, rev } = changes;
        let stored = lent.store.transaction(|tx| -> Result<Stored, Error> {
            let written = derived.write_at(tx, n, *rev)?;
            let stored = if let Some(written) = written {
                Stored::AsLoaded(written)
            } else {
                // Another process has written meanwhile. The change stands; what lists show of both is found later.
                let now = tx.doc(n)?.ok_or(Error::Gone)?;
                if Standing::of(&now) != *standing || bytes.is_empty() {
                    return Ok(Stored::Moved);
                }
                touch(tx, &now)?;
                if *is_aside {
                    tx.set_uncounted(n)?;
                }
                Stored::Beside(now.ws)
            };
            for change in bytes {
                if *is_aside { tx.insert_change_aside(n, change) } else { tx.insert_change(n, change) }
                    .map_err(gone)?;
            }
            if written.is_some() {
                derived.clear_aside(tx, row)?;
            }
            together(tx)?;
            Ok(stored)
        })?;
        if let (Stored::AsLoaded(written), Some(loaded)) = (&stored, self.cache.get_mut(n)) {
            loaded.wrote(written.rev);
            derived.keep_aside(loaded);
            if !is_aside {
                loaded.unfolded += bytes.len();
            }
            self.cache.grow(n, bytes.iter().map(Vec::len).sum());
        }
        Ok(stored)
    }

    /// Appends a message to a conversation: below its last entry, or below the one with the id `after`.
    pub(crate) fn say(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
        (role, text): (Role, &str),
        after: Option<&str>,
    ) -> Result<Option<Edited>, Error> {
        loop {
            let mut message = [0; 4];
            lent.random.fill_bytes(&mut message);
            let (message, now) = (MessageId::from_bytes(message), lent.now);
            let said = self.edit(lent, keyrings, row, |document, pen| {
                let mut conversation = document.conversation_mut(pen)?;
                Ok(match after {
                    None => conversation.append_message(message, role, text, now)?,
                    Some(after) => conversation.append_message_after(after, message, role, text, now)?,
                })
            });
            match said {
                Err(Error::Edit(EditError::IdTaken)) => {}
                other => return other,
            }
        }
    }

    /// Who wrote each entry of a conversation.
    pub(crate) fn entries_written_by(
        &mut self,
        lent: &mut Lent<'_>,
        workspaces: &Workspaces,
        row: &DocRow,
    ) -> Result<BTreeMap<String, WrittenBy>, Error> {
        let writers = Writers::known(self, lent, workspaces)?;
        let document = self.load(lent, workspaces.keyrings(), row)?.shown();
        Ok(writers.of(document.entry_writers()))
    }

    /// Keys of the entries that are only here of a conversation in a workspace.
    pub(crate) fn entries_only_here(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        row: &DocRow,
    ) -> Result<BTreeSet<String>, Error> {
        let loaded = self.load(lent, keyrings, row)?;
        let mut only_here = match &loaded.with_aside {
            Some(shown) => shown.entries_beyond(&loaded.document),
            None => BTreeSet::new(),
        };
        let Standing { kept, workspace, .. } = loaded.standing;
        if workspace.is_some_and(|workspace| kept || keyrings.is_old(workspace)) {
            let rows = lent.store.read().unsealed(row.n)?;
            let changes: Vec<&[u8]> = rows.iter().map(|row| row.bytes.as_slice()).collect();
            only_here.extend(loaded.document.entries_in(&changes));
        }
        Ok(only_here)
    }

    /// A document in full.
    pub(crate) fn show<V: View>(
        &mut self,
        lent: &mut Lent<'_>,
        keyrings: Keyrings<'_>,
        found: &Found,
    ) -> Result<V, Error> {
        let document = self.load(lent, keyrings, &found.row)?.shown();
        V::of(found.id(), document).map_err(|_| Error::OtherKind(found.id()))
    }
}

/// What is stored in the transaction of an edit.
type Together<'a> = &'a dyn Fn(&Tx<'_>) -> Result<(), Error>;

/// Where an edit goes.
#[derive(Clone, Copy)]
enum Goes {
    /// Where the document is said to be.
    WhereItIs,
    /// Nowhere: it stays here, also of a document that is in a workspace.
    Aside,
}

/// An edit that was made in memory.
struct Changes {
    bytes: Vec<Vec<u8>>,
    /// The edit is only here.
    is_aside: bool,
    derived: Derived,
    /// Where the document stood when it was made.
    standing: Standing,
    /// The revision of the row that was in memory.
    rev: u64,
}

/// How an edit was stored.
enum Stored {
    /// The document's row shows what is in memory.
    AsLoaded(WrittenDoc),
    /// Another process has written since the document was loaded; where the document is.
    Beside(Option<WorkspaceId>),
    /// Nothing was stored: another process has moved the document, and the edit has to be made where it is now.
    Moved,
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

#[cfg(test)]
mod tests;
