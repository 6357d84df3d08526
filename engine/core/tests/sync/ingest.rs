//! Entries that stand in the log although they may not, or that cannot be read: each is kept with its reason, counts
//! for nothing, and what comes after it counts.

use bowline_core::payload::Payload;
use bowline_core::sync::{NotReady, Opened, RelayFault, Unreadable, Verdict};
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Frame;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EpochId, Incarnation, Signature};
use bowline_wire::log::Refusal;
use bowline_wire::roster::Outcome;
use bowline_wire::signed::Signed;

use crate::author::{Author, message, opaque_payload};
use crate::bench::Bench;
use crate::relay::FakeRelay;

/// Puts `bad` on the log with a good entry of somebody else behind it, and gives what became of `bad`.
fn verdict_on(bench: &mut Bench, owner: &mut Author, relay: &mut FakeRelay, bad: SignedEntry) -> String {
    let id = bad.id(relay.workspace());
    relay.put(bad.clone());
    let good = owner.content(relay, &message(owner.id(), opaque_payload(9).doc, "still counts"));
    relay.put(good.to_signed());
    bench.sync(relay);
    assert_eq!(bench.replica.log().unwrap().head(), relay.log().head(), "the hash runs on");
    let verdicts = bench.verdicts();
    let [verdict, Verdict::Content(after)] = &verdicts[..] else { panic!("{verdicts:?}") };
    assert_eq!(after.id(), good.id());
    assert!(matches!(bench.open(after), Ok(Opened::Content(_))));
    let (kept, what) = match verdict {
        Verdict::NotAcceptable(entry, why) => (entry.to_signed(), format!("not acceptable: {why:?}")),
        Verdict::Content(entry) => match bench.open(entry) {
            Ok(opened) => (entry.to_signed(), format!("content: {opened:?}")),
            Err(why) => (entry.to_signed(), format!("unreadable: {why:?}")),
        },
        Verdict::Roster(entry, outcome) => (entry.to_signed(), format!("roster: {outcome:?}")),
        Verdict::Own(entry) => (entry.to_signed(), "own".to_owned()),
        Verdict::Withheld(entry) => (entry.to_signed(), "withheld".to_owned()),
        Verdict::GivenUp(entry) => (entry.to_signed(), "given up".to_owned()),
    };
    assert_eq!(kept.id(relay.workspace()), id);
    assert_eq!(kept, bad, "byte for byte");
    what
}

fn with_signature(entry: &Entry, signature: Signature) -> SignedEntry {
    let header = Signed::from_parts(entry.signed_header().bytes().to_vec(), signature);
    SignedEntry::from_parts(header, entry.body().map(<[u8]>::to_vec))
}

#[test]
fn an_entry_by_somebody_who_is_no_member_counts_for_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let (mut stranger, _) = Author::owner(50);
    stranger.incarnation = Incarnation::from_bytes([0x33; 8]);
    let workspace = relay.log().head().workspace;
    let record = bowline_wire::roster::record::Record::CloseInvite(bowline_wire::ids::TicketKey::ZERO);
    let entry = stranger.record_with(&relay, &record, |header| header.workspace = workspace);
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert_eq!(verdict, format!("not acceptable: {:?}", Refusal::NotActive));
}

#[test]
fn content_in_another_epoch_than_the_one_in_force_counts_for_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let payload = message(owner.id(), opaque_payload(1).doc, "x");
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let sealed = other.content(&relay, &payload);
    let mut header = sealed.header().clone();
    header.epoch = EpochId::from_bytes([0x66; 16]);
    let body = sealed.body().unwrap().to_vec();
    let entry = other.keys.sign_header(header, body).unwrap();
    bench.sync(&mut relay);
    bench.forget();
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert_eq!(verdict, format!("not acceptable: {:?}", Refusal::WrongEpoch));
}

/// Another member, known to the bench.
fn other_member(bench: &mut Bench, owner: &mut Author, relay: &mut FakeRelay) -> Author {
    let secret = owner.put_ticket(relay, false);
    let other = Author::join(7, &secret, relay);
    bench.sync(relay);
    bench.forget();
    other
}

#[test]
fn an_entry_that_skips_a_number_or_repeats_one_counts_for_nothing() {
    for (skip, expected) in [(true, Refusal::ChainGap), (false, Refusal::SeqTaken { seq: 1 })] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = other_member(&mut bench, &mut owner, &mut relay);
        let payload = message(other.id(), opaque_payload(1).doc, "x");
        let first = other.content(&relay, &payload);
        if !skip {
            relay.put(first.to_signed());
            bench.sync(&mut relay);
            bench.forget();
        }
        let entry = other.content_with(&relay, &payload.encode(), payload.doc, |header| {
            if !skip {
                header.seq = 1;
                header.prev = bowline_wire::ids::EntryId::ZERO;
            }
        });
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
        assert_eq!(verdict, format!("not acceptable: {expected:?}"));
    }
}

