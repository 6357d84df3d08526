//! A log that was continued, seen by the sync machine alone: what it follows, what it asks to have cut back, and in which order it sends
//! again what is missing.

use bowline_core::payload::Payload;
use bowline_core::sync::{Effect, NotReady};
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{EntryId, Lane, Position};
use bowline_wire::limits::PART_LEN;

use crate::author::{Author, noise, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// A member's bench, and its relay as it was and as it is after it was restored to `lost` entries before.
struct Restored {
    bench: Bench,
    before: FakeRelay,
    relay: FakeRelay,
    lost: Vec<Entry>,
}

/// What is lost: two entries of content, a record of the roster, two more entries of content.
fn restored() -> Restored {
    restored_after(5, |owner, before| {
        content(owner, before, [1, 2].map(opaque_payload));
        drop(owner.put_ticket(before, false));
        content(owner, before, [3, 4].map(opaque_payload));
    })
}

/// What is lost: the `count` entries that `write` puts on the log.
fn restored_after(count: usize, write: impl FnOnce(&mut Author, &mut FakeRelay)) -> Restored {
    let (mut bench, mut owner, mut before) = Bench::member();
    let backup = before.len();
    write(&mut owner, &mut before);
    bench.sync(&mut before);
    bench.disconnect();
    bench.forget();
    let lost: Vec<Entry> = before.verified().skip(usize::try_from(backup).unwrap()).collect();
    assert_eq!(lost.len(), count);
    let relay = before.restored(backup, 21);
    bench.keep(&before);
    Restored { bench, before, relay, lost }
}

fn content(owner: &mut Author, relay: &mut FakeRelay, payloads: impl IntoIterator<Item = Payload>) {
    for payload in payloads {
        let entry = owner.content(relay, &payload);
        relay.put(entry.to_signed());
    }
}

/// Which of the lost entries went in each Append since the last look.
fn sent(bench: &mut Bench, lost: &[Entry]) -> Vec<Vec<usize>> {
    let number = |id: EntryId| lost.iter().position(|entry| entry.id() == id).unwrap();
    let workspace = bench.replica.workspace();
    let appends = bench.frames().into_iter().filter_map(|frame| match frame {
        Frame::Append { entries } => Some(entries.iter().map(|entry| number(entry.id(workspace))).collect()),
        _ => None,
    });
    let sent = appends.collect();
    bench.forget();
    sent
}

fn let_in(bench: &mut Bench, relay: &FakeRelay) {
    bench.greet();
    bench.receive(relay.welcome());
}

fn appended(lost: &[Entry], numbers: &[usize], relay: &FakeRelay) -> Frame {
    let entries = numbers.iter().map(|number| (lost[*number].id(), Position(1))).collect();
    Frame::Appended { entries, head: relay.head() }
}

#[test]
fn a_record_goes_alone_and_nothing_goes_before_its_answer() {
    let Restored { mut bench, relay, lost, .. } = restored();
    assert_eq!(lost[2].header().lane, Lane::Control);
    let_in(&mut bench, &relay);
    assert_eq!(sent(&mut bench, &lost), [vec![0, 1]]);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::SendingAgain));
    bench.receive(appended(&lost, &[0], &relay));
    assert!(sent(&mut bench, &lost).is_empty());
    bench.receive(appended(&lost, &[1], &relay));
    assert_eq!(sent(&mut bench, &lost), [vec![2]]);
    // Refused for now, it is waited for; what comes after would build on nothing.
    bench.receive(FakeRelay::refused(lost[2].id(), Reason::Rate, None));
    assert!(sent(&mut bench, &lost).is_empty());
    bench.wait(6_000);
    assert_eq!(sent(&mut bench, &lost), [vec![2]]);
    bench.receive(appended(&lost, &[2], &relay));
    assert_eq!(sent(&mut bench, &lost), [vec![3, 4]]);
}

#[test]
fn no_more_is_read_once_four_mebibytes_wait_to_be_sent_again() {
    const AHEAD: usize = 4 << 20;
    for (waiting, handed) in [(AHEAD - 1, 8), (AHEAD, 7)] {
        let Restored { mut bench, relay, lost, .. } = restored_after(9, |owner, before| {
            let lens = [600_000; 6].into_iter().chain([waiting - 3_600_000, 1_000, 1_000]);
            for len in lens {
                let entry = owner.sized_on_the_line(before, len);
                before.put(entry.to_signed());
            }
        });
        bench.hands_in = 1;
        let_in(&mut bench, &relay);
        assert_eq!(sent(&mut bench, &lost).concat(), (0..handed).collect::<Vec<_>>(), "{waiting} bytes");
    }
}

#[test]
fn all_of_it_comes_back_and_then_something_new_may_be_sealed() {
    let Restored { mut bench, before, mut relay, lost } = restored();
    bench.sync(&mut relay);
    assert_eq!(bench.replica.to_send_again(), 0);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    assert!(lost.iter().all(|entry| relay.holds(entry.id())));
    assert_eq!(bench.replica.position(), Position(before.len()));
    assert!(bench.faults().is_empty());
}

