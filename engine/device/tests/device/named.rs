//! Snapshots that a state names: whoever begins there reads what others wrote in them, as far as these have signed for it.

use bowline_core::document::{ActorId, ChangeHash, Document, Incoming, Kind};
use bowline_core::payload::Payload;
use bowline_wire::header::{Digests, EntryType};
use bowline_wire::ids::{DeviceId, DocId, Position, SnapshotDigest};
use bowline_wire::log::{DocumentState, Part, SignedWord, State};

use crate::author::{Author, message};
use crate::letting_go::{records_alone, state_of};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};

pub(crate) const DOC: DocId = DocId::from_bytes([0xd0; 16]);

/// An owner and another member who have both written in a document, and a snapshot of it by the owner.
pub(crate) struct Story {
    pub(crate) owner: Author,
    pub(crate) other: Author,
    pub(crate) relay: FakeRelay,
    /// What both have written.
    document: Document,
    /// Where the snapshot stands, and up to where it covers.
    snapshot: (Position, Position),
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::with(&["by the other"])
    }

    /// The other member has written twice.
    fn with_more_by_the_other() -> Self {
        Self::with(&["by the other", "more by the other"])
    }

    fn with(by_the_other: &[&str]) -> Self {
        let (mut owner, mut relay) = Author::owner(1);
        let mut other = Author::join(3, &owner.put_ticket(&mut relay, false), &mut relay);
        let mut payloads = vec![message(owner.id(), DOC, "by the owner")];
        payloads.extend(by_the_other.iter().map(|text| message(other.id(), DOC, text)));
        let mut document = Document::create(Kind::Conversation);
        for (number, payload) in payloads.iter().enumerate() {
            let author = if number == 0 { &mut owner } else { &mut other };
            let entry = author.content(&relay, payload);
            relay.put(entry.to_signed());
            document.apply(&[Incoming::kept(author.id(), &payload.bytes)]).unwrap();
        }
        let covers = Position(relay.len());
        let payload = Payload { bytes: document.save(), ..payloads[0].clone() };
        let mut story = Self { owner, other, relay, document, snapshot: (covers, covers) };
        let digests = Digests { all: story.digest(|_| true), own: story.digest_of(story.owner.id()) };
        let entry = story.owner.content_with(&story.relay, &payload.encode(), DOC, |header| {
            header.entry_type = EntryType::Snapshot;
            (header.covers, header.digests) = (covers, Some(digests));
        });
        story.snapshot.0 = Position(story.relay.put(entry.to_signed()));
        story
    }

    fn digest(&self, of: impl Fn(&ActorId) -> bool) -> SnapshotDigest {
        let changes = self.document.changes_by_actor();
        let hashes: Vec<ChangeHash> =
            changes.into_iter().filter(|(_, actor)| of(actor)).map(|(hash, _)| hash).collect();
        let keys = self.owner.keyring.snapshot();
        keys.changes_digest(DOC, hashes.iter().map(ChangeHash::as_bytes)).unwrap()
    }

    /// Of what the other member has written in one message.
    fn digest_of_message(&self, text: &str) -> SnapshotDigest {
        let mut document = Document::create(Kind::Conversation);
        let payload = message(self.other.id(), DOC, text);
        document.apply(&[Incoming::kept(self.other.id(), &payload.bytes)]).unwrap();
        let written = document.changes_by_actor().into_iter().map(|(_, actor)| actor);
        let actors: Vec<ActorId> = written.filter(|actor| actor.belongs_to(self.other.id())).collect();
        self.digest(|actor| actors.contains(actor))
    }

    fn digest_of(&self, device: DeviceId) -> SnapshotDigest {
        self.digest(|actor| actor.belongs_to(device))
    }

    pub(crate) fn word(&self, author: &Author) -> SignedWord {
        SignedWord { digest: self.digest_of(author.id()), covers: self.snapshot.1, said: self.snapshot.0 }
    }

    /// The state here, which names the snapshot, with these words of owner and other; of content the snapshot stays and these places.
    pub(crate) fn state(&self, words: [Option<SignedWord>; 2], stays: &[u64]) -> State {
        let is_kept = |at: u64| at == self.snapshot.0.0 || stays.contains(&at);
        let state =
            state_of(&self.relay, self.relay.log(), |at, entry| records_alone(at, entry) || is_kept(at));
        let users = [self.owner.user(), self.other.user()];
        let parts = |document: &DocumentState| {
            let word = |part: &Part| users.iter().zip(words).find(|(user, _)| **user == part.user);
            let signed = |part: &Part| Part { word: word(part).and_then(|(_, word)| word), ..*part };
            document.parts.iter().map(signed).collect()
        };
        let named = |document: &DocumentState| DocumentState {
            snapshot: Some(self.snapshot.0),
            parts: parts(document),
            ..document.clone()
        };
        State { documents: state.documents.iter().map(named).collect(), ..state }
    }

    /// What somebody reads who comes in now, and again after a restart.
    fn read_by_newcomer(&mut self) -> Vec<String> {
        let secret = self.owner.put_ticket(&mut self.relay, false);
        let mut rig = Rig::new(5);
        rig.join(&code(&self.relay, &secret));
        rig.sync(&mut self.relay);
        rig.sync(&mut self.relay);
        let texts = rig.texts(DOC);
        let mut rig = rig.reopened();
        assert_eq!(rig.texts(DOC), texts);
        texts
    }

    pub(crate) fn lets_go(&mut self, state: State) {
        self.relay.lets_go((&mut self.owner, &mut self.other), state);
    }
}

