//! The machine with the relay on it: a disk that survives power cuts, and a process that does not.

use std::sync::Arc;

use bowline_relay::config::{Config, Registration};
use bowline_relay::keys::Identity;
use bowline_relay::restore::{Earlier, Plan};
use bowline_relay::storage::memory::Memory;
use bowline_relay::storage::{Budget, Storage, StoredLog};
use bowline_relay::{ConnId, Relay};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::{LoggedEntry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{Lane, Millis, Position, WorkspaceId};
use bowline_wire::successor::Succession;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::bug::Bug;
use super::disk::{Disk, PowerCut};

/// What devices know the relay as.
pub(super) const ADDRESS: &str = "relay.example";

/// What the relay asks for before it makes a workspace.
pub(super) const TOKEN: &str = "let me in";

/// The machine with the relay on it.
pub(super) struct RelayMachine {
    disk: Disk,
    identity: [u8; 32],
    next_process: u64,
    relay: Relay<Disk>,
    withholding: Withholding,
    /// A copy of the disk, kept elsewhere.
    backup: Option<Memory>,
    is_put_back: bool,
    /// What restores have noted beside the database.
    noted: Earlier,
}

/// Whether the relay gives bodies away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Withholding {
    No,
    /// The relay withholds bodies, and has not been asked for one since.
    Begins,
    Yes,
}

impl RelayMachine {
    pub(super) fn new(random: &mut ChaCha8Rng, bug: Option<Bug>) -> Self {
        let disk = Disk::new(bug);
        let mut identity = [0; 32];
        random.fill_bytes(&mut identity);
        let next_process = random.next_u64();
        let relay = process(&disk, &identity, next_process);
        Self {
            disk,
            identity,
            next_process,
            relay,
            withholding: Withholding::No,
            backup: None,
            is_put_back: false,
            noted: Earlier::default(),
        }
    }

    /// The power goes and comes back: all connections are gone.
    pub(super) fn restart(&mut self) {
        self.next_process = self.next_process.wrapping_add(1);
        self.disk.power_back();
        self.relay = process(&self.disk, &self.identity, self.next_process);
    }

    /// An operator makes a backup.
    pub(super) fn back_up(&mut self) {
        self.backup = Some(self.disk.backup());
    }

    /// An operator puts the backup back and starts the relay, without restoring it. Returns how many entries of the log are lost; `None`
    /// if nothing was done.
    pub(super) fn put_back(&mut self, workspace: WorkspaceId) -> Option<u64> {
        let backup = self.backup.take()?;
        let end = |log: Option<StoredLog>| Some(log?.position.0);
        let (kept, had) = (end(backup.log(workspace).ok()?)?, end(self.disk.log(workspace).ok()?)?);
        self.is_put_back = self.disk.put_back(&backup);
        self.is_put_back.then_some(had - kept)
    }

    /// Whether it serves what was put back, and has to be restored.
    pub(super) fn is_put_back(&self) -> bool {
        self.is_put_back
    }

    /// An operator restores the backup, or what was put back before, as `bowline-relay restore` does, and nobody has told the relay's process: it has to be started
    /// anew. Returns how many entries of the log are lost; `None` if nothing was done.
    pub(super) fn restore(&mut self, workspace: WorkspaceId) -> Option<u64> {
        let lost = if std::mem::take(&mut self.is_put_back) { 0 } else { self.put_back(workspace)? };
        self.is_put_back = false;
        let mut random = ChaCha8Rng::seed_from_u64(self.next_process);
        let identity = Identity::from_secret(&self.identity);
        let plan = Plan::make(&self.disk, &identity, &[workspace], &self.noted, &mut random);
        let plan = plan.expect("a log that is there goes on");
        self.noted = plan.noted().clone();
        plan.carry_out(&mut self.disk).expect("a disk that was just put back can be written");
        Some(lost)
    }

