//! What a device holds of its documents: those in memory, and under whom it writes into them.

use std::collections::{BTreeMap, VecDeque};

use bowline_core::document::{ActorId, Pen};
use bowline_store::{DocN, DocRow};
use bowline_wire::ids::{DeviceId, Millis};

use crate::Error;
use crate::documents::cache::{CACHE_BYTES, Cache};
use crate::documents::overlaps::Kept;

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

    /// What this process writes with, on a device that is `writer` where it writes.
    pub(crate) fn pen(&self, writer: DeviceId, now: Millis) -> Pen {
        Pen { actor: ActorId::for_device(writer, self.process), now }
    }

    /// Whether a person keeps a document here that is in memory, else as its row said when it was read.
    pub(crate) fn is_kept(&mut self, row: &DocRow) -> bool {
        self.cache.get_mut(row.n).map_or(row.kept, |loaded| loaded.standing.kept)
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
