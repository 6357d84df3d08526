//! Documents in memory: as many as fit, those longest unused leave first. Any of them can be loaded again.

use bowline_core::document::Document;
use bowline_store::{DocN, DocRow, EntryN};
use bowline_wire::ids::WorkspaceId;
use hashlink::LruCache;

use crate::Error;

/// Bytes that all documents in memory may take together, as estimated: what a person has open, a few long conversations
/// of 25 MB each among them, on a machine that has other things to do.
pub(crate) const CACHE_BYTES: usize = 256 << 20;

/// Bytes that the smallest document takes: measured 17 to 20 KiB with Automerge 0.12.
const SMALLEST: usize = 20 << 10;

/// Bytes in memory for each byte that a document was made of. Measured with Automerge 0.12, 10,000 messages that are 4 MB
/// saved: 2.3 as strings, as a conversation has them; 5.9 as text, as files of an agent are.
const FACTOR: usize = 6;

/// Where a document stands: what decides where an edit of it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The document's workspace; `None` for this device only.
    pub(crate) workspace: Option<WorkspaceId>,
    /// A person keeps it here.
    pub(crate) kept: bool,
    /// Something is only here, beside what the workspace has.
    pub(crate) has_aside: bool,
}

impl Standing {
    pub(crate) fn of(row: &DocRow) -> Self {
        Self { workspace: row.ws, kept: row.kept, has_aside: row.only_here.is_some() }
    }
}

/// A document in memory.
pub(crate) struct Loaded {
    /// The document as its place has it: what a workspace's entries say and what is to be sealed there, or all of a local one.
    pub(crate) document: Document,
    /// The document with what is only here of it; `None` if there is nothing, or if that was not looked at yet.
    pub(crate) with_aside: Option<Document>,
    /// Where the document stands, which another process may have changed since.
    pub(crate) standing: Standing,
    /// Entries have come for it since.
    pub(crate) stale: bool,
    /// The row's revision that this is; another process may have written since.
    pub(crate) rev: u64,
    /// Changes of ours build on some that have not been taken in yet.
    pub(crate) ours_wait: bool,
    /// Entries taken in since the base was saved.
    pub(crate) taken_in: Vec<EntryN>,
    /// Changes of ours that have a row, as far as is known, and were not looked at for whether they still need one.
    pub(crate) unfolded: usize,
    /// Bytes it was made of: what was read when it was loaded, and what was added since.
    pub(crate) bytes: usize,
}

impl Loaded {
    /// The document as a person sees it: all of it.
    pub(crate) fn shown(&self) -> &Document {
        self.with_aside.as_ref().unwrap_or(&self.document)
    }

    /// This process has written the row. If another has as well, what is here is not all of it, and the next look starts
    /// from the database.
    pub(crate) fn wrote(&mut self, rev: u64) {
        if rev == self.rev + 1 {
            self.rev = rev;
        }
    }

    fn weight(&self) -> usize {
        self.bytes.saturating_mul(FACTOR).saturating_add(SMALLEST)
    }
}

/// Documents in memory, by their rows.
pub(crate) struct Cache {
    documents: LruCache<DocN, Loaded>,
    /// What they weigh together.
    weight: usize,
    limit: usize,
}

impl Cache {
    /// None yet, and as many as weigh up to `limit` bytes from now on.
    pub(crate) fn new(limit: usize) -> Self {
        Self { documents: LruCache::new_unbounded(), weight: 0, limit }
    }

    /// A document, which is now the one used last.
    pub(crate) fn get_mut(&mut self, n: DocN) -> Option<&mut Loaded> {
        self.documents.get_mut(&n)
    }

    /// A document that the caller has loaded, which is now the one used last.
    ///
    /// # Errors
    /// [`Error::Bug`] if it is not here after all.
    pub(crate) fn loaded(&mut self, n: DocN) -> Result<&mut Loaded, Error> {
        self.get_mut(n).ok_or(Error::Bug("a document that was just loaded is not in memory"))
    }

    pub(crate) fn contains(&self, n: DocN) -> bool {
        self.documents.contains_key(&n)
    }

    /// Adds a document, in use from now on; others may have to leave.
    pub(crate) fn insert(&mut self, n: DocN, loaded: Loaded) {
        self.remove(n);
        self.weight = self.weight.saturating_add(loaded.weight());
        self.documents.insert(n, loaded);
        self.make_room();
    }

    pub(crate) fn remove(&mut self, n: DocN) {
        if let Some(loaded) = self.documents.remove(&n) {
            self.weight = self.weight.saturating_sub(loaded.weight());
        }
    }

    /// A document, in use now, has become more by so many bytes; others may have to leave.
    pub(crate) fn grow(&mut self, n: DocN, bytes: usize) {
        let Some(loaded) = self.documents.get_mut(&n) else {
            return;
        };
        let before = loaded.weight();
        loaded.bytes = loaded.bytes.saturating_add(bytes);
        self.weight = self.weight.saturating_sub(before).saturating_add(loaded.weight());
        self.make_room();
    }

    /// The one used last stays, however large it is.
    fn make_room(&mut self) {
        while self.weight > self.limit && self.documents.len() > 1 {
            if let Some((_, loaded)) = self.documents.remove_lru() {
                self.weight = self.weight.saturating_sub(loaded.weight());
            }
        }
    }
}

#[cfg(test)]
mod tests;
