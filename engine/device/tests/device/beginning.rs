//! A log that begins from the state of a checkpoint, below which the relay has let entries go: what is here afterwards, what is not waited for any
//! more, and that a crash at any place leaves the one or the other.

use std::collections::VecDeque;

use bowline_device::{Checked, Damage, DocumentState, Error, Fault, LogFault, Notice};
use bowline_store::{EntryState, Kept};
use bowline_wire::codec::decode;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, Position};
use bowline_wire::log::State;
use bowline_wire::roster::record::Record;

use crate::author::Author;
use crate::letting_go::state_of;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};

/// The document that somebody begins with this message.
pub(crate) fn doc(n: u8) -> DocId {
    DocId::from_bytes([n; 16])
}

/// An owner, another member and the rig, with a relay.
pub(crate) struct Scene {
    pub(crate) rig: Rig,
    pub(crate) owner: Author,
    pub(crate) other: Author,
    pub(crate) relay: FakeRelay,
    messages: u8,
    /// Places of what is to stay besides the records.
    pub(crate) stays: Vec<u64>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let (rig, mut owner, mut relay) = Rig::member();
        let other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
        Self { rig, owner, other, relay, messages: 0, stays: Vec::new() }
    }

    /// The owner writes; the place.
    pub(crate) fn write(&mut self) -> u64 {
        self.messages += 1;
        let text = format!("message {}", self.messages);
        self.owner.put_message(&mut self.relay, doc(self.messages), &text);
        self.relay.len()
    }

    /// The owner writes something that stays.
    pub(crate) fn write_lasting(&mut self) -> u64 {
        let at = self.write();
        self.stays.push(at);
        at
    }

    pub(crate) fn state(&self) -> State {
        state_of(&self.relay, self.relay.log(), |at, _: &Entry| self.stays.contains(&at))
    }

    /// A checkpoint stands for the log as it is now, by which the rest is let go.
    pub(crate) fn let_go(&mut self) -> State {
        let state = self.state();
        self.relay.lets_go((&mut self.owner, &mut self.other), state.clone());
        state
    }

    pub(crate) fn sync(&mut self) {
        self.rig.sync(&mut self.relay);
        self.rig.sync(&mut self.relay);
    }

    /// A line on which all comes that stays; what is behind the state's place is held back.
    pub(crate) fn bring_kept(&mut self) -> Vec<Frame> {
        self.rig.greet();
        let (mut frames, mut held_back) = (VecDeque::from([self.relay.welcome()]), Vec::new());
        while let Some(frame) = frames.pop_front() {
            if matches!(frame, Frame::Entries { .. }) {
                held_back.push(frame);
                continue;
            }
            self.rig.receive(&frame);
            frames.extend(self.rig.take_sent().into_iter().flat_map(|frame| self.relay.answer(frame)));
        }
        assert_ne!(kept(&self.rig), []);
        held_back
    }

    pub(crate) fn reopen(self) -> Self {
        Self { rig: self.rig.reopened(), ..self }
    }

    /// Somebody who comes in only now.
    pub(crate) fn newcomer(&mut self) -> Rig {
        let secret = self.owner.put_ticket(&mut self.relay, false);
        let mut rig = Rig::new(5);
        rig.join(&code(&self.relay, &secret));
        rig
    }

    pub(crate) fn text(&mut self, n: u8) -> Vec<String> {
        self.rig.texts(doc(n))
    }

    fn position(&self) -> u64 {
        position(&self.rig)
    }
}

pub(crate) fn position(rig: &Rig) -> u64 {
    let row = rig.device.store().read().workspace(rig.workspace()).unwrap().unwrap();
    row.cursor.map_or(0, |cursor| cursor.pos.0)
}

pub(crate) fn begun(rig: &Rig) -> Option<State> {
    let stored = rig.device.store().read().begun(rig.workspace()).unwrap();
    stored.map(|bytes| decode(&bytes).unwrap())
}

pub(crate) fn kept(rig: &Rig) -> Vec<Kept> {
    rig.device.store().read().kept(rig.workspace(), Position::START, usize::MAX).unwrap()
}

pub(crate) fn check(rig: &Rig) -> Checked {
    let mut check = rig.device.stored_log(rig.workspace()).check().unwrap().unwrap();
    while check.step().unwrap() {}
    check.end().unwrap()
}

pub(crate) fn faults(rig: &Rig) -> Vec<(u64, Fault)> {
    check(rig).faults.into_iter().map(|LogFault { position, fault }| (position.0, fault)).collect()
}

