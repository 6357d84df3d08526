//! The part of a check below the place from whose state the log was begun: the entries that stay are bound by the state, and not by the
//! log's running hash.

use std::collections::BTreeSet;

use bowline_store::{EntryRow, LogPlace};
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, LogHash, LogTime, Moment, Position, StateDigest, WorkspaceId};
use bowline_wire::log::{Log, Run, State, live_digest};

/// The state from which a log was begun, as a check has found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedState {
    /// The place: behind it every entry is here. Entries at or below it were let go by a checkpoint, but for those that stay.
    pub at: Position,
    /// How many entries stay there by the state.
    pub stays: u64,
    /// The state's digest.
    pub digest: StateDigest,
    /// Whether the log says, behind the place, that the state is the one with this digest.
    pub stands: bool,
}

/// What a check has found below the place of a state so far.
pub(super) struct Below {
    pub(super) state: State,
    /// The entries that stay and are here.
    here: Vec<(Position, EntryId, LogTime)>,
    pub(super) records: Vec<(Moment, Entry)>,
    /// Whether every record that is here verifies.
    pub(super) are_records_whole: bool,
    /// The log's hash at the last entry, if it is known.
    last: Option<(Position, LogHash)>,
}

impl Below {
    pub(super) fn of(state: State, seed: LogHash) -> Self {
        let last = Some((Position::START, seed));
        Self { state, here: Vec::new(), records: Vec::new(), are_records_whole: true, last }
    }

    /// Whether the hash and time of an entry are those that the entries before it and the state leave open.
    pub(super) fn follows(&mut self, id: EntryId, place: LogPlace, time: LogTime) -> bool {
        let before = Position(place.pos.0.saturating_sub(1));
        let last = std::mem::replace(&mut self.last, place.log_hash.map(|hash| (place.pos, hash)));
        let in_time = time <= place.time && place.time <= self.state.time;
        let Some(hash) = place.log_hash else { return in_time };
        let is_pinned = self.state.hash_at(place.pos).is_none_or(|pinned| pinned == hash);
        let follows = last
            .filter(|(at, _)| *at == before)
            .is_none_or(|(_, last)| bowline_wire::hash::log_hash(last, id, place.time) == hash);
        in_time && is_pinned && follows
    }

    /// Takes an entry that counts, with what of it verifies.
    pub(super) fn take(&mut self, row: &EntryRow, place: LogPlace, entry: Option<Entry>) {
        if !self.state.is_live(place.pos) {
            return;
        }
        self.here.push((place.pos, row.id, place.time));
        if EntryType::from_number(row.entry_type) != EntryType::Roster {
            return;
        }
        match entry {
            Some(entry) => self.records.push((Moment { position: place.pos, time: place.time }, entry)),
            None => self.are_records_whole = false,
        }
    }

    /// Stretches of the entries that stay which are not here, first and last.
    pub(super) fn missing(&self) -> Vec<(Position, Position)> {
        missing(&self.state.live, &self.here)
    }

    /// Whether the entries that are here are those that stay.
    pub(super) fn are_named(&self) -> bool {
        live_digest(self.here.iter().copied()) == self.state.live_digest
    }

    /// What is told of the state.
    pub(super) fn told(&self, workspace: WorkspaceId) -> CheckedState {
        CheckedState {
            at: self.state.at,
            stays: self.state.live.iter().map(|run| run.count).sum(),
            digest: self.state.digest(workspace),
            stands: false,
        }
    }
}

/// Stretches of these runs that are not here, first and last.
fn missing(runs: &[Run], here: &[(Position, EntryId, LogTime)]) -> Vec<(Position, Position)> {
    let mut missing = Vec::new();
    let mut note = |first: u64, end: u64| {
        if first < end {
            missing.push((Position(first), Position(end - 1)));
        }
    };
    let mut here = here.iter().map(|(at, ..)| at.0).peekable();
    for run in runs {
        let (mut next, end) = (run.first.0, run.first.0.saturating_add(run.count));
        while let Some(at) = here.next_if(|at| *at < end) {
            note(next, at);
            next = at.saturating_add(1);
        }
        note(next, end);
    }
    missing
}

/// What is said behind a place about the state there.
#[derive(Default)]
pub(super) struct Words(BTreeSet<StateDigest>);

impl Words {
    /// Takes an entry that counts.
    pub(super) fn hear(&mut self, about: Position, entry: &Entry) {
        if entry.header().covers == about {
            self.0.extend(Checkpoint::of(entry).map(|said| said.digest));
        }
    }

    /// Whether the log, as it is at its end, says that this state stands; `None` if it has not come that far.
    pub(super) fn agree(&self, state: &CheckedState, log: &Log) -> Option<bool> {
        let stood = log.checkpoints().stood().filter(|stood| stood.at >= state.at)?;
        // Of one that stood before the last, the words are left.
        Some(if stood.at == state.at { stood.digest == state.digest } else { self.0.contains(&state.digest) })
    }
}
