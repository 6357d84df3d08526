//! Questions about many entries: what is offered, what is to be applied, what a log holds.

use bowline_wire::ids::{ChainKey, DeviceId, EntryId, LogHash, LogTime, Position, WorkspaceId};
use rusqlite::{Row, params};

use crate::column::{coded, id, int, log_hash, log_time, number};
use crate::entries::{ROW, ROW_WITH_BODY, decode, decode_with_body};
use crate::{DocN, EntryRow, EntryState, EntryWithBody, Reader, StoreError};

/// How many entries of a workspace are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounts {
    /// This device's entries that the relay has not answered yet.
    pub offered: u64,
    /// Entries on the log.
    pub on_log: u64,
    /// Entries that cannot be read, verified or applied, and are kept.
    pub quarantined: u64,
    /// This device's entries that were refused for good.
    pub refused: u64,
    /// Entries of a type that this version does not know.
    pub update_needed: u64,
    /// Entries whose bodies the relay withholds.
    pub withheld: u64,
}

// Literal numbers, because a partial index serves only a statement that repeats its condition.
const OFFERED: &str = "WHERE ws = ?1 AND state = 0 AND state <> 1 ORDER BY lane, n";
const UNAPPLIED: &str = "WHERE doc = ?1 AND state = 1 AND lane = 1 AND applied = 0 AND pos > ?2 ORDER BY pos";
const ACCEPTED: &str = "WHERE doc = ?1 AND state = 1 AND lane = 1 ORDER BY pos";
const IN_CHAIN: &str =
    "WHERE ws = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4 AND seq = ?5 AND state = 1";
const ASIDE_FOR: &str = "WHERE doc = ?1 AND state = 2 AND lane = 1 AND reason = ?2";
const PLACED_IN_CHAIN: &str =
    "WHERE ws = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4 AND seq = ?5 AND pos IS NOT NULL";
const KEPT_IN_CHAIN: &str =
    "WHERE ws = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4 AND seq = ?5 AND state IN (1, 2)";
const REFUSED: &str = "AS refused WHERE doc = ?1 AND pos IS NULL AND state = 3 AND type = ?2 AND applied = 1";
// One that was put aside since had counted.
const SINCE: &str = "WHERE doc = ?1 AND device = refused.device AND n > refused.n AND (state < 2 OR state = 6 OR (state = 2 AND pos IS NOT NULL))";
// The plus keeps the planner from walking a whole workspace by an index that begins with it.
const INCOMPLETE: &str = "WHERE doc IS NULL AND state = 1 AND lane = 1 AND applied = 0 AND +ws = ?1";
// What is to come again (`again.rs`) is not on the log.
const CONTROL_BY_TYPE: &str =
    "WHERE ws = ?1 AND type = ?2 AND state = 1 AND lane = 0 AND pos < 1099511627776 ORDER BY pos";
const ON_LOG: &str = "WHERE ws = ?1 AND state = 1 AND pos IS NOT NULL AND pos < 1099511627776 ORDER BY pos";
const NOT_ON_LOG: &str = "WHERE ws = ?1 AND state = ?2 AND state <> 1 ORDER BY lane, n";
const STRETCH: &str = "WHERE ws = ?1 AND pos > ?2 AND pos <= ?3 AND pos IS NOT NULL ORDER BY pos";
const WITHOUT_A_PLACE: &str = "WHERE ws = ?1 AND state IN (2, 3) AND state <> 1 AND pos IS NULL ORDER BY n";

