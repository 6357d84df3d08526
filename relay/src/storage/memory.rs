//! Logs in memory: for tests, for simulated worlds, and for trying a relay out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bowline_wire::draft::DRAFT;
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::header::EntryType;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{
    ChainKey, DeviceId, EntryId, LogHash, LogTime, Position, StateDigest, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::log::{ChainTip, Checkpoints, Run};
use bowline_wire::successor::SaidSuccessor;
use bowline_wire::weight::Written;

use crate::keys::LogKey;
use crate::storage::{
    Admission, Budget, Continued, LettingGo, LogCommit, NO_LOG, NewLog, Page, Row, Standing, Storage,
    StorageError, StoredLog, Swept, Usage, framed_len,
};

/// Logs in memory. Clones share them, as two openings of one disk would; they last as long as the last clone.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    logs: Arc<Mutex<BTreeMap<WorkspaceId, MemoryLog>>>,
}

#[derive(Debug)]
struct MemoryLog {
    made: NewLog,
    /// By their positions, ascending; those that were let go are missing.
    rows: Vec<Row>,
    roster: BTreeSet<Position>,
    by_id: HashMap<EntryId, Position>,
    by_number: HashMap<(ChainKey, u64), Position>,
    tips: BTreeMap<ChainKey, ChainTip>,
    weights: BTreeMap<(WireDoc, UserId), Written>,
    checkpoints: Checkpoints,
    usage: Usage,
    holdings: BTreeMap<DeviceId, SaidHolding>,
    parties: HashMap<Party, Standing>,
    /// Positions of entries without a body.
    lost: BTreeSet<Position>,
    successors: Vec<SaidSuccessor>,
    /// Where the log ended when it last went on under another key.
    continued_at: Option<Position>,
    /// A head that its key has signed, of which it lacks entries.
    lacks: Option<SeenHead>,
    /// Bytes of states.
    states: BTreeMap<StateDigest, Vec<u8>>,
    letting_go: Option<LettingGo>,
}

/// Entries that are let go at once.
const AT_ONCE: usize = 4;

/// Why a body cannot be stored.
const NO_ENTRY: StorageError = StorageError::Misuse("there is no entry for a body");

impl Memory {
    /// A storage without logs.
    pub fn new() -> Self {
        Self::default()
    }

    /// A copy that shares nothing with this one: a backup.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let copied = self.lock().iter().map(|(workspace, log)| (*workspace, log.copy())).collect();
        Self { logs: Arc::new(Mutex::new(copied)) }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<WorkspaceId, MemoryLog>> {
        // A thread that panicked while it held the lock changed nothing: commits are checked before they are applied.
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T: Default>(&self, workspace: WorkspaceId, read: impl FnOnce(&MemoryLog) -> T) -> T {
        self.lock().get(&workspace).map(read).unwrap_or_default()
    }
}

impl MemoryLog {
    fn new(made: NewLog) -> Self {
        Self {
            continued_at: (!made.begins_again.is_empty()).then_some(Position::START),
            successors: made.begins_again.clone(),
            made,
            rows: Vec::new(),
            roster: BTreeSet::new(),
            by_id: HashMap::new(),
            by_number: HashMap::new(),
            tips: BTreeMap::new(),
            weights: BTreeMap::new(),
            checkpoints: Checkpoints::default(),
            usage: Usage::default(),
            holdings: BTreeMap::new(),
            parties: HashMap::new(),
            lost: BTreeSet::new(),
            lacks: None,
            states: BTreeMap::new(),
            letting_go: None,
        }
    }

    fn copy(&self) -> Self {
        let mut copy = Self::new(self.made.clone());
        self.rows.iter().for_each(|row| copy.append(row));
        copy.usage = self.usage;
        copy.tips.clone_from(&self.tips);
        copy.weights.clone_from(&self.weights);
        copy.checkpoints.clone_from(&self.checkpoints);
        copy.holdings.clone_from(&self.holdings);
        copy.parties.clone_from(&self.parties);
        copy.successors.clone_from(&self.successors);
        copy.continued_at = self.continued_at;
        copy.lacks = self.lacks;
        copy.states.clone_from(&self.states);
        copy.letting_go.clone_from(&self.letting_go);
        copy
    }

    fn index_of(&self, position: Position) -> Option<usize> {
        self.rows.binary_search_by_key(&position, |row| row.position).ok()
    }

    fn row(&self, position: Position) -> Option<&Row> {
        self.rows.get(self.index_of(position)?)
    }

    fn append(&mut self, row: &Row) {
        let header = row.entry.header();
        if header.entry_type == EntryType::Roster {
            self.roster.insert(row.position);
        }
        self.by_id.entry(row.entry.id()).or_insert(row.position);
        self.by_number.entry((header.chain(), header.seq)).or_insert(row.position);
        self.usage.add(&row.entry);
        if row.entry.body().is_none() {
            self.lost.insert(row.position);
        }
        self.rows.push(row.clone());
    }

