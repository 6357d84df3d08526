//! What stays of a relay's lie: evidence, a stop that lasts, and a device that works on.

use std::collections::BTreeSet;

use bowline_core::sync::{GoingOn, NotReady, RelayFault};
use bowline_device::{DocumentState, LineReason, Notice};
use bowline_wire::codec::{decode, encode};
use bowline_wire::entry::SignedEntry;
use bowline_wire::evidence::Evidence;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::hash::sha256;
use bowline_wire::ids::{DocId, LogHash, Position};

use crate::accepting::assert_in_step;
use crate::relay::FakeRelay;
use crate::rig::{Rig, entries_of};

/// The relay has been caught: nothing more goes to it, before and after a restart, and everything else goes on.
fn assert_caught(mut rig: Rig, relay: &mut FakeRelay) {
    let workspace = rig.workspace();
    assert!(matches!(rig.notices.last(), Some(Notice::RelayFault(..))));
    assert!(rig.device.poll_close(workspace) || !rig.take_sent().is_empty());
    for restarted in [false, true] {
        if restarted {
            rig = rig.reopened();
        }
        assert_eq!(rig.device.store().read().evidence(workspace).unwrap().len(), 1);
        rig.sent.clear();
        let id = rig.conversation("written offline");
        rig.say(id, "still here");
        rig.sync(relay);
        rig.now = rig.now.plus(60_000);
        rig.device.handle_timeout(rig.now).unwrap();
        rig.take_sent();
        assert!(rig.appended().is_empty(), "restarted: {restarted}");
        assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
        assert_eq!(rig.texts(id), ["still here"]);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Stays);
        rig.disconnect();
    }
}

/// What the relay shows instead of the log is told once and shown until it shows the log again; what waits stays queued. Then
/// everything goes on, without anybody's doing.
fn assert_waits_and_goes_on(mut rig: Rig, wrong: &Frame, relay: &mut FakeRelay, reason: LineReason) {
    let id = rig.conversation("written meanwhile");
    for restarted in [false, true] {
        if restarted {
            rig = rig.reopened();
        }
        rig.notices.clear();
        for _ in 0..3 {
            rig.disconnect();
            rig.greet();
            rig.receive(wrong);
            assert!(rig.appended().is_empty());
        }
        let told = rig.notices.iter().filter(|it| matches!(it, Notice::RelayFault(..))).count();
        assert_eq!(told, usize::from(!restarted), "once");
        let status = rig.status();
        assert_eq!(status.behind.map(|behind| behind.reason), Some(reason));
        assert!(status.evidence.is_empty() && status.caught.is_none());
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
        rig.disconnect();
    }
    rig.sync(relay);
    assert_eq!(rig.status().behind, None);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_relay_that_has_lost_a_part_of_the_log_gets_nothing_only_until_it_is_restored() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.disconnect();
    assert_waits_and_goes_on(rig, &FakeRelay::goodbye(Reason::LogLost), &mut relay, LineReason::LogLost);
}

#[test]
fn a_relay_that_signs_less_than_it_was_shown_is_remembered_with_what_proves_it_once() {
    let (mut rig, _, mut relay) = Rig::member();
    let workspace = rig.workspace();
    let back = relay.rolled_back(relay.len() - 1);
    for _ in 0..3 {
        rig.disconnect();
        rig.connect(&back);
    }
    let evidence = rig.device.store().read().evidence(workspace).unwrap();
    let [row] = &evidence[..] else { panic!("{} proofs", evidence.len()) };
    let proven = decode::<Evidence>(&row.what).unwrap().verify().unwrap();
    assert_eq!((proven.signed, proven.against), (relay.log().head(), back.log().head()));
    assert_eq!(rig.status().evidence.len(), 1);
    assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
    let mut rig = rig.reopened();
    let id = rig.conversation("written offline");
    rig.sync(&mut relay);
    assert!(rig.appended().is_empty(), "for good, until a person decides");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Stays);
}

#[test]
fn what_only_the_relay_held_is_in_doubt_until_it_is_restored() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("signed for, and perhaps lost");
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    rig.disconnect();
    rig.greet();
    rig.receive(&FakeRelay::goodbye(Reason::LogLost));
    assert_eq!(rig.status().behind.unwrap().shown, Position::START);
    for mut rig in [rig.copied(), rig.reopened()] {
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Doubted);
        rig.sync(&mut relay);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}

