//! The log as both sides see it, and the one predicate by which an entry may be appended to it.
//!
//! A relay asks [`Log::check`] before it appends, a device asks it about what the relay appended. A device that gets
//! another answer than the relay did has caught the relay, or the author, in the act.

mod checkpoints;
mod lives;
mod logs;
mod pin;
mod refusal;
mod seen;
mod state;
mod tip;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::checkpoint::{Checkpoint, Freed};
use crate::entry::Entry;
use crate::hash;
use crate::head::Head;
use crate::header::{EntryType, Header};
use crate::ids::{
    ChainKey, DeviceId, EntryId, EpochId, Lane, LogHash, LogId, LogTime, Millis, Moment, Position, UserId,
    WireDoc, WorkspaceId,
};
use crate::roster::record::Record;
use crate::roster::{Outcome, Role, Roster, Standing};
use crate::successor::Succession;
use crate::weight::{Weight, Weights, Written};
pub use checkpoints::{Checkpoints, Stood};
pub use logs::Knew;
use logs::Logs;
pub use pin::Pin;
pub use refusal::Refusal;
pub use state::{ChainEnd, DocumentState, Part, Run, SignedWord, State, StateFault, live_digest};
pub use tip::ChainTip;
use tip::check_next;

/// An entry that may stand at the log's next position, or, in a run, behind the ones before it.
#[derive(Debug)]
pub struct Accepted<'e> {
    entry: &'e Entry,
    time: LogTime,
    tip: ChainTip,
    /// Up to where it covers its document in this log.
    covers: Position,
    /// What its author's user has written of its document with this entry, if a payload ends here.
    written: Option<Written>,
}

impl Accepted<'_> {
    /// The entry.
    pub fn entry(&self) -> &Entry {
        self.entry
    }
}

/// Where an entry came to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The entry's position.
    pub position: Position,
    /// The log's time there.
    pub time: LogTime,
    /// The log hash up to and including it.
    pub hash: LogHash,
    /// Up to where it covers its document. Where its author knew a log that was continued since, what stands here behind the place of
    /// that is something else than what was covered: so it covers no more than up to there, as with what is held.
    pub covers: Position,
    /// What the record did; `None` unless the entry is a roster entry.
    pub roster: Option<Outcome>,
    /// What a checkpoint took off the log's sums that came to stand by this entry.
    pub freed: Vec<Freed>,
}

impl Placed {
    fn moment(&self) -> Moment {
        Moment { position: self.position, time: self.time }
    }
}

/// A log up to a position: its time, running hash, roster, the tip of every chain, what each document weighs, and what was said of checkpoints.
#[derive(Clone, Debug)]
pub struct Log {
    workspace: WorkspaceId,
    logs: Logs,
    position: Position,
    time: LogTime,
    hash: LogHash,
    roster: Roster,
    tips: BTreeMap<ChainKey, ChainTip>,
    weights: Weights,
    checkpoints: Checkpoints,
    /// The place from whose state this was begun.
    begun: Position,
    /// The hashes that are known at and below that place, ascending.
    pins: Vec<Pin>,
}

impl Log {
    /// A log without entries.
    pub fn new(workspace: WorkspaceId, id: LogId) -> Self {
        Self {
            workspace,
            logs: Logs::new(id),
            position: Position::START,
            time: LogTime::START,
            hash: hash::log_seed(workspace, id),
            roster: Roster::new(workspace),
            tips: BTreeMap::new(),
            weights: Weights::default(),
            checkpoints: Checkpoints::default(),
            begun: Position::START,
            pins: Vec::new(),
        }
    }

    /// A log without entries that will pass through every log of `succession`, or that of `id` if no log was continued. Its hashes
    /// are the first one's.
    pub fn begun(workspace: WorkspaceId, id: LogId, succession: &Succession) -> Self {
        Self::new(workspace, succession.first().unwrap_or(id)).with_succession(succession)
    }

    /// A log as it was when all of this was stored together.
    pub fn restore(
        head: Head,
        time: LogTime,
        roster: Roster,
        tips: impl IntoIterator<Item = (ChainKey, ChainTip)>,
        weights: Weights,
        checkpoints: Checkpoints,
    ) -> Self {
        Self {
            workspace: head.workspace,
            logs: Logs::new(head.log),
            position: head.position,
            time,
            hash: head.hash,
            roster,
            tips: tips.into_iter().collect(),
            weights,
            checkpoints,
            begun: Position::START,
            pins: Vec::new(),
        }
    }

