//! Bodies that a relay withholds: what of a document is shown meanwhile, whom that is put down to, and that everything is there
//! once they come. And bodies that a relay has lost: what a device supplies.

use bowline_core::document::{ActorId, Document, Kind, MessageId, Pen, Role};
use bowline_core::payload::Payload;
use bowline_device::{Notice, QuarantineReason, WithheldStatus};
use bowline_wire::bodies::Supplied;
use bowline_wire::codec::encode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Frame;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, Millis, Position};
use bowline_wire::limits::MAX_FRAME;

use crate::author::{Author, message, payload_of};
use crate::relay::FakeRelay;
use crate::rig::Rig;
use crate::sealing::noise;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const OTHER: DocId = DocId::from_bytes([0xd1; 16]);

/// Somebody who writes one message after the other into a conversation, each in an entry of its own.
struct Writer {
    author: Author,
    pen: Pen,
    document: Document,
    messages: u8,
}

impl Writer {
    fn new(author: Author) -> Self {
        let pen = Pen { actor: ActorId::for_device(author.id(), [9; 8]), now: Millis(1_000) };
        Self { author, pen, document: Document::create(Kind::Conversation), messages: 0 }
    }

    fn say(&mut self, relay: &mut FakeRelay) -> u64 {
        self.messages += 1;
        let n = self.messages;
        let mut conversation = self.document.conversation_mut(self.pen).unwrap();
        let id = MessageId::from_bytes([n; 4]);
        let text = format!("message {n}");
        let bytes = conversation.append_message(id, Role::User, &text, Millis(1_000)).unwrap().unwrap();
        let entry = self.author.content(relay, &payload_of(&self.document, DOC, bytes));
        relay.put(entry.to_signed())
    }

    /// What is said once all of it is there.
    fn texts(&self) -> Vec<String> {
        (1..=self.messages).map(|n| format!("message {n}")).collect()
    }
}

fn scene() -> (Rig, Writer, FakeRelay) {
    let (rig, owner, relay) = Rig::member();
    (rig, Writer::new(owner), relay)
}

/// So many entries of one document are withheld, and nobody else is to blame.
fn assert_withheld(rig: &Rig, entries: u64, documents: u64) {
    let status = rig.status();
    let withheld = status.withheld.map(|WithheldStatus { entries, documents, .. }| (entries, documents));
    assert_eq!(withheld, (entries > 0).then_some((entries, documents)));
    assert_eq!(status.quarantined, [], "the author is not to blame");
    assert_eq!((status.evidence.len(), status.fault, status.update_needed), (0, None, 0));
}

/// A day goes by, with a new line at its end.
fn another_day(mut rig: Rig, relay: &mut FakeRelay) -> Rig {
    rig.disconnect();
    rig.now = rig.now.plus(86_400_000);
    rig.sync(relay);
    while rig.device.index_one(rig.now).unwrap() {}
    rig.reopened()
}

#[test]
fn what_a_relay_withheld_once_is_there_as_soon_as_it_is_honest_again() {
    let (mut rig, mut ana, mut relay) = scene();
    let first = ana.say(&mut relay);
    relay.withholds.insert(first);
    rig.receive(&relay.frame(first, first));
    assert_withheld(&rig, 1, 1);
    assert!(rig.notices.contains(&Notice::Withheld(rig.workspace())));
    // From now on the relay is honest again.
    relay.withholds.clear();
    rig.talk(&mut relay);
    assert_withheld(&rig, 0, 0);
    assert!(rig.notices.contains(&Notice::NothingWithheld(rig.workspace())));
    for _ in 0..4 {
        ana.say(&mut relay);
    }
    for _ in 0..3 {
        rig = another_day(rig, &mut relay);
        assert_eq!(rig.texts(DOC), ana.texts());
        assert_withheld(&rig, 0, 0);
    }
    assert_eq!(rig.device.list(false).unwrap()[0].count, 5);
}

#[test]
fn what_a_relay_withholds_for_days_waits_across_restarts_and_counts_when_it_comes() {
    let (mut rig, mut ana, mut relay) = scene();
    let second = {
        ana.say(&mut relay);
        ana.say(&mut relay)
    };
    relay.withholds.insert(second);
    for _ in 0..3 {
        ana.say(&mut relay);
    }
    let since = rig.now.plus(86_400_000);
    for _ in 0..3 {
        rig = another_day(rig, &mut relay);
        assert_withheld(&rig, 1, 1);
        assert_eq!(rig.status().withheld.unwrap().since, since);
        assert_eq!(rig.texts(DOC), ["message 1"], "what is built on the missing one waits");
        let listed = &rig.device.list(false).unwrap()[0];
        assert_eq!(listed.withheld, rig.device.withheld(DOC).unwrap());
        assert_eq!(listed.withheld.map(|withheld| (withheld.entries, withheld.since)), Some((1, since)));
        assert_eq!(rig.status().signed, Some(relay.head()), "the log goes on");
    }
    relay.withholds.clear();
    rig = another_day(rig, &mut relay);
    assert_withheld(&rig, 0, 0);
    assert_eq!(rig.texts(DOC), ana.texts());
    assert_eq!(rig.device.list(false).unwrap()[0].withheld, None);
    assert_eq!(rig.device.withheld(DOC).unwrap(), None);
}

