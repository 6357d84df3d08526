//! One of everything that travels, made from fixed keys: the golden vectors and the round trips are over these.

use bowline_wire::adopted::{Adopted, Original};
use bowline_wire::bodies::Supplied;
use bowline_wire::checkpoint::{Checkpoint, Freed};
use bowline_wire::codec::encode;
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{
    Challenge, Create, Frame, Hello, LetGo, Lookup, Party, Proof, Reason, StatePiece, Transcript, Welcome,
    Word as _,
};
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::*;
use bowline_wire::log::Stood;
use bowline_wire::roster::record::{Cut, Record};
use bowline_wire::roster::{Admits, TicketKind};
use bowline_wire::signed::Verified;
use bowline_wire::successor::SaidSuccessor;
use bowline_wire::weight::Weight;
use ed25519_dalek::SigningKey;

use crate::support::*;

/// Ana's laptop and Ben's, who is in; Ana's next records and entries are made on this.
pub(crate) fn story() -> Story {
    let (ana, ben) = (ana(), ben());
    let mut story = Story::begun_by(&ana);
    story.invited(&ana, &ben);
    story.put(&story.content_by(&ben));
    story
}

pub(crate) fn ana() -> Author {
    Author::new("ana's laptop")
}

pub(crate) fn ben() -> Author {
    Author::new("ben's laptop")
}

/// Confirms with each kind of row.
pub(crate) fn confirms() -> Vec<(&'static str, Confirm)> {
    let digest = |name| SnapshotDigest::from_bytes(seed(name));
    let row = |snapshot, word| Row { snapshot: Position(snapshot), word };
    let own = row(2, Word::Confirms(Some(digest("own"))));
    let nothing_of_ones_own = row(3, Word::Confirms(None));
    let dispute = row(4, Word::Disputes(digest("something else")));
    let confirm = |rows| Confirm::new(rows).unwrap();
    vec![
        ("of each kind", confirm(vec![own, nothing_of_ones_own, dispute])),
        ("own changes", confirm(vec![own])),
        ("a dispute", confirm(vec![dispute])),
    ]
}

/// Bodies of checkpoints.
pub(crate) fn checkpoints() -> Vec<(&'static str, Checkpoint)> {
    let digest = StateDigest::from_bytes(seed("state"));
    let freed = |doc: u8, sum| Freed { doc: WireDoc::from_bytes([doc; 16]), user: ana().user(), sum };
    vec![
        ("a word about a state", Checkpoint { digest, freed: vec![] }),
        ("what is freed", Checkpoint { digest, freed: vec![freed(1, 7), freed(2, 1 << 40)] }),
    ]
}

/// What an adopted entry of ana's holds: an entry of ben's, verbatim.
pub(crate) fn adopted() -> (Entry, Entry, Adopted) {
    let (story, ana, ben) = (story(), ana(), ben());
    let original = story.content_by(&ben);
    let adopted = Adopted::new(vec![Original::of(&original, LogTime::START).unwrap()]);
    let mut header = story.draft(&ana, EntryType::Adopted);
    header.weight = original.header().weight;
    (original, ana.sign(header, b"sealed"), adopted)
}

/// An entry of every type.
pub(crate) fn entries() -> Vec<(&'static str, Entry)> {
    let (story, ana) = (story(), ana());
    let mut entries = vec![("genesis", story.entries[0].clone()), ("join", story.entries[2].clone())];
    for (name, entry_type) in EntryType::NAMED {
        let mut header = story.draft(&ana, entry_type);
        let body: &[u8] = match entry_type {
            EntryType::Roster => {
                let ticket = Secret::new("sample link").ticket();
                entries.push(("roster", ana.sign(header, &Record::Link(ticket).to_body())));
                continue;
            }
            EntryType::Snapshot => {
                header.covers = Position(2);
                let [all, own] = ["all", "own"].map(|it| SnapshotDigest::from_bytes(seed(it)));
                header.digests = Some(Digests { all, own });
                b"a sealed snapshot"
            }
            EntryType::Erase => {
                header.doc = WireDoc::from_bytes(bytes("doc"));
                header.covers = Position(3);
                b"erase"
            }
            EntryType::Confirm => {
                let (_, confirm) = confirms().remove(0);
                entries.push((name, ana.sign(header, &confirm.to_body())));
                continue;
            }
            _ => b"a body",
        };
        entries.push((name, ana.sign(header, body)));
    }
    entries.push(("unknown", ana.sign(story.draft(&ana, EntryType::Unknown(500)), b"")));
    let mut part = story.draft(&ana, EntryType::Changes);
    (part.part, part.weight) = (Part { index: 0, count: 2 }, Weight::NONE);
    let first = ana.sign(part.clone(), b"the first part");
    (part.seq, part.prev, part.part.index, part.weight) = (part.seq + 1, first.id(), 1, WEIGHT);
    entries.extend([("first part", first), ("last part", ana.sign(part, b"the last part"))]);
    entries
}

