//! What a device holds of its documents: those in memory, and under whom it writes into them.

use std::collections::{BTreeMap, VecDeque};

use bowline_core::document::{ActorId, Pen};
use bowline_store::{DocN, DocRow};
use bowline_wire::ids::{DeviceId, Millis, WorkspaceId};

use crate::Error;
use crate::documents::cache::{CACHE_BYTES, Cache};
use crate::documents::overlaps::Kept;
use crate::lent::Lent;
use crate::workspace::Keyrings;

/// The documents of a device: those in memory, and what this process writes into them with.
pub(crate) struct Documents {
    pub(super) cache: Cache,
    /// The revision in which each document with entries still to be taken in was last looked at.
    pub(super) indexed: BTreeMap<DocN, u64>,
    /// Where others' work met this device's, found and not told yet.
    pub(crate) overlaps: VecDeque<Kept>,
    /// What tells this process's actors from those of others on the same device.
    process: [u8; 8],
}

impl Documents {
    pub(crate) fn new(process: [u8; 8]) -> Self {
        Self { cache: Cache::new(CACHE_BYTES), indexed: BTreeMap::new(), overlaps: VecDeque::new(), process }
    }

    /// What this process writes with in documents of a workspace, or in those on this device only: a pen of its own for each
    /// incarnation. A workspace that was forgotten and is joined again may hold changes of this process that are not here
    /// yet, and one actor makes no two with one number.
    pub(crate) fn pen(&self, lent: &Lent<'_>, keyrings: Keyrings<'_>, workspace: Option<WorkspaceId>) -> Pen {
        let mut process = self.process;
        if let Some(incarnation) = workspace.and_then(|workspace| keyrings.incarnation(workspace)) {
            process.iter_mut().zip(incarnation.as_bytes()).for_each(|(byte, of_life)| *byte ^= of_life);
        }
        Pen { actor: ActorId::for_device(keyrings.writer(workspace, lent.device()), process), now: lent.now }
    }

    /// What this process writes with on trial, in documents that are not stored.
    pub(crate) fn trial_pen(&self, device: DeviceId, now: Millis) -> Pen {
        Pen { actor: ActorId::for_device(device, self.process), now }
    }

    /// Whether a person keeps a document here that is in memory, else as its row said when it was read.
    pub(crate) fn is_kept(&mut self, row: &DocRow) -> bool {
        self.cache.get_mut(row.n).map_or(row.kept, |loaded| loaded.standing.kept)
    }

    /// Forgets what is in memory of a document: it was written anew.
    pub(super) fn forget(&mut self, n: DocN) {
        self.cache.remove(n);
        self.indexed.remove(&n);
    }

    /// Forgets what is in memory: rows of documents went, and new ones may have got their numbers.
    pub(crate) fn forget_all(&mut self) {
        self.cache = Cache::new(CACHE_BYTES);
        self.indexed.clear();
    }

    /// This process has written a document's row, which now has this revision.
    pub(crate) fn wrote(&mut self, n: DocN, rev: u64) {
        if let Some(loaded) = self.cache.get_mut(n) {
            loaded.wrote(rev);
        }
    }

    /// More has come for a document, whose row this process wrote so many times with it. `rev` is what the row has now; if
    /// that is more, another process has written as well, and the next look starts from the database.
    pub(crate) fn has_more(
        &mut self,
        n: DocN,
        writes: u64,
        rev: impl FnOnce() -> Result<Option<u64>, Error>,
    ) -> Result<(), Error> {
        if let Some(loaded) = self.cache.get_mut(n) {
            loaded.stale = true;
            if rev()? == Some(loaded.rev + writes) {
                loaded.rev += writes;
            }
        }
        Ok(())
    }
}
