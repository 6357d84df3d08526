//! Payloads in parts, from one device to another: all of it counts, with its last part, or none.

use bowline_core::document::{ActorId, ChangeHash, Document, Kind, MessageId, Pen, Role};
use bowline_core::payload::Payload;
use bowline_device::{DocumentState, Notice, QuarantineReason};
use bowline_store::EntryState;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::Reason;
use bowline_wire::header::{EntryType, Part};
use bowline_wire::ids::{DeviceId, DocId, EntryId, HpkePublicKey, Millis};
use bowline_wire::limits::PART_LEN;
use bowline_wire::roster::record::{Record, Rekey};

use crate::author::{Author, message, payload_of, wrap_for};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, entries_on, take_keys};
use crate::sealing::noise;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const OTHER: DocId = DocId::from_bytes([0xd1; 16]);

/// Bytes of a message that takes four parts: three quarters of it are left when it is compressed, and each part is by itself.
const LARGE: usize = 2_500_000;

/// Another device of the same workspace, with everything that is on the log.
fn reader(owner: &mut Author, relay: &mut FakeRelay) -> Rig {
    let secret = owner.put_ticket(relay, false);
    let mut reader = Rig::new(5);
    reader.join(&code(relay, &secret));
    reader.sync(relay);
    reader.sync(relay);
    reader
}

fn heads(rig: &mut Rig, id: DocId) -> Vec<ChangeHash> {
    rig.device.show(id, rig.now).unwrap().heads
}

/// A message by somebody else in a payload of three parts, which are small on the way and large when they are opened.
fn in_parts(author: &mut Author, relay: &FakeRelay, doc: DocId) -> (String, Vec<Entry>) {
    let text = "all of it or nothing ".repeat(90_000);
    let entries = author.parts(relay, &message(author.id(), doc, &text));
    assert_eq!(entries.len(), 3);
    (text, entries)
}

/// A rig, the Owner, and another member who has written a message in parts.
fn with_member() -> (Rig, Author, Author, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    (rig, owner, other, relay)
}

fn put(relay: &mut FakeRelay, entries: &[Entry]) {
    for entry in entries {
        relay.put(entry.to_signed());
    }
}

fn aside(rig: &Rig) -> Vec<(EntryId, QuarantineReason)> {
    rig.status().quarantined.into_iter().map(|it| (it.entry, it.reason)).collect()
}

#[test]
fn a_line_of_four_mebibytes_that_does_not_compress_arrives_byte_for_byte() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut second = reader(&mut owner, &mut relay);
    let id = rig.conversation("images");
    rig.talk(&mut relay);
    let (before, after) = (r#"{"type":"message","id":"a","message":{"role":"user","content":""#, r#""}}"#);
    let line = format!("{before}{}{after}", noise(5 << 20).split_at((4 << 20) - 80).0);
    rig.device.append_line(id, &line, rig.now).unwrap();
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(entries_on(&relay, &owner, id).last().unwrap().header().part, Part { index: 5, count: 6 });
    second.sync(&mut relay);
    let shown = second.device.show(id, second.now).unwrap();
    assert!(shown.transcript.entries[0].raw == line);
    assert_eq!(heads(&mut second, id), heads(&mut rig, id));
    assert_eq!((second.status().incomplete, aside(&second).len()), (0, 0));
}

#[test]
fn a_conversation_of_six_mebibytes_is_shared_whole_and_goes_on_in_both_directions() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("long");
    for text in noise(6 << 20).as_bytes().chunks(1 << 20) {
        rig.say(id, std::str::from_utf8(text).unwrap());
    }
    rig.sync(&mut relay);
    let entries = entries_on(&relay, &owner, id);
    assert!(entries.len() > 6 && entries.iter().all(|it| it.header().entry_type == EntryType::Snapshot));
    let mut second = reader(&mut owner, &mut relay);
    assert!(second.texts(id) == rig.texts(id));
    second.say(id, "read all of it");
    second.talk(&mut relay);
    rig.sync(&mut relay);
    assert_eq!(rig.texts(id).last().unwrap(), "read all of it");
    assert_eq!(heads(&mut second, id), heads(&mut rig, id));
}

