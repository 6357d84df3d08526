//! Authors with seeded keys, tickets, and a `Story`: a log with the key that signs its heads.
//!
//! Longer than 500 lines because every test of this crate speaks in these words.

use std::collections::BTreeSet;

use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::head::{Head, Seen, SeenHead};
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_BODY;
use bowline_wire::log::{Accepted, Log, Placed, Refusal};
use bowline_wire::roster::record::{Cut, Join, Lost, Move, Record, Rekey, Ticket, Wrap};
use bowline_wire::roster::{Admits, Outcome, Roster, TicketKind, Void};
use bowline_wire::signed::{Verified, signing_message};
use bowline_wire::successor::{SaidSuccessor, Succession, Successor};
use bowline_wire::weight::Weight;
use ed25519_dalek::{Signer, SigningKey};

/// 32 bytes that look random and depend on `name` only.
pub(crate) fn seed(name: &str) -> [u8; 32] {
    hash::sha256(&[b"bowline tests: ", name.as_bytes()])
}

pub(crate) fn bytes<const N: usize>(name: &str) -> [u8; N] {
    seed(name)[..N].try_into().unwrap()
}

/// Somewhere in a log, long ago.
pub(crate) fn at(position: u64) -> Moment {
    Moment { position: Position(position), time: LogTime::START }
}

/// Signs with a plain key, for [`Verified::sign`].
pub(crate) fn signer(key: &SigningKey) -> impl Fn(&[u8]) -> Signature + '_ {
    |message| Signature::from_bytes(key.sign(message).to_bytes())
}

/// A device that can sign.
#[derive(Clone)]
pub(crate) struct Author {
    pub(crate) key: SigningKey,
    pub(crate) hpke: HpkePublicKey,
    pub(crate) incarnation: Incarnation,
}

impl Author {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            key: SigningKey::from_bytes(&seed(name)),
            hpke: HpkePublicKey::x25519(seed(&format!("{name} hpke"))),
            incarnation: Incarnation::from_bytes(bytes(&format!("{name} life"))),
        }
    }

    /// A device whose key is of X-Wing; nothing can be wrapped to it, which nobody here finds out.
    pub(crate) fn xwing(name: &str) -> Self {
        Self { hpke: xwing_key(&format!("{name} hpke")), ..Self::new(name) }
    }

    /// This device after its database was restored.
    pub(crate) fn reborn(&self, life: &str) -> Self {
        let incarnation = Incarnation::from_bytes(bytes(life));
        Self { incarnation, ..self.clone() }
    }

    pub(crate) fn id(&self) -> DeviceId {
        DeviceId::from_bytes(self.key.verifying_key().to_bytes())
    }

    /// The user that begins with this device.
    pub(crate) fn user(&self) -> UserId {
        UserId::of_first_device(self.id())
    }

    pub(crate) fn chain(&self, lane: Lane) -> ChainKey {
        ChainKey { device: self.id(), incarnation: self.incarnation, lane }
    }

    /// Fits the header to `body` and signs it.
    pub(crate) fn sign(&self, mut header: Header, body: &[u8]) -> Entry {
        header.body_len = u32::try_from(body.len()).unwrap();
        header.body_hash = hash::body_hash(body);
        let header = Verified::sign(header, signer(&self.key)).unwrap();
        Entry::new(header, Some(body.to_vec())).unwrap()
    }

    pub(crate) fn genesis(&self, name: &str) -> Record {
        Record::Genesis {
            nonce: bytes(name),
            device: self.id(),
            suite: self.hpke.suite(),
            hpke: self.hpke.clone(),
            commitment: Commitment::from_bytes(seed(&format!("{name} epoch"))),
        }
    }
}

/// The secret in an invite or link code.
pub(crate) struct Secret {
    pub(crate) key: SigningKey,
    pub(crate) hpke: HpkePublicKey,
}