    /// Removes entries. What they took.
    fn remove(&mut self, positions: &[Position]) -> Usage {
        let mut freed = Usage::default();
        let goes = |row: &mut Row| positions.binary_search(&row.position).is_ok();
        for row in self.rows.extract_if(.., goes) {
            let header = row.entry.header();
            self.by_id.remove(&row.entry.id());
            self.by_number.remove(&(header.chain(), header.seq));
            self.roster.remove(&row.position);
            self.lost.remove(&row.position);
            freed.add(&row.entry);
        }
        self.usage = self.usage.without(freed);
        freed
    }

    /// Puts an entry in the place of the same one with another body, or none.
    fn replace(&mut self, position: Position, entry: Entry) {
        if entry.body().is_none() {
            self.lost.insert(position);
        } else {
            self.lost.remove(&position);
        }
        if let Some(row) = self.index_of(position).and_then(|index| self.rows.get_mut(index)) {
            row.entry = entry;
        }
    }

    fn page<'r>(rows: impl Iterator<Item = &'r Row>, budget: Budget) -> Page {
        let mut page = Page::default();
        let mut bytes = 0;
        for row in rows {
            bytes += framed_len(&row.entry);
            let full = page.entries.len() >= budget.entries || bytes > budget.bytes;
            if full && !page.entries.is_empty() {
                page.more = true;
                break;
            }
            page.entries.push((row.position, LoggedEntry { time: row.time, entry: row.entry.to_signed() }));
        }
        page
    }
}

/// Checks that `commit` continues what is in `logs`.
fn check(logs: &BTreeMap<WorkspaceId, MemoryLog>, commit: &LogCommit) -> Result<(), StorageError> {
    let log = logs.get(&commit.workspace);
    let stored = match (log, &commit.create) {
        (Some(_), Some(_)) => return Err(StorageError::Misuse("the log is there already")),
        (None, None) => return Err(NO_LOG),
        (Some(log), None) => log.rows.last().map_or(0, |last| last.position.0),
        (None, Some(_)) => 0,
    };
    let positions = commit.rows.iter().map(|row| row.position.0);
    if positions.eq((stored + 1..).take(commit.rows.len())) {
        Ok(())
    } else {
        Err(StorageError::Misuse("the rows do not continue the log"))
    }
}