#[test]
fn nothing_is_shown_before_the_last_part_has_come() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let (text, entries) = in_parts(&mut other, &relay, DOC);
    for (came, entry) in (1..).zip(&entries[..2]) {
        relay.put(entry.to_signed());
        rig.sync(&mut relay);
        rig = rig.reopened();
        assert_eq!(rig.status().incomplete, came);
        assert!(rig.device.list(false).unwrap().is_empty());
        assert_eq!((rig.status().update_needed, aside(&rig).len()), (0, 0));
    }
    relay.put(entries[2].to_signed());
    rig.sync(&mut relay);
    assert_eq!(rig.status().incomplete, 0);
    assert_eq!(rig.device.list(false).unwrap().len(), 1, "listed before it is loaded");
    assert!(rig.texts(DOC) == [text.clone()]);
    assert!(rig.reopened().texts(DOC) == [text]);
}

#[test]
fn parts_that_come_in_one_frame_among_others_entries_are_one_payload() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    let (text, entries) = in_parts(&mut other, &relay, DOC);
    let before = relay.len();
    for entry in &entries {
        owner.put_message(&mut relay, OTHER, &format!("before part {}", entry.header().part.index));
        relay.put(entry.to_signed());
    }
    rig.receive(&relay.frame(before + 1, relay.len()));
    assert!(rig.texts(DOC) == [text]);
    assert_eq!(rig.texts(OTHER).len(), 3);
    assert_eq!(rig.status().incomplete, 0);
}

#[test]
fn what_ends_without_all_of_its_parts_waits_and_nothing_else_does() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    let (_, entries) = in_parts(&mut other, &relay, DOC);
    let header = entries[1].signed_header().to_signed();
    let bare = SignedEntry::from_parts(header, None);
    for entry in [entries[0].to_signed(), bare, entries[2].to_signed()] {
        relay.put(entry);
    }
    other.put_message(&mut relay, OTHER, "goes on");
    rig.sync(&mut relay);
    for _ in 0..2 {
        while rig.device.index_one(rig.now).unwrap() {}
        assert_eq!(aside(&rig), []);
        assert_eq!((rig.status().incomplete, rig.status().withheld.unwrap().entries), (2, 1));
        assert_eq!(rig.device.list(false).unwrap().len(), 1);
        assert_eq!(rig.texts(OTHER), ["goes on"]);
        rig = rig.reopened();
    }
    owner.put_message(&mut relay, OTHER, "and on");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(OTHER).len(), 2);
}

#[test]
fn parts_that_do_not_belong_together_are_put_aside_with_the_last() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let payload = message(other.id(), DOC, &"two documents ".repeat(90_000)).encode();
    let name = other.keyring.wire_doc(OTHER).unwrap();
    let entries = other.parts_with(&relay, payload.chunks(PART_LEN), DOC, |header| {
        if header.part.index == 0 {
            header.doc = name;
        }
    });
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    let last = entries.last().unwrap().id();
    assert_eq!(aside(&rig), [(last, QuarantineReason::Parts)]);
    let detail = rig.status().quarantined[0].detail.clone();
    assert_eq!(detail.as_deref(), Some("they are of several documents"));
    assert!(rig.notices.iter().any(|it| matches!(it, Notice::Quarantined { entry, .. } if *entry == last)));
    assert!(rig.device.list(false).unwrap().is_empty());
}

#[test]
fn a_payload_whose_author_goes_on_without_its_end_never_counts() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let (_, entries) = in_parts(&mut other, &relay, DOC);
    put(&mut relay, &entries[..2]);
    other.tips.insert(entries[1].header().chain(), (entries[1].header().seq, entries[1].id()));
    other.put_message(&mut relay, OTHER, "something else");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(OTHER), ["something else"]);
    assert_eq!((rig.status().incomplete, aside(&rig).len()), (2, 0));
    assert!(rig.try_texts(DOC).is_err());
}

#[test]
fn an_author_who_is_removed_between_two_parts_leaves_nothing_behind_on_any_device() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    let (_, entries) = in_parts(&mut other, &relay, DOC);
    put(&mut relay, &entries[..1]);
    owner.put_removal(&mut relay, &other, Vec::new());
    assert!(relay.check(&entries[1]).is_err(), "the rest is refused");
    // And one whose cut still allows another part, which comes after it.
    let mut third = Author::join(8, &owner.put_ticket(&mut relay, false), &mut relay);
    let (_, more) = in_parts(&mut third, &relay, OTHER);
    owner.put_removal(&mut relay, &third, Author::cut_at(&more[1]));
    relay.put_run(more[..2].to_vec());
    rig.sync(&mut relay);
    let mut second = reader(&mut owner, &mut relay);
    for rig in [&mut rig, &mut second] {
        rig.sync(&mut relay);
        while rig.device.index_one(rig.now).unwrap() {}
        assert_eq!((rig.status().incomplete, aside(rig).len()), (3, 0));
        assert!(rig.try_texts(DOC).is_err() && rig.try_texts(OTHER).is_err());
        rig.conversation("goes on");
        rig.talk(&mut relay);
        assert_eq!(rig.status().offered, 0);
    }
}

