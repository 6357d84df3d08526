//! A relay whose log is whatever a test puts into it, and which signs whatever a test asks for. The honest relay is
//! another crate; this one exists to lie.

use std::collections::{BTreeMap, BTreeSet};

use bowline_wire::bodies::Supplied;
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::{Entry, LoggedEntry, SignedEntry};
use bowline_wire::frame::{Frame, HOLDINGS, Party, Reason};
use bowline_wire::hash;
use bowline_wire::head::{Head, SeenHead};
use bowline_wire::header::EntryType;
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{
    DeviceId, EntryId, LogHash, LogId, LogTime, Millis, Position, Signature, WorkspaceId,
};
use bowline_wire::limits::MAX_FRAME;
use bowline_wire::log::{Log, Refusal};
use bowline_wire::roster::TicketStage;
use bowline_wire::signed::Verified;
use bowline_wire::successor::{SaidSuccessor, Succession, Successor};
use ed25519_dalek::{Signer, SigningKey};

use crate::letting_go::LettingGo;
use crate::opening::{self, Opening};

/// One workspace's log, and the line to one device.
#[derive(Clone)]
pub(crate) struct FakeRelay {
    opening: Opening,
    key: SigningKey,
    log: Log,
    entries: Vec<LoggedEntry>,
    /// Its clock, by which entries get their times.
    pub(crate) clock: Millis,
    hashes: Vec<LogHash>,
    party: Option<Party>,
    /// Up to where the line's device was told the log.
    pub(crate) told: Option<usize>,
    passes_holdings_on: bool,
    pub(crate) said: BTreeMap<DeviceId, SaidHolding>,
    /// Positions of entries whose bodies it gives to nobody.
    pub(crate) withholds: BTreeSet<u64>,
    /// Whether it lets devices in that are in no record.
    pub(crate) admits_strangers: bool,
    /// By which its log came to be signed by its key.
    pub(crate) successors: Vec<SaidSuccessor>,
    /// What it refuses of all that is offered, and why.
    pub(crate) refuses: BTreeMap<EntryId, Reason>,
    /// By which state it has let entries go.
    pub(crate) let_go: Option<LettingGo>,
}