#[test]
fn the_same_entry_twice_on_the_log_counts_once() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let entry = other.put_message(&mut relay, opaque_payload(1).doc, "once");
    bench.sync(&mut relay);
    bench.forget();
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert_eq!(verdict, format!("not acceptable: {:?}", Refusal::SeqTaken { seq: 1 }));
}

#[test]
fn content_that_was_sealed_wrongly_is_unreadable_and_its_chain_goes_on() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let payload = message(other.id(), opaque_payload(1).doc, "x");
    let mut header = other.content(&relay, &payload).header().clone();
    let body = vec![0x5a; 4096];
    header.body_len = 4096;
    header.body_hash = bowline_wire::hash::body_hash(&body);
    let entry = other.keys.sign_header(header, body).unwrap();
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    let not_authentic = Unreadable::Seal(bowline_crypto::OpenError::NotAuthentic);
    assert_eq!(verdict, format!("unreadable: {not_authentic:?}"));
    let tip = *bench.replica.log().unwrap().tip(&entry.header().chain()).unwrap();
    assert_eq!((tip.seq, tip.id), (1, entry.id()));
}

#[test]
fn one_document_sealed_under_the_name_of_another_is_not_read() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let payload = message(other.id(), opaque_payload(1).doc, "x");
    let elsewhere = other.keyring.wire_doc(opaque_payload(2).doc).unwrap();
    let entry = other.content_with(&relay, &payload.encode(), payload.doc, |header| header.doc = elsewhere);
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert_eq!(verdict, format!("unreadable: {:?}", Unreadable::OtherDocument));
}

#[test]
fn what_is_no_payload_is_not_read() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let entry = other.content_with(&relay, b"no payload", opaque_payload(1).doc, |_| {});
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert!(verdict.starts_with("unreadable: Payload("), "{verdict}");
}

#[test]
fn content_whose_body_is_withheld_is_kept_without_blame() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let entry = other.content(&relay, &message(other.id(), opaque_payload(1).doc, "x"));
    let bare = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, bare);
    assert_eq!(verdict, "withheld");
}

#[test]
fn a_type_without_a_meaning_here_needs_an_update_and_its_chain_goes_on() {
    for entry_type in [EntryType::Adopted, EntryType::Unknown(9), EntryType::Unknown(4000)] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = other_member(&mut bench, &mut owner, &mut relay);
        let payload = opaque_payload(1);
        let unknown = other.content_with(&relay, &payload.encode(), payload.doc, |header| {
            header.entry_type = entry_type;
        });
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, unknown.to_signed());
        assert_eq!(verdict, "content: UpdateNeeded", "{entry_type:?}");
        bench.forget();
        let next = other.content(&relay, &message(other.id(), payload.doc, "next"));
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, next.to_signed());
        assert!(verdict.starts_with("content: Content("), "{verdict}");
    }
}

#[test]
fn a_control_type_without_a_meaning_here_needs_an_update_and_stops_nothing() {
    for entry_type in [EntryType::Erase, EntryType::Witness, EntryType::Unknown(25)] {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = other_member(&mut bench, &mut owner, &mut relay);
        let unknown = other.plain(&relay, entry_type, b"new".to_vec(), |_| {});
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, unknown.to_signed());
        assert_eq!(verdict, "content: UpdateNeeded", "{entry_type:?}");
        assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    }
}

#[test]
fn a_part_of_a_payload_is_kept_unopened_and_its_chain_goes_on() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let pieces: [&[u8]; 2] = [b"whatever", b"is in it"];
    for part in other.parts_with(&relay, pieces.into_iter(), opaque_payload(1).doc, |_| {}) {
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, part.to_signed());
        assert_eq!(verdict, "content: Part");
        bench.forget();
    }
    let next = other.content(&relay, &message(other.id(), opaque_payload(1).doc, "next"));
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, next.to_signed());
    assert!(verdict.starts_with("content: Content("), "{verdict}");
}

#[test]
fn a_part_whose_body_is_withheld_waits_by_itself() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    let pieces: [&[u8]; 2] = [b"whatever", b"is in it"];
    let parts = other.parts_with(&relay, pieces.into_iter(), opaque_payload(1).doc, |_| {});
    let bare = SignedEntry::from_parts(parts[0].signed_header().to_signed(), None);
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, bare);
    assert_eq!(verdict, "withheld");
}

