//! A relay that says something else than it did, and what a device makes of it.

use bowline_core::sync::{LinkState, NotReady, RelayFault};
use bowline_wire::entry::LoggedEntry;
use bowline_wire::evidence::Evidence;
use bowline_wire::frame::Frame;
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{LogHash, LogTime, Position, Signature, TicketKey};
use bowline_wire::roster::record::Record;

use crate::author::{Author, message, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

const OTHER: LogHash = LogHash::from_bytes([0xee; 32]);

fn is_nonsense(faults: &[&RelayFault]) -> bool {
    matches!(faults, [RelayFault::Nonsense(_)])
}

/// The device believes nothing more of this relay, and gives it nothing more.
fn assert_stopped(bench: &mut Bench, relay: &mut FakeRelay) {
    assert!(bench.closed());
    assert!(bench.replica.is_distrusted());
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Distrusted));
    assert_eq!(bench.replica.ready_for_record(), Err(NotReady::Distrusted));
    bench.forget();
    bench.write(&opaque_payload(1));
    bench.sync(relay);
    bench.wait(60_000);
    assert!(bench.appended().is_empty());
}

#[test]
fn a_welcome_that_the_log_did_not_sign_is_not_believed() {
    let (mut bench, _, relay) = Bench::member();
    bench.greet();
    bench.forget();
    let mut head = relay.head();
    head.position = Position(head.position.0 + 1);
    bench.receive(FakeRelay::welcome_at(head));
    assert!(is_nonsense(&bench.faults()));
    assert!(bench.closed() && bench.frames().is_empty());
    assert!(!bench.replica.is_distrusted(), "anybody could have made it up");
}

/// The line is over, and with the log that is known here everything goes on, also in the next process.
fn assert_goes_on(mut bench: Bench, relay: &mut FakeRelay) {
    assert!(bench.closed());
    assert!(!bench.replica.is_distrusted());
    bench.forget();
    bench.write(&opaque_payload(1));
    bench.sync(relay);
    assert!(!bench.appended().is_empty(), "what waited goes");
    let mut bench = bench.restarted();
    bench.sync(relay);
    assert_eq!((bench.replica.link(), bench.replica.ready_to_seal()), (LinkState::Live, Ok(())));
}

#[test]
fn a_relay_that_signs_less_than_it_was_shown_it_had_signed_is_caught_for_everybody() {
    let (mut bench, _, mut relay) = Bench::member();
    let back = relay.rolled_back(relay.len() - 1);
    bench.greet();
    bench.receive(back.welcome());
    let [RelayFault::Rollback { ours, theirs, proof }] = bench.faults()[..] else { panic!() };
    assert_eq!((*ours, *theirs), (relay.head(), back.head()));
    let proven = Evidence::Rollback((**proof).clone()).verify().unwrap();
    assert_eq!((proven.signed, proven.against), (relay.log().head(), back.log().head()));
    assert_stopped(&mut bench, &mut relay);
    assert!(bench.restarted().replica.is_distrusted());
}

#[test]
fn an_old_welcome_that_somebody_kept_is_nothing() {
    let (mut bench, _, mut relay) = Bench::member();
    bench.greet();
    let back = relay.rolled_back(relay.len() - 1);
    let kept = bench.signed(back.welcome());
    bench.disconnect();
    bench.greet();
    bench.forget();
    bench.receive_as_it_is(kept);
    assert!(is_nonsense(&bench.faults()));
    assert_goes_on(bench, &mut relay);
}

#[test]
fn a_relay_that_goes_on_from_an_old_state_is_caught_once_it_has_signed_as_much_again() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let ours = relay.head();
    let mut back = relay.rolled_back(relay.len() - 1);
    owner.put_message(&mut back, opaque_payload(9).doc, "something else at this position");
    bench.greet();
    bench.receive(back.welcome());
    assert_fork(&bench, ours, back.head());
    assert_stopped(&mut bench, &mut relay);
    let mut bench = bench.restarted();
    assert!(bench.replica.is_distrusted());
    assert_stopped_from_the_start(&mut bench, &mut relay);
}

