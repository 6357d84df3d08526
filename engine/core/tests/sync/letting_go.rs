//! The relay that lies, once it has let entries go by the state of a checkpoint that stands.

use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, LetGo, StatePiece};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, Lane, LogTime, Position, StateDigest};
use bowline_wire::log::{ChainEnd, DocumentState, Log, Part, Run, State, Stood, live_digest};

use crate::author::Author;
use crate::relay::FakeRelay;

/// By which state entries are let go.
#[derive(Clone)]
pub(crate) struct LettingGo {
    pub(crate) state: State,
    pub(crate) by: LetGo,
    /// How many bytes of the state go into a frame.
    pub(crate) piece: usize,
    /// How many entries that stay go into a frame.
    pub(crate) at_once: usize,
}

impl LettingGo {
    pub(crate) fn frame(&self) -> Frame {
        Frame::LetGo(self.by)
    }

    pub(crate) fn piece(&self, digest: StateDigest, offset: u64) -> Option<Frame> {
        let mut piece = StatePiece::of(digest, &encode(&self.state), offset)?;
        piece.bytes.truncate(self.piece);
        Some(Frame::State(piece))
    }
}

/// The state of a log as it is at its end, in which these entries stay.
pub(crate) fn state_of(relay: &FakeRelay, log: &Log, stays: impl Fn(u64, &Entry) -> bool) -> State {
    let at = log.head().position;
    let entries = (1..=at.0).map(|at| (at, relay.entry(at)));
    let live: Vec<(Position, EntryId, LogTime)> = entries
        .filter(|(at, entry)| entry.header().entry_type == EntryType::Roster || stays(*at, entry))
        .map(|(at, entry)| (Position(at), entry.id(), relay.logged(at).time))
        .collect();
    let mut runs: Vec<Run> = Vec::new();
    for (at, ..) in &live {
        match runs.last_mut() {
            Some(run) if run.first.0 + run.count == at.0 => run.count += 1,
            _ => runs.push(Run { first: *at, count: 1 }),
        }
    }
    let mut documents: Vec<DocumentState> = Vec::new();
    for written in log.weights().iter() {
        if documents.last().is_none_or(|last| last.doc != written.doc) {
            documents.push(DocumentState { doc: written.doc, snapshot: None, parts: Vec::new() });
        }
        let part = Part { user: written.user, word: None, sum: written.sum };
        documents.last_mut().unwrap().parts.push(part);
    }
    State {
        at,
        hash: log.head().hash,
        time: log.time(),
        roster: log.roster().hash(),
        records: log.roster().points().len() as u64,
        said: log.checkpoints().clone(),
        ends: log.tips().map(|(chain, tip)| ChainEnd { chain: *chain, tip: *tip }).collect(),
        documents,
        freed: Vec::new(),
        live_digest: live_digest(live),
        live: runs,
        pins: Vec::new(),
    }
}

/// Nothing of content stays.
pub(crate) fn records_alone(_: u64, entry: &Entry) -> bool {
    entry.header().lane == Lane::Control && entry.header().entry_type == EntryType::Roster
}

impl FakeRelay {
    /// Says that the log's state at its end is this, by a device of the Owner's and another one, and lets go the rest.
    pub(crate) fn lets_go(&mut self, (owner, other): (&mut Author, &mut Author), state: State) {
        self.says_of(owner, &state);
        self.says_of(other, &state);
        self.lets_go_by(state);
    }

    /// Lets go what a state does not name whose checkpoint stands.
    pub(crate) fn lets_go_by(&mut self, state: State) {
        let stood = self.log().checkpoints().stood().unwrap();
        let by = LetGo { stood, len: encode(&state).len() as u64 };
        self.let_go = Some(LettingGo { state, by, piece: usize::MAX, at_once: usize::MAX });
    }

    /// Puts an author's word about a state on the log.
    pub(crate) fn says_of(&mut self, author: &mut Author, state: &State) -> Stood {
        let digest = state.digest(self.workspace());
        let said = Checkpoint { digest, freed: state.freed.clone() };
        let at = state.at;
        let entry = author.plain(self, EntryType::Checkpoint, said.to_body(), |header| header.covers = at);
        let since = Position(self.put(entry.to_signed()));
        Stood { at, digest, since }
    }

    /// What stays behind a position, and then what is behind the place of the state.
    pub(crate) fn keep_from(&mut self, digest: StateDigest, after: Position) -> Vec<Frame> {
        let Some(by) = self.let_go.clone().filter(|by| by.by.stood.digest == digest) else {
            return self.let_go.iter().map(LettingGo::frame).collect();
        };
        let stays: Vec<u64> =
            (after.0 + 1..=by.state.at.0).filter(|at| by.state.is_live(Position(*at))).collect();
        let given = |at: &u64| (Position(*at), self.given(*at));
        let frame = |some: &[u64]| some.iter().map(given).collect();
        let mut frames: Vec<Frame> = (stays.chunks(by.at_once.min(stays.len().max(1))))
            .map(|some| Frame::Kept { entries: frame(some), more: some.last() != stays.last() })
            .collect();
        if frames.is_empty() {
            frames.push(Frame::Kept { entries: Vec::new(), more: false });
        }
        self.told = Some(usize::try_from(by.state.at.0).unwrap());
        frames.extend(self.tell());
        frames
    }
}
