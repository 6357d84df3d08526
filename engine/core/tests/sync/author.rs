//! Someone else on the log, honest or not: writes entries by hand.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{ActorId, Document, Kind, Marks, MessageId, Pen, Role, Summary};
use bowline_core::payload::Payload;
use bowline_crypto::{DeviceKeys, Keyring, NewEpoch, TicketSecret, open_wrap};
use bowline_wire::entry::Entry;
use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{
    ChainKey, DeviceId, DocId, EntryId, EpochId, HpkePublicKey, Incarnation, Lane, Millis, Position,
    RosterHash, Salt, Suite, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::limits::PART_LEN;
use bowline_wire::roster::record::{Cut, Join, Record, Rekey, Ticket, Wrap};
use bowline_wire::weight::Weight;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::relay::FakeRelay;

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Bytes of a payload up to which an author here declares a small weight.
const SMALL: usize = 4096;

/// What an author here declares for larger ones: enough for whatever one entry may hold.
pub(crate) const LARGE_WEIGHT: Weight = Weight::of(1 << 24);

/// A device whose every entry a test decides on.
pub(crate) struct Author {
    pub(crate) keys: DeviceKeys,
    pub(crate) incarnation: Incarnation,
    pub(crate) keyring: Keyring,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) workspace: WorkspaceId,
    pub(crate) tips: BTreeMap<ChainKey, (u64, EntryId)>,
}

impl Author {
    /// The Owner's first device, with the relay on which its workspace begins.
    pub(crate) fn owner(seed: u8) -> (Self, FakeRelay) {
        Self::owner_of(Suite::XWing, seed)
    }

    /// The Owner's first device, of a workspace that takes keys of this suite and better ones.
    pub(crate) fn owner_of(suite: Suite, seed: u8) -> (Self, FakeRelay) {
        let mut rng = rng(seed.into());
        let keys = DeviceKeys::generate(&mut rng);
        let incarnation = Incarnation::from_bytes([seed; 8]);
        let mut cx =
            bowline_core::sync::Context { keys: &keys, now: Millis(1), random: &mut rng, hash_at: &|_| None };
        let (genesis, keyring) = bowline_core::sync::genesis(suite, incarnation, &mut cx).unwrap();
        let workspace = keyring.workspace();
        let mut relay = FakeRelay::new(seed, workspace);
        relay.put(genesis.to_signed());
        let mut author = Self { keys, incarnation, keyring, rng, workspace, tips: BTreeMap::new() };
        author.note(&genesis);
        (author, relay)
    }

    /// This author with the same keys and numbers, for another branch of the log.
    pub(crate) fn on_another_branch(&self) -> Self {
        Self {
            keys: DeviceKeys::from_bytes(&self.keys.to_bytes()),
            incarnation: self.incarnation,
            keyring: self.keyring.clone(),
            rng: self.rng.clone(),
            workspace: self.workspace,
            tips: self.tips.clone(),
        }
    }

    /// Comes in through an invite or link that is on the log.
    pub(crate) fn join(seed: u8, secret: &TicketSecret, relay: &mut FakeRelay) -> Self {
        let workspace = relay.log().head().workspace;
        let keyring = keyring_for(secret, relay);
        let mut rng = rng(seed.into());
        let keys = DeviceKeys::generate(&mut rng);
        let mut author = Self {
            keys,
            incarnation: Incarnation::from_bytes([seed; 8]),
            keyring,
            rng,
            workspace,
            tips: BTreeMap::new(),
        };
        let hpke = author.keys.hpke_public(relay.log().roster().suite());
        let admits = relay.log().roster().ticket(&secret.ticket_key()).unwrap().admits;
        let join = Record::Join(Join {
            ticket: secret.ticket_key(),
            proof: secret.prove_join(workspace, author.id(), &hpke, admits),
            hpke,
            recovery: false,
        });
        let entry = author.record_with(relay, &join, |header| {
            header.seen = None;
            header.held = Position::START;
        });
        relay.put(entry.to_signed());
        author
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.keys.id()
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::of_first_device(self.id())
    }

