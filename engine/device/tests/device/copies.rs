//! Copies of the database of a device that is joining, on their databases: whichever joins, all of them read everything.

use bowline_core::payload::Payload;
use bowline_device::{DocumentState, Notice, QuarantineReason};
use bowline_wire::ids::{DocId, HpkePublicKey};
use bowline_wire::roster::Role;
use bowline_wire::roster::record::{Record, Rekey};

use crate::author::{Author, message, wrap_for};
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, linked, take_keys};

/// What the Owner writes under one epoch after the other.
fn doc(n: u8) -> DocId {
    DocId::from_bytes([n; 16])
}

/// Somebody comes and leaves again, the Owner begins an epoch for everyone else, and writes under it.
fn begin_epoch(
    owner: &mut Author,
    relay: &mut FakeRelay,
    n: u8,
    spoil: impl FnOnce(&mut Rekey, &[HpkePublicKey]),
) {
    leave(owner, relay, n);
    let rekey = put_rekey(owner, relay, spoil);
    owner.accept(relay, &rekey);
    owner.put_message(relay, doc(n), &format!("under key {n}"));
}

/// Somebody comes and leaves again, and another one than the Owner begins an epoch.
fn begin_epoch_by(
    by: &mut Author,
    owner: &mut Author,
    relay: &mut FakeRelay,
    n: u8,
    spoil: impl FnOnce(&mut Rekey, &[HpkePublicKey]),
) {
    leave(owner, relay, n);
    put_rekey(by, relay, spoil);
}

fn leave(owner: &mut Author, relay: &mut FakeRelay, n: u8) {
    let mut leaver = Author::join(100 + n, &owner.put_ticket(relay, false), relay);
    leaver.put_record(relay, &Record::Leave { whole_user: true, cut: Vec::new() });
}

fn put_rekey(
    by: &mut Author,
    relay: &mut FakeRelay,
    spoil: impl FnOnce(&mut Rekey, &[HpkePublicKey]),
) -> Rekey {
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let mut rekey = by.rekey(&recipients);
    spoil(&mut rekey, &recipients);
    by.put_record(relay, &Record::Rekey(rekey.clone()));
    rekey
}

fn honestly(_: &mut Rekey, _: &[HpkePublicKey]) {}

/// The device is in, reads what was written under these keys, and was never told that something is put aside.
fn assert_reads(rig: &mut Rig, keys: &[u8], what: &str) {
    assert!(rig.status().member && rig.status().waiting_for.is_none(), "{what}: {:?}", rig.status());
    assert!(rig.status().quarantined.is_empty(), "{what}: {:?}", rig.status().quarantined);
    let is_bad = |it: &Notice| matches!(it, Notice::Quarantined { .. } | Notice::JoinFailed(..));
    assert!(!rig.notices.iter().any(is_bad), "{what}: {:?}", rig.notices);
    let listed = rig.device.list(false).unwrap();
    for n in keys {
        assert!(
            listed.iter().any(|it| it.id == doc(*n) && it.count == 1),
            "{what}: lists need no look at it"
        );
        assert_eq!(rig.texts(doc(*n)), [format!("under key {n}")], "{what}");
    }
    let owner = rig.status().members.into_iter().find(|member| member.role == Some(Role::Owner)).unwrap();
    assert!(owner.heard.is_some(), "{what}: who wrote was heard of");
    let read = |name| rig.device.store().read().state(rig.workspace(), name).unwrap().is_some();
    assert!(!read("ticket") && !read("pins") && read("keyring"), "{what}: secrets that have done their work");
}

/// The newcomer has had so many whole connections, and so many answers on the one after them, when its database is copied.
/// Epochs begin where `rekeys` says: after the code was made, after the copy, after the newcomer is in.
fn copy_while_joining(connections: usize, answers: usize, rekeys: [bool; 3], copy_first: bool) {
    let what =
        format!("{connections} connections and {answers} answers, {rekeys:?}, copy first: {copy_first}");
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, doc(1), "under key 1");
    let secret = owner.put_ticket(&mut relay, false);
    let mut keys = vec![1];
    let mut rekey = |at: usize, relay: &mut FakeRelay| {
        if rekeys[at] {
            keys.push(u8::try_from(at).unwrap() + 2);
            begin_epoch(&mut owner, relay, u8::try_from(at).unwrap() + 2, honestly);
        }
    };
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &secret));
    rekey(0, &mut relay);
    for _ in 0..connections {
        rig.sync(&mut relay);
    }
    rig.try_sync_until(&mut relay, answers).unwrap();
    rig.disconnect();
    let mut copies = [rig.copied(), rig];
    if !copy_first {
        copies.reverse();
    }
    let [mut first, mut second] = copies;
    rekey(1, &mut relay);
    for _ in 0..3 {
        first.sync(&mut relay);
    }
    rekey(2, &mut relay);
    first.talk(&mut relay);
    for _ in 0..3 {
        second.sync(&mut relay);
    }
    first.sync(&mut relay);
    for rig in [&mut first, &mut second] {
        assert_reads(rig, &keys, &what);
    }
    assert!(relay.log().roster().is_active(&second.device.id()), "{what}");
    second.say(doc(1), "by the second");
    second.talk(&mut relay);
    assert_eq!(second.device.document_state(doc(1)).unwrap(), DocumentState::OnRelay, "{what}");
    first.sync(&mut relay);
    assert_eq!(first.texts(doc(1)), ["under key 1", "by the second"], "{what}");
    let mut second = second.reopened();
    second.sync(&mut relay);
    assert_eq!(second.texts(doc(1)), ["under key 1", "by the second"], "{what}");
}

