//! `doc` and `base`: the documents, what lists show of them, and their saved form.

use std::fmt;

use bowline_wire::ids::{DocId, Millis, WireDoc, WorkspaceId};
use rusqlite::{Row, params};

use crate::column::{id, int, millis, number, optional_id, row_number};
use crate::{OnlyHere, Reader, StoreError, Tx};

row_number! {
    /// A row of `doc`.
    DocN
}

/// What lists show of a document, so that they load none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The title.
    pub title: String,
    /// When the document was last edited, by the author's clock. Lists are in this order.
    pub updated_at: Millis,
    /// How many entries, files or values the document has; its kind says which.
    pub count: u64,
    /// The beginning of the latest text.
    pub preview: String,
    /// How a person has filed the document, as the engine encodes it; empty if it is not filed.
    pub marks: Vec<u8>,
}

impl fmt::Debug for Summary {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Summary");
        shown.field("updated_at", &self.updated_at).field("count", &self.count).finish_non_exhaustive()
    }
}

/// A document to insert.
#[derive(Clone, Debug)]
pub struct NewDoc<'a> {
    /// The document's workspace; `None` for a local document.
    pub ws: Option<WorkspaceId>,
    /// The document's id, which no other document on this device has.
    pub id: DocId,
    /// The id that the workspace's log knows the document by, if that is another: two workspaces may each have a document of
    /// one id.
    pub log_id: Option<DocId>,
    /// The document's id on the wire, once the key that makes it is known. Only in a workspace.
    pub wire: Option<WireDoc>,
    /// The document's heads, as the engine encodes them.
    pub heads: &'a [u8],
    /// The engine's number for its state.
    pub state: u8,
    /// The number of its kind.
    pub kind: u8,
    /// What lists show.
    pub summary: Summary,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
    /// When this device first had it.
    pub created_at: Millis,
}

/// A document's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocRow {
    /// The document's row.
    pub n: DocN,
    /// The document's workspace; `None` for a local document.
    pub ws: Option<WorkspaceId>,
    /// The document's id on this device.
    pub id: DocId,
    /// The id that the workspace's log knows the document by, if that is another.
    pub log_id: Option<DocId>,
    /// The document's id on the wire, once it has one.
    pub wire: Option<WireDoc>,
    /// Grows with every [`Tx::update_doc`]: a cached document is current if it has the same.
    pub rev: u64,
    /// The document's heads, as the engine encodes them.
    pub heads: Vec<u8>,
    /// The engine's number for its state.
    pub state: u8,
    /// The number of its kind.
    pub kind: u8,
    /// What lists show.
    pub summary: Summary,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
    /// When this device first had it.
    pub created_at: Millis,
    /// Whether a person keeps it here: nothing written into it here is to leave.
    pub kept: bool,
    /// How much of it is only here, beside what its workspace has.
    pub only_here: OnlyHere,
}

impl DocRow {
    /// The id that the workspace's log knows the document by.
    pub fn in_log(&self) -> DocId {
        self.log_id.unwrap_or(self.id)
    }
}

/// What an edit, or applied entries, change of a document's row: all of it at once.
#[derive(Clone, Debug)]
pub struct DocUpdate<'a> {
    /// The new heads.
    pub heads: &'a [u8],
    /// The engine's number for its state.
    pub state: u8,
    /// What lists show.
    pub summary: &'a Summary,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
}

/// What a document's row shows of the document: all that an edit changes but how far its sealing is, which another process
/// may have moved on.
#[derive(Clone, Copy, Debug)]
pub struct DocShown<'a> {
    /// The new heads.
    pub heads: &'a [u8],
    /// What lists show.
    pub summary: &'a Summary,
    /// When it was moved to the trash.
    pub deleted_at: Option<Millis>,
    /// How much of it is only here.
    pub only_here: OnlyHere,
}

/// A document's row as a write has left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenDoc {
    /// The row's new revision.
    pub rev: u64,
    /// Where the document is by now.
    pub ws: Option<WorkspaceId>,
}

/// Which documents, by where they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Documents anywhere.
    #[default]
    Anywhere,
    /// Local documents.
    Local,
    /// Documents of a workspace.
    In(WorkspaceId),
}

