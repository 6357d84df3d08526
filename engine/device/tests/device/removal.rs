//! Decisions about who is in the workspace: when they are in force, and what waits for them.

use bowline_core::sync::NotReady;
use bowline_device::{CodeKind, DocumentState, Notice};
use bowline_wire::header::EntryType;
use bowline_wire::ids::Incarnation;
use bowline_wire::limits::MAX_CUT;
use bowline_wire::roster::TicketStage;
use bowline_wire::roster::record::Record;

use crate::author::{Author, message, opaque_payload};
use crate::relay::FakeRelay;
use crate::rig::{Rig, entries_of, linked, newcomer, owner_and_member, take_keys};

#[test]
fn nothing_is_sealed_from_the_decision_to_the_logs_answer() {
    let (mut rig, member, mut relay) = owner_and_member();
    rig.disconnect();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    rig.conversation("not for them");
    let mut rig = rig.reopened();
    assert_eq!(rig.status().undecided, 1, "it survives a restart");
    rig.sync_without_answers(&relay);
    let sent = rig.appended();
    assert_eq!(sent.len(), 1, "the removal and nothing else");
    assert_eq!(rig.status().waiting_for, Some(NotReady::RemovalPending));
    assert!(rig.status().members.iter().all(|member| member.active), "not in force yet");
    rig.sync(&mut relay);
    let header = |entry: &bowline_wire::entry::Entry| entry.clone().header().clone();
    let content = header(rig.appended().last().unwrap());
    assert_eq!(Some(content.epoch), relay.log().roster().epoch());
    assert!(!relay.log().roster().is_active(&member.id()));
    assert!(rig.notices.iter().any(|notice| matches!(notice, Notice::Decided { .. })));
    assert_eq!((rig.status().undecided, rig.status().waiting_for), (0, None));
}

#[test]
fn who_was_removed_cannot_open_what_is_sealed_afterwards() {
    let (mut rig, member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    let id = rig.conversation("not for them");
    rig.talk(&mut relay);
    let wire = member.keyring.wire_doc(id).unwrap();
    let sealed = relay.verified().find(|entry| entry.header().doc == wire).unwrap();
    assert!(bowline_crypto::open(&sealed, &member.keyring.snapshot()).is_err());
    assert!(member.keyring.epochs().count() < relay.log().roster().epochs().len());
}

/// A member spoils an epoch for everybody: a device of theirs goes, so that a rekey is due, and theirs comes first, with nothing in it.
fn put_empty_epoch(member: &mut Author, relay: &mut FakeRelay) {
    let link = member.put_ticket(relay, true);
    let mut second = Author::join(8, &link, relay);
    second.put_record(relay, &Record::Leave { whole_user: false, cut: Vec::new() });
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = member.rekey(&recipients);
    for wrap in &mut rekey.wraps {
        (wrap.encapsulated, wrap.ciphertext) = (Vec::new(), Vec::new());
    }
    rekey.history.clear();
    member.put_record(relay, &Record::Rekey(rekey));
    assert!(!relay.log().roster().is_rekey_due(), "the log takes it");
}

#[test]
fn the_owner_needs_no_reason_to_begin_another_epoch_where_nobody_can_open_the_one_in_force() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    put_empty_epoch(&mut member, &mut relay);
    let spoilt = relay.log().roster().epoch();
    rig.disconnect();
    let id = rig.conversation("goes on");
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    assert_ne!(relay.log().roster().epoch(), spoilt);
    assert!(!relay.log().roster().has_complaint());
    assert_eq!(rig.status().waiting_for, None);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn removing_who_began_an_epoch_that_nobody_can_open_lets_everybody_write_and_newcomers_in() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let before = rig.conversation("before");
    rig.talk(&mut relay);
    // As it stands there when the Owner comes back and decides, without having written anything of their own since.
    rig.disconnect();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    put_empty_epoch(&mut member, &mut relay);
    let waiting = rig.conversation("waiting");
    rig.sync(&mut relay);
    assert!(!relay.log().roster().is_active(&member.id()));
    assert_eq!(rig.status().waiting_for, None);
    assert_eq!(rig.device.document_state(waiting).unwrap(), DocumentState::OnRelay);

    let mut newcomer = newcomer(&mut rig, &mut relay, 9);
    assert_eq!(newcomer.status().waiting_for, None);
    for id in [before, waiting] {
        assert_eq!(newcomer.texts(id), rig.texts(id));
    }
}

