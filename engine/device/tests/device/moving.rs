//! A workspace that the Owner moves to another relay: devices follow that word, to that relay and that log, and no other.

use bowline_core::sync::{NotReady, Token};
use bowline_device::intent::Decision;
use bowline_device::{DocumentState, LineReason, Look, Looking, Notice};
use bowline_wire::entry::Entry;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, EntryId, LogHash, RelayId};
use bowline_wire::roster::Void;
use bowline_wire::roster::record::{Move, Record};

use crate::accepting::assert_in_step;
use crate::opening;
use crate::relay::FakeRelay;
use crate::restored_relay::assert_has_all;
use crate::rig::{Rig, exchange, linked, look_at};

const THERE: &str = "wss://elsewhere.example";

fn ids(relay: &FakeRelay) -> Vec<EntryId> {
    relay.verified().map(|entry| entry.id()).collect()
}

/// A move to where a relay has begun a log again.
fn move_to(there: &FakeRelay, generation: u64) -> Move {
    let relay = RelayId::from_bytes(opening::identity().verifying_key().to_bytes());
    Move { generation, address: THERE.to_owned(), relay, log: there.log().head().log }
}

/// The Owner's device and another one, of a member or of the Owner, with everything in both.
fn owner_and(is_own: bool) -> (Rig, Rig, FakeRelay) {
    let (mut owner, mut relay) = Rig::creator(1);
    owner.sync(&mut relay);
    let code = if is_own {
        let ticket = owner.device.link_device(owner.workspace(), owner.now).unwrap();
        owner.sync(&mut relay);
        owner.device.code(owner.workspace(), ticket).unwrap().unwrap()
    } else {
        owner.invited(&mut relay)
    };
    let mut other = Rig::new(2);
    other.join(&code);
    other.sync(&mut relay);
    exchange(&mut owner, &mut other, &mut relay);
    assert!(other.status().member);
    (owner, other, relay)
}

/// Another relay, at which the Owner's device has made the workspace again and nothing more.
fn begun_there(rig: &mut Rig, before: &FakeRelay, seed: u8) -> FakeRelay {
    let mut there = before.begun_again(seed);
    let looking = Looking::MadeAgain(Token("the token".to_owned()));
    let (workspace, now) = (rig.workspace(), rig.now);
    let looked = look_at(&mut rig.device, (workspace, &looking), &mut there, now);
    assert!(matches!(looked, Look::Done(_)), "{looked:?}");
    there
}

fn decide(rig: &mut Rig, to: Move) {
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.decide(workspace, Decision::Move(to), now).unwrap();
}

fn address(rig: &Rig) -> String {
    rig.device.relay_address(rig.workspace()).unwrap()
}

