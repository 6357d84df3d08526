//! A database that was restored from a copy, or cloned: nothing is lost, and it says so.

use bowline_device::{DocumentState, Notice};

use crate::rig::Rig;

fn other_lives(rig: &Rig) -> usize {
    let is_other_life = |notice: &&Notice| matches!(notice, Notice::OtherLife(_));
    rig.notices.iter().filter(is_other_life).count()
}

/// All numbers of all chains on the log are different.
fn assert_no_number_twice(relay: &crate::relay::FakeRelay) {
    let mut numbers: Vec<_> =
        relay.verified().map(|entry| (entry.header().chain(), entry.header().seq)).collect();
    let all = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), all);
}

#[test]
fn a_restored_database_finds_what_it_wrote_since_and_goes_on_in_a_new_life() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("before the copy");
    rig.talk(&mut relay);
    let mut restored = rig.copied();
    rig.say(id, "after the copy");
    rig.talk(&mut relay);
    rig.disconnect();
    restored.say(id, "in the copy");
    restored.sync(&mut relay);
    assert_eq!(other_lives(&restored), 1);
    assert_eq!(restored.texts(id).len(), 2);
    assert_eq!(restored.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_no_number_twice(&relay);
    let mut restored = restored.reopened();
    restored.sync(&mut relay);
    assert_eq!(other_lives(&restored), 0, "once is enough");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(id), restored.texts(id));
}

#[test]
fn two_copies_that_wrote_the_same_number_both_keep_their_work() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("shared");
    rig.talk(&mut relay);
    rig.disconnect();
    let mut clone = rig.copied();
    // Both seal before either knows of the other: the clone's entry is offered, and lost on the way.
    clone.sync(&mut relay);
    clone.sent.clear();
    clone.say(id, "by the clone");
    clone.take_sent();
    let offered = clone.appended();
    assert_eq!(offered.len(), 1);
    clone.disconnect();
    rig.sync(&mut relay);
    rig.say(id, "by the original");
    rig.talk(&mut relay);
    rig.disconnect();
    clone.sync(&mut relay);
    assert!(other_lives(&clone) >= 1);
    assert!(!relay.holds(offered[0].id()), "its number was taken");
    assert_eq!(clone.device.document_state(id).unwrap(), DocumentState::OnRelay);
    rig.sync(&mut relay);
    for texts in [rig.texts(id), clone.texts(id)] {
        assert_eq!(texts.len(), 2, "{texts:?}");
    }
    assert_eq!(rig.device.show(id, rig.now).unwrap().heads, clone.device.show(id, clone.now).unwrap().heads);
    assert_no_number_twice(&relay);
}

#[test]
fn a_copy_in_which_nothing_was_done_since_is_no_other_life() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("before the copy");
    rig.talk(&mut relay);
    let mut copy = rig.copied();
    copy.sync(&mut relay);
    copy.say(id, "goes on");
    copy.talk(&mut relay);
    assert_eq!(other_lives(&copy), 0);
    assert_eq!(copy.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_new_life_outlasts_the_process_that_began_it() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("before the copy");
    rig.talk(&mut relay);
    let mut restored = rig.copied();
    rig.say(id, "after the copy");
    rig.talk(&mut relay);
    restored.sync(&mut relay);
    assert_eq!(other_lives(&restored), 1);
    let mut restored = restored.reopened();
    restored.sync(&mut relay);
    restored.say(id, "in the new life");
    let lives = |rig: &Rig| {
        let life = |entry: &bowline_wire::entry::Entry| entry.clone().header().incarnation;
        rig.appended().iter().map(life).collect::<std::collections::BTreeSet<_>>()
    };
    restored.take_sent();
    assert!(!lives(&restored).is_empty() && lives(&restored).is_disjoint(&lives(&rig)));
}

#[test]
fn a_number_is_never_given_twice_not_even_by_the_next_process() {
    let (mut rig, _, relay) = Rig::member();
    let id = rig.conversation("refused once");
    rig.take_sent();
    let mut numbers: Vec<_> = Vec::new();
    let first = rig.appended()[0].clone();
    rig.receive(&crate::relay::FakeRelay::refused(first.id(), bowline_wire::frame::Reason::WrongEpoch, None));
    rig.take_sent();
    let mut entries = rig.appended();
    let mut rig = rig.reopened();
    rig.conversation("another one");
    rig.say(id, "and more");
    rig.connect(&relay);
    rig.take_sent();
    entries.extend(rig.appended());
    entries.sort_unstable_by_key(bowline_wire::entry::Entry::id);
    entries.dedup_by_key(|entry| entry.id());
    for entry in &entries {
        let entry = entry.clone();
        let number = (entry.header().chain(), entry.header().seq);
        assert!(!numbers.contains(&number), "{number:?}");
        numbers.push(number);
    }
    assert_eq!(numbers.len(), 3);
}
