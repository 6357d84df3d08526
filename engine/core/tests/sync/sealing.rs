//! When content may be sealed and records written, and what they say about the log.

use bowline_core::sync::{ContentDraft, Covering, NotReady, Phase};
use bowline_wire::checkpoint::Checkpoint;
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::Entry;
use bowline_wire::header::{Digests, EntryType};
use bowline_wire::ids::{HpkePublicKey, Lane, SnapshotDigest, StateDigest, Suite};
use bowline_wire::roster::record::Record;

use crate::author::{Author, LARGE_WEIGHT, opaque_payload, wrap_for};
use crate::bench::Bench;
use crate::refusals::copy_of;

#[test]
fn nothing_is_sealed_without_a_line_that_is_let_in_and_caught_up() {
    let (mut bench, _, relay) = Bench::member();
    bench.disconnect();
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Offline));
    bench.connect();
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Offline));
    bench.receive(crate::relay::FakeRelay::challenge());
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::Offline));
    bench.receive(relay.welcome());
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn nothing_is_sealed_between_a_leave_and_the_rekey() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let leave = Record::Leave { whole_user: true, cut: Vec::new() };
    other.put_record(&mut relay, &leave);
    bench.sync(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::RekeyDue));
    assert_eq!(bench.replica.ready_for_record(), Ok(()), "somebody has to write the rekey");
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let rekey = owner.rekey(&recipients);
    owner.put_record(&mut relay, &Record::Rekey(rekey));
    bench.sync(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    let entry = bench.write(&opaque_payload(1));
    assert_eq!(Some(entry.header().epoch), relay.log().roster().epoch());
}

#[test]
fn nothing_is_sealed_without_the_key_of_the_epoch_in_force() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    other.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = owner.rekey(&recipients);
    let mine = bench.keys.hpke_public(Suite::XWing);
    wrap_for(&mut rekey, &recipients, &mine).ciphertext[0] ^= 1;
    let at = owner.put_record(&mut relay, &Record::Rekey(rekey));
    assert!(!relay.log().roster().is_rekey_due());
    bench.sync(&mut relay);
    assert_eq!(bench.replica.position().0, at);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NoKey));
    let mut bench = bench.restarted();
    bench.sync(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NoKey));
}

#[test]
fn who_was_removed_seals_nothing_and_learns_no_new_key() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let before = bench.replica.keyring().unwrap().newest_epoch();
    let user = bowline_wire::ids::UserId::of_first_device(bench.keys.id());
    let stays: Vec<HpkePublicKey> = vec![owner.keys.hpke_public(Suite::XWing)];
    let rekey = owner.rekey(&stays);
    owner.put_record(&mut relay, &Record::RemoveMember { user, cut: Vec::new(), rekey });
    bench.receive(relay.frame(relay.len(), relay.len()));
    assert!(matches!(bench.replica.phase(), Phase::Removed));
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NotMember));
    assert_eq!(bench.replica.ready_for_record(), Err(NotReady::NotMember));
    assert_eq!(bench.replica.keyring().unwrap().newest_epoch(), before);
}

