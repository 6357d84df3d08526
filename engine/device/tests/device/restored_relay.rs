//! A relay that was restored from its backup: devices notice, send again what it lacks, and nothing is lost. Nobody is asked.

use std::collections::BTreeSet;

use bowline_core::sync::NotReady;
use bowline_device::{DocumentState, Notice};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DocId, EntryId};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, two};

fn ids(relay: &FakeRelay) -> Vec<EntryId> {
    relay.verified().map(|entry| entry.id()).collect()
}

/// Everything that the relay had is on the log again, and whoever looks from its beginning agrees.
pub(crate) fn assert_has_all(relay: &FakeRelay, before: &FakeRelay) {
    let (now, then): (BTreeSet<_>, BTreeSet<_>) =
        (ids(relay).into_iter().collect(), ids(before).into_iter().collect());
    assert!(now.is_superset(&then), "{} entries are lost", then.difference(&now).count());
}

fn restored_notice(rig: &Rig) -> Option<usize> {
    rig.notices.iter().find_map(|notice| match notice {
        Notice::Restored { entries, .. } => Some(*entries),
        _ => None,
    })
}

/// The device is where the relay is, with nothing on its way.
pub(crate) fn assert_in_step(rig: &Rig, relay: &FakeRelay) {
    let status = rig.status();
    assert_eq!(status.signed, Some(relay.head()));
    assert_eq!((status.sent_again, status.offered, status.queued), (0, 0, 0));
    assert_eq!(status.waiting_for, None);
    assert!(status.evidence.is_empty() && status.fault.is_none() && status.behind.is_none());
}

#[test]
fn where_nothing_was_lost_a_device_follows_and_sends_nothing_again() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("before");
    rig.talk(&mut relay);
    rig.disconnect();
    rig.sent.clear();
    let mut relay = relay.restored(relay.len(), 21);
    rig.sync(&mut relay);
    assert!(rig.appended().is_empty() && restored_notice(&rig).is_none());
    rig.say(id, "after");
    rig.talk(&mut relay);
    assert_in_step(&rig, &relay);
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    rig.say(id, "and after a start");
    rig.talk(&mut relay);
    assert_in_step(&rig, &relay);
    assert_eq!(rig.texts(id), ["after", "and after a start"]);
}

#[test]
fn a_device_that_is_behind_the_place_only_follows() {
    let (one, mut other, mut relay) = two();
    let mut one = one;
    one.disconnect();
    other.disconnect();
    let id = other.conversation("written while the first one was away");
    other.sync(&mut relay);
    other.disconnect();
    let mut relay = relay.restored(relay.len(), 21);
    one.sync(&mut relay);
    assert_in_step(&one, &relay);
    assert!(restored_notice(&one).is_none());
    assert_eq!(one.texts(id), Vec::<String>::new());
    one.say(id, "goes on");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id), ["goes on"]);
}

#[test]
fn what_a_device_wrote_itself_is_sent_again_in_the_old_order_and_shown_meanwhile() {
    let (mut rig, _, mut relay) = Rig::member();
    let backup = relay.len();
    let id = rig.conversation("lost");
    for text in ["one", "two", "three"] {
        rig.say(id, text);
        rig.talk(&mut relay);
    }
    let lost = ids(&relay).split_off(usize::try_from(backup).unwrap());
    rig.disconnect();
    rig.sent.clear();
    let before = relay.clone();
    let mut relay = relay.restored(backup, 21);
    rig.connect(&relay);
    assert_eq!(restored_notice(&rig), Some(lost.len()));
    assert_eq!(rig.texts(id), ["one", "two", "three"], "while nothing of it is on the log");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
    assert_eq!(rig.status().sent_again, lost.len());
    assert_eq!(rig.status().waiting_for, Some(NotReady::SendingAgain));
    rig.talk(&mut relay);
    let sent: Vec<EntryId> = rig.appended().iter().map(Entry::id).collect();
    assert_eq!(sent, lost);
    assert_has_all(&relay, &before);
    assert_in_step(&rig, &relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    rig.say(id, "four");
    rig.talk(&mut relay);
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), ["one", "two", "three", "four"]);
    rig.sync(&mut relay);
    assert_in_step(&rig, &relay);
}

