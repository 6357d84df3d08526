//! Entries that a log had before it was continued and does not have any more: until they are on it again, or for good, *apart*. They stay
//! accepted content, behind everything that has a place: their positions are as before, shifted beyond any that a log comes to, and
//! those of what is apart twice as far.

use bowline_wire::ids::{EntryId, Position, WorkspaceId};
use rusqlite::params;

use crate::column::{id, int, number};
use crate::entries::{ROW, ROW_WITH_BODY, decode, decode_with_body};
use crate::{
    DocN, EntryN, EntryRow, EntryState, EntryWithBody, LogPlace, Reader, StoreError, StoredReason, Tx,
};

/// What is added to a position that does not count any more. Statements about what is on the log name it.
const AGAIN: i64 = 1 << 40;

/// Behind this stands what is not to come again. Statements about it name it.
const APART: i64 = 1 << 41;

// Literal numbers, as everywhere that an index is to serve.
const BEHIND: &str = "WHERE ws = ?1 AND pos > ?2 AND pos <= 2199023255552 AND pos IS NOT NULL ORDER BY pos";
const STRETCH: &str = "WHERE ws = ?1 AND pos > ?2 AND pos <= ?3 AND pos IS NOT NULL ORDER BY pos LIMIT ?4";

// Behind what is apart already, which is found from its end.
const PUT_APART: &str = "UPDATE entry
    SET pos = 1 + coalesce((SELECT max(pos) FROM entry AS other WHERE other.ws = entry.ws AND other.pos > ?3), ?3)
    WHERE n = ?1 AND pos > ?2 AND pos <= ?3";

// Its author has written into the document since, on the log that is followed now.
const SINCE: &str = "WHERE doc = lost.doc AND device = lost.device AND n > lost.n AND state = 1
                     AND pos < 1099511627776";
// What an author has written into a document last is looked up once, and not for each entry that was lost.
const COUNT_APART: &str = "
    WITH lost AS MATERIALIZED (
             SELECT doc, device, n FROM entry
             WHERE ws = ?1 AND pos > 2199023255552 AND pos IS NOT NULL AND lane = 1 AND doc IS NOT NULL),
         since AS MATERIALIZED (
             SELECT doc, device, (SELECT max(n) FROM entry WHERE doc = author.doc AND device = author.device
                                  AND state = 1 AND pos < 1099511627776) AS n
             FROM (SELECT DISTINCT doc, device FROM lost) AS author)
    SELECT count(*) FROM lost JOIN since USING (doc, device) WHERE since.n IS NULL OR lost.n > since.n";
const LOST: &str = "AS lost WHERE pos > 2199023255552 AND pos IS NOT NULL AND lane = 1 AND doc IS NOT NULL";

impl EntryRow {
    /// Whether the log has lost this entry: what counts as its place is behind everything else.
    pub fn is_off_the_log(&self) -> bool {
        self.place.is_some_and(|place| is_again(place.pos))
    }
}

/// Whether this stands for no place on the log.
pub fn is_again(position: Position) -> bool {
    position.0 > AGAIN.unsigned_abs()
}

/// Whether this stands for a place that the log has lost for good.
pub fn is_apart(position: Position) -> bool {
    position.0 > APART.unsigned_abs()
}