#[test]
fn a_process_that_ends_halfway_sends_only_the_rest() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("large");
    rig.say(id, &noise(LARGE));
    // Challenge, welcome, then an answer and the log for each part.
    rig.try_sync_until(&mut relay, 5).unwrap();
    let on_relay: Vec<EntryId> = entries_on(&relay, &owner, id).iter().map(Entry::id).collect();
    let mut rig = rig.reopened();
    // What the line had been given when it was cut is on the relay as well; leave it only the first two.
    let kept = relay.len() - on_relay.len() as u64 + 2;
    let mut relay = relay.rolled_back(kept);
    rig.sync(&mut relay);
    let sent: Vec<EntryId> = rig.appended().iter().map(Entry::id).collect();
    assert_eq!(sent, on_relay[2..], "the same entries, and not the first two");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let mut second = reader(&mut owner, &mut relay);
    assert_eq!(heads(&mut second, id), heads(&mut rig, id));
}

#[test]
fn a_process_that_ends_while_storing_them_has_made_none() {
    let (mut rig, owner, mut relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("large");
    rig.say(id, &noise(LARGE));
    rig.device.handle_connected(rig.workspace(), None, rig.now).unwrap();
    rig.receive(&FakeRelay::challenge());
    rig.commits.refuse(1);
    assert!(rig.try_receive(&relay.welcome()).is_err());
    let mut rig = rig.reopened();
    assert!(rig.device.store().read().offered(rig.workspace()).unwrap().is_empty());
    rig.sync(&mut relay);
    assert_eq!(entries_on(&relay, &owner, id).len(), 4);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn a_payload_that_is_refused_for_good_in_the_middle_is_sealed_again_as_a_whole() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut second = reader(&mut owner, &mut relay);
    let id = rig.conversation("large");
    rig.talk(&mut relay);
    rig.say(id, &noise(LARGE));
    rig.take_sent();
    let sent = rig.appended();
    let parts = &sent[sent.len() - 4..];
    relay.put(parts[0].to_signed());
    rig.receive(&relay.frame(relay.len(), relay.len()));
    rig.receive(&FakeRelay::refused(parts[1].id(), Reason::WrongEpoch, None));
    assert_eq!(rig.status().refused, 3, "what comes after it can never follow anything");
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    second.sync(&mut relay);
    assert!(second.texts(id) == rig.texts(id));
    assert_eq!(heads(&mut second, id), heads(&mut rig, id));
    assert_eq!(second.status().incomplete, 1, "the one that came before it was refused");
    assert_eq!(aside(&second).len(), 0);
}

#[test]
fn a_rekey_between_two_parts_does_not_come_between_them() {
    let (mut rig, mut owner, other, mut relay) = with_member();
    rig.disconnect();
    let id = rig.conversation("large");
    rig.say(id, &noise(LARGE));
    rig.sync_without_answers(&relay);
    for part in &rig.appended()[..2] {
        relay.put(part.to_signed());
    }
    owner.put_removal(&mut relay, &other, Vec::new());
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(rig.status().refused, 0);
    let epochs: Vec<_> = entries_on(&relay, &owner, id).iter().map(|it| it.header().epoch).collect();
    let [first, rest @ ..] = &epochs[..] else { panic!("nothing of it") };
    assert!(rest.len() == 3 && rest.iter().all(|epoch| epoch == first), "what was offered is final");
    assert_ne!(Some(*first), relay.log().roster().epoch());
    let mut second = reader(&mut owner, &mut relay);
    assert!(second.texts(id) == rig.texts(id));
}

#[test]
fn a_part_whose_key_comes_later_is_read_then() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    // A rekey that gives this device nothing it can use.
    let leaver = Author::join(8, &owner.put_ticket(&mut relay, false), &mut relay);
    let damaged = damaged_rekey(&mut owner, &relay, &leaver, rig.device.id());
    let record = Record::RemoveMember { user: leaver.user(), cut: Vec::new(), rekey: damaged.clone() };
    owner.put_record(&mut relay, &record);
    for author in [&mut owner, &mut other] {
        author.accept(&relay, &damaged);
    }
    let (text, entries) = in_parts(&mut other, &relay, DOC);
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    assert_eq!(aside(&rig), [(entries[2].id(), QuarantineReason::NoKey)]);
    assert_eq!(rig.status().incomplete, 2);
    // The next one brings the keys of before along, that of the epoch too which this device has begun meanwhile without them.
    take_keys(&mut owner, None, &relay);
    let last = Author::join(9, &owner.put_ticket(&mut relay, false), &mut relay);
    owner.put_removal(&mut relay, &last, Vec::new());
    rig.sync(&mut relay);
    assert_eq!((aside(&rig).len(), rig.status().incomplete), (0, 0));
    assert!(rig.texts(DOC) == [text]);
}

