//! A database that was restored from a copy, or cloned, meets what its other life wrote.

use bowline_core::sync::Verdict;
use bowline_wire::frame::Frame;

use crate::author::opaque_payload;
use crate::bench::Bench;

#[test]
fn entries_in_our_name_that_we_never_wrote_start_a_new_life_and_are_read_as_anyone_elses() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    relay.put(sent.to_signed());
    // Everything is drawn from seeds: this is the database as it was before.
    let (mut older, _, _) = Bench::member();
    let before = older.replica.incarnation();
    older.sync(&mut relay);
    assert!(matches!(older.verdicts()[..], [Verdict::Content(_)]));
    assert_eq!(older.new_incarnations(), 1);
    assert!(older.replica.incarnation() != before);
    let next = older.write(&opaque_payload(1));
    assert_eq!(next.header().incarnation, older.replica.incarnation());
    assert_eq!(next.header().seq, 1);
}

#[test]
fn what_was_offered_before_a_crash_and_stands_in_the_log_is_ours_and_no_other_life() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    relay.put(sent.to_signed());
    let mut bench = bench.restarted();
    bench.sync(&mut relay);
    assert!(matches!(bench.verdicts()[..], [Verdict::Own(_)]));
    assert_eq!(bench.new_incarnations(), 0);
    assert_eq!(bench.replica.offered().count(), 0);
    assert!(bench.appended().is_empty(), "it is there already");
}

#[test]
fn what_was_offered_and_is_not_in_the_log_is_sent_again_byte_for_byte() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.disconnect();
    for _ in 0..2 {
        bench = bench.restarted();
        bench.greet();
        bench.receive(relay.welcome());
        assert_eq!(bench.appended(), std::slice::from_ref(&sent));
    }
    bench.sync(&mut relay);
    assert!(relay.holds(sent.id()));
    assert_eq!(bench.replica.offered().count(), 0);
}

#[test]
fn an_answer_that_is_lost_makes_the_relay_see_the_same_entry_again_and_nothing_else() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    relay.put(sent.to_signed());
    bench.forget();
    bench.wait(5_000);
    assert_eq!(bench.appended(), std::slice::from_ref(&sent));
    bench.receive(Frame::Appended { entries: vec![(sent.id(), relay.head().position)], head: relay.head() });
    bench.forget();
    bench.wait(5_000);
    assert!(bench.appended().is_empty(), "acknowledged is acknowledged");
    assert_eq!(bench.subscriptions().len(), 1, "but it has still to come with the log");
}