impl Reader<'_> {
    /// Some entries of the log in log order, without their bodies: from behind a position up to another one, at most `limit`.
    pub fn stretch(
        &self,
        ws: WorkspaceId,
        after: Position,
        to: Position,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let limit = int(limit as u64)?;
        self.all(
            &format!("{ROW} {STRETCH}"),
            params![ws.as_bytes(), int(after.0)?, int(to.0)?, limit],
            decode,
        )
    }

    /// The ids of all entries that the log has to get again.
    pub fn ids_again(&self, ws: WorkspaceId) -> Result<Vec<EntryId>, StoreError> {
        let sql = format!("SELECT id FROM entry {BEHIND}");
        self.all(&sql, params![ws.as_bytes(), AGAIN], |row| id(row, 0, EntryId::from_bytes))
    }

    /// The entries that the log has to get again, in the old order: behind the one at `after`, so many that their bodies are no more than
    /// `bytes`, and at least one.
    pub fn again(
        &self,
        ws: WorkspaceId,
        after: Option<Position>,
        bytes: usize,
    ) -> Result<Vec<EntryWithBody>, StoreError> {
        let after = after.map_or(Ok(AGAIN), |after| int(after.0))?.max(AGAIN);
        let mut sum = 0_usize;
        let is_within = |found: &EntryWithBody| {
            let is_first = sum == 0;
            sum = sum.saturating_add(found.body.as_ref().map_or(1, |body| body.len().max(1)));
            is_first || sum <= bytes
        };
        self.while_true(
            &format!("{ROW_WITH_BODY} {BEHIND}"),
            params![ws.as_bytes(), after],
            decode_with_body,
            is_within,
        )
    }

    /// Some of the entries that the log has to get again, in the old order and without bodies: behind the one at `after`, at most `limit`.
    pub fn again_rows(
        &self,
        ws: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        self.stretch(ws, after.max(Position(AGAIN.unsigned_abs())), Position(APART.unsigned_abs()), limit)
    }

    /// Everything behind a position of the log in the old order, without bodies: up to its end, and then what was to come again before.
    /// At most `limit` entries.
    pub fn behind(
        &self,
        ws: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<EntryRow>, StoreError> {
        self.stretch(ws, after, Position(APART.unsigned_abs()), limit)
    }

    /// How many entries of content are apart whose authors have not written into their documents since.
    pub fn count_apart(&self, ws: WorkspaceId) -> Result<u64, StoreError> {
        Ok(self.one(COUNT_APART, [ws.as_bytes()], |row| number(row, 0))?.unwrap_or(0))
    }

    /// Whether there is something of a document apart whose author has not written into it since.
    pub fn is_partly_apart(&self, doc: DocN) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT n FROM entry {LOST} AND doc = ?1 AND NOT EXISTS (SELECT 1 FROM entry {SINCE}) LIMIT 1"
        );
        Ok(self.one(&sql, [doc], |row| row.get::<_, i64>(0))?.is_some())
    }
}