/// The relay was caught with these two heads, which prove it alone if they are at one position.
fn assert_fork(bench: &Bench, expected: SeenHead, contradicts: SeenHead) {
    let [RelayFault::Fork { ours, theirs, proof }] = bench.faults()[..] else {
        panic!("{:?}", bench.faults())
    };
    assert_eq!((*ours, *theirs), (expected, contradicts));
    assert_eq!(proof.is_some(), ours.position == theirs.position);
    if let Some(proof) = proof {
        Evidence::Fork(proof.clone()).verify().unwrap();
    }
}

fn assert_stopped_from_the_start(bench: &mut Bench, relay: &mut FakeRelay) {
    bench.sync(relay);
    assert_eq!(bench.replica.link(), LinkState::Live);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Distrusted));
    assert!(bench.appended().is_empty());
}

#[test]
fn another_hash_at_a_known_position_is_a_fork_in_whatever_frame_it_comes() {
    for frame in ["welcome", "head", "appended", "entries"] {
        for back in [0, 1] {
            let (mut bench, _, mut relay) = Bench::member();
            let ours = relay.head();
            let theirs = relay.sign(relay.len() - back, OTHER);
            let lie = match frame {
                "welcome" => FakeRelay::welcome_at(theirs),
                "head" => Frame::Head(theirs),
                "appended" => Frame::Appended { entries: Vec::new(), head: theirs },
                _ => Frame::Entries {
                    first: theirs.position,
                    entries: vec![relay.logged(theirs.position.0)],
                    head: theirs,
                },
            };
            if frame == "welcome" {
                bench.greet();
            }
            bench.receive(lie);
            println!("{frame} {back}");
            assert_fork(&bench, ours, theirs);
            assert_stopped(&mut bench, &mut relay);
        }
    }
}

#[test]
fn entries_that_do_not_hash_to_their_head_are_not_taken_in() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let shown = owner.content(&relay, &message(owner.id(), opaque_payload(1).doc, "shown"));
    let mut other = relay.clone();
    other.put(shown.to_signed());
    owner.put_record(&mut relay, &Record::CloseInvite(TicketKey::ZERO));
    let before = bench.replica.position();
    bench.receive(Frame::Entries {
        first: before.next(),
        entries: vec![other.logged(other.len())],
        head: relay.head(),
    });
    assert_eq!(bench.faults().len(), 1);
    assert!(bench.closed() && bench.stretches().is_empty());
    assert_eq!(bench.replica.position(), before);
}

#[test]
fn entries_that_do_not_hash_to_their_head_prove_nothing_about_the_relay() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = relay.clone();
    owner.put_message(&mut other, opaque_payload(1).doc, "shown");
    owner.put_message(&mut relay, opaque_payload(1).doc, "signed for");
    bench.receive(Frame::Entries {
        first: bench.replica.position().next(),
        entries: vec![other.logged(other.len())],
        head: relay.head(),
    });
    assert!(is_nonsense(&bench.faults()));
    assert!(!bench.replica.is_distrusted());
    bench.sync(&mut relay);
    assert_eq!(bench.replica.position().0, relay.len(), "the next line does better");
}

#[test]
fn entries_that_do_not_end_at_their_head_are_nonsense() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    let last = relay.len();
    for (first, entries) in [
        (last - 1, vec![relay.logged(last)]),
        (last, Vec::new()),
        (0, (0..=last).map(|_| relay.logged(last)).collect()),
    ] {
        bench.forget();
        bench.receive(Frame::Entries { first: Position(first), entries, head: relay.head() });
        assert!(is_nonsense(&bench.faults()), "{first}");
        assert!(bench.stretches().is_empty());
        bench.greet();
        bench.receive(relay.rolled_back(last - 1).welcome());
    }
}

#[test]
fn after_a_gap_the_device_asks_again_from_where_it_is() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = relay.len();
    for text in ["one", "two", "three"] {
        owner.put_message(&mut relay, opaque_payload(1).doc, text);
    }
    bench.receive(relay.frame(before + 2, before + 2));
    bench.receive(relay.frame(before + 3, before + 3));
    assert_eq!(bench.subscriptions(), [before], "once is enough");
    assert!(bench.stretches().is_empty() && bench.faults().is_empty());
    bench.talk(&mut relay);
    assert_eq!(bench.replica.position().0, before + 3);
}

