//! What is said of checkpoints on the log goes on after a restart, and goes back with the log.

use bowline_device::Fault;
use bowline_wire::checkpoint::{Checkpoint, Freed};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, Position, StateDigest};

use crate::author::Author;
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);

/// What somebody says of the state at a place.
fn say(author: &mut Author, relay: &mut FakeRelay, (about, name): (u64, u8), freed: Vec<Freed>) {
    let said = Checkpoint { digest: StateDigest::from_bytes([name; 32]), freed };
    let about = Position(about);
    let entry = author.plain(relay, EntryType::Checkpoint, said.to_body(), |header| header.covers = about);
    relay.put(entry.to_signed());
}

/// What is found wrong with the stored log.
fn faults(rig: &Rig) -> Vec<Fault> {
    let mut check = rig.device.stored_log(rig.workspace()).check().unwrap().unwrap();
    while check.step().unwrap() {}
    check.end().unwrap().faults.into_iter().map(|found| found.fault).collect()
}

fn sums(rig: &Rig) -> Vec<u64> {
    rig.device.store().read().weights(rig.workspace()).unwrap().iter().map(|it| it.sum).collect()
}

#[test]
fn a_checkpoint_comes_to_stand_over_a_restart_and_frees_what_it_says() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let entry = owner.put_message(&mut relay, DOC, "hello");
    rig.sync(&mut relay);
    let (before, about) = (sums(&rig), relay.len());
    let freed = vec![Freed { doc: entry.header().doc, user: owner.user(), sum: 2 }];
    say(&mut owner, &mut relay, (about, 3), freed);
    rig.sync(&mut relay);
    let mut rig = rig.reopened();
    assert_eq!((faults(&rig), sums(&rig)), (vec![], before.clone()));
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    say(&mut ben, &mut relay, (about, 3), vec![]);
    rig.sync(&mut relay);
    let rig = rig.reopened();
    let after: Vec<u64> = before.iter().map(|sum| sum - 2).collect();
    assert_eq!((faults(&rig), sums(&rig)), (vec![], after));
}

#[test]
fn a_checkpoint_that_a_restored_relay_has_lost_stands_no_more_and_its_sums_are_back() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let entry = owner.put_message(&mut relay, DOC, "hello");
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    let (before, about) = (sums(&rig), relay.len());
    let restored = |relay: &FakeRelay| relay.restored(about, 21);
    let freed = vec![Freed { doc: entry.header().doc, user: owner.user(), sum: 2 }];
    say(&mut owner, &mut relay, (about, 3), freed);
    say(&mut ben, &mut relay, (about, 3), vec![]);
    rig.sync(&mut relay);
    assert_ne!(sums(&rig), before);
    rig.disconnect();
    let restored = restored(&relay);
    rig.connect(&restored);
    assert_eq!((faults(&rig), sums(&rig)), (vec![], before));
    let rig = rig.reopened();
    assert_eq!(faults(&rig), []);
}

#[test]
fn what_is_stored_of_checkpoints_is_compared_with_the_log() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let about = relay.len();
    say(&mut owner, &mut relay, (about, 3), vec![]);
    rig.sync(&mut relay);
    assert_eq!(faults(&rig), []);
    let gone = rig.device.store().connection().execute("DELETE FROM state WHERE name = 'checkpoints'", ());
    assert_eq!(gone.unwrap(), 1);
    assert_eq!(faults(&rig), [Fault::State]);
}