#[test]
fn what_others_wrote_is_sent_again_by_whoever_has_it() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let id = other.conversation("by the other one");
    other.say(id, "lost");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["lost"]);
    one.disconnect();
    let before = relay.clone();
    let mut relay = relay.restored(backup, 21);
    // Whoever wrote it stays away.
    one.sync(&mut relay);
    assert_has_all(&relay, &before);
    assert_in_step(&one, &relay);
    assert_eq!(one.texts(id), ["lost"]);
    other.disconnect();
    other.sent.clear();
    other.sync(&mut relay);
    assert_in_step(&other, &relay);
    assert!(other.appended().is_empty(), "all of it was there again");
    other.say(id, "goes on");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(
        (one.texts(id), other.texts(id)),
        (vec!["lost".into(), "goes on".into()], vec!["lost".into(), "goes on".into()])
    );
}

#[test]
fn two_devices_that_both_send_again_end_with_one_log() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let (mine, theirs) = (one.conversation("one's"), other.conversation("other's"));
    for text in ["a", "b"] {
        one.say(mine, text);
        other.say(theirs, text);
        exchange(&mut one, &mut other, &mut relay);
    }
    one.disconnect();
    other.disconnect();
    let before = relay.clone();
    let mut relay = relay.restored(backup, 21);
    // Both are let in before either has sent anything.
    one.connect(&relay);
    other.connect(&relay);
    let (first, second) = (one.take_sent(), other.take_sent());
    let mut answers = (Vec::new(), Vec::new());
    for frame in first {
        answers.0.extend(relay.answer(frame));
    }
    for frame in second {
        answers.1.extend(relay.answer(frame));
    }
    answers.0.iter().for_each(|frame| one.receive(frame));
    answers.1.iter().for_each(|frame| other.receive(frame));
    exchange(&mut one, &mut other, &mut relay);
    assert_has_all(&relay, &before);
    assert_eq!(relay.len(), before.len(), "nothing twice");
    for rig in [&mut one, &mut other] {
        assert_eq!(
            (rig.texts(mine), rig.texts(theirs)),
            (vec!["a".into(), "b".into()], vec!["a".into(), "b".into()])
        );
    }
    exchange(&mut one, &mut other, &mut relay);
    assert_in_step(&one, &relay);
    assert_in_step(&other, &relay);
}

#[test]
fn work_that_waited_goes_after_what_is_sent_again() {
    let (mut rig, _, mut relay) = Rig::member();
    let backup = relay.len();
    let id = rig.conversation("both");
    rig.say(id, "lost");
    rig.talk(&mut relay);
    // Offered and never answered, and not even sealed.
    rig.say(id, "offered");
    rig.take_sent();
    rig.disconnect();
    let offline = rig.conversation("offline");
    let before = relay.clone();
    let mut relay = relay.restored(backup, 21);
    rig.sent.clear();
    rig.sync(&mut relay);
    let first: Vec<EntryId> = rig.appended().iter().map(Entry::id).collect();
    let lost = ids(&before).split_off(usize::try_from(backup).unwrap());
    assert_eq!(first[..lost.len()], lost);
    assert_has_all(&relay, &before);
    assert_in_step(&rig, &relay);
    assert_eq!(rig.texts(id), ["lost", "offered"]);
    assert_eq!(rig.device.document_state(offline).unwrap(), DocumentState::OnRelay);
}

#[test]
fn who_comes_late_sees_what_those_see_who_were_there() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let id = one.conversation("shared");
    one.say(id, "lost");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    let mut relay = relay.restored(backup, 21);
    other.disconnect();
    other.sync(&mut relay);
    let more = other.conversation("after the restore");
    other.talk(&mut relay);
    exchange(&mut one, &mut other, &mut relay);
    let workspace = one.workspace();
    let key = one.device.link_device(workspace, one.now).unwrap();
    one.sync(&mut relay);
    let code = one.device.code(workspace, key).unwrap().unwrap();
    let mut late = Rig::new(9);
    late.join(&code);
    for _ in 0..3 {
        late.sync(&mut relay);
        exchange(&mut one, &mut other, &mut relay);
    }
    assert_in_step(&late, &relay);
    for rig in [&mut one, &mut other, &mut late] {
        assert_eq!(rig.texts(id), ["lost"]);
        assert!(rig.device.document_state(more).is_ok());
        assert!(rig.status().quarantined.is_empty());
    }
}