/// Whether a device has the whole log by a state, and all that is stored of it verifies.
pub(crate) fn assert_begun(rig: &Rig, relay: &FakeRelay, state: &State) {
    assert_eq!(position(rig), relay.len());
    assert_eq!(begun(rig).as_ref(), Some(state));
    assert_eq!(kept(rig), []);
    let checked = check(rig);
    assert_eq!(checked.faults, []);
    let told = checked.begun.unwrap();
    assert_eq!((told.at, told.digest, told.stands), (state.at, state.digest(rig.workspace()), true));
    assert_eq!((checked.to.0, checked.judged_to), (relay.len(), checked.to));
    let status = rig.status();
    assert_eq!((status.fault, status.evidence.len()), (None, 0));
}

#[test]
fn a_newcomer_has_what_stays_and_what_comes_after_and_says_from_where_on_all_is_here() {
    let mut scene = Scene::new();
    let mut rig = scene.newcomer();
    scene.write();
    scene.write_lasting();
    let state = scene.let_go();
    scene.write();
    rig.sync(&mut scene.relay);
    rig.sync(&mut scene.relay);
    assert!(rig.status().member);
    assert_begun(&rig, &scene.relay, &state);
    let mut rig = rig.reopened();
    assert_begun(&rig, &scene.relay, &state);
    assert_eq!((rig.texts(doc(2)), rig.texts(doc(3))), (vec!["message 2".into()], vec!["message 3".into()]));
    assert!(rig.try_texts(doc(1)).is_err());
    rig.sync(&mut scene.relay);
    let ours = rig.conversation("ours");
    rig.talk(&mut scene.relay);
    assert!(is_sent(&rig, ours));
    assert_begun(&rig, &scene.relay, &state);
}

#[test]
fn whoever_comes_back_keeps_what_was_here_and_begins_from_the_state() {
    let mut scene = Scene::new();
    scene.write();
    scene.write_lasting();
    scene.sync();
    scene.rig.disconnect();
    scene.write();
    scene.write_lasting();
    let state = scene.let_go();
    let ours = scene.rig.conversation("written offline");
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    let mut scene = scene.reopen();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(
        (scene.text(1), scene.text(2), scene.text(4)),
        (vec!["message 1".into()], vec!["message 2".into()], vec!["message 4".into()])
    );
    assert!(scene.rig.try_texts(doc(3)).is_err());
    assert!(is_sent(&scene.rig, ours));
}

#[test]
fn a_log_goes_on_from_a_later_state_as_well() {
    let mut scene = Scene::new();
    scene.write_lasting();
    scene.let_go();
    scene.sync();
    scene.write_lasting();
    scene.sync();
    scene.rig.disconnect();
    scene.write();
    let state = scene.let_go();
    scene.sync();
    let scene = scene.reopen();
    assert_begun(&scene.rig, &scene.relay, &state);
}

#[test]
fn nothing_of_what_is_on_its_way_is_seen_before_the_log_begins() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    let before = scene.position();
    scene.write_lasting();
    let state = scene.let_go();
    scene.bring_kept();
    let count = kept(&scene.rig).len();
    let mut scene = scene.reopen();
    // The process has ended in between: what is left is in nobody's way.
    assert_eq!((kept(&scene.rig).len(), scene.position(), begun(&scene.rig)), (count, before, None));
    assert!(scene.rig.try_texts(doc(1)).is_err());
    assert_eq!(faults(&scene.rig), []);
    assert_eq!(scene.rig.status().withheld, None);
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.text(1), ["message 1"]);
}

#[test]
fn what_is_on_its_way_goes_with_its_workspace() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    scene.write_lasting();
    scene.let_go();
    scene.bring_kept();
    let (workspace, now) = (scene.rig.workspace(), scene.rig.now);
    scene.rig.device.forget_workspace(workspace, now).unwrap();
    assert_eq!(kept(&scene.rig), []);
}

#[test]
fn a_line_that_breaks_at_any_place_leaves_a_device_that_begins_all_the_same() {
    for answers in 0.. {
        let mut scene = Scene::new();
        scene.write();
        scene.sync();
        scene.rig.disconnect();
        scene.write_lasting();
        scene.rig.conversation("offline");
        let state = scene.let_go();
        scene.rig.try_sync_until(&mut scene.relay, answers).unwrap();
        let is_whole = position(&scene.rig) > state.at.0;
        let mut scene = scene.reopen();
        scene.sync();
        assert_begun(&scene.rig, &scene.relay, &state);
        if is_whole && answers > 4 {
            break;
        }
    }
}