impl Secret {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            key: SigningKey::from_bytes(&seed(&format!("{name} ticket"))),
            hpke: HpkePublicKey::x25519(seed(&format!("{name} ticket hpke"))),
        }
    }

    /// A ticket whose key is of X-Wing.
    pub(crate) fn xwing(name: &str) -> Self {
        Self { hpke: xwing_key(&format!("{name} ticket hpke")), ..Self::new(name) }
    }

    pub(crate) fn id(&self) -> TicketKey {
        TicketKey::from_bytes(self.key.verifying_key().to_bytes())
    }

    pub(crate) fn ticket(&self) -> Ticket {
        let (key, expires) = (self.id(), 1_700_000_000_000);
        Ticket { key, hpke: self.hpke.clone(), expires, recovery: false, wrap: wrap() }
    }

    /// A ticket for a phrase.
    pub(crate) fn for_phrase(&self) -> Ticket {
        Ticket { recovery: true, ..self.ticket() }
    }

    /// A Join that is signed for what it says itself.
    pub(crate) fn join(&self, workspace: WorkspaceId, device: &Author, admits: Admits) -> Join {
        let message = Join::proof_message(workspace, device.id(), &device.hpke, admits);
        let (ticket, hpke, recovery) = (self.id(), device.hpke.clone(), admits.recovery);
        let proof = signer(&self.key)(&signing_message(Join::PROOF_DOMAIN, &message));
        Join { ticket, hpke, recovery, proof }
    }
}

fn xwing_key(name: &str) -> HpkePublicKey {
    HpkePublicKey::from_slice(&seed(name).repeat(38)).unwrap()
}

pub(crate) fn wrap() -> Wrap {
    Wrap { encapsulated: vec![7; 32], ciphertext: vec![9; 48] }
}

pub(crate) fn rekey(name: &str, recipients: impl IntoIterator<Item = HpkePublicKey>) -> Rekey {
    let recipients: BTreeSet<_> = recipients.into_iter().collect();
    Rekey {
        commitment: Commitment::from_bytes(seed(name)),
        history: vec![3; 48],
        wraps: recipients.into_iter().map(|_| wrap()).collect(),
    }
}

/// A move to the relay of this name.
pub(crate) fn move_to(generation: u64, name: &str) -> Move {
    let seed = |what: &str| seed(&format!("{name}'s {what}"));
    let key = |what: &str| SigningKey::from_bytes(&seed(what)).verifying_key().to_bytes();
    let (relay, log) = (RelayId::from_bytes(key("identity")), LogId::from_bytes(key("log")));
    Move { generation, address: format!("wss://{name}.example:8787"), relay, log }
}

/// A record that gives these up, in whichever order they are named.
pub(crate) fn lost(epochs: &[EpochId], entries: &[EntryId]) -> Record {
    let (mut epochs, mut entries) = (epochs.to_vec(), entries.to_vec());
    epochs.sort();
    entries.sort();
    Record::Lost(Lost { epochs, entries })
}

pub(crate) fn cut_at(entry: &Entry) -> Cut {
    let header = entry.header();
    Cut {
        device: header.device,
        incarnation: header.incarnation,
        lane: header.lane,
        seq: header.seq,
        id: entry.id(),
    }
}

/// What everything weighs here.
pub(crate) const WEIGHT: Weight = Weight::MIN;

/// A header of `author`'s first control entry in `workspace`, before it has seen anything.
pub(crate) fn blank_header(author: &Author, workspace: WorkspaceId, entry_type: EntryType) -> Header {
    Header {
        workspace,
        device: author.id(),
        incarnation: author.incarnation,
        lane: entry_type.lane().unwrap_or(Lane::Control),
        seq: 1,
        prev: EntryId::ZERO,
        seen: None,
        held: Position::START,
        roster: RosterHash::ZERO,
        epoch: EpochId::ZERO,
        entry_type,
        doc: WireDoc::ZERO,
        covers: Position::START,
        digests: None,
        weight: if entry_type.lane() == Some(Lane::Content) { WEIGHT } else { Weight::NONE },
        part: Part::WHOLE,
        salt: Salt::ZERO,
        body_len: 0,
        body_hash: hash::body_hash(b""),
    }
}

