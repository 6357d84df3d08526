//! What the log had before it was continued and does not have yet: every entry of it, whoever wrote it, is sent again in exactly the
//! old order. Which ones they are is known from the start; the entries themselves are handed in a few at a time.

use std::collections::{BTreeSet, VecDeque};

use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{ChainKey, EntryId, Lane, Millis};
use bowline_wire::limits::{MAX_ENTRIES_PER_FRAME, MAX_FRAME};

use super::limits::{FEED_AHEAD, RETRY_AFTER};

/// Bytes of an Append frame besides its entries.
const FRAME_ROOM: usize = 64;

/// Entries that are sent again.
#[derive(Debug, Default)]
pub(super) struct Feed {
    /// All that neither came back with the log nor was refused for good.
    waiting: BTreeSet<EntryId>,
    /// Those that were handed in, in the old order.
    handed: VecDeque<Fed>,
    /// Whether none is left to be handed in.
    is_all_handed: bool,
}

/// An entry that was handed in.
#[derive(Debug)]
struct Fed {
    entry: Entry,
    state: State,
}

/// How far an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be sent, not before this time.
    Waiting(Millis),
    /// Sent on this connection, and sent again at this time if it was not answered.
    Sent(Millis),
    /// The relay says it is durable; it will come with the log.
    Acknowledged,
}

impl Feed {
    /// These are to be sent again.
    pub(super) fn of(waiting: BTreeSet<EntryId>) -> Self {
        let is_all_handed = waiting.is_empty();
        Self { waiting, handed: VecDeque::new(), is_all_handed }
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
        self.handed.iter().map(|fed| &fed.entry).find(|entry| entry.id() == id)
    }

    /// Whether the next of them are to be handed in.
    pub(super) fn wants_more(&self) -> bool {
        let bytes: usize = self.handed.iter().map(|fed| fed.entry.wire_len()).sum();
        !self.is_all_handed && bytes < FEED_AHEAD
    }

    /// Takes the next of them; none if there are no more.
    pub(super) fn hand_in(&mut self, entries: Vec<Entry>) {
        self.is_all_handed = entries.is_empty();
        let left = entries.into_iter().filter(|entry| self.waiting.contains(&entry.id()));
        let left: Vec<Fed> = left.map(|entry| Fed { entry, state: State::Waiting(Millis(0)) }).collect();
        self.handed.extend(left);
    }

    /// Drops those that have come back with the log.
    pub(super) fn drop_all(&mut self, come: &BTreeSet<EntryId>) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.retain(|id| !come.contains(id));
        self.handed.retain(|fed| !come.contains(&fed.entry.id()));
    }

    /// Takes out an entry that the relay will never append, and what was handed in of its chain behind it.
    pub(super) fn take_chain(&mut self, first: EntryId, chain: &ChainKey) -> Vec<Entry> {
        let mut is_behind = false;
        let mut taken = Vec::new();
        for fed in std::mem::take(&mut self.handed) {
            is_behind |= fed.entry.id() == first;
            if is_behind && fed.entry.header().chain() == *chain {
                self.waiting.remove(&fed.entry.id());
                taken.push(fed.entry);
            } else {
                self.handed.push_back(fed);
            }
        }
        taken
    }

    /// The connection is gone: everything is sent again on the next one.
    pub(super) fn start_over(&mut self) {
        for fed in &mut self.handed {
            fed.state = State::Waiting(Millis(0));
        }
    }

    /// The relay has acknowledged entries; true if one of them was not acknowledged before.
    pub(super) fn acknowledge(&mut self, ids: impl Fn(EntryId) -> bool) -> bool {
        let mut is_news = false;
        for fed in &mut self.handed {
            if fed.state != State::Acknowledged && ids(fed.entry.id()) {
                fed.state = State::Acknowledged;
                is_news = true;
            }
        }
        is_news
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
        let mut before = self.handed.iter().take_while(|fed| fed.entry.id() != id);
        waits_for_another && before.all(|fed| fed.state == State::Acknowledged)
    }

    /// The relay has refused an entry for now: it is sent again after a while. Returns `false` if it was not waiting for an
    /// answer.
    pub(super) fn postpone(&mut self, id: EntryId, now: Millis) -> bool {
        let refused = |fed: &&mut Fed| fed.entry.id() == id && matches!(fed.state, State::Sent(_));
        match self.handed.iter_mut().find(refused) {
            Some(fed) => {
                fed.state = State::Waiting(now.plus(RETRY_AFTER));
                true
            }
            None => false,
        }
    }

    /// Those sent and not answered in time have to be sent again.
    pub(super) fn expire(&mut self, now: Millis) {
        for fed in &mut self.handed {
            if matches!(fed.state, State::Sent(again) if now >= again) {
                fed.state = State::Waiting(now);
            }
        }
    }

    /// When the first of them is to be sent, but nothing before `earliest`, or sent again.
    pub(super) fn due_at(&self, earliest: Millis) -> Option<Millis> {
        let is_unanswered = self.is_unanswered();
        let mut due = None;
        for fed in &self.handed {
            let is_record = fed.is_record();
            let at = match fed.state {
                // It goes once there is an answer, whenever that comes.
                State::Waiting(_) if is_record && is_unanswered => None,
                State::Waiting(at) => Some(at.max(earliest)),
                State::Sent(again) => Some(again),
                State::Acknowledged => None,
            };
            due = due.into_iter().chain(at).min();
            if is_record && fed.state != State::Acknowledged {
                break;
            }
        }
        due
    }

    /// Whether one of them was sent and not answered.
    pub(super) fn is_unanswered(&self) -> bool {
        self.handed.iter().any(|fed| matches!(fed.state, State::Sent(_)))
    }

    /// Whether the relay has acknowledged one that has not come with the log.
    pub(super) fn has_acknowledged(&self) -> bool {
        self.handed.iter().any(|fed| fed.state == State::Acknowledged)
    }

    /// Sends what is due, in order: what goes into each frame. A record of the roster goes alone, once everything before it is
    /// answered, and nothing goes before its own answer: what comes after builds on it.
    pub(super) fn send_due(&mut self, now: Millis) -> Vec<Vec<SignedEntry>> {
        let mut frames = Vec::new();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for index in 0..self.handed.len() {
            let is_record = self.handed.get(index).is_some_and(Fed::is_record);
            let is_unanswered = is_record && self.is_unanswered();
            let Some(fed) = self.handed.get_mut(index) else { break };
            let is_due = matches!(fed.state, State::Waiting(at) if at <= now);
            if is_due && !is_unanswered {
                let signed = fed.entry.to_signed();
                fed.state = State::Sent(now.plus(RETRY_AFTER).plus(patience(bytes)));
                if batch.len() >= MAX_ENTRIES_PER_FRAME || bytes + signed.wire_len() + FRAME_ROOM > MAX_FRAME
                {
                    frames.push(std::mem::take(&mut batch));
                    bytes = 0;
                }
                bytes += signed.wire_len();
                batch.push(signed);
            }
            if is_record && fed.state != State::Acknowledged {
                break;
            }
        }
        frames.push(batch);
        frames.retain(|entries| !entries.is_empty());
        frames
    }
}

impl Fed {
    fn is_record(&self) -> bool {
        self.entry.header().lane == Lane::Control
    }
}

/// Milliseconds more for so many bytes before it on the line.
fn patience(bytes: usize) -> u64 {
    use super::limits::{SLOWEST_BLOCK, SLOWEST_BLOCK_TIME};
    u64::try_from(bytes / SLOWEST_BLOCK).unwrap_or(u64::MAX).saturating_mul(SLOWEST_BLOCK_TIME)
}
