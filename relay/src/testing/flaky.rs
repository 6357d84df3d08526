//! A storage that records its commits and fails when told.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bowline_wire::entry::SignedEntry;
use bowline_wire::ids::{ChainKey, EntryId, LogHash, Position, WorkspaceId};
use bowline_wire::log::ChainTip;

use crate::memory::Memory;
use crate::storage::{Budget, LogCommit, Page, Storage, StorageError, StoredLog};

/// Memory behind switches. Clones share everything.
#[derive(Clone, Default)]
pub(crate) struct Flaky {
    pub(crate) memory: Memory,
    /// While set, commits fail and store nothing.
    pub(crate) refuses_commits: Rc<Cell<bool>>,
    /// While set, commits fail after they have stored everything: the answer is lost, not the data.
    pub(crate) loses_answers: Rc<Cell<bool>>,
    /// While set, reads fail.
    pub(crate) refuses_reads: Rc<Cell<bool>>,
    /// For each successful commit, how many rows it had for how many workspaces.
    pub(crate) commits: Rc<RefCell<Vec<(usize, usize)>>>,
}

impl Flaky {
    fn reading(&self) -> Result<&Memory, StorageError> {
        if self.refuses_reads.get() {
            return Err(StorageError::Unavailable("the disk is gone".to_owned()));
        }
        Ok(&self.memory)
    }
}

impl Storage for Flaky {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        self.reading()?.log(workspace)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        if self.refuses_commits.get() {
            return Err(StorageError::Unavailable("the disk is full".to_owned()));
        }
        self.memory.commit(batch)?;
        let rows = batch.iter().map(|commit| commit.rows.len()).sum();
        self.commits.borrow_mut().push((rows, batch.len()));
        if self.loses_answers.get() {
            return Err(StorageError::Unavailable("the connection to the disk is gone".to_owned()));
        }
        Ok(())
    }

    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        self.reading()?.read(workspace, after, budget)
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

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        self.reading()?.tips(workspace)
    }
}