#[test]
fn the_owners_device_brings_everything_and_another_one_what_nobody_else_knew() {
    let (mut one, mut other, mut before) = owner_and(false);
    let (mine, theirs) = (one.conversation("mine"), other.conversation("theirs"));
    one.say(mine, "a");
    other.say(theirs, "b");
    exchange(&mut one, &mut other, &mut before);
    other.disconnect();
    let mut there = begun_there(&mut one, &before, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    assert_eq!(address(&one), THERE, "it leaves as soon as its own word is on the log");
    assert!(one.notices.iter().any(|it| matches!(it, Notice::Moved { address, .. } if address == THERE)));
    one.disconnect();
    let mut one = one.reopened();
    assert!(one.status().moving.is_some(), "on its way, after a restart as well");
    // The relay before goes on, and whoever has not heard of the move writes there.
    other.say(theirs, "written behind the move");
    let late = before.clone();
    one.sent.clear();
    one.sync(&mut there);
    let sent: Vec<EntryId> = one.appended().iter().map(Entry::id).collect();
    assert_eq!(sent, ids(&late)[1..], "all but what the log was begun with, in the old order");
    assert_in_step(&one, &there);
    assert_eq!((one.status().moving, one.status().sent_again), (None, 0));

    other.sync(&mut before);
    assert_eq!(address(&other), THERE);
    other.disconnect();
    other.sync(&mut there);
    exchange(&mut one, &mut other, &mut there);
    assert_has_all(&there, &before);
    for mut rig in [one, other] {
        assert_in_step(&rig, &there);
        assert_eq!((rig.texts(mine), rig.texts(theirs).len()), (vec!["a".to_owned()], 2));
        let state = rig.device.document_state(theirs).unwrap();
        assert!(matches!(state, DocumentState::OnRelay | DocumentState::OnDevices(1)), "{state:?}");
        assert_eq!((rig.status().apart, rig.status().refused), (0, 0));
    }
}

#[test]
fn a_relay_of_another_identity_and_a_log_of_another_key_are_not_followed() {
    for is_other_relay in [true, false] {
        let (mut one, _other, mut before) = owner_and(false);
        let there = begun_there(&mut one, &before, 21);
        let to = move_to(&there, 0);
        let (relay, log) = if is_other_relay {
            (RelayId::from_bytes([3; 32]), to.log)
        } else {
            (to.relay, before.begun_again(22).log().head().log)
        };
        decide(&mut one, Move { relay, log, ..to });
        one.sync(&mut before);
        one.disconnect();
        one.sent.clear();
        let mut liar = there.clone();
        one.try_sync(&mut liar).unwrap();
        assert!(one.appended().is_empty(), "nothing is sent there");
        assert_eq!(ids(&liar), ids(&there));
        let behind = one.status().behind.map(|behind| behind.reason);
        assert_eq!(
            behind,
            (!is_other_relay).then_some(LineReason::BegunAgain),
            "a person would have to decide"
        );
        assert!(one.status().moving.is_some());
    }
}

#[test]
fn where_a_person_says_the_relay_is_another_one_with_the_log_of_the_move_is_not_where_the_owner_moved() {
    let (mut one, _other, mut before) = owner_and(false);
    let mut there = begun_there(&mut one, &before, 21);
    decide(&mut one, Move { relay: RelayId::from_bytes([3; 32]), ..move_to(&there, 0) });
    one.sync(&mut before);
    one.disconnect();
    let (workspace, now) = (one.workspace(), one.now);
    one.device.move_workspace(workspace, "wss://typed.example", now).unwrap();
    one.sent.clear();
    one.try_sync(&mut there).unwrap();
    assert!(one.appended().is_empty(), "nothing is sent there");
    let behind = one.status().behind.map(|behind| behind.reason);
    assert_eq!(behind, Some(LineReason::BegunAgain), "a person would have to decide");
}

#[test]
fn a_person_who_says_that_the_relay_is_at_another_address_is_not_led_away_by_the_same_move_again() {
    let (mut one, mut other, mut before) = owner_and(false);
    let there = begun_there(&mut one, &before, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    one.disconnect();
    // Nobody answers there, and the relay before still does.
    let (workspace, now) = (one.workspace(), one.now);
    one.device.move_workspace(workspace, "wss://before.example", now).unwrap();
    let said = one.conversation("said at the relay before");
    one.say(said, "a");
    let mut one = one.reopened();
    one.sync(&mut before);
    assert_eq!(address(&one), "wss://before.example");
    assert!(one.status().moving.is_some());
    other.sync(&mut before);
    assert_eq!(address(&other), THERE, "whoever was told nothing else follows");
    assert_eq!(other.texts(said), ["a"]);
}

#[test]
fn a_device_goes_once_it_has_all_that_stands_on_the_log_before() {
    let (mut one, mut other, mut before) = owner_and(false);
    let mut late = linked(&mut one, &mut before, 7);
    other.sync(&mut before);
    other.disconnect();
    let known = before.len();
    let there = begun_there(&mut one, &before, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    let moved = before.len();
    assert_eq!(address(&one), THERE);
    let doc = DocId::from_bytes([9; 16]);
    late.put_message(&mut before, doc, "behind the move");
    other.connect(&before);
    other.receive(&before.frame(known + 1, moved));
    assert_ne!(address(&other), THERE);
    other.receive(&before.frame(moved + 1, before.len()));
    assert_eq!(address(&other), THERE);
    assert_eq!(other.texts(doc), ["behind the move"]);
}

#[test]
fn what_only_a_restored_relay_had_lost_is_there_in_the_end_wherever_it_was_sent_again() {
    let (mut one, mut other, mut before) = owner_and(false);
    one.disconnect();
    let known = before.len();
    let lost = other.conversation("lost");
    other.say(lost, "a");
    other.talk(&mut before);
    other.disconnect();
    let mut restored = before.restored(known, 31);
    one.sync(&mut restored);
    let mut there = begun_there(&mut one, &restored, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut restored);
    assert_eq!(address(&one), THERE);
    other.sync(&mut restored);
    assert_eq!(address(&other), THERE);
    for rig in [&mut one, &mut other] {
        rig.disconnect();
        rig.sync(&mut there);
    }
    exchange(&mut one, &mut other, &mut there);
    for rig in [&mut one, &mut other] {
        assert_in_step(rig, &there);
        assert_eq!(rig.texts(lost), ["a"]);
        assert_eq!((rig.status().apart, rig.status().refused, rig.status().sent_again), (0, 0, 0));
    }
}

#[test]
fn nobody_follows_the_word_of_a_member() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let link = owner.put_ticket(&mut relay, false);
    let mut mallory = crate::author::Author::join(7, &link, &mut relay);
    let to = move_to(&relay.begun_again(21), 0);
    mallory.put_record(&mut relay, &Record::Move(to));
    let before = address(&rig);
    rig.sync(&mut relay);
    assert_eq!((address(&rig), rig.status().moving), (before, None));
}

#[test]
fn of_two_devices_that_move_at_once_the_one_that_came_second_follows_the_first() {
    let (mut one, mut other, mut before) = owner_and(true);
    one.disconnect();
    other.disconnect();
    let (mut there, elsewhere) = (begun_there(&mut one, &before, 21), begun_there(&mut other, &before, 22));
    decide(&mut other, move_to(&elsewhere, 0));
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    other.sync(&mut before);
    for rig in [&mut one, &mut other] {
        assert_eq!(rig.status().moving.unwrap().log, there.log().head().log);
        rig.disconnect();
        rig.sync(&mut there);
    }
    exchange(&mut one, &mut other, &mut there);
    let void = |it: &Notice| matches!(it, Notice::DecisionVoid { why: Void::Outrun, .. });
    assert!(other.notices.iter().any(void), "{:?}", other.notices);
    for rig in [&one, &other] {
        assert_eq!((rig.status().moving, rig.status().undecided), (None, 0));
        assert_in_step(rig, &there);
    }
}

#[test]
fn what_the_relay_before_has_signed_does_not_keep_a_device_from_sending_where_the_owner_moved() {
    let (mut one, mut other, mut before) = owner_and(false);
    other.receive(&Frame::Head(before.sign(before.len(), LogHash::from_bytes([0xee; 32]))));
    let said = other.conversation("said meanwhile");
    other.say(said, "a");
    assert_eq!(other.status().waiting_for, Some(NotReady::Distrusted));
    let mut there = begun_there(&mut one, &before, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    one.disconnect();
    one.sync(&mut there);
    other.sync(&mut before);
    assert_eq!(address(&other), THERE);
    other.disconnect();
    other.sync(&mut there);
    exchange(&mut one, &mut other, &mut there);
    assert_eq!(one.texts(said), ["a"]);
    let caught = other.device.caught(other.workspace()).unwrap();
    assert!(caught.iter().all(|it| !it.counts && it.evidence.is_some()), "{caught:?}");
    assert_eq!(caught.len(), 1);
}

#[test]
fn a_workspace_is_where_it_was_moved_to_also_once_that_relay_was_restored() {
    let (mut one, _other, mut before) = owner_and(false);
    let mut there = begun_there(&mut one, &before, 21);
    decide(&mut one, move_to(&there, 0));
    one.sync(&mut before);
    one.disconnect();
    one.sync(&mut there);
    one.disconnect();
    let mut restored = there.restored(there.len(), 23);
    one.sync(&mut restored);
    one.conversation("said after that");
    one.talk(&mut restored);
    assert_in_step(&one, &restored);
    assert_eq!(one.status().moving, None);
}

#[test]
fn a_log_that_goes_on_from_another_workspaces_is_not_followed_though_the_owner_named_it() {
    let (mut one, _other, mut before) = owner_and(false);
    let mut false_one = FakeRelay::new(40, one.workspace()).begun_again(21);
    decide(&mut one, move_to(&false_one, 0));
    one.sync(&mut before);
    one.disconnect();
    let known = one.status().signed;
    one.sent.clear();
    one.try_sync(&mut false_one).unwrap();
    assert!(one.appended().is_empty(), "nothing is sent there");
    assert_eq!(one.status().behind.map(|behind| behind.reason), Some(LineReason::OtherLog));
    assert_eq!((one.status().signed, one.status().sent_again), (known, 0), "and nothing here is cut back");
}
