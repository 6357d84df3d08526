//! The state of a log at a place, which every device that has the log and its keys computes alike, and of which a checkpoint has the digest.
//! Below a checkpoint that stands, entries go that its state does not name as live.

use super::Log;
use super::checkpoints::Checkpoints;
use super::pin::Pin;
use super::tip::ChainTip;
use crate::checkpoint::{Checkpoint, Freed};
use crate::codec::{Canonical, DecodeError, Reader, Writer, encode};
use crate::entry::Entry;
use crate::hash::sha256;
use crate::ids::{
    ChainKey, EntryId, LogHash, LogId, LogTime, Moment, Position, RosterHash, SnapshotDigest, StateDigest,
    UserId, WireDoc, WorkspaceId,
};
use crate::limits::MAX_STATE_ROWS;
use crate::roster::Roster;
use crate::successor::Succession;
use crate::weight::{Weights, Written};

/// An entry's chain, and where it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The chain.
    pub chain: ChainKey,
    /// The chain's last entry.
    pub tip: ChainTip,
}

/// What a user has signed of a document, and what the log counts of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The user.
    pub user: UserId,
    /// The word by which the document's snapshot stands for them, or their newest one.
    pub word: Option<SignedWord>,
    /// The sum that the log has counted up to the place, with what this checkpoint frees.
    pub sum: u64,
}

/// A user's word about a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedWord {
    /// The digest of their changes in it.
    pub digest: SnapshotDigest,
    /// The place up to which the word is about everything.
    pub covers: Position,
    /// Where it was said.
    pub said: Position,
}

/// What the log has of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentState {
    /// The document.
    pub doc: WireDoc,
    /// The snapshot that stands in for what goes.
    pub snapshot: Option<Position>,
    /// A part for each user who has written of it, ascending.
    pub parts: Vec<Part>,
}

/// A run of entries that stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first entry of the run.
    pub first: Position,
    /// How many there are.
    pub count: u64,
}

impl Run {
    /// Whether an entry at a place is in one of these runs, which ascend.
    pub fn is_in(runs: &[Self], at: Position) -> bool {
        let next = runs.partition_point(|run| run.first <= at);
        let run = next.checked_sub(1).and_then(|before| runs.get(before));
        run.is_some_and(|run| at.0 - run.first.0 < run.count)
    }
}

/// The state of a log at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The place.
    pub at: Position,
    /// The log's hash there.
    pub hash: LogHash,
    /// The log's time there.
    pub time: LogTime,
    /// The roster there. Its records stay, and are checked by it.
    pub roster: RosterHash,
    /// How many records had been applied.
    pub records: u64,
    /// What had been said of checkpoints before.
    pub said: Checkpoints,
    /// The end of every chain, ascending.
    pub ends: Vec<ChainEnd>,
    /// Every document that the log counts, ascending.
    pub documents: Vec<DocumentState>,
    /// What this checkpoint frees, as the entry says that opens it.
    pub freed: Vec<Freed>,
    /// The entries at or below the place that stay, as runs that do not touch.
    pub live: Vec<Run>,
    /// Binds these: [`live_digest`].
    pub live_digest: [u8; 32],
    /// Places that codes pin which are open there, and places of checkpoints before, ascending.
    pub pins: Vec<Pin>,
}

impl State {
    /// What the entry says that signs for it.
    pub fn digest(&self, workspace: WorkspaceId) -> StateDigest {
        StateDigest::from_bytes(sha256(&[b"bowline/checkpoint/1", workspace.as_bytes(), &encode(self)]))
    }

    /// The place of a state, by the first bytes of it, since the rest may be long: 10 are enough.
    ///
    /// # Errors
    /// If they are not how a state begins.
    pub fn place_of(beginning: &[u8]) -> Result<Position, DecodeError> {
        let mut from = Reader::new(beginning);
        from.array(12)?;
        from.value()
    }

