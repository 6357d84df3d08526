//! What the Owner has given up, on a device: told apart from what counts and from what is withheld, not asked for, and no key of it is handed on.

use std::collections::BTreeSet;

use bowline_core::sync::{Effect, NotReady, Verdict};
use bowline_wire::bodies::Supplied;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Frame;
use bowline_wire::ids::{EntryId, EpochId, HpkePublicKey, Position};
use bowline_wire::roster::Outcome;
use bowline_wire::roster::record::{Lost, Record};

use crate::author::{Author, message, opaque_payload};
use crate::bench::Bench;
use crate::join::is_member;
use crate::relay::{FakeRelay, bare};

pub(crate) fn lost(epochs: &[EpochId], entries: &[EntryId]) -> Record {
    let (mut epochs, mut entries) = (epochs.to_vec(), entries.to_vec());
    epochs.sort();
    entries.sort();
    Record::Lost(Lost { epochs, entries })
}

fn newest(relay: &FakeRelay) -> EpochId {
    relay.log().roster().epoch().unwrap()
}

fn complain(by: &mut Author, relay: &mut FakeRelay) {
    let epoch = newest(relay);
    by.put_record(relay, &Record::Complaint { epoch });
}

/// The next epoch, by the Owner, whose history is as `spoil` leaves it.
fn put_rekey(owner: &mut Author, relay: &mut FakeRelay, spoil: impl FnOnce(&mut Vec<u8>)) {
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = owner.rekey(&recipients);
    spoil(&mut rekey.history);
    owner.put_record(relay, &Record::Rekey(rekey.clone()));
    owner.accept(relay, &rekey);
}

fn told(bench: &mut Bench, relay: &FakeRelay) {
    let next = bench.replica.position().0 + 1;
    bench.receive(relay.frame(next, relay.len()));
}

/// The positions in each question for bodies.
fn fetched(bench: &Bench) -> Vec<Vec<u64>> {
    let positions = |frame: &&Frame| match frame {
        Frame::Fetch { positions } => Some(positions.iter().map(|at| at.0).collect()),
        _ => None,
    };
    bench.frames().iter().filter_map(positions).collect()
}

fn have_come(bench: &Bench) -> bool {
    bench.effects.iter().any(|effect| matches!(effect, Effect::Bodies(_)))
}

#[test]
fn what_comes_behind_its_lost_is_given_up_with_or_without_its_body_and_nobody_asks_for_that() {
    for is_bare in [false, true] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut member = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
        let entry = member.content(&relay, &message(member.id(), opaque_payload(1).doc, "never comes"));
        owner.put_record(&mut relay, &lost(&[], &[entry.id()]));
        relay.put(entry.to_signed());
        if is_bare {
            relay.withholds.insert(relay.len());
        }
        member.put_message(&mut relay, opaque_payload(2).doc, "counts");
        told(&mut bench, &relay);
        let [.., Verdict::GivenUp(kept), Verdict::Content(_)] = bench.verdicts()[..] else {
            panic!("{:?}", bench.verdicts())
        };
        assert_eq!((kept.id(), kept.body().is_none()), (entry.id(), is_bare));
        assert_eq!(bench.replica.log().unwrap().head(), relay.log().head());
        assert_eq!((fetched(&bench), bench.faults().len()), (Vec::new(), 0));
        assert!(!bench.replica.is_fetching());
    }
}

#[test]
fn of_an_epoch_that_is_given_up_everything_is_given_up_whenever_it_comes() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut member = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    put_rekey(&mut owner, &mut relay, |_| {});
    let epoch = newest(&relay);
    complain(&mut member, &mut relay);
    owner.put_record(&mut relay, &lost(&[epoch], &[]));
    put_rekey(&mut owner, &mut relay, |_| {});
    owner.put_message(&mut relay, opaque_payload(1).doc, "in the next epoch");
    told(&mut bench, &relay);
    let [.., Verdict::Content(_)] = bench.verdicts()[..] else { panic!("{:?}", bench.verdicts()) };
    let given_up = bench.replica.log().unwrap().roster().given_up();
    assert!(given_up.has_epoch(&epoch));
}

