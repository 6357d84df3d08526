//! `change`: what was edited on this device. A row without an entry is unsealed work, unless it is `aside`: only here, beside
//! what the document's workspace has.

use bowline_wire::ids::WorkspaceId;
use rusqlite::{Row, params};

use crate::column::{number, row_number};
use crate::{DocN, EntryN, Reader, StoreError, Tx};

row_number! {
    /// A row of `change`.
    ChangeN
}

/// A stored change, or several concatenated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeRow {
    /// The row's number. Later rows have larger ones.
    pub n: ChangeN,
    /// The document that was edited.
    pub doc: DocN,
    /// The entry that the change was sealed in; `None` while it is in none.
    pub entry: Option<EntryN>,
    /// The change's bytes, as they were given.
    pub bytes: Vec<u8>,
}

const ROW: &str = "SELECT n, doc, entry, bytes FROM change";

fn decode(row: &Row<'_>) -> rusqlite::Result<ChangeRow> {
    Ok(ChangeRow { n: row.get(0)?, doc: row.get(1)?, entry: row.get(2)?, bytes: row.get(3)? })
}

const DOCS_WITH_UNSEALED: &str = "SELECT DISTINCT doc FROM change JOIN doc ON doc.n = change.doc
     WHERE change.ws IS ?1 AND entry IS NULL AND aside = 0 AND NOT doc.kept ORDER BY doc";

impl Reader<'_> {
    /// The change rows of a document, oldest first, but for those that are only here.
    pub fn changes(&self, doc: DocN) -> Result<Vec<ChangeRow>, StoreError> {
        self.all(&format!("{ROW} WHERE doc = ?1 AND aside = 0 ORDER BY n"), [doc], decode)
    }

    /// The change rows of a document that are only here, beside what its workspace has, oldest first.
    pub fn changes_aside(&self, doc: DocN) -> Result<Vec<ChangeRow>, StoreError> {
        self.all(&format!("{ROW} WHERE doc = ?1 AND aside = 1 ORDER BY n"), [doc], decode)
    }

    /// The change rows of a document that are in no entry, oldest first.
    pub fn unsealed(&self, doc: DocN) -> Result<Vec<ChangeRow>, StoreError> {
        self.all(&format!("{ROW} WHERE doc = ?1 AND entry IS NULL AND aside = 0 ORDER BY n"), [doc], decode)
    }

    /// The change rows of a document that are in no entry, oldest first, with how many bytes each has. Reads none of them.
    pub fn unsealed_sizes(&self, doc: DocN) -> Result<Vec<(ChangeN, u64)>, StoreError> {
        let sql =
            "SELECT n, length(bytes) FROM change WHERE doc = ?1 AND entry IS NULL AND aside = 0 ORDER BY n";
        self.all(sql, [doc], |row| Ok((row.get(0)?, number(row, 1)?)))
    }

    /// The change rows of a document that are in no entry, up to row `last`, oldest first.
    pub fn unsealed_up_to(&self, doc: DocN, last: ChangeN) -> Result<Vec<ChangeRow>, StoreError> {
        let sql = format!("{ROW} WHERE doc = ?1 AND entry IS NULL AND aside = 0 AND n <= ?2 ORDER BY n");
        self.all(&sql, (doc, last), decode)
    }

    /// The documents of a workspace that have unsealed changes, but for those that are kept here; with `None`, the local ones.
    pub fn docs_with_unsealed(&self, ws: Option<WorkspaceId>) -> Result<Vec<DocN>, StoreError> {
        let ws = ws.as_ref().map(WorkspaceId::as_bytes);
        self.all(DOCS_WITH_UNSEALED, params![ws], |row| row.get(0))
    }
}

impl Tx<'_> {
    /// Stores a change, unsealed.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`] if there is no such document.
    pub fn insert_change(&self, doc: DocN, bytes: &[u8]) -> Result<ChangeN, StoreError> {
        let sql = "INSERT INTO change (doc, ws, bytes) SELECT n, ws, ?2 FROM doc WHERE n = ?1 RETURNING n";
        self.one(sql, (doc, bytes), |row| row.get(0))?.ok_or(StoreError::NoSuchRow("document"))
    }

    /// Stores a change that is only here.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`] if there is no such document.
    pub fn insert_change_aside(&self, doc: DocN, bytes: &[u8]) -> Result<ChangeN, StoreError> {
        let sql = "INSERT INTO change (doc, ws, bytes, aside) SELECT n, ws, ?2, 1 FROM doc WHERE n = ?1 RETURNING n";
        self.one(sql, (doc, bytes), |row| row.get(0))?.ok_or(StoreError::NoSuchRow("document"))
    }

    /// Notes the entry in which these changes are sealed.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if one does not exist or is in an entry already; [`StoreError::Refused`] if there is
    /// no such entry.
    pub fn mark_sealed(&self, changes: &[ChangeN], entry: EntryN) -> Result<(), StoreError> {
        for change in changes {
            let sql = "UPDATE change SET entry = ?2 WHERE n = ?1 AND entry IS NULL";
            if self.change(sql, (change, entry))? == 0 {
                return Err(StoreError::WrongState("a change to be sealed is gone or sealed already"));
            }
        }
        Ok(())
    }

    /// Makes the changes in an entry unsealed again, for an entry that will never be on the log.
    pub fn unseal(&self, entry: EntryN) -> Result<(), StoreError> {
        self.change("UPDATE change SET entry = NULL WHERE entry = ?1", [entry]).map(drop)
    }

    /// Removes these rows; those already gone do not matter.
    pub fn delete_changes(&self, changes: &[ChangeN]) -> Result<(), StoreError> {
        changes.iter().try_for_each(|n| self.change("DELETE FROM change WHERE n = ?1", [n]).map(drop))
    }

    /// Removes every change row of a document.
    pub fn delete_changes_of(&self, doc: DocN) -> Result<(), StoreError> {
        self.change("DELETE FROM change WHERE doc = ?1", [doc]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn unsealed_work_of_a_workspace_is_found_without_touching_a_row_of_a_change() {
        let store = Store::in_memory().unwrap();
        let plan = store.read().plan(DOCS_WITH_UNSEALED, [None::<Vec<u8>>]);
        assert!(plan.starts_with("SEARCH change USING COVERING INDEX change_unsealed (ws=?)"), "{plan}");
        // Whether a document is kept here stands in its row, and there is one for many changes.
        assert!(plan.ends_with("SEARCH doc USING INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
    }
}