#[test]
fn what_comes_twice_counts_once() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = relay.len();
    for text in ["one", "two", "three"] {
        owner.put_message(&mut relay, opaque_payload(1).doc, text);
    }
    bench.receive(relay.frame(before + 1, before + 2));
    bench.receive(relay.frame(before + 1, before + 2));
    bench.receive(relay.frame(before + 1, before + 1));
    bench.receive(relay.frame(before + 2, before + 3));
    let positions: Vec<u64> = bench
        .stretches()
        .iter()
        .flat_map(|stretch| stretch.entries.iter().map(|entry| entry.position().0))
        .collect();
    assert_eq!(positions, [before + 1, before + 2, before + 3]);
    assert!(bench.faults().is_empty());
}

#[test]
fn another_log_of_the_same_workspace_is_not_followed() {
    let (mut bench, _, mut relay) = Bench::member();
    let mut other = FakeRelay::new(99, relay.log().head().workspace);
    for at in 1..=relay.len() {
        other.put(relay.signed(at));
    }
    bench.greet();
    bench.receive(other.welcome());
    assert_eq!(bench.faults(), [&RelayFault::OtherLog { theirs: other.head() }]);
    assert_goes_on(bench, &mut relay);
}

#[test]
fn heads_of_another_log_in_the_middle_of_a_session_are_nonsense() {
    let (mut bench, _, relay) = Bench::member();
    let mut other = FakeRelay::new(99, relay.log().head().workspace);
    for at in 1..=relay.len() {
        other.put(relay.signed(at));
    }
    other.put(relay.signed(1));
    for frame in [
        Frame::Head(other.head()),
        other.frame(other.len(), other.len()),
        Frame::Appended { entries: Vec::new(), head: other.head() },
    ] {
        bench.forget();
        bench.receive(frame);
        assert!(is_nonsense(&bench.faults()));
        assert!(bench.stretches().is_empty());
        bench.greet();
        bench.receive(relay.welcome());
    }
}

#[test]
fn a_head_that_is_not_signed_brings_nothing_in_whatever_frame_it_comes() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    let before = bench.replica.position();
    let mut head = relay.head();
    head.signature = Signature::from_bytes([1; 64]);
    for frame in [
        Frame::Head(head),
        Frame::Appended { entries: Vec::new(), head },
        Frame::Entries { first: before.next(), entries: vec![relay.logged(relay.len())], head },
    ] {
        bench.forget();
        bench.receive(frame);
        assert!(is_nonsense(&bench.faults()));
        assert_eq!(bench.replica.position(), before);
        bench.greet();
        bench.receive(relay.rolled_back(before.0).welcome());
    }
}

#[test]
fn a_newcomer_follows_only_the_log_that_the_code_names() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    let mut other = FakeRelay::new(99, relay.log().head().workspace);
    for at in 1..=relay.len() {
        other.put(relay.signed(at));
    }
    bench.greet();
    bench.receive(other.welcome());
    bench.receive(other.records());
    assert_eq!(bench.faults(), [&RelayFault::OtherLog { theirs: other.head() }]);
    assert!(bench.appended().is_empty(), "no Join for somebody else's log");
}

#[test]
fn a_log_that_does_not_pass_through_the_pinned_point_is_not_trusted() {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer_with(2, &relay, &secret, |pins| pins.hash = OTHER);
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    assert_eq!(bench.faults(), [&RelayFault::NotThePinnedLog]);
    assert_stopped(&mut bench, &mut relay);
}

#[test]
fn a_log_that_ends_before_the_pinned_point_is_not_trusted() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut back = relay.clone();
    owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.sync(&mut back);
    assert_eq!(bench.faults(), [&RelayFault::NotThePinnedLog]);
    assert!(bench.appended().is_empty());
}

/// A relay that shows `owner` another history than the rest, and its log after the owner has written something there.
/// Gives the head that the owner had seen.
fn show_another_history(relay: &mut FakeRelay, owner: &mut Author) -> SeenHead {
    let mut one = Author::join(7, &owner.put_ticket(relay, false), relay);
    let mut two = Author::join(8, &owner.put_ticket(relay, false), relay);
    let mut theirs = relay.clone();
    one.put_message(&mut theirs, opaque_payload(3).doc, "only in the other history");
    let after = owner.content(&theirs, &message(owner.id(), opaque_payload(1).doc, "crosses over"));
    two.put_message(relay, opaque_payload(2).doc, "in this history");
    relay.put(after.to_signed());
    theirs.head()
}

