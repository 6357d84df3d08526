//! A relay that has lost a workspace altogether: a device that holds the log brings it back as it was, every other device asks its person
//! once, and all end equal.

use bowline_core::sync::GoingOn;
use bowline_device::{DocumentState, LineReason};
use bowline_wire::entry::Entry;
use bowline_wire::ids::{DeviceId, EntryId};
use bowline_wire::roster::{Device, Role};

use crate::accepting::assert_in_step;
use crate::relay::FakeRelay;
use crate::restored_relay::assert_has_all;
use crate::rig::{Rig, exchange, two};

fn ids(relay: &FakeRelay) -> Vec<EntryId> {
    relay.verified().map(|entry| entry.id()).collect()
}

/// The Owner's device and a member's, with everything in both.
fn owner_and_member() -> (Rig, Rig, FakeRelay) {
    let (mut owner, mut relay) = Rig::creator(1);
    owner.sync(&mut relay);
    let code = owner.invited(&mut relay);
    let mut member = Rig::new(2);
    member.join(&code);
    member.sync(&mut relay);
    exchange(&mut owner, &mut member, &mut relay);
    assert!(member.status().member);
    (owner, member, relay)
}

#[test]
fn a_member_brings_a_lost_log_back_in_the_old_order_and_all_end_equal() {
    for how in [GoingOn::Repair, GoingOn::Accept] {
        let (mut one, mut other, mut before) = two();
        let (mine, theirs) = (one.conversation("mine"), other.conversation("theirs"));
        for text in ["a", "b", "c"] {
            one.say(mine, text);
            other.say(theirs, text);
            exchange(&mut one, &mut other, &mut before);
        }
        one.disconnect();
        other.disconnect();
        one.sent.clear();
        let mut relay = before.begun_again(21);
        one.make_again(&mut relay, GoingOn::Repair);
        let sent: Vec<EntryId> = one.appended().iter().map(Entry::id).collect();
        assert_eq!(sent, ids(&before)[1..], "all but what the log was begun with");
        assert_eq!(ids(&relay), ids(&before));
        assert_in_step(&one, &relay);
        assert_eq!(one.device.document_state(mine).unwrap(), DocumentState::OnRelay);
        // It is for each person to say that this is the log.
        other.sent.clear();
        other.sync(&mut relay);
        assert_eq!(other.status().behind.unwrap().reason, LineReason::BegunAgain);
        assert!(other.appended().is_empty());
        other.say(theirs, "meanwhile");
        other.disconnect();
        assert_eq!(other.missing(&mut relay).entries, 0);
        other.go_on(&mut relay, how);
        exchange(&mut one, &mut other, &mut relay);
        for mut rig in [one.reopened(), other.reopened()] {
            rig.sync(&mut relay);
            assert_in_step(&rig, &relay);
            assert_eq!((rig.texts(mine).len(), rig.texts(theirs).len()), (3, 4));
            assert_eq!(rig.status().apart, 0);
        }
    }
}

#[test]
fn what_the_one_who_brought_it_back_did_not_know_comes_from_who_did() {
    let (mut owner, mut member, mut before) = owner_and_member();
    owner.disconnect();
    let id = member.conversation("written while the other one was away");
    member.say(id, "unknown to the owner");
    member.talk(&mut before);
    member.disconnect();
    let mut relay = before.begun_again(21);
    owner.make_again(&mut relay, GoingOn::Repair);
    let missing = member.missing(&mut relay);
    assert!(missing.entries > 0 && missing.again == missing.entries, "{missing:?}");
    member.go_on(&mut relay, GoingOn::Repair);
    exchange(&mut owner, &mut member, &mut relay);
    assert_has_all(&relay, &before);
    for rig in [&mut owner, &mut member] {
        assert_in_step(rig, &relay);
        assert_eq!(rig.texts(id), ["unknown to the owner"]);
    }
}

