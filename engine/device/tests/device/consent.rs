//! In another's name only by that other's word, and what a person is told of the rest.

use automerge::{Change, ExpandedChange};
use bowline_core::document::{ActorId, Document, Incoming, Kind, MessageId, Pen, Role};
use bowline_device::{Notice, QuarantineReason, Quarantined};
use bowline_wire::entry::Entry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DeviceId, DocId, EntryId, Millis};
use bowline_wire::roster::record::{Lost, Record};

use crate::author::{Author, payload_of};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const THEN: Millis = Millis(1_000);

/// Says something in a document as `device`, under an actor of its own; the change that does.
fn say(document: &mut Document, device: DeviceId, tail: u8, text: &str) -> Vec<u8> {
    let pen = Pen { actor: ActorId::for_device(device, [tail; 8]), now: THEN };
    let mut conversation = document.conversation_mut(pen).unwrap();
    let id = MessageId::from_bytes([tail; 4]);
    conversation.append_message(id, Role::User, text, THEN).unwrap().unwrap()
}

fn put_changes(author: &mut Author, relay: &mut FakeRelay, document: &Document, bytes: Vec<u8>) -> Entry {
    let entry = author.content(relay, &payload_of(document, DOC, bytes));
    relay.put(entry.to_signed());
    entry
}

fn put_snapshot(author: &mut Author, relay: &mut FakeRelay, document: &Document) -> Entry {
    let payload = payload_of(document, DOC, document.save());
    let entry = author.content_with(relay, &payload.encode(), DOC, |header| {
        header.entry_type = EntryType::Snapshot;
    });
    relay.put(entry.to_signed());
    entry
}

/// A rig, the owner and another member.
fn scene() -> (Rig, Author, Author, FakeRelay) {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let mallory = Author::join(7, &ana.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    rig.notices.clear();
    (rig, ana, mallory, relay)
}

fn look(rig: &mut Rig) {
    while rig.device.index_one(rig.now).unwrap() {}
}

fn put_aside(rig: &Rig) -> Vec<(EntryId, DeviceId, QuarantineReason)> {
    let told = |it: Quarantined| (it.entry, it.author, it.reason);
    rig.status().quarantined.into_iter().map(told).collect()
}

/// A day goes by, with a new line at its end.
fn another_day(rig: &mut Rig, relay: &mut FakeRelay) {
    rig.disconnect();
    rig.now = rig.now.plus(86_400_000);
    rig.sync(relay);
}

/// The document is made anew from all its entries, as by whoever has just joined.
fn made_anew(rig: Rig) -> Rig {
    rig.device.store().connection().execute_batch("UPDATE base SET bytes = x'00'").unwrap();
    rig.reopened()
}

#[test]
fn whoever_has_words_in_a_snapshot_that_are_given_up_is_not_blamed_for_them() {
    let (mut rig, mut ana, mut eve, mut relay) = scene();
    let mut document = Document::create(Kind::Conversation);
    say(&mut document, eve.id(), 1, "from eve");
    let words = say(&mut document, ana.id(), 2, "given up");
    let gone = put_changes(&mut ana, &mut relay, &document, words);
    relay.withholds.insert(relay.len());
    put_snapshot(&mut eve, &mut relay, &document);
    ana.put_record(&mut relay, &Record::Lost(Lost { epochs: vec![], entries: vec![gone.id()] }));
    another_day(&mut rig, &mut relay);
    look(&mut rig);
    assert_eq!(rig.texts(DOC), ["from eve"]);
    assert_eq!(put_aside(&rig), [(gone.id(), ana.id(), QuarantineReason::GivenUp)]);
}

#[test]
fn a_message_in_anothers_name_is_not_shown_and_its_author_is_named() {
    let (mut rig, ana, mut mallory, mut relay) = scene();
    let mut document = Document::create(Kind::Conversation);
    say(&mut document, mallory.id(), 1, "from mallory");
    say(&mut document, ana.id(), 2, "I quit. Ana");
    let forged = put_snapshot(&mut mallory, &mut relay, &document);
    rig.sync(&mut relay);
    look(&mut rig);
    let told = std::iter::from_fn(|| rig.device.poll_notice());
    let told = told.filter(|it| matches!(it, Notice::Quarantined { .. })).count();
    for _ in 0..3 {
        assert_eq!(rig.texts(DOC), ["from mallory"], "and lists say the same");
        assert_eq!(rig.device.list(false).unwrap()[0].count, 1);
        assert_eq!(put_aside(&rig), [(forged.id(), mallory.id(), QuarantineReason::NotConsented)]);
        assert_eq!(rig.status().quarantined[0].detail, None, "whose name it was is nobody's guilt");
        rig = made_anew(rig);
    }
    assert_eq!(told, 1);
    // What is written into it goes on.
    rig.say(DOC, "an answer");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(DOC), ["from mallory", "an answer"]);
    let told = |it: &Notice| matches!(it, Notice::Quarantined { .. });
    assert!(!rig.notices.iter().any(told), "told once");
}

