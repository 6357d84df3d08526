//! What cannot be read or verified is kept, shown with its reason, and never taken for content.

use bowline_core::document::{ActorId, Document, Kind, Pen, Piece, message_of};
use bowline_core::payload::Payload;
use bowline_core::sync::NotReady;
use bowline_device::QuarantineReason;
use bowline_store::{EntryRow, EntryState};
use bowline_wire::entry::SignedEntry;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, Millis, Position};

use crate::author::{Author, message, payload_of};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const OTHER: DocId = DocId::from_bytes([0xd1; 16]);

/// A rig, the owner, and a member whose entries may be bad.
fn with_member() -> (Rig, Author, Author, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    (rig, owner, other, relay)
}

/// `bad` is on the log; it is put aside with `why`, before and after a restart, and what comes after it is shown.
fn assert_put_aside(
    mut rig: Rig,
    mut owner: Author,
    mut relay: FakeRelay,
    bad: &SignedEntry,
    why: QuarantineReason,
) {
    let at = Position(relay.len());
    owner.put_message(&mut relay, OTHER, "still counts");
    rig.sync(&mut relay);
    for _ in 0..2 {
        while rig.device.index_one(rig.now).unwrap() {}
        let status = rig.status();
        let shown: Vec<_> = status.quarantined.iter().map(|it| (it.entry, it.reason)).collect();
        assert_eq!(shown, [(bad.id(rig.workspace()), why)], "{:?}", status.quarantined);
        let aside =
            rig.device.store().read().entries_in_state(rig.workspace(), EntryState::Quarantined).unwrap();
        let is_at = |row: &EntryRow| row.place.is_some_and(|place| place.pos == at);
        let row = aside.into_iter().find(is_at).unwrap();
        assert_eq!(row.state, EntryState::Quarantined);
        assert_eq!(row.reason.unwrap().number, why.number());
        let entry = bad.clone().verify(rig.workspace()).unwrap();
        assert_eq!(row.header, entry.signed_header().bytes());
        assert_eq!(row.signature, *entry.signed_header().signature());
        let body = rig.device.store().read().body(row.n).unwrap();
        assert_eq!(body.as_deref(), entry.body(), "byte for byte");
        assert_eq!(rig.texts(OTHER), ["still counts"]);
        assert!(rig.device.list(false).unwrap().iter().all(|listed| listed.count <= 1));
        rig = rig.reopened();
    }
    rig.sync(&mut relay);
    assert_eq!(rig.status().signed, Some(relay.head()));
}

#[test]
fn an_entry_by_a_stranger_is_put_aside() {
    let (rig, owner, mut relay) = Rig::member();
    let (mut stranger, _) = Author::owner(50);
    stranger.incarnation = bowline_wire::ids::Incarnation::from_bytes([0x33; 8]);
    let workspace = rig.workspace();
    let entry =
        stranger.plain(&relay, EntryType::Witness, b"hello".to_vec(), |header| header.workspace = workspace);
    relay.put(entry.to_signed());
    assert_put_aside(rig, owner, relay, &entry.to_signed(), QuarantineReason::NotActive);
}

#[test]
fn what_a_removed_member_writes_later_is_put_aside_under_their_name() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    owner.put_removal(&mut relay, &other, Vec::new());
    let entry = other.content(&relay, &message(other.id(), DOC, "still here")).to_signed();
    relay.put(entry.clone());
    rig.sync(&mut relay);
    assert_eq!(rig.status().quarantined[0].author, other.id());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::NotActive);
}

#[test]
fn what_was_put_aside_can_be_read_and_nothing_is_stored_of_that() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    owner.put_removal(&mut relay, &other, Vec::new());
    let entry = other.content(&relay, &message(other.id(), DOC, "still here")).to_signed();
    relay.put(entry.clone());
    relay.put(entry.clone());
    rig.sync(&mut relay);
    let workspace = rig.workspace();
    let listed = rig.device.list(false).unwrap();
    let found = rig.device.put_aside(workspace).unwrap();
    let whose: Vec<_> = found.iter().map(|it| (it.what.author, it.what.reason)).collect();
    // What stands there twice is put aside each time.
    assert_eq!(whose, [(other.id(), QuarantineReason::NotActive); 2]);
    let says = found[0].says.as_ref().unwrap();
    assert_eq!((says.doc, says.kind), (DOC, Some(Kind::Conversation)));
    let [Piece::Line(line)] = says.pieces.as_deref().unwrap() else { panic!("{:?}", says.pieces) };
    assert_eq!(message_of(line).unwrap().1, "still here");
    assert_eq!(rig.device.list(false).unwrap(), listed);
    assert!(rig.device.show(DOC, rig.now).is_err(), "no document has come of it");
}

#[test]
fn an_entry_that_stands_on_the_log_twice_counts_once_and_is_the_relays_doing() {
    let (rig, owner, mut other, mut relay) = with_member();
    let entry = other.content(&relay, &message(other.id(), DOC, "x")).to_signed();
    relay.put(entry.clone());
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::Doubled);
}

