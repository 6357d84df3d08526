//! What devices say they hold: whose word is taken, who hears it, and what is kept of it.

use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::frame::{Frame, HOLDINGS, Reason, Welcome};
use bowline_wire::holding::SaidHolding;
use bowline_wire::ids::{LogHash, Millis, Position};

use super::Two;
use crate::session::ConnId;
use crate::testing::author::Author;

/// Two devices in one workspace, both connected and listening.
fn two_devices() -> Two {
    let mut two = Two::connected();
    let end = two.bench.position(two.workspace);
    for conn in [two.on_laptop, two.on_phone] {
        two.bench.send(conn, &Frame::Subscribe { after: end });
        two.bench.frames(conn);
    }
    two
}

impl Two {
    /// The word of a device about the end of the log.
    fn word(&self, of: &Author) -> SaidHolding {
        let seen = self.bench.view(self.workspace).seen.unwrap();
        of.holding(self.workspace, seen.position, seen.hash, Millis(7))
    }

    fn say(&mut self, conn: ConnId, devices: Vec<SaidHolding>) {
        self.bench.send(conn, &Frame::Holdings { devices });
    }

    /// What somebody who comes by is told before the welcome.
    fn told(&mut self, author: &Author) -> Vec<SaidHolding> {
        let (conn, said) = self.bench.hello();
        self.bench.send_proof(conn, author.prove(said, self.workspace));
        let frames = self.bench.frames(conn);
        assert!(matches!(frames.last(), Some(Frame::Welcome(_))), "{frames:?}");
        match &frames[0] {
            Frame::Holdings { devices } => devices.clone(),
            _ => Vec::new(),
        }
    }
}

#[test]
fn a_word_reaches_the_others_who_are_there_and_those_who_come_later() {
    let mut story = two_devices();
    let said = story.word(&story.phone);
    let (from, to) = (story.on_phone, story.on_laptop);
    story.say(from, vec![said]);
    assert_eq!(story.bench.frames(to), [Frame::Holdings { devices: vec![said] }]);
    assert_eq!(story.bench.frames(from), [], "it is not told its own word");
    story.say(from, vec![said]);
    assert_eq!(story.bench.frames(to), [], "the same again is passed on to nobody");
    let (laptop, phone) = (Author::new(1), Author::new(2));
    assert_eq!(story.told(&laptop), [said]);
    assert_eq!(story.told(&phone), []);
}

#[test]
fn the_latest_words_outlast_a_restart_once_there_was_a_commit() {
    let mut story = two_devices();
    let said = story.word(&story.phone);
    story.say(story.on_phone, vec![said]);
    let view = story.bench.view(story.workspace);
    let entry = story.laptop.content(&view, b"what comes next");
    story.bench.must_append(story.on_laptop, &[&entry]);
    story.bench.restart();
    assert_eq!(story.told(&Author::new(1)), [said]);
}

#[test]
fn a_word_that_nothing_was_appended_after_is_stored_when_the_last_session_ends() {
    let mut story = two_devices();
    let said = story.word(&story.phone);
    story.say(story.on_phone, vec![said]);
    for conn in [story.on_phone, story.on_laptop] {
        story.bench.relay.disconnect(conn);
    }
    story.bench.flush();
    story.bench.restart();
    assert_eq!(story.told(&Author::new(1)), [said]);
}

#[test]
fn a_device_speaks_for_itself_alone_and_signs_what_it_says() {
    let forge: [fn(&Two) -> Vec<SaidHolding>; 4] = [
        |story| vec![story.word(&story.laptop)],
        |story| vec![SaidHolding { time: Millis(8), ..story.word(&story.phone) }],
        |story| vec![story.word(&story.phone), story.word(&story.laptop)],
        |_| Vec::new(),
    ];
    for forged in forge {
        let mut story = two_devices();
        let (devices, conn) = (forged(&story), story.on_phone);
        story.say(conn, devices);
        let frames = story.bench.frames(conn);
        assert!(matches!(frames[..], [Frame::Goodbye { reason: Reason::NotAllowed, .. }]), "{frames:?}");
        assert_eq!(story.bench.frames(story.on_laptop), []);
    }
}

#[test]
fn what_the_log_does_not_bear_out_is_passed_on_to_nobody() {
    let mut story = two_devices();
    let end = story.bench.position(story.workspace);
    let (workspace, conn) = (story.workspace, story.on_phone);
    let words = [(end, LogHash::ZERO), (end.next(), LogHash::ZERO), (Position(u64::MAX), LogHash::ZERO)];
    for (position, hash) in words {
        let said = story.phone.holding(workspace, position, hash, Millis(7));
        story.say(conn, vec![said]);
    }
    assert_eq!((story.bench.frames(conn), story.bench.frames(story.on_laptop)), (vec![], vec![]));
    assert_eq!(story.told(&Author::new(1)), []);
    assert!(!story.bench.is_closed(conn), "another log is found out by signed heads, not by this");
}

#[test]
fn whoever_did_not_say_that_it_hears_them_is_sent_none_and_may_send_none() {
    let mut story = two_devices();
    let said = story.word(&story.phone);
    story.say(story.on_phone, vec![said]);
    let (old, said) = story.bench.hello_with(&[WRITES_DRAFT]);
    story.bench.send_proof(old, story.laptop.prove(said, story.workspace));
    let frames = story.bench.frames(old);
    let [Frame::Welcome(Welcome { capabilities, .. })] = &frames[..] else { panic!("{frames:?}") };
    assert!(!capabilities.iter().any(|name| name == HOLDINGS));
    let own = story.word(&story.laptop);
    story.say(old, vec![own]);
    assert!(matches!(story.bench.frame(old), Frame::Goodbye { reason: Reason::OutOfPlace, .. }));
}