#[test]
fn nobody_is_blamed_while_what_the_other_said_is_held_back() {
    let (mut rig, mut ana, mut ben, mut relay) = scene();
    let mut document = Document::create(Kind::Conversation);
    let change = say(&mut document, ana.id(), 1, "from ana");
    put_changes(&mut ana, &mut relay, &document, change);
    relay.withholds.insert(relay.len());
    say(&mut document, ben.id(), 2, "from ben");
    put_snapshot(&mut ben, &mut relay, &document);
    rig.sync(&mut relay);
    look(&mut rig);
    assert_eq!((rig.texts(DOC).len(), put_aside(&rig)), (0, vec![]), "ben's waits for ana's");
    relay.withholds.clear();
    another_day(&mut rig, &mut relay);
    look(&mut rig);
    for _ in 0..2 {
        assert_eq!(rig.texts(DOC), ["from ana", "from ben"]);
        assert_eq!(put_aside(&rig), []);
        rig = made_anew(rig);
    }
}

#[test]
fn what_was_made_up_is_told_once_nothing_is_held_back_any_more() {
    let (mut rig, mut ana, mut mallory, mut relay) = scene();
    let mut document = Document::create(Kind::Conversation);
    let change = say(&mut document, ana.id(), 1, "from ana");
    put_changes(&mut ana, &mut relay, &document, change);
    relay.withholds.insert(relay.len());
    let mut forged = Document::create(Kind::Conversation);
    say(&mut forged, ana.id(), 2, "I quit. Ana");
    let forged = put_snapshot(&mut mallory, &mut relay, &forged);
    rig.sync(&mut relay);
    look(&mut rig);
    assert_eq!(put_aside(&rig), []);
    relay.withholds.clear();
    another_day(&mut rig, &mut relay);
    look(&mut rig);
    assert_eq!(rig.texts(DOC), ["from ana"]);
    assert_eq!(put_aside(&rig), [(forged.id(), mallory.id(), QuarantineReason::NotConsented)]);
}

/// Where Mallory says what her bad change builds on, which the relay holds back, beside the entry with that.
#[derive(Clone, Copy, PartialEq)]
enum KeptBack {
    Before,
    Behind,
    /// On both sides, and only the first is held back.
    Twice,
}

/// Mallory says something, and something bad on top of what she has said elsewhere and the relay holds back.
fn early_and_bad(mallory: &mut Author, relay: &mut FakeRelay, where_else: KeptBack) -> Entry {
    let mut kept_back = Document::create(Kind::Conversation);
    let back = say(&mut kept_back, mallory.id(), 1, "kept back");
    let mut document = Document::create(Kind::Conversation);
    let early = say(&mut document, mallory.id(), 2, "early");
    document.apply(&[Incoming::local(mallory.id(), &back)]).unwrap();
    let late = say(&mut document, mallory.id(), 3, "late");
    let mut bad = ExpandedChange::from(&Change::try_from(&late[..]).unwrap());
    bad.start_op = (bad.start_op.get() + 5).try_into().unwrap();
    let both = [early, Change::from(bad).raw_bytes().to_vec()].concat();
    if where_else != KeptBack::Behind {
        put_changes(mallory, relay, &kept_back, back.clone());
        relay.withholds.insert(relay.len());
    }
    let entry = put_changes(mallory, relay, &document, both);
    if where_else != KeptBack::Before {
        put_changes(mallory, relay, &kept_back, back);
    }
    if where_else == KeptBack::Behind {
        relay.withholds.insert(relay.len());
    }
    entry
}

