//! `withheld`: entries of the log that are here without their bodies, and since when. Their state says so too; once the body
//! comes, both end.

use bowline_wire::ids::{Millis, Position, WireDoc, WorkspaceId};
use rusqlite::params;

use crate::column::{int, millis, number};
use crate::entries::{ROW, ROW_WITH_BODY, decode, decode_with_body};
use crate::{EntryN, EntryRow, EntryWithBody, Reader, StoreError, Tx};

/// How much is withheld of something, a document or a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// Entries whose bodies are not here.
    pub entries: u64,
    /// The first of them came at this time, by this device's clock.
    pub since: Millis,
}

// Literal numbers, because a partial index serves only a statement that repeats its condition.
const BEHIND: &str = "WHERE ws = ?1 AND pos > ?2 AND state = 5 ORDER BY pos LIMIT ?3";
const AT: &str = "WHERE ws = ?1 AND pos = ?2 AND state = 5";
const OF_DOC: &str = "SELECT count(*), min(since) FROM entry JOIN withheld ON entry = n WHERE ws = ?1 AND wire = ?2 AND state = 5";
const OF_WORKSPACE: &str =
    "SELECT count(*), min(since) FROM entry JOIN withheld ON entry = n WHERE ws = ?1 AND state = 5";
const DOCS: &str = "SELECT count(DISTINCT wire) FROM entry WHERE ws = ?1 AND state = 5";
const PLACED: &str = "WHERE ws = ?1 AND pos = ?2";

impl Reader<'_> {
    /// Entries whose bodies are withheld, from behind a position on and in log order.
    pub fn withheld_behind(
        &self,
        ws: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let (after, limit) = (int(after.0)?, int(limit as u64)?);
        self.all(&format!("{ROW} {BEHIND}"), params![ws.as_bytes(), after, limit], decode)
    }

    /// Where the first entry of a workspace stands whose body is withheld, if there is one.
    pub fn first_withheld(&self, ws: WorkspaceId) -> Result<Option<Position>, StoreError> {
        let first = self.withheld_behind(ws, Position::START, 1)?;
        Ok(first.first().and_then(|row| row.place).map(|place| place.pos))
    }

    /// The entry at a position, if its body is withheld.
    pub fn withheld_at(&self, ws: WorkspaceId, at: Position) -> Result<Option<EntryRow>, StoreError> {
        let Ok(at) = int(at.0) else { return Ok(None) };
        self.one(&format!("{ROW} {AT}"), (ws.as_bytes(), at), decode)
    }

    /// What is withheld of the document with this id on the wire; `None` if nothing is.
    pub fn withheld_of_doc(&self, ws: WorkspaceId, wire: WireDoc) -> Result<Option<Withheld>, StoreError> {
        self.withheld(OF_DOC, (ws.as_bytes(), wire.as_bytes()))
    }

    /// What is withheld of everything in a workspace; `None` if nothing is.
    pub fn withheld_of_workspace(&self, ws: WorkspaceId) -> Result<Option<Withheld>, StoreError> {
        self.withheld(OF_WORKSPACE, [ws.as_bytes()])
    }

    /// How many documents of a workspace there are of which something is withheld.
    pub fn docs_withheld(&self, ws: WorkspaceId) -> Result<u64, StoreError> {
        Ok(self.one(DOCS, [ws.as_bytes()], |row| number(row, 0))?.unwrap_or(0))
    }

    fn withheld(self, sql: &str, params: impl rusqlite::Params) -> Result<Option<Withheld>, StoreError> {
        let read = |row: &rusqlite::Row<'_>| match number(row, 0)? {
            0 => Ok(None),
            entries => Ok(Some(Withheld { entries, since: millis(row, 1)? })),
        };
        Ok(self.one(sql, params, read)?.flatten())
    }

    /// The entry at a position of the log, whatever became of it.
    pub fn placed_at(&self, ws: WorkspaceId, at: Position) -> Result<Option<EntryWithBody>, StoreError> {
        let Ok(at) = int(at.0) else { return Ok(None) };
        self.one(&format!("{ROW_WITH_BODY} {PLACED}"), (ws.as_bytes(), at), decode_with_body)
    }
}

impl Tx<'_> {
    /// Notes that an entry of the log is here without its body.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] if it has no position.
    pub fn note_withheld(&self, n: EntryN, since: Millis) -> Result<(), StoreError> {
        let sql = "UPDATE entry SET state = 5, reason = NULL, detail = NULL WHERE n = ?1 AND pos IS NOT NULL";
        if self.change(sql, [n])? == 0 {
            return Err(StoreError::WrongState("only what is on the log can be withheld"));
        }
        let sql = "INSERT INTO withheld (entry, since) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.change(sql, (n, int(since.0)?)).map(drop)
    }

    /// Stores the body of an entry that was withheld, which is on the log like any other from now on.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for any other entry.
    pub fn end_withheld(&self, n: EntryN, body: &[u8]) -> Result<(), StoreError> {
        if self.change("UPDATE entry SET state = 1 WHERE n = ?1 AND state = 5", [n])? == 0 {
            return Err(StoreError::WrongState("only a withheld entry gets its body later"));
        }
        self.change("DELETE FROM withheld WHERE entry = ?1", [n])?;
        self.put_missing_body(n, body).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn every_question_walks_its_index_and_sorts_nothing() {
        let store = Store::in_memory().unwrap();
        let by_place = "SEARCH entry USING INDEX entry_withheld (ws=? AND pos>?)";
        let of_workspace = "SEARCH entry USING COVERING INDEX entry_withheld_doc (ws=?)";
        for (sql, parameters, plan) in [
            (format!("{ROW} {BEHIND}"), 3, by_place),
            (format!("{ROW} {AT}"), 2, "SEARCH entry USING INDEX entry_pos (ws=? AND pos=?)"),
            (DOCS.to_owned(), 1, of_workspace),
            (format!("{ROW} {PLACED}"), 2, "SEARCH entry USING INDEX entry_pos (ws=? AND pos=?)"),
        ] {
            let zeros = rusqlite::params_from_iter(vec![0; parameters]);
            assert_eq!(store.read().plan(&sql, zeros), plan, "{sql}");
        }
    }
}