#[test]
fn a_member_without_a_key_complains_once_and_begins_another_epoch() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let link = owner.put_ticket(&mut relay, false);
    let mut mallory = Author::join(7, &link, &mut relay);
    rig.sync(&mut relay);
    put_empty_epoch(&mut mallory, &mut relay);
    let spoilt = relay.log().roster().epoch();
    rig.disconnect();
    rig.sent.clear();
    let id = rig.conversation("goes on");
    rig.sync(&mut relay);
    let records: Vec<Record> = rig
        .appended()
        .iter()
        .filter(|entry| entry.header().entry_type == EntryType::Roster)
        .map(|entry| Record::parse(entry.body().unwrap()).unwrap())
        .collect();
    assert!(
        matches!(&records[..], [Record::Complaint { epoch }, Record::Rekey(_)] if Some(*epoch) == spoilt)
    );
    assert_eq!(rig.status().waiting_for, None);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn who_may_begin_no_epoch_complains_and_waits() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    // The same user began the epoch in force: another device of this member's own.
    let mut own = linked(&mut rig, &mut relay, 8);
    let mut leaver = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    leaver.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = own.rekey(&recipients);
    for wrap in &mut rekey.wraps {
        (wrap.encapsulated, wrap.ciphertext) = (Vec::new(), Vec::new());
    }
    own.put_record(&mut relay, &Record::Rekey(rekey));
    let spoilt = relay.log().roster().epoch();
    for _ in 0..3 {
        rig.disconnect();
        rig.sync(&mut relay);
        assert_eq!(rig.status().waiting_for, Some(NotReady::NoKey));
    }
    assert_eq!(relay.log().roster().epoch(), spoilt);
    let complaints = relay
        .verified()
        .filter(|entry| matches!(entry.body().map(Record::parse), Some(Ok(Record::Complaint { .. }))));
    assert_eq!(complaints.count(), 1);
}

#[test]
fn who_has_to_begin_an_epoch_does_so_without_the_key_of_the_one_in_force() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    put_empty_epoch(&mut member, &mut relay);
    member.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    assert!(relay.log().roster().is_rekey_due());
    rig.disconnect();
    let id = rig.conversation("goes on");
    rig.sync(&mut relay);
    assert!(!relay.log().roster().is_rekey_due());
    assert_eq!(rig.status().waiting_for, None);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_member_with_chains_without_end_can_be_removed() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let doc = opaque_payload(1).doc;
    for life in 0..MAX_CUT + 8 {
        member.incarnation = Incarnation::from_bytes((life as u64 + 1).to_be_bytes());
        let payload = message(member.id(), doc, "one more life");
        let entry = member.content(&relay, &payload);
        relay.put(entry.to_signed());
    }
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    rig.talk(&mut relay);
    assert!(!relay.log().roster().is_active(&member.id()));
}

#[test]
fn a_decision_that_can_never_be_carried_out_is_given_up_and_sealing_goes_on() {
    let (mut rig, _, mut relay) = owner_and_member();
    let (workspace, now, me) = (rig.workspace(), rig.now, rig.device.id());
    rig.device.remove_device(workspace, me, now).unwrap();
    rig.conversation("goes on");
    rig.sync(&mut relay);
    assert!(rig.notices.iter().any(|notice| matches!(notice, Notice::DecisionVoid { .. })));
    assert_eq!(rig.appended().len(), 1);
    assert_eq!(rig.status().undecided, 0);
}

