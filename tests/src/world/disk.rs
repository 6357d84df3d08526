//! The relay's disk: the shipped storage in memory, with a plug that can be pulled. A planted bug makes it wrong in one
//! way, so that what the relay signs for is not what is stored.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bowline_relay::storage::memory::Memory;
use bowline_relay::storage::{
    Admission, Budget, Continued, LettingGo, LogCommit, Page, Row, Storage, StorageError, StoredLog, Swept,
};
use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::hash::log_hash;
use bowline_wire::head::SeenHead;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{ChainKey, DeviceId, EntryId, LogHash, LogTime, Position, StateDigest, WorkspaceId};
use bowline_wire::log::{ChainTip, Run};
use bowline_wire::weight::Written;

use super::bug::Bug;

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PowerCut {
    /// Before the commit has stored anything.
    Before,
    /// When the commit has stored everything, and before anybody is told.
    After,
}

/// The relay's disk. Clones are the same disk until the power comes back.
#[derive(Clone)]
pub(super) struct Disk {
    memory: Memory,
    bug: Option<Bug>,
    /// How many commits are left before the power goes, and when in that commit it goes.
    plan: Rc<Cell<Option<(u32, PowerCut)>>>,
    is_cut: Rc<Cell<bool>>,
    /// With [`Bug::AckBeforeCommit`]: all that a power cut leaves.
    before_last: Rc<RefCell<Option<Memory>>>,
    /// With [`Bug::NoDeduplication`]: what was stored when the power went, so that nobody was told.
    unanswered: Rc<RefCell<Vec<LogCommit>>>,
}

impl Disk {
    pub(super) fn new(bug: Option<Bug>) -> Self {
        Self {
            memory: Memory::new(),
            bug,
            plan: Rc::default(),
            is_cut: Rc::default(),
            before_last: Rc::default(),
            unanswered: Rc::default(),
        }
    }

    /// The power goes in the commit after `commits` more.
    pub(super) fn plan_power_cut(&self, commits: u32, cut: PowerCut) {
        self.plan.set(Some((commits, cut)));
    }

    /// Whether the power went since the last call.
    pub(super) fn take_power_cut(&self) -> bool {
        self.is_cut.take()
    }

    /// The power is back: the disk holds what it kept, and no other cut is planned.
    pub(super) fn power_back(&mut self) {
        self.plan.set(None);
        self.is_cut.set(false);
        if let Some(before_last) = self.before_last.take() {
            self.memory = before_last;
        }
        let again: Vec<LogCommit> =
            self.unanswered.take().into_iter().map(|it| self.behind_all(it)).collect();
        self.memory.commit(&again).expect("it continues what is stored");
    }

    /// A copy of everything that is stored.
    pub(super) fn backup(&self) -> Memory {
        self.memory.snapshot()
    }

    /// Holds this from now on. A disk that is wrong on purpose stays as it is: returns `false`.
    pub(super) fn put_back(&mut self, backup: &Memory) -> bool {
        if self.bug.is_none() {
            self.memory = backup.snapshot();
        }
        self.bug.is_none()
    }

    fn store(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        if self.bug == Some(Bug::AckBeforeCommit) {
            self.before_last.replace(Some(self.memory.snapshot()));
        }
        self.memory.commit(batch)
    }

    /// Stores something else than entries, unless the power goes.
    fn store_other<T>(
        &mut self,
        store: impl FnOnce(&mut Memory) -> Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match self.plan.take() {
            Some((0, cut)) => {
                self.is_cut.set(true);
                if cut == PowerCut::After {
                    store(&mut self.memory)?;
                }
                Err(StorageError::Unavailable("the power is gone".to_owned()))
            }
            plan => {
                self.plan.set(plan.map(|(left, cut)| (left - 1, cut)));
                store(&mut self.memory)
            }
        }
    }

    /// A commit's entries once more, behind all that is stored of their log.
    fn behind_all(&self, commit: LogCommit) -> LogCommit {
        let stored = self.memory.log(commit.workspace).expect("memory is always readable");
        let stored = stored.expect("the log was stored when the power went");
        let (mut position, time, mut hash) = (stored.position, stored.time, stored.hash);
        let rows = commit.rows.into_iter().map(|row| {
            position = position.next();
            hash = log_hash(hash, row.entry.id(), time);
            Row { position, time, hash, entry: row.entry }
        });
        LogCommit { create: None, rows: rows.collect(), ..commit }
    }
}

