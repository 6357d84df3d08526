//! What a person may write of records, on devices: told before anything is written, waited for without noise, and gone on with once the Owner
//! has allowed more.

use bowline_core::sync::NotReady;
use bowline_device::intent::Decision;
use bowline_device::{CodeKind, Error, Notice, QuarantineReason};
use bowline_wire::header::EntryType;
use bowline_wire::ids::UserId;
use bowline_wire::limits::{MAX_BODY, MAX_RECORD_BYTES};
use bowline_wire::roster::record::Record;
use bowline_wire::roster::{TicketStage, Void};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, linked, owner_and_member};

/// A body of so many bytes, of a record whose number has no name: by a Member it changes nothing.
fn bulk(len: usize) -> Vec<u8> {
    let mut body = vec![0x82, 0x18, 99];
    body.resize(len, 0);
    body
}

fn put_bulk(by: &mut Author, relay: &mut FakeRelay, len: usize) {
    let entry = by.plain(relay, EntryType::Roster, bulk(len), |_| {});
    relay.put(entry.to_signed());
}

/// Leaves so many bytes to the user of a Member's device.
fn spend_but(by: &mut Author, relay: &mut FakeRelay, rest: u64) {
    let user = relay.log().roster().device(&by.id()).unwrap().user;
    let left = |relay: &FakeRelay| relay.log().roster().record_bytes(&user).left();
    while left(relay) > rest {
        let over = usize::try_from(left(relay) - rest).unwrap();
        put_bulk(by, relay, if over <= MAX_BODY { over } else { MAX_BODY.min(over - 3) });
    }
    assert_eq!(left(relay), rest);
}

fn own(rig: &Rig) -> UserId {
    rig.device.own_user(rig.workspace()).unwrap()
}

/// A Member's device, another one of the same person, and the Owner.
fn member_with_two() -> (Rig, Author, Author, FakeRelay) {
    let (mut rig, owner, mut relay) = Rig::member();
    let own = linked(&mut rig, &mut relay, 8);
    (rig, own, owner, relay)
}

fn allow(owner: &mut Author, relay: &mut FakeRelay, user: UserId) {
    owner.put_record(relay, &Record::Allow { user });
}

#[test]
fn whoever_has_used_up_everything_is_told_at_once_without_a_line_and_may_leave() {
    let (mut rig, mut phone, _, mut relay) = member_with_two();
    let (workspace, now) = (rig.workspace(), rig.now);
    spend_but(&mut phone, &mut relay, 0);
    rig.sync(&mut relay);
    rig.disconnect();
    let told = rig.device.decide(workspace, Decision::RemoveDevice(phone.id()), now);
    assert!(matches!(told, Err(Error::RecordsSpent)), "{told:?}");
    assert!(matches!(rig.device.link_device(workspace, now), Err(Error::RecordsSpent)));
    assert!(rig.device.decisions(workspace).unwrap().is_empty());
    assert_eq!(rig.status().record_bytes[&own(&rig)].left(), 0);
    rig.device.leave(workspace, true, now).unwrap();
    rig.sync(&mut relay);
    assert!(relay.log().roster().user(&own(&rig)).unwrap().removed);
}

#[test]
fn a_decision_that_fits_exactly_is_carried_out_and_with_a_byte_less_it_is_refused() {
    for is_short in [false, true] {
        let (mut rig, mut phone, _, mut relay) = member_with_two();
        let (workspace, now) = (rig.workspace(), rig.now);
        let link = rig.device.link_device(workspace, now).unwrap();
        rig.sync(&mut relay);
        let needed = Record::CloseLink(link).to_body().len() as u64;
        spend_but(&mut phone, &mut relay, needed - u64::from(is_short));
        rig.sync(&mut relay);
        let told = rig.device.close_code(workspace, CodeKind::Link, link, now);
        rig.talk(&mut relay);
        assert_eq!(matches!(told, Err(Error::RecordsSpent)), is_short, "{told:?}");
        let is_open = relay.log().roster().ticket(&link).unwrap().stage == TicketStage::Open;
        assert_eq!(is_open, is_short);
    }
}

/// Another device of the same person was faster.
#[test]
fn a_decision_that_does_not_fit_any_more_waits_in_silence_until_the_owner_allows_more() {
    let (mut rig, mut phone, mut owner, mut relay) = member_with_two();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.disconnect();
    rig.device.link_device(workspace, now).unwrap();
    spend_but(&mut phone, &mut relay, 0);
    let before = rig.appended().len();
    for _ in 0..3 {
        rig.sync(&mut relay);
        assert_eq!(rig.status().waiting_for, Some(NotReady::RecordsSpent));
        rig.disconnect();
    }
    assert_eq!(rig.appended().len(), before, "nothing is sent");
    assert_eq!(rig.status().undecided, 1);
    // What everybody may read goes on meanwhile.
    let id = rig.conversation("goes on");
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), bowline_device::DocumentState::OnRelay);
    allow(&mut owner, &mut relay, own(&rig));
    for _ in 0..2 {
        rig.sync(&mut relay);
    }
    assert_eq!((rig.status().waiting_for, rig.status().undecided), (None, 0));
    assert!(rig.notices.iter().any(|notice| matches!(notice, Notice::CodeReady { .. })));
}

