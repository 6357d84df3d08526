//! Ways out: of a removal, of a relay that was caught or has moved or has no room, and of decisions that nobody answers.

use bowline_core::document::change_actor;
use bowline_core::sync::NotReady;
use bowline_device::{Cancelling, DocumentState, Error, Membership, Notice};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{DeviceId, DocId, LogHash, Suite, UserId};
use bowline_wire::roster::record::Record;

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};

/// Removes the rig's device with its person; whoever stays has the next key.
pub(crate) fn remove(owner: &mut Author, relay: &mut FakeRelay, device: DeviceId) {
    let rekey = owner.rekey(&[owner.keys.hpke_public(Suite::XWing)]);
    let user = UserId::of_first_device(device);
    owner.put_record(relay, &Record::RemoveMember { user, cut: Vec::new(), rekey: rekey.clone() });
    owner.accept(relay, &rekey);
}

/// A member that was removed while it was connected, and has seen that.
pub(crate) fn removed() -> (Rig, Author, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    remove(&mut owner, &mut relay, rig.device.id());
    rig.receive(&relay.frame(relay.len(), relay.len()));
    rig.disconnect();
    rig.sent.clear();
    (rig, owner, relay)
}

#[test]
fn a_removal_says_by_whom_and_since_when_also_after_a_restart() {
    let (mut rig, owner, _) = removed();
    let since = rig.now;
    for _ in 0..2 {
        rig.now = rig.now.plus(60_000);
        let Membership::Removed(removal) = rig.status().membership else {
            panic!("{:?}", rig.status().membership)
        };
        assert_eq!((removal.by, removal.since), (Some(owner.id()), Some(since)));
        rig = rig.reopened();
    }
    let id = rig.conversation("after that");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Stays);
}

#[test]
fn what_a_relay_says_of_a_removal_lasts_until_it_lets_the_device_in() {
    let (mut rig, _, mut relay) = Rig::member();
    let workspace = rig.workspace();
    rig.receive(&FakeRelay::goodbye(Reason::Removed));
    rig.disconnect();
    let since = rig.now;
    rig.now = rig.now.plus(60_000);
    let mut rig = rig.reopened();
    let Membership::TurnedAway(said) = rig.status().membership else {
        panic!("{:?}", rig.status().membership)
    };
    assert_eq!((said.reason, said.since), (Reason::Removed, since));
    assert!(rig.device.wants_connection(workspace).unwrap(), "its word is not believed");
    rig.sync(&mut relay);
    assert_eq!(rig.status().membership, Membership::Member);
}

#[test]
fn a_removed_device_comes_back_under_a_new_key_with_what_it_wrote_meanwhile() {
    let (mut rig, mut owner, mut relay) = removed();
    let old = rig.device.id();
    let id = rig.conversation("written while out");
    rig.say(id, "nobody has this");
    let secret = owner.put_ticket(&mut relay, false);
    let workspace = rig.device.rejoin(&code(&relay, &secret), rig.now).unwrap();
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    let mut rig = rig.reopened();
    rig.sync(&mut relay);
    let new = rig.device.id_in(workspace);
    assert_ne!(new, old);
    assert_eq!(rig.device.id(), old, "elsewhere it is who it was");
    assert_eq!(rig.status().membership, Membership::Member);
    assert!(relay.log().roster().is_active(&new) && !relay.log().roster().is_active(&old));

    rig.device.share(id, workspace, rig.now).unwrap();
    rig.talk(&mut relay);
    rig.say(id, "under the new key");
    rig.talk(&mut relay);
    assert_eq!(rig.texts(id), ["nobody has this", "under the new key"]);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let mut other = Rig::new(9);
    let secret = owner.put_ticket(&mut relay, false);
    other.join(&code(&relay, &secret));
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.texts(id), ["nobody has this", "under the new key"]);
    assert!(other.status().quarantined.is_empty(), "{:?}", other.status().quarantined);
    let again = rig.device.rejoin(&code(&relay, &secret), rig.now);
    assert!(matches!(again, Err(Error::AlreadyThere)), "a member has nothing to come back to");
}

#[test]
fn a_fresh_code_after_forgetting_says_that_the_key_is_spent() {
    let (mut rig, mut owner, mut relay) = removed();
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    let secret = owner.put_ticket(&mut relay, false);
    rig.join(&code(&relay, &secret));
    rig.sync(&mut relay);
    let failed = rig.notices.iter().find_map(|notice| match notice {
        Notice::JoinFailed(_, why) => Some(*why),
        _ => None,
    });
    assert_eq!(failed, Some(bowline_core::sync::JoinFailed::KeySpent));
    rig.device.rejoin(&code(&relay, &secret), rig.now).unwrap();
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    assert_eq!(rig.status().membership, Membership::Member, "the code was not used up by that");
}

