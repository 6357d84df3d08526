//! Payloads beyond one body: how they are cut, and the only way in which they come together again.

use bowline_core::payload::Payload;
use bowline_core::sync::{Effect, Parts, Unreadable};
use bowline_crypto::OpenError;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{EntryId, EpochId, Incarnation, Position, Suite};
use bowline_wire::limits::{MAX_BODY, MAX_PARTS, MAX_PAYLOAD, PART_LEN};
use bowline_wire::roster::Epoch;
use bowline_wire::weight::Weight;

use crate::author::{Author, LARGE_WEIGHT, noise, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// A payload that takes so many parts and does not compress.
fn payload_of_parts(count: usize) -> Payload {
    Payload { bytes: noise(count * PART_LEN - 1000), ..opaque_payload(1) }
}

fn joined<'e>(author: &Author, entries: impl IntoIterator<Item = &'e Entry>) -> Result<Payload, Unreadable> {
    let keys = author.keyring.snapshot();
    let mut parts = Parts::default();
    for entry in entries {
        parts.add(entry, &keys)?;
    }
    parts.finish(&keys)
}

#[test]
fn what_fits_no_body_goes_into_the_next_entries_of_one_chain() {
    let (mut bench, owner, _) = Bench::member();
    let before = bench.write(&opaque_payload(2));
    let payload = payload_of_parts(3);
    let entries = bench.seal(&payload);
    let mut prev = &before;
    for (index, entry) in (0..).zip(&entries) {
        let header = entry.header();
        assert_eq!(header.part, Part { index, count: 3 });
        assert_eq!((header.seq, header.prev), (prev.header().seq + 1, prev.id()));
        let shared = |header: &Header| (header.entry_type, header.doc, header.epoch, header.seen);
        assert_eq!(shared(header), shared(entries[0].header()));
        assert!(entry.body().unwrap().len() <= MAX_BODY);
        prev = entry;
    }
    assert_eq!(entries.len(), 3);
    assert_eq!(joined(&owner, &entries).as_ref(), Ok(&payload));
}

#[test]
fn what_fits_one_body_once_compressed_stays_whole() {
    let (mut bench, _, _) = Bench::member();
    let payload = Payload { bytes: vec![7; 4 << 20], ..opaque_payload(1) };
    assert_eq!(bench.seal(&payload)[0].header().part, Part::WHOLE);
}

