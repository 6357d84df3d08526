//! Entries on their way to the log, in the order in which they have to be appended: how far each is, and what goes into each frame.

use std::collections::BTreeSet;

use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::ids::{ChainKey, EntryId, Millis};
use bowline_wire::limits::{MAX_ENTRIES_PER_FRAME, MAX_FRAME};

use super::limits::{RETRY_AFTER, SLOWEST_BLOCK, SLOWEST_BLOCK_TIME};

/// Bytes of an Append frame besides its entries.
const FRAME_ROOM: usize = 64;

/// Entries that have not come with the log yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: Vec<Outgoing>,
}

/// An entry on its way.
#[derive(Debug)]
struct Outgoing {
    entry: Entry,
    state: State,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be sent, not before this time.
    Waiting(Millis),
    /// Sent on this connection.
    Sent {
        /// When it is to be sent again if it was not answered.
        again: Millis,
    },
    /// The relay says it is durable; it will come with the log.
    Acknowledged,
}

impl Outbox {
    /// What was offered before, to be sent from the beginning.
    pub(super) fn of(offered: Vec<Entry>) -> Self {
        let waiting = |entry| Outgoing { entry, state: State::Waiting(Millis(0)) };
        Self { entries: offered.into_iter().map(waiting).collect() }
    }