/// A log and the key that signs it, as a relay has them.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) relay: SigningKey,
    pub(crate) log: Log,
    pub(crate) hashes: Vec<LogHash>,
    pub(crate) entries: Vec<Entry>,
    /// The log's time at each entry.
    pub(crate) times: Vec<LogTime>,
    /// The relay's clock.
    pub(crate) clock: Millis,
}

impl Story {
    /// An empty log for the workspace that `author` would make.
    pub(crate) fn empty(author: &Author) -> Self {
        let relay = SigningKey::from_bytes(&seed("relay"));
        let workspace = hash::workspace_id(&author.genesis("workspace").to_body());
        let log = Log::new(workspace, LogId::from_bytes(relay.verifying_key().to_bytes()));
        let clock = Millis(1_700_000_000_000);
        Self { relay, hashes: vec![log.head().hash], log, entries: Vec::new(), times: Vec::new(), clock }
    }

    /// A log whose first entry is the Genesis by `author`.
    pub(crate) fn begun_by(author: &Author) -> Self {
        let mut story = Self::empty(author);
        let genesis = story.genesis_by(author);
        story.put(&genesis);
        story
    }

    pub(crate) fn genesis_by(&self, author: &Author) -> Entry {
        let header = blank_header(author, self.workspace(), EntryType::Roster);
        author.sign(header, &author.genesis("workspace").to_body())
    }

    pub(crate) fn workspace(&self) -> WorkspaceId {
        self.log.head().workspace
    }

    pub(crate) fn roster(&self) -> &Roster {
        self.log.roster()
    }

    pub(crate) fn position(&self) -> Position {
        self.log.head().position
    }

    /// The head at `position`, signed.
    pub(crate) fn head_at(&self, position: Position) -> SeenHead {
        let hash = self.hash_at(position).unwrap();
        self.sign_head(Head { position, hash, ..self.log.head() })
    }

    /// The head at `position` as a header has it.
    pub(crate) fn seen_at(&self, position: Position) -> Seen {
        self.head_at(position).into()
    }

    /// That this log goes on from `position` under another key, as its relay says.
    pub(crate) fn said_successor(
        &self,
        position: Position,
        new: &SigningKey,
        relay: &SigningKey,
    ) -> SaidSuccessor {
        let successor = Successor {
            workspace: self.workspace(),
            old: self.log.head().log,
            position,
            hash: self.hash_at(position).unwrap(),
            new: LogId::from_bytes(new.verifying_key().to_bytes()),
        };
        let identity = relay.verifying_key().to_bytes();
        SaidSuccessor::sign(successor, signer(&self.relay), &identity, signer(relay)).unwrap()
    }

    /// The same workspace after its relay was put back to `position`: its log goes on under the key `name`, and whoever takes it in
    /// from its beginning knows all of `succession`.
    pub(crate) fn continued_by(&self, position: Position, name: &str, succession: &Succession) -> Self {
        let relay = SigningKey::from_bytes(&seed(name));
        let log = Log::begun(self.workspace(), self.log.head().log, succession);
        let mut story = Self {
            relay,
            hashes: vec![log.head().hash],
            log,
            entries: Vec::new(),
            times: Vec::new(),
            clock: self.clock,
        };
        for entry in self.entries.iter().take(usize::try_from(position.0).unwrap()) {
            story.put(entry);
        }
        story
    }

    pub(crate) fn sign_head(&self, head: Head) -> SeenHead {
        SeenHead::from(&Verified::sign(head, signer(&self.relay)).unwrap())
    }

    pub(crate) fn hash_at(&self, position: Position) -> Option<LogHash> {
        self.hashes.get(usize::try_from(position.0).unwrap()).copied()
    }