#[test]
fn a_payload_beyond_what_may_be_in_flight_leaves_all_at_once() {
    let (mut bench, _, mut relay) = Bench::member();
    let entries = bench.write_parts(&payload_of_parts(8));
    let sent: Vec<_> = bench.appended().iter().map(Entry::id).collect();
    assert_eq!(sent, entries.iter().map(Entry::id).collect::<Vec<_>>());
    assert!(bench.replica.ready_to_seal().is_err(), "and nothing else on top");
    bench.talk(&mut relay);
    assert_eq!(bench.replica.offered().count(), 0);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

/// Each of these takes 24 seconds on the slowest line, and whatever was sent before it comes first.
#[test]
fn nothing_is_queued_again_behind_itself_while_it_may_still_be_on_its_way() {
    let (mut bench, _, mut relay) = Bench::member();
    let entries = bench.write_parts(&payload_of_parts(6));
    for answered in 0..2 {
        bench.wait(19_000);
        let answer = relay.answer(bench.frames()[answered].clone()).remove(0);
        bench.receive(answer);
    }
    bench.wait(19_000);
    assert_eq!(bench.appended().len(), 6, "for a minute nothing is sent twice");
    bench.receive(Frame::Head(relay.head()));
    bench.wait(18_000);
    let again: Vec<EntryId> = bench.appended()[6..].iter().map(Entry::id).collect();
    assert_eq!(again, [entries[2].id()], "and then what should have been answered by now");
}

#[test]
fn a_slow_line_on_which_answers_come_is_not_dead() {
    let (mut bench, _, mut relay) = Bench::member();
    bench.write_parts(&payload_of_parts(4));
    for part in 0..4 {
        bench.wait(20_000);
        bench.wait(9_000);
        assert!(!bench.closed(), "{part}");
        let mut append = bench.frames().into_iter().filter(|frame| matches!(frame, Frame::Append { .. }));
        let append = append.nth(part).unwrap().clone();
        bench.receive(relay.answer(append).remove(0));
    }
    bench.wait(20_000);
    bench.wait(10_000);
    assert!(bench.closed(), "and one that says nothing any more is");
}

#[test]
fn a_relay_that_has_no_room_is_asked_with_one_part_and_gets_the_rest_when_it_has() {
    let (mut bench, _, mut relay) = Bench::member();
    let entries = bench.write_parts(&payload_of_parts(4));
    for (index, entry) in entries.iter().enumerate() {
        let reason = if index == 0 { Reason::Quota } else { Reason::ChainGap };
        bench.receive(FakeRelay::refused(entry.id(), reason, None));
    }
    for _ in 0..2 {
        bench.forget();
        bench.wait(5_000);
        assert_eq!(bench.appended(), std::slice::from_ref(&entries[0]));
        bench.receive(FakeRelay::refused(entries[0].id(), Reason::Quota, None));
    }
    bench.forget();
    bench.wait(5_000);
    bench.talk(&mut relay);
    bench.wait(5_000);
    bench.talk(&mut relay);
    assert_eq!(bench.appended().len(), 4, "each once");
    assert_eq!(bench.replica.offered().count(), 0);
}

/// Whatever is durable of this when the power goes begins with the entry that the relay refuses once more: what comes after
/// that never waits for what never comes.
#[test]
fn what_is_refused_for_good_is_given_up_from_its_end_and_after_its_numbers_are() {
    let (mut bench, _, _) = Bench::member();
    let entries = bench.write_parts(&payload_of_parts(3));
    bench.forget();
    bench.receive(FakeRelay::refused(entries[0].id(), Reason::WrongEpoch, None));
    assert!(matches!(bench.effects.first(), Some(Effect::NewIncarnation(_))), "{:?}", bench.effects);
    let given_up: Vec<EntryId> = bench.refused().into_iter().map(|(entry, _)| entry).collect();
    assert_eq!(given_up, entries.iter().rev().map(Entry::id).collect::<Vec<_>>());
}

/// A member of a workspace with a relay to see.
fn writer() -> (Author, FakeRelay) {
    Author::owner(1)
}

/// Why two parts, of which `tweak` changes one's header, are not one payload; as they are, they are one.
fn refused(at: u32, tweak: impl Fn(&mut Header)) -> Unreadable {
    let (mut author, relay) = writer();
    let payload = payload_of_parts(2);
    let entries = author.parts(&relay, &payload);
    assert_eq!(joined(&author, &entries).as_ref(), Ok(&payload), "good to begin with");
    let bytes = payload.encode();
    let entries = author.parts_with(&relay, bytes.chunks(PART_LEN), payload.doc, |header| {
        if header.part.index == at {
            tweak(header);
        }
    });
    joined(&author, &entries).unwrap_err()
}

#[test]
fn parts_follow_one_another_in_one_chain() {
    let rule = Unreadable::Parts("they do not follow one another");
    assert_eq!(refused(1, |header| header.prev = EntryId::from_bytes([1; 32])), rule);
    assert_eq!(refused(1, |header| header.incarnation = Incarnation::from_bytes([0x77; 8])), rule);
}

#[test]
fn parts_are_all_there_in_their_order() {
    let (mut author, relay) = writer();
    let entries = author.parts(&relay, &payload_of_parts(3));
    let first = Unreadable::Parts("the first one is missing");
    assert_eq!(joined(&author, &entries[1..]), Err(first));
    assert_eq!(joined(&author, &entries[..2]), Err(Unreadable::NoPart));
    assert_eq!(joined(&author, []), Err(Unreadable::NoPart));
    let skipped = [&entries[0], &entries[2]];
    assert_eq!(joined(&author, skipped), Err(Unreadable::Parts("they do not follow one another")));
    let numbered = Unreadable::Parts("one is numbered wrongly");
    assert_eq!(refused(1, |header| header.part = Part { index: 2, count: 3 }), numbered);
    assert_eq!(refused(1, |header| header.part = Part { index: 0, count: 1 }), numbered);
    let count = Unreadable::Parts("they disagree how many they are");
    assert_eq!(refused(0, |header| header.part.count = 3), count);
}

#[test]
fn parts_are_of_one_document_type_and_epoch() {
    let elsewhere = writer().0.keyring.wire_doc(opaque_payload(2).doc).unwrap();
    let doc = Unreadable::Parts("they are of several documents");
    assert_eq!(refused(0, |header| header.doc = elsewhere), doc);
    assert_eq!(refused(1, |header| header.doc = elsewhere), doc);
    let snapshot = |header: &mut Header| header.entry_type = EntryType::Snapshot;
    assert_eq!(refused(0, snapshot), Unreadable::Parts("they are of several types"));
    let covers = |header: &mut Header| {
        header.entry_type = EntryType::Snapshot;
        if header.part.index == 0 {
            header.covers = Position(1);
        }
    };
    let (mut author, relay) = writer();
    let payload = payload_of_parts(2);
    let bytes = payload.encode();
    let entries = author.parts_with(&relay, bytes.chunks(PART_LEN), payload.doc, covers);
    assert_eq!(joined(&author, &entries), Err(Unreadable::Parts("they cover different entries")));

    let mut pieces = bytes.chunks(PART_LEN);
    let two = |index| {
        move |header: &mut Header| {
            header.part = Part { index, count: 2 };
            header.weight = if header.part.is_last() { LARGE_WEIGHT } else { Weight::NONE };
        }
    };
    let first = author.content_with(&relay, pieces.next().unwrap(), payload.doc, two(0));
    let own = author.keys.hpke_public(Suite::XWing);
    let rekey = author.rekey(std::slice::from_ref(&own));
    let begun = Epoch { id: EpochId::from_bytes([7; 16]), commitment: rekey.commitment };
    let epochs = [relay.log().roster().epochs()[0], begun];
    let _ = author.keyring.accept(&rekey, &[own].into(), author.keys.hpke(), &epochs).unwrap();
    let second = author.content_with(&relay, pieces.next().unwrap(), payload.doc, two(1));
    let epochs = Unreadable::Parts("they are of several epochs");
    assert_eq!(joined(&author, [&first, &second]), Err(epochs));
}

#[test]
fn parts_are_cut_in_one_way_only() {
    let (mut author, relay) = writer();
    let payload = payload_of_parts(2);
    let bytes = payload.encode();
    let rule = Unreadable::Parts("one has not the length that it has to have");
    let full = &bytes[..PART_LEN];
    // One that is all in its first part, and an empty one behind it.
    let overhead = bytes.len() - payload.bytes.len();
    let exact = Payload { bytes: noise(PART_LEN - overhead), ..opaque_payload(1) }.encode();
    assert_eq!(exact.len(), PART_LEN);
    for pieces in [
        vec![&bytes[..PART_LEN - 1], &bytes[PART_LEN - 1..]],
        vec![&bytes[..0], full, &bytes[PART_LEN..]],
        vec![full, &bytes[PART_LEN..], &bytes[..0]],
        vec![&exact, &bytes[..0]],
    ] {
        let entries = author.parts_with(&relay, pieces.into_iter(), payload.doc, |_| {});
        assert_eq!(joined(&author, &entries), Err(rule.clone()));
    }
}

/// What compresses well takes few bytes on its way, and as many as it says when it is put together.
#[test]
fn parts_are_no_more_together_than_any_payload() {
    let (mut author, relay) = writer();
    let longest = |bytes: usize| Payload { bytes: vec![7; bytes], ..opaque_payload(1) };
    let overhead = longest(MAX_PAYLOAD / 2).encode().len() - MAX_PAYLOAD / 2;
    for (bytes, fits) in [(MAX_PAYLOAD - overhead, true), (MAX_PAYLOAD - overhead + 1, false)] {
        let payload = longest(bytes);
        let entries = author.parts(&relay, &payload);
        assert_eq!(entries.len(), MAX_PARTS as usize);
        let joined = joined(&author, &entries);
        let too_many = Err(Unreadable::Parts("they are more than any payload has"));
        assert!(joined == if fits { Ok(payload) } else { too_many }, "{bytes}");
    }
}

#[test]
fn parts_are_of_the_document_that_is_in_them_and_hold_a_payload() {
    let (mut author, relay) = writer();
    let payload = payload_of_parts(2);
    let name = author.keyring.wire_doc(opaque_payload(2).doc).unwrap();
    let bytes = payload.encode();
    let entries = author.parts_with(&relay, bytes.chunks(PART_LEN), payload.doc, |header| header.doc = name);
    assert_eq!(joined(&author, &entries), Err(Unreadable::OtherDocument));
    let garbage = noise(PART_LEN + 5);
    let entries = author.parts_with(&relay, garbage.chunks(PART_LEN), payload.doc, |_| {});
    assert!(matches!(joined(&author, &entries), Err(Unreadable::Payload(_))));
}

#[test]
fn a_part_that_does_not_open_says_why() {
    let (mut author, relay) = writer();
    let entries = author.parts(&relay, &payload_of_parts(2));
    let header = || entries[1].signed_header().to_signed();
    let bare = SignedEntry::from_parts(header(), None).verify(relay.workspace()).unwrap();
    assert_eq!(joined(&author, [&entries[0], &bare]), Err(Unreadable::NoBody));
    let mut header = entries[1].header().clone();
    let body = vec![0x5a; 4096];
    (header.body_len, header.body_hash) = (4096, bowline_wire::hash::body_hash(&body));
    let wrong = author.keys.sign_header(header, body).unwrap();
    let not_authentic = Unreadable::Seal(OpenError::NotAuthentic);
    assert_eq!(joined(&author, [&entries[0], &wrong]), Err(not_authentic));
    let stranger = Author::owner(9).0;
    assert!(joined(&stranger, &entries).is_err(), "without the keys");
}

#[test]
fn what_is_being_put_together_does_not_print() {
    let (mut author, relay) = writer();
    let payload = payload_of_parts(2);
    let entries = author.parts(&relay, &payload);
    let mut parts = Parts::default();
    parts.add(&entries[0], &author.keyring.snapshot()).unwrap();
    assert_eq!(format!("{parts:?}"), format!("Parts {{ len: {PART_LEN}, .. }}"));
}