/// Whoever wrote it has to know, to seal it again.
#[test]
fn an_own_entry_that_comes_back_behind_its_lost_is_given_up_and_not_offered_again() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let entry = bench.write(&opaque_payload(1));
    owner.put_record(&mut relay, &lost(&[], &[entry.id()]));
    relay.put(entry.to_signed());
    told(&mut bench, &relay);
    let [.., Verdict::GivenUp(own)] = bench.verdicts()[..] else { panic!("{:?}", bench.verdicts()) };
    assert_eq!(own.id(), entry.id());
    assert_eq!(bench.replica.offered().count(), 0);
}

/// A member in step, from whom the relay withholds the bodies of so many messages.
fn withheld(count: usize) -> (Bench, Author, FakeRelay, Vec<(u64, Entry)>) {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut entries = Vec::new();
    for _ in 0..count {
        let entry = owner.put_message(&mut relay, opaque_payload(1).doc, "kept back");
        relay.withholds.insert(relay.len());
        entries.push((relay.len(), entry));
    }
    told(&mut bench, &relay);
    let positions: Vec<u64> = entries.iter().map(|(at, _)| *at).collect();
    assert_eq!(fetched(&bench), [positions]);
    (bench, owner, relay, entries)
}

fn supply((at, entry): &(u64, Entry)) -> Supplied {
    Supplied { position: Position(*at), body: entry.body().unwrap().to_vec() }
}

#[test]
fn what_was_asked_for_is_not_asked_for_any_more_once_it_is_given_up() {
    let (mut bench, mut owner, mut relay, entries) = withheld(3);
    owner.put_record(&mut relay, &lost(&[], &[entries[0].1.id(), entries[2].1.id()]));
    bench.forget();
    told(&mut bench, &relay);
    bench.receive(Frame::Supply { bodies: entries.iter().map(supply).collect() });
    assert!(!have_come(&bench), "the answer to the question before is too late");
    bench.wait(1_000);
    assert_eq!(fetched(&bench), [[entries[1].0]]);
    bench.receive(Frame::Supply { bodies: entries.iter().map(supply).collect() });
    let came: Vec<&Effect> =
        bench.effects.iter().filter(|effect| matches!(effect, Effect::Bodies(_))).collect();
    let [Effect::Bodies(came)] = came[..] else { panic!("{came:?}") };
    assert_eq!(*came, [supply(&entries[1])]);
    assert!(!bench.replica.is_fetching(), "nothing is lacking any more");
}

#[test]
fn once_all_that_is_withheld_is_given_up_nothing_is_asked_for_and_everything_is_held() {
    let (mut bench, mut owner, mut relay, entries) = withheld(2);
    let held = |bench: &mut Bench| bench.seal(&opaque_payload(2))[0].header().held;
    assert_eq!(held(&mut bench), Position(entries[0].0 - 1));
    let ids: Vec<EntryId> = entries.iter().map(|(_, entry)| entry.id()).collect();
    owner.put_record(&mut relay, &lost(&[], &ids));
    bench.forget();
    told(&mut bench, &relay);
    assert!(!bench.replica.is_fetching());
    for _ in 0..100 {
        bench.wait(10_000);
        bench.receive(Frame::Head(relay.head()));
    }
    assert_eq!(fetched(&bench), [[0_u64; 0]; 0]);
    assert_eq!(held(&mut bench), Position(relay.len()));
}

#[test]
fn nobody_seals_in_a_newest_epoch_that_is_given_up_until_the_rekey() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let epoch = newest(&relay);
    complain(&mut owner, &mut relay);
    told(&mut bench, &relay);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()), "a complaint stops nothing");
    owner.put_record(&mut relay, &lost(&[epoch], &[]));
    told(&mut bench, &relay);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::RekeyDue));
    assert!(
        bench.replica.log().unwrap().roster().may_rekey(&bench.keys.id()),
        "and this device may begin one"
    );
    put_rekey(&mut owner, &mut relay, |_| {});
    told(&mut bench, &relay);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    let mut restarted = bench.restarted();
    restarted.sync(&mut relay);
    assert_eq!(restarted.replica.ready_to_seal(), Ok(()));
}