#[test]
fn a_decision_that_somebody_else_carried_out_first_is_settled() {
    let (mut rig, mut member, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.remove_member(workspace, member.user(), now).unwrap();
    rig.take_sent();
    let ours = rig.appended();
    let leave = Record::Leave { whole_user: true, cut: Vec::new() };
    member.put_record(&mut relay, &leave);
    relay.put(ours[0].to_signed());
    rig.conversation("goes on");
    rig.sync(&mut relay);
    assert_eq!((rig.status().undecided, rig.status().waiting_for), (0, None));
    assert!(!relay.log().roster().is_rekey_due());
}

#[test]
fn an_invite_that_lost_a_race_is_written_again() {
    let (mut rig, _, mut relay) = owner_and_member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let first = rig.device.invite(workspace, now).unwrap();
    let second = rig.device.invite(workspace, now).unwrap();
    rig.talk(&mut relay);
    for key in [first, second] {
        assert_eq!(relay.log().roster().ticket(&key).unwrap().stage, TicketStage::Open);
        assert!(rig.device.code(workspace, key).unwrap().is_some());
    }
    rig.device.close_code(workspace, CodeKind::Invite, first, now).unwrap();
    rig.talk(&mut relay);
    assert!(rig.device.code(workspace, first).unwrap().is_none());
    assert_eq!(relay.log().roster().ticket(&first).unwrap().stage, TicketStage::Closed);
}

#[test]
fn a_removed_device_says_so_keeps_what_it_has_and_sends_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("mine");
    rig.talk(&mut relay);
    let user = bowline_wire::ids::UserId::of_first_device(rig.device.id());
    let rekey = owner.rekey(&[owner.keys.hpke_public(bowline_wire::ids::Suite::XWing)]);
    let cut = Vec::new();
    owner.put_record(&mut relay, &Record::RemoveMember { user, cut, rekey });
    let frame = relay.frame(relay.len(), relay.len());
    rig.receive(&frame);
    rig.sent.clear();
    for _ in 0..2 {
        assert!(!rig.status().member);
        rig.say(id, "to myself");
        rig.take_sent();
        assert!(rig.appended().is_empty());
        assert!(!rig.texts(id).is_empty());
        rig = rig.reopened();
    }
}

#[test]
fn why_the_relay_closed_the_line_is_shown() {
    let (mut rig, _, _) = Rig::member();
    let reason = bowline_wire::frame::Reason::Removed;
    rig.receive(&FakeRelay::goodbye(reason));
    assert_eq!(rig.status().relay_says, Some(reason));
    assert!(rig.status().member, "its word is not a removal");
}

/// A relay that is in league with who is removed lets a device of theirs in first, by a link that the remover knew of.
#[test]
fn a_device_that_a_relay_lets_in_before_a_removal_that_it_holds_back_opens_nothing_that_comes_after_it() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    let mut thief = linked(&mut rig, &mut relay, 7);
    let link = thief.put_ticket(&mut relay, true);
    rig.sync(&mut relay);
    rig.sent.clear();
    rig.device.remove_device(rig.workspace(), thief.id(), rig.now).unwrap();
    let removal = rig.take_sent().iter().flat_map(entries_of).next().unwrap();
    let mut foot = Author::join(8, &link, &mut relay);
    relay.put(removal);
    rig.disconnect();
    rig.sync(&mut relay);
    for gone in [&thief, &foot] {
        assert!(!relay.log().roster().is_active(&gone.id()));
    }
    assert_eq!((rig.status().undecided, rig.status().waiting_for), (0, None));
    let id = rig.conversation("after the removal");
    rig.talk(&mut relay);
    take_keys(&mut foot, Some(&link), &relay);
    let wire = foot.keyring.wire_doc(id).unwrap();
    let sealed = relay.verified().find(|entry| entry.header().doc == wire).unwrap();
    assert!(bowline_crypto::open(&sealed, &foot.keyring.snapshot()).is_err());
}
