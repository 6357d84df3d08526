//! Entries that the relay says it will not append: sent again, given up, or proof that it lies.

use bowline_core::sync::{NotReady, RelayFault};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Reason;
use bowline_wire::ids::Incarnation;
use bowline_wire::roster::record::Record;

use crate::author::{Author, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// Another copy of this bench's database at work, which is about to write the same numbers.
pub(crate) fn copy_of(bench: &Bench, like: Author) -> Author {
    let keys = bowline_crypto::DeviceKeys::from_bytes(&bench.keys.to_bytes());
    Author { keys, incarnation: bench.replica.incarnation(), tips: std::collections::BTreeMap::new(), ..like }
}

fn header_only(entry: &Entry) -> SignedEntry {
    SignedEntry::from_parts(entry.signed_header().to_signed(), None)
}

/// A member with one entry sent, and the same number as a copy of its database would write it.
fn two_lives() -> (Bench, FakeRelay, Entry, Entry) {
    let (mut bench, owner, relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    let mut copy = copy_of(&bench, owner);
    let theirs = copy.content(&relay, &opaque_payload(2));
    assert_eq!(theirs.header().chain(), sent.header().chain());
    assert_eq!(theirs.header().seq, sent.header().seq);
    bench.forget();
    (bench, relay, sent, theirs)
}

fn still_waits(bench: &Bench, sent: &Entry) -> bool {
    bench.replica.offered().any(|offered| offered == sent)
}

#[test]
fn a_taken_number_that_is_proven_starts_a_new_life() {
    let (mut bench, _, sent, theirs) = two_lives();
    let before = bench.replica.incarnation();
    let proof = Some(header_only(&theirs));
    bench.receive(FakeRelay::refused(sent.id(), Reason::SeqTaken, proof));
    assert_eq!(bench.refused(), [(sent.id(), Reason::SeqTaken)]);
    assert_eq!(bench.new_incarnations(), 1);
    assert!(bench.replica.incarnation() != before && !still_waits(&bench, &sent));
    let next = bench.write(&opaque_payload(1));
    assert_eq!((next.header().seq, next.header().incarnation), (1, bench.replica.incarnation()));
}

#[test]
fn another_predecessor_than_ours_is_proof_as_well() {
    let (mut bench, _, _, theirs) = two_lives();
    let second = bench.write(&opaque_payload(3));
    bench.receive(FakeRelay::refused(second.id(), Reason::SeqTaken, Some(header_only(&theirs))));
    assert_eq!(bench.new_incarnations(), 1);
}

#[test]
fn a_taken_number_without_proof_is_the_relays_fault_and_the_entry_stays() {
    let (mut bench, relay, sent, theirs) = two_lives();
    let stranger = {
        let (mut stranger, _) = Author::owner(50);
        let other = FakeRelay::new(50, stranger.keyring.workspace());
        stranger.content(&other, &opaque_payload(1))
    };
    let other_chain = {
        let (_, owner, _) = Bench::member();
        let mut copy = copy_of(&bench, owner);
        copy.incarnation = Incarnation::from_bytes([0x77; 8]);
        copy.content(&relay, &opaque_payload(2))
    };
    let other_number = {
        let (_, owner, _) = Bench::member();
        let mut copy = copy_of(&bench, owner);
        copy.content(&relay, &opaque_payload(2));
        copy.content(&relay, &opaque_payload(2));
        copy.content(&relay, &opaque_payload(2))
    };
    let forged = {
        let header = theirs.signed_header();
        let signature = bowline_wire::ids::Signature::from_bytes([1; 64]);
        let header = bowline_wire::signed::Signed::from_parts(header.bytes().to_vec(), signature);
        SignedEntry::from_parts(header, None)
    };
    let lies = [
        ("none", None),
        ("by somebody else", Some(header_only(&stranger))),
        ("of another chain", Some(header_only(&other_chain))),
        ("of another number", Some(header_only(&other_number))),
        ("not signed", Some(forged)),
        ("the very entry", Some(header_only(&sent))),
    ];
    for (name, proof) in lies {
        bench.receive(FakeRelay::refused(sent.id(), Reason::SeqTaken, proof));
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{name}");
        assert!(bench.closed() && still_waits(&bench, &sent), "{name}");
        assert_eq!(bench.new_incarnations(), 0, "{name}");
        bench.greet();
        bench.receive(relay.welcome());
        bench.forget();
    }
}

#[test]
fn a_transient_refusal_sends_the_same_bytes_again_after_a_while() {
    for reason in [Reason::Quota, Reason::Rate, Reason::RunIncomplete, Reason::Storage] {
        let (mut bench, _, _) = Bench::member();
        let sent = bench.write(&opaque_payload(1));
        bench.forget();
        bench.receive(FakeRelay::refused(sent.id(), reason, None));
        bench.wait(4_999);
        assert!(bench.appended().is_empty(), "{reason:?}");
        bench.wait(1);
        assert_eq!(bench.appended(), std::slice::from_ref(&sent), "{reason:?}");
        assert!(bench.refused().is_empty() && bench.new_incarnations() == 0);
    }
}

#[test]
fn what_waits_for_an_entry_before_it_is_sent_again_with_that() {
    let (mut bench, _, _) = Bench::member();
    let (first, second) = (bench.write(&opaque_payload(1)), bench.write(&opaque_payload(2)));
    bench.forget();
    bench.receive(FakeRelay::refused(first.id(), Reason::Quota, None));
    bench.receive(FakeRelay::refused(second.id(), Reason::ChainGap, None));
    assert!(bench.faults().is_empty() && !bench.closed());
    assert_eq!(bench.replica.held_up(), Some(Reason::Quota));
    assert!(still_waits(&bench, &first) && still_waits(&bench, &second));
}

#[test]
fn a_relay_that_says_to_lack_what_it_has_signed_is_not_waited_for() {
    for reason in [Reason::ChainGap, Reason::RosterUnknown] {
        for is_first in [true, false] {
            let (mut bench, _, mut relay) = Bench::member();
            if !is_first {
                bench.write(&opaque_payload(1));
                bench.talk(&mut relay);
            }
            let sent = bench.write(&opaque_payload(1));
            assert_eq!(sent.header().seq == 1, is_first);
            bench.forget();
            bench.receive(FakeRelay::refused(sent.id(), reason, None));
            assert!(
                matches!(bench.faults()[..], [RelayFault::Nonsense(_)]),
                "{reason:?}: {:?}",
                bench.faults()
            );
            assert!(bench.closed() && still_waits(&bench, &sent) && !bench.replica.is_distrusted());
            bench.greet();
            bench.forget();
            bench.receive(relay.welcome());
            assert_eq!(bench.appended(), [sent], "the next line may be to one that is well");
        }
    }
}

#[test]
fn a_refusal_for_good_takes_what_follows_in_that_chain_along_and_nothing_else() {
    let (mut bench, _, _) = Bench::member();
    let first = bench.write(&opaque_payload(1));
    let second = bench.write(&opaque_payload(2));
    let record = Record::Leave { whole_user: false, cut: Vec::new() };
    let control = bench.step(|replica, cx| replica.write_record(&record, cx)).unwrap();
    let (now, offered) = (bench.now, control.clone());
    bench.step(|replica, _| replica.offer(offered, now));
    bench.forget();
    bench.receive(FakeRelay::refused(first.id(), Reason::WrongEpoch, None));
    let refused: Vec<_> = bench.refused().into_iter().map(|(id, _)| id).collect();
    assert_eq!(refused, [second.id(), first.id()]);
    assert!(still_waits(&bench, &control));
    assert_eq!(bench.new_incarnations(), 1);
}

#[test]
fn a_refusal_of_an_entry_that_is_not_on_its_way_means_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let known = owner.put_message(&mut relay, opaque_payload(1).doc, "one");
    for reason in [Reason::SeqTaken, Reason::Malformed, Reason::Quota] {
        bench.receive(FakeRelay::refused(known.id(), reason, None));
    }
    assert!(bench.effects.is_empty());
}

#[test]
fn a_relay_that_refuses_everything_is_not_fed_for_ever() {
    let (mut bench, _, _) = Bench::member();
    let mut sent = 0;
    while bench.replica.ready_to_seal().is_ok() {
        let entry = bench.write(&opaque_payload(1));
        sent += 1;
        assert!(sent < 100, "it goes on and on");
        bench.receive(FakeRelay::refused(entry.id(), Reason::DocumentFull, None));
    }
    assert_eq!(sent, 3, "once for each chain is what an honest relay refuses without the log having moved");
    assert_eq!(bench.faults(), [&RelayFault::KeepsRefusing]);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Offline));
    assert!(bench.closed());
}