#[test]
fn other_documents_and_what_hangs_on_nothing_missing_are_shown() {
    let (mut rig, mut ana, mut relay) = scene();
    let first = ana.say(&mut relay);
    relay.withholds.insert(first);
    let other = ana.author.put_message(&mut relay, OTHER, "another conversation").header().device;
    rig.sync(&mut relay);
    assert_eq!(other, ana.author.id());
    assert_eq!(rig.texts(OTHER), ["another conversation"]);
    assert_eq!((rig.device.withheld(OTHER).unwrap(), rig.device.list(false).unwrap().len()), (None, 1));
    assert_withheld(&rig, 1, 1);
    // What is written here meanwhile goes out as always.
    rig.say(OTHER, "an answer");
    rig.talk(&mut relay);
    assert!(rig.device.outstanding(rig.workspace()).unwrap().is_none());
    relay.withholds.clear();
    rig = another_day(rig, &mut relay);
    assert_eq!(rig.texts(DOC), ana.texts());
    assert_eq!(rig.texts(OTHER), ["another conversation", "an answer"]);
}

#[test]
fn two_devices_show_the_same_whether_a_body_came_late_or_in_time() {
    let (mut late, mut in_time, mut relay) = crate::rig::two();
    let id = late.conversation("both write");
    crate::rig::exchange(&mut late, &mut in_time, &mut relay);
    in_time.say(id, "first");
    in_time.talk(&mut relay);
    relay.withholds.insert(relay.len());
    late.sync(&mut relay);
    assert_withheld(&late, 1, 1);
    late.say(id, "written without having seen it");
    late.talk(&mut relay);
    in_time.sync(&mut relay);
    in_time.say(id, "last");
    in_time.talk(&mut relay);
    relay.withholds.clear();
    late = another_day(late, &mut relay);
    in_time = another_day(in_time, &mut relay);
    assert_eq!(late.texts(id).len(), 3);
    let heads = |rig: &mut Rig| rig.device.show(id, rig.now).unwrap().heads;
    assert_eq!(heads(&mut late), heads(&mut in_time));
    assert_withheld(&late, 0, 0);
}

#[test]
fn bytes_that_are_not_the_body_are_not_taken_in() {
    let (mut rig, mut ana, mut relay) = scene();
    let at = ana.say(&mut relay);
    relay.withholds.insert(at);
    rig.sync(&mut relay);
    let mut body = relay.entry(at).body().unwrap().to_vec();
    body[0] ^= 1;
    let place = Position(at);
    rig.receive(&Frame::Supply { bodies: vec![Supplied { position: place, body: body.clone() }] });
    assert_withheld(&rig, 1, 1);
    body[0] ^= 1;
    rig.receive(&Frame::Supply { bodies: vec![Supplied { position: place, body }] });
    assert_withheld(&rig, 0, 0);
    assert_eq!(rig.texts(DOC), ana.texts());
}

#[test]
fn a_rotten_body_stops_nothing() {
    let (mut rig, mut ana, mut relay) = scene();
    let at = ana.say(&mut relay);
    let Frame::Entries { first, mut entries, head } = relay.frame(at, at) else { unreachable!() };
    entries[0].entry = entries[0].entry.clone().with_body(b"rotten".to_vec());
    rig.receive(&Frame::Entries { first, entries, head });
    assert_withheld(&rig, 1, 1);
    rig.talk(&mut relay);
    assert_eq!(rig.texts(DOC), ana.texts());
}

fn in_parts(author: &mut Author, relay: &FakeRelay) -> (String, Vec<Entry>) {
    let text = "all of it or nothing ".repeat(90_000);
    let entries = author.parts(relay, &message(author.id(), DOC, &text));
    assert_eq!(entries.len(), 3);
    (text, entries)
}

#[test]
fn a_payload_waits_for_whichever_of_its_parts_is_withheld() {
    for missing in [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2], vec![0, 1, 2]] {
        let (mut rig, mut ana, mut relay) = Rig::member();
        let (text, entries) = in_parts(&mut ana, &relay);
        let first = relay.len() + 1;
        for entry in &entries {
            relay.put(entry.to_signed());
        }
        relay.withholds.extend(missing.iter().map(|part| first + part));
        rig.sync(&mut relay);
        for _ in 0..2 {
            assert_withheld(&rig, missing.len() as u64, 1);
            assert!(rig.device.list(false).unwrap().is_empty() && rig.try_texts(DOC).is_err());
            rig = another_day(rig, &mut relay);
        }
        // They come one after the other, the last one first.
        for part in missing.iter().rev() {
            assert!(rig.try_texts(DOC).is_err());
            relay.withholds.remove(&(first + part));
            rig = another_day(rig, &mut relay);
        }
        assert!(rig.texts(DOC) == [text], "{missing:?}");
        assert_withheld(&rig, 0, 0);
        assert_eq!(rig.status().incomplete, 0);
    }
}