/// What was on its way when another device used up the rest.
#[test]
fn a_record_that_the_relay_refuses_is_written_again_once_and_not_before_more_is_allowed() {
    let (mut rig, mut phone, mut owner, mut relay) = member_with_two();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.link_device(workspace, now).unwrap();
    rig.take_sent();
    rig.disconnect();
    assert_eq!(rig.status().offered, 1);
    spend_but(&mut phone, &mut relay, 0);
    let mut rig = rig.reopened();
    for _ in 0..3 {
        rig.sync(&mut relay);
        rig.disconnect();
    }
    assert_eq!(rig.appended().len(), 1, "it is sent once, and refused");
    assert_eq!((rig.status().refused, rig.status().undecided, rig.status().offered), (1, 1, 0));
    allow(&mut owner, &mut relay, own(&rig));
    for _ in 0..2 {
        rig.sync(&mut relay);
    }
    assert_eq!(rig.status().undecided, 0);
    assert_eq!(rig.appended().len(), 2);
}

#[test]
fn what_a_device_writes_unasked_waits_as_well() {
    let (mut rig, mut phone, mut owner, mut relay) = member_with_two();
    let mut leaver = Author::join(6, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    rig.disconnect();
    leaver.put_record(&mut relay, &Record::Leave { whole_user: true, cut: vec![] });
    spend_but(&mut phone, &mut relay, 0);
    let before = rig.appended().len();
    for _ in 0..3 {
        rig.sync(&mut relay);
        rig.disconnect();
    }
    assert_eq!(rig.appended().len(), before);
    assert_eq!(rig.status().waiting_for, Some(NotReady::Offline));
    assert!(relay.log().roster().is_rekey_due());
    allow(&mut owner, &mut relay, own(&rig));
    for _ in 0..2 {
        rig.sync(&mut relay);
    }
    assert!(!relay.log().roster().is_rekey_due(), "the epoch that was due has begun");
}

#[test]
fn the_owner_allows_more_as_any_decision_and_a_second_time_it_is_given_up_unsent() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    spend_but(&mut member, &mut relay, 100);
    rig.sync(&mut relay);
    assert!(rig.status().record_bytes[&member.user()].are_scarce());
    rig.disconnect();
    rig.device.decide(workspace, Decision::Allow(member.user()), now).unwrap();
    rig.device.decide(workspace, Decision::Allow(member.user()), now).unwrap();
    assert_eq!(rig.status().undecided, 2, "decided offline");
    let mut rig = rig.reopened();
    let before = rig.appended().len();
    for _ in 0..2 {
        rig.sync(&mut relay);
    }
    assert_eq!(rig.appended().len(), before + 1);
    assert_eq!(rig.status().undecided, 0);
    let given_up = |notice: &&Notice| matches!(notice, Notice::DecisionVoid { why: Void::NotSpent, .. });
    assert_eq!(rig.notices.iter().filter(given_up).count(), 1);
    assert_eq!(rig.status().record_bytes[&member.user()].left(), MAX_RECORD_BYTES + 100);
    put_bulk(&mut member, &mut relay, MAX_BODY);
    assert!(rig.device.decide(workspace, Decision::RemoveMember(member.user()), now).is_ok());
}

/// Void records, records beyond the bound, and records that a database has only stored.
#[test]
fn a_device_that_starts_again_counts_what_the_relay_counts() {
    let (mut rig, mut phone, mut owner, mut relay) = member_with_two();
    let mut other = Rig::new(9);
    let secret = owner.put_ticket(&mut relay, false);
    other.join(&code(&relay, &secret));
    other.sync(&mut relay);
    other.disconnect();
    spend_but(&mut phone, &mut relay, 50);
    put_bulk(&mut phone, &mut relay, 51);
    rig.sync(&mut relay);
    let put_aside = rig.status().quarantined;
    assert!(
        matches!(put_aside[..], [ref one] if one.reason == QuarantineReason::RecordsSpent),
        "{put_aside:?}"
    );
    let bytes = |rig: &Rig| rig.status().record_bytes[&own(rig)];
    assert_eq!((bytes(&rig).left(), relay.log().roster().record_bytes(&own(&rig)).left()), (50, 50));
    let mut rig = rig.reopened();
    assert_eq!(bytes(&rig).left(), 50);
    other.sync(&mut relay);
    let theirs = |other: &Rig| other.status().record_bytes[&own(&rig)].left();
    assert_eq!(theirs(&other), 50, "nor does anybody else count otherwise");
    let other = other.reopened();
    assert_eq!(theirs(&other), 50);
    allow(&mut owner, &mut relay, own(&rig));
    rig.sync(&mut relay);
    assert_eq!(bytes(&rig.reopened()).left(), MAX_RECORD_BYTES + 50);
}