    /// By which the workspace's log came to be signed by its key.
    pub(super) fn succession(&self, workspace: WorkspaceId) -> Succession {
        let stored = self.disk.log(workspace).expect("memory is always readable");
        let said = stored.map(|stored| stored.successors).unwrap_or_default();
        Succession::stored(workspace, &said).expect("what was verified once")
    }

    /// The power goes in the commit after `commits` more.
    pub(super) fn plan_power_cut(&mut self, commits: u32, cut: PowerCut) {
        self.disk.plan_power_cut(commits, cut);
    }

    /// Whether the power went since the last call.
    pub(super) fn take_power_cut(&mut self) -> bool {
        self.disk.take_power_cut()
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

    /// Lets entries go for as long as a commit takes, if some have to.
    /// Whether more has to go.
    pub(super) fn let_some_go(&mut self, now: Millis) -> bool {
        if self.relay.has_to_let_go() {
            self.relay.let_some_go(now);
        }
        self.relay.has_to_let_go()
    }

    /// From now on the relay keeps bodies of content to itself, or gives them away again.
    pub(super) fn withhold(&mut self, withholds: bool) {
        self.withholding = if withholds { Withholding::Begins } else { Withholding::No };
    }

    /// The next frame, and whether it is the first of which bodies were taken out since they are withheld.
    pub(super) fn poll_transmit(
        &mut self,
        workspace: Option<WorkspaceId>,
    ) -> Option<(ConnId, Arc<[u8]>, bool)> {
        let (conn, bytes) = self.relay.poll_transmit()?;
        if self.withholding == Withholding::No {
            return Some((conn, bytes, false));
        }
        let Some(bare) = workspace.and_then(|workspace| without_bodies(&bytes, workspace)) else {
            return Some((conn, bytes, false));
        };
        let is_first = self.withholding == Withholding::Begins;
        self.withholding = Withholding::Yes;
        Some((conn, bare.into(), is_first))
    }

    pub(super) fn poll_close(&mut self) -> Option<ConnId> {
        self.relay.poll_close()
    }

    /// The log after a position, as it is stored.
    pub(super) fn log(&self, workspace: WorkspaceId, after: Position) -> Vec<(Position, LoggedEntry)> {
        let mut all: Vec<(Position, LoggedEntry)> = Vec::new();
        let budget = Budget { entries: 1000, bytes: 1 << 30 };
        loop {
            let after = all.last().map_or(after, |(position, _)| *position);
            let page = self.disk.read(workspace, after, budget).expect("memory is always readable");
            let more = page.more;
            all.extend(page.entries);
            if !more {
                return all;
            }
        }
    }
}

/// A frame without half of the bodies of content that are in it, or without any if somebody has asked for them; `None` if there
/// is none to take out.
fn without_bodies(bytes: &[u8], workspace: WorkspaceId) -> Option<Vec<u8>> {
    let frame = match decode::<Frame>(bytes).ok()? {
        Frame::Supply { bodies } if !bodies.is_empty() => Frame::Supply { bodies: Vec::new() },
        Frame::Entries { first, entries, head } => {
            let bare: Vec<LoggedEntry> = entries.iter().map(|logged| bare(logged, workspace)).collect();
            if bare == entries {
                return None;
            }
            Frame::Entries { first, entries: bare, head }
        }
        _ => return None,
    };
    Some(encode(&frame))
}

fn bare(logged: &LoggedEntry, workspace: WorkspaceId) -> LoggedEntry {
    match logged.entry.clone().verify(workspace) {
        Ok(entry) if entry.header().lane == Lane::Content && entry.id().as_bytes()[0] % 2 == 0 => {
            let entry = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
            LoggedEntry { entry, ..*logged }
        }
        _ => logged.clone(),
    }
}

fn process(disk: &Disk, identity: &[u8; 32], seed: u64) -> Relay<Disk> {
    let config = Config::new(Registration::with_token(TOKEN));
    let random = Box::new(ChaCha8Rng::seed_from_u64(seed));
    Relay::open(disk.clone(), Identity::from_secret(identity), config, random)
}