impl Storage for Memory {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        Ok(self.with(workspace, |log| {
            let last = log.rows.last()?;
            Some(StoredLog {
                secret: log.made.secret.clone(),
                draft: log.made.draft,
                position: last.position,
                time: last.time,
                hash: last.hash,
                usage: log.usage,
                is_lost: log.lacks.is_some(),
                successors: log.successors.clone(),
                checkpoints: log.checkpoints.clone(),
                letting_go: log.letting_go.clone(),
            })
        }))
    }

    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError> {
        Ok(self.with(workspace, |log| {
            Some(Admission {
                log: LogKey::from(&log.made.secret).id(),
                draft: log.made.draft,
                is_lost: log.lacks.is_some(),
                standing: log.parties.get(party).copied(),
            })
        }))
    }

    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError> {
        let party = Party::Device(*device);
        let logs = self.lock();
        let found = logs.iter().filter(|(_, log)| log.parties.get(&party) == Some(&Standing::Recovery));
        Ok(found.map(|(workspace, _)| *workspace).take(limit).collect())
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        let mut logs = self.lock();
        for (index, commit) in batch.iter().enumerate() {
            check(&logs, commit)?;
            if batch.iter().take(index).any(|earlier| earlier.workspace == commit.workspace) {
                return Err(StorageError::Misuse("a log is twice in one batch"));
            }
            if commit.create.is_some() && commit.rows.is_empty() {
                return Err(StorageError::Misuse("a log begins with an entry"));
            }
        }
        for commit in batch {
            if let Some(made) = &commit.create {
                logs.insert(commit.workspace, MemoryLog::new(made.clone()));
            }
            if let Some(log) = logs.get_mut(&commit.workspace) {
                commit.rows.iter().for_each(|row| log.append(row));
                log.tips.extend(commit.tips.iter().copied());
                if let Some(said) = &commit.checkpoints {
                    log.checkpoints.clone_from(said);
                }
                log.weights.extend(commit.weights.iter().map(|it| ((it.doc, it.user), *it)));
                log.holdings.extend(commit.holdings.iter().map(|said| (said.device, *said)));
                log.parties.extend(commit.parties.iter().copied());
            }
        }
        Ok(())
    }

    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        Ok(self.with(workspace, |log| {
            let skipped = log.rows.partition_point(|row| row.position <= after);
            MemoryLog::page(log.rows.iter().skip(skipped), budget)
        }))
    }

    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError> {
        Ok(self.with(workspace, |log| {
            let rows = log.roster.iter().filter(|position| **position > after);
            let rows = rows.filter_map(|position| log.row(*position));
            MemoryLog::page(rows, budget)
        }))
    }

    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError> {
        Ok(self.with(workspace, |log| log.by_id.get(&id).copied()))
    }

    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError> {
        Ok(self.with(workspace, |log| log.row(position).map(|row| row.hash)))
    }

    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        Ok(self.with(workspace, |log| {
            let row = log.row(*log.by_number.get(&(*chain, seq))?)?;
            Some(SignedEntry::from_parts(row.entry.signed_header().to_signed(), None))
        }))
    }

    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError> {
        Ok(self.with(workspace, |log| log.holdings.values().copied().collect()))
    }

    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError> {
        Ok(self.with(workspace, |log| log.lost.range(after.next()..).copied().take(limit).collect()))
    }

    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError> {
        let mut logs = self.lock();
        let log = logs.get_mut(&workspace).ok_or(NO_ENTRY)?;
        let mut changed = Vec::with_capacity(bodies.len());
        for (position, body) in bodies {
            let header = log.row(*position).ok_or(NO_ENTRY)?.entry.signed_header().clone();
            let entry = Entry::new(header, body.clone());
            changed.push((*position, entry.map_err(|why| StorageError::Corrupt(why.to_string()))?));
        }
        for (position, entry) in changed {
            log.replace(position, entry);
        }
        Ok(())
    }

    fn continue_logs(&mut self, continued: &[Continued]) -> Result<(), StorageError> {
        let mut logs = self.lock();
        if !continued.iter().all(|it| logs.contains_key(&it.workspace)) {
            return Err(NO_LOG);
        }
        for Continued { workspace, secret, successors, tips } in continued {
            if let Some(log) = logs.get_mut(workspace) {
                log.made.secret = secret.clone();
                log.successors.extend(successors);
                log.continued_at = log.rows.last().map(|row| row.position);
                log.tips.extend(tips.iter().copied());
                log.lacks = None;
            }
        }
        Ok(())
    }

    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError> {
        Ok(self.with(workspace, |log| log.continued_at))
    }

    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        self.lock().get_mut(&workspace).ok_or(NO_LOG)?.lacks = Some(*head);
        Ok(())
    }

    fn has_lost(&self) -> Result<bool, StorageError> {
        Ok(self.lock().values().any(|log| log.lacks.is_some() && log.made.draft == DRAFT))
    }

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        Ok(self.with(workspace, |log| log.tips.iter().map(|(chain, tip)| (*chain, *tip)).collect()))
    }

    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError> {
        Ok(self.with(workspace, |log| log.weights.values().copied().collect()))
    }

    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError> {
        let mut logs = self.lock();
        let bytes = logs.get_mut(&workspace).ok_or(NO_LOG)?.states.entry(piece.digest).or_default();
        if bytes.len() as u64 != piece.offset {
            return Err(StorageError::Misuse("bytes of a state that do not follow those that are here"));
        }
        bytes.extend(&piece.bytes);
        Ok(())
    }

    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError> {
        Ok(self
            .with(workspace, |log| {
                let piece = StatePiece::of(digest, log.states.get(&digest)?, offset);
                piece.map(|piece| piece.bytes)
            })
            .unwrap_or_default())
    }

    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError> {
        if let Some(log) = self.lock().get_mut(&workspace) {
            log.states.retain(|digest, _| Some(*digest) == but);
        }
        Ok(())
    }

    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError> {
        Ok(self.with(workspace, |log| {
            let rows = log.rows.iter().filter(|row| Run::is_in(runs, row.position));
            rows.map(|row| (row.position, row.entry.id(), row.time)).collect()
        }))
    }

    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError> {
        let mut logs = self.lock();
        let log = logs.get_mut(&workspace).ok_or(NO_LOG)?;
        log.letting_go = Some(LettingGo { swept: Position::START, ..by.clone() });
        Ok(())
    }

    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        let mut logs = self.lock();
        let log = logs.get_mut(&workspace).ok_or(NO_LOG)?;
        let goes = |row: &&Row| row.position > by.swept && !by.keeps(row.position);
        let gone: Vec<Position> =
            log.rows.iter().filter(goes).map(|row| row.position).take(AT_ONCE + 1).collect();
        let (now, next) = gone.split_at(gone.len().min(AT_ONCE));
        let up_to = next.first().map_or(by.floor(), |next| Position(next.0 - 1));
        let freed = log.remove(now);
        if let Some(by) = &mut log.letting_go {
            by.swept = up_to;
        }
        Ok(Swept { up_to, freed })
    }

    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        let logs = self.lock();
        let is_left = |log: &MemoryLog| log.letting_go.as_ref().is_some_and(|by| !by.is_done());
        Ok(logs.iter().filter(|(_, log)| is_left(log)).map(|(workspace, _)| *workspace).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;
    use crate::storage::conformance;

    #[test]
    fn memory_passes_the_conformance_suite() {
        for (name, case) in conformance::cases::<Memory>() {
            let memory = Memory::new();
            println!("{name}");
            case(&|| Box::new(Box::new(memory.clone())));
        }
    }

    #[test]
    fn a_snapshot_is_a_storage_of_its_own() {
        conformance::a_snapshot_is_a_storage_of_its_own(Memory::new(), Memory::snapshot);
    }
}