#[test]
fn a_copy_made_at_any_moment_of_joining_reads_everything() {
    let moments = (0..=4).map(|answers| (0, answers)).chain((0..=3).map(|answers| (1, answers)));
    for (connections, answers) in moments {
        for rekeys in 0..8 {
            let rekeys = [0, 1, 2].map(|at| rekeys & (1 << at) != 0);
            for copy_first in [false, true] {
                copy_while_joining(connections, answers, rekeys, copy_first);
            }
        }
    }
}

/// A device that is in, and a copy of its database from before it had any code.
fn restored_to_before_the_join() -> (Rig, Rig, Author, FakeRelay, bowline_device::Code) {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, doc(1), "under key 1");
    let secret = owner.put_ticket(&mut relay, false);
    let code = code(&relay, &secret);
    let mut rig = Rig::new(2);
    let restored = rig.copied();
    rig.join(&code);
    begin_epoch(&mut owner, &mut relay, 2, honestly);
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    (rig, restored, owner, relay, code)
}

#[test]
fn a_database_from_before_the_join_comes_in_by_the_code_that_it_has_used() {
    for rekeyed in [false, true] {
        let (_, mut restored, mut owner, mut relay, code) = restored_to_before_the_join();
        let mut keys = vec![1, 2];
        if rekeyed {
            begin_epoch(&mut owner, &mut relay, 3, honestly);
            keys.push(3);
        }
        restored.join(&code);
        restored.sync(&mut relay);
        restored.sync(&mut relay);
        assert_reads(&mut restored, &keys, &format!("rekeyed: {rekeyed}"));
    }
}

#[test]
fn a_database_from_before_the_join_comes_in_by_a_new_code() {
    for rekeyed in [false, true] {
        let (_, mut restored, mut owner, mut relay, _) = restored_to_before_the_join();
        let mut keys = vec![1, 2];
        let secret = owner.put_ticket(&mut relay, false);
        restored.join(&code(&relay, &secret));
        if rekeyed {
            begin_epoch(&mut owner, &mut relay, 3, honestly);
            keys.push(3);
        }
        restored.sync(&mut relay);
        assert!(restored.notices.contains(&Notice::Joined(restored.workspace())), "it is in already");
        restored.sync(&mut relay);
        assert_reads(&mut restored, &keys, &format!("rekeyed: {rekeyed}"));
        assert_eq!(relay.log().roster().ticket(&secret.ticket_key()).map(|ticket| ticket.stage), {
            Some(bowline_wire::roster::TicketStage::Open)
        });
    }
}

#[test]
fn a_crash_at_any_commit_of_coming_in_without_a_join_ends_with_the_device_in() {
    let mut nth = 1;
    loop {
        let (_, mut restored, _, mut relay, code) = restored_to_before_the_join();
        restored.join(&code);
        restored.commits.refuse(nth);
        let mut crashed = false;
        for _ in 0..4 {
            if restored.try_sync(&mut relay).is_err() {
                crashed = true;
                restored = restored.reopened();
            }
        }
        restored.commits.refuse(0);
        assert_reads(&mut restored, &[1, 2], &format!("crash at {nth}"));
        if !crashed {
            break;
        }
        nth += 1;
    }
    assert!(nth > 2, "{nth} commits are too few to be true");
}

#[test]
fn the_log_may_come_in_any_pieces_before_the_keys_are_found() {
    let (_, mut restored, mut owner, mut relay, _) = restored_to_before_the_join();
    let secret = owner.put_ticket(&mut relay, false);
    restored.join(&code(&relay, &secret));
    restored.sync(&mut relay);
    restored.connect(&relay);
    restored.notices.clear();
    for at in 1..=relay.len() {
        restored.receive(&relay.frame(at, at));
        if at == relay.len() / 2 {
            restored = restored.reopened();
            restored.connect(&relay);
        }
    }
    restored.talk(&mut relay);
    restored.notices.clear();
    assert_reads(&mut restored, &[1, 2], "one entry at a time");
}