    /// The log as it goes on by all of `succession`: the last of these signs now. Where it is beyond a place at which it was
    /// continued, it has to have been judged with that known.
    #[must_use]
    pub fn with_succession(mut self, succession: &Succession) -> Self {
        self.logs = Logs::of(self.logs.now(), succession);
        self
    }

    /// The log's time at its last entry.
    pub fn time(&self) -> LogTime {
        self.time
    }

    /// The time for the next entry by this clock: never before the last one's.
    pub fn time_at(&self, clock: Millis) -> LogTime {
        LogTime::at_most(clock).max(self.time)
    }

    /// Where the log is.
    pub fn head(&self) -> Head {
        Head { workspace: self.workspace, log: self.logs.now(), position: self.position, hash: self.hash }
    }

    /// Who is in the workspace at the head.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The last entry of a chain.
    pub fn tip(&self, chain: &ChainKey) -> Option<&ChainTip> {
        self.tips.get(chain)
    }

    /// The last entry of every chain.
    pub fn tips(&self) -> impl Iterator<Item = (&ChainKey, &ChainTip)> {
        self.tips.iter()
    }

    /// What has been accepted of each document.
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// What was said of checkpoints, and which one stands.
    pub fn checkpoints(&self) -> &Checkpoints {
        &self.checkpoints
    }