impl Tx<'_> {
    /// Takes every entry behind a position off the log, to be put there again in the same order. What was to come again already comes
    /// after it. Content without a body cannot come again from here, and goes.
    ///
    /// # Errors
    /// [`StoreError::Refused`] if the database does not take it.
    pub fn set_back(&self, ws: WorkspaceId, at: Position) -> Result<(), StoreError> {
        let (ws, at) = (ws.as_bytes(), int(at.0)?);
        let sql =
            "DELETE FROM entry WHERE ws = ?1 AND state IN (2, 5) AND state <> 1 AND lane = 1 AND pos > ?2
                   AND NOT EXISTS (SELECT 1 FROM body WHERE body.entry = entry.n)";
        self.change(sql, (ws, at))?;
        // Further than both reach, so that no two rows ever have one position on the way.
        let sql = "UPDATE entry SET pos = pos - ?2
                       + (SELECT max(pos) FROM entry WHERE ws = ?1 AND pos <= ?3)
                       + (SELECT coalesce(max(pos), 0) FROM entry WHERE ws = ?1 AND pos <= ?2)
                   WHERE ws = ?1 AND pos > ?2 AND pos <= ?3";
        self.change(sql, (ws, AGAIN, APART))?;
        let sql = "UPDATE entry SET pos = pos + ?3 WHERE ws = ?1 AND pos > ?2 AND pos <= ?3";
        self.change(sql, (ws, at, AGAIN)).map(drop)
    }

    /// Puts an entry that is to come again apart, behind what is apart already: it is not to come.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for any that was not to come again.
    pub fn put_apart(&self, n: EntryN) -> Result<(), StoreError> {
        match self.change(PUT_APART, params![n, AGAIN, APART])? {
            0 => Err(StoreError::WrongState("only what was to come again is put apart")),
            _ => Ok(()),
        }
    }

    /// Takes an entry off the log that counts for nothing and is not to come again.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn take_off(&self, n: EntryN) -> Result<(), StoreError> {
        self.change_one("entry", "DELETE FROM entry WHERE n = ?1", [n])
    }

    /// An entry is on the log again.
    ///
    /// # Errors
    /// [`StoreError::WrongState`] for any that was not off the log; [`StoreError::AlreadyThere`] if the position is taken.
    pub fn place_again(&self, n: EntryN, place: LogPlace) -> Result<(), StoreError> {
        let sql = "UPDATE entry SET pos = ?2, log_hash = ?3, time = ?4 WHERE n = ?1 AND pos > ?5";
        let (pos, time) = (int(place.pos.0)?, int(place.time.millis().0)?);
        match self.change(sql, params![n, pos, place.hash_column(), time, AGAIN])? {
            0 => Err(StoreError::WrongState("only what was to come again is placed again")),
            _ => Ok(()),
        }
    }

    /// The log does not take an entry again: it is kept apart, without a place.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn refuse_again(
        &self,
        n: EntryN,
        state: EntryState,
        reason: &StoredReason,
    ) -> Result<(), StoreError> {
        let sql =
            "UPDATE entry SET state = ?2, reason = ?3, detail = ?4, pos = NULL, log_hash = NULL, time = NULL
                   WHERE n = ?1";
        self.change_one("entry", sql, params![n, state.number(), reason.number, reason.detail])
    }

    /// What an entry held of this device has rows of its own again: nothing hangs on the entry any more.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRow`].
    pub fn note_taken_apart(&self, n: EntryN) -> Result<(), StoreError> {
        self.change_one("entry", "UPDATE entry SET applied = 0 WHERE n = ?1", [n])
    }

    /// A document is to be made anew from its entries: what it was made of counts for less than before.
    pub fn make_anew(&self, doc: DocN) -> Result<(), StoreError> {
        self.delete_base(doc)?;
        self.change("UPDATE entry SET applied = 0 WHERE doc = ?1 AND state = 1 AND lane = 1", [doc])?;
        self.change("UPDATE doc SET rev = rev + 1 WHERE n = ?1", [doc]).map(drop)
    }

    /// Whether this device's own changes in an entry have rows.
    pub fn has_change_rows(&self, n: EntryN) -> Result<bool, StoreError> {
        let sql = "SELECT n FROM change WHERE entry = ?1 LIMIT 1";
        Ok(self.one(sql, [n], |row| row.get::<_, i64>(0))?.is_some())
    }

    /// Forgets the tip of every chain and what documents weigh, to be put anew.
    pub fn forget_log_state(&self, ws: WorkspaceId) -> Result<(), StoreError> {
        self.change("DELETE FROM chain WHERE ws = ?1", [ws.as_bytes()])?;
        self.change("DELETE FROM weight WHERE ws = ?1", [ws.as_bytes()]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn every_question_walks_its_index_and_sorts_nothing() {
        let store = Store::in_memory().unwrap();
        let read = store.read();
        let plan = read.plan(&format!("{ROW} {BEHIND}"), [0, 0]);
        assert_eq!(plan, "SEARCH entry USING INDEX entry_pos (ws=? AND pos>? AND pos<?)");
        let plan = read.plan(&format!("{ROW} {STRETCH}"), [0, 0, 0, 0]);
        assert_eq!(plan, "SEARCH entry USING INDEX entry_pos (ws=? AND pos>? AND pos<?)");
        let plan = read.plan(PUT_APART, [0, 0, 0]);
        assert!(plan.contains("SEARCH other USING COVERING INDEX entry_pos (ws=? AND pos>?)"), "{plan}");
    }

    #[test]
    fn the_number_in_the_statements_is_the_one_that_is_added() {
        assert_eq!((AGAIN, APART), (1_099_511_627_776, 2_199_023_255_552));
    }
}