    fn note(&mut self, entry: &Entry) {
        let header = entry.header();
        self.tips.insert(header.chain(), (header.seq, entry.id()));
    }

    /// A header that nobody could object to, without a body.
    fn header(&self, relay: &FakeRelay, lane: Lane, entry_type: EntryType) -> Header {
        let chain = ChainKey { device: self.id(), incarnation: self.incarnation, lane };
        let (seq, prev) = self.tips.get(&chain).copied().unwrap_or((0, EntryId::ZERO));
        Header {
            workspace: self.workspace,
            device: self.id(),
            incarnation: self.incarnation,
            lane,
            seq: seq + 1,
            prev,
            seen: Some(relay.head().into()),
            held: Position(relay.len()),
            roster: relay.log().roster().hash(),
            epoch: EpochId::ZERO,
            entry_type,
            doc: WireDoc::ZERO,
            covers: Position::START,
            digests: None,
            weight: if lane == Lane::Content { Weight::of(1 << 16) } else { Weight::NONE },
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: hash::body_hash(&[]),
        }
    }

    pub(crate) fn record_with(
        &mut self,
        relay: &FakeRelay,
        record: &Record,
        tweak: impl FnOnce(&mut Header),
    ) -> Entry {
        self.plain(relay, EntryType::Roster, record.to_body(), tweak)
    }

    /// A control entry with any body.
    pub(crate) fn plain(
        &mut self,
        relay: &FakeRelay,
        entry_type: EntryType,
        body: Vec<u8>,
        tweak: impl FnOnce(&mut Header),
    ) -> Entry {
        let mut header = self.header(relay, Lane::Control, entry_type);
        header.body_len = u32::try_from(body.len()).unwrap();
        header.body_hash = hash::body_hash(&body);
        if entry_type == EntryType::Erase {
            header.doc = WireDoc::from_bytes([0xe5; 16]); // none is of no document
        }
        tweak(&mut header);
        let entry = self.keys.sign_header(header, body).unwrap();
        self.note(&entry);
        entry
    }

    /// Writes a roster record and puts it on the log.
    pub(crate) fn put_record(&mut self, relay: &mut FakeRelay, record: &Record) -> u64 {
        let entry = self.record_with(relay, record, |_| {});
        relay.put(entry.to_signed())
    }

    /// Lets somebody in: a link if it is for this author's own user, else an invite.
    pub(crate) fn put_ticket(&mut self, relay: &mut FakeRelay, link: bool) -> TicketSecret {
        let secret = TicketSecret::generate(&mut self.rng);
        let hpke = secret.hpke_public(relay.log().roster().suite());
        let wrap = self.keyring.wrap_newest(&hpke).unwrap();
        let ticket = Ticket { key: secret.ticket_key(), hpke, expires: u64::MAX >> 1, recovery: false, wrap };
        let record = if link { Record::Link(ticket) } else { Record::Invite(ticket) };
        self.put_record(relay, &record);
        secret
    }

    /// A rekey for everyone who is to read on.
    pub(crate) fn rekey(&mut self, recipients: &[HpkePublicKey]) -> Rekey {
        let epochs: Vec<_> = self.keyring.epochs().collect();
        let new = NewEpoch { recipients, epochs: &epochs, roster: RosterHash::ZERO, author: self.id() };
        self.keyring.rekey(&new, &mut self.rng).unwrap()
    }

    /// Takes the key of a rekey that is on the log by now.
    pub(crate) fn accept(&mut self, relay: &FakeRelay, rekey: &Rekey) {
        let roster = relay.log().roster();
        let to = relay.verified().find_map(|entry| {
            let record = Record::parse(entry.body()?).ok()?;
            let is_it = rekey_in(&record) == Some(rekey);
            roster.recipients_of(&entry.header().roster, &record).filter(|_| is_it)
        });
        let _ = self.keyring.accept(rekey, &to.unwrap(), self.keys.hpke(), roster.epochs()).unwrap();
    }