impl Storage for Disk {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        self.memory.log(workspace)
    }

    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError> {
        self.memory.admission(workspace, party)
    }

    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError> {
        self.memory.recovered_by(device, limit)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        match self.plan.take() {
            Some((0, cut)) => {
                self.is_cut.set(true);
                if cut == PowerCut::After {
                    self.store(batch)?;
                    if self.bug == Some(Bug::NoDeduplication) {
                        self.unanswered.replace(batch.to_vec());
                    }
                }
                Err(StorageError::Unavailable("the power is gone".to_owned()))
            }
            plan => {
                self.plan.set(plan.map(|(left, cut)| (left - 1, cut)));
                self.store(batch)
            }
        }
    }

    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        self.memory.read(workspace, after, budget)
    }

    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError> {
        self.memory.read_roster(workspace, after, budget)
    }

    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError> {
        self.memory.position_of(workspace, id)
    }

    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError> {
        self.memory.hash_at(workspace, position)
    }

    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        self.memory.header_at(workspace, chain, seq)
    }

    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError> {
        self.memory.holdings(workspace)
    }

    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError> {
        self.memory.lost_bodies(workspace, after, limit)
    }

    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError> {
        self.memory.put_bodies(workspace, bodies)
    }

    fn continue_logs(&mut self, logs: &[Continued]) -> Result<(), StorageError> {
        self.memory.continue_logs(logs)
    }

    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError> {
        self.memory.continued_at(workspace)
    }

    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        self.memory.note_lost(workspace, head)
    }

    fn has_lost(&self) -> Result<bool, StorageError> {
        self.memory.has_lost()
    }

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        self.memory.tips(workspace)
    }

    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError> {
        self.memory.weights(workspace)
    }

    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError> {
        self.store_other(|memory| memory.add_to_state(workspace, piece))
    }

    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError> {
        self.memory.read_state(workspace, digest, offset)
    }

    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError> {
        self.store_other(|memory| memory.drop_states(workspace, but))
    }

    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError> {
        self.memory.ids_in(workspace, runs)
    }

    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError> {
        self.store_other(|memory| memory.begin_letting_go(workspace, by))
    }

    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        self.store_other(|memory| memory.let_some_go(workspace, by))
    }

    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        self.memory.unswept()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bowline_engine::device::DocumentState;
    use bowline_wire::ids::DocId;

    use super::super::World;
    use super::*;

    /// A world in which one device has a workspace and a conversation in it, which the relay has acknowledged.
    fn begun(bug: Option<Bug>) -> (World, DocId) {
        let mut world = World::new(1, bug);
        world.device("laptop").create_workspace();
        world.advance(1_000);
        world.device("laptop").create("plans");
        world.advance(1_000);
        let document = world.last_conversation().unwrap();
        assert_eq!(world.device("laptop").state_of(document), Some(DocumentState::OnRelay));
        (world, document)
    }

    fn stored(world: &World) -> Vec<EntryId> {
        let workspace = world.workspace.unwrap();
        let log = world.relay.log(workspace, Position::START);
        log.into_iter().map(|(_, logged)| logged.entry.id(workspace)).collect()
    }

    #[test]
    fn ack_before_commit_signs_for_what_a_crash_then_takes() {
        for bug in [None, Some(Bug::AckBeforeCommit)] {
            let (mut world, _) = begun(bug);
            let acknowledged = stored(&world);
            world.crash_relay();
            let left = stored(&world);
            assert!(acknowledged.starts_with(&left));
            assert_eq!(acknowledged.len() > left.len(), bug.is_some(), "{bug:?}: {left:?}");
        }
    }

    #[test]
    fn without_deduplication_a_repeated_entry_stands_twice_in_the_log() {
        for bug in [None, Some(Bug::NoDeduplication)] {
            let (mut world, document) = begun(bug);
            let before = stored(&world);
            world.crash_relay_at_commit(0, true);
            world.device("laptop").say(document, "once");
            world.advance(10_000);
            let after = stored(&world);
            assert!(after.starts_with(&before) && after.len() > before.len(), "{bug:?}: {after:?}");
            let different: BTreeSet<&EntryId> = after.iter().collect();
            assert_eq!(after.len() > different.len(), bug.is_some(), "{bug:?}: {after:?}");
        }
    }
}
