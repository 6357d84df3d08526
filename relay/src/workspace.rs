//! One workspace in memory: its log with everything staged, and the head it has signed for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use bowline_wire::draft::DRAFT;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Reason, Transcript, Welcome};
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::EntryType;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{
    ChainKey, DeviceId, EntryId, LogHash, LogTime, Millis, Position, StateDigest, UserId, WireDoc,
    WorkspaceId,
};
use bowline_wire::log::{Accepted, Log, Placed, Refusal};
use bowline_wire::roster::Roster;
use bowline_wire::successor::{SaidSuccessor, Succession};
use bowline_wire::weight::{Weights, Written};

use crate::keys::LogKey;
use crate::session::{ConnId, Upload};
use crate::storage::{LettingGo, LogCommit, NewLog, Row, Storage, StorageError, StoredLog, Usage, roster};

/// Why an entry is not appended or a party is not let in, as the peer is told.
#[derive(Clone, Debug)]
pub(crate) struct Denial {
    pub(crate) reason: Reason,
    pub(crate) text: String,
    pub(crate) proof: Option<Box<SignedEntry>>,
    /// A head that the log's own key has signed, of which the log lacks entries.
    pub(crate) lost: Option<Box<SeenHead>>,
}

impl Denial {
    pub(crate) fn new(reason: Reason, text: &str) -> Self {
        Self { reason, text: text.to_owned(), proof: None, lost: None }
    }
}

impl From<StorageError> for Denial {
    fn from(error: StorageError) -> Self {
        report(&error);
        match error {
            // Later is as bad as now: a part of the log is lost, if not by its length.
            StorageError::Corrupt(_) => Self::new(
                Reason::LogLost,
                "a part of the workspace's log is damaged on this relay; its operator has to put a backup back and run \
                 `bowline-relay restore`",
            ),
            StorageError::Unavailable(_) | StorageError::Misuse(_) => {
                Self::new(Reason::Storage, "the relay cannot use its storage now; try again later")
            }
        }
    }
}

/// Logs that the storage failed: as a warning what the environment does, as an error damage and our own bugs.
pub(crate) fn report(error: &StorageError) {
    match error {
        StorageError::Unavailable(_) => tracing::warn!(%error, "storage failed"),
        StorageError::Corrupt(_) | StorageError::Misuse(_) => tracing::error!(%error, "storage failed"),
    }
}

/// An accepted entry that is not durable yet.
#[derive(Debug)]
pub(crate) struct Staged {
    row: Row,
    /// The sessions to be told when the entry is durable.
    waiters: BTreeSet<ConnId>,
}

/// A refusal that holds only if everything staged becomes durable.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The session whose entry it is.
    pub(crate) conn: ConnId,
    pub(crate) entry: EntryId,
    pub(crate) denial: Denial,
}

/// Who waits for the end of a commit.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// The sessions that wait for each entry of the commit, in log order.
    pub(crate) accepted: Vec<(EntryId, Position, BTreeSet<ConnId>)>,
    /// What is refused because of entries of the commit.
    pub(crate) refused: Vec<Refused>,
}

/// One workspace in memory.
#[derive(Debug)]
pub(crate) struct Workspace {
    key: LogKey,
    /// The log, with everything staged.
    log: Log,
    /// The head that is signed for, before everything staged; `None` before the first commit.
    durable: Option<SeenHead>,
    /// The log's time at `durable`.
    durable_time: LogTime,
    /// The roster at `durable` while a staged record may have changed it.
    durable_roster: Option<Roster>,
    staged: Vec<Staged>,
    staged_index: HashMap<EntryId, usize>,
    /// Sums that became less by a checkpoint that came to stand by what is staged.
    freed: BTreeSet<(WireDoc, UserId)>,
    /// What is refused for good once everything staged is durable.
    refused: Vec<Refused>,
    /// What the workspace's entries take, with everything staged.
    pub(crate) usage: Usage,
    /// The workspace's sessions, those included that wait for its first commit.
    pub(crate) sessions: BTreeSet<ConnId>,
    /// What each device last said that it holds.
    pub(crate) holdings: BTreeMap<DeviceId, SaidHolding>,
    /// Whether bodies of its entries may be lost here, which devices may hold.
    pub(crate) lacks_bodies: bool,
    /// By which the log came to be signed by its key; none unless it was continued after a restore.
    pub(crate) successors: Vec<SaidSuccessor>,
    /// The place from which the last of them goes on.
    pub(crate) continued_from: Option<Position>,
    /// Whose word on what it holds is not stored.
    pub(crate) unsaved: BTreeSet<DeviceId>,
    /// By which state entries are let go, if by any.
    pub(crate) letting_go: Option<LettingGo>,
    /// The state of the checkpoint that stands, on its way here.
    pub(crate) upload: Option<Upload>,
    /// The state of a checkpoint that stands and says of the log what it is not here.
    pub(crate) foreign_state: Option<StateDigest>,
}

