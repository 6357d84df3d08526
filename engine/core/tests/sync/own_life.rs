//! A database that was restored from a copy, or cloned, meets what its other life wrote.

use bowline_core::sync::Verdict;
use bowline_wire::frame::Frame;

use crate::author::{Author, opaque_payload};
use crate::beginning::{Story, assert_is_there};
use crate::begun::what_began;
use crate::bench::Bench;
use crate::letting_go::state_of;

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

#[test]
fn what_was_offered_and_stays_has_come_though_a_copy_of_the_database_has_written_behind_it() {
    let mut story = Story::before();
    let mut bench = story.member();
    let sent = bench.write(&opaque_payload(1));
    let at = story.relay.put(sent.to_signed());
    // The copy goes on in the same chain.
    let keys = bowline_crypto::DeviceKeys::from_bytes(&bench.keys.to_bytes());
    let incarnation = bench.replica.incarnation();
    let mut copy = Author { keys, incarnation, ..story.owner.on_another_branch() };
    copy.tips = [(sent.header().chain(), (sent.header().seq, sent.id()))].into();
    copy.put_message(&mut story.relay, opaque_payload(6).doc, "by the copy");
    story.lets_go_by(|relay, log| state_of(relay, log, |place, _| place == at));
    bench.sync(&mut story.relay);
    assert_is_there(&bench, &story.relay);
    assert!(what_began(&bench).come.contains(&sent.id()));
    assert_eq!(bench.replica.offered().count(), 0);
    assert!(what_began(&bench).new_incarnation.is_some(), "what the copy wrote is of another life");
}