    /// The log's hash at a place below it, as far as it says that.
    pub fn hash_at(&self, at: Position) -> Option<LogHash> {
        if at == self.at {
            return Some(self.hash);
        }
        let found = self.pins.binary_search_by_key(&at, |pin| pin.at).ok()?;
        self.pins.get(found).map(|pin| pin.hash)
    }

    /// The last entry of a chain.
    pub fn end(&self, chain: &ChainKey) -> Option<&ChainTip> {
        let found = self.ends.binary_search_by_key(chain, |end| end.chain).ok()?;
        self.ends.get(found).map(|end| &end.tip)
    }

    /// Whether an entry at a place at or below it stays.
    pub fn is_live(&self, at: Position) -> bool {
        Run::is_in(&self.live, at)
    }

    /// The log of a workspace as it is at the place, by the records of its roster behind what `roster` has of them, in order; with all that was said
    /// in `succession`, and under the key of `id` if no log was continued. Whether entries that stay are those of the digest is for the
    /// caller to check.
    ///
    /// # Errors
    /// If the records do not come to the roster that the state names.
    pub fn begin<'r>(
        &self,
        workspace: WorkspaceId,
        (id, succession): (LogId, &Succession),
        roster: Roster,
        records: impl IntoIterator<Item = (Moment, &'r Entry)>,
    ) -> Result<Log, StateFault> {
        let mut log = Log::begun(workspace, id, succession).begun_from(self);
        let last = roster.points().last().map(|point| point.at);
        let mut last = last.unwrap_or(Moment { position: Position::START, time: LogTime::START });
        log.roster = roster;
        let is_in_order =
            |at: &Moment, before: &Moment| at.position > before.position && at.time >= before.time;
        for (at, entry) in records {
            if !is_in_order(&at, &last)
                || at.position > self.at
                || at.time > self.time
                || !self.is_live(at.position)
            {
                return Err(StateFault::RecordsOutOfPlace);
            }
            log.roster.apply_entry(at, entry);
            last = at;
        }
        if log.roster.hash() != self.roster || log.roster.points().len() as u64 != self.records {
            return Err(StateFault::OtherRoster);
        }
        (log.position, log.time, log.hash) = (self.at, self.time, self.hash);
        log.tips = self.ends.iter().map(|end| (end.chain, end.tip)).collect();
        log.weights = Weights::restore(self.sums());
        log.checkpoints = self.said.clone();
        Ok(log)
    }

    /// What the log has counted up to the place.
    fn sums(&self) -> impl Iterator<Item = Written> {
        let of = |it: &DocumentState, part: &Part| Written { doc: it.doc, user: part.user, sum: part.sum };
        self.documents.iter().flat_map(move |it| it.parts.iter().map(move |part| of(it, part)))
    }

    fn check(&self) -> Result<(), DecodeError> {
        let ends = self.ends.is_sorted_by(|one, next| one.chain < next.chain);
        let documents = self.documents.is_sorted_by(|one, next| one.doc < next.doc);
        let is_of = |document: &DocumentState| document.parts.is_sorted_by(|one, next| one.user < next.user);
        let pins = self.pins.is_sorted_by(|one, next| one.at < next.at);
        let last = self.live.last().map_or(0, |run| run.first.0.saturating_add(run.count - 1));
        let runs = self.live.is_sorted_by(|one, next| one.first.0.saturating_add(one.count) < next.first.0);
        let rules = [
            (ends && documents && self.documents.iter().all(is_of) && pins, "a state is ascending"),
            (runs && last <= self.at.0, "what stays is in runs that do not touch, at or below the place"),
            (
                self.said.stood().is_none_or(|stood| stood.since <= self.at),
                "the checkpoint before stands below",
            ),
            (self.pins.last().is_none_or(|pin| pin.at < self.at), "pins are below the place"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, rule)| Err(DecodeError::Rule(rule)))
    }
}