#[test]
fn what_the_old_log_promised_beyond_its_end_is_not_held_against_the_new_one() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let backup = relay.len();
    content(&mut owner, &mut relay, [1, 2].map(opaque_payload));
    // It hears of two entries and gets neither.
    bench.receive(Frame::Head(relay.head()));
    bench.disconnect();
    let mut relay = relay.restored(backup, 21);
    content(&mut owner, &mut relay, [3, 4].map(opaque_payload));
    bench.sync(&mut relay);
    assert!(bench.faults().is_empty(), "{:?}", bench.faults());
    assert_eq!(bench.replica.position(), Position(relay.len()));
}

#[test]
fn what_another_device_brought_is_not_sent() {
    let Restored { mut bench, mut relay, lost, .. } = restored();
    for entry in &lost[..4] {
        relay.put(entry.to_signed());
    }
    let first = relay.len() - 3;
    let_in(&mut bench, &relay);
    assert!(sent(&mut bench, &lost).is_empty(), "nothing before the log is here as far as it goes");
    bench.receive(relay.frame(first, relay.len()));
    assert_eq!(sent(&mut bench, &lost), [vec![4]]);
}

#[test]
fn what_is_not_answered_is_sent_again_on_the_next_line_from_the_beginning() {
    let Restored { mut bench, relay, lost, .. } = restored();
    let_in(&mut bench, &relay);
    bench.receive(appended(&lost, &[0, 1], &relay));
    assert_eq!(sent(&mut bench, &lost), [vec![0, 1], vec![2]]);
    bench.disconnect();
    let_in(&mut bench, &relay);
    assert_eq!(sent(&mut bench, &lost), [vec![0, 1]]);
}

/// Each of these takes 24 seconds on the slowest line, and whatever was sent before it comes first.
#[test]
fn nothing_is_sent_twice_while_it_may_still_be_on_its_way() {
    let large = |number| Payload { bytes: noise(PART_LEN - 1000), ..opaque_payload(number) };
    let Restored { mut bench, relay, lost, .. } =
        restored_after(3, |owner, before| content(owner, before, [1, 2, 3].map(large)));
    let_in(&mut bench, &relay);
    assert_eq!(sent(&mut bench, &lost), [vec![0], vec![1], vec![2]]);
    for answered in 0..2 {
        bench.wait(19_000);
        assert!(sent(&mut bench, &lost).is_empty(), "while {answered} is on its way");
        bench.receive(appended(&lost, &[answered], &relay));
    }
    bench.wait(19_000);
    assert!(sent(&mut bench, &lost).is_empty());
    bench.receive(Frame::Head(relay.head()));
    bench.wait(18_000);
    assert_eq!(sent(&mut bench, &lost), [vec![2]], "and then what should have been answered by now");
}

#[test]
fn a_gap_is_waited_for_only_while_something_before_it_is_open() {
    let Restored { mut bench, relay, lost, .. } = restored();
    let_in(&mut bench, &relay);
    bench.forget();
    bench.receive(FakeRelay::refused(lost[1].id(), Reason::ChainGap, None));
    assert_eq!(bench.replica.to_send_again(), 5, "what is before it has no answer yet");
    bench.receive(appended(&lost, &[0], &relay));
    bench.wait(6_000);
    bench.forget();
    bench.receive(FakeRelay::refused(lost[1].id(), Reason::ChainGap, None));
    let given_up: Vec<EntryId> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::NotTakenAgain { entry, .. } => Some(*entry),
            _ => None,
        })
        .collect();
    // With it goes all that its author wrote after it, the last one first.
    assert_eq!(given_up, [lost[4].id(), lost[3].id(), lost[1].id()]);
}

#[test]
fn an_entry_on_a_roster_that_did_not_come_again_is_not_offered_for_ever() {
    let Restored { mut bench, mut before, lost, .. } = restored();
    bench.sync(&mut before);
    let offered = bench.write(&opaque_payload(5));
    bench.disconnect();
    let mut relay = before.restored(before.len() - 5, 22);
    relay.refuses.insert(lost[2].id(), Reason::RosterStale);
    bench.sync(&mut relay);
    for _ in 0..3 {
        bench.wait(6_000);
        bench.talk(&mut relay);
    }
    assert_eq!(bench.refused(), [(offered.id(), Reason::RosterUnknown)]);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn nothing_is_asked_for_while_there_is_nothing_to_send() {
    let Restored { mut bench, relay, lost, .. } = restored();
    let_in(&mut bench, &relay);
    sent(&mut bench, &lost);
    bench.receive(appended(&lost, &[0], &relay));
    // The record waits for the second answer, however much time passes: only what was sent is due.
    let due = bench.replica.poll_timeout().unwrap();
    assert!(due > bench.now, "{due:?}");
}
