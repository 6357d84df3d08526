//! A database in memory that is opened again and again.

use std::cell::RefCell;
use std::rc::Rc;

use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Party, StatePiece};
use bowline_wire::head::SeenHead;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{ChainKey, DeviceId, EntryId, LogHash, LogTime, Position, StateDigest, WorkspaceId};
use bowline_wire::log::{ChainTip, Run};
use bowline_wire::weight::Written;
use rusqlite::Connection;

use super::super::Sqlite;
use crate::storage::{
    Admission, Budget, Continued, LettingGo, LogCommit, Page, Storage, StorageError, StoredLog, Swept,
};

/// One connection that is handed on: reopening a database in memory.
#[derive(Debug)]
pub(super) struct Reopened {
    kept: Rc<RefCell<Option<Connection>>>,
    sqlite: Option<Sqlite>,
}

impl Reopened {
    pub(super) fn open(kept: &Rc<RefCell<Option<Connection>>>) -> Self {
        let connection = kept.borrow_mut().take().expect("one at a time");
        Self { kept: Rc::clone(kept), sqlite: Some(Sqlite::from_connection(connection).unwrap()) }
    }

    fn sqlite(&self) -> &Sqlite {
        self.sqlite.as_ref().unwrap()
    }
}

impl Drop for Reopened {
    fn drop(&mut self) {
        *self.kept.borrow_mut() = self.sqlite.take().map(|sqlite| sqlite.connection);
    }
}

impl Storage for Reopened {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        self.sqlite().log(workspace)
    }
    fn admission(&self, workspace: WorkspaceId, party: &Party) -> Result<Option<Admission>, StorageError> {
        self.sqlite().admission(workspace, party)
    }

    fn recovered_by(&self, device: &DeviceId, limit: usize) -> Result<Vec<WorkspaceId>, StorageError> {
        self.sqlite().recovered_by(device, limit)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().commit(batch)
    }
    fn read(&self, workspace: WorkspaceId, after: Position, budget: Budget) -> Result<Page, StorageError> {
        self.sqlite().read(workspace, after, budget)
    }
    fn read_roster(
        &self,
        workspace: WorkspaceId,
        after: Position,
        budget: Budget,
    ) -> Result<Page, StorageError> {
        self.sqlite().read_roster(workspace, after, budget)
    }
    fn position_of(&self, workspace: WorkspaceId, id: EntryId) -> Result<Option<Position>, StorageError> {
        self.sqlite().position_of(workspace, id)
    }
    fn hash_at(&self, workspace: WorkspaceId, position: Position) -> Result<Option<LogHash>, StorageError> {
        self.sqlite().hash_at(workspace, position)
    }
    fn header_at(
        &self,
        workspace: WorkspaceId,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        self.sqlite().header_at(workspace, chain, seq)
    }
    fn holdings(&self, workspace: WorkspaceId) -> Result<Vec<SaidHolding>, StorageError> {
        self.sqlite().holdings(workspace)
    }
    fn lost_bodies(
        &self,
        workspace: WorkspaceId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Position>, StorageError> {
        self.sqlite().lost_bodies(workspace, after, limit)
    }
    fn put_bodies(
        &mut self,
        workspace: WorkspaceId,
        bodies: &[(Position, Option<Vec<u8>>)],
    ) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().put_bodies(workspace, bodies)
    }
    fn continue_logs(&mut self, logs: &[Continued]) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().continue_logs(logs)
    }

    fn continued_at(&self, workspace: WorkspaceId) -> Result<Option<Position>, StorageError> {
        self.sqlite().continued_at(workspace)
    }

    fn note_lost(&mut self, workspace: WorkspaceId, head: &SeenHead) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().note_lost(workspace, head)
    }

    fn has_lost(&self) -> Result<bool, StorageError> {
        self.sqlite().has_lost()
    }

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        self.sqlite().tips(workspace)
    }
    fn weights(&self, workspace: WorkspaceId) -> Result<Vec<Written>, StorageError> {
        self.sqlite().weights(workspace)
    }

    fn add_to_state(&mut self, workspace: WorkspaceId, piece: &StatePiece) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().add_to_state(workspace, piece)
    }

    fn read_state(
        &self,
        workspace: WorkspaceId,
        digest: StateDigest,
        offset: u64,
    ) -> Result<Vec<u8>, StorageError> {
        self.sqlite().read_state(workspace, digest, offset)
    }

    fn drop_states(&mut self, workspace: WorkspaceId, but: Option<StateDigest>) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().drop_states(workspace, but)
    }

    fn ids_in(
        &self,
        workspace: WorkspaceId,
        runs: &[Run],
    ) -> Result<Vec<(Position, EntryId, LogTime)>, StorageError> {
        self.sqlite().ids_in(workspace, runs)
    }

    fn begin_letting_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<(), StorageError> {
        self.sqlite.as_mut().unwrap().begin_letting_go(workspace, by)
    }

    fn let_some_go(&mut self, workspace: WorkspaceId, by: &LettingGo) -> Result<Swept, StorageError> {
        self.sqlite.as_mut().unwrap().let_some_go(workspace, by)
    }

    fn unswept(&self) -> Result<Vec<WorkspaceId>, StorageError> {
        self.sqlite().unswept()
    }
}
