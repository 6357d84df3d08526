//! Damaged rows, hostile sizes: what is bad stays apart, and everything else goes on.

use bowline_core::document::{ActorId, Document, Kind, Pen};
use bowline_device::{DocumentState, Notice, QuarantineReason};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, Millis};

use crate::author::{Author, payload_of};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code};

const DOC: DocId = DocId::from_bytes([0xd0; 16]);

fn write(rig: &Rig, sql: &str) {
    let changed = rig.device.store().connection().execute(sql, ()).unwrap();
    assert!(changed > 0, "{sql}");
}

#[test]
fn a_damaged_workspace_keeps_nobody_from_the_documents_on_this_device() {
    for damage in [
        "UPDATE state SET value = x'00' WHERE name = 'keyring'",
        "UPDATE workspace SET head = x'00'",
        "UPDATE chain SET tip = x'00'",
        "UPDATE entry SET signature = zeroblob(64)",
    ] {
        let (mut rig, _, _) = Rig::member();
        rig.device.use_workspace(None).unwrap();
        let id = rig.conversation("on this device");
        rig.say(id, "one");
        write(&rig, damage);
        let mut rig = rig.reopened();
        assert!(matches!(rig.device.poll_notice(), Some(Notice::Damaged(_))), "{damage}");
        rig.say(id, "two");
        assert_eq!(rig.texts(id), ["one", "two"], "{damage}");
        assert!(rig.device.status(rig.workspace()).is_err(), "{damage}: nothing of it is believed");
    }
}

#[test]
fn a_damaged_base_is_made_anew() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    owner.put_message(&mut relay, DOC, "theirs");
    rig.sync(&mut relay);
    rig.say(DOC, "ours");
    rig.talk(&mut relay);
    assert_eq!(rig.texts(DOC).len(), 2);
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(DOC).len(), 2);
    write(&rig, "UPDATE base SET bytes = x'00'");
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(DOC), ["theirs", "ours"]);
}

#[test]
fn an_entry_that_was_damaged_on_the_disk_is_put_aside_and_the_rest_is_shown() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let bad = owner.put_message(&mut relay, DOC, "will be damaged");
    owner.put_message(&mut relay, DOC, "stays whole");
    rig.sync(&mut relay);
    let row = rig.device.store().read().entry_by_id(rig.workspace(), bad.id()).unwrap().unwrap();
    let n = relay.len() - 1;
    write(
        &rig,
        &format!(
            "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE entry = (SELECT n FROM entry WHERE pos = {n})"
        ),
    );
    assert_eq!(rig.texts(DOC), ["stays whole"]);
    let aside = rig.status().quarantined;
    assert_eq!(aside.len(), 1);
    assert_eq!((aside[0].entry, row.id), (bad.id(), bad.id()));
    assert_eq!(aside[0].reason, QuarantineReason::Damaged);
}

/// Bytes of one message; five of them are more than any one payload may hold.
const LARGE: usize = 3_900_000;

#[test]
fn a_document_larger_than_any_payload_is_read_again_after_a_restart() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    for letter in ["a", "b", "c", "d", "e"] {
        owner.put_message(&mut relay, DOC, &letter.repeat(LARGE));
    }
    rig.sync(&mut relay);
    assert_eq!(rig.texts(DOC).len(), 5);
    let mut rig = rig.reopened();
    rig.say(DOC, "ours");
    assert_eq!(rig.texts(DOC).len(), 6);
    let base = rig.device.store().connection().query_row("SELECT count(*) FROM base", (), |row| row.get(0));
    assert_eq!(base, Ok(1));
}

/// One entry by `other` with so many changes that know nothing of each other.
fn put_many_heads(other: &mut Author, relay: &mut FakeRelay, heads: u64) {
    let mut bytes = Vec::new();
    for actor in 0..heads {
        let mut document = Document::create(Kind::Conversation);
        let pen = Pen { actor: ActorId::for_device(other.id(), actor.to_be_bytes()), now: Millis(1_000) };
        let mut view = document.conversation_mut(pen).unwrap();
        bytes.extend(view.set_title(Some("x")).unwrap().unwrap());
    }
    let payload = payload_of(&Document::create(Kind::Conversation), DOC, bytes);
    let entry = other.content(relay, &payload);
    relay.put(entry.to_signed());
}

