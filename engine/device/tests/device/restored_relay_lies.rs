//! What a relay may say of a log that was continued and does not count: nothing is changed by it, and everything goes on.

use bowline_device::{LineReason, Notice};
use bowline_wire::codec::{decode, encode};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::head::SeenHead;
use bowline_wire::successor::SaidSuccessor;

use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, two};

/// The welcome with something else in place of its successors.
fn welcome(relay: &FakeRelay, successors: Vec<SaidSuccessor>) -> Frame {
    let mut frame = relay.welcome();
    let Frame::Welcome(welcome) = &mut frame else { panic!() };
    welcome.successors = successors;
    frame
}

fn shown(rig: &mut Rig, welcome: &Frame) {
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.handle_connected(workspace, None, now).unwrap();
    rig.receive(&FakeRelay::challenge());
    rig.receive(welcome);
    rig.take_sent();
}

/// Nothing was changed by what the relay showed, and everything goes on once it shows what it should.
fn assert_waits(mut rig: Rig, relay: &mut FakeRelay, reason: LineReason) {
    let status = rig.status();
    assert_eq!(status.behind.map(|behind| behind.reason), Some(reason));
    assert!(status.evidence.is_empty());
    assert_eq!(status.sent_again, 0);
    let told = rig.notices.iter().filter(|it| matches!(it, Notice::RelayFault(..))).count();
    assert_eq!(told, 1);
    rig.disconnect();
    rig.sync(relay);
    assert_in_step_again(&rig, relay);
}

fn assert_in_step_again(rig: &Rig, relay: &FakeRelay) {
    let place = |head: SeenHead| (head.position, head.hash);
    assert_eq!(rig.status().signed.map(place), Some(place(relay.head())));
    assert!(rig.status().behind.is_none());
}

/// With one of its two signatures, each 64 bytes, made worthless.
fn half(said: &SaidSuccessor, is_by_log: bool) -> SaidSuccessor {
    let mut bytes = encode(said);
    let end = bytes.len() - if is_by_log { 0 } else { 66 };
    bytes[end - 64..end].fill(0);
    decode(&bytes).unwrap()
}

#[test]
fn a_successor_under_one_signature_counts_for_nothing() {
    for is_by_log in [false, true] {
        let (mut rig, _, mut relay) = Rig::member();
        rig.disconnect();
        let restored = relay.restored(relay.len() - 1, 21);
        let said = half(&restored.successors[0], is_by_log);
        shown(&mut rig, &welcome(&restored, vec![said]));
        assert_waits(rig, &mut relay, LineReason::HalfSuccessor);
    }
}

#[test]
fn a_log_is_not_followed_two_ways() {
    let (mut rig, _, relay) = Rig::member();
    rig.disconnect();
    let mut one = relay.restored(relay.len(), 21);
    let other = relay.restored(relay.len(), 22);
    rig.sync(&mut one);
    rig.disconnect();
    shown(&mut rig, &other.welcome());
    assert_waits(rig, &mut one, LineReason::OtherSuccessor);
}

#[test]
fn a_relay_from_before_its_restore_is_behind() {
    let (mut rig, _, relay) = Rig::member();
    rig.disconnect();
    let mut restored = relay.restored(relay.len(), 21);
    rig.sync(&mut restored);
    rig.disconnect();
    shown(&mut rig, &relay.welcome());
    assert_waits(rig, &mut restored, LineReason::OtherLog);
}

#[test]
fn a_log_that_nobody_says_to_continue_is_another_one() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.disconnect();
    let restored = relay.restored(relay.len(), 21);
    shown(&mut rig, &welcome(&restored, vec![]));
    assert_waits(rig, &mut relay, LineReason::OtherLog);
}

#[test]
fn a_successor_from_a_place_that_is_not_in_the_log_is_evidence() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let theirs = relay.clone();
    let secret = owner.put_ticket(&mut relay, false);
    drop(secret);
    rig.talk(&mut relay);
    rig.sync(&mut relay);
    rig.disconnect();
    // Another story has another entry there, and its key says that it goes on from that.
    let mut other = theirs;
    other.put(relay.signed(1));
    let restored = other.restored(other.len(), 21);
    let heads: SeenHead = rig.status().signed.unwrap();
    shown(&mut rig, &restored.welcome());
    let evidence = rig.device.store().read().evidence(rig.workspace()).unwrap();
    assert_eq!(evidence.len(), 1);
    assert!(evidence[0].what.starts_with(&encode(&heads)));
    assert_eq!(rig.status().caught, Some(LineReason::FalseSuccessor));
    assert!(rig.device.is_distrusted(rig.workspace()).unwrap());
}

#[test]
fn what_was_not_taken_again_and_is_on_the_log_after_all_stops_nothing() {
    let (mut one, mut other, mut relay) = two();
    let backup = relay.len();
    let id = other.conversation("by the other one");
    other.say(id, "lost, and fed by its author");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.disconnect();
    let lost: Vec<_> =
        relay.verified().map(|entry| entry.id()).skip(usize::try_from(backup).unwrap()).collect();
    let mut relay = relay.restored(backup, 21);
    relay.refuses.extend(lost.iter().map(|id| (*id, Reason::WrongEpoch)));
    one.sync(&mut relay);
    assert_eq!(one.status().quarantined.len(), lost.len(), "the relay has refused it for good");
    relay.refuses.clear();
    other.sync(&mut relay);
    one.sync(&mut relay);
    assert!(one.status().quarantined.is_empty(), "it is on the log");
    assert_eq!(one.texts(id), ["lost, and fed by its author"]);
    let mut one = one.reopened();
    one.sync(&mut relay);
    assert_eq!(one.texts(id), ["lost, and fed by its author"]);
}

#[test]
fn a_head_from_before_the_place_cuts_nothing_back() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("here");
    rig.talk(&mut relay);
    rig.disconnect();
    let signed = rig.status().signed;
    let restored = relay.restored(relay.len() - 1, 21);
    let mut frame = restored.welcome();
    let Frame::Welcome(welcome) = &mut frame else { panic!() };
    welcome.head = restored.head_at(restored.len() - 1);
    shown(&mut rig, &frame);
    assert_eq!((rig.status().signed, rig.status().sent_again), (signed, 0));
    assert!(rig.status().evidence.is_empty(), "it says nothing that two signatures contradict");
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), bowline_device::DocumentState::OnRelay);
}