pub(crate) fn headers() -> Vec<(&'static str, Header)> {
    entries().into_iter().map(|(name, entry)| (name, entry.header().clone())).collect()
}

fn cut(author: &Author, lane: Lane) -> Cut {
    Cut {
        device: author.id(),
        incarnation: author.incarnation,
        lane,
        seq: 1,
        id: EntryId::from_bytes(seed("last that counts")),
    }
}

/// As what the sample ticket lets somebody in.
pub(crate) fn admits() -> Admits {
    Admits { kind: TicketKind::Link(ana().user()), recovery: true }
}

/// Every record.
pub(crate) fn records() -> Vec<(&'static str, Record)> {
    let (story, ana, ben) = (story(), ana(), ben());
    let secret = Secret::new("sample ticket");
    let cuts = || vec![cut(&ben, Lane::Control), cut(&ben, Lane::Content)];
    vec![
        ("Genesis", ana.genesis("workspace")),
        ("Invite", Record::Invite(secret.ticket())),
        ("CloseInvite", Record::CloseInvite(secret.id())),
        ("Link", Record::Link(secret.for_phrase())),
        ("CloseLink", Record::CloseLink(secret.id())),
        ("Join", Record::Join(secret.join(story.workspace(), &ben, admits()))),
        ("RemoveDevice", story.removal_of(&ana, &ben, cuts())),
        ("RemoveMember", story.expulsion_of(&ana, ben.user(), cuts())),
        ("Leave", Record::Leave { whole_user: true, cut: cuts() }),
        ("Rekey", Record::Rekey(rekey("sample epoch", [ana.hpke.clone(), ben.hpke.clone()]))),
        ("Complaint", story.complaint()),
        ("Rewrap", story.rewrap()),
        ("Fill", story.fill()),
        ("Move", Record::Move(move_to(0, "elsewhere"))),
        ("HandOver", Record::HandOver { user: ben.user() }),
        ("TakeOver", Record::TakeOver),
        ("Allow", Record::Allow { user: ben.user() }),
        ("Lost", lost(&[story.roster().epoch().unwrap()], &[EntryId::from_bytes(seed("what never comes"))])),
    ]
}

/// The relay's identity.
pub(crate) fn relay_identity() -> SigningKey {
    SigningKey::from_bytes(&seed("relay identity"))
}

/// How a session on the story's log is opened by this party, which has seen it up to a position.
pub(crate) fn opening(
    party: Party,
    key: &SigningKey,
    seen: Option<u64>,
    create: Option<Create>,
) -> [Frame; 4] {
    let story = story();
    let capabilities = || vec!["draft/2".to_owned(), "entries/1".to_owned()];
    let hello = Hello { nonce: seed("device nonce"), versions: vec![1], capabilities: capabilities() };
    let hello = Frame::Hello(hello);
    let said = Transcript::START.then(&encode(&hello));
    let challenge = Challenge {
        version: 1,
        nonce: seed("relay nonce"),
        relay: RelayId::from_bytes(relay_identity().verifying_key().to_bytes()),
        line: Some(LineKey::from_bytes(SigningKey::from_bytes(&seed("line")).verifying_key().to_bytes())),
        time: Millis(1_700_000_000_000),
        signature: Signature::ZERO,
    };
    let challenge = Frame::Challenge(challenge.signed(said, signer(&relay_identity())));
    let said = said.then(&encode(&challenge));
    let head = seen.map(|position| story.head_at(Position(position)));
    let create = create.map(Box::new);
    let proof = Proof { head, create, ..Proof::unsigned(story.workspace(), party) };
    let proof = Frame::Proof(Box::new(proof.signed(said, signer(key))));
    let (head, time) = (story.head_at(story.position()), story.log.time());
    let (successors, signature) = (Vec::new(), Signature::ZERO);
    let welcome = Welcome { head, time, capabilities: capabilities(), successors, signature };
    let welcome = welcome.signed(said.then(&encode(&proof)), signer(&story.relay));
    [hello, challenge, proof, Frame::Welcome(welcome)]
}

/// Ana's phrase, and what it asks in the place of a proof on the line of a session.
pub(crate) fn lookup() -> (Author, Lookup) {
    let (device, phrase) = (ana(), Author::new("ana's phrase"));
    let [hello, challenge, ..] = opening(Party::Device(device.id()), &device.key, None, None);
    let said = Transcript::of([hello, challenge].iter().map(encode));
    let lookup = Lookup::unsigned(phrase.id()).signed(said, signer(&phrase.key));
    (phrase, lookup)
}

/// Ben's word that he holds the story as far as it goes.
pub(crate) fn said_holding() -> SaidHolding {
    let (story, ben) = (story(), ben());
    let head = story.head_at(story.position());
    let holding = Holding {
        workspace: story.workspace(),
        device: ben.id(),
        position: head.position,
        hash: head.hash,
        time: Millis(1_700_000_000_000),
    };
    let signed = Verified::sign(holding, signer(&ben.key)).unwrap();
    SaidHolding::from(&signed)
}

