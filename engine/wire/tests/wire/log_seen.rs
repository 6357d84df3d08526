//! What an entry says to have seen and to hold: never less than before, never of another story.

use bowline_wire::head::{Head, Seen};
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::Record;
use ed25519_dalek::SigningKey;

use crate::log_rules::{Cast, cast, spoilt};
use crate::support::*;

#[test]
fn whoever_enters_has_seen_nothing() {
    let ana = Author::new("ana");
    let empty = Story::empty(&ana);
    let mut genesis = empty.genesis_by(&ana).header().clone();
    genesis.seen = Some(empty.seen_at(Position::START));
    let genesis = ana.sign(genesis, &ana.genesis("workspace").to_body());
    assert_eq!(empty.refusal(&genesis), Refusal::BadSeen);

    let Cast { mut story, ana, .. } = cast();
    let (carl, secret) = (Author::new("carl"), Secret::new("t"));
    story.record(&ana, &Record::Invite(secret.ticket()));
    let join = Record::Join(story.entrance(&secret, &carl, false));
    let entry = carl.sign(story.draft(&carl, EntryType::Roster), &join.to_body());
    assert_eq!(story.refusal(&entry), Refusal::BadSeen);
}

#[test]
fn everybody_else_has_seen_something() {
    let Cast { story, ana, .. } = cast();
    let mut header = story.draft(&ana, EntryType::Witness);
    assert!(story.check(&ana.sign(header.clone(), b"")).is_ok());
    (header.seen, header.held) = (None, Position::START);
    assert_eq!(story.refusal(&ana.sign(header, b"")), Refusal::BadSeen);
}

#[test]
fn what_was_seen_does_not_go_back() {
    let Cast { mut story, ana, .. } = cast();
    let reborn = ana.reborn("new life");
    let holds_nothing =
        |story: &Story| Header { held: Position::START, ..story.draft(&reborn, EntryType::Changes) };
    let earlier = story.seen_at(Position(story.position().0 - 1));
    story.put(&reborn.sign(holds_nothing(&story), b"sealed"));
    let next = holds_nothing(&story);
    assert!(story.check(&reborn.sign(next.clone(), b"sealed")).is_ok());
    let back = Header { seen: Some(earlier), ..next };
    assert_eq!(story.refusal(&reborn.sign(back, b"sealed")), Refusal::BadSeen);
}

#[test]
fn what_is_held_does_not_go_back() {
    let Cast { story, ana, .. } = cast();
    let held = story.log.tip(&ana.chain(Lane::Content)).unwrap().held;
    assert!(held > Position::START);
    let less = Position(held.0 - 1);
    assert_eq!(spoilt(&story, &ana, |header| header.held = less), Refusal::BadSeen);
}

#[test]
fn a_head_of_another_log_is_refused() {
    let Cast { story, ana, .. } = cast();
    let mut other = story.clone();
    other.relay = SigningKey::from_bytes(&seed("another relay"));
    let log = LogId::from_bytes(other.relay.verifying_key().to_bytes());
    let head = Seen::from(other.sign_head(Head { log, ..story.log.head() }));
    assert_eq!(spoilt(&story, &ana, |header| header.seen = Some(head)), Refusal::BadSeen);
}

#[test]
fn a_head_that_the_log_did_not_sign_is_refused() {
    let Cast { story, ana, .. } = cast();
    let good = story.head_at(story.position());
    let elsewhere = WorkspaceId::from_bytes(seed("elsewhere"));
    let replayed = story.sign_head(Head { workspace: elsewhere, ..story.log.head() });
    let another_position = story.head_at(Position(good.position.0 - 1));
    for signature in [Signature::ZERO, replayed.signature, another_position.signature] {
        let unsigned = Seen { signature, ..good.into() };
        assert_eq!(spoilt(&story, &ana, |header| header.seen = Some(unsigned)), Refusal::BadSeen);
    }
}

#[test]
fn a_head_that_differs_from_the_chains_last_in_its_signature_only_is_checked_again() {
    let Cast { mut story, ana, .. } = cast();
    let seen = story.seen_at(story.position());
    story.put(&story.content_by(&ana));
    let same = spoilt(&story, &ana, |header| {
        header.seen = Some(Seen { signature: Signature::from_bytes([1; 64]), ..seen });
        header.held = seen.position;
    });
    assert_eq!(same, Refusal::BadSeen);
}

#[test]
fn nothing_is_made_before_its_author_entered() {
    let Cast { mut story, ana, .. } = cast();
    let early = story.seen_at(story.position());
    let (old_roster, carl) = (story.roster().hash(), Author::new("carl"));
    story.invited(&ana, &carl);
    let before_joining = spoilt(&story, &carl, |header| {
        (header.seen, header.held, header.roster) = (Some(early), early.position, old_roster);
    });
    assert_eq!(before_joining, Refusal::BadSeen);
}

#[test]
fn a_signed_head_that_is_not_in_the_log_proves_two_stories() {
    let Cast { story, ana, .. } = cast();
    let position = Position(story.position().0 - 1);
    let hash = LogHash::from_bytes(seed("another story"));
    for position in [position, story.position()] {
        let other = story.sign_head(Head { position, hash, ..story.log.head() });
        let refusal = spoilt(&story, &ana, |header| {
            (header.seen, header.held) = (Some(other.into()), position);
        });
        assert_eq!(refusal, Refusal::Forked(Box::new(other)));
    }
}

#[test]
fn a_signed_head_beyond_the_log_proves_that_the_log_went_back() {
    let Cast { story, ana, .. } = cast();
    let mut ahead = story.clone();
    ahead.put(&ahead.content_by(&Author::new("ben")));
    let head = ahead.head_at(ahead.position());
    let refusal = spoilt(&story, &ana, |header| header.seen = Some(head.into()));
    assert_eq!(refusal, Refusal::Forked(Box::new(head)));
}

#[test]
fn a_signed_head_beyond_the_log_is_no_part_of_it_whatever_else_is_known() {
    let Cast { story, ana, .. } = cast();
    let mut ahead = story.clone();
    ahead.put(&ahead.content_by(&Author::new("ben")));
    let head = ahead.head_at(ahead.position());
    let mut header = story.draft(&ana, EntryType::Changes);
    header.seen = Some(head.into());
    let entry = ana.sign(header, b"sealed");
    let refusal = story.log.check(&entry, story.time(), |position| ahead.hash_at(position)).unwrap_err();
    assert_eq!(refusal, Refusal::Forked(Box::new(head)));
}