    /// What `author` would write next, having seen everything.
    pub(crate) fn draft(&self, author: &Author, entry_type: EntryType) -> Header {
        let mut header = blank_header(author, self.workspace(), entry_type);
        if let Some(tip) = self.log.tip(&header.chain()) {
            header.seq = tip.seq + 1;
            header.prev = tip.id;
        }
        header.seen = Some(self.seen_at(self.position()));
        header.held = self.position();
        header.roster = self.roster().hash();
        if header.lane == Lane::Content {
            header.epoch = self.roster().epoch().unwrap();
            header.salt = Salt::from_bytes(bytes("salt"));
        }
        let names_a_document = [
            EntryType::Changes,
            EntryType::Snapshot,
            EntryType::Adopted,
            EntryType::Receipt,
            EntryType::Secret,
            EntryType::Erase,
        ];
        if names_a_document.contains(&entry_type) {
            header.doc = WireDoc::from_bytes(bytes("doc"));
        }
        header
    }

    /// What `author` would write after `entry`, which may not be on the log yet.
    pub(crate) fn draft_after(&self, author: &Author, entry: &Entry, entry_type: EntryType) -> Header {
        Header { seq: entry.header().seq + 1, prev: entry.id(), ..self.draft(author, entry_type) }
    }

    /// A content entry by `author` that may stand next.
    pub(crate) fn content_by(&self, author: &Author) -> Entry {
        author.sign(self.draft(author, EntryType::Changes), b"sealed")
    }

    /// A roster entry by `author`, who has seen everything.
    pub(crate) fn record_by(&self, author: &Author, record: &Record) -> Entry {
        author.sign(self.draft(author, EntryType::Roster), &record.to_body())
    }

    /// A roster entry by `author` of this many bytes; see [`bulk`].
    pub(crate) fn bulk_by(&self, author: &Author, len: usize) -> Entry {
        author.sign(self.draft(author, EntryType::Roster), &bulk(len))
    }

    /// Has a Member write so many bytes of records that change nothing.
    pub(crate) fn spend(&mut self, by: &Author, bytes: u64) {
        let mut rest = usize::try_from(bytes).unwrap();
        while rest > 0 {
            // What would be left is a record as well.
            let len = if rest <= MAX_BODY { rest } else { MAX_BODY.min(rest - 3) };
            assert_eq!(self.put(&self.bulk_by(by, len)).roster, Some(void(Void::NotOwner)));
            rest -= len;
        }
    }

    /// A roster entry by `author` that builds on an earlier roster.
    pub(crate) fn record_on(&self, author: &Author, roster: RosterHash, record: &Record) -> Entry {
        let (_, point) = self.roster().point(&roster).unwrap();
        let entered = self.roster().device(&author.id()).unwrap().joined_at;
        let held = point.at.position.max(self.roster().points()[entered].at.position);
        let seen = Some(self.seen_at(held));
        let header = Header { roster, seen, held, ..self.draft(author, EntryType::Roster) };
        author.sign(header, &record.to_body())
    }

    /// A content entry by `author`, who has seen everything up to the record that came after an earlier roster.
    pub(crate) fn content_on(&self, author: &Author, roster: RosterHash) -> Entry {
        let (number, point) = self.roster().point(&roster).unwrap();
        let next = self.roster().points().get(number + 1);
        let held = next.map_or(self.position(), |next| Position(next.at.position.0 - 1));
        let (epoch, seen) = (point.epoch, Some(self.seen_at(held)));
        let header = Header { roster, epoch, seen, held, ..self.draft(author, EntryType::Changes) };
        author.sign(header, b"sealed")
    }

    /// A Join entry.
    pub(crate) fn join_by(&self, author: &Author, join: &Join) -> Entry {
        let mut header = blank_header(author, self.workspace(), EntryType::Roster);
        header.roster = self.roster().hash();
        author.sign(header, &Record::Join(join.clone()).to_body())
    }

