//! A device as the relay sees one: it writes and signs entries and proves who it is. Its bodies are not sealed, which
//! the relay cannot tell.

use std::collections::BTreeMap;

use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Hello, Lookup, Party, Proof, Transcript, VERSIONS, Word};
use bowline_wire::hash::{body_hash, workspace_id};
use bowline_wire::head::{Seen, SeenHead};
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::{
    ChainKey, Commitment, DeviceId, EntryId, EpochId, HpkePublicKey, Incarnation, Lane, LogHash, Millis,
    Position, RosterHash, Salt, Signature, Suite, TicketKey, UserId, WireDoc, WorkspaceId,
};
use bowline_wire::roster::record::{Cut, Join, Record, Rekey, Ticket, Wrap};
use bowline_wire::roster::{Admits, TicketKind};
use bowline_wire::signed::{Verified, signing_message};
use bowline_wire::weight::Weight;
use ed25519_dalek::{Signer, SigningKey};

/// What an author knows of the log when it writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) workspace: WorkspaceId,
    pub(crate) seen: Option<SeenHead>,
    pub(crate) roster: RosterHash,
    pub(crate) epoch: EpochId,
}

/// A device that writes entries.
#[derive(Clone)]
pub(crate) struct Author {
    key: SigningKey,
    incarnation: Incarnation,
    tips: BTreeMap<Lane, (u64, EntryId)>,
}

pub(crate) fn sign(key: &SigningKey, domain: &[u8], bytes: &[u8]) -> Signature {
    Signature::from_bytes(key.sign(&signing_message(domain, bytes)).to_bytes())
}

impl Author {
    pub(crate) fn new(number: u8) -> Self {
        Self::with_secret(&[number; 32])
    }

    /// One of more devices than [`Author::new`] has numbers for, and none of those.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self::with_secret(&secret(seed, 1))
    }

    fn with_secret(secret: &[u8; 32]) -> Self {
        Self {
            key: SigningKey::from_bytes(secret),
            incarnation: Incarnation::from_bytes([1; 8]),
            tips: BTreeMap::new(),
        }
    }

    pub(crate) fn id(&self) -> DeviceId {
        DeviceId::from_bytes(self.key.verifying_key().to_bytes())
    }

    pub(crate) fn user(&self) -> UserId {
        UserId::of_first_device(self.id())
    }

    pub(crate) fn party(&self) -> Party {
        Party::Device(self.id())
    }

    /// The HPKE key is never used here, so it need not be one.
    pub(crate) fn hpke(&self) -> HpkePublicKey {
        let mut bytes = *self.id().as_bytes();
        bytes[0] ^= 0xff;
        HpkePublicKey::x25519(bytes)
    }

    pub(crate) fn prove(&self, said: Transcript, workspace: WorkspaceId) -> Proof {
        self.prove_with(said, Proof::unsigned(workspace, self.party()))
    }

    /// A proof with this head or this creation.
    pub(crate) fn prove_with(&self, said: Transcript, proof: Proof) -> Proof {
        prove(&self.key, said, proof)
    }

    /// This device's word that it holds the log up to a position.
    pub(crate) fn look_up(&self, lookup: Lookup, said: Transcript) -> Lookup {
        lookup.signed(said, |message| Signature::from_bytes(self.key.sign(message).to_bytes()))
    }

    pub(crate) fn holding(
        &self,
        workspace: WorkspaceId,
        position: Position,
        hash: LogHash,
        time: Millis,
    ) -> SaidHolding {
        let holding = Holding { workspace, device: self.id(), position, hash, time };
        let sign = |message: &[u8]| Signature::from_bytes(self.key.sign(message).to_bytes());
        SaidHolding::from(&Verified::sign(holding, sign).unwrap())
    }

    /// A header that would be accepted now.
    pub(crate) fn draft(&self, view: &View, entry_type: EntryType, lane: Lane) -> Header {
        let (seq, prev) = self.tips.get(&lane).copied().unwrap_or((0, EntryId::ZERO));
        let content = lane == Lane::Content;
        Header {
            workspace: view.workspace,
            device: self.id(),
            incarnation: self.incarnation,
            lane,
            seq: seq + 1,
            prev,
            seen: view.seen.map(Seen::from),
            held: Position::START,
            roster: view.roster,
            epoch: if content { view.epoch } else { EpochId::ZERO },
            entry_type,
            doc: if content { WireDoc::from_bytes([7; 16]) } else { WireDoc::ZERO },
            covers: Position::START,
            digests: None,
            weight: if content { Weight::of(1024) } else { Weight::NONE },
            part: Part::WHOLE,
            salt: if content { Salt::from_bytes([9; 16]) } else { Salt::ZERO },
            body_len: 0,
            body_hash: body_hash(b""),
        }
    }

    /// Signs a header as it is, with this body, and goes on from there.
    pub(crate) fn write(&mut self, header: Header, body: &[u8]) -> Entry {
        let lane = header.lane;
        let seq = header.seq;
        let header =
            Header { body_len: u32::try_from(body.len()).unwrap(), body_hash: body_hash(body), ..header };
        let signed =
            Verified::sign(header, |message| Signature::from_bytes(self.key.sign(message).to_bytes()));
        let entry = Entry::new(signed.unwrap(), Some(body.to_vec())).unwrap();
        self.tips.insert(lane, (seq, entry.id()));
        entry
    }

    pub(crate) fn content(&mut self, view: &View, body: &[u8]) -> Entry {
        let header = self.draft(view, EntryType::Changes, Lane::Content);
        self.write(header, body)
    }

    pub(crate) fn record(&mut self, view: &View, record: &Record) -> Entry {
        let header = self.draft(view, EntryType::Roster, Lane::Control);
        self.write(header, &record.to_body())
    }

    /// A workspace with this device in it.
    pub(crate) fn genesis(&mut self, nonce: u8) -> (WorkspaceId, Entry) {
        let record = Record::Genesis {
            nonce: [nonce; 16],
            device: self.id(),
            suite: Suite::X25519,
            hpke: self.hpke(),
            commitment: Commitment::from_bytes([nonce; 32]),
        };
        let workspace = workspace_id(&record.to_body());
        let view = View { workspace, seen: None, roster: RosterHash::ZERO, epoch: EpochId::ZERO };
        (workspace, self.record(&view, &record))
    }

    /// This device's entrance. `view.seen` does not matter.
    pub(crate) fn join(&mut self, view: &View, door: &Door) -> Entry {
        self.join_as(view, door, Admits { kind: TicketKind::Invite, recovery: false })
    }

    /// This device's entrance, as what a ticket lets somebody in.
    pub(crate) fn join_as(&mut self, view: &View, door: &Door, admits: Admits) -> Entry {
        let message = Join::proof_message(view.workspace, self.id(), &self.hpke(), admits);
        let join = Join {
            ticket: door.key(),
            hpke: self.hpke(),
            recovery: admits.recovery,
            proof: sign(&door.0, Join::PROOF_DOMAIN, &message),
        };
        self.record(&View { seen: None, ..*view }, &Record::Join(join))
    }

    /// The last entry of this author's chain, as a removal names it.
    pub(crate) fn cut(&self, lane: Lane) -> Cut {
        let (seq, id) = self.tips[&lane];
        Cut { device: self.id(), incarnation: self.incarnation, lane, seq, id }
    }

    /// Goes on from an earlier entry of a chain.
    pub(crate) fn rewind(&mut self, lane: Lane, seq: u64, id: EntryId) {
        self.tips.insert(lane, (seq, id));
    }

    pub(crate) fn chain(&self, lane: Lane) -> ChainKey {
        ChainKey { device: self.id(), incarnation: self.incarnation, lane }
    }
}

