//! A storage that records its commits, and fails or waits when told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{ChainKey, DeviceId, EntryId, LogHash, LogTime, Position, StateDigest, WorkspaceId};
use bowline_wire::log::{ChainTip, Run};
use bowline_wire::weight::Written;

use crate::storage::memory::Memory;
use crate::storage::{
    Admission, Budget, Continued, LettingGo, LogCommit, Page, Storage, StorageError, StoredLog, Swept, Usage,
};

/// Something that a test turns on and off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch(Arc<AtomicBool>);

impl Switch {
    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::SeqCst);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Where commits wait while a test holds it shut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gate(Arc<(Mutex<GateState>, Condvar)>);

#[derive(Debug, Default)]
struct GateState {
    is_shut: bool,
    waiting: usize,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.state().is_shut = true;
    }

    pub(crate) fn open(&self) {
        self.state().is_shut = false;
        self.0.1.notify_all();
    }

    /// Blocks until a commit waits.
    pub(crate) fn wait_for_somebody(&self) {
        let (_, changed) = &*self.0;
        drop(changed.wait_while(self.state(), |state| state.waiting == 0).unwrap());
    }

    fn pass(&self) {
        let (_, changed) = &*self.0;
        let mut state = self.state();
        state.waiting += 1;
        changed.notify_all();
        let mut state = changed.wait_while(state, |state| state.is_shut).unwrap();
        state.waiting -= 1;
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.0.0.lock().unwrap()
    }
}

/// Memory behind switches. Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Flaky {
    pub(crate) memory: Memory,
    /// While set, commits fail and store nothing.
    pub(crate) refuses_commits: Switch,
    /// While set, commits fail after they have stored everything: the answer is lost, not the data.
    pub(crate) loses_answers: Switch,
    /// While set, commits panic.
    pub(crate) panics: Switch,
    /// While set, reads fail.
    pub(crate) refuses_reads: Switch,
    /// While shut, commits wait.
    pub(crate) gate: Gate,
    /// How often was tried whether it stores.
    pub(crate) tried: Arc<AtomicUsize>,
    /// How often was looked up whether somebody may come in.
    pub(crate) looked_up: Arc<AtomicUsize>,
    /// How often anything else was read.
    pub(crate) reads: Arc<AtomicUsize>,
    /// How often entries were read.
    pub(crate) pages_read: Arc<AtomicUsize>,
    /// Positions at which the stored bodies are not what was stored.
    pub(crate) rotten: Arc<Mutex<BTreeSet<Position>>>,
    /// Bytes that every log is said to have beside those that it has.
    pub(crate) more: Arc<Mutex<Usage>>,
    /// How often was looked for lost bodies.
    pub(crate) looked_for_lost: Arc<AtomicUsize>,
    /// Every successful commit.
    batches: Arc<Mutex<Vec<Vec<LogCommit>>>>,
}

impl Flaky {
    /// For each successful commit, how many rows it had for how many workspaces.
    pub(crate) fn commits(&self) -> Vec<(usize, usize)> {
        let rows = |batch: &[LogCommit]| batch.iter().map(|commit| commit.rows.len()).sum();
        self.batches.lock().unwrap().iter().map(|batch| (rows(batch), batch.len())).collect()
    }

    /// Every successful commit, in order.
    pub(crate) fn batches(&self) -> Vec<Vec<LogCommit>> {
        self.batches.lock().unwrap().clone()
    }

    fn reading(&self) -> Result<&Memory, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.readable()
    }

    fn writable(&mut self) -> Result<&mut Memory, StorageError> {
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        Ok(&mut self.memory)
    }

    fn readable(&self) -> Result<&Memory, StorageError> {
        if self.refuses_reads.get() {
            return Err(StorageError::Unavailable("the disk is gone".to_owned()));
        }
        Ok(&self.memory)
    }
}

impl Storage for Flaky {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        let mut log = self.reading()?.log(workspace)?;
        let more = *self.more.lock().unwrap();
        if let Some(log) = &mut log {
            log.usage.content += more.content;
            log.usage.control += more.control;
        }
        Ok(log)
    }

    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError> {
        self.looked_up.fetch_add(1, Ordering::SeqCst);
        self.readable()?.admission(workspace, party)
    }

    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError> {
        self.looked_up.fetch_add(1, Ordering::SeqCst);
        self.readable()?.recovered_by(device, limit)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        self.gate.pass();
        assert!(!self.panics.get(), "as the test asked");
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        self.memory.commit(batch)?;
        self.batches.lock().unwrap().push(batch.to_vec());
        if self.loses_answers.get() {
            return Err(StorageError::Unavailable("the connection to the disk is gone".to_owned()));
        }
        Ok(())
    }

    fn check_writable(&mut self) -> Result<(), StorageError> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        Ok(())
    }

    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        self.pages_read.fetch_add(1, Ordering::SeqCst);
        let mut page = self.reading()?.read(workspace, after, budget)?;
        let rotten = self.rotten.lock().unwrap();
        for (_, logged) in page.entries.iter_mut().filter(|(position, _)| rotten.contains(position)) {
            logged.entry = logged.entry.clone().with_body(b"rotten".to_vec());
        }
        Ok(page)
    }

    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError> {
        self.reading()?.read_roster(workspace, after, budget)
    }

    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError> {
        self.reading()?.position_of(workspace, id)
    }

    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError> {
        self.reading()?.hash_at(workspace, position)
    }

    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        self.reading()?.header_at(workspace, chain, seq)
    }

    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError> {
        self.reading()?.holdings(workspace)
    }

    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError> {
        self.looked_for_lost.fetch_add(1, Ordering::SeqCst);
        self.reading()?.lost_bodies(workspace, after, limit)
    }

    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError> {
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        self.memory.put_bodies(workspace, bodies)?;
        self.rotten.lock().unwrap().retain(|at| bodies.iter().all(|(stored, _)| stored != at));
        Ok(())
    }

    fn continue_logs(&mut self, logs: &[Continued]) -> Result<(), StorageError> {
        self.memory.continue_logs(logs)
    }

    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError> {
        self.reading()?.continued_at(workspace)
    }

    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        self.memory.note_lost(workspace, head)
    }

    fn has_lost(&self) -> Result<bool, StorageError> {
        self.reading()?.has_lost()
    }

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        self.reading()?.tips(workspace)
    }

    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError> {
        self.reading()?.weights(workspace)
    }

    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError> {
        self.writable()?.add_to_state(workspace, piece)
    }

    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError> {
        self.reading()?.read_state(workspace, digest, offset)
    }

    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError> {
        self.writable()?.drop_states(workspace, but)
    }

    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError> {
        self.reading()?.ids_in(workspace, runs)
    }

    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError> {
        self.writable()?.begin_letting_go(workspace, by)
    }

    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        self.writable()?.let_some_go(workspace, by)
    }

    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        self.readable()?.unswept()
    }
}
