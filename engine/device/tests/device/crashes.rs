//! A crash at any commit, and between a commit and what it allows to be sent.

use std::collections::BTreeMap;

use bowline_core::document::Role;
use bowline_device::Error;
use bowline_device::{DocumentState, Notice};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, EntryId, TicketKey};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, entries_on};

const THEIRS: DocId = DocId::from_bytes([9; 16]);

/// One device's life, in steps that are repeated when the process ended in the middle of one.
struct Story {
    rig: Option<Rig>,
    relay: FakeRelay,
    /// Every entry the line was ever given.
    left: BTreeMap<EntryId, Entry>,
    acknowledged: Vec<String>,
    crashes: usize,
    refused: usize,
}

impl Story {
    fn begin(nth: i64) -> Self {
        let (rig, relay) = Rig::creator(1);
        rig.commits.refuse(nth);
        Self {
            rig: Some(rig),
            relay,
            left: BTreeMap::new(),
            acknowledged: Vec::new(),
            crashes: 0,
            refused: 0,
        }
    }

    fn rig(&mut self) -> &mut Rig {
        self.rig.as_mut().unwrap()
    }

    /// Whatever came of the last step: if the database failed under it, the process ends and a new one begins.
    fn survive<T>(&mut self, done: Result<T, Error>) -> Option<T> {
        let rig = self.rig.as_mut().unwrap();
        rig.take_sent();
        let left = rig.appended();
        self.left.extend(left.into_iter().map(|entry| (entry.id(), entry)));
        if !rig.device.needs_reopening() {
            self.refused += usize::from(done.is_err());
            return done.ok();
        }
        let asked = rig.sent.iter().filter_map(|frame| match frame {
            Frame::Subscribe { after } => Some(*after),
            _ => None,
        });
        let asked = asked.max();
        assert!(rig.device.poll_transmit(rig.workspace()).is_none(), "memory may be ahead of the disk");
        self.crashes += 1;
        let rig = self.rig.take().unwrap().reopened();
        let read = rig.device.store().read();
        for (id, entry) in &self.left {
            let row = read.entry_by_id(rig.workspace(), *id).unwrap();
            let row = row.unwrap_or_else(|| panic!("{id:?} has left and is not in the database"));
            let entry = entry.clone();
            assert_eq!(row.header, entry.signed_header().bytes());
            assert_eq!(read.body(row.n).unwrap().as_deref(), entry.body());
        }
        let cursor = read.workspace(rig.workspace()).unwrap().unwrap().cursor;
        assert!(asked.is_none_or(|asked| asked.0 <= cursor.map_or(0, |cursor| cursor.pos.0)));
        self.rig = Some(rig);
        done.ok()
    }

    fn repeat<T>(&mut self, mut step: impl FnMut(&mut Rig) -> Result<T, Error>) -> T {
        for _ in 0..5 {
            let done = step(self.rig());
            if let Some(done) = self.survive(done) {
                return done;
            }
        }
        panic!("one refused commit, and still it does not work")
    }

    fn sync(&mut self) {
        for _ in 0..2 {
            let Self { rig, relay, .. } = self;
            let done = rig.as_mut().unwrap().try_sync(relay);
            self.survive(done);
        }
    }

    fn say(&mut self, id: DocId, text: &str) {
        let now = self.rig().now;
        // Asked again only if it was not acknowledged and is not there: nobody says a thing twice.
        self.repeat(|rig| {
            if rig.try_texts(id)?.iter().any(|said| said == text) {
                Ok(())
            } else {
                rig.device.say(id, Role::User, text, now).map(drop)
            }
        });
        self.acknowledged.push(text.to_owned());
    }

    fn decide(&mut self, decide: impl Fn(&mut Rig) -> Result<(), Error>) {
        self.repeat(|rig| match rig.status().undecided {
            0 => decide(rig),
            _ => Ok(()),
        });
    }
}

/// Tells the story with the nth commit refused; whether there was one.
fn story(nth: i64) -> bool {
    let mut story = Story::begin(nth);
    let now = story.rig().now;
    let workspace = story.rig().workspace();
    story.sync();
    let id = story.repeat(|rig| rig.device.create_conversation(Some("a title"), now));
    story.say(id, "one");
    story.sync();
    let key = invite(&mut story);
    let code = story.rig().device.code(workspace, key).unwrap().expect("the log has it");
    let mut member = Author::join(7, &code.secret, &mut story.relay);
    member.put_message(&mut story.relay, THEIRS, "from a member");
    story.rig().disconnect();
    story.say(id, "two");
    story.say(id, "three");
    story.sync();
    assert_eq!(story.repeat(|rig| rig.device.show(THEIRS, now)).transcript.entries.len(), 1);
    member.put_message(&mut story.relay, id, "an answer");
    let user = member.user();
    story.decide(|rig| rig.device.remove_member(workspace, user, now));
    story.say(id, "four");
    story.sync();
    story.say(id, "five");
    story.sync();
    assert!(story.rig().commits.is_spent() || story.crashes + story.refused == 0);
    let spent = story.rig().commits.is_spent();
    story.rig().commits.refuse(0);
    for _ in 0..3 {
        story.sync();
    }
    check(story, &member, id, nth);
    spent
}

fn invite(story: &mut Story) -> TicketKey {
    let now = story.rig().now;
    let workspace = story.rig().workspace();
    story.decide(|rig| rig.device.invite(workspace, now).map(drop));
    story.sync();
    let roster = story.relay.log().roster();
    let (key, _) = roster.tickets().next().expect("the decision reached the log");
    *key
}