/// A workspace whose maker has removed a member, which the backup does not know.
fn removal_is_lost() -> (Rig, Author, FakeRelay, FakeRelay, DocId) {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let code = rig.invited(&mut relay);
    let member = Author::join(7, &code.secret, &mut relay);
    rig.sync(&mut relay);
    let backup = relay.len();
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    rig.talk(&mut relay);
    let id = rig.conversation("under the new key");
    rig.say(id, "not for them");
    rig.talk(&mut relay);
    rig.disconnect();
    rig.notices.clear();
    let back = relay.restored(backup, 21);
    (rig, member, relay, back, id)
}

#[test]
fn a_removal_and_its_key_come_back_as_they_were() {
    let (mut rig, member, before, mut relay, id) = removal_is_lost();
    assert!(relay.log().roster().is_active(&member.id()));
    rig.sync(&mut relay);
    assert!(!relay.log().roster().is_active(&member.id()));
    assert_has_all(&relay, &before);
    assert_eq!(relay.len(), before.len());
    assert_in_step(&rig, &relay);
    assert_eq!(relay.log().roster().epoch(), before.log().roster().epoch());
    rig.say(id, "goes on");
    rig.talk(&mut relay);
    assert_in_step(&rig, &relay);
}

#[test]
fn a_removal_that_is_not_taken_again_is_decided_again() {
    let (mut rig, member, before, mut relay, id) = removal_is_lost();
    let removal = before.verified().nth(usize::try_from(relay.len()).unwrap()).unwrap();
    relay.refuses.insert(removal.id(), Reason::RosterStale);
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    assert!(!relay.log().roster().is_active(&member.id()), "a removal once in force is not lost");
    assert_ne!(relay.log().roster().epoch(), before.log().roster().epoch(), "under a new key");
    assert_in_step(&rig, &relay);
    assert_eq!(rig.texts(id), ["not for them"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    rig.say(id, "goes on");
    rig.talk(&mut relay);
    assert_in_step(&rig, &relay);
}

#[test]
fn own_work_that_is_not_taken_again_is_sealed_anew() {
    let (mut rig, _, mut relay) = Rig::member();
    let backup = relay.len();
    let id = rig.conversation("mine");
    rig.say(id, "one");
    rig.talk(&mut relay);
    rig.say(id, "two");
    rig.talk(&mut relay);
    rig.texts(id);
    rig.disconnect();
    let last = ids(&relay).pop().unwrap();
    let mut relay = relay.restored(backup, 21);
    relay.refuses.insert(last, Reason::WrongEpoch);
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    assert!(!relay.holds(last));
    assert_in_step(&rig, &relay);
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), ["one", "two"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn what_of_others_is_not_taken_again_is_kept_apart_and_written_anew_by_them() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let id = other.conversation("by the other one");
    other.say(id, "first");
    other.talk(&mut relay);
    other.say(id, "lost");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["first", "lost"]);
    one.disconnect();
    other.disconnect();
    let last = ids(&relay).pop().unwrap();
    let mut relay = relay.restored(backup, 21);
    relay.refuses.insert(last, Reason::WrongEpoch);
    for _ in 0..2 {
        one.sync(&mut relay);
    }
    assert_eq!(one.status().quarantined.len(), 1);
    assert_eq!(one.texts(id), ["first"], "as everybody else sees it");
    exchange(&mut one, &mut other, &mut relay);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(
        (one.texts(id), other.texts(id)),
        (vec!["first".into(), "lost".into()], vec!["first".into(), "lost".into()])
    );
    assert_in_step(&one, &relay);
    assert_in_step(&other, &relay);
}

#[test]
fn what_waits_for_nothing_any_more_is_not_waited_for() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let id = other.conversation("by the other one");
    for text in ["a", "b", "c"] {
        other.say(id, text);
        exchange(&mut one, &mut other, &mut relay);
    }
    one.disconnect();
    let second = ids(&relay)[usize::try_from(backup).unwrap() + 1];
    let mut relay = relay.restored(backup, 21);
    // The first refusal is for good; those behind it in the chain then wait for nothing.
    relay.refuses.insert(second, Reason::WrongEpoch);
    one.sync(&mut relay);
    for _ in 0..4 {
        one.now = one.now.plus(6_000);
        one.device.handle_timeout(one.now).unwrap();
        one.talk(&mut relay);
    }
    assert_eq!(one.status().sent_again, 0);
    let mine = one.conversation("and everything goes on");
    one.talk(&mut relay);
    assert_eq!(one.device.document_state(mine).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_crash_at_any_commit_loses_nothing() {
    let mut nth = 1;
    loop {
        let (mut one, mut other, mut relay) = two();
        let backup = relay.len();
        let id = one.conversation("shared");
        one.say(id, "mine");
        exchange(&mut one, &mut other, &mut relay);
        other.say(id, "theirs");
        exchange(&mut one, &mut other, &mut relay);
        one.disconnect();
        let before = relay.clone();
        let mut relay = relay.restored(backup, 21);
        one.commits.refuse(nth);
        let failed = one.try_sync(&mut relay).is_err();
        let is_over = !one.commits.is_spent();
        one.commits.refuse(0);
        if failed {
            one = one.reopened();
            assert_eq!(one.texts(id), ["mine", "theirs"], "after a crash at commit {nth}");
        }
        one.sync(&mut relay);
        assert_has_all(&relay, &before);
        assert_in_step(&one, &relay);
        assert_eq!(one.texts(id), ["mine", "theirs"]);
        if is_over {
            break;
        }
        nth += 1;
    }
    assert!(nth > 3, "at least the cut, and two stretches of the log: {nth}");
}

#[test]
fn a_line_that_is_cut_at_any_answer_loses_nothing() {
    for answers in 0..12 {
        let (mut one, mut other, mut relay) = two();
        let backup = relay.len();
        let id = one.conversation("shared");
        for text in ["a", "b"] {
            one.say(id, text);
            exchange(&mut one, &mut other, &mut relay);
        }
        one.disconnect();
        let before = relay.clone();
        let mut relay = relay.restored(backup, 21);
        one.try_sync_until(&mut relay, answers).unwrap();
        let mut one = one.reopened();
        one.sync(&mut relay);
        assert_has_all(&relay, &before);
        assert_in_step(&one, &relay);
        assert_eq!(one.texts(id), ["a", "b"]);
    }
}

#[test]
fn a_relay_is_restored_again_before_everything_was_back() {
    let (mut rig, _, mut relay) = Rig::member();
    let backup = relay.len();
    let id = rig.conversation("lost");
    let texts: Vec<String> = (0..6).map(|n| n.to_string()).collect();
    for text in &texts {
        rig.say(id, text);
        rig.talk(&mut relay);
    }
    rig.disconnect();
    let before = relay.clone();
    let mut relay = relay.restored(backup, 21);
    // Two of them come back, and the relay is restored from a backup that has one of these.
    let lost: Vec<Entry> = before.verified().skip(usize::try_from(backup).unwrap()).collect();
    for entry in &lost[..2] {
        relay.put(entry.to_signed());
    }
    rig.connect(&relay);
    rig.receive(&relay.frame(backup + 1, backup + 2));
    rig.take_sent();
    rig.disconnect();
    assert_eq!(rig.status().sent_again, lost.len() - 2);
    let mut relay = relay.restored(backup + 1, 22);
    rig.sent.clear();
    rig.connect(&relay);
    assert_eq!(rig.status().sent_again, lost.len() - 1);
    assert_eq!(rig.texts(id), texts);
    rig.talk(&mut relay);
    let sent: Vec<EntryId> = rig.appended().iter().map(Entry::id).collect();
    assert_eq!(sent, lost[1..].iter().map(Entry::id).collect::<Vec<_>>());
    assert_has_all(&relay, &before);
    assert_in_step(&rig, &relay);
}

#[test]
fn a_device_that_has_missed_one_restore_follows_two() {
    let (mut rig, _, mut relay) = Rig::member();
    let backup = relay.len();
    let id = rig.conversation("lost");
    rig.say(id, "one");
    rig.talk(&mut relay);
    rig.disconnect();
    let before = relay.clone();
    let relay = relay.restored(backup, 21);
    let mut relay = relay.restored(backup, 22);
    rig.sync(&mut relay);
    assert_has_all(&relay, &before);
    assert_in_step(&rig, &relay);
}