#[test]
fn what_was_built_on_the_good_part_of_a_bad_entry_stays() {
    let (mut rig, mut ana, mut mallory, mut relay) = scene();
    let bad = early_and_bad(&mut mallory, &mut relay, KeptBack::Behind);
    rig.sync(&mut relay);
    rig.say(DOC, "an answer");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(DOC), ["early", "an answer"]);
    relay.withholds.clear();
    another_day(&mut rig, &mut relay);
    look(&mut rig);
    for _ in 0..2 {
        let mut texts = rig.texts(DOC);
        texts.sort();
        assert_eq!(texts, ["an answer", "early", "kept back"]);
        let aside = put_aside(&rig);
        assert_eq!(aside, [(bad.id(), mallory.id(), QuarantineReason::BrokenHistory)]);
        rig = made_anew(rig);
    }
    ana.put_message(&mut relay, DOC, "and it goes on");
    rig.sync(&mut relay);
    assert!(rig.texts(DOC).contains(&"and it goes on".to_owned()));
    assert_eq!(put_aside(&rig).len(), 1);
}

/// A device that was there while a body was held back, and one that comes when it is there, judge the same; and what the first
/// has built on what does not count is written again.
#[test]
fn an_entry_that_was_bad_where_it_stands_does_not_count_whenever_that_is_seen() {
    for where_else in [KeptBack::Before, KeptBack::Twice] {
        let (mut rig, mut ana, mut mallory, mut relay) = scene();
        early_and_bad(&mut mallory, &mut relay, where_else);
        rig.sync(&mut relay);
        rig.say(DOC, "an answer");
        rig.sync(&mut relay);
        assert!(rig.texts(DOC).contains(&"early".to_owned()));
        relay.withholds.clear();
        another_day(&mut rig, &mut relay);
        look(&mut rig);
        rig.sync(&mut relay);
        let is_told = |it: &Notice| matches!(it, Notice::WrittenAgain { .. });
        assert!(rig.notices.iter().any(is_told), "{:?}", rig.notices);
        let mut other = Rig::new(9);
        let secret = ana.put_ticket(&mut relay, false);
        other.join(&crate::rig::code(&relay, &secret));
        other.sync(&mut relay);
        other.sync(&mut relay);
        for rig in [&mut rig, &mut other] {
            let mut texts = rig.texts(DOC);
            texts.sort();
            assert_eq!(texts, ["an answer", "kept back"]);
        }
    }
}

/// Work under a key that is spent, which waited when it was taken along, goes out under the new one once it does not wait any more;
/// unless it was on the log already.
#[test]
fn what_waited_while_a_device_came_back_under_a_new_key_is_written_again_in_that_ones_name() {
    for was_sent in [false, true] {
        let (mut rig, mut ana, mut relay) = Rig::member();
        let mut document = Document::create(Kind::Conversation);
        let change = say(&mut document, ana.id(), 1, "from ana");
        put_changes(&mut ana, &mut relay, &document, change);
        let at = relay.len();
        rig.sync(&mut relay);
        assert_eq!(rig.texts(DOC), ["from ana"]);
        if was_sent {
            rig.say(DOC, "an answer");
            rig.sync(&mut relay);
        }
        crate::way_out::remove(&mut ana, &mut relay, rig.device.id());
        rig.receive(&relay.frame(relay.len(), relay.len()));
        rig.disconnect();
        rig.sent.clear();
        if !was_sent {
            rig.say(DOC, "an answer");
        }
        // The disk loses what it answers.
        let lose = "UPDATE base SET bytes = x'00';
                    DELETE FROM body WHERE entry IN (SELECT n FROM entry WHERE lane = 1)";
        rig.device.store().connection().execute_batch(lose).unwrap();
        let mut rig = rig.reopened();
        relay.withholds.insert(at);
        let secret = ana.put_ticket(&mut relay, false);
        let workspace = rig.device.rejoin(&crate::rig::code(&relay, &secret), rig.now).unwrap();
        for _ in 0..3 {
            rig.sync(&mut relay);
        }
        let mut rig = rig.reopened();
        rig.sync(&mut relay);
        rig.device.share(DOC, workspace, rig.now).unwrap();
        rig.sync(&mut relay);
        relay.withholds.clear();
        for _ in 0..3 {
            another_day(&mut rig, &mut relay);
            look(&mut rig);
        }
        let mut other = Rig::new(9);
        let secret = ana.put_ticket(&mut relay, false);
        other.join(&crate::rig::code(&relay, &secret));
        other.sync(&mut relay);
        other.sync(&mut relay);
        for rig in [&mut rig, &mut other] {
            assert_eq!(rig.texts(DOC), ["from ana", "an answer"], "sent before: {was_sent}");
            assert_eq!(put_aside(rig), []);
        }
        assert!(rig.device.outstanding(workspace).unwrap().is_none(), "sent before: {was_sent}");
    }
}