fn check(mut story: Story, member: &Author, id: DocId, nth: i64) {
    let texts = story.rig().texts(id);
    for said in &story.acknowledged {
        assert_eq!(texts.iter().filter(|text| *text == said).count(), 1, "{nth}: {said} in {texts:?}");
    }
    assert!(texts.iter().any(|text| text == "an answer"), "{nth}: {texts:?}");
    let status = story.rig().status();
    assert_eq!((status.undecided, status.waiting_for, status.offered), (0, None, 0), "{nth}");
    assert_eq!((status.queued, status.refused, status.update_needed), (0, 0, 0), "{nth}");
    assert!(status.quarantined.is_empty() && status.fault.is_none(), "{nth}: {status:?}");
    let is_other_life = |notice: &Notice| matches!(notice, Notice::OtherLife(_));
    assert!(!story.rig().notices.iter().any(is_other_life), "{nth}: it is the same life");
    assert_eq!(story.rig().device.document_state(id).unwrap(), DocumentState::OnRelay, "{nth}");
    let relay = &story.relay;
    assert!(!relay.log().roster().is_active(&member.id()), "{nth}");
    let chains: std::collections::BTreeSet<_> =
        relay.verified().map(|entry| (entry.header().device, entry.header().incarnation)).collect();
    assert_eq!(chains.len(), 2, "{nth}: one life of each");
    assert!(entries_on(relay, member, id).len() >= 4, "{nth}");
}

#[test]
fn whatever_commit_fails_nothing_that_was_acknowledged_or_sent_is_lost() {
    let mut nth = 1;
    while story(nth) {
        nth += 1;
    }
    assert!(nth > 30, "{nth} commits are too few to be true");
}

#[test]
fn what_is_durable_and_was_never_sent_is_sent_byte_for_byte_by_the_next_process() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("sealed at once");
    let offered: Vec<EntryId> = offered(&rig);
    assert_eq!(offered.len(), 1);
    // The process ends before the host has asked for anything to transmit.
    for _ in 0..2 {
        rig = rig.reopened();
        rig.connect(&relay);
        rig.take_sent();
        let sent: Vec<EntryId> = rig.appended().iter().map(Entry::id).collect();
        assert_eq!(sent, offered);
    }
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

fn offered(rig: &Rig) -> Vec<EntryId> {
    let rows = rig.device.store().read().offered(rig.workspace()).unwrap();
    rows.into_iter().map(|row| row.id).collect()
}

#[test]
fn nothing_leaves_before_it_is_durable() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.disconnect();
    rig.conversation("not durable as an entry");
    rig.connect(&relay);
    rig.take_sent();
    let sealed = rig.appended().len();
    assert_eq!(sealed, 1);
    // The same again, with the commit that stores the entry refused.
    let (mut rig, _, _) = Rig::member();
    rig.disconnect();
    rig.conversation("not durable as an entry");
    rig.device.handle_connected(rig.workspace(), None, rig.now).unwrap();
    rig.receive(&FakeRelay::challenge());
    rig.take_sent();
    rig.commits.refuse(1);
    assert!(rig.try_receive(&relay.welcome()).is_err());
    assert!(rig.take_sent().iter().all(|frame| !matches!(frame, Frame::Append { .. })));
    assert!(offered(&rig).is_empty());
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert_eq!(rig.appended().len(), 1);
}

#[test]
fn after_a_failed_commit_nothing_more_is_taken_in_or_sent_and_edits_go_on() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("mine");
    rig.talk(&mut relay);
    owner.put_message(&mut relay, THEIRS, "one");
    owner.put_message(&mut relay, THEIRS, "two");
    let last = relay.len();
    rig.commits.refuse(1);
    assert!(rig.try_receive(&relay.frame(last - 1, last - 1)).is_err());
    assert!(matches!(rig.try_receive(&relay.frame(last, last)), Err(Error::Reopen)));
    rig.say(id, "written all the same");
    assert!(rig.take_sent().is_empty());
    assert!(rig.device.handle_connected(rig.workspace(), None, rig.now).is_err());
    assert!(rig.device.handle_timeout(rig.now).is_err());
    assert!(rig.take_sent().is_empty());
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert_eq!(rig.texts(THEIRS).len(), 2);
    assert_eq!(rig.texts(id), ["written all the same"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn an_edit_whose_commit_failed_was_never_made_and_one_that_is_durable_is_never_denied() {
    let (mut rig, _, _) = Rig::member();
    let id = rig.conversation("mine");
    rig.commits.refuse(1);
    assert!(rig.device.say(id, Role::User, "not stored", rig.now).is_err());
    assert!(rig.texts(id).is_empty());
    rig.say(id, "stored");
    assert_eq!(rig.texts(id), ["stored"]);
    // The edit's own commit goes through, the one after it that would seal it does not.
    let (mut rig, _, relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("mine");
    rig.sync(&mut relay.clone());
    rig.commits.refuse(2);
    assert!(rig.device.say(id, Role::User, "durable", rig.now).is_ok());
    assert!(rig.device.needs_reopening());
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), ["durable"]);
}

#[test]
fn a_document_is_there_whole_or_not_at_all() {
    for nth in 1..4 {
        let mut rig = Rig::new(3);
        rig.commits.refuse(nth);
        let made = rig.device.create_conversation(Some("a title"), rig.now);
        rig.commits.refuse(0);
        let rig = rig.reopened();
        let listed = rig.device.list(false).unwrap();
        assert_eq!(listed.len(), usize::from(made.is_ok()), "{nth}");
        assert!(listed.iter().all(|listed| listed.title == "a title"));
    }
}