/// Three epochs, of which newcomers are given the first and the last: the second one's key is held by this bench and by the Owner.
fn with_a_hole() -> (Bench, Author, FakeRelay, EpochId) {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let first = newest(&relay);
    put_rekey(&mut owner, &mut relay, |_| {});
    let second = newest(&relay);
    put_rekey(&mut owner, &mut relay, |history| history.reverse());
    let epochs = relay.log().roster().epochs().to_vec();
    let sealed = owner.keyring.fill(&BTreeSet::from([first]), &epochs).unwrap();
    let epoch = newest(&relay);
    owner.put_record(&mut relay, &Record::Fill { epoch, sealed });
    told(&mut bench, &relay);
    (bench, owner, relay, second)
}

#[test]
fn a_key_that_newcomers_lack_is_handed_on_unless_its_epoch_is_given_up() {
    let (mut bench, mut owner, mut relay, second) = with_a_hole();
    assert!(matches!(bench.replica.handed_on(), Some(Record::Fill { .. })));
    complain(&mut owner, &mut relay);
    owner.put_record(&mut relay, &lost(&[second], &[]));
    told(&mut bench, &relay);
    let [.., Verdict::Roster(_, Outcome::Applied { rekey_void: None })] = bench.verdicts()[..] else {
        panic!("{:?}", bench.verdicts())
    };
    assert_eq!(bench.replica.handed_on(), None, "nobody has a use for it");
}

/// A complaint comes from whoever has no key of the epoch in force, or none of the first.
#[test]
fn a_newcomer_who_lacks_only_what_is_given_up_seals_and_has_nothing_to_complain_of() {
    let (_bench, mut owner, mut relay, second) = with_a_hole();
    complain(&mut owner, &mut relay);
    owner.put_record(&mut relay, &lost(&[second], &[]));
    let secret = owner.put_ticket(&mut relay, false);
    let mut newcomer = Bench::newcomer(3, &relay, &secret);
    for _ in 0..2 {
        newcomer.sync(&mut relay);
    }
    assert!(is_member(&newcomer, &relay));
    let keyring = newcomer.replica.keyring().unwrap();
    assert!(!keyring.holds(second), "the history has a hole there");
    assert!(newcomer.replica.has_key_in_force() && keyring.names_documents());
    assert_eq!(newcomer.replica.ready_to_seal(), Ok(()));
    assert_eq!(newcomer.replica.handed_on(), None);
}

/// Documents have their names by the first epoch's key.
#[test]
fn the_first_epochs_key_is_handed_on_though_its_content_is_given_up() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let first = newest(&relay);
    put_rekey(&mut owner, &mut relay, |history| history[0] ^= 1);
    complain(&mut owner, &mut relay);
    owner.put_record(&mut relay, &lost(&[first], &[]));
    told(&mut bench, &relay);
    assert!(matches!(bench.replica.handed_on(), Some(Record::Fill { .. })));
}

#[test]
fn a_record_without_its_body_is_not_the_log_even_if_it_was_named() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut member = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let epoch = newest(&relay);
    let complaint = member.record_with(&relay, &Record::Complaint { epoch }, |_| {});
    owner.put_record(&mut relay, &lost(&[], &[complaint.id()]));
    told(&mut bench, &relay);
    relay.put(complaint.to_signed());
    let (at, head) = (relay.len(), relay.head());
    let mut logged = relay.logged(at);
    logged.entry = bare(logged.entry, relay.workspace());
    bench.receive(Frame::Entries { first: Position(at), entries: vec![logged], head });
    assert!(bench.closed() && bench.faults().len() == 1);
}