impl Workspace {
    /// A workspace that `genesis` begins, not durable yet; begins again, if it had a log that is lost.
    pub(crate) fn create(
        workspace: WorkspaceId,
        (key, lost): (LogKey, Vec<SaidSuccessor>),
        genesis: Entry,
        clock: Millis,
    ) -> Result<Self, Refusal> {
        let succession = Succession::stored(workspace, &lost).map_err(|_| Refusal::NotGenesis)?;
        let log = Log::begun(workspace, key.id(), &succession);
        let mut created = Self::around(key, log, None, Usage::default());
        created.successors = succession.said();
        created.continued_from = (!lost.is_empty()).then_some(Position::START);
        let accepted = created.log.check(&genesis, created.log.time_at(clock), |_| None)?;
        let placed = created.append(accepted);
        created.stage(genesis, placed, None);
        Ok(created)
    }

    /// The workspace as it is stored; `None` if it is not.
    pub(crate) fn load(storage: &impl Storage, workspace: WorkspaceId) -> Result<Option<Self>, StorageError> {
        storage.log(workspace)?.map(|stored| Self::of(stored, storage, workspace)).transpose()
    }

    /// The workspace whose log is stored so.
    pub(crate) fn of(
        stored: StoredLog,
        storage: &impl Storage,
        workspace: WorkspaceId,
    ) -> Result<Self, StorageError> {
        let roster = roster::fold(storage, workspace)?;
        let key = LogKey::from(&stored.secret);
        let head = Head { workspace, log: key.id(), position: stored.position, hash: stored.hash };
        let weights = Weights::restore(storage.weights(workspace)?);
        let succession = Succession::stored(workspace, &stored.successors)
            .map_err(|why| StorageError::Corrupt(why.to_string()))?;
        let tips = storage.tips(workspace)?;
        let log = Log::restore(head, stored.time, roster, tips, weights, stored.checkpoints);
        let log = log.with_succession(&succession);
        if log.head().log != key.id() {
            return Err(StorageError::Corrupt("the signing key does not fit the log".to_owned()));
        }
        let durable = sign(&key, head)?;
        let mut loaded = Self::around(key, log, Some(durable), stored.usage);
        loaded.successors = stored.successors;
        loaded.letting_go = stored.letting_go;
        loaded.continued_from = succession.successors().last().map(|last| last.position);
        let holdings = storage.holdings(workspace)?.into_iter().map(|said| (said.device, said));
        loaded.holdings.extend(holdings);
        loaded.lacks_bodies = !storage.lost_bodies(workspace, Position::START, 1)?.is_empty();
        Ok(loaded)
    }

    fn around(key: LogKey, log: Log, durable: Option<SeenHead>, usage: Usage) -> Self {
        Self {
            key,
            durable_time: log.time(),
            log,
            durable,
            durable_roster: None,
            staged: Vec::new(),
            staged_index: HashMap::new(),
            freed: BTreeSet::new(),
            refused: Vec::new(),
            usage,
            sessions: BTreeSet::new(),
            holdings: BTreeMap::new(),
            unsaved: BTreeSet::new(),
            lacks_bodies: false,
            successors: Vec::new(),
            continued_from: None,
            letting_go: None,
            upload: None,
            foreign_state: None,
        }
    }

    /// The log with everything staged.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// The head that is signed for; `None` if nothing is durable yet.
    pub(crate) fn durable(&self) -> Option<SeenHead> {
        self.durable
    }

    /// The signed welcome to whoever has said so much; `None` if nothing is durable yet.
    pub(crate) fn welcome(&self, said: Transcript, capabilities: Vec<String>) -> Option<Welcome> {
        Some(self.key.welcome(said, self.durable?, self.durable_time, capabilities, self.successors.clone()))
    }