#[test]
fn a_payload_that_waits_while_its_relay_is_restored_is_whole_once_the_log_has_come_again() {
    for missing in 0..3 {
        let (mut rig, mut ana, mut relay) = Rig::member();
        let (text, entries) = in_parts(&mut ana, &relay);
        let before = relay.len();
        for entry in &entries {
            relay.put(entry.to_signed());
        }
        relay.withholds.insert(before + 1 + missing);
        rig.sync(&mut relay);
        assert_withheld(&rig, 1, 1);
        rig.disconnect();
        let mut restored = relay.continued(before, relay.len(), 21);
        restored.withholds.clear();
        rig.sync(&mut restored);
        assert!(rig.texts(DOC) == [text], "part {missing}");
        assert_withheld(&rig, 0, 0);
        assert_eq!(rig.status().incomplete, 0);
    }
}

#[test]
fn what_comes_late_and_cannot_be_read_is_put_aside_for_that() {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let entry = ana.content_with(&relay, b"no payload", DOC, |_| {});
    let at = relay.put(entry.to_signed());
    relay.withholds.insert(at);
    rig.sync(&mut relay);
    assert_withheld(&rig, 1, 1);
    relay.withholds.clear();
    rig = another_day(rig, &mut relay);
    let status = rig.status();
    assert_eq!(status.withheld, None);
    let aside: Vec<_> = status.quarantined.iter().map(|it| (it.entry, it.reason)).collect();
    assert_eq!(aside, [(entry.id(), QuarantineReason::Payload)]);
}

#[test]
fn what_comes_late_and_needs_an_update_says_so() {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let payload = message(ana.id(), DOC, "new").encode();
    let entry = ana.content_with(&relay, &payload, DOC, |header| header.entry_type = EntryType::Unknown(9));
    let at = relay.put(entry.to_signed());
    relay.withholds.insert(at);
    rig.sync(&mut relay);
    assert_withheld(&rig, 1, 1);
    relay.withholds.clear();
    rig = another_day(rig, &mut relay);
    assert_eq!((rig.status().withheld, rig.status().update_needed), (None, 1));
}

#[test]
fn a_crash_while_a_body_is_stored_loses_nothing() {
    for commit in 1..4 {
        let (mut rig, mut ana, mut relay) = scene();
        let at = ana.say(&mut relay);
        relay.withholds.insert(at);
        rig.sync(&mut relay);
        relay.withholds.clear();
        rig.commits.refuse(commit);
        rig.disconnect();
        let crashed = rig.try_sync(&mut relay).is_err();
        rig.commits.refuse(0);
        rig = rig.reopened();
        rig.sync(&mut relay);
        assert_withheld(&rig, 0, 0);
        assert_eq!(rig.texts(DOC), ana.texts(), "{commit}: {crashed}");
    }
}

fn supplied(rig: &mut Rig, positions: impl IntoIterator<Item = u64>) -> Vec<Frame> {
    rig.now = rig.now.plus(1_000);
    rig.receive(&Frame::Wanted { positions: positions.into_iter().map(Position).collect() });
    rig.take_sent()
}

#[test]
fn a_device_supplies_the_content_that_it_holds_and_nothing_else() {
    let (mut rig, mut ana, mut relay) = scene();
    let theirs = ana.say(&mut relay);
    let withheld = ana.say(&mut relay);
    relay.withholds.insert(withheld);
    rig.sync(&mut relay);
    rig.conversation("ours");
    rig.talk(&mut relay);
    let ours = relay.len();
    let frames = supplied(&mut rig, 1..ours + 5);
    let [Frame::Supply { bodies }] = &frames[..] else { panic!("{frames:?}") };
    let expected = [theirs, ours]
        .map(|at| Supplied { position: Position(at), body: relay.entry(at).body().unwrap().to_vec() });
    assert_eq!(bodies[..], expected, "no roster records, nothing that is not here");
    assert_eq!(supplied(&mut rig, [1, withheld, ours + 1]), []);
}

#[test]
fn a_device_supplies_no_more_than_a_frame_at_a_time() {
    let (mut rig, mut ana, mut relay) = Rig::member();
    let first = relay.len() + 1;
    for n in 0..4 {
        let text = noise(400_000 + n);
        let payload: Payload = message(ana.id(), DOC, &text);
        let entry = ana.content(&relay, &payload);
        relay.put(entry.to_signed());
    }
    rig.sync(&mut relay);
    let mut left: Vec<u64> = (first..=relay.len()).collect();
    let mut frames = 0;
    while !left.is_empty() {
        let sent = supplied(&mut rig, left.clone());
        let [frame @ Frame::Supply { bodies }] = &sent[..] else { panic!("{} frames", sent.len()) };
        assert!(!bodies.is_empty() && encode(frame).len() <= MAX_FRAME);
        left.drain(..bodies.len());
        frames += 1;
    }
    assert!(frames > 1);
}