/// Which documents, by whether they are in the trash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trash {
    /// Documents that are not in the trash.
    #[default]
    Without,
    /// Documents in the trash.
    Only,
    /// Documents in the trash and those that are not.
    With,
}

/// Which documents to list; by default all that are not in the trash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DocFilter {
    /// Where the documents are.
    pub place: Place,
    /// Whether they are in the trash.
    pub trash: Trash,
    /// The number of their kind; `None` for documents of any kind.
    pub kind: Option<u8>,
    /// How many of them to list at most; `None` for all.
    pub limit: Option<u32>,
}

const ROW: &str =
    "SELECT n, ws, id, wire, rev, state, kind, updated_at, count, deleted_at, created_at, title, preview,
                          heads, marks, log_id, kept, only_here FROM doc";

fn decode(row: &Row<'_>) -> rusqlite::Result<DocRow> {
    Ok(DocRow {
        n: row.get(0)?,
        ws: optional_id(row, 1, WorkspaceId::from_bytes)?,
        id: id(row, 2, DocId::from_bytes)?,
        wire: optional_id(row, 3, WireDoc::from_bytes)?,
        rev: number(row, 4)?,
        state: row.get(5)?,
        kind: row.get(6)?,
        summary: Summary {
            updated_at: millis(row, 7)?,
            count: number(row, 8)?,
            title: row.get(11)?,
            preview: row.get(12)?,
            marks: row.get(14)?,
        },
        deleted_at: row.get::<_, Option<i64>>(9)?.map(|_| millis(row, 9)).transpose()?,
        created_at: millis(row, 10)?,
        heads: row.get(13)?,
        log_id: optional_id(row, 15, DocId::from_bytes)?,
        kept: row.get(16)?,
        only_here: OnlyHere::from_column(row, 17)?,
    })
}

/// The statement that finds ids between two.
fn between_sql() -> String {
    format!("{ROW} WHERE id BETWEEN ?1 AND ?2 ORDER BY updated_at DESC, n DESC")
}

/// The statement that lists what a filter asks for. Each place has its index; trash and kind are looked at along the way.
fn list_sql(filter: &DocFilter) -> String {
    let place = match filter.place {
        Place::Anywhere => "?1 IS NULL", // keeps the parameters the same
        Place::Local | Place::In(_) => "ws IS ?1",
    };
    let trash = match filter.trash {
        Trash::Without => "deleted_at IS NULL",
        Trash::Only => "deleted_at IS NOT NULL",
        Trash::With => "TRUE",
    };
    format!(
        "{ROW} WHERE {place} AND {trash} AND (?2 IS NULL OR kind = ?2) ORDER BY updated_at DESC, n DESC LIMIT ?3"
    )
}