    /// The roster at the durable head.
    pub(crate) fn roster(&self) -> &Roster {
        self.durable_roster.as_ref().unwrap_or(self.log.roster())
    }

    /// The position of a staged entry; `None` if it is not staged.
    pub(crate) fn staged_position(&self, id: &EntryId) -> Option<Position> {
        Some(self.staged.get(*self.staged_index.get(id)?)?.row.position)
    }

    /// Has `waiter` told as well when a staged entry is durable.
    pub(crate) fn wait_for(&mut self, id: &EntryId, waiter: ConnId) {
        if let Some(staged) = self.staged_index.get(id).and_then(|index| self.staged.get_mut(*index)) {
            staged.waiters.insert(waiter);
        }
    }

    /// Asks the log about one entry or, if it goes up to a removed author's cut, a run, at this time of the relay's clock.
    pub(crate) fn check<'e>(
        &self,
        storage: &impl Storage,
        entries: &'e [Entry],
        clock: Millis,
    ) -> Result<Vec<Accepted<'e>>, Denial> {
        let failed = RefCell::new(None);
        let hash_at = |position| {
            self.hash_at(storage, position).unwrap_or_else(|error| {
                failed.replace(Some(error));
                None
            })
        };
        let time = self.log.time_at(clock);
        let checked = match entries {
            [entry] if self.log.run_remaining(entry.header()).is_none() => {
                self.log.check(entry, time, hash_at).map(|accepted| vec![accepted])
            }
            run => {
                let run: Vec<(LogTime, &Entry)> = run.iter().map(|entry| (time, entry)).collect();
                self.log.check_run(&run, hash_at)
            }
        };
        if let Some(error) = failed.into_inner() {
            return Err(error.into());
        }
        checked.map_err(|refusal| self.deny(storage, entries, &refusal))
    }

    /// Puts what [`Workspace::check`] accepted on the log in memory; its entry is staged next.
    pub(crate) fn append(&mut self, accepted: Accepted<'_>) -> Placed {
        let may_change_roster = accepted.entry().header().entry_type == EntryType::Roster;
        if may_change_roster && self.durable_roster.is_none() {
            self.durable_roster = Some(self.log.roster().clone());
        }
        self.log.append(accepted)
    }

    /// Keeps an appended entry for the next commit.
    pub(crate) fn stage(&mut self, entry: Entry, placed: Placed, waiter: Option<ConnId>) {
        self.usage.add(&entry);
        self.freed.extend(placed.freed.iter().map(|freed| (freed.doc, freed.user)));
        self.staged_index.insert(entry.id(), self.staged.len());
        let row = Row { position: placed.position, time: placed.time, hash: placed.hash, entry };
        self.staged.push(Staged { row, waiters: waiter.into_iter().collect() });
    }

    /// Whether something is on the log in memory that is not durable yet.
    pub(crate) fn is_ahead(&self) -> bool {
        !self.staged.is_empty()
    }

    /// Keeps a refusal until everything staged is durable: what the author is told for good must not rest on something
    /// that may still be lost.
    pub(crate) fn refuse_later(&mut self, refused: Refused) {
        self.refused.push(refused);
    }

    /// Takes everything staged, as a commit, and who waits for which of it.
    pub(crate) fn take_staged(&mut self) -> (LogCommit, Waiting) {
        self.staged_index.clear();
        let unsaved = std::mem::take(&mut self.unsaved);
        let mut commit = LogCommit {
            workspace: self.log.head().workspace,
            create: self.durable.is_none().then(|| NewLog {
                secret: self.key.secret(),
                draft: DRAFT,
                begins_again: self.successors.clone(),
            }),
            rows: Vec::with_capacity(self.staged.len()),
            tips: Vec::new(),
            weights: Vec::new(),
            checkpoints: None,
            holdings: unsaved.iter().filter_map(|device| self.holdings.get(device)).copied().collect(),
            parties: self
                .durable_roster
                .iter()
                .flat_map(|it| roster::changed(it, self.log.roster()))
                .collect(),
        };
        let mut waiting = Waiting { accepted: Vec::new(), refused: std::mem::take(&mut self.refused) };
        for Staged { row, waiters } in self.staged.drain(..) {
            waiting.accepted.push((row.entry.id(), row.position, waiters));
            commit.rows.push(row);
        }
        let moved: BTreeSet<ChainKey> = commit.rows.iter().map(|row| row.entry.header().chain()).collect();
        let tips = moved.into_iter().filter_map(|chain| Some((chain, *self.log.tip(&chain)?)));
        commit.tips.extend(tips);
        let weighed = commit.rows.iter().filter_map(|row| self.log.weighed(row.entry.header()));
        let last: BTreeMap<_, Written> = weighed.map(|it| ((it.doc, it.user), it)).collect();
        commit.weights.extend(last.into_values());
        let freed = std::mem::take(&mut self.freed).into_iter();
        let sum = |doc, user| Written { doc, user, sum: self.log.weights().of(doc, user) };
        commit.weights.extend(freed.map(|(doc, user)| sum(doc, user)));
        let is_word = |row: &Row| row.entry.header().entry_type == EntryType::Checkpoint;
        commit.checkpoints = commit.rows.iter().any(is_word).then(|| self.log.checkpoints().clone());
        (commit, waiting)
    }

    /// Signs for what [`Workspace::take_staged`] took, which is durable now. Returns `true` if the roster may have changed.
    pub(crate) fn committed(&mut self) -> Result<bool, StorageError> {
        self.durable = Some(self.sign_at(self.log.head().position, self.log.head().hash)?);
        self.durable_time = self.log.time();
        Ok(self.durable_roster.take().is_some())
    }

    /// The signed head at a position, whose hash the caller knows.
    pub(crate) fn sign_at(&self, position: Position, hash: LogHash) -> Result<SeenHead, StorageError> {
        if let Some(durable) = self.durable.filter(|durable| durable.position == position) {
            return Ok(durable);
        }
        sign(&self.key, Head { position, hash, ..self.log.head() })
    }

    /// How many entries are durable.
    pub(crate) fn durable_position(&self) -> Position {
        self.durable.map_or(Position::START, |durable| durable.position)
    }

    /// The hash of the log at a position, with everything staged; `None` beyond.
    pub(crate) fn hash_at(
        &self,
        storage: &impl Storage,
        position: Position,
    ) -> Result<Option<LogHash>, StorageError> {
        if let Some(hash) =
            self.letting_go.as_ref().filter(|by| by.floor() == position).and_then(|by| by.hash)
        {
            return Ok(Some(hash));
        }
        match position.0.checked_sub(self.durable_position().0 + 1) {
            Some(index) => {
                let staged = usize::try_from(index).ok().and_then(|index| self.staged.get(index));
                Ok(staged.map(|staged| staged.row.hash))
            }
            None => storage.hash_at(self.log.head().workspace, position),
        }
    }

    /// What an author is told when the log refuses its entries: with the entry that has its number, if there is one.
    fn deny(&self, storage: &impl Storage, entries: &[Entry], refusal: &Refusal) -> Denial {
        let mut denial = Denial::new(Reason::from(refusal), &refusal.to_string());
        match refusal {
            // Only this relay can have signed that head, so what it signed for is gone from its storage, whatever stands there now.
            Refusal::Forked(seen) => {
                tracing::error!(
                    position = seen.position.0,
                    "an entry has seen a head that this log has lost"
                );
                denial.lost = (seen.log == self.key.id()).then(|| seen.clone());
            }
            Refusal::SeqTaken { seq } => {
                if let Some(chain) = entries.first().map(|entry| entry.header().chain()) {
                    match self.header_at(storage, &chain, *seq) {
                        Ok(proof) => denial.proof = proof.map(Box::new),
                        Err(error) => return error.into(),
                    }
                }
            }
            _ => {}
        }
        denial
    }

    fn header_at(
        &self,
        storage: &impl Storage,
        chain: &ChainKey,
        seq: u64,
    ) -> Result<Option<SignedEntry>, StorageError> {
        let staged = self.staged.iter().rev().map(|staged| &staged.row.entry);
        let mut staged = staged.filter(|entry| entry.header().chain() == *chain && entry.header().seq == seq);
        match staged.next() {
            Some(entry) => Ok(Some(SignedEntry::from_parts(entry.signed_header().to_signed(), None))),
            None => storage.header_at(self.log.head().workspace, chain, seq),
        }
    }
}

/// Signs a head. A key that does not fit its log is not the one that was stored, so the storage is damaged.
fn sign(key: &LogKey, head: Head) -> Result<SeenHead, StorageError> {
    key.sign(head).map_err(|_| StorageError::Corrupt("the signing key does not fit the log".to_owned()))
}