#[test]
fn a_member_with_heads_without_end_keeps_nobody_from_being_read() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    owner.put_message(&mut relay, DOC, "first");
    rig.sync(&mut relay);
    rig.say(DOC, "on its way");
    rig.say(DOC, "waits for it");
    let on_its_way = rig.take_sent();
    put_many_heads(&mut other, &mut relay, 4200);
    rig.receive(&relay.frame(relay.len(), relay.len()));
    assert!(rig.device.show(DOC, rig.now).unwrap().heads.len() > 4096);
    for answer in on_its_way.into_iter().flat_map(|frame| relay.answer(frame)).collect::<Vec<_>>() {
        rig.receive(&answer);
    }
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(DOC).unwrap(), DocumentState::OnRelay);
    let mut reader = Rig::new(5);
    let secret = owner.put_ticket(&mut relay, false);
    reader.join(&code(&relay, &secret));
    reader.sync(&mut relay);
    reader.sync(&mut relay);
    assert_eq!(reader.texts(DOC), ["first", "on its way", "waits for it"]);
    assert!(reader.status().quarantined.is_empty());
}

#[test]
fn a_host_that_never_asks_is_not_drowned_in_notices() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let (mut stranger, _) = Author::owner(50);
    stranger.incarnation = bowline_wire::ids::Incarnation::from_bytes([0x33; 8]);
    let workspace = rig.workspace();
    for _ in 0..1100 {
        let bad =
            stranger.plain(&relay, EntryType::Witness, Vec::new(), |header| header.workspace = workspace);
        relay.put(bad.to_signed());
    }
    owner.put_message(&mut relay, DOC, "still counts");
    rig.device.handle_connected(workspace, None, rig.now).unwrap();
    while let Some(bytes) = rig.device.poll_transmit(workspace) {
        for answer in relay.answer(bowline_wire::codec::decode(&bytes).unwrap()) {
            rig.device.handle_frame(workspace, &bowline_wire::codec::encode(&answer), rig.now).unwrap();
        }
    }
    assert_eq!(rig.status().quarantined.len(), 1100);
    assert_eq!(rig.texts(DOC), ["still counts"]);
    let mut notices = 0;
    while rig.device.poll_notice().is_some() {
        notices += 1;
    }
    assert_eq!(notices, 1024);
}

#[test]
fn looking_at_everything_once_comes_to_an_end_and_lists_are_right_then() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    for number in 0..5 {
        owner.put_message(&mut relay, DocId::from_bytes([number; 16]), "text");
    }
    // Builds on a change that never comes.
    let mut document = Document::create(Kind::Conversation);
    let pen = Pen { actor: ActorId::for_device(owner.id(), [0x77; 8]), now: Millis(1_000) };
    document.conversation_mut(pen).unwrap().set_title(Some("withheld")).unwrap();
    let bytes = document.conversation_mut(pen).unwrap().set_title(Some("later")).unwrap().unwrap();
    let waits = owner.content(&relay, &payload_of(&document, DOC, bytes));
    relay.put(waits.to_signed());
    rig.sync(&mut relay);
    for _ in 0..2 {
        let mut looked = 0;
        while rig.device.index_one(rig.now).unwrap() {
            looked += 1;
            assert!(looked < 20);
        }
        let texts = rig.device.list(false).unwrap().into_iter().filter(|listed| listed.preview == "text");
        assert_eq!(texts.count(), 5);
        rig = rig.reopened();
    }
    assert!(rig.status().quarantined.is_empty(), "it may yet come");
}

#[test]
fn what_waits_in_a_damaged_workspace_is_there_when_it_is_mended() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    owner.put_message(&mut relay, DOC, "waits");
    rig.sync(&mut relay);
    let connection = rig.device.store().connection();
    let sql = "SELECT hex(value) FROM state WHERE name = 'keyring'";
    let keyring: String = connection.query_row(sql, (), |row| row.get(0)).unwrap();
    write(&rig, "UPDATE state SET value = x'00' WHERE name = 'keyring'");
    let mut rig = rig.reopened();
    while rig.device.index_one(rig.now).unwrap() {}
    write(&rig, &format!("UPDATE state SET value = x'{keyring}' WHERE name = 'keyring'"));
    let mut rig = rig.reopened();
    assert!(rig.status().quarantined.is_empty());
    assert_eq!(rig.texts(DOC), ["waits"]);
}