#[test]
fn a_fork_is_remembered_with_both_heads_and_stops_sending_for_good() {
    let (mut rig, _, mut relay) = Rig::member();
    let ours = relay.head();
    let theirs = relay.sign(relay.len(), LogHash::from_bytes([0xee; 32]));
    rig.receive(&Frame::Head(theirs));
    let Some(RelayFault::Fork { ours: known, theirs: shown, .. }) = rig.status().fault else { panic!() };
    assert_eq!((known, shown), (ours, theirs));
    let evidence = rig.device.store().read().evidence(rig.workspace()).unwrap();
    let proven = decode::<Evidence>(&evidence[0].what).unwrap().verify().unwrap();
    assert_eq!((proven.signed, proven.against.hash), (relay.log().head(), theirs.hash));
    assert_caught(rig, &mut relay);
}

#[test]
fn a_relay_that_contradicts_itself_on_every_line_costs_bounded_room() {
    let (mut rig, _, relay) = Rig::member();
    let kept = |rig: &Rig| rig.device.store().read().evidence(rig.workspace()).unwrap().len();
    let mut after_half = 0;
    for n in 1..=100 {
        rig.disconnect();
        rig.greet();
        rig.receive(&FakeRelay::welcome_at(relay.sign(relay.len(), LogHash::from_bytes([n; 32]))));
        if n == 50 {
            after_half = kept(&rig);
        }
    }
    assert_eq!(kept(&rig), after_half);
    let rig = rig.reopened();
    assert_eq!((kept(&rig), rig.status().caught), (after_half, Some(LineReason::Fork)));
}

#[test]
fn another_log_stops_sending_only_as_long_as_it_is_shown() {
    let (mut rig, _, mut relay) = Rig::member();
    let mut other = FakeRelay::new(99, rig.workspace());
    for at in 1..=relay.len() {
        other.put(relay.signed(at));
    }
    rig.disconnect();
    assert_waits_and_goes_on(rig, &other.welcome(), &mut relay, LineReason::OtherLog);
}