fn secret(seed: u64, kind: u8) -> [u8; 32] {
    let mut secret = [0; 32];
    secret[0] = kind;
    secret[24..].copy_from_slice(&seed.to_be_bytes());
    secret[1] = 0xff;
    secret
}

/// The secret behind an invite or link.
pub(crate) struct Door(SigningKey);

impl Door {
    pub(crate) fn new(number: u8) -> Self {
        Self(SigningKey::from_bytes(&[number ^ 0x80; 32]))
    }

    /// One of more secrets than [`Door::new`] has numbers for, and none of those.
    pub(crate) fn from_seed(seed: u64) -> Self {
        Self(SigningKey::from_bytes(&secret(seed, 2)))
    }

    pub(crate) fn key(&self) -> TicketKey {
        TicketKey::from_bytes(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn party(&self) -> Party {
        Party::Ticket(self.key())
    }

    pub(crate) fn prove(&self, said: Transcript, workspace: WorkspaceId) -> Proof {
        self.prove_with(said, Proof::unsigned(workspace, self.party()))
    }

    /// A proof with this creation.
    pub(crate) fn prove_with(&self, said: Transcript, proof: Proof) -> Proof {
        prove(&self.0, said, proof)
    }

    pub(crate) fn ticket(&self, expires: u64) -> Ticket {
        let hpke = HpkePublicKey::x25519(*self.key().as_bytes());
        Ticket { key: self.key(), hpke, expires, recovery: false, wrap: wrap() }
    }
}

fn prove(key: &SigningKey, said: Transcript, proof: Proof) -> Proof {
    proof.signed(said, |message| Signature::from_bytes(key.sign(message).to_bytes()))
}

/// The first frame of somebody with these capabilities.
pub(crate) fn hello(capabilities: &[&str]) -> Frame {
    let capabilities = capabilities.iter().map(|&name| name.to_owned()).collect();
    Frame::Hello(Hello { nonce: [7; 32], versions: VERSIONS.to_vec(), capabilities })
}

/// What was said on a line with this Hello and this Challenge.
pub(crate) fn said(hello: &Frame, challenge: &Frame) -> Transcript {
    Transcript::START.then(&encode(hello)).then(&encode(challenge))
}

fn wrap() -> Wrap {
    Wrap { encapsulated: vec![1; 32], ciphertext: vec![2; 48] }
}

/// A rekey to `recipients`, whose commitment is made of `number`.
pub(crate) fn rekey(number: u8, recipients: impl IntoIterator<Item = HpkePublicKey>) -> Rekey {
    let wraps = recipients.into_iter().map(|_| wrap()).collect();
    Rekey { commitment: Commitment::from_bytes([number; 32]), history: vec![3; 34], wraps }
}