impl Reader<'_> {
    /// The document in a row; `None` if there is no such row.
    pub fn doc(&self, n: DocN) -> Result<Option<DocRow>, StoreError> {
        self.one(&format!("{ROW} WHERE n = ?1"), [n], decode)
    }

    /// The document with this id.
    pub fn find_doc(&self, id: DocId) -> Result<Option<DocRow>, StoreError> {
        self.one(&format!("{ROW} WHERE id = ?1"), [id.as_bytes()], decode)
    }

    /// The document that has this id on the wire of a workspace.
    pub fn find_on_wire(&self, ws: WorkspaceId, wire: WireDoc) -> Result<Option<DocRow>, StoreError> {
        self.one(&format!("{ROW} WHERE ws = ?1 AND wire = ?2"), (ws.as_bytes(), wire.as_bytes()), decode)
    }

    /// The document that a workspace's log knows by this id.
    pub fn find_in_log(&self, ws: WorkspaceId, id: DocId) -> Result<Option<DocRow>, StoreError> {
        let sql = format!("{ROW} WHERE ws = ?1 AND coalesce(log_id, id) = ?2");
        self.one(&sql, params![ws.as_bytes(), id.as_bytes()], decode)
    }

    /// The documents whose ids are between these two, both included, the latest edited first.
    pub fn docs_between(&self, first: DocId, last: DocId) -> Result<Vec<DocRow>, StoreError> {
        self.all(&between_sql(), params![first.as_bytes(), last.as_bytes()], decode)
    }

    /// The documents of this kind with this title, in order of their ids.
    pub fn docs_titled(&self, kind: u8, title: &str) -> Result<Vec<DocRow>, StoreError> {
        self.all(&format!("{ROW} WHERE kind = ?1 AND title = ?2 ORDER BY id"), params![kind, title], decode)
    }

    /// The documents of a workspace, of this kind, of whose sources something is remembered, in order of their ids.
    pub fn docs_imported(&self, ws: WorkspaceId, kind: u8) -> Result<Vec<DocRow>, StoreError> {
        let sql = format!("{ROW} WHERE ws = ?1 AND kind = ?2 AND id IN (SELECT doc FROM import) ORDER BY id");
        self.all(&sql, params![ws.as_bytes(), kind], decode)
    }

    /// Documents, the latest edited first.
    pub fn list_docs(&self, filter: &DocFilter) -> Result<Vec<DocRow>, StoreError> {
        let ws = match &filter.place {
            Place::In(ws) => Some(ws.as_bytes()),
            Place::Anywhere | Place::Local => None,
        };
        let limit = filter.limit.map_or(-1, i64::from); // negative: no limit
        self.all(&list_sql(filter), params![ws, filter.kind, limit], decode)
    }

    /// The saved form of a document; `None` until it was first put there.
    pub fn base(&self, doc: DocN) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT bytes FROM base WHERE doc = ?1", [doc], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Begins a document, at revision 1.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`] if its id, or its id in its workspace's log or on the wire, is taken; [`StoreError::Refused`] if there is no
    /// such workspace, or if a local document has a wire id.
    pub fn insert_doc(&self, new: &NewDoc<'_>) -> Result<DocN, StoreError> {
        let sql = "INSERT INTO doc (ws, id, wire, rev, state, kind, updated_at, count, deleted_at, created_at, title,
                                    preview, heads, marks, log_id)
                   VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        let row = params![
            new.ws.as_ref().map(WorkspaceId::as_bytes),
            new.id.as_bytes(),
            new.wire.as_ref().map(WireDoc::as_bytes),
            new.state,
            new.kind,
            int(new.summary.updated_at.0)?,
            int(new.summary.count)?,
            new.deleted_at.map(|at| int(at.0)).transpose()?,
            int(new.created_at.0)?,
            new.summary.title,
            new.summary.preview,
            new.heads,
            new.summary.marks,
            new.log_id.as_ref().map(DocId::as_bytes),
        ];
        self.insert(sql, row).map(DocN)
    }

    /// Stores what an edit or applied entries made of a document's row. Returns its new revision.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn update_doc(&self, n: DocN, update: &DocUpdate<'_>) -> Result<u64, StoreError> {
        let sql = "UPDATE doc SET rev = rev + 1, state = ?2, updated_at = ?3, count = ?4, deleted_at = ?5, title = ?6,
                       preview = ?7, heads = ?8, marks = ?9
                   WHERE n = ?1 RETURNING rev";
        let row = params![
            n,
            update.state,
            int(update.summary.updated_at.0)?,
            int(update.summary.count)?,
            update.deleted_at.map(|at| int(at.0)).transpose()?,
            update.summary.title,
            update.summary.preview,
            update.heads,
            update.summary.marks,
        ];
        self.one(sql, row, |row| number(row, 0))?.ok_or(StoreError::NoSuchRow("document"))
    }

    /// Stores what a document shows of itself; a document that nobody has edited keeps the time it has. With `at`, only if its row still has that revision: `None` if it has another
    /// one, because somebody has written meanwhile, or if there is no such row.
    pub fn update_shown(
        &self,
        n: DocN,
        at: Option<u64>,
        shown: &DocShown<'_>,
    ) -> Result<Option<WrittenDoc>, StoreError> {
        let sql = "UPDATE doc SET rev = rev + 1, updated_at = iif(?2 = 0, updated_at, ?2), count = ?3, deleted_at = ?4,
                       title = ?5, preview = ?6, heads = ?7, marks = ?8, only_here = ?10
                   WHERE n = ?1 AND rev = coalesce(?9, rev) RETURNING rev, ws";
        let row = params![
            n,
            int(shown.summary.updated_at.0)?,
            int(shown.summary.count)?,
            shown.deleted_at.map(|at| int(at.0)).transpose()?,
            shown.summary.title,
            shown.summary.preview,
            shown.heads,
            shown.summary.marks,
            at.map(int).transpose()?,
            shown.only_here.to_column()?,
        ];
        self.one(sql, row, |row| {
            Ok(WrittenDoc { rev: number(row, 0)?, ws: optional_id(row, 1, WorkspaceId::from_bytes)? })
        })
    }

    /// Shares a document into a workspace, keeps it local (`None`), or notes the wire id it now has.
    ///
    /// A document that changes its place takes its change rows along, and all of them are unsealed there: an entry of
    /// the old place's log says nothing about the new one. What was already folded into the base and has no row is for
    /// the caller to bring, and what was only here beside the old place is too.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`]; [`StoreError::AlreadyThere`] if the new place's log knows a document by this id;
    /// [`StoreError::Refused`] if there is no such workspace, or for a wire id without a workspace.
    pub fn set_doc_workspace(
        &self,
        n: DocN,
        ws: Option<WorkspaceId>,
        wire: Option<WireDoc>,
    ) -> Result<(), StoreError> {
        let ws = ws.as_ref().map(WorkspaceId::as_bytes);
        let moved = self.change(
            "UPDATE doc SET log_id = NULL, only_here = 0 WHERE n = ?1 AND ws IS NOT ?2",
            params![n, ws],
        )?;
        let sql = "UPDATE doc SET ws = ?2, wire = ?3 WHERE n = ?1";
        self.change_one("document", sql, params![n, ws, wire.as_ref().map(WireDoc::as_bytes)])?;
        if moved > 0 {
            self.change("DELETE FROM aside WHERE doc = ?1", [n])?;
        }
        let sql = "UPDATE change SET ws = ?2, entry = NULL, aside = 0 WHERE doc = ?1 AND ws IS NOT ?2";
        self.change(sql, params![n, ws]).map(drop)
    }

    /// Says whether a person keeps a document here.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn set_kept(&self, n: DocN, kept: bool) -> Result<(), StoreError> {
        self.change_one("document", "UPDATE doc SET kept = ?2, rev = rev + 1 WHERE n = ?1", (n, kept))
    }

    /// Deletes a document with its changes and saved form. Entries that were of it stay, of none.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn delete_doc(&self, n: DocN) -> Result<(), StoreError> {
        self.change_one("document", "DELETE FROM doc WHERE n = ?1", [n])
    }

    /// Puts the saved form of a document, in place of what was there.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such document.
    pub fn put_base(&self, doc: DocN, bytes: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO base (doc, bytes) VALUES (?1, ?2)
                   ON CONFLICT (doc) DO UPDATE SET bytes = excluded.bytes";
        self.change(sql, (doc, bytes)).map(drop)
    }

    /// Removes the saved form of a document, of which everything is in its changes.
    pub fn delete_base(&self, doc: DocN) -> Result<(), StoreError> {
        self.change("DELETE FROM base WHERE doc = ?1", [doc]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn ids_are_found_by_the_index_of_ids() {
        let store = Store::in_memory().unwrap();
        let plan = store.read().plan(&between_sql(), (vec![0_u8], vec![1_u8]));
        assert!(plan.starts_with("SEARCH doc USING INDEX doc_id (id>? AND id<?)"), "{plan}");
        assert!(!plan.contains("SCAN doc"), "{plan}");
    }

    #[test]
    fn every_list_walks_an_index_of_doc_alone_and_sorts_nothing() {
        let store = Store::in_memory().unwrap();
        for (place, index) in [
            (Place::Anywhere, "SCAN doc USING INDEX doc_updated"),
            (Place::Local, "SEARCH doc USING INDEX doc_place (ws=?)"),
            (Place::In(WorkspaceId::ZERO), "SEARCH doc USING INDEX doc_place (ws=?)"),
        ] {
            for trash in [Trash::Without, Trash::Only, Trash::With] {
                let filter = DocFilter { place, trash, ..DocFilter::default() };
                let plan = store.read().plan(&list_sql(&filter), (vec![0_u8], None::<u8>, -1));
                assert_eq!(plan, index, "{filter:?}");
            }
        }
    }
}