#[test]
fn what_versions_before_kept_of_an_old_head_or_another_log_stands_in_nobodys_way() {
    let (rig, _, mut relay) = Rig::member();
    let insert = "INSERT INTO evidence (ws, kind, at, what) SELECT id, ?1, 1, x'00' FROM workspace";
    for kind in [2, 3] {
        rig.device.store().connection().execute(insert, [kind]).unwrap();
    }
    let mut rig = rig.reopened();
    assert_eq!((rig.status().evidence.len(), rig.status().earlier_evidence), (0, 0));
    let id = rig.conversation("goes on");
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn what_the_relay_was_caught_at_is_shown_after_a_restart_too() {
    let (mut rig, _, relay) = Rig::member();
    let theirs = relay.sign(relay.len(), LogHash::from_bytes([0xee; 32]));
    rig.receive(&Frame::Head(theirs));
    let before = rig.status().evidence;
    assert_eq!(before.len(), 1);
    let rig = rig.reopened();
    assert_eq!(rig.status().evidence, before);
}

#[test]
fn bytes_that_are_no_frame_close_the_line_and_leave_no_evidence() {
    let (mut rig, _, relay) = Rig::member();
    let workspace = rig.workspace();
    let mut frame = encode(&relay.frame(1, 1));
    frame.push(0);
    let long = vec![0; bowline_wire::limits::MAX_FRAME + 1];
    for bytes in [&b"garbage"[..], &[], &frame, &long] {
        rig.device.handle_frame(workspace, bytes, rig.now).unwrap();
        assert!(rig.device.poll_close(workspace));
        assert!(rig.device.store().read().evidence(workspace).unwrap().is_empty());
        rig.disconnect();
        rig.connect(&relay);
        rig.take_sent();
    }
}

#[test]
fn a_head_at_a_position_no_database_holds_is_answered_like_any_other() {
    let (mut rig, _, relay) = Rig::member();
    let far = relay.sign(u64::MAX, LogHash::from_bytes([1; 32]));
    rig.receive(&Frame::Head(far));
    rig.disconnect();
    rig.device.handle_connected(rig.workspace(), None, rig.now).unwrap();
    rig.receive(&FakeRelay::challenge());
    rig.receive(&FakeRelay::welcome_at(far));
    assert_eq!(rig.status().signed.unwrap().position, Position(relay.len()));
}

/// What a relay gets to see, refusing all of it for good, on one line after the other.
fn refuse_all(rig: &mut Rig, relay: &FakeRelay, lines: usize) -> Vec<SignedEntry> {
    let mut refused = Vec::new();
    for _ in 0..lines {
        rig.disconnect();
        rig.connect(relay);
        loop {
            rig.now = rig.now.plus(6_000);
            rig.device.handle_timeout(rig.now).unwrap();
            let entries: Vec<_> = rig.take_sent().iter().flat_map(entries_of).collect();
            if entries.is_empty() {
                break;
            }
            for entry in entries {
                rig.receive(&FakeRelay::refused(entry.id(relay.workspace()), Reason::Malformed, None));
                refused.push(entry);
            }
        }
    }
    refused
}

#[test]
fn a_relay_that_refuses_everything_costs_bounded_room_and_loses_nothing() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("long");
    // Different letters everywhere: what is sealed is about as long as what is written.
    let text: String =
        (0..60_000_u32).map(|n| char::from(33 + (sha256(&[&n.to_le_bytes()])[0] % 90))).collect();
    rig.say(id, &text);
    let refused = refuse_all(&mut rig, &relay, 8);
    assert!(refused.len() > 20, "{}", refused.len());
    let large = refused.iter().filter(|entry| entry.wire_len() > 40_000);
    let sealed: BTreeSet<_> = large.map(|entry| entry.id(relay.workspace())).collect();
    assert!(sealed.len() <= 3 * 8, "one edit is sealed three times at most on a line: {}", sealed.len());
    let sum = "SELECT coalesce(sum(length(bytes)), 0) FROM body JOIN entry ON n = entry WHERE state <> 1";
    let held: i64 = rig.device.store().connection().query_row(sum, (), |row| row.get(0)).unwrap();
    assert!(held < 2 * 60_000, "{held} bytes of sealed bodies that are not on the log");
    // One of them stands on the log after all.
    let whole = refused.iter().find(|entry| entry.wire_len() > 40_000).unwrap();
    relay.put(whole.clone());
    for _ in 0..3 {
        rig.disconnect();
        rig.now = rig.now.plus(86_400_000);
        rig.sync(&mut relay);
    }
    assert!(rig.texts(id) == [text], "once, and as it was written");
    let read = rig.device.store().read();
    let row = read.entry_by_id(rig.workspace(), whole.id(rig.workspace())).unwrap().unwrap();
    assert!(row.place.is_some() && read.body(row.n).unwrap().is_some(), "with the body that came again");
}

#[test]
fn a_fork_that_only_a_look_shows_is_kept_as_any_other_and_the_decision_goes_on() {
    // The relay's other history is shorter than ours, as long, and longer.
    for theirs in 1..=3 {
        let (mut rig, mut owner, mut known) = Rig::member();
        let id = rig.conversation("kept");
        rig.sync(&mut known);
        rig.disconnect();
        let mut back = known.rolled_back(known.len());
        for text in ["a", "b"] {
            rig.say(id, text);
            rig.sync(&mut known);
            rig.disconnect();
        }
        for turn in 0..theirs {
            owner.put_message(&mut back, DocId::from_bytes([4; 16]), &turn.to_string());
        }
        assert!(rig.status().evidence.is_empty());
        let shown = rig.look(&mut back);
        assert_eq!(rig.status().caught, Some(LineReason::Fork));
        let proof = |rig: &Rig| {
            let caught = rig.device.caught(rig.workspace()).unwrap();
            assert_eq!(caught.len(), 1);
            (caught[0].counts, caught[0].evidence.as_ref().unwrap().verify().is_ok())
        };
        assert_eq!(proof(&rig), (true, true), "{theirs}");
        assert_eq!(rig.status().waiting_for, Some(NotReady::Distrusted));
        // Another look brings nothing more, and a person who says no has decided nothing.
        rig.look(&mut back);
        let mut rig = rig.reopened();
        assert_eq!(proof(&rig), (true, true));
        rig.device.go_on_with(rig.workspace(), &shown, GoingOn::Accept, rig.now).unwrap();
        assert_eq!(proof(&rig), (false, true));
        rig.sync(&mut back);
        assert_in_step(&rig, &back);
        assert_eq!(rig.texts(id), ["a", "b"]);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    }
}
