//! What counted keeps counting, whatever its author says later.

use bowline_core::document::{ActorId, Document, Incoming, Kind, MessageId, Pen, Role};
use bowline_store::EntryState;
use bowline_wire::ids::{DocId, Millis};

use crate::author::{Author, payload_of};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const THEN: Millis = Millis(1_000);

/// A conversation in which `author` says this, and the change that does, under one actor.
fn said(author: &Author, text: &str) -> (Document, Vec<u8>) {
    let mut document = Document::create(Kind::Conversation);
    let pen = Pen { actor: ActorId::for_device(author.id(), [9; 8]), now: THEN };
    let mut conversation = document.conversation_mut(pen).unwrap();
    let change = conversation.append_message(MessageId::from_bytes([1; 4]), Role::User, text, THEN);
    let change = change.unwrap().unwrap();
    (document, change)
}

/// What one actor says first and later; the later one has the lower hash.
fn two_stories(author: &Author) -> [(Document, Vec<u8>); 2] {
    let mut stories = ["welcome", "welcome!"].map(|text| said(author, text));
    stories.sort_by_key(|(document, _)| std::cmp::Reverse(document.heads()[0]));
    stories
}

fn put(author: &mut Author, relay: &mut FakeRelay, (document, change): &(Document, Vec<u8>)) {
    let entry = author.content(relay, &payload_of(document, DOC, change.clone()));
    relay.put(entry.to_signed());
}

#[test]
fn nobody_takes_back_what_others_have_built_on_long_afterwards() {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let mut mallory = Author::join(7, &ana.put_ticket(&mut relay, false), &mut relay);
    let [first, later] = two_stories(&mallory);
    put(&mut mallory, &mut relay, &first);
    let mut document = Document::create(Kind::Conversation);
    document.apply(&[Incoming::local(mallory.id(), &first.1)]).unwrap();
    for n in 0..3 {
        let pen = Pen { actor: ActorId::for_device(ana.id(), [n + 1; 8]), now: THEN };
        let (id, text) = (MessageId::from_bytes([n + 2; 4]), format!("ana's message {n}"));
        let mut conversation = document.conversation_mut(pen).unwrap();
        let change = conversation.append_message(id, Role::User, &text, THEN).unwrap().unwrap();
        put(&mut ana, &mut relay, &(document.clone(), change));
    }
    rig.sync(&mut relay);
    let before = rig.texts(DOC);
    assert_eq!(before.len(), 4, "{before:?}");
    put(&mut mallory, &mut relay, &later);
    rig.sync(&mut relay);
    assert_eq!(rig.texts(DOC), before);
    rig.device.store().connection().execute_batch("UPDATE base SET bytes = x'00'").unwrap();
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(DOC), before, "made anew from all entries");
}

/// As after a process that ended while it was taking in all that this document waits for. With the last of it alone others have
/// ended before, so many times.
fn ended_in_the_middle(rig: Rig, crashes: u32) -> Rig {
    let sql = "INSERT INTO attempt SELECT n, TRUE, ?1 * (n = (SELECT max(n) FROM entry)) FROM entry
               WHERE state = 1 AND lane = 1 AND applied = 0";
    rig.device.store().connection().execute(sql, [crashes]).unwrap();
    rig.reopened()
}

#[test]
fn nothing_is_suspected_any_more_once_a_document_was_made_anew_from_all_its_entries() {
    for (crashes, quarantined) in [(0, 0), (3, 1)] {
        let (mut rig, mut ana, mut relay) = Rig::member();
        let mut mallory = Author::join(7, &ana.put_ticket(&mut relay, false), &mut relay);
        let [first, later] = two_stories(&mallory);
        put(&mut mallory, &mut relay, &first);
        rig.sync(&mut relay);
        assert_eq!(rig.texts(DOC).len(), 1);
        put(&mut mallory, &mut relay, &later);
        ana.put_message(&mut relay, DOC, "from ana");
        rig.sync(&mut relay);
        let mut rig = ended_in_the_middle(rig, crashes);
        assert_eq!(rig.texts(DOC).len(), 2 - quarantined);
        let read = rig.device.store().read();
        assert_eq!(read.attempts().unwrap(), []);
        let aside = read.entries_in_state(rig.workspace(), EntryState::Quarantined).unwrap();
        assert_eq!(aside.len(), quarantined);
    }
}

#[test]
fn what_waits_for_part_of_an_entry_is_taken_in_though_the_rest_of_it_waits() {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let (document, early) = said(&ana, "early");
    let pen = Pen { actor: ActorId::for_device(ana.id(), [1; 8]), now: THEN };
    let mut answering = document.clone();
    let mut conversation = answering.conversation_mut(pen).unwrap();
    let answer = conversation.append_message(MessageId::from_bytes([2; 4]), Role::User, "an answer", THEN);
    put(&mut ana, &mut relay, &(answering, answer.unwrap().unwrap()));
    let mut unheard = document.clone();
    let mut waits = Vec::new();
    for n in [3, 4] {
        let pen = Pen { actor: ActorId::for_device(ana.id(), [n; 8]), now: THEN };
        let mut conversation = unheard.conversation_mut(pen).unwrap();
        let id = MessageId::from_bytes([n; 4]);
        waits = conversation.append_message(id, Role::User, "on what nobody has", THEN).unwrap().unwrap();
    }
    put(&mut ana, &mut relay, &(document, [early, waits].concat()));
    rig.sync(&mut relay);
    let mut rig = ended_in_the_middle(rig, 0);
    assert_eq!(rig.texts(DOC), ["early", "an answer"]);
}

/// What was said first comes late, since the relay held it back; what this device has built on then does not count.
#[test]
fn whatever_commit_fails_what_is_lost_of_ours_is_written_again() {
    let mut nth = 1;
    loop {
        let (mut rig, mut ana, mut relay) = Rig::member();
        let mut mallory = Author::join(7, &ana.put_ticket(&mut relay, false), &mut relay);
        let [first, later] = two_stories(&mallory);
        put(&mut mallory, &mut relay, &first);
        relay.withholds.insert(relay.len());
        put(&mut mallory, &mut relay, &later);
        rig.sync(&mut relay);
        rig.say(DOC, "ours");
        rig.sync(&mut relay);
        let mut rig = rig.reopened();
        // Enough for a base, so that ours has no row any more.
        ana.put_message(&mut relay, DOC, "more");
        rig.sync(&mut relay);
        assert_eq!(rig.texts(DOC).len(), 3);
        relay.withholds.clear();
        rig.disconnect();
        rig.now = rig.now.plus(86_400_000);
        rig.sync(&mut relay);
        let mut rig = rig.reopened();
        rig.commits.refuse(nth);
        let failed = rig.try_texts(DOC).is_err();
        let is_spent = rig.commits.is_spent();
        rig.commits.refuse(0);
        let mut rig = if failed { rig.reopened() } else { rig };
        let texts = rig.texts(DOC);
        assert!(texts.contains(&"ours".to_owned()), "commit {nth}: {texts:?}");
        if !is_spent {
            break;
        }
        nth += 1;
    }
    assert!(nth > 3, "{nth} commits are too few to be true");
}