#[test]
fn a_code_of_the_log_that_was_begun_again_lets_in_and_one_of_the_lost_log_asks() {
    let (mut owner, mut member, mut before) = owner_and_member();
    let old_code = owner.invited(&mut before);
    owner.disconnect();
    member.disconnect();
    let mut relay = before.begun_again(21);
    owner.make_again(&mut relay, GoingOn::Repair);
    let id = owner.conversation("afterwards");
    owner.say(id, "for newcomers too");
    let new_code = owner.invited(&mut relay);
    let mut newcomer = Rig::new(5);
    newcomer.join(&new_code);
    newcomer.sync(&mut relay);
    newcomer.sync(&mut relay);
    assert_in_step(&newcomer, &relay);
    assert_eq!(newcomer.texts(id), ["for newcomers too"]);
    let mut late = Rig::new(6);
    late.join(&old_code);
    late.sync(&mut relay);
    assert!(!late.status().member, "the code's maker has said nothing of this log");
    assert_eq!(late.status().behind.unwrap().reason, LineReason::BegunAgain);
}

#[test]
fn a_removal_that_who_brought_the_log_back_left_out_is_in_force_again_before_anything_is_sealed() {
    let (mut owner, mut member, mut before) = owner_and_member();
    member.disconnect();
    let known_to_member = member.status().signed.unwrap();
    let roster = before.log().roster();
    let is_member =
        |(_, it): &(&DeviceId, &Device)| roster.user(&it.user).is_some_and(|it| it.role == Role::Member);
    let (device, user) = roster.devices().find(is_member).map(|(id, it)| (*id, it.user)).unwrap();
    owner.device.remove_member(owner.workspace(), user, owner.now).unwrap();
    owner.talk(&mut before);
    owner.disconnect();
    assert!(!before.log().roster().is_active(&device));
    let mut relay = before.begun_again(21);
    member.make_again(&mut relay, GoingOn::Repair);
    assert!(relay.log().roster().is_active(&device), "who was removed has left that out");
    assert_eq!(relay.len(), known_to_member.position.0);
    let id = owner.conversation("not for them");
    owner.say(id, "sealed after the removal");
    owner.disconnect();
    owner.go_on(&mut relay, GoingOn::Repair);
    owner.talk(&mut relay);
    assert!(!relay.log().roster().is_active(&device));
    assert_has_all(&relay, &before);
    assert_in_step(&owner, &relay);
    let removed_at = relay.verified().position(|entry| entry.id() == *ids(&before).last().unwrap());
    let sealed_at =
        relay.verified().position(|entry| entry.header().epoch == relay.log().roster().epoch().unwrap());
    assert!(removed_at < sealed_at, "{removed_at:?} {sealed_at:?}");
}

#[test]
fn a_log_that_is_lost_once_more_is_brought_back_once_more() {
    let (mut owner, mut member, before) = owner_and_member();
    owner.disconnect();
    member.disconnect();
    let mut first = before.begun_again(21);
    owner.make_again(&mut first, GoingOn::Repair);
    member.go_on(&mut first, GoingOn::Repair);
    let id = owner.conversation("between");
    owner.say(id, "named by the second log's heads");
    exchange(&mut owner, &mut member, &mut first);
    owner.disconnect();
    member.disconnect();
    let mut second = first.begun_again(22);
    member.make_again(&mut second, GoingOn::Repair);
    owner.go_on(&mut second, GoingOn::Repair);
    exchange(&mut owner, &mut member, &mut second);
    assert_has_all(&second, &before);
    for rig in [&mut owner, &mut member] {
        rig.sync(&mut second);
        assert_in_step(rig, &second);
        assert_eq!(rig.texts(id), ["named by the second log's heads"]);
    }
}

#[test]
fn a_crash_after_the_decision_goes_on_where_it_was() {
    let (mut owner, mut member, before) = owner_and_member();
    owner.disconnect();
    member.disconnect();
    let mut relay = before.begun_again(21);
    owner.decide_to_make_again(&mut relay, GoingOn::Repair);
    let mut owner = owner.reopened();
    assert!(owner.status().sent_again > 0);
    owner.sync(&mut relay);
    assert_eq!(ids(&relay), ids(&before));
    assert_in_step(&owner, &relay);
}
