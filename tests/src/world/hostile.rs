//! What the other programs of a world's members make up, and the lines on which they publish it.

use std::collections::{BTreeMap, BTreeSet};

use bowline_core::document::{ActorId, Document, Kind, MessageId, Pen, Role};
use bowline_crypto::{DeviceKeys, TicketSecret};
use bowline_relay::ConnId;
use bowline_wire::entry::SignedEntry;
use bowline_wire::frame::{Proof, Transcript};
use bowline_wire::ids::{DocId, EntryId, Millis, StateDigest, WorkspaceId};
use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

/// Messages of one of the two stories: each is built on the one before it.
const CHAPTERS: usize = 2;

/// What one program publishes: two stories under one actor, whose messages have the same numbers.
pub(super) struct Twins {
    /// The machine with the first device of the same person.
    pub(super) machine: usize,
    /// The keys of the second one.
    pub(super) key: [u8; 64],
    pub(super) document: DocId,
    pub(super) tales: Vec<Tale>,
}

/// One message of one of the stories.
pub(super) struct Tale {
    pub(super) story: usize,
    pub(super) chapter: usize,
    pub(super) text: String,
    /// What tells it, and the heads of whoever has told as much of its story.
    pub(super) told: Document,
    pub(super) change: Vec<u8>,
    pub(super) entry: Option<EntryId>,
}

/// The other programs of a world's members.
#[derive(Default)]
pub(super) struct Hostile {
    pub(super) twins: Vec<Twins>,
    pub(super) lines: BTreeMap<ConnId, Line>,
    pub(super) entries: BTreeSet<EntryId>,
}

/// A line on which one thing is said.
pub(super) struct Line {
    pub(super) who: Who,
    pub(super) said: Transcript,
    pub(super) say: Say,
}

/// What is said on a line.
pub(super) enum Say {
    /// An entry is appended, and the line is over.
    Entry(SignedEntry),
    /// A state's bytes are given to a relay that asks for them.
    State(StateDigest, Vec<u8>),
}

/// As whom such a program comes.
pub(super) enum Who {
    Ticket(TicketSecret),
    Device(Box<DeviceKeys>),
}

impl Who {
    pub(super) fn prove(&self, said: Transcript, workspace: WorkspaceId) -> Proof {
        match self {
            Self::Ticket(secret) => secret.prove(said, workspace, None),
            Self::Device(keys) => keys.prove(said, workspace, None, None),
        }
    }
}

impl Twins {
    /// Both stories, to be told from the last to the first.
    pub(super) fn new(
        machine: usize,
        key: [u8; 64],
        document: DocId,
        number: usize,
        now: Millis,
        random: &mut ChaCha8Rng,
    ) -> Self {
        let mut process = [0; 8];
        random.fill_bytes(&mut process);
        let actor = ActorId::for_device(DeviceKeys::from_bytes(&key).id(), process);
        let mut tales = Vec::new();
        for story in 0..2 {
            let mut told = Document::create(Kind::Conversation);
            for chapter in 0..CHAPTERS {
                let text = format!("twin {number}, story {story}, chapter {chapter}");
                let id = MessageId::from_bytes(random.next_u32().to_le_bytes());
                let pen = Pen { actor, now };
                let mut conversation = told.conversation_mut(pen).expect("it is a conversation");
                let change = conversation.append_message(id, Role::User, &text, now);
                let change = change.expect("a short message").expect("something new");
                tales.push(Tale { story, chapter, text, told: told.clone(), change, entry: None });
            }
        }
        for at in (1..tales.len()).rev() {
            tales.swap(at, random.next_u32() as usize % (at + 1));
        }
        Self { machine, key, document, tales }
    }

    pub(super) fn keys(&self) -> DeviceKeys {
        DeviceKeys::from_bytes(&self.key)
    }
}