#[test]
fn what_the_log_explains_may_be_refused_a_few_times_more() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut sent = 0;
    while bench.replica.ready_to_seal().is_ok() {
        let entry = bench.write(&opaque_payload(1));
        sent += 1;
        assert!(sent < 100, "it goes on and on");
        owner.put_message(&mut relay, opaque_payload(2).doc, "came first");
        bench.receive(relay.frame(relay.len(), relay.len()));
        bench.receive(FakeRelay::refused(entry.id(), Reason::RosterStale, None));
    }
    assert_eq!(sent, 8);
    assert_eq!(bench.faults(), [&RelayFault::KeepsRefusing]);
}

#[test]
fn a_number_is_never_given_to_two_entries_whatever_the_relay_refuses() {
    for reason in [Reason::NotActive, Reason::Malformed, Reason::RosterStale, Reason::Unknown(31)] {
        let (mut bench, _, _) = Bench::member();
        let first = bench.write(&opaque_payload(1));
        bench.receive(FakeRelay::refused(first.id(), reason, None));
        let second = bench.write(&opaque_payload(2));
        let number = |entry: &Entry| (entry.header().chain(), entry.header().seq);
        assert!(number(&first) != number(&second), "{reason:?}");
    }
}

#[test]
fn an_entry_that_was_refused_and_stands_in_the_log_after_all_counts() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.receive(FakeRelay::refused(sent.id(), Reason::Malformed, None));
    let life = bench.replica.incarnation();
    bench.forget();
    relay.put(sent.to_signed());
    bench.sync(&mut relay);
    assert_eq!(bench.verdicts().len(), 1);
    assert!(matches!(bench.verdicts()[0], bowline_core::sync::Verdict::Content(_)));
    assert_eq!(bench.replica.incarnation(), life, "it has moved on already");
}

#[test]
fn an_entry_that_was_refused_for_now_and_comes_with_the_log_holds_nothing_up_any_more() {
    let (mut bench, _, mut relay) = Bench::member();
    let sent = bench.write(&opaque_payload(1));
    bench.receive(FakeRelay::refused(sent.id(), Reason::Quota, None));
    assert_eq!(bench.replica.held_up(), Some(Reason::Quota));
    let at = relay.put(sent.to_signed());
    bench.receive(relay.frame(at, at));
    assert!(!still_waits(&bench, &sent));
    assert_eq!(bench.replica.held_up(), None);
}
