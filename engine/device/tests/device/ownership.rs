//! Ownership on a device: offered, taken over, and what becomes of what somebody decided as the Owner who is not it any more.

use bowline_device::intent::Decision;
use bowline_device::{DocumentState, Notice};
use bowline_wire::frame::Reason;
use bowline_wire::ids::UserId;
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{Role, Void};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, linked, owner_and_member};

fn role(relay: &FakeRelay, user: UserId) -> Role {
    relay.log().roster().user(&user).unwrap().role
}

fn own(rig: &Rig) -> UserId {
    rig.device.own_user(rig.workspace()).unwrap()
}

fn came_to_nothing(rig: &Rig, by: Void) -> usize {
    let is_it = |notice: &&Notice| matches!(notice, Notice::DecisionVoid { why, .. } if *why == by);
    rig.notices.iter().filter(is_it).count()
}

#[test]
fn what_is_offered_is_taken_over_and_then_the_former_owner_may_leave() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.decide(workspace, Decision::HandOver(member.user()), now).unwrap();
    rig.sync(&mut relay);
    assert_eq!(rig.status().offer.map(|offer| offer.to), Some(member.user()));
    assert_eq!(rig.status().undecided, 0);
    member.put_record(&mut relay, &Record::TakeOver);
    rig.sync(&mut relay);
    assert_eq!((role(&relay, own(&rig)), role(&relay, member.user())), (Role::Member, Role::Owner));
    assert_eq!(rig.status().offer, None);
    rig.device.leave(workspace, true, now).unwrap();
    rig.talk(&mut relay);
    assert!(relay.log().roster().user(&own(&rig)).unwrap().removed);
}

#[test]
fn an_offer_is_taken_back() {
    let (mut rig, member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.decide(workspace, Decision::HandOver(member.user()), now).unwrap();
    rig.sync(&mut relay);
    let back = Decision::HandOver(own(&rig));
    rig.device.decide(workspace, back, now).unwrap();
    rig.sync(&mut relay);
    assert_eq!((rig.status().offer, relay.log().roster().offer()), (None, None));
    let back = Decision::HandOver(own(&rig));
    rig.device.decide(workspace, back, now).unwrap();
    rig.sync(&mut relay);
    assert_eq!(came_to_nothing(&rig, Void::NotOffered), 1);
}

#[test]
fn a_member_takes_over_though_others_are_faster_and_gives_up_what_is_not_on_offer_any_more() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let to = own(&rig);
    owner.put_record(&mut relay, &Record::HandOver { user: to });
    rig.sync(&mut relay);
    rig.disconnect();
    rig.device.decide(workspace, Decision::TakeOver, now).unwrap();
    rig.sync_without_answers(&relay);
    let (mut taken, mut taken_by) = (relay.clone(), rig.reopened());
    drop(owner.put_ticket(&mut taken, true));
    for _ in 0..2 {
        taken_by.sync(&mut taken);
    }
    assert_eq!(role(&taken, to), Role::Owner, "written again on the roster that there is now");
    assert_eq!(taken_by.status().undecided, 0);
    assert!(taken_by.device.invite(workspace, now).is_ok(), "who owns it invites");
}

#[test]
fn taking_over_comes_to_nothing_once_the_offer_was_taken_back() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let to = own(&rig);
    owner.put_record(&mut relay, &Record::HandOver { user: to });
    rig.sync(&mut relay);
    rig.disconnect();
    rig.device.decide(workspace, Decision::TakeOver, now).unwrap();
    owner.put_record(&mut relay, &Record::HandOver { user: owner.user() });
    rig.sync(&mut relay);
    assert_eq!((role(&relay, to), rig.status().undecided), (Role::Member, 0));
    assert_eq!(came_to_nothing(&rig, Void::NotOffered), 1);
    assert!(rig.appended().is_empty(), "it is never sent");
}

#[test]
fn what_an_owner_decided_before_a_hand_over_had_come_is_given_up_with_a_reason_and_the_rest_goes_on() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let other = Author::join(8, &rig.invited(&mut relay).secret, &mut relay);
    rig.device.decide(workspace, Decision::HandOver(member.user()), now).unwrap();
    rig.sync(&mut relay);
    rig.disconnect();
    rig.device.invite(workspace, now).unwrap();
    rig.device.remove_member(workspace, other.user(), now).unwrap();
    let id = rig.conversation("written meanwhile");
    member.put_record(&mut relay, &Record::TakeOver);
    rig.sync(&mut relay);
    assert_eq!(came_to_nothing(&rig, Void::NotOwner), 2, "{:?}", rig.notices);
    assert_eq!((rig.status().undecided, rig.status().refused), (0, 0));
    assert!(relay.log().roster().is_active(&other.id()));
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay, "nothing waits for it");
}

#[test]
fn a_record_that_was_on_its_way_while_ownership_went_over_is_void_and_costs_its_author_nothing() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let other = Author::join(8, &rig.invited(&mut relay).secret, &mut relay);
    rig.device.decide(workspace, Decision::HandOver(member.user()), now).unwrap();
    rig.sync(&mut relay);
    rig.disconnect();
    rig.device.remove_member(workspace, other.user(), now).unwrap();
    rig.sync_without_answers(&relay);
    let life = rig.appended().last().unwrap().header().incarnation;
    let mut rig = rig.reopened();
    member.put_record(&mut relay, &Record::TakeOver);
    let id = rig.conversation("goes on");
    for _ in 0..2 {
        rig.sync(&mut relay);
    }
    assert_eq!(came_to_nothing(&rig, Void::NotOwner), 1, "{:?}", rig.notices);
    assert!(relay.log().roster().is_active(&other.id()));
    assert_eq!((rig.status().undecided, rig.status().refused), (0, 0));
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(relay.verified().last().unwrap().header().incarnation, life, "its chain goes on");
}

#[test]
fn who_leaves_decides_again_first_on_a_removal_that_is_not_taken_again() {
    let (mut rig, member, mut relay) = owner_and_member();
    linked(&mut rig, &mut relay, 8);
    let (workspace, now) = (rig.workspace(), rig.now);
    let backup = relay.len();
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    rig.talk(&mut relay);
    rig.disconnect();
    rig.device.leave(workspace, false, now).unwrap();
    let removal = relay.verified().nth(usize::try_from(backup).unwrap()).unwrap();
    let mut relay = relay.restored(backup, 21);
    relay.refuses.insert(removal.id(), Reason::RosterUnknown);
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    let roster = relay.log().roster();
    assert!(!roster.is_active(&rig.device.id_in(workspace)), "it has left");
    assert!(!roster.is_active(&member.id()), "nobody else may be there to remove the member again");
}