    pub(crate) fn check<'e>(&self, entry: &'e Entry) -> Result<Accepted<'e>, Refusal> {
        self.log.check(entry, self.time(), |position| self.hash_at(position))
    }

    /// The log's time for the next entry.
    pub(crate) fn time(&self) -> LogTime {
        self.log.time_at(self.clock)
    }

    /// Why `entry` may not stand next.
    pub(crate) fn refusal(&self, entry: &Entry) -> Refusal {
        self.check(entry).unwrap_err()
    }

    pub(crate) fn check_run<'e>(&self, entries: &'e [Entry]) -> Result<Vec<Accepted<'e>>, Refusal> {
        self.log.check_run(&self.timed(entries), |position| self.hash_at(position))
    }

    fn timed<'e>(&self, entries: &'e [Entry]) -> Vec<(LogTime, &'e Entry)> {
        entries.iter().map(|entry| (self.time(), entry)).collect()
    }

    /// Appends an entry that has to be acceptable.
    pub(crate) fn put(&mut self, entry: &Entry) -> Placed {
        let hash_at = |position: Position| self.hashes.get(usize::try_from(position.0).unwrap()).copied();
        let accepted = self.log.check(entry, self.log.time_at(self.clock), hash_at).unwrap();
        let placed = self.log.append(accepted);
        self.hashes.push(placed.hash);
        self.entries.push(entry.clone());
        self.times.push(placed.time);
        self.knows_later_what_it_knew(entry, &placed);
        placed
    }

    /// Whoever asks the log once it has gone on hears the same of an entry as when that was appended.
    fn knows_later_what_it_knew(&self, entry: &Entry, placed: &Placed) {
        let knew = self.log.knew(entry.header(), placed.position).unwrap();
        assert_eq!(knew.place_of(entry.header().covers), placed.covers);
    }

    /// Appends a run up to a cut that has to be acceptable.
    pub(crate) fn put_run(&mut self, run: &[Entry]) -> Vec<Placed> {
        let hashes = self.hashes.clone();
        let hash_at = |position: Position| hashes.get(usize::try_from(position.0).unwrap()).copied();
        let accepted = self.log.check_run(&self.timed(run), hash_at).unwrap();
        accepted
            .into_iter()
            .map(|accepted| {
                self.entries.push(accepted.entry().clone());
                let placed = self.log.append(accepted);
                self.hashes.push(placed.hash);
                self.times.push(placed.time);
                placed
            })
            .collect()
    }

    /// Appends `record` by `author`, who has seen everything, and says what it did.
    pub(crate) fn record(&mut self, author: &Author, record: &Record) -> Outcome {
        let entry = self.record_by(author, record);
        self.put(&entry).roster.unwrap()
    }

    /// Appends `record` by `author`, built on the earlier roster `roster`, and says what it did.
    pub(crate) fn late_record(&mut self, author: &Author, roster: RosterHash, record: &Record) -> Outcome {
        let entry = self.record_on(author, roster, record);
        self.put(&entry).roster.unwrap()
    }

    /// `owner` invites, `newcomer` joins.
    pub(crate) fn invited(&mut self, owner: &Author, newcomer: &Author) {
        let secret = Secret::new(&format!("invite {}", newcomer.id()));
        assert_eq!(self.record(owner, &Record::Invite(secret.ticket())), APPLIED);
        self.joined(newcomer, &secret, false);
    }

    /// `by` links, `newcomer` joins.
    pub(crate) fn linked(&mut self, by: &Author, newcomer: &Author, recovery: bool) {
        let secret = Secret::new(&format!("link {}", newcomer.id()));
        assert_eq!(self.record(by, &Record::Link(Ticket { recovery, ..secret.ticket() })), APPLIED);
        self.joined(newcomer, &secret, recovery);
    }

    /// A Join by a ticket, of the kind that its record has, or of an invite's.
    pub(crate) fn entrance(&self, secret: &Secret, newcomer: &Author, recovery: bool) -> Join {
        let kind = self.roster().ticket(&secret.id()).map_or(TicketKind::Invite, |made| made.admits.kind);
        secret.join(self.workspace(), newcomer, Admits { kind, recovery })
    }

    /// `newcomer` joins by an open ticket.
    pub(crate) fn joined(&mut self, newcomer: &Author, secret: &Secret, recovery: bool) {
        let join = self.entrance(secret, newcomer, recovery);
        let entry = self.join_by(newcomer, &join);
        assert_eq!(self.put(&entry).roster, Some(APPLIED));
    }

    /// A removal of `device` by `by`, with a rekey to exactly those who would stay if it came next.
    pub(crate) fn removal_of(&self, by: &Author, device: &Author, cut: Vec<Cut>) -> Record {
        self.with_due_rekey(by, |rekey| Record::RemoveDevice { device: device.id(), cut: cut.clone(), rekey })
    }

    /// A removal of a member by `by`, with a rekey to exactly those who would stay if it came next.
    pub(crate) fn expulsion_of(&self, by: &Author, user: UserId, cut: Vec<Cut>) -> Record {
        self.with_due_rekey(by, |rekey| Record::RemoveMember { user, cut: cut.clone(), rekey })
    }

    fn with_due_rekey(&self, by: &Author, removal: impl Fn(Rekey) -> Record) -> Record {
        let name = format!("epoch {}", self.roster().epochs().len());
        let header = self.draft(by, EntryType::Roster);
        let without = removal(rekey(&name, []));
        let stay = self.roster().recipients_after(&header, &without);
        removal(rekey(&name, stay.unwrap_or_default()))
    }

    /// Keys handed on under the epoch in force, as far as the fold looks at them.
    pub(crate) fn fill(&self) -> Record {
        Record::Fill { epoch: self.roster().epoch().unwrap(), sealed: seed("keys handed on").to_vec() }
    }

    /// The key of the epoch in force for every device, as far as the fold looks at it.
    pub(crate) fn rewrap(&self) -> Record {
        let wraps = self.roster().device_keys().iter().map(|_| wrap()).collect();
        Record::Rewrap { epoch: self.roster().epoch().unwrap(), wraps }
    }

    /// A complaint of the newest epoch.
    pub(crate) fn complaint(&self) -> Record {
        Record::Complaint { epoch: self.roster().epoch().unwrap() }
    }

    /// A rekey to everybody who is in now.
    pub(crate) fn due_rekey(&self, name: &str) -> Record {
        Record::Rekey(rekey(name, self.roster().recipients()))
    }
}