impl Log {
    /// The log as it goes on that was begun from this state, now that it was restored behind or at its place.
    #[must_use]
    pub fn begun_from(mut self, state: &State) -> Self {
        self.begun = state.at;
        self.pins = state.pins.iter().copied().chain([Pin { at: state.at, hash: state.hash }]).collect();
        self
    }

    /// The place from whose state the log was begun: entries at or below it are not all here. The beginning, if it was begun from none.
    pub fn begun_at(&self) -> Position {
        self.begun
    }

    /// The log's hash at a place at or below the one from whose state it was begun, as far as that says it.
    pub fn hash_below(&self, at: Position) -> Option<LogHash> {
        let found = self.pins.binary_search_by_key(&at, |pin| pin.at).ok()?;
        self.pins.get(found).map(|pin| pin.hash)
    }
}

/// Why no log is begun from a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateFault {
    /// Records that are handed out with it are behind its place, not in order, or not among what stays.
    #[error("records that do not belong to the state")]
    RecordsOutOfPlace,
    /// The records come to another roster than the state has.
    #[error("records that come to another roster than the state's")]
    OtherRoster,
}

/// Binds entries that stay below a checkpoint, now that the log's running hash does not: position, id and time of each, ascending.
pub fn live_digest(entries: impl IntoIterator<Item = (Position, EntryId, LogTime)>) -> [u8; 32] {
    let mut to = Writer::new();
    for (position, id, time) in entries {
        to.array(3).value(&position).value(&id).value(&time);
    }
    sha256(&[b"bowline/live/1", &to.into_bytes()])
}

impl Canonical for ChainEnd {
    fn write(&self, to: &mut Writer) {
        let ChainKey { device, incarnation, lane } = &self.chain;
        to.array(4).value(device).value(incarnation).value(lane).value(&self.tip);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(4)?;
        let chain = ChainKey { device: from.value()?, incarnation: from.value()?, lane: from.value()? };
        Ok(Self { chain, tip: from.value()? })
    }
}

impl Canonical for SignedWord {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.digest).value(&self.covers).value(&self.said);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { digest: from.value()?, covers: from.value()?, said: from.value()? })
    }
}

impl Canonical for Part {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.user).option(self.word.as_ref(), |to, word| word.write(to)).u64(self.sum);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { user: from.value()?, word: from.option(Reader::value)?, sum: from.u64()? })
    }
}

impl Canonical for DocumentState {
    fn write(&self, to: &mut Writer) {
        let snapshot = self.snapshot.as_ref();
        to.array(3).value(&self.doc).option(snapshot, |to, at| at.write(to)).list(&self.parts);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        let (doc, snapshot) = (from.value()?, from.option(Reader::value)?);
        Ok(Self { doc, snapshot, parts: from.list("users of a document", MAX_STATE_ROWS)? })
    }
}

impl Canonical for Run {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.first).u64(self.count);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        let run = Self { first: from.value()?, count: from.u64()? };
        if run.first == Position::START || run.count == 0 {
            return Err(DecodeError::Rule("a run has an entry, and positions count from 1"));
        }
        Ok(run)
    }
}

impl Canonical for State {
    fn write(&self, to: &mut Writer) {
        to.array(12).value(&self.at).value(&self.hash).value(&self.time).value(&self.roster);
        to.u64(self.records).value(&self.said);
        to.list(&self.ends).list(&self.documents).list(&self.freed).list(&self.live);
        to.bytes(&self.live_digest).list(&self.pins);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(12)?;
        let state = Self {
            at: from.value()?,
            hash: from.value()?,
            time: from.value()?,
            roster: from.value()?,
            records: from.u64()?,
            said: from.value()?,
            ends: from.list("ends of chains", MAX_STATE_ROWS)?,
            documents: from.list("documents", MAX_STATE_ROWS)?,
            freed: Checkpoint::read_freed(from)?,
            live: from.list("runs", MAX_STATE_ROWS)?,
            live_digest: from.fixed()?,
            pins: from.list("pins", MAX_STATE_ROWS)?,
        };
        state.check()?;
        Ok(state)
    }
}
