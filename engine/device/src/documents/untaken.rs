//! Accepted entries still to be taken into a document, handed out a few at a time: what is small on the line may be large
//! once opened, and a document may wait with a thousand of them.

use std::collections::VecDeque;

use bowline_store::{DocN, EntryN, EntryWithBody, Reader, StoreError};
use bowline_wire::ids::{EntryId, Position};

/// Bytes of sealed bodies that are read at once. A few hundred messages, which Automerge takes for the price of a few.
const READ_BYTES: usize = 1 << 20;

/// An entry, by its row and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) n: EntryN,
    pub(super) id: EntryId,
}

impl Named {
    pub(super) fn of(found: &EntryWithBody) -> Self {
        Self { n: found.entry.n, id: found.entry.id }
    }
}

/// What is left to take into a document.
pub(super) struct Untaken {
    doc: DocN,
    /// The last entry that was read.
    after: Position,
    /// Read and not handed out.
    read: VecDeque<EntryWithBody>,
    /// Handed out, and waiting for what others hold; in log order.
    waiting: Vec<Named>,
    /// To be handed out once more, since something has come that they may have waited for.
    again: VecDeque<EntryN>,
    has_moved: bool,
    /// Each by itself: one of them may have ended the process before.
    is_one_by_one: bool,
}

impl Untaken {
    pub(super) fn of(doc: DocN, is_one_by_one: bool) -> Self {
        let (read, waiting, again) = (VecDeque::new(), Vec::new(), VecDeque::new());
        Self { doc, after: Position::START, read, waiting, again, has_moved: false, is_one_by_one }
    }

    /// The next entries, in log order; none once all were handed out and those that wait can do nothing but wait.
    pub(super) fn next(&mut self, from: Reader<'_>) -> Result<Vec<EntryWithBody>, StoreError> {
        if self.read.is_empty() {
            self.read_more(from)?;
        }
        let count = if self.is_one_by_one { self.read.len().min(1) } else { self.read.len() };
        Ok(self.read.drain(..count).collect())
    }

    fn read_more(&mut self, from: Reader<'_>) -> Result<(), StoreError> {
        let found = from.unapplied(self.doc, self.after, READ_BYTES)?;
        if let Some(place) = found.last().and_then(|last| last.entry.place) {
            self.after = place.pos;
            self.read = found.into();
            return Ok(());
        }
        if self.again.is_empty() && std::mem::take(&mut self.has_moved) {
            self.again = self.waiting.drain(..).map(|named| named.n).collect();
        }
        let mut bytes = 0;
        while bytes < READ_BYTES
            && let Some(n) = self.again.pop_front()
        {
            let Some(entry) = from.entry(n)? else { continue };
            let body = from.body(n)?;
            bytes += body.as_ref().map_or(0, Vec::len).max(1);
            self.read.push_back(EntryWithBody { entry, body });
        }
        Ok(())
    }

    /// Takes back entries that were handed out and are too much for now.
    pub(super) fn put_back(&mut self, entries: Vec<EntryWithBody>) {
        for entry in entries.into_iter().rev() {
            self.read.push_front(entry);
        }
    }

    /// Notes what became of entries that were handed out: those of them that wait, and whether the document has more by them.
    pub(super) fn note(&mut self, waiting: Vec<Named>, has_grown: bool) {
        self.has_moved |= has_grown && !self.waiting.is_empty();
        self.waiting.extend(waiting);
    }

    /// Those that were not handed out, and those that wait.
    pub(super) fn into_rest(mut self, from: Reader<'_>) -> Result<Vec<Named>, StoreError> {
        let mut rest = std::mem::take(&mut self.waiting);
        self.has_moved = false;
        loop {
            let found = self.next(from)?;
            if found.is_empty() {
                return Ok(rest);
            }
            rest.extend(found.iter().map(Named::of));
        }
    }

    /// Those that wait.
    pub(super) fn into_waiting(self) -> Vec<Named> {
        self.waiting
    }
}