    /// All of them, in order.
    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().map(|outgoing| &outgoing.entry)
    }

    /// The one with this id.
    pub(super) fn find(&self, id: EntryId) -> Option<&Entry> {
        self.entries().find(|entry| entry.id() == id)
    }

    /// Bytes of all bodies in it.
    pub(super) fn body_bytes(&self) -> usize {
        self.entries().filter_map(|entry| entry.body()).map(<[u8]>::len).sum()
    }

    /// Adds one, to be sent from `at` on.
    pub(super) fn push(&mut self, entry: Entry, at: Millis) {
        self.entries.push(Outgoing { entry, state: State::Waiting(at) });
    }

    /// Drops those that have come with the log.
    pub(super) fn drop_all(&mut self, come: &BTreeSet<EntryId>) {
        self.entries.retain(|outgoing| !come.contains(&outgoing.entry.id()));
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// Takes out all entries of a chain, in order.
    pub(super) fn take_chain(&mut self, chain: &ChainKey) -> Vec<Entry> {
        self.take(|entry| entry.header().chain() == *chain)
    }

    /// Takes out an entry, and what is behind it of its chain, in order.
    pub(super) fn take_chain_from(&mut self, first: EntryId, chain: &ChainKey) -> Vec<Entry> {
        let mut is_behind = false;
        self.take(|entry| {
            is_behind |= entry.id() == first;
            is_behind && entry.header().chain() == *chain
        })
    }

    fn take(&mut self, mut is_taken: impl FnMut(&Entry) -> bool) -> Vec<Entry> {
        let taken = self.entries.extract_if(.., |outgoing| is_taken(&outgoing.entry));
        taken.map(|outgoing| outgoing.entry).collect()
    }

    /// The connection is gone: everything is sent again on the next one.
    pub(super) fn start_over(&mut self) {
        for outgoing in &mut self.entries {
            outgoing.state = State::Waiting(Millis(0));
        }
    }

    /// The relay has acknowledged entries; true if one of them is here and was not acknowledged before.
    pub(super) fn acknowledge(&mut self, ids: impl Fn(EntryId) -> bool) -> bool {
        let mut is_news = false;
        for outgoing in &mut self.entries {
            if outgoing.state != State::Acknowledged && ids(outgoing.entry.id()) {
                outgoing.state = State::Acknowledged;
                is_news = true;
            }
        }
        is_news
    }

    /// The relay has refused an entry for now: it is sent again after a while. Returns `false` if it was not waiting for an
    /// answer.
    pub(super) fn postpone(&mut self, id: EntryId, now: Millis) -> bool {
        let refused = |outgoing: &&mut Outgoing| outgoing.entry.id() == id && outgoing.unanswered().is_some();
        match self.entries.iter_mut().find(refused) {
            Some(outgoing) => {
                outgoing.state = State::Waiting(now.plus(RETRY_AFTER));
                true
            }
            None => false,
        }
    }

    /// Those sent and not answered in time have to be sent again.
    pub(super) fn expire(&mut self, now: Millis) {
        for outgoing in &mut self.entries {
            if let State::Sent { again } = outgoing.state
                && now >= again
            {
                outgoing.state = State::Waiting(now);
            }
        }
    }

    /// When the first of them is to be sent, but nothing before `earliest`, or sent again.
    pub(super) fn due_at(&self, earliest: Millis) -> Option<Millis> {
        self.due_among(self.entries.len(), earliest)
    }

    /// When the first of the first `count` is to be sent, but nothing before `earliest`, or sent again.
    pub(super) fn due_among(&self, count: usize, earliest: Millis) -> Option<Millis> {
        let due = self.entries.iter().take(count).filter_map(|outgoing| match outgoing.state {
            State::Waiting(at) => Some(at.max(earliest)),
            State::Sent { again } => Some(again),
            State::Acknowledged => None,
        });
        due.min()
    }

    /// Whether one of them is to be sent now.
    pub(super) fn is_due(&self, now: Millis) -> bool {
        self.entries.iter().any(|outgoing| outgoing.is_due(now))
    }

    /// Whether one of them was sent and not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        self.is_unanswered_among(self.entries.len())
    }

    /// Whether one of the first `count` was sent and not answered.
    pub(super) fn is_unanswered_among(&self, count: usize) -> bool {
        self.entries.iter().take(count).any(|outgoing| outgoing.unanswered().is_some())
    }

    /// Whether the relay has acknowledged one that has not come with the log.
    pub(super) fn has_acknowledged(&self) -> bool {
        self.entries.iter().any(|outgoing| outgoing.state == State::Acknowledged)
    }

    /// Where the first is that `is_it` holds of and that the relay has not acknowledged; behind all of them if there is none.
    pub(super) fn first_open(&self, is_it: impl Fn(&Entry) -> bool) -> usize {
        let is_first = |outgoing: &Outgoing| outgoing.state != State::Acknowledged && is_it(&outgoing.entry);
        self.entries.iter().position(is_first).unwrap_or(self.entries.len())
    }

    /// Whether the relay has acknowledged all that stand before this one.
    pub(super) fn is_acknowledged_up_to(&self, id: EntryId) -> bool {
        let mut before = self.entries.iter().take_while(|outgoing| outgoing.entry.id() != id);
        before.all(|outgoing| outgoing.state == State::Acknowledged)
    }

    /// Sends all of them, whatever became of them before: what goes into one frame.
    pub(super) fn send_all(&mut self, now: Millis) -> Vec<SignedEntry> {
        let send = |outgoing: &mut Outgoing| {
            outgoing.state = State::Sent { again: now.plus(RETRY_AFTER) };
            outgoing.entry.to_signed()
        };
        self.entries.iter_mut().map(send).collect()
    }

    /// Sends everything that is due, in order: what goes into each frame. While the relay takes nothing
    /// (`one_of_each_chain`), one entry of each chain finds out whether it does again.
    pub(super) fn send_due(&mut self, one_of_each_chain: bool, now: Millis) -> Vec<Vec<SignedEntry>> {
        if one_of_each_chain {
            self.hold_back(now);
        }
        self.send_among(self.entries.len(), now)
    }

    /// Puts off everything that is due but the first entry of each chain that the relay has not acknowledged.
    fn hold_back(&mut self, now: Millis) {
        let mut ahead = BTreeSet::new();
        for outgoing in &mut self.entries {
            let is_behind =
                outgoing.state != State::Acknowledged && !ahead.insert(outgoing.entry.header().chain());
            if is_behind && outgoing.is_due(now) {
                outgoing.state = State::Waiting(now.plus(RETRY_AFTER));
            }
        }
    }

    /// Sends those of the first `count` that are due, in order: what goes into each frame.
    pub(super) fn send_among(&mut self, count: usize, now: Millis) -> Vec<Vec<SignedEntry>> {
        let mut batch: Vec<SignedEntry> = Vec::new();
        let mut bytes = 0;
        let mut frames = Vec::new();
        let mut on_the_line: usize = self.entries.iter().filter_map(Outgoing::unanswered).sum();
        for outgoing in self.entries.iter_mut().take(count).filter(|outgoing| outgoing.is_due(now)) {
            let signed = outgoing.entry.to_signed();
            on_the_line += signed.wire_len();
            outgoing.state = State::Sent { again: now.plus(answer_within(on_the_line)) };
            if batch.len() >= MAX_ENTRIES_PER_FRAME || bytes + signed.wire_len() + FRAME_ROOM > MAX_FRAME {
                frames.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += signed.wire_len();
            batch.push(signed);
        }
        frames.push(batch);
        frames.retain(|entries| !entries.is_empty());
        frames
    }
}

impl Outgoing {
    /// Whether it is to be sent now.
    fn is_due(&self, now: Millis) -> bool {
        matches!(self.state, State::Waiting(at) if at <= now)
    }

    /// Bytes of it on the line, without an answer.
    fn unanswered(&self) -> Option<usize> {
        matches!(self.state, State::Sent { .. }).then(|| self.entry.wire_len())
    }
}

/// Milliseconds in which so many bytes are sent and answered, however slow the line is.
fn answer_within(bytes: usize) -> u64 {
    let blocks = u64::try_from(bytes / SLOWEST_BLOCK).unwrap_or(u64::MAX);
    RETRY_AFTER.saturating_add(blocks.saturating_mul(SLOWEST_BLOCK_TIME))
}
