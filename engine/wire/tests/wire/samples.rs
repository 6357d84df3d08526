//! One of everything that travels, made from fixed keys: the golden vectors and the round trips are over these.

use bowline_wire::bodies::Supplied;
use bowline_wire::entry::{Entry, LoggedEntry};
use bowline_wire::frame::{Challenge, Create, Frame, Party, Reason};
use bowline_wire::header::{Digests, EntryType, Header, Part};
use bowline_wire::holding::{Holding, SaidHolding};
use bowline_wire::ids::*;
use bowline_wire::roster::record::{Cut, Record};
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

/// Every record.
pub(crate) fn records() -> Vec<(&'static str, Record)> {
    let (story, ana, ben) = (story(), ana(), ben());
    let secret = Secret::new("sample ticket");
    let cuts = || vec![cut(&ben, Lane::Control), cut(&ben, Lane::Content)];
    vec![
        ("Genesis", ana.genesis("workspace")),
        ("Invite", Record::Invite(secret.ticket())),
        ("CloseInvite", Record::CloseInvite(secret.id())),
        ("Link", Record::Link(secret.ticket())),
        ("CloseLink", Record::CloseLink(secret.id())),
        ("Join", Record::Join(secret.join(story.workspace(), &ben, true))),
        ("RemoveDevice", story.removal_of(&ana, &ben, cuts())),
        ("RemoveMember", story.expulsion_of(&ana, ben.user(), cuts())),
        ("Leave", Record::Leave { whole_user: true, cut: cuts() }),
        ("Rekey", Record::Rekey(rekey("sample epoch", [ana.hpke, ben.hpke]))),
    ]
}

pub(crate) fn challenge() -> Challenge {
    Challenge { nonce: seed("nonce"), relay: seed("relay identity"), time: Millis(1_700_000_000_000) }
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

/// The relay of the story, by its identity.
pub(crate) fn relay_identity() -> SigningKey {
    SigningKey::from_bytes(&seed("relay identity"))
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

/// Every frame, with and without what is optional in it.
pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let story = story();
    let (head, workspace) = (story.head_at(story.position()), story.workspace());
    let capabilities = || vec!["parts".to_owned(), "zstd".to_owned()];
    let ticket = Party::Ticket(Secret::new("sample ticket").id());
    let signature = Signature::from_bytes([5; 64]);
    let [genesis, join] = [&story.entries[0], &story.entries[2]].map(Entry::to_signed);
    let content = &story.entries[3];
    let bare = Entry::new(content.signed_header().clone(), None).unwrap().to_signed();
    let logged = |entry| LoggedEntry { time: story.log.time(), entry };
    let create = Create { token: "token".into(), genesis: genesis.clone() };
    vec![
        ("Hello", Frame::Hello { workspace, party: Party::Device(ana().id()), capabilities: capabilities() }),
        ("Hello by ticket", Frame::Hello { workspace, party: ticket, capabilities: vec![] }),
        ("Challenge", Frame::Challenge(challenge())),
        ("Proof", Frame::Proof { signature, create: None }),
        ("Proof with create", Frame::Proof { signature, create: Some(Box::new(create)) }),
        ("Welcome", Frame::Welcome { head, capabilities: capabilities(), successors: vec![] }),
        (
            "Welcome to a log that was continued",
            Frame::Welcome { head, capabilities: capabilities(), successors: vec![said_successor()] },
        ),
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
                entries: vec![(Position(1), logged(genesis)), (Position(3), logged(join))],
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
    ]
}