#[test]
fn a_roster_record_of_an_unknown_type_stops_sealing_and_records_for_good() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut body = bowline_wire::codec::Writer::new();
    body.array(2).u64(4711).bool(true);
    let record = owner.plain(&relay, EntryType::Roster, body.into_bytes(), |_| {});
    relay.put(record.to_signed());
    bench.sync(&mut relay);
    let verdicts = bench.verdicts();
    assert!(matches!(verdicts[..], [Verdict::Roster(_, Outcome::Unknown(4711))]));
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::UpdateNeeded));
    assert_eq!(bench.replica.ready_for_record(), Err(NotReady::UpdateNeeded));
    let mut bench = bench.restarted();
    bench.sync(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::UpdateNeeded));
}

/// A relay's frame with one entry exchanged for another that has the same header.
fn delivered_as(relay: &FakeRelay, position: u64, with: SignedEntry) -> Frame {
    let mut frame = relay.frame(position, relay.len());
    if let Frame::Entries { entries, .. } = &mut frame {
        entries[0].entry = with;
    }
    frame
}

/// Neither signature nor body is under the log's hash, so only what every device gets alike may be passed over.
#[test]
fn what_was_altered_on_delivery_is_not_taken_in_and_the_next_line_may_bring_it_whole() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let other = other_member(&mut bench, &mut owner, &mut relay);
    owner.put_removal(&mut relay, &other, Vec::new());
    let removal = relay.entry(relay.len());
    let header = || removal.signed_header().to_signed();
    let mut body = removal.body().unwrap().to_vec();
    body[100] ^= 1;
    for (name, altered) in [
        ("signature", with_signature(&removal, Signature::from_bytes([1; 64]))),
        ("body", SignedEntry::from_parts(header(), Some(body))),
        ("no body", SignedEntry::from_parts(header(), None)),
    ] {
        bench.greet();
        bench.receive(relay.welcome());
        bench.forget();
        bench.receive(delivered_as(&relay, relay.len(), altered));
        assert!(matches!(bench.faults()[..], [RelayFault::Nonsense(_)]), "{name}");
        assert!(bench.closed() && bench.stretches().is_empty(), "{name}");
        assert!(bench.replica.ready_to_seal().is_err(), "{name}");
    }
    bench.sync(&mut relay);
    let roster = bench.replica.log().unwrap().roster();
    assert!(!roster.is_active(&other.id()));
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
}

#[test]
fn a_removed_members_entries_beyond_the_cut_count_for_nothing() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    owner.put_removal(&mut relay, &other, Vec::new());
    bench.sync(&mut relay);
    bench.forget();
    let late = other
        .content(&relay.rolled_back(relay.len() - 1), &message(other.id(), opaque_payload(1).doc, "late"));
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, late.to_signed());
    assert_eq!(verdict, format!("not acceptable: {:?}", Refusal::NotActive));
}

#[test]
fn a_life_of_a_database_is_a_chain_of_its_own() {
    let (mut bench, mut owner, mut relay) = Bench::member();
    let mut other = other_member(&mut bench, &mut owner, &mut relay);
    other.put_message(&mut relay, opaque_payload(1).doc, "first life");
    bench.sync(&mut relay);
    bench.forget();
    other.incarnation = Incarnation::from_bytes([0x44; 8]);
    let entry = other.content(&relay, &message(other.id(), opaque_payload(1).doc, "second life"));
    assert_eq!(entry.header().seq, 1);
    let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
    assert!(verdict.starts_with("content: Content("), "{verdict}");
}

#[test]
fn a_payload_with_numbers_that_no_database_holds_is_not_read() {
    let claims: [fn(&mut Payload); 4] = [
        |payload| payload.summary.updated_at = bowline_wire::ids::Millis(u64::MAX),
        |payload| payload.summary.count = u64::MAX,
        |payload| payload.deleted_at = Some(bowline_wire::ids::Millis(1 << 63)),
        |payload| payload.time = bowline_wire::ids::Millis(1 << 63),
    ];
    for claim in claims {
        let (mut bench, mut owner, mut relay) = Bench::member();
        let mut other = other_member(&mut bench, &mut owner, &mut relay);
        let mut payload = message(other.id(), opaque_payload(1).doc, "x");
        claim(&mut payload);
        let entry = other.content(&relay, &payload);
        let verdict = verdict_on(&mut bench, &mut owner, &mut relay, entry.to_signed());
        assert!(verdict.starts_with("unreadable: Payload("), "{verdict}");
    }
}
