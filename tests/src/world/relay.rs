//! The machine with the relay on it: a disk that survives power cuts, and a process that does not.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bowline_relay::config::{Config, Registration};
use bowline_relay::keys::Identity;
use bowline_relay::storage::memory::Memory;
use bowline_relay::storage::{Budget, LogCommit, Page, Storage, StorageError, StoredLog};
use bowline_relay::{ConnId, Planted, Relay};
use bowline_wire::entry::SignedEntry;
use bowline_wire::ids::{ChainKey, EntryId, LogHash, Millis, Position, WorkspaceId};
use bowline_wire::log::ChainTip;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::TOKEN;
use super::run::Bug;

/// When the power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PowerCut {
    /// Before this commit has stored anything.
    Before,
    /// When it has stored everything.
    After,
}

/// The shipped storage in memory, with a plug that can be pulled.
#[derive(Clone)]
struct Disk {
    memory: Memory,
    plan: Rc<Cell<Option<(u32, PowerCut)>>>,
    cut: Rc<Cell<bool>>,
}

/// The machine with the relay on it.
pub(super) struct RelayMachine {
    disk: Disk,
    identity: [u8; 32],
    next_process: u64,
    relay: Relay<Disk>,
    bug: Option<Bug>,
}

impl RelayMachine {
    pub(super) fn new(random: &mut ChaCha8Rng, bug: Option<Bug>) -> Self {
        let disk = Disk { memory: Memory::new(), plan: Rc::default(), cut: Rc::default() };
        let mut identity = [0; 32];
        random.fill_bytes(&mut identity);
        let next_process = random.next_u64();
        let relay = process(&disk, &identity, next_process, bug);
        Self { disk, identity, next_process, relay, bug }
    }

    /// The power goes and comes back: all connections are gone.
    pub(super) fn restart(&mut self) {
        self.next_process = self.next_process.wrapping_add(1);
        self.disk.plan.set(None);
        self.disk.cut.set(false);
        self.relay = process(&self.disk, &self.identity, self.next_process, self.bug);
    }

    /// The power goes in the commit after `commits` more.
    pub(super) fn plan_power_cut(&mut self, commits: u32, cut: PowerCut) {
        self.disk.plan.set(Some((commits, cut)));
    }

    /// Whether the power went since the last call.
    pub(super) fn take_power_cut(&mut self) -> bool {
        self.disk.cut.take()
    }

    pub(super) fn connect(&mut self, conn: ConnId, now: Millis) {
        self.relay.connect(conn, now);
    }

    pub(super) fn disconnect(&mut self, conn: ConnId) {
        self.relay.disconnect(conn);
    }

    pub(super) fn set_writable(&mut self, conn: ConnId, writable: bool) {
        self.relay.set_writable(conn, writable);
    }

    pub(super) fn handle_frame(&mut self, conn: ConnId, bytes: &[u8], now: Millis) {
        self.relay.handle_frame(conn, bytes, now);
    }

    pub(super) fn handle_timeout(&mut self, now: Millis) {
        self.relay.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Millis> {
        self.relay.poll_timeout()
    }

    pub(super) fn flush(&mut self, now: Millis) {
        self.relay.flush(now);
    }

    pub(super) fn needs_flush(&self) -> bool {
        self.relay.needs_flush()
    }

    pub(super) fn poll_transmit(&mut self) -> Option<(ConnId, Arc<[u8]>)> {
        self.relay.poll_transmit()
    }

    pub(super) fn poll_close(&mut self) -> Option<ConnId> {
        self.relay.poll_close()
    }

    /// The log after a position, as it is stored.
    pub(super) fn log(&self, workspace: WorkspaceId, after: Position) -> Vec<(Position, SignedEntry)> {
        let mut all: Vec<(Position, SignedEntry)> = Vec::new();
        let budget = Budget { entries: 1000, bytes: 1 << 30 };
        loop {
            let after = all.last().map_or(after, |(position, _)| *position);
            let page = self.disk.memory.read(workspace, after, budget).expect("memory is always readable");
            let more = page.more;
            all.extend(page.entries);
            if !more {
                return all;
            }
        }
    }
}

fn process(disk: &Disk, identity: &[u8; 32], seed: u64, bug: Option<Bug>) -> Relay<Disk> {
    let config = Config::new(Registration::with_token(TOKEN));
    let random = Box::new(ChaCha8Rng::seed_from_u64(seed));
    let mut relay = Relay::open(disk.clone(), Identity::from_secret(identity), config, random);
    match bug {
        Some(Bug::AckBeforeCommit) => relay.plant(Planted::AckBeforeCommit),
        Some(Bug::NoDeduplication) => relay.plant(Planted::NoDeduplication),
        Some(Bug::CursorBeforeBatch) | None => {}
    }
    relay
}

impl Storage for Disk {
    fn log(&self, workspace: WorkspaceId) -> Result<Option<StoredLog>, StorageError> {
        self.memory.log(workspace)
    }

    fn commit(&mut self, batch: &[LogCommit]) -> Result<(), StorageError> {
        match self.plan.take() {
            Some((0, cut)) => {
                self.cut.set(true);
                if cut == PowerCut::After {
                    self.memory.commit(batch)?;
                }
                Err(StorageError::Unavailable("the power is gone".to_owned()))
            }
            plan => {
                self.plan.set(plan.map(|(left, cut)| (left - 1, cut)));
                self.memory.commit(batch)
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

    fn tips(&self, workspace: WorkspaceId) -> Result<Vec<(ChainKey, ChainTip)>, StorageError> {
        self.memory.tips(workspace)
    }
}