pub(crate) const APPLIED: Outcome = Outcome::Applied { rekey_void: None };

/// The outcome of a record that took effect, but without a new epoch.
pub(crate) fn applied_without_epoch(why: Void) -> Outcome {
    Outcome::Applied { rekey_void: Some(why) }
}

/// A record with a number that has no name, of this many bytes: what follows the number is not looked at.
pub(crate) fn bulk(len: usize) -> Vec<u8> {
    let mut body = vec![0x82, 0x18, 99];
    body.resize(len, 0);
    body
}

pub(crate) fn void(why: Void) -> Outcome {
    Outcome::Void(why)
}

/// Everything that can be asked of a roster.
pub(crate) fn facts(roster: &Roster) -> impl PartialEq + std::fmt::Debug {
    (
        roster.points().to_vec(),
        roster.users().map(|(id, user)| (*id, user.clone())).collect::<Vec<_>>(),
        roster.devices().map(|(id, device)| (*id, device.clone())).collect::<Vec<_>>(),
        roster.tickets().map(|(id, ticket)| (*id, ticket.clone())).collect::<Vec<_>>(),
        roster.epochs().to_vec(),
        (roster.is_rekey_due(), roster.has_complaint(), roster.unknown_record()),
        roster.given_up().clone(),
        (roster.ownerships().to_vec(), roster.offer(), roster.moves().to_vec()),
    )
}