impl Reader<'_> {
    /// Our entries that are not answered yet: control lane first, then in the order they were made.
    pub fn offered(&self, ws: WorkspaceId) -> Result<Vec<EntryRow>, StoreError> {
        self.all(&format!("{ROW} {OFFERED}"), [ws.as_bytes()], decode)
    }

    /// A document's accepted content that is not in it yet, from behind a position on and in log order: so much that its bodies
    /// are no more than `bytes`, and at least one.
    pub fn unapplied(
        &self,
        doc: DocN,
        after: Position,
        bytes: usize,
    ) -> Result<Vec<EntryWithBody>, StoreError> {
        let mut sum = 0_usize;
        let is_within = |found: &EntryWithBody| {
            let is_first = sum == 0;
            sum = sum.saturating_add(found.body.as_ref().map_or(1, |body| body.len().max(1)));
            is_first || sum <= bytes
        };
        let sql = format!("{ROW_WITH_BODY} {UNAPPLIED}");
        self.while_true(&sql, params![doc, int(after.0)?], decode_with_body, is_within)
    }

    /// Whether a document has accepted content that is not in it yet.
    pub fn has_unapplied(&self, doc: DocN) -> Result<bool, StoreError> {
        let sql = format!("SELECT n FROM entry {UNAPPLIED} LIMIT 1");
        Ok(self.one(&sql, params![doc, 0], |row| row.get::<_, i64>(0))?.is_some())
    }

    /// The documents that have accepted content which is not in them yet.
    pub fn docs_with_unapplied(&self) -> Result<Vec<DocN>, StoreError> {
        let sql = "SELECT DISTINCT doc FROM entry
                   WHERE state = 1 AND lane = 1 AND applied = 0 AND doc IS NOT NULL ORDER BY doc";
        self.all(sql, (), |row| row.get(0))
    }

    /// The documents of a workspace that have accepted content which is not in them yet, and into which `device` has written.
    pub fn own_docs_with_unapplied(
        &self,
        ws: WorkspaceId,
        device: DeviceId,
    ) -> Result<Vec<DocN>, StoreError> {
        let sql = "SELECT DISTINCT doc FROM entry AS waits
                   WHERE state = 1 AND lane = 1 AND applied = 0 AND doc IS NOT NULL AND +ws = ?1
                     AND (EXISTS (SELECT 1 FROM change WHERE change.doc = waits.doc)
                          OR EXISTS (SELECT 1 FROM entry AS own WHERE own.doc = waits.doc AND own.device = ?2))
                   ORDER BY doc";
        self.all(sql, (ws.as_bytes(), device.as_bytes()), |row| row.get(0))
    }

    /// All accepted content of a document, in log order: what it is a function of.
    pub fn accepted(&self, doc: DocN) -> Result<Vec<EntryWithBody>, StoreError> {
        self.all(&format!("{ROW_WITH_BODY} {ACCEPTED}"), [doc], decode_with_body)
    }

    /// Content of a document that was put aside for one reason, without bodies and in no particular order.
    pub fn put_aside_for(&self, doc: DocN, reason: u16) -> Result<Vec<EntryRow>, StoreError> {
        self.all(&format!("{ROW} {ASIDE_FOR}"), (doc, reason), decode)
    }

    /// Whether the entry with this number in a chain is here without its body.
    pub fn is_withheld_in_chain(
        &self,
        ws: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<bool, StoreError> {
        let (device, incarnation) = (chain.device.as_bytes(), chain.incarnation.as_bytes());
        let of = params![ws.as_bytes(), device, incarnation, chain.lane.number(), int(seq)?];
        let sql = "SELECT n FROM entry
                   WHERE ws = ?1 AND device = ?2 AND incarnation = ?3 AND lane = ?4 AND seq = ?5 AND state = 5";
        Ok(self.one(sql, of, |row| row.get::<_, i64>(0))?.is_some())
    }

    /// The accepted entry with this number in a chain: an earlier part of a payload is found from its last one by it.
    pub fn accepted_in_chain(
        &self,
        ws: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<EntryWithBody>, StoreError> {
        self.in_chain(IN_CHAIN, ws, chain, seq)
    }

    /// As [`Reader::accepted_in_chain`], of an entry that may have been put aside meanwhile.
    pub fn kept_in_chain(
        &self,
        ws: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<EntryWithBody>, StoreError> {
        self.in_chain(KEPT_IN_CHAIN, ws, chain, seq)
    }

    /// Everything with this number in a chain that has a place, whatever became of it, without bodies.
    pub fn placed_in_chain(
        &self,
        ws: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Vec<EntryRow>, StoreError> {
        let (device, incarnation) = (chain.device.as_bytes(), chain.incarnation.as_bytes());
        let of = params![ws.as_bytes(), device, incarnation, chain.lane.number(), int(seq)?];
        self.all(&format!("{ROW} {PLACED_IN_CHAIN}"), of, decode)
    }

    fn in_chain(
        self,
        condition: &str,
        ws: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<EntryWithBody>, StoreError> {
        let (device, incarnation) = (chain.device.as_bytes(), chain.incarnation.as_bytes());
        let of = params![ws.as_bytes(), device, incarnation, chain.lane.number(), int(seq)?];
        self.one(&format!("{ROW_WITH_BODY} {condition}"), of, decode_with_body)
    }

    /// Whether an entry of this type that this device made of a document was refused for good, and none was made since, of
    /// whatever type.
    pub fn was_refused(&self, doc: DocN, entry_type: u16) -> Result<bool, StoreError> {
        let sql = format!("SELECT n FROM entry {REFUSED} AND NOT EXISTS (SELECT 1 FROM entry {SINCE})");
        Ok(self.one(&sql, (doc, entry_type), |row| row.get::<_, i64>(0))?.is_some())
    }

    /// How many entries hold accepted content that belongs to no document yet: parts of which the last has not come, or
    /// could not be read.
    pub fn count_incomplete(&self, ws: WorkspaceId) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM entry {INCOMPLETE}");
        Ok(self.one(&sql, [ws.as_bytes()], |row| number(row, 0))?.unwrap_or(0))
    }

    /// The position of a document's last accepted content that is on the log or to come again, if it has any.
    pub fn last_placed(&self, doc: DocN) -> Result<Option<Position>, StoreError> {
        let sql =
            "SELECT max(pos) FROM entry WHERE doc = ?1 AND state = 1 AND lane = 1 AND pos <= 2199023255552";
        let last = self.one(sql, [doc], |row| row.get::<_, Option<i64>>(0))?.flatten();
        Ok(last.map(|position| Position(position.unsigned_abs())))
    }

    /// Where a document's first accepted content stands, and the device that wrote it, if it has any.
    pub fn first_placed(&self, doc: DocN) -> Result<Option<(Position, DeviceId)>, StoreError> {
        let sql =
            "SELECT pos, device FROM entry WHERE doc = ?1 AND state = 1 AND lane = 1 ORDER BY pos LIMIT 1";
        self.one(sql, [doc], |row| Ok((Position(number(row, 0)?), id(row, 1, DeviceId::from_bytes)?)))
    }

    /// The accepted control entries of one type, in log order.
    pub fn control_by_type(
        &self,
        ws: WorkspaceId,
        entry_type: u16,
    ) -> Result<Vec<EntryWithBody>, StoreError> {
        let sql = format!("{ROW_WITH_BODY} {CONTROL_BY_TYPE}");
        self.all(&sql, (ws.as_bytes(), entry_type), decode_with_body)
    }

    /// The entries in one state: by position on the log, else control lane first, then in the order they came.
    pub fn entries_in_state(&self, ws: WorkspaceId, state: EntryState) -> Result<Vec<EntryRow>, StoreError> {
        match state {
            EntryState::OnLog => self.all(&format!("{ROW} {ON_LOG}"), [ws.as_bytes()], decode),
            _ => self.all(&format!("{ROW} {NOT_ON_LOG}"), (ws.as_bytes(), state.number()), decode),
        }
    }

    /// Some entries of the log in log order, with their bodies: from behind a position up to another one, so many that their bodies
    /// are no more than `bytes`, and at least one.
    pub fn stretch_with_bodies(
        &self,
        ws: WorkspaceId,
        after: Position,
        to: Position,
        bytes: usize,
    ) -> Result<Vec<EntryWithBody>, StoreError> {
        let mut sum = 0_usize;
        let is_within = |found: &EntryWithBody| {
            let is_first = sum == 0;
            let body = found.body.as_ref().map_or(0, Vec::len);
            sum = sum.saturating_add(body).saturating_add(found.entry.header.len().max(1));
            is_first || sum <= bytes
        };
        let of = params![ws.as_bytes(), int(after.0)?, int(to.0)?];
        self.while_true(&format!("{ROW_WITH_BODY} {STRETCH}"), of, decode_with_body, is_within)
    }

    /// Entries that have no place on the log and get none as they are: refused for good, or put apart, in the order in which they came.
    pub fn without_a_place(&self, ws: WorkspaceId) -> Result<Vec<EntryRow>, StoreError> {
        self.all(&format!("{ROW} {WITHOUT_A_PLACE}"), [ws.as_bytes()], decode)
    }

    /// The log's time at a position, and the device whose entry stands there; `None` if none is here.
    pub fn author_at(
        &self,
        ws: WorkspaceId,
        pos: Position,
    ) -> Result<Option<(LogTime, DeviceId)>, StoreError> {
        let sql = "SELECT time, device FROM entry WHERE ws = ?1 AND pos = ?2";
        let read = |row: &Row<'_>| Ok((log_time(row, 0)?, id(row, 1, DeviceId::from_bytes)?));
        self.one(sql, (ws.as_bytes(), int(pos.0)?), read)
    }

    /// The log hash at a position, if an entry is here that has it.
    pub fn log_hash_at(&self, ws: WorkspaceId, pos: Position) -> Result<Option<LogHash>, StoreError> {
        let sql = "SELECT log_hash FROM entry WHERE ws = ?1 AND pos = ?2";
        Ok(self.one(sql, (ws.as_bytes(), int(pos.0)?), |row| log_hash(row, 0))?.flatten())
    }

    /// Id and log time of each entry behind one position up to another, in order, as far as they are here.
    pub fn steps(
        &self,
        ws: WorkspaceId,
        behind: Position,
        up_to: Position,
    ) -> Result<Vec<(EntryId, LogTime)>, StoreError> {
        let sql = "SELECT id, time FROM entry WHERE ws = ?1 AND pos > ?2 AND pos <= ?3 ORDER BY pos";
        let read = |row: &Row<'_>| Ok((id(row, 0, EntryId::from_bytes)?, log_time(row, 1)?));
        self.all(sql, (ws.as_bytes(), int(behind.0)?, int(up_to.0)?), read)
    }

    /// How many entries are in each state. Walks an index of what is on the log, and the rows of what is not.
    pub fn count_by_state(&self, ws: WorkspaceId) -> Result<StateCounts, StoreError> {
        let mut counts = StateCounts::default();
        let sql = "SELECT count(*) FROM entry WHERE ws = ?1 AND pos < 1099511627776";
        let placed = self.one(sql, [ws.as_bytes()], |row| number(row, 0))?.unwrap_or(0);
        let sql = "SELECT state, count(*), count(pos) FILTER (WHERE pos < 1099511627776) FROM entry
                   WHERE ws = ?1 AND state <> 1 GROUP BY state";
        let rows = self.all(sql, [ws.as_bytes()], |row| {
            Ok((coded(row, 0, EntryState::from_number)?, number(row, 1)?, number(row, 2)?))
        })?;
        let mut placed_elsewhere = 0;
        for (state, count, with_pos) in rows {
            placed_elsewhere += with_pos;
            match state {
                EntryState::Offered => counts.offered = count,
                EntryState::OnLog | EntryState::LetGo => {}
                EntryState::Quarantined => counts.quarantined = count,
                EntryState::Refused => counts.refused = count,
                EntryState::UpdateNeeded => counts.update_needed = count,
                EntryState::Withheld => counts.withheld = count,
            }
        }
        counts.on_log = placed - placed_elsewhere;
        Ok(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;

    #[test]
    fn every_question_walks_its_index_sorts_nothing_and_is_planned_once() {
        let store = Store::in_memory().unwrap();
        let not_on_log = "SEARCH entry USING INDEX entry_not_on_log (ws=? AND state=?)";
        for (condition, parameters, plan) in [
            (OFFERED, 1, not_on_log),
            (NOT_ON_LOG, 2, not_on_log),
            (UNAPPLIED, 2, "SEARCH entry USING INDEX entry_unapplied (doc=? AND pos>?)"),
            (ACCEPTED, 1, "SEARCH entry USING INDEX entry_doc (doc=?)"),
            (ASIDE_FOR, 2, "SEARCH entry USING INDEX entry_aside (doc=? AND reason=?)"),
            (
                PLACED_IN_CHAIN,
                5,
                "SEARCH entry USING INDEX entry_chain (ws=? AND device=? AND incarnation=? AND lane=? AND seq=?)",
            ),
            (
                IN_CHAIN,
                5,
                "SEARCH entry USING INDEX entry_chain (ws=? AND device=? AND incarnation=? AND lane=? AND seq=?)",
            ),
            (
                KEPT_IN_CHAIN,
                5,
                "SEARCH entry USING INDEX entry_chain (ws=? AND device=? AND incarnation=? AND lane=? AND seq=?)",
            ),
            (INCOMPLETE, 1, "SEARCH entry USING INDEX entry_unapplied (doc=?)"),
            (CONTROL_BY_TYPE, 2, "SEARCH entry USING INDEX entry_control (ws=? AND type=? AND pos<?)"),
            (ON_LOG, 1, "SEARCH entry USING INDEX entry_pos (ws=? AND pos>? AND pos<?)"),
            (STRETCH, 3, "SEARCH entry USING INDEX entry_pos (ws=? AND pos>? AND pos<?)"),
        ] {
            let sql = format!("{ROW} {condition}");
            let zeros = rusqlite::params_from_iter(vec![0; parameters]);
            assert_eq!(store.read().plan(&sql, zeros), plan, "{condition}");
            assert_eq!(store.read().plans_anew(&sql, parameters), 0, "{condition}");
        }
    }

    #[test]
    fn what_was_refused_is_found_among_what_has_no_place() {
        let store = Store::in_memory().unwrap();
        let plan = store.read().plan(&format!("{ROW} {REFUSED}"), [0, 0]);
        assert_eq!(plan, "SEARCH refused USING INDEX entry_doc (doc=? AND pos=?)");
    }

    #[test]
    fn the_numbers_in_the_statements_are_those_of_the_states() {
        assert_eq!(EntryState::Offered.number(), 0);
        assert_eq!(EntryState::OnLog.number(), 1);
        assert_eq!(EntryState::Withheld.number(), 5);
        assert_eq!(EntryState::LetGo.number(), 6);
        for number in 0..=u8::MAX {
            let state = EntryState::from_number(number);
            assert_eq!(state.map(EntryState::number), (number < 7).then_some(number));
        }
    }
}