#[test]
fn a_crash_at_any_commit_leaves_a_device_that_works_and_begins_again() {
    for nth in 1.. {
        let mut scene = Scene::new();
        scene.write();
        scene.sync();
        scene.rig.disconnect();
        scene.write_lasting();
        scene.rig.conversation("offline");
        let state = scene.let_go();
        scene.rig.commits.refuse(nth);
        let done = scene.rig.try_sync(&mut scene.relay);
        let is_over = !scene.rig.commits.is_spent();
        assert_eq!(done.is_ok(), is_over, "{done:?}");
        scene.rig.commits.refuse(0);
        let mut scene = scene.reopen();
        assert_eq!(faults(&scene.rig), [], "at commit {nth}");
        assert_eq!(scene.text(1), ["message 1"]);
        scene.sync();
        let scene = scene.reopen();
        assert_begun(&scene.rig, &scene.relay, &state);
        if is_over {
            assert!(nth > 4);
            break;
        }
    }
}

/// What this device has offered, whose entry the relay has taken, and of which it has not heard.
fn taken_unheard(scene: &mut Scene) -> (DocId, Vec<Entry>) {
    scene.sync();
    let ours = scene.rig.conversation("ours");
    scene.rig.take_sent();
    let sent = scene.rig.appended();
    assert!(!sent.is_empty());
    for entry in &sent {
        scene.relay.put(entry.to_signed());
    }
    scene.rig.disconnect();
    scene.rig.sent.clear();
    (ours, sent)
}

/// Whether nothing of a document is here alone.
pub(crate) fn is_sent(rig: &Rig, doc: DocId) -> bool {
    let state = rig.device.document_state(doc).unwrap();
    matches!(state, DocumentState::OnRelay | DocumentState::OnDevices(_))
}

pub(crate) fn rows_in(rig: &Rig, state: EntryState) -> usize {
    rig.device.store().read().entries_in_state(rig.workspace(), state).unwrap().len()
}

#[test]
fn what_was_offered_and_is_among_what_stays_has_its_place() {
    let mut scene = Scene::new();
    let (ours, sent) = taken_unheard(&mut scene);
    scene.stays.extend(scene.relay.len() - sent.len() as u64 + 1..=scene.relay.len());
    let state = scene.let_go();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.appended(), []);
    assert_eq!((rows_in(&scene.rig, EntryState::Offered), rows_in(&scene.rig, EntryState::LetGo)), (0, 0));
    assert!(is_sent(&scene.rig, ours));
}

#[test]
fn what_was_offered_and_let_go_since_is_not_sent_again_and_counts_as_sent() {
    let mut scene = Scene::new();
    let (ours, sent) = taken_unheard(&mut scene);
    let state = scene.let_go();
    scene.sync();
    let mut scene = scene.reopen();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.appended(), []);
    assert_eq!(rows_in(&scene.rig, EntryState::LetGo), sent.len());
    let read = scene.rig.device.store().read();
    assert_eq!(read.docs_with_unsealed(Some(scene.rig.workspace())).unwrap(), []);
    let status = scene.rig.status();
    assert_eq!((status.quarantined.len(), status.refused, status.withheld), (0, 0, None));
    assert!(is_sent(&scene.rig, ours));
    // What comes next of the document goes on from there.
    scene.rig.say(ours, "more");
    scene.rig.talk(&mut scene.relay);
    assert_eq!(scene.rig.texts(ours), ["more"]);
    assert!(is_sent(&scene.rig, ours));
}

#[test]
fn a_decision_whose_record_the_log_has_had_is_settled() {
    let mut scene = Scene::new();
    scene.sync();
    let (workspace, now) = (scene.rig.workspace(), scene.rig.now);
    let key = scene.rig.device.link_device(workspace, now).unwrap();
    scene.rig.take_sent();
    for entry in scene.rig.appended() {
        scene.relay.put(entry.to_signed());
    }
    scene.rig.disconnect();
    assert_eq!(scene.rig.device.decisions(workspace).unwrap().len(), 1);
    let state = scene.let_go();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert!(scene.rig.device.decisions(workspace).unwrap().is_empty());
    assert!(scene.rig.device.code(workspace, key).unwrap().is_some());
    assert!(scene.rig.notices.iter().any(|notice| matches!(notice, Notice::CodeReady { .. })));
}