/// A rekey for everyone but `leaver`, with the wrap to `spoilt` damaged.
fn damaged_rekey(author: &mut Author, relay: &FakeRelay, leaver: &Author, spoilt: DeviceId) -> Rekey {
    let roster = relay.log().roster();
    let stay = roster.devices().filter(|(id, device)| device.is_active() && **id != leaver.id());
    let recipients: Vec<HpkePublicKey> = stay.map(|(_, device)| device.hpke.clone()).collect();
    let spoilt = roster.device(&spoilt).unwrap().hpke.clone();
    let mut rekey = author.rekey(&recipients);
    wrap_for(&mut rekey, &recipients, &spoilt).ciphertext[0] ^= 1;
    rekey
}

fn write(rig: &Rig, sql: &str) {
    let changed = rig.device.store().connection().execute(sql, ()).unwrap();
    assert!(changed > 0, "{sql}");
}

#[test]
fn what_an_older_version_kept_as_parts_is_read_after_an_update() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let (text, entries) = in_parts(&mut other, &relay, DOC);
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    // As a version would leave it that does not know parts.
    write(&rig, "UPDATE entry SET state = 4, doc = NULL, applied = 0 WHERE lane = 1");
    write(&rig, "DELETE FROM doc");
    write(&rig, "DELETE FROM meta WHERE key = 'version'");
    let mut rig = rig.reopened();
    assert_eq!((rig.status().update_needed, rig.status().incomplete), (0, 0));
    assert!(rig.texts(DOC) == [text]);
}

#[test]
fn a_document_is_made_anew_from_its_parts() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("large");
    rig.say(id, &noise(LARGE));
    rig.talk(&mut relay);
    let second = reader(&mut owner, &mut relay);
    for mut rig in [rig, second] {
        let texts = rig.texts(id);
        let mut rig = rig.reopened();
        assert!(rig.texts(id) == texts);
        rig.say(id, "more");
        rig.talk(&mut relay);
        write(&rig, "INSERT OR REPLACE INTO base (doc, bytes) SELECT n, x'00' FROM doc");
        let changes = "DELETE FROM change WHERE entry IS NOT NULL";
        rig.device.store().connection().execute(changes, ()).unwrap();
        let mut rig = rig.reopened();
        assert!(rig.texts(id).len() == texts.len() + 1 && rig.texts(id)[0] == texts[0]);
    }
}

#[test]
fn a_part_that_was_damaged_on_the_disk_takes_its_payload_along_and_nothing_else() {
    let (mut rig, mut owner, mut other, mut relay) = with_member();
    let (_, entries) = in_parts(&mut other, &relay, DOC);
    owner.put_message(&mut relay, DOC, "stays whole");
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    let at = relay.len() - 1;
    let of_it = format!("(SELECT n FROM entry WHERE pos = {at})");
    write(&rig, &format!("UPDATE body SET bytes = zeroblob(length(bytes)) WHERE entry = {of_it}"));
    assert_eq!(rig.texts(DOC), ["stays whole"]);
    assert_eq!(aside(&rig).into_iter().map(|it| it.0).collect::<Vec<_>>(), [entries[2].id()]);
}

#[test]
fn crashes_over_a_payload_in_parts_are_counted_against_its_last() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let (_, entries) = in_parts(&mut other, &relay, DOC);
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    for _ in 0..3 {
        let sql = "INSERT OR REPLACE INTO attempt (entry, in_flight, crashes)
                   SELECT n, 1, coalesce((SELECT crashes FROM attempt WHERE entry = n), 0)
                   FROM entry WHERE doc IS NOT NULL";
        write(&rig, sql);
        rig = rig.reopened();
    }
    assert!(rig.texts(DOC).is_empty());
    assert_eq!(aside(&rig).into_iter().map(|it| it.0).collect::<Vec<_>>(), [entries[2].id()]);
}