#[test]
fn what_others_wrote_is_read_in_a_snapshot_that_stands_for_them() {
    let mut story = Story::new();
    let words = [Some(story.word(&story.owner)), Some(story.word(&story.other))];
    story.lets_go(story.state(words, &[]));
    let mut texts = story.read_by_newcomer();
    texts.sort();
    assert_eq!(texts, ["by the other", "by the owner"]);
}

#[test]
fn what_somebody_has_not_signed_for_counts_by_their_own_entry_alone() {
    let mut story = Story::new();
    let words = [Some(story.word(&story.owner)), None];
    story.lets_go(story.state(words, &[]));
    assert_eq!(story.read_by_newcomer(), ["by the owner"]);
    // Where that entry stays it counts.
    let mut story = Story::new();
    let words = [Some(story.word(&story.owner)), None];
    let own = story.snapshot.1.0;
    story.lets_go(story.state(words, &[own]));
    let mut texts = story.read_by_newcomer();
    texts.sort();
    assert_eq!(texts, ["by the other", "by the owner"]);
}

#[test]
fn a_word_about_less_holds_with_the_entries_that_stay_behind_it() {
    let mut story = Story::new();
    let nothing = story.digest(|_| false);
    let before = Position(story.snapshot.1.0 - 1);
    let earlier = SignedWord { digest: nothing, covers: before, said: before };
    let words = [Some(story.word(&story.owner)), Some(earlier)];
    let own = story.snapshot.1.0;
    story.lets_go(story.state(words, &[own]));
    let mut texts = story.read_by_newcomer();
    texts.sort();
    assert_eq!(texts, ["by the other", "by the owner"]);
}

#[test]
fn a_snapshot_that_the_state_does_not_name_speaks_for_its_author_alone() {
    let mut story = Story::new();
    let words = [Some(story.word(&story.owner)), Some(story.word(&story.other))];
    let mut state = story.state(words, &[]);
    state.documents.iter_mut().for_each(|document| document.snapshot = None);
    story.lets_go(state);
    assert_eq!(story.read_by_newcomer(), ["by the owner"]);
}

#[test]
fn a_snapshot_that_holds_something_else_than_it_says_stands_for_nobody() {
    let mut story = Story::new();
    let said_otherwise = SnapshotDigest::from_bytes([7; 32]);
    let words = [
        Some(story.word(&story.owner)),
        Some(SignedWord { digest: said_otherwise, ..story.word(&story.other) }),
    ];
    story.lets_go(story.state(words, &[]));
    assert_eq!(story.read_by_newcomer(), ["by the owner"]);
}

#[test]
fn whoever_goes_behind_the_place_leaves_the_document_as_everybody_has_it_who_has_begun_there() {
    let mut story = Story::new();
    let words = [Some(story.word(&story.owner)), None];
    story.lets_go(story.state(words, &[]));
    let secret = story.owner.put_ticket(&mut story.relay, false);
    let mut before = Rig::new(7);
    before.join(&code(&story.relay, &secret));
    before.sync(&mut story.relay);
    before.sync(&mut story.relay);
    assert_eq!(before.texts(DOC), ["by the owner"]);
    let keys = bowline_crypto::DeviceKeys::from_bytes(before.keys());
    story.owner.put_removal(
        &mut story.relay,
        &Author { keys, ..story.owner.on_another_branch() },
        Vec::new(),
    );
    let other = story.other.on_another_branch();
    story.owner.put_removal(&mut story.relay, &other, Vec::new());
    assert_eq!(story.read_by_newcomer(), ["by the owner"]);
}

#[test]
fn a_body_that_comes_later_makes_a_snapshot_stand_for_whoever_has_not_signed_for_its_entry() {
    for reopens in [false, true] {
        let mut story = Story::with_more_by_the_other();
        let (first, second) = (story.snapshot.1.0 - 1, story.snapshot.1.0);
        let earlier = SignedWord {
            digest: story.digest_of_message("by the other"),
            covers: Position(first),
            said: Position(first),
        };
        let words = [Some(story.word(&story.owner)), Some(earlier)];
        story.lets_go(story.state(words, &[second]));
        story.relay.withholds.insert(second);
        let secret = story.owner.put_ticket(&mut story.relay, false);
        let mut rig = Rig::new(5);
        rig.join(&code(&story.relay, &secret));
        rig.sync(&mut story.relay);
        rig.sync(&mut story.relay);
        assert_eq!(
            rig.texts(DOC),
            ["by the owner"],
            "nobody can tell yet whether that is what they have signed for"
        );
        let mut rig = if reopens { rig.reopened() } else { rig };
        story.relay.withholds.clear();
        rig.now = rig.now.plus(86_400_000);
        rig.sync(&mut story.relay);
        let all = ["by the other", "by the owner", "more by the other"];
        let texts = |rig: &mut Rig| {
            let mut texts = rig.texts(DOC);
            texts.sort();
            texts
        };
        assert_eq!(texts(&mut rig), all);
        let mut rig = rig.reopened();
        assert_eq!(texts(&mut rig), all);
    }
}
