//! What the log had before it was continued and does not have yet: every entry of it, whoever wrote it, is sent again in exactly the
//! old order. Which ones they are is known from the start; the entries themselves are handed in a few at a time.

use std::collections::BTreeSet;

use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{ChainKey, EntryId, Lane, Millis};

use super::limits::FEED_AHEAD;
use super::outbox::Outbox;

/// Entries that are sent again.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// All that neither came back with the log nor was refused for good.
    waiting: BTreeSet<EntryId>,
    /// Those that were handed in, in the old order.
    handed: Outbox,
    /// Whether none is left to be handed in.
    is_all_handed: bool,
}

impl Feed {
    /// These are to be sent again.
    pub(super) fn of(waiting: BTreeSet<EntryId>) -> Self {
        let is_all_handed = waiting.is_empty();
        Self { waiting, handed: Outbox::default(), is_all_handed }
    }

    /// Whether everything has come back with the log, or was refused.
    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many are left.
    pub(super) fn left(&self) -> usize {
        self.waiting.len()
    }

    /// Whether an entry is one of them.
    pub(super) fn contains(&self, id: EntryId) -> bool {
        self.waiting.contains(&id)
    }

    /// The entry with this id, if it was handed in.
    pub(super) fn find(&self, id: EntryId) -> Option<&Entry> {
        self.handed.find(id)
    }

    /// Whether the next of them are to be handed in.
    pub(super) fn wants_more(&self) -> bool {
        let bytes: usize = self.handed.entries().map(Entry::wire_len).sum();
        !self.is_all_handed && bytes < FEED_AHEAD
    }

    /// Takes the next of them; none if there are no more.
    pub(super) fn hand_in(&mut self, entries: Vec<Entry>) {
        self.is_all_handed = entries.is_empty();
        for entry in entries.into_iter().filter(|entry| self.waiting.contains(&entry.id())) {
            self.handed.push(entry, Millis(0));
        }
    }

    /// Drops those that have come back with the log.
    pub(super) fn drop_all(&mut self, come: &BTreeSet<EntryId>) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.retain(|id| !come.contains(id));
        self.handed.drop_all(come);
    }

    /// Takes out an entry that the relay will never append, and what was handed in of its chain behind it.
    pub(super) fn take_chain(&mut self, first: EntryId, chain: &ChainKey) -> Vec<Entry> {
        let taken = self.handed.take_chain_from(first, chain);
        for entry in &taken {
            self.waiting.remove(&entry.id());
        }
        taken
    }

    /// The connection is gone: everything is sent again on the next one.
    pub(super) fn start_over(&mut self) {
        self.handed.start_over();
    }

    /// The relay has acknowledged entries; true if one of them was not acknowledged before.
    pub(super) fn acknowledge(&mut self, ids: impl Fn(EntryId) -> bool) -> bool {
        self.handed.acknowledge(ids)
    }

    /// Whether a refusal for now is one for good, because nothing is left that it could wait for: all that stood before this entry has
    /// been answered.
    pub(super) fn waits_in_vain(&self, id: EntryId, reason: Reason) -> bool {
        let waits_for_another = matches!(
            reason,
            Reason::ChainGap
                | Reason::RosterUnknown
                | Reason::RunIncomplete
                | Reason::DocumentFull
                | Reason::LivesSpent
        );
        waits_for_another && self.handed.is_acknowledged_up_to(id)
    }

    /// The relay has refused an entry for now: it is sent again after a while. Returns `false` if it was not waiting for an
    /// answer.
    pub(super) fn postpone(&mut self, id: EntryId, now: Millis) -> bool {
        self.handed.postpone(id, now)
    }

    /// Those sent and not answered in time have to be sent again.
    pub(super) fn expire(&mut self, now: Millis) {
        self.handed.expire(now);
    }

    /// When the first of them is to be sent, but nothing before `earliest`, or sent again.
    pub(super) fn due_at(&self, earliest: Millis) -> Option<Millis> {
        self.handed.due_among(self.reach(), earliest)
    }

    /// Whether one of them was sent and not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        self.handed.is_unanswered()
    }

    /// Whether the relay has acknowledged one that has not come with the log.
    pub(super) fn has_acknowledged(&self) -> bool {
        self.handed.has_acknowledged()
    }

    /// Sends what is due, in order: what goes into each frame.
    pub(super) fn send_due(&mut self, now: Millis) -> Vec<Vec<SignedEntry>> {
        let mut frames = self.handed.send_among(self.next_record(), now);
        // If that sent anything, a record waits for the answer, and this sends nothing.
        frames.extend(self.handed.send_among(self.reach(), now));
        frames
    }

    /// How many of those handed in may be sent as things are. A record of the roster goes alone, once everything before it is answered,
    /// and nothing goes before its own answer: what comes after builds on it.
    fn reach(&self) -> usize {
        let record = self.next_record();
        if self.handed.is_unanswered_among(record) { record } else { record + 1 }
    }

    /// Where the first record of the roster is that the relay has not acknowledged.
    fn next_record(&self) -> usize {
        self.handed.first_open(|entry| entry.header().lane == Lane::Control)
    }
}
