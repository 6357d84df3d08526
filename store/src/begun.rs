//! `kept` and `begun`: entries that stay below a checkpoint, on their way in, and the state from which a log was begun.

use bowline_wire::ids::{LogTime, Moment, Position, WorkspaceId};
use rusqlite::params;

use crate::column::{int, log_time, number};
use crate::entries::{ROW, decode};
use crate::{DocN, EntryN, EntryRow, Reader, StoreError, Tx};

/// An entry that is stored aside until the log is begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The entry's position.
    pub pos: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The entry, as the engine encodes it.
    pub entry: Vec<u8>,
}

const KEPT: &str = "SELECT pos, time, entry FROM kept WHERE ws = ?1 AND pos > ?2 ORDER BY pos";
const INCOMPLETE: &str =
    "WHERE ws = ?1 AND pos > ?2 AND pos <= ?3 AND state = 1 AND lane = 1 AND doc IS NULL AND applied = 0
                          ORDER BY pos LIMIT ?4";

impl Reader<'_> {
    /// Entries that are stored aside, in log order: from behind a position, so many that they have no more than `bytes`, and at least one.
    pub fn kept(&self, ws: WorkspaceId, after: Position, bytes: usize) -> Result<Vec<Kept>, StoreError> {
        let mut sum = 0_usize;
        let is_within = |found: &Kept| {
            let is_first = sum == 0;
            sum = sum.saturating_add(found.entry.len().max(1));
            is_first || sum <= bytes
        };
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Kept { pos: Position(number(row, 0)?), time: log_time(row, 1)?, entry: row.get(2)? })
        };
        self.while_true(KEPT, params![ws.as_bytes(), int(after.0)?], read, is_within)
    }

    /// The state from which a workspace's log was begun, as the engine encodes it; `None` if it has come from its first entry on.
    pub fn begun(&self, ws: WorkspaceId) -> Result<Option<Vec<u8>>, StoreError> {
        self.one("SELECT state FROM begun WHERE ws = ?1", [ws.as_bytes()], |row| row.get(0))
    }

    /// The first bytes of that: it may be long.
    pub fn begun_up_to(&self, ws: WorkspaceId, bytes: usize) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT substr(state, 1, ?2) FROM begun WHERE ws = ?1";
        self.one(sql, params![ws.as_bytes(), int(bytes as u64)?], |row| row.get(0))
    }

    /// Accepted content from behind a position up to another one that belongs to no document yet, in log order and without bodies, at most
    /// `limit`: parts of which another is not here.
    pub fn incomplete(
        &self,
        ws: WorkspaceId,
        after: Position,
        to: Position,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let of = params![ws.as_bytes(), int(after.0)?, int(to.0)?, int(limit as u64)?];
        self.all(&format!("{ROW} {INCOMPLETE}"), of, decode)
    }

    /// Whether a document has something that its log has had and let go.
    pub fn has_let_go(&self, doc: DocN) -> Result<bool, StoreError> {
        let sql = "SELECT n FROM entry WHERE doc = ?1 AND pos IS NULL AND state = 6 LIMIT 1";
        Ok(self.one(sql, [doc], |row| row.get::<_, i64>(0))?.is_some())
    }
}

impl Tx<'_> {
    /// Stores an entry aside.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`] if there is one with this position; [`StoreError::Refused`] if there is no such workspace.
    pub fn keep(&self, ws: WorkspaceId, at: Moment, entry: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO kept (ws, pos, time, entry) VALUES (?1, ?2, ?3, ?4)";
        let (pos, time) = (int(at.position.0)?, int(at.time.millis().0)?);
        self.insert(sql, params![ws.as_bytes(), pos, time, entry]).map(drop)
    }

    /// Forgets what was stored aside.
    pub fn drop_kept(&self, ws: WorkspaceId) -> Result<(), StoreError> {
        self.change("DELETE FROM kept WHERE ws = ?1", [ws.as_bytes()]).map(drop)
    }

    /// Stores the state from which a log was begun, in the place of one that was stored before.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if there is no such workspace.
    pub fn put_begun(&self, ws: WorkspaceId, state: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO begun (ws, state) VALUES (?1, ?2)
                   ON CONFLICT (ws) DO UPDATE SET state = excluded.state";
        self.change(sql, (ws.as_bytes(), state)).map(drop)
    }

    /// The log has had an entry and has let it go: it has no place, and what hangs on it stays sealed.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn let_go(&self, n: EntryN) -> Result<(), StoreError> {
        let sql = "UPDATE entry SET state = 6, reason = NULL, detail = NULL, pos = NULL, log_hash = NULL, time = NULL
                   WHERE n = ?1";
        self.change_one("entry", sql, [n])?;
        self.change("DELETE FROM withheld WHERE entry = ?1", [n]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn every_question_walks_its_index_and_sorts_nothing() {
        let store = Store::in_memory().unwrap();
        let plan = store.read().plan(KEPT, [0, 0]);
        assert!(plan.starts_with("SEARCH kept USING INDEX") && plan.ends_with("(ws=? AND pos>?)"), "{plan}");
        let plan = store.read().plan(&format!("{ROW} {INCOMPLETE}"), [0, 0, 0, 0]);
        assert_eq!(plan, "SEARCH entry USING INDEX entry_unapplied (doc=? AND pos>? AND pos<?)");
    }
}