#[test]
fn an_entry_that_has_seen_another_history_proves_the_fork() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let seen = show_another_history(&mut relay, &mut owner);
    bench.sync(&mut relay);
    let [RelayFault::Fork { theirs, .. }] = bench.faults()[..] else { panic!("{:?}", bench.faults()) };
    assert_eq!(*theirs, seen);
    assert_stopped(&mut bench, &mut relay);
}

#[test]
fn a_newcomer_sees_the_fork_too_with_two_heads_that_show_it() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let seen = show_another_history(&mut relay, &mut owner);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.sync(&mut relay);
    bench.sync(&mut relay);
    let [RelayFault::Fork { ours, theirs, .. }] = bench.faults()[..] else { panic!("{:?}", bench.faults()) };
    assert_eq!(*theirs, seen);
    assert!(ours.position >= theirs.position, "ours has passed the place that theirs contradicts");
}

#[test]
fn a_head_that_only_claims_to_be_signed_condemns_its_author_and_not_the_relay() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let payload = message(owner.id(), opaque_payload(1).doc, "one");
    let entry = owner.content_with(&relay, &payload.encode(), payload.doc, |header| {
        let seen = header.seen.as_mut().unwrap();
        seen.hash = OTHER;
    });
    relay.put(entry.to_signed());
    bench.sync(&mut relay);
    assert!(bench.faults().is_empty());
    assert!(matches!(
        bench.verdicts()[..],
        [bowline_core::sync::Verdict::NotAcceptable(_, bowline_wire::log::Refusal::BadSeen)]
    ));
}

#[test]
fn a_head_far_beyond_the_log_is_asked_for_and_contradicts_nothing() {
    let (mut bench, _, relay) = Bench::member();
    bench.receive(Frame::Head(relay.sign(u64::MAX, OTHER)));
    assert!(bench.faults().is_empty());
}

#[test]
fn the_proof_after_a_fork_shows_no_head_that_something_contradicts() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let promised = relay.sign(relay.len() + 2, OTHER);
    bench.receive(Frame::Head(promised));
    assert!(bench.faults().is_empty());
    let from = relay.len() + 1;
    for text in ["one", "two", "three"] {
        owner.put_message(&mut relay, opaque_payload(1).doc, text);
    }
    bench.receive(relay.frame(from, relay.len()));
    let [RelayFault::Fork { ours, .. }] = bench.faults()[..] else { panic!("{:?}", bench.faults()) };
    assert_eq!(*ours, promised);
    bench.greet();
    let frames = bench.frames();
    let Some(Frame::Proof(proof)) = frames.iter().rev().find(|it| matches!(it, Frame::Proof(_))) else {
        panic!("no proof")
    };
    assert_eq!(
        proof.head,
        bench.replica.head().copied(),
        "an honest relay would take it for a loss of its own"
    );
}

#[test]
fn entries_of_another_history_are_said_to_be_that_whatever_their_times() {
    for hours in [0, 1] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = relay.clone();
        relay.clock = relay.clock.plus(hours * 3_600_000);
        let mut theirs = owner.on_another_branch();
        owner.put_message(&mut relay, opaque_payload(1).doc, "here");
        bench.sync(&mut relay);
        bench.disconnect();
        for text in ["there", "and there"] {
            theirs.put_message(&mut other, opaque_payload(2).doc, text);
        }
        bench.greet();
        bench.receive(other.welcome());
        bench.receive(other.frame(relay.len() + 1, other.len()));
        let [RelayFault::Nonsense(why)] = bench.faults()[..] else { panic!("{:?}", bench.faults()) };
        assert!(why.contains("two histories"), "{why}");
        assert!(!bench.replica.is_distrusted(), "nobody can prove it by that");
    }
}

#[test]
fn a_log_whose_own_times_go_back_is_said_to_be_that() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = relay.log().head();
    owner.put_message(&mut relay, opaque_payload(1).doc, "dated back");
    let LoggedEntry { entry, .. } = relay.logged(relay.len());
    let time = LogTime::START;
    let hash = bowline_wire::hash::log_hash(before.hash, entry.id(relay.workspace()), time);
    let head = relay.sign(relay.len(), hash);
    bench.receive(Frame::Entries { first: head.position, entries: vec![LoggedEntry { time, entry }], head });
    assert_eq!(bench.faults(), [&RelayFault::Nonsense("entries whose times go back")]);
}