#[test]
fn parts_that_came_before_the_keys_take_effect_with_them() {
    let (_, mut restored, mut owner, mut relay, _) = restored_to_before_the_join();
    let text = "all of it or nothing ".repeat(90_000);
    let parts = owner.parts(&relay, &message(owner.id(), doc(9), &text));
    assert!(parts.len() > 2);
    let between = parts.len() - 1;
    for part in &parts[..between] {
        relay.put(part.to_signed());
    }
    let secret = owner.put_ticket(&mut relay, false);
    relay.put(parts[between].to_signed());
    restored.join(&code(&relay, &secret));
    restored.sync(&mut relay);
    restored.connect(&relay);
    let first = relay.len() - 2;
    for (from, to) in [(1, first), (first + 1, relay.len() - 1), (relay.len(), relay.len())] {
        restored.receive(&relay.frame(from, to));
    }
    // Before the keys came, it was told that these are put aside.
    restored.notices.clear();
    assert_reads(&mut restored, &[1, 2], "in parts");
    assert_eq!(restored.status().incomplete, 0);
    assert!(restored.texts(doc(9)) == [text]);
}

/// A device to which nobody has wrapped a key usably, and something written under that key. It has begun another epoch by now.
fn without_a_key(payload: impl FnOnce(&Author) -> Payload) -> (Rig, Author, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mine = relay.log().roster().device(&rig.device.id()).unwrap().hpke.clone();
    begin_epoch(&mut owner, &mut relay, 2, |rekey, recipients| {
        wrap_for(rekey, recipients, &mine).ciphertext[0] ^= 1;
    });
    let payload = payload(&owner);
    let entry = owner.content(&relay, &payload);
    relay.put(entry.to_signed());
    rig.sync(&mut relay);
    assert_eq!(aside(&rig), [QuarantineReason::NoKey, QuarantineReason::NoKey]);
    assert_eq!(rig.status().waiting_for, None);
    take_keys(&mut owner, None, &relay);
    (rig, owner, relay)
}

fn aside(rig: &Rig) -> Vec<QuarantineReason> {
    rig.status().quarantined.into_iter().map(|it| it.reason).collect()
}

#[test]
fn what_was_kept_for_an_update_and_then_wants_a_key_is_read_once_the_key_is_here() {
    let (rig, mut owner, mut relay) = without_a_key(|owner| message(owner.id(), doc(5), "x"));
    // As a version would leave it that does not know the type of these entries.
    let sql = [
        "UPDATE entry SET state = 4, reason = NULL WHERE state = 2",
        "DELETE FROM meta WHERE key = 'version'",
    ];
    for sql in sql {
        assert!(rig.device.store().connection().execute(sql, ()).unwrap() > 0);
    }
    let mut rig = rig.reopened();
    assert_eq!(rig.status().update_needed, 0, "this version knows it, and lacks the key");
    assert_eq!(aside(&rig), [QuarantineReason::NoKey, QuarantineReason::NoKey]);
    begin_epoch(&mut owner, &mut relay, 3, honestly);
    rig.sync(&mut relay);
    assert!(aside(&rig).is_empty());
    assert_eq!(
        (rig.texts(doc(2)), rig.texts(doc(5))),
        (vec!["under key 2".to_owned()], vec!["x".to_owned()])
    );
}

#[test]
fn whoever_is_to_be_let_in_while_the_key_in_force_is_missing_waits_for_it() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut own = linked(&mut rig, &mut relay, 8);
    let mine = relay.log().roster().device(&rig.device.id()).unwrap().hpke.clone();
    // By a device of the same user, so that this one may not begin another by itself.
    begin_epoch_by(&mut own, &mut owner, &mut relay, 2, |rekey, recipients| {
        wrap_for(rekey, recipients, &mine).ciphertext[0] ^= 1;
    });
    take_keys(&mut owner, None, &relay);
    rig.sync(&mut relay);
    let workspace = rig.workspace();
    let ticket = rig.device.link_device(workspace, rig.now).unwrap();
    rig.sync(&mut relay);
    assert!(rig.device.code(workspace, ticket).unwrap().is_none());
    assert_eq!(rig.status().undecided, 1, "it is neither made nor given up: {:?}", rig.notices);
    begin_epoch(&mut owner, &mut relay, 3, honestly);
    rig.sync(&mut relay);
    assert!(rig.device.code(workspace, ticket).unwrap().is_some());
}

#[test]
fn what_needs_an_update_says_so_once_its_key_is_here() {
    let (mut rig, mut owner, mut relay) =
        without_a_key(|owner| Payload { kind: 77, ..message(owner.id(), doc(5), "x") });
    begin_epoch(&mut owner, &mut relay, 3, honestly);
    rig.sync(&mut relay);
    assert_eq!((aside(&rig).len(), rig.status().update_needed), (0, 1));
}

#[test]
fn what_its_author_sealed_wrongly_says_so_once_its_key_is_here() {
    let (mut rig, mut owner, mut relay) = without_a_key(|owner| message(owner.id(), doc(5), "x"));
    let name = owner.keyring.wire_doc(doc(6)).unwrap();
    let payload = message(owner.id(), doc(7), "x").encode();
    let entry = owner.content_with(&relay, &payload, doc(7), |header| header.doc = name);
    relay.put(entry.to_signed());
    rig.sync(&mut relay);
    assert_eq!(aside(&rig).len(), 3);
    begin_epoch(&mut owner, &mut relay, 3, honestly);
    rig.sync(&mut relay);
    assert_eq!(aside(&rig), [QuarantineReason::OtherDocument]);
}