#[test]
fn content_that_does_not_open_is_put_aside() {
    let (rig, owner, mut other, mut relay) = with_member();
    let mut header = other.content(&relay, &message(other.id(), DOC, "x")).header().clone();
    let body = vec![0x5a; 4096];
    header.body_len = 4096;
    header.body_hash = bowline_wire::hash::body_hash(&body);
    let entry = other.keys.sign_header(header, body).unwrap().to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::NotAuthentic);
}

#[test]
fn one_document_in_the_name_of_another_is_put_aside() {
    let (rig, owner, mut other, mut relay) = with_member();
    let name = other.keyring.wire_doc(OTHER).unwrap();
    let payload = message(other.id(), DOC, "x").encode();
    let entry = other.content_with(&relay, &payload, DOC, |header| header.doc = name).to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::OtherDocument);
}

#[test]
fn an_entry_after_a_gap_in_its_chain_is_put_aside() {
    let (rig, owner, mut other, mut relay) = with_member();
    other.content(&relay, &message(other.id(), DOC, "withheld"));
    let entry = other.content(&relay, &message(other.id(), DOC, "x")).to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::ChainGap);
}

#[test]
fn changes_in_somebody_elses_name_are_put_aside_when_they_are_applied() {
    let (rig, owner, mut other, mut relay) = with_member();
    let payload = message(owner.id(), DOC, "not by me");
    let entry = other.content(&relay, &payload).to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::NotTheAuthors);
}

#[test]
fn bytes_that_are_no_changes_are_put_aside_when_they_are_applied() {
    let (rig, owner, mut other, mut relay) = with_member();
    let payload = Payload { bytes: b"no changes at all".to_vec(), ..message(other.id(), DOC, "x") };
    let entry = other.content(&relay, &payload).to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::Malformed);
}

#[test]
fn what_needs_a_newer_version_is_kept_and_counted_and_its_chain_goes_on() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let of_kind = Payload { kind: 77, ..message(other.id(), DOC, "x") };
    let entries = [
        other.content(&relay, &of_kind),
        other.content_with(&relay, b"opaque", DOC, |header| header.entry_type = EntryType::Unknown(9)),
        other.plain(&relay, EntryType::Unknown(30), b"opaque".to_vec(), |_| {}),
    ];
    for entry in &entries {
        relay.put(entry.to_signed());
    }
    other.put_message(&mut relay, OTHER, "goes on");
    rig.sync(&mut relay);
    for _ in 0..2 {
        assert_eq!(rig.status().update_needed, 3);
        assert!(rig.status().quarantined.is_empty());
        assert_eq!(rig.texts(OTHER), ["goes on"]);
        for entry in &entries {
            let row = rig.device.store().read().entry_by_id(rig.workspace(), entry.id()).unwrap().unwrap();
            assert_eq!(row.state, EntryState::UpdateNeeded);
            assert_eq!(rig.device.store().read().body(row.n).unwrap().as_deref(), entry.body());
        }
        assert_eq!(rig.device.list(false).unwrap().len(), 1);
        rig = rig.reopened();
    }
}

#[test]
fn an_unknown_roster_record_stops_sealing_and_says_so_after_a_restart_too() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut body = bowline_wire::codec::Writer::new();
    body.array(1).u64(4711);
    let record = owner.plain(&relay, EntryType::Roster, body.into_bytes(), |_| {});
    relay.put(record.to_signed());
    let id = rig.conversation("waits");
    rig.sync(&mut relay);
    rig.sent.clear();
    for _ in 0..2 {
        rig.say(id, "written here");
        rig.sync(&mut relay);
        assert!(rig.appended().is_empty());
        assert_eq!(rig.status().waiting_for, Some(NotReady::UpdateNeeded));
        rig = rig.reopened();
    }
}

#[test]

fn the_same_entry_at_two_places_is_put_aside_the_second_time() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    let first = other.put_message(&mut relay, DOC, "once");
    rig.sync(&mut relay);
    relay.put(first.to_signed());
    relay.put(first.to_signed());
    owner.put_message(&mut relay, OTHER, "still counts");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(DOC), ["once"]);
    assert_eq!(rig.texts(OTHER), ["still counts"]);
    assert_eq!(rig.status().quarantined.len(), 2);
    assert_eq!(rig.status().signed, Some(relay.head()));
}

#[test]

fn an_entry_of_ours_where_it_may_not_stand_stops_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let (one, two) = (rig.conversation("one"), rig.conversation("two"));
    rig.take_sent();
    let sent = rig.appended();
    assert_eq!(sent.len(), 2);
    // The second before the first.
    relay.put(sent[1].to_signed());
    owner.put_message(&mut relay, OTHER, "still counts");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(OTHER), ["still counts"]);
    assert_eq!(rig.status().signed.unwrap().position.0, relay.len());
    assert!(rig.device.show(one, rig.now).is_ok() && rig.device.show(two, rig.now).is_ok());
}

