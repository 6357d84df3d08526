//! When the sync machine does what it does by the clock: a millisecond before, it does nothing. What only bodies, holdings, clocks or
//! refusals wait for is beside their other tests.

use bowline_core::sync::RelayFault;
use bowline_wire::frame::Frame;

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::refusals::copy_of;

/// Lets time pass until `millis` from now; what `count` counts changes with the last millisecond and not before.
fn assert_due(bench: &mut Bench, millis: u64, count: impl Fn(&Bench) -> usize, what: &str) {
    let before = count(bench);
    bench.wait(millis - 1);
    assert_eq!(count(bench), before, "{what}: too soon");
    bench.wait(1);
    assert_eq!(count(bench), before + 1, "{what}: due");
}

fn appended(bench: &Bench) -> usize {
    bench.appended().len()
}

#[test]
fn what_is_not_answered_is_sent_again_after_five_seconds() {
    let (mut bench, _, _) = Bench::member();
    bench.write(&opaque_payload(1));
    assert_eq!(bench.replica.poll_timeout(), Some(bench.now.plus(5_000)));
    assert_due(&mut bench, 5_000, appended, "the first time");
    assert_due(&mut bench, 5_000, appended, "and again");
}

#[test]
fn every_64_kib_on_the_line_give_the_answer_as_long_as_the_slowest_line_takes_for_them() {
    const BLOCK: usize = 64 << 10;
    for (len, millis) in [(BLOCK - 1, 5_000), (BLOCK, 6_778), (2 * BLOCK - 1, 6_778), (2 * BLOCK, 8_556)] {
        let (mut bench, owner, relay) = Bench::member();
        let (entry, now) = (copy_of(&bench, owner).sized_on_the_line(&relay, len), bench.now);
        bench.step(|replica, _| replica.offer(entry, now));
        assert_eq!(appended(&bench), 1);
        assert_due(&mut bench, millis, appended, &len.to_string());
    }
}

#[test]
fn a_join_that_is_not_answered_is_sent_again_after_five_seconds() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    bench.greet();
    bench.receive(relay.welcome());
    bench.receive(relay.records());
    assert_eq!(appended(&bench), 1);
    assert_due(&mut bench, 5_000, appended, "the join");
}

#[test]
fn entries_behind_the_same_gap_have_it_asked_for_again_after_five_seconds() {
    for (millis, asked) in [(4_999, 1), (5_000, 2)] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let before = relay.len();
        for text in ["lost", "two", "three"] {
            owner.put_message(&mut relay, opaque_payload(1).doc, text);
        }
        bench.receive(relay.frame(before + 2, before + 2));
        bench.now = bench.now.plus(millis);
        bench.receive(relay.frame(before + 3, before + 3));
        assert_eq!(bench.subscriptions(), vec![before; asked], "{millis}");
    }
}

#[test]
fn a_line_is_dead_ten_seconds_after_a_late_ping() {
    let (mut bench, _, _) = Bench::member();
    bench.wait(25_000);
    assert!(matches!(bench.frames()[..], [Frame::Ping]), "the machine has slept for a while");
    assert_due(&mut bench, 10_000, |bench| usize::from(bench.closed()), "dead");
}

#[test]
fn a_line_on_which_something_came_after_the_ping_is_dead_half_a_minute_later() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    bench.wait(20_000);
    bench.now = bench.now.plus(5_000);
    owner.put_message(&mut relay, opaque_payload(1).doc, "no answer to the ping");
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert_due(&mut bench, 30_000, |bench| usize::from(bench.closed()), "dead");
}

/// Sends frames that bring nothing until there were so many; the line stays until then.
fn bring_nothing(bench: &mut Bench, frame: &Frame, times: usize) {
    for time in 0..times {
        bench.receive(frame.clone());
        assert!(!bench.closed(), "{time}");
    }
}

fn assert_ends_with(bench: &mut Bench, frame: Frame) {
    bench.receive(frame);
    assert!(matches!(bench.faults()[..], [RelayFault::BringsNothing]) && bench.closed());
}

#[test]
fn a_thousand_and_twenty_four_frames_may_bring_nothing_and_time_pays_for_one_in_128_milliseconds() {
    for (millis, is_paid_for) in [(0, false), (127, false), (128, true)] {
        let (mut bench, _, relay) = Bench::member();
        let head = Frame::Head(relay.head());
        bring_nothing(&mut bench, &head, 1_024);
        bench.now = bench.now.plus(millis);
        if is_paid_for {
            bring_nothing(&mut bench, &head, 1);
        }
        assert_ends_with(&mut bench, head);
    }
}

#[test]
fn eight_entries_that_bring_nothing_cost_as_much_as_another_frame() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    while relay.len() < 8 {
        owner.put_message(&mut relay, opaque_payload(1).doc, "known");
    }
    bench.sync(&mut relay);
    let known = relay.frame(1, 8);
    bring_nothing(&mut bench, &known, 512);
    assert_ends_with(&mut bench, Frame::Head(relay.head()));
}