#[test]
fn a_restored_database_takes_in_what_it_wrote_in_parts_since() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("before the copy");
    rig.talk(&mut relay);
    let mut restored = rig.copied();
    rig.say(id, &noise(LARGE));
    // Half of it is on the relay when the copy is put in place.
    rig.take_sent();
    let sent = rig.appended();
    let parts = &sent[sent.len() - 4..];
    relay.put(parts[0].to_signed());
    relay.put(parts[1].to_signed());
    restored.say(id, "in the copy");
    restored.sync(&mut relay);
    assert!(restored.notices.iter().any(|notice| matches!(notice, Notice::OtherLife(_))));
    assert_eq!(restored.texts(id), ["in the copy"]);
    // The other copy was at work after all.
    rig.disconnect();
    rig.sync(&mut relay);
    restored.sync(&mut relay);
    assert_eq!((restored.status().incomplete, aside(&restored).len()), (0, 0));
    assert_eq!(restored.texts(id).len(), 2);
    assert_eq!(heads(&mut restored, id), heads(&mut rig, id));
}

#[test]
fn an_entry_of_ours_in_parts_that_was_refused_and_comes_back_stops_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("refused and there after all");
    rig.talk(&mut relay);
    rig.say(id, &noise(LARGE));
    rig.take_sent();
    let sent = rig.appended();
    let parts = sent[sent.len() - 4..].to_vec();
    rig.receive(&FakeRelay::refused(parts[0].id(), Reason::Malformed, None));
    rig.disconnect();
    for part in &parts {
        relay.put(part.to_signed());
    }
    owner.put_message(&mut relay, OTHER, "still counts");
    rig.sync(&mut relay);
    assert_eq!(rig.texts(OTHER), ["still counts"]);
    assert_eq!(rig.texts(id).len(), 1);
    assert_eq!((aside(&rig).len(), rig.status().refused, rig.status().incomplete), (0, 0, 0));
    let mut second = reader(&mut owner, &mut relay);
    assert_eq!(heads(&mut second, id), heads(&mut rig, id));
}

#[test]
fn a_document_of_another_kind_or_a_newer_one_in_parts_is_kept_as_such() {
    let (mut rig, _, mut other, mut relay) = with_member();
    other.put_message(&mut relay, OTHER, "a conversation");
    let text = "x ".repeat(900_000);
    let newer = Payload { kind: 77, ..message(other.id(), DOC, &text) };
    let wrong = Payload { kind: Kind::Profile.number(), ..message(other.id(), OTHER, &text) };
    let (newer, wrong) = (other.parts(&relay, &newer), other.parts(&relay, &wrong));
    put(&mut relay, &newer);
    put(&mut relay, &wrong);
    rig.sync(&mut relay);
    assert_eq!((rig.status().update_needed, rig.status().incomplete), (1, 0));
    assert_eq!(aside(&rig).into_iter().map(|it| it.0).collect::<Vec<_>>(), [wrong.last().unwrap().id()]);
    let row = rig.device.store().read().entry_by_id(rig.workspace(), newer.last().unwrap().id());
    assert_eq!(row.unwrap().unwrap().state, EntryState::UpdateNeeded);
}

#[test]
fn who_wrote_in_parts_was_heard_of_when_the_log_says_so() {
    let (mut rig, _, mut other, mut relay) = with_member();
    let mut document = Document::create(Kind::Conversation);
    let pen = Pen { actor: ActorId::for_device(other.id(), [1; 8]), now: Millis(1_000) };
    let (id, at) = (MessageId::from_bytes([1; 4]), Millis(1_000));
    let text = "heard ".repeat(300_000);
    let bytes = document.conversation_mut(pen).unwrap().append_message(id, Role::User, &text, at).unwrap();
    // Whoever writes claims any time; the log has its own.
    let payload = Payload { time: Millis(99_000), ..payload_of(&document, DOC, bytes.unwrap()) };
    let entries = other.parts(&relay, &payload);
    relay.clock = Millis(77_000);
    put(&mut relay, &entries);
    rig.sync(&mut relay);
    let member = rig.status().members.into_iter().find(|member| member.device == other.id()).unwrap();
    assert_eq!(member.heard, Some(Millis(77_000)));
}