#[test]

fn claims_that_no_database_holds_stop_nobody() {
    let claims: [fn(&mut Payload); 4] = [
        |payload| payload.summary.updated_at = Millis(u64::MAX),
        |payload| payload.summary.count = u64::MAX,
        |payload| payload.deleted_at = Some(Millis(1 << 63)),
        |payload| payload.time = Millis(1 << 63),
    ];
    for claim in claims {
        let (rig, owner, mut other, mut relay) = with_member();
        let mut payload = message(other.id(), DOC, "x");
        claim(&mut payload);
        let entry = other.content(&relay, &payload).to_signed();
        relay.put(entry.clone());
        assert_put_aside(rig, owner, relay, &entry, QuarantineReason::Payload);
    }
}

#[test]

fn a_number_in_a_chain_that_no_database_holds_stops_nobody() {
    let (rig, owner, mut other, mut relay) = with_member();
    let payload = message(other.id(), DOC, "x").encode();
    let entry = other.content_with(&relay, &payload, DOC, |header| {
        header.seq = u64::MAX;
        header.prev = bowline_wire::ids::EntryId::from_bytes([1; 32]);
    });
    relay.put(entry.to_signed());
    assert_put_aside(rig, owner, relay, &entry.to_signed(), QuarantineReason::ChainGap);
}

#[test]

fn a_document_with_a_time_that_no_database_holds_can_be_read() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let mut document = Document::create(Kind::Conversation);
    let pen = Pen { actor: ActorId::for_device(other.id(), [1; 8]), now: Millis(1_000) };
    let line = r#"{"type":"message","id":"a","timestamp":18446744073709551615,"message":{"role":"user","content":"x"}}"#;
    let bytes = document.conversation_mut(pen).unwrap().append_raw(line).unwrap().unwrap();
    let mut payload = payload_of(&document, DOC, bytes);
    payload.summary.updated_at = Millis(1_000);
    let entry = other.content(&relay, &payload);
    relay.put(entry.to_signed());
    rig.sync(&mut relay);
    assert_eq!(rig.device.show(DOC, rig.now).unwrap().transcript.entries.len(), 1);
    rig.say(DOC, "an answer");
}

#[test]

fn a_documents_kind_is_not_for_a_member_to_change() {
    let (mut rig, _, mut other, mut relay) = with_member();
    // The profile has the same id on every device, so a member knows it before anybody has written there.
    let digest = bowline_wire::hash::sha256(&[b"bowline/doc/profile/1", rig.workspace().as_bytes()]);
    let profile = DocId::from_bytes(digest[..16].try_into().unwrap());
    other.put_message(&mut relay, profile, "no profile at all");
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.name_device(workspace, "laptop", now).unwrap();
    let me = rig.device.id();
    assert_eq!(rig.device.device_name(workspace, me, now).unwrap().as_deref(), Some("laptop"));
}

#[test]
fn an_entry_that_came_too_early_counts_where_it_stands_rightly() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let first = other.content(&relay, &message(other.id(), DOC, "one"));
    let second = other.content(&relay, &message(other.id(), OTHER, "two"));
    for entry in [&second, &second, &first, &second, &first] {
        relay.put(entry.to_signed());
    }
    rig.sync(&mut relay);
    assert_eq!((rig.texts(DOC), rig.texts(OTHER)), (vec!["one".to_owned()], vec!["two".to_owned()]));
    assert_eq!(rig.status().signed, Some(relay.head()));
    let mut aside: Vec<_> = rig.status().quarantined.iter().map(|it| it.entry).collect();
    aside.sort_unstable();
    let mut expected = vec![second.id(), second.id(), first.id()];
    expected.sort_unstable();
    assert_eq!(aside, expected);
}

#[test]
fn an_entry_that_calls_a_document_another_kind_is_put_aside() {
    let (mut rig, owner, mut other, mut relay) = with_member();
    other.put_message(&mut relay, DOC, "a conversation");
    rig.sync(&mut relay);
    let payload = Payload { kind: Kind::Profile.number(), ..message(other.id(), DOC, "a profile") };
    let entry = other.content(&relay, &payload).to_signed();
    relay.put(entry.clone());
    assert_put_aside(rig, owner, relay, &entry, QuarantineReason::OtherKind);
}

#[test]
fn an_entry_of_ours_that_was_refused_and_comes_back_bare_stops_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("refused and there after all");
    rig.take_sent();
    let entry = rig.appended()[0].clone();
    rig.receive(&FakeRelay::refused(entry.id(), bowline_wire::frame::Reason::Malformed, None));
    rig.disconnect();
    let header = entry.signed_header().to_signed();
    relay.put(SignedEntry::from_parts(header, None));
    owner.put_message(&mut relay, OTHER, "still counts");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(OTHER), ["still counts"]);
    assert_eq!(rig.status().signed.unwrap().position.0, relay.len());
    assert!(rig.device.show(id, rig.now).is_ok());
}