#[test]
fn a_body_that_was_withheld_is_not_waited_for_once_its_entry_is_gone() {
    let mut scene = Scene::new();
    let gone = scene.write();
    let lasting = scene.write_lasting();
    scene.relay.withholds.extend([gone, lasting]);
    scene.sync();
    assert_eq!(scene.rig.status().withheld.map(|it| it.entries), Some(2));
    scene.rig.disconnect();
    scene.write();
    let state = scene.let_go();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.status().withheld.map(|it| it.entries), Some(1));
    let first = scene.rig.device.store().read().first_withheld(scene.rig.workspace()).unwrap();
    assert_eq!(first, Some(Position(lasting)));
    scene.relay.withholds.clear();
    scene.rig.disconnect();
    scene.rig.now = scene.rig.now.plus(86_400_000);
    scene.sync();
    assert_eq!(scene.rig.status().withheld, None);
    assert_eq!(scene.text(2), ["message 2"]);
}

#[test]
fn what_stays_without_its_body_is_withheld_and_told() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    let lasting = scene.write_lasting();
    scene.relay.withholds.insert(lasting);
    let state = scene.let_go();
    scene.sync();
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.rig.status().withheld.map(|it| it.entries), Some(1));
    assert!(scene.rig.notices.contains(&Notice::Withheld(scene.rig.workspace())));
}

#[test]
fn a_device_that_was_removed_below_the_state_learns_it_from_what_stays() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    scene.rig.connect(&scene.relay);
    let asked = scene.rig.take_sent();
    let own = scene.rig.device.id_in(scene.rig.workspace());
    let roster = scene.relay.log().roster();
    let user = roster.device(&own).unwrap().user;
    let stay = roster.devices().filter(|(id, it)| **id != own && it.is_active());
    let recipients: Vec<_> = stay.map(|(_, it)| it.hpke.clone()).collect();
    let rekey = scene.owner.rekey(&recipients);
    let removal = Record::RemoveMember { user, cut: Vec::new(), rekey: rekey.clone() };
    scene.owner.put_record(&mut scene.relay, &removal);
    scene.owner.accept(&scene.relay, &rekey);
    let state = scene.let_go();
    for frame in asked.into_iter().filter(|frame| matches!(frame, Frame::Subscribe { .. })) {
        for answer in scene.relay.answer(frame) {
            scene.rig.receive(&answer);
        }
    }
    scene.rig.talk(&mut scene.relay);
    assert_eq!(begun(&scene.rig), Some(state));
    assert!(scene.rig.notices.contains(&Notice::Removed(scene.rig.workspace())));
    let scene = scene.reopen();
    assert!(scene.rig.device.membership(scene.rig.workspace()).unwrap().is_over());
}

#[test]
fn what_comes_behind_the_state_in_many_frames_is_taken_in_as_one_log() {
    let mut scene = Scene::new();
    scene.sync();
    scene.rig.disconnect();
    scene.write_lasting();
    let state = scene.let_go();
    for _ in 0..3 {
        scene.write();
    }
    scene.rig.greet();
    let mut frames = VecDeque::from([scene.relay.welcome()]);
    while let Some(frame) = frames.pop_front() {
        scene.rig.receive(&frame);
        let sent = scene.rig.take_sent();
        let answers: Vec<Frame> = sent.into_iter().flat_map(|frame| scene.relay.answer(frame)).collect();
        for frame in answers {
            match frame {
                Frame::Entries { first, entries, .. } => {
                    let last = first.0 + entries.len() as u64 - 1;
                    frames.extend((first.0..=last).map(|at| scene.relay.frame(at, at)));
                }
                frame => frames.push_back(frame),
            }
        }
    }
    assert_begun(&scene.rig, &scene.relay, &state);
    assert_eq!(scene.text(4), ["message 4"]);
}

#[test]
fn a_log_does_not_begin_with_less_than_all_that_stays() {
    for damage in ["DELETE FROM kept WHERE n = (SELECT max(n) FROM kept)", "UPDATE kept SET entry = x'80'"] {
        let mut scene = Scene::new();
        scene.sync();
        scene.rig.disconnect();
        let before = scene.position();
        scene.write_lasting();
        let state = scene.let_go();
        let held_back = scene.bring_kept();
        assert!(scene.rig.device.store().connection().execute(damage, ()).unwrap() > 0);
        let done = held_back.iter().try_for_each(|frame| scene.rig.try_receive(frame));
        assert!(matches!(done, Err(Error::Damaged(Damage::Kept))), "{done:?}");
        let mut scene = scene.reopen();
        assert_eq!((scene.position(), begun(&scene.rig)), (before, None));
        scene.sync();
        assert_begun(&scene.rig, &scene.relay, &state);
    }
}