    /// Whether `entry` may stand next, at a time that is not before the log's. `hash_at` gives this log's hash at any earlier
    /// position behind the place from whose state it was begun: where it gives none, a signed head of that position is taken for another story's.
    pub fn check<'e>(
        &self,
        entry: &'e Entry,
        time: LogTime,
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> Result<Accepted<'e>, Refusal> {
        let header = entry.header();
        let record = self.record(entry)?;
        let tip = self.tips.get(&header.chain());
        check_next(header, tip)?;
        self.check_author(header, record.as_ref())?;
        let before = Before { tip, weights: &self.weights, record_bytes: 0 };
        self.check_bound(entry, time, record.as_ref(), before, hash_at)
    }

    /// How many entries, this one included, are left up to the cut of the author's removal; `None` if the author was
    /// not removed or the entry is beyond the cut. Such entries are checked by [`Log::check_run`].
    pub fn run_remaining(&self, header: &Header) -> Option<u64> {
        let (seq, _) = self.cut(&header.chain())?;
        seq.checked_sub(header.seq).map(|rest| rest.saturating_add(1))
    }

    /// Whether `entries`, each with its time, are exactly what a removed author's cut still allows in one chain, from its tip to
    /// the cut.
    pub fn check_run<'e>(
        &self,
        entries: &[(LogTime, &'e Entry)],
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> Result<Vec<Accepted<'e>>, Refusal> {
        let ((_, first), (_, last)) = entries.first().zip(entries.last()).ok_or(Refusal::RunIncomplete)?;
        let chain = first.header().chain();
        let (seq, id) = self.cut(&chain).ok_or(Refusal::NotActive)?;
        let mut tip = self.tips.get(&chain).copied();
        let mut weights = self.weights.clone();
        let mut record_bytes: u64 = 0;
        let mut run = Vec::with_capacity(entries.len());
        for (time, entry) in entries {
            if entry.header().chain() != chain {
                return Err(Refusal::RunIncomplete);
            }
            let record = self.record(entry)?;
            // Nobody enters who was removed; and without `seen` the chain's could go back.
            if is_newcomer(record.as_ref()) {
                return Err(Refusal::NotActive);
            }
            check_next(entry.header(), tip.as_ref())?;
            let before = Before { tip: tip.as_ref(), weights: &weights, record_bytes };
            let accepted = self.check_bound(entry, *time, record.as_ref(), before, &hash_at)?;
            tip = Some(accepted.tip);
            record_bytes += if record.is_some() { u64::from(entry.header().body_len) } else { 0 };
            if let Some(written) = accepted.written {
                weights.set(written);
            }
            run.push(accepted);
        }
        match last.header().seq.cmp(&seq) {
            Ordering::Less => Err(Refusal::RunIncomplete),
            Ordering::Equal if last.id() == id => Ok(run),
            // Beyond the cut; or the right number and another entry: the chain was forked behind the remover's back.
            Ordering::Equal | Ordering::Greater => Err(Refusal::NotActive),
        }
    }

    /// Appends what [`Log::check`] allowed. Of a run, all in order.
    pub fn append(&mut self, accepted: Accepted<'_>) -> Placed {
        let Accepted { entry, time, tip, covers, written } = accepted;
        self.tips.insert(entry.header().chain(), tip);
        if let Some(written) = written {
            self.weights.set(written);
        }
        let mut placed = self.pass(entry.id(), time);
        placed.covers = covers;
        placed.roster = self.roster.apply_entry(placed.moment(), entry);
        placed.freed = self.note_checkpoint(entry, covers);
        placed
    }

    /// The log's hash before its first entry.
    pub fn beginning(&self) -> LogHash {
        hash::log_seed(self.workspace, self.logs.first())
    }

    /// The place below which the log's hashes are compared with nothing any more: nobody need have them.
    fn floor(&self) -> Position {
        self.checkpoints.stood().map_or(self.begun, |stood| stood.at.max(self.begun))
    }

    /// Notes what an entry says of a checkpoint, and takes off the sums what one frees that comes to stand by it.
    fn note_checkpoint(&mut self, entry: &Entry, covers: Position) -> Vec<Freed> {
        let header = entry.header();
        // Where its author knew a log that was continued from before the place, it speaks of what is not there any more.
        let said = Some(entry).filter(|_| header.covers == covers).and_then(Checkpoint::of);
        let freed = said
            .and_then(|said| {
                self.checkpoints.note((header.device, covers), said, self.position, &self.roster)
            })
            .unwrap_or_default();
        for Freed { doc, user, sum } in &freed {
            self.weights.free(*doc, *user, *sum);
        }
        freed
    }

    /// Moves past an entry that stands in the log but may not count: the hash runs on, nothing else changes.
    pub fn pass(&mut self, entry: EntryId, time: LogTime) -> Placed {
        self.position = self.position.next();
        self.time = time;
        self.hash = hash::log_hash(self.hash, entry, time);
        let (covers, freed) = (Position::START, Vec::new());
        Placed { position: self.position, time, hash: self.hash, covers, roster: None, freed }
    }

    fn record(&self, entry: &Entry) -> Result<Option<Record>, Refusal> {
        if entry.header().workspace != self.workspace {
            return Err(Refusal::WrongWorkspace);
        }
        if entry.header().entry_type != EntryType::Roster {
            return Ok(None);
        }
        let body = entry.body().ok_or(Refusal::NoRecord)?;
        let record = Record::parse(body).map_err(Refusal::BadRecord)?;
        let begins = matches!(record, Record::Genesis { .. });
        let at_start = self.position == Position::START;
        if begins && (!at_start || hash::workspace_id(body) != self.workspace) {
            return Err(Refusal::NotGenesis);
        }
        Ok(Some(record))
    }

    /// Whether nothing more of a chain is ever accepted: its device was removed, and what the removal's cut allows of it is here.
    pub fn has_ended(&self, chain: &ChainKey) -> bool {
        let is_removed = self.roster.device(&chain.device).is_some_and(|device| !device.is_active());
        let is_here = |seq| self.tips.get(chain).is_some_and(|tip| tip.seq >= seq);
        is_removed && self.cut(chain).is_none_or(|(seq, _)| is_here(seq))
    }

    fn cut(&self, chain: &ChainKey) -> Option<(u64, EntryId)> {
        match &self.roster.device(&chain.device)?.standing {
            Standing::Removed { cut, .. } => cut.get(chain).copied(),
            Standing::Active => None,
        }
    }

    fn check_author(&self, header: &Header, record: Option<&Record>) -> Result<(), Refusal> {
        match record {
            Some(Record::Genesis { device, .. }) if *device == header.device => return Ok(()),
            Some(Record::Genesis { .. }) => return Err(Refusal::NotGenesis),
            Some(Record::Join(join)) => {
                return self.roster.check_join(header, join).map_err(Refusal::JoinVoid);
            }
            _ => {}
        }
        if self.roster.is_active(&header.device) {
            return Ok(());
        }
        let tip_seq = self.tips.get(&header.chain()).map_or(0, |tip| tip.seq);
        match self.run_remaining(header) {
            Some(_) if header.seq > tip_seq => Err(Refusal::RunIncomplete),
            _ => Err(Refusal::NotActive),
        }
    }

    /// The rules that bind an entry to roster, epoch and log, whoever may write it, behind what is before it.
    fn check_bound<'e>(
        &self,
        entry: &'e Entry,
        time: LogTime,
        record: Option<&Record>,
        Before { tip, weights, record_bytes }: Before<'_>,
        hash_at: impl Fn(Position) -> Option<LogHash>,
    ) -> Result<Accepted<'e>, Refusal> {
        let header = entry.header();
        let seen = self.find_seen(header, tip)?;
        let roster_index = match record {
            Some(Record::Genesis { .. }) if header.roster.is_zero() => 0,
            Some(Record::Genesis { .. }) => return Err(Refusal::NotGenesis),
            _ => self.check_roster(header, seen.as_ref(), tip)?,
        };
        match &seen {
            None if is_newcomer(record) => {}
            Some(seen) if !is_newcomer(record) => {
                self.check_seen(header, seen, roster_index, tip, hash_at)?;
            }
            _ => return Err(Refusal::BadSeen),
        }
        if tip.is_none() && !lives::may_begin(&self.tips, &header.chain(), time) {
            return Err(Refusal::LivesSpent);
        }
        let written = self.weigh(header, weights)?;
        if !record.is_none_or(|it| self.roster.has_room_for_record(header, it, time, record_bytes)) {
            return Err(Refusal::RecordsSpent);
        }
        let knew = seen.as_ref().map_or(Knew::everything(), logs::Signed::knew);
        let tip = ChainTip {
            seq: header.seq,
            id: entry.id(),
            seen: header.seen,
            held: knew.place_of(header.held),
            roster: roster_index as u64,
            since: tip.map_or(time, |tip| tip.since),
            log: seen.as_ref().map_or(0, |seen| seen.log),
        };
        Ok(Accepted { entry, time, tip, covers: knew.place_of(header.covers), written })
    }

    /// What the author's user has written of the document, if a payload ends with this entry.
    pub fn weighed(&self, header: &Header) -> Option<Written> {
        let (doc, user) = (header.doc, self.user_of(&header.device).filter(|_| !header.weight.is_none())?);
        Some(Written { doc, user, sum: self.weights.of(doc, user) })
    }

    /// Whether so much more of a document by this device's user would be accepted.
    pub fn has_room_for(&self, device: &DeviceId, doc: WireDoc, weight: Weight) -> bool {
        self.user_of(device).is_some_and(|user| self.with(&self.weights, doc, user, weight).is_some())
    }

    /// What the author's user will have written of the document, if a payload ends with this entry.
    fn weigh(&self, header: &Header, weights: &Weights) -> Result<Option<Written>, Refusal> {
        if header.weight.is_none() {
            return Ok(None);
        }
        let user = self.user_of(&header.device).ok_or(Refusal::NotActive)?;
        self.with(weights, header.doc, user, header.weight).map(Some).ok_or(Refusal::DocumentFull)
    }

    fn with(&self, weights: &Weights, doc: WireDoc, user: UserId, weight: Weight) -> Option<Written> {
        let is_owner = self.roster.user(&user).is_some_and(|user| user.role == Role::Owner);
        weights.with(doc, user, is_owner, weight)
    }

    fn user_of(&self, device: &DeviceId) -> Option<UserId> {
        Some(self.roster.device(device)?.user)
    }

    /// Number of the entry's roster among the applied records, if the entry may name it.
    fn check_roster(
        &self,
        header: &Header,
        seen: Option<&logs::Signed>,
        tip: Option<&ChainTip>,
    ) -> Result<usize, Refusal> {
        let (index, point) = self.roster.point(&header.roster).ok_or(Refusal::RosterUnknown)?;
        let seen_by = seen.map_or(0, |seen| self.roster.applied_by(seen.place));
        if index + 1 < seen_by || tip.is_some_and(|tip| (index as u64) < tip.roster) {
            return Err(Refusal::RosterStale);
        }
        if header.lane == Lane::Content {
            if point.rekey_due {
                return Err(Refusal::RekeyDue);
            }
            if point.epoch != header.epoch || header.epoch == EpochId::ZERO {
                return Err(Refusal::WrongEpoch);
            }
        }
        Ok(index)
    }
}

/// What stands before an entry that is checked: on the log, or earlier in its run.
struct Before<'l> {
    tip: Option<&'l ChainTip>,
    weights: &'l Weights,
    /// Bytes of the records in its run, which the roster does not count yet.
    record_bytes: u64,
}

/// Whether this is one of the two records by which a device enters.
fn is_newcomer(record: Option<&Record>) -> bool {
    matches!(record, Some(Record::Genesis { .. } | Record::Join(_)))
}