impl FakeRelay {
    pub(crate) fn new(seed: u8, workspace: WorkspaceId) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let id = opening::note_log(&key);
        Self {
            opening: Opening::default(),
            key,
            log: Log::new(workspace, id),
            entries: Vec::new(),
            clock: Millis(1_000),
            hashes: vec![hash::log_seed(workspace, id)],
            party: None,
            told: None,
            passes_holdings_on: false,
            said: BTreeMap::new(),
            withholds: BTreeSet::new(),
            admits_strangers: false,
            successors: Vec::new(),
            refuses: BTreeMap::new(),
            let_go: None,
        }
    }

    /// From the next line on it says that it passes on what devices hold.
    pub(crate) fn passes_holdings_on(&mut self) {
        self.passes_holdings_on = true;
    }

    /// The log as an honest device would see it.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    pub(crate) fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn hash_at(&self, position: u64) -> LogHash {
        self.hashes[usize::try_from(position).unwrap()]
    }

    pub(crate) fn entry(&self, position: u64) -> Entry {
        self.signed(position).verify(self.workspace()).unwrap()
    }

    pub(crate) fn signed(&self, position: u64) -> SignedEntry {
        self.logged(position).entry
    }

    pub(crate) fn logged(&self, position: u64) -> LoggedEntry {
        self.entries[usize::try_from(position).unwrap() - 1].clone()
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.log.head().workspace
    }

    fn time(&self) -> LogTime {
        self.log.time_at(self.clock)
    }

    /// An entry as it is given away.
    pub(crate) fn given(&self, position: u64) -> LoggedEntry {
        let LoggedEntry { time, entry } = self.logged(position);
        let entry = if self.withholds.contains(&position) { bare(entry, self.workspace()) } else { entry };
        LoggedEntry { time, entry }
    }

    /// The bodies at these positions, but for those that it gives to nobody.
    pub(crate) fn supply(&self, positions: &[Position]) -> Frame {
        let given = positions.iter().filter(|at| !self.withholds.contains(&at.0) && at.0 <= self.len());
        let body = |at: &Position| self.entry(at.0).body().map(<[u8]>::to_vec);
        let bodies = given.filter_map(|at| Some(Supplied { position: *at, body: body(at)? }));
        Frame::Supply { bodies: bodies.collect() }
    }

    pub(crate) fn holds(&self, id: EntryId) -> bool {
        self.find(id).is_some()
    }

    /// Where an entry stands, counted from 0.
    fn find(&self, id: EntryId) -> Option<usize> {
        self.entries.iter().position(|logged| logged.entry.id(self.workspace()) == id)
    }

    /// All entries of the log that verify, in order.
    pub(crate) fn verified(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().filter_map(|logged| logged.entry.clone().verify(self.workspace()).ok())
    }

    /// Signs any claim about the log.
    pub(crate) fn sign(&self, position: u64, hash: LogHash) -> SeenHead {
        let head = Head {
            workspace: self.log.head().workspace,
            log: self.log.head().log,
            position: Position(position),
            hash,
        };
        let signed = Verified::sign(head, |message| Signature::from_bytes(self.key.sign(message).to_bytes()));
        (&signed.unwrap()).into()
    }

    pub(crate) fn head_at(&self, position: u64) -> SeenHead {
        self.sign(position, self.hash_at(position))
    }

    pub(crate) fn head(&self) -> SeenHead {
        self.head_at(self.len())
    }

    /// The same relay with a log that ends earlier: what it becomes by rolling back.
    pub(crate) fn rolled_back(&self, position: u64) -> Self {
        let mut back = Self::new(0, self.log.head().workspace);
        back.key = self.key.clone();
        let id = self.log.head().log;
        back.log = Log::new(self.log.head().workspace, id);
        back.hashes = vec![hash::log_seed(self.log.head().workspace, id)];
        for at in 1..=position {
            back.clock = self.logged(at).time.millis();
            back.put(self.signed(at));
        }
        back.clock = self.clock;
        back
    }

    /// Says that the log goes on from a position under the key of `seed`.
    pub(crate) fn successor(&self, position: u64, seed: u8) -> SaidSuccessor {
        let sign = |key: &SigningKey, message: &[u8]| Signature::from_bytes(key.sign(message).to_bytes());
        let (identity, new) = (opening::identity(), SigningKey::from_bytes(&[seed; 32]));
        opening::note_log(&new);
        let successor = Successor {
            workspace: self.workspace(),
            old: self.log.head().log,
            position: Position(position),
            hash: self.hash_at(position),
            new: LogId::from_bytes(new.verifying_key().to_bytes()),
        };
        let by_log = |message: &[u8]| sign(&self.key, message);
        let relay = identity.verifying_key().to_bytes();
        SaidSuccessor::sign(successor, by_log, &relay, |message| sign(&identity, message)).unwrap()
    }

    /// The same relay once it has lost the workspace altogether: whoever makes it there again begins the log under the key of `seed`.
    pub(crate) fn begun_again(&self, seed: u8) -> Self {
        let (identity, new) = (opening::identity(), SigningKey::from_bytes(&[seed; 32]));
        opening::note_log(&new);
        let known = Succession::stored(self.workspace(), &self.successors).unwrap();
        let old = known.first().unwrap_or(self.log.head().log);
        let logs = (self.workspace(), old, LogId::from_bytes(new.verifying_key().to_bytes()));
        let relay = identity.verifying_key().to_bytes();
        let sign = |message: &[u8]| Signature::from_bytes(identity.sign(message).to_bytes());
        let successors = vec![SaidSuccessor::sign_beginning(logs, &relay, sign).unwrap()];
        let mut back = Self::new(seed, self.workspace());
        back.log =
            Log::begun(self.workspace(), old, &Succession::stored(self.workspace(), &successors).unwrap());
        back.hashes = vec![back.log.head().hash];
        back.successors = successors;
        back.clock = self.clock.plus(60_000); // so that no hash is what it was
        back
    }

    /// The same relay, restored from what it had at a position: its log goes on from there under the key of `seed`.
    pub(crate) fn restored(&self, position: u64, seed: u8) -> Self {
        self.continued(position, position, seed)
    }

    /// The same relay, restored with what it has `kept`, and its log goes on from a place that may lie before the end of that: it may have
    /// signed for other entries behind the place before.
    pub(crate) fn continued(&self, place: u64, kept: u64, seed: u8) -> Self {
        let mut successors = self.successors.clone();
        successors.push(self.successor(place, seed));
        let succession = Succession::stored(self.workspace(), &successors).unwrap();
        let mut back = Self::new(seed, self.workspace());
        back.log = Log::begun(self.workspace(), self.log.head().log, &succession);
        back.hashes = vec![back.log.head().hash];
        back.successors = successors;
        for at in 1..=kept {
            back.clock = self.logged(at).time.millis();
            back.put(self.signed(at));
        }
        back.clock = self.clock;
        back
    }

    /// Puts an entry on the log, whether it may be there or not.
    pub(crate) fn put(&mut self, signed: SignedEntry) -> u64 {
        let (id, time) = (signed.id(self.workspace()), self.time());
        match signed.clone().verify(self.workspace()) {
            Ok(entry) if self.check(&entry).is_ok() => {
                let hashes = &self.hashes;
                let hash_at = |at: Position| hashes.get(usize::try_from(at.0).ok()?).copied();
                let accepted = self.log.check(&entry, time, hash_at).unwrap();
                self.log.append(accepted);
            }
            _ => {
                self.log.pass(id, time);
            }
        }
        self.entries.push(LoggedEntry { time, entry: signed });
        self.hashes.push(self.log.head().hash);
        self.len()
    }

    /// Puts what a removed author's cut still allows on the log, as one run.
    pub(crate) fn put_run(&mut self, run: Vec<Entry>) {
        let hashes = self.hashes.clone();
        let hash_at = |at: Position| hashes.get(usize::try_from(at.0).ok()?).copied();
        let time = self.time();
        let run: Vec<(LogTime, &Entry)> = run.iter().map(|entry| (time, entry)).collect();
        for accepted in self.log.check_run(&run, hash_at).unwrap() {
            self.entries.push(LoggedEntry { time, entry: accepted.entry().to_signed() });
            self.log.append(accepted);
            self.hashes.push(self.log.head().hash);
        }
    }

    pub(crate) fn check(&self, entry: &Entry) -> Result<(), Refusal> {
        let hash_at = |at: Position| self.hashes.get(usize::try_from(at.0).ok()?).copied();
        self.log.check(entry, self.time(), hash_at).map(drop)
    }

    pub(crate) fn challenge() -> Frame {
        opening::challenge()
    }

    pub(crate) fn welcome_at(head: SeenHead) -> Frame {
        opening::welcome(head, &[WRITES_DRAFT])
    }

    pub(crate) fn welcome(&self) -> Frame {
        let all = [WRITES_DRAFT, HOLDINGS];
        let mut frame = opening::welcome(self.head(), if self.passes_holdings_on { &all } else { &all[..1] });
        if let Frame::Welcome(welcome) = &mut frame {
            welcome.successors.clone_from(&self.successors);
            welcome.time = self.log.time();
        }
        frame
    }

    /// An honest frame with the entries from one position to another.
    pub(crate) fn frame(&self, first: u64, last: u64) -> Frame {
        Frame::Entries {
            first: Position(first),
            entries: (first..=last).map(|at| self.given(at)).collect(),
            head: self.head_at(last),
        }
    }

    /// All roster records, as a ticket holder gets them.
    pub(crate) fn roster_records(&self) -> Vec<(Position, LoggedEntry)> {
        (1..=self.len())
            .filter(|at| {
                let entry = self.signed(*at).verify(self.workspace());
                entry.is_ok_and(|entry| entry.header().entry_type == EntryType::Roster)
            })
            .map(|at| (Position(at), self.logged(at)))
            .collect()
    }

    pub(crate) fn records(&self) -> Frame {
        Frame::Records { entries: self.roster_records(), more: false }
    }

    pub(crate) fn refused(entry: EntryId, reason: Reason, proof: Option<SignedEntry>) -> Frame {
        Frame::Refused { entry, reason, proof: proof.map(Box::new), text: String::new() }
    }

    pub(crate) fn goodbye(reason: Reason) -> Frame {
        Frame::Goodbye { reason, text: String::new() }
    }

    /// Answers a device honestly.
    pub(crate) fn answer(&mut self, frame: Frame) -> Vec<Frame> {
        self.opening.hears(&frame);
        let answers = self.answers(frame);
        answers.into_iter().map(|answer| self.opening.signs(answer)).collect()
    }

    fn answers(&mut self, frame: Frame) -> Vec<Frame> {
        match frame {
            Frame::Hello(_) => {
                self.told = None;
                vec![Self::challenge()]
            }
            Frame::Proof(proof) => {
                self.party = Some(proof.party);
                if let Some(create) = proof.create.filter(|_| self.entries.is_empty()) {
                    self.put(create.genesis);
                }
                self.admit()
            }
            Frame::Subscribe { .. } if matches!(self.party, Some(Party::Ticket(_))) => vec![self.records()],
            Frame::Subscribe { after } if self.let_go.as_ref().is_some_and(|by| after < by.state.at) => {
                self.told = None;
                self.let_go.iter().map(LettingGo::frame).collect()
            }
            Frame::StateWanted { digest, offset } => {
                let piece = self.let_go.as_ref().and_then(|by| by.piece(digest, offset));
                piece.into_iter().collect()
            }
            Frame::SubscribeFrom { digest, after } => self.keep_from(digest, after),
            Frame::Subscribe { after } => {
                self.told = Some(usize::try_from(after.0).unwrap());
                self.tell()
            }
            Frame::Append { entries } => {
                let mut answers = self.append(entries);
                answers.extend(self.tell());
                answers
            }
            Frame::Fetch { positions } => vec![self.supply(&positions)],
            Frame::Ping => vec![Frame::Head(self.head())],
            Frame::Holdings { devices } => {
                self.said.extend(devices.into_iter().map(|said| (said.device, said)));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn is_begun_again(&self) -> bool {
        let succession = Succession::stored(self.workspace(), &self.successors).unwrap();
        succession.begun_again().is_some()
    }

    fn admit(&self) -> Vec<Frame> {
        let roster = self.log.roster();
        let refused = match self.party {
            Some(Party::Device(device)) if roster.is_active(&device) => None,
            Some(Party::Device(device)) if roster.device(&device).is_some() && !self.admits_strangers => {
                Some(Reason::Removed)
            }
            // Whoever holds a log that was begun again brings it back.
            Some(Party::Device(_)) if self.is_begun_again() || self.admits_strangers => None,
            Some(Party::Ticket(ticket)) => match roster.ticket(&ticket).map(|ticket| ticket.stage) {
                Some(TicketStage::Open) => None,
                Some(TicketStage::Used(_)) => Some(Reason::TicketUsed),
                Some(TicketStage::Closed) => Some(Reason::TicketClosed),
                None => Some(Reason::NotAllowed),
            },
            _ => Some(Reason::NotAllowed),
        };
        let others = self.said.values().filter(|said| self.party != Some(Party::Device(said.device)));
        let devices: Vec<SaidHolding> = others.copied().collect();
        let holdings = (refused.is_none() && !devices.is_empty()).then_some(Frame::Holdings { devices });
        holdings.into_iter().chain([refused.map_or_else(|| self.welcome(), Self::goodbye)]).collect()
    }

    fn append(&mut self, entries: Vec<SignedEntry>) -> Vec<Frame> {
        let mut appended = Vec::new();
        let mut refused = Vec::new();
        for signed in entries {
            let id = signed.id(self.workspace());
            if let Some(at) = self.find(id) {
                appended.push((id, Position(at as u64 + 1)));
                continue;
            }
            if let Some(reason) = self.refuses.get(&id) {
                refused.push(Self::refused(id, *reason, None));
                continue;
            }
            match self.check(&signed.clone().verify(self.workspace()).unwrap()) {
                Ok(()) => appended.push((id, Position(self.put(signed)))),
                Err(why) => {
                    let proof = match &why {
                        Refusal::SeqTaken { seq } => self.taken_by(&signed, *seq),
                        _ => None,
                    };
                    refused.push(Self::refused(id, Reason::from(&why), proof));
                    break;
                }
            }
        }
        let head = self.head();
        let appended = (!appended.is_empty()).then_some(Frame::Appended { entries: appended, head });
        appended.into_iter().chain(refused).collect()
    }

    /// The entry of the same chain that has this number.
    fn taken_by(&self, signed: &SignedEntry, seq: u64) -> Option<SignedEntry> {
        let chain = signed.clone().verify(self.workspace()).ok()?.header().chain();
        let taken = |entry: &Entry| entry.header().chain() == chain && entry.header().seq == seq;
        let (at, taken) = (1..).map(Position).zip(self.verified()).find(|(_, entry)| taken(entry))?;
        let is_gone = |by: &LettingGo| at <= by.state.at && !by.state.is_live(at);
        let is_here = !self.let_go.as_ref().is_some_and(is_gone);
        is_here.then(|| SignedEntry::from_parts(taken.signed_header().to_signed(), None))
    }

    /// How far a frame that begins after `told` may go.
    fn end_of_frame(&self, told: usize) -> usize {
        let mut room = MAX_FRAME - 1024;
        let fits = |logged: &&LoggedEntry| {
            let left = room.checked_sub(logged.entry.wire_len());
            room = left.unwrap_or(0);
            left.is_some()
        };
        told + self.entries[told..].iter().take_while(fits).count()
    }

    /// What the subscribed device does not know yet.
    pub(crate) fn tell(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(told) = self.told.filter(|told| *told < self.entries.len()) {
            let last = self.end_of_frame(told);
            frames.push(self.frame(told as u64 + 1, last as u64));
            self.told = Some(last);
        }
        frames
    }
}

/// An entry without its body.
pub(crate) fn bare(entry: SignedEntry, workspace: WorkspaceId) -> SignedEntry {
    let entry = entry.verify(workspace).unwrap();
    SignedEntry::from_parts(entry.signed_header().to_signed(), None)
}