#[test]
fn sealing_pauses_when_enough_is_on_its_way() {
    let (mut bench, _, mut relay) = Bench::member();
    let mut payload = opaque_payload(1);
    let mut noise = vec![0; 700 * 1024];
    rand_core::Rng::fill_bytes(&mut crate::author::rng(3), &mut noise);
    payload.bytes = noise;
    let mut written = 0;
    while bench.replica.ready_to_seal().is_ok() {
        bench.write(&payload);
        written += 1;
        assert!(written < 100);
    }
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::InFlight));
    assert_eq!(written, 6, "4 MiB of them");
    bench.talk(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn four_mebibytes_of_bodies_are_on_their_way_at_most_before_the_next_is_sealed() {
    const MOST: usize = 4 << 20;
    for (bytes, ready) in [(MOST - 1, Ok(())), (MOST, Err(NotReady::InFlight))] {
        let (mut bench, owner, relay) = Bench::member();
        let mut author = copy_of(&bench, owner);
        for len in [600_000; 6].into_iter().chain([bytes - 3_600_000]) {
            assert_eq!(bench.replica.ready_to_seal(), Ok(()));
            let (entry, now) = (author.sized(&relay, len), bench.now);
            bench.step(|replica, _| replica.offer(entry, now));
        }
        assert_eq!(bench.replica.ready_to_seal(), ready, "{bytes} bytes");
    }
}

#[test]
fn one_roster_record_at_a_time() {
    let (mut bench, _, mut relay) = Bench::member();
    let record = Record::CloseLink(bowline_wire::ids::TicketKey::ZERO);
    let entry = bench.step(|replica, cx| replica.write_record(&record, cx)).unwrap();
    let now = bench.now;
    bench.step(|replica, _| replica.offer(entry, now));
    assert_eq!(bench.replica.ready_for_record(), Err(NotReady::InFlight));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    bench.talk(&mut relay);
    assert_eq!(bench.replica.ready_for_record(), Ok(()));
}

#[test]
fn an_entry_says_what_its_author_knows() {
    let (mut bench, _, relay) = Bench::member();
    let first = bench.write(&opaque_payload(1));
    let second = bench.write(&opaque_payload(2));
    for entry in [&first, &second] {
        let header = entry.header();
        assert_eq!(header.seen, Some(relay.head().into()));
        assert_eq!(header.held, relay.head().position);
        assert_eq!(header.roster, relay.log().roster().hash());
        assert_eq!(Some(header.epoch), relay.log().roster().epoch());
        assert_eq!((header.lane, header.entry_type), (Lane::Content, EntryType::Changes));
    }
    assert_eq!((first.header().seq, second.header().seq), (1, 2));
    assert_eq!(second.header().prev, first.id());
}

#[test]
fn sealing_without_offering_changes_nothing() {
    let (mut bench, _, _) = Bench::member();
    let payload = opaque_payload(1);
    let unused = bench.seal(&payload);
    let used = bench.write(&payload);
    assert_eq!(unused[0].header().seq, used.header().seq);
    let appended: Vec<_> = bench.appended().iter().map(Entry::id).collect();
    assert_eq!(appended, [used.id()]);
}

#[test]
fn a_covering_snapshot_and_what_is_said_of_it_and_of_the_log_stand_as_they_were_written() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    owner.put_message(&mut relay, opaque_payload(1).doc, "covered");
    bench.sync(&mut relay);
    let up_to = bench.replica.position();
    let digests =
        Digests { all: SnapshotDigest::from_bytes([1; 32]), own: SnapshotDigest::from_bytes([2; 32]) };
    let payload = opaque_payload(1);
    let (entry_type, weight) = (EntryType::Snapshot, LARGE_WEIGHT);
    let covering = Some(Covering { up_to, digests });
    let draft = ContentDraft { entry_type, payload: &payload, weight, covering };
    let entries = bench.step(|replica, cx| replica.seal(&draft, cx)).unwrap();
    let now = bench.now;
    for entry in entries {
        assert_eq!((entry.header().covers, entry.header().digests), (up_to, Some(digests)));
        bench.step(|replica, _| replica.offer(entry, now));
    }
    bench.talk(&mut relay);
    let snapshot = bench.replica.position();
    let row = Row { snapshot, word: Word::Confirms(Some(digests.own)) };
    let confirm = Confirm::new(vec![row]).unwrap();
    let entry = bench.step(|replica, cx| replica.write_confirm(&confirm, cx)).unwrap();
    assert_eq!(Confirm::parse(entry.header(), entry.body().unwrap()), Ok(confirm));
    bench.step(|replica, _| replica.offer(entry, now));
    bench.talk(&mut relay);
    let (at, digest) = (bench.replica.position(), StateDigest::from_bytes([3; 32]));
    let said = Checkpoint { digest, freed: Vec::new() };
    let entry = bench.step(|replica, cx| replica.write_checkpoint(at, &said, cx)).unwrap();
    assert_eq!((entry.header().covers, Checkpoint::of(&entry)), (at, Some(said)));
    bench.step(|replica, _| replica.offer(entry.clone(), now));
    bench.talk(&mut relay);
    assert!(relay.holds(entry.id()) && bench.refused().is_empty());
    assert_eq!(bench.replica.position().0, up_to.0 + 3);
    let word = owner.plain(&relay, EntryType::Checkpoint, entry.body().unwrap().to_vec(), |header| {
        header.covers = at;
    });
    relay.put(word.to_signed());
    bench.sync(&mut relay);
    assert_eq!(bench.replica.log().unwrap().checkpoints().open(), Some((at, digest)), "the Owner opens it");
}