    /// Removes a member; what has come of theirs counts, and after it what `beyond` adds to the cut.
    pub(crate) fn put_removal(&mut self, relay: &mut FakeRelay, of: &Author, cut: Vec<Cut>) -> Rekey {
        let stays = |id: &DeviceId| *id != of.id();
        let roster = relay.log().roster();
        let recipients: Vec<HpkePublicKey> = roster
            .devices()
            .filter(|(id, device)| stays(id) && device.is_active())
            .map(|(_, device)| device.hpke.clone())
            .collect();
        let rekey = self.rekey(&recipients);
        let record = Record::RemoveMember { user: of.user(), cut, rekey: rekey.clone() };
        self.put_record(relay, &record);
        self.accept(relay, &rekey);
        rekey
    }

    /// A cut that lets this author's chain count up to `entry`.
    pub(crate) fn cut_at(entry: &Entry) -> Vec<Cut> {
        let header = entry.header();
        vec![Cut {
            device: header.device,
            incarnation: header.incarnation,
            lane: header.lane,
            seq: header.seq,
            id: entry.id(),
        }]
    }

    pub(crate) fn content(&mut self, relay: &FakeRelay, payload: &Payload) -> Entry {
        self.content_with(relay, &payload.encode(), payload.doc, |_| {})
    }

    /// Content with any bytes inside; `tweak` changes the header before it is sealed.
    pub(crate) fn content_with(
        &mut self,
        relay: &FakeRelay,
        payload: &[u8],
        doc: DocId,
        tweak: impl FnOnce(&mut Header),
    ) -> Entry {
        let mut header = self.header(relay, Lane::Content, EntryType::Changes);
        header.doc = self.keyring.wire_doc(doc).unwrap();
        header.epoch = self.keyring.newest_epoch();
        if payload.len() > SMALL {
            header.weight = LARGE_WEIGHT;
        }
        tweak(&mut header);
        let mut random = [0; 32];
        self.rng.fill_bytes(&mut random);
        let (header, body) = bowline_crypto::seal(&self.keyring.snapshot(), header, payload, random).unwrap();
        let entry = self.keys.sign_header(header, body).unwrap();
        self.note(&entry);
        entry
    }

    /// Content whose body has exactly so many bytes, which nobody can open.
    pub(crate) fn sized(&mut self, relay: &FakeRelay, body_len: usize) -> Entry {
        let mut header = self.header(relay, Lane::Content, EntryType::Changes);
        header.doc = WireDoc::from_bytes([0x51; 16]);
        header.epoch = self.keyring.newest_epoch();
        let body = noise(body_len);
        header.body_len = u32::try_from(body_len).unwrap();
        header.body_hash = hash::body_hash(&body);
        let entry = self.keys.sign_header(header, body).unwrap();
        self.note(&entry);
        entry
    }

    /// Content that takes exactly so many bytes on the line.
    pub(crate) fn sized_on_the_line(&mut self, relay: &FakeRelay, total: usize) -> Entry {
        // What is around a body is as long for each of two lengths that are close to one another.
        let about = total - 400;
        let around = self.on_another_branch().sized(relay, about).wire_len() - about;
        let entry = self.sized(relay, total - around);
        assert_eq!(entry.wire_len(), total);
        entry
    }

    /// Content in parts, one for each of these pieces; `tweak` changes each header before its piece is sealed.
    pub(crate) fn parts_with<'p>(
        &mut self,
        relay: &FakeRelay,
        pieces: impl ExactSizeIterator<Item = &'p [u8]>,
        doc: DocId,
        mut tweak: impl FnMut(&mut Header),
    ) -> Vec<Entry> {
        let count = u32::try_from(pieces.len()).unwrap();
        let part = |(index, piece)| {
            self.content_with(relay, piece, doc, |header| {
                header.part = Part { index, count };
                header.weight = if header.part.is_last() { LARGE_WEIGHT } else { Weight::NONE };
                tweak(header);
            })
        };
        (0..).zip(pieces).map(part).collect()
    }

    /// Content in parts, as an honest device makes them.
    pub(crate) fn parts(&mut self, relay: &FakeRelay, payload: &Payload) -> Vec<Entry> {
        self.parts_with(relay, payload.encode().chunks(PART_LEN), payload.doc, |_| {})
    }

    /// Writes a message into a document nobody has written in before, and puts it on the log.
    pub(crate) fn put_message(&mut self, relay: &mut FakeRelay, doc: DocId, text: &str) -> Entry {
        let entry = self.content(relay, &message(self.id(), doc, text));
        relay.put(entry.to_signed());
        entry
    }
}