/// That the story's log goes on from its third entry under another key.
pub(crate) fn said_successor() -> SaidSuccessor {
    let story = story();
    let new = SigningKey::from_bytes(&seed("next log"));
    story.said_successor(Position(3), &new, &relay_identity())
}

/// The body of an entry that stands at a position.
pub(crate) fn supplied(position: u64, entry: &Entry) -> Supplied {
    Supplied { position: Position(position), body: entry.body().unwrap().to_vec() }
}

/// The same welcome to a log that was continued.
fn continued(welcome: Frame) -> Frame {
    let Frame::Welcome(welcome) = welcome else { unreachable!() };
    Frame::Welcome(Welcome { successors: vec![said_successor()], ..welcome })
}

fn as_challenge(frame: &Frame) -> Challenge {
    let Frame::Challenge(challenge) = frame else { unreachable!() };
    *challenge
}

/// Every frame, with and without what is optional in it.
pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let story = story();
    let head = story.head_at(story.position());
    let device = ana();
    let secret = Secret::new("sample ticket");
    let (ana, ticket) = (Party::Device(device.id()), Party::Ticket(secret.id()));
    let [genesis, join] = [&story.entries[0], &story.entries[2]].map(Entry::to_signed);
    let content = &story.entries[3];
    let bare = Entry::new(content.signed_header().clone(), None).unwrap().to_signed();
    let logged = |entry| LoggedEntry { time: story.log.time(), entry };
    let create =
        Create { token: "token".into(), genesis: genesis.clone(), logs: vec![story.head_at(Position(2))] };
    let [hello, challenge, proof, welcome] = opening(ana, &device.key, Some(3), None);
    let [_, _, by_ticket, _] = opening(ticket, &secret.key, None, None);
    let [_, _, creating, _] = opening(ana, &device.key, None, Some(create));
    let digest = StateDigest::from_bytes(seed("state"));
    let bare_challenge = Challenge { line: None, ..as_challenge(&challenge) };
    vec![
        ("Hello", hello),
        (
            "Hello without capabilities",
            Frame::Hello(Hello { nonce: seed("x"), versions: vec![], capabilities: vec![] }),
        ),
        ("Challenge", challenge),
        ("Challenge without a certificate", Frame::Challenge(bare_challenge)),
        ("Proof", proof),
        ("Proof by ticket", by_ticket),
        ("Proof with create", creating),
        ("Welcome", welcome.clone()),
        ("Welcome to a log that was continued", continued(welcome)),
        ("Subscribe", Frame::Subscribe { after: Position(3) }),
        (
            "Entries",
            Frame::Entries {
                first: Position(4),
                entries: vec![logged(content.to_signed()), logged(bare.clone())],
                head,
            },
        ),
        ("Append", Frame::Append { entries: vec![content.to_signed()] }),
        ("Appended", Frame::Appended { entries: vec![(content.id(), Position(4))], head }),
        (
            "Refused",
            Frame::Refused { entry: content.id(), reason: Reason::Quota, proof: None, text: "full".into() },
        ),
        (
            "Refused with proof",
            Frame::Refused {
                entry: content.id(),
                reason: Reason::SeqTaken,
                proof: Some(Box::new(bare)),
                text: String::new(),
            },
        ),
        ("Head", Frame::Head(head)),
        (
            "Records",
            Frame::Records {
                entries: vec![(Position(1), logged(genesis.clone())), (Position(3), logged(join.clone()))],
                more: true,
            },
        ),
        ("Ping", Frame::Ping),
        ("Goodbye", Frame::Goodbye { reason: Reason::Unknown(999), text: "so long".into() }),
        ("Holdings", Frame::Holdings { devices: vec![said_holding()] }),
        ("Fetch", Frame::Fetch { positions: vec![Position(4), Position(6)] }),
        ("Supply", Frame::Supply { bodies: vec![supplied(4, content)] }),
        ("Supply of nothing", Frame::Supply { bodies: vec![] }),
        ("Wanted", Frame::Wanted { positions: vec![Position(4)] }),
        ("Lookup", Frame::Lookup(lookup().1)),
        ("Found", Frame::Found { workspaces: vec![WorkspaceId::from_bytes([1; 32]), story.workspace()] }),
        ("Found of nothing", Frame::Found { workspaces: vec![] }),
        ("State", Frame::State(StatePiece { digest, len: 9, offset: 4, bytes: b"state".to_vec() })),
        ("StateWanted", Frame::StateWanted { digest, offset: 4 }),
        (
            "LetGo",
            Frame::LetGo(LetGo { stood: Stood { at: Position(3), digest, since: Position(5) }, len: 9 }),
        ),
        ("SubscribeFrom", Frame::SubscribeFrom { digest, after: Position(2) }),
        (
            "Kept",
            Frame::Kept {
                entries: vec![(Position(1), logged(genesis)), (Position(3), logged(join))],
                more: true,
            },
        ),
    ]
}