#[test]
fn forgetting_and_joining_again_leaves_a_caught_relay_behind_and_hides_nothing() {
    let (mut rig, mut owner, relay) = Rig::member();
    let id = rig.conversation("kept");
    rig.say(id, "all of it");
    let mut back = relay.rolled_back(relay.len() - 1);
    owner.put_message(&mut back, DocId::from_bytes([4; 16]), "another story");
    rig.disconnect();
    rig.connect(&back);
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
    assert!(rig.status().caught.is_some());
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    let secret = owner.put_ticket(&mut back, false);
    rig.join(&code(&back, &secret));
    for _ in 0..3 {
        rig.sync(&mut back);
    }
    let mut rig = rig.reopened();
    rig.sync(&mut back);
    let status = rig.status();
    assert_eq!((status.evidence.len(), status.earlier_evidence, status.refused), (0, 1, 0));
    assert_eq!(status.waiting_for, None);
    rig.device.share(id, rig.workspace(), rig.now).unwrap();
    rig.talk(&mut back);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(rig.texts(id), ["all of it"]);
}

#[test]
fn moving_forgives_no_relay_that_has_signed_two_histories() {
    let (mut rig, _, relay) = Rig::member();
    rig.receive(&Frame::Head(relay.sign(relay.len(), LogHash::from_bytes([0xee; 32]))));
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.move_workspace(workspace, "wss://elsewhere.example", now).unwrap();
    assert_eq!((rig.status().evidence.len(), rig.status().earlier_evidence), (1, 0));
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
}

#[test]
fn no_room_at_the_relay_is_shown_after_the_connection_and_until_something_is_taken() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.conversation("on its way");
    rig.take_sent();
    let sent = rig.appended()[0].clone();
    let since = rig.now;
    rig.receive(&FakeRelay::refused(sent.id(), Reason::Quota, None));
    assert!(rig.notices.iter().any(|notice| matches!(notice, Notice::HeldUp { reason: Reason::Quota, .. })));
    rig.now = rig.now.plus(10_000);
    rig.receive(&FakeRelay::refused(sent.id(), Reason::Quota, None));
    rig.disconnect();
    let mut rig = rig.reopened();
    let held_up = rig.status().held_up.unwrap();
    assert_eq!((held_up.reason, held_up.since), (Reason::Quota, since));
    rig.sync(&mut relay);
    assert_eq!((rig.status().held_up, rig.status().offered), (None, 0));
}

#[test]
fn a_decision_can_be_cancelled_until_it_is_sent() {
    let (mut rig, mut relay) = Rig::creator(1);
    rig.sync(&mut relay);
    rig.disconnect();
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.invite(workspace, now).unwrap();
    rig.device.link_device(workspace, now).unwrap();
    let [first, second] = &rig.device.decisions(workspace).unwrap()[..] else { panic!("two decisions") };
    let (first, second) = (first.number, second.number);
    assert_eq!(rig.device.cancel_decision(workspace, first).unwrap(), Cancelling::Cancelled);
    assert_eq!(rig.device.cancel_decision(workspace, first).unwrap(), Cancelling::NotThere);
    rig.sync_without_answers(&relay);
    assert_eq!(rig.device.cancel_decision(workspace, second).unwrap(), Cancelling::Sent);
    rig.sync(&mut relay);
    assert_eq!(rig.device.open_codes(workspace).unwrap().len(), 1);
}

#[test]
fn open_codes_say_who_made_them_when_and_for_how_long() {
    let (mut rig, mut relay) = Rig::creator(1);
    // In the log's time, whatever the clock here says.
    relay.clock = rig.now.plus(60_000);
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let ticket = rig.device.invite(workspace, now).unwrap();
    rig.talk(&mut relay);
    let open = rig.device.open_codes(workspace).unwrap();
    let [code] = &open[..] else { panic!("{open:?}") };
    assert_eq!((code.ticket, code.maker, code.made), (ticket, rig.device.id(), relay.clock));
    assert!(code.expires > code.made);
    rig.device.close_code(workspace, code.kind, ticket, now).unwrap();
    rig.talk(&mut relay);
    assert!(rig.device.open_codes(workspace).unwrap().is_empty());
}

#[test]
fn a_workspace_is_named_for_everybody_in_it() {
    let (mut one, mut other, mut relay) = crate::rig::two();
    let (workspace, now) = (one.workspace(), one.now);
    one.device.name_workspace(workspace, "Home", now).unwrap();
    crate::rig::exchange(&mut one, &mut other, &mut relay);
    for rig in [&one, &other] {
        assert_eq!(rig.device.workspace_name(workspace).unwrap().as_deref(), Some("Home"));
    }
    let bytes: Vec<u8> =
        relay.verified().flat_map(|entry| entry.body().unwrap_or_default().to_vec()).collect();
    assert!(!bytes.windows(4).any(|window| window == b"Home"), "the relay does not learn it");
}

#[test]
fn the_actor_of_a_change_is_its_devices() {
    let mut rig = Rig::new(4);
    let id = rig.conversation("mine");
    let read = rig.device.store().read();
    let row = read.find_doc(id).unwrap().unwrap();
    let changes = read.changes(row.n).unwrap();
    assert!(changes.iter().any(|change| change_actor(&change.bytes).unwrap().belongs_to(rig.device.id())));
    assert_eq!(change_actor(b"no change"), None);
}