/// The keyring that an invite or link on the log gives, rekeys since then included.
pub(crate) fn keyring_for(secret: &TicketSecret, relay: &FakeRelay) -> Keyring {
    let workspace = relay.log().head().workspace;
    let epochs = relay.log().roster().epochs();
    let (mut wrap, mut history, hpke) = (None, None, secret.hpke_public(relay.log().roster().suite()));
    for entry in relay.verified() {
        let Some(Ok(record)) = entry.body().map(Record::parse) else {
            continue;
        };
        if let Some(rekey) = rekey_in(&record) {
            let to = relay.log().roster().recipients_of(&entry.header().roster, &record).unwrap();
            let ours = to.iter().zip(&rekey.wraps).find(|(to, _)| **to == hpke);
            wrap = ours.map(|(_, wrap)| wrap.clone()).or(wrap);
            history = Some(rekey.history.clone());
        }
        match record {
            Record::Invite(ticket) | Record::Link(ticket) if ticket.key == secret.ticket_key() => {
                wrap = Some(ticket.wrap);
            }
            _ => {}
        }
    }
    let newest = epochs.last().unwrap().commitment;
    let key = open_wrap(&wrap.unwrap(), &hpke, workspace, newest, &secret.hpke()).unwrap();
    Keyring::from_newest(workspace, key, history.as_deref(), epochs).unwrap().0
}

/// The rekey in a record.
fn rekey_in(record: &Record) -> Option<&Rekey> {
    match record {
        Record::Rekey(rekey) | Record::RemoveDevice { rekey, .. } | Record::RemoveMember { rekey, .. } => {
            Some(rekey)
        }
        _ => None,
    }
}

/// What a rekey to these recipients has for one of them.
pub(crate) fn wrap_for<'r>(
    rekey: &'r mut Rekey,
    recipients: &[HpkePublicKey],
    to: &HpkePublicKey,
) -> &'r mut Wrap {
    let sorted: BTreeSet<_> = recipients.iter().collect();
    let at = sorted.into_iter().position(|it| it == to).unwrap();
    &mut rekey.wraps[at]
}

/// One message in a conversation that begins with it.
pub(crate) fn message(author: DeviceId, doc: DocId, text: &str) -> Payload {
    let mut document = Document::create(Kind::Conversation);
    let pen = Pen {
        // One process wrote each, so that no two write one number.
        actor: ActorId::for_device(author, hash::sha256(&[text.as_bytes()])[..8].try_into().unwrap()),
        now: Millis(1_000),
    };
    let id = MessageId::from_bytes(hash::sha256(&[text.as_bytes()])[..4].try_into().unwrap());
    let bytes = document
        .conversation_mut(pen)
        .unwrap()
        .append_message(id, Role::User, text, Millis(1_000))
        .unwrap()
        .unwrap();
    payload_of(&document, doc, bytes)
}

/// What an honest device would seal with these bytes.
pub(crate) fn payload_of(document: &Document, doc: DocId, bytes: Vec<u8>) -> Payload {
    Payload {
        doc,
        kind: document.kind().number(),
        time: Millis(1_000),
        heads: document.heads(),
        bytes,
        summary: document.summary(),
        deleted_at: None,
        marks: Some(Marks::of(document)),
    }
}

/// Bytes that do not compress.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    rng(9).fill_bytes(&mut bytes);
    bytes
}

/// A payload whose document nobody looks into.
pub(crate) fn opaque_payload(doc: u8) -> Payload {
    Payload {
        doc: DocId::from_bytes([doc; 16]),
        kind: Kind::Conversation.number(),
        time: Millis(1_000),
        heads: Vec::new(),
        bytes: vec![doc; 100],
        summary: Summary::default(),
        deleted_at: None,
        marks: None,
    }
}
