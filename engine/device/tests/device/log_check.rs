//! The stored log is checked offline: what is whole verifies by the very rules by which it came in, and what is not is named with its place.

use bowline_device::{Checked, Fault, LogFault};
use bowline_wire::entry::EntryError;
use bowline_wire::ids::{DocId, EntryId, Position};
use bowline_wire::log::Refusal;
use bowline_wire::roster::record::Record;
use bowline_wire::signed::VerifyError;

use crate::author::{Author, keyring_for};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);

fn check(rig: &Rig) -> Checked {
    let mut check = rig.device.stored_log(rig.workspace()).check().unwrap().unwrap();
    while check.step().unwrap() {}
    check.end().unwrap()
}

/// The position of what was put aside in [`eventful`].
const ASIDE: u64 = 8;

/// A log with people who came and went, a run that a removal let through, and an entry that may not stand there.
fn eventful() -> (Rig, Author, FakeRelay) {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut bens = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    bens.put_message(&mut relay, DOC, "before");
    let secret = owner.put_ticket(&mut relay, false);
    let mut stranger = Author::join(8, &secret, &mut relay.rolled_back(relay.len()));
    stranger.keyring = keyring_for(&secret, &relay);
    stranger.put_message(&mut relay, DOC, "by nobody");
    owner.put_record(&mut relay, &Record::CloseInvite(secret.ticket_key()));
    let late: Vec<_> = ["two", "three"]
        .map(|text| bens.content(&relay, &crate::author::message(bens.id(), DOC, text)))
        .into();
    let cut = Author::cut_at(late.last().unwrap());
    owner.put_removal(&mut relay, &bens, cut);
    relay.put_run(late);
    rig.sync(&mut relay);
    rig.conversation("ours");
    rig.talk(&mut relay);
    rig.disconnect();
    (rig, owner, relay)
}

#[test]
fn a_log_with_all_that_may_happen_in_it_verifies_from_end_to_end() {
    let (rig, _, relay) = eventful();
    let checked = check(&rig);
    assert_eq!(checked.faults, []);
    let (first, last) = (Position(1), Position(relay.len()));
    assert_eq!((checked.from, checked.to, checked.judged_to), (first, last, last));
    assert_eq!((checked.signed, checked.hash), (Some(last), relay.hash_at(relay.len())));
    assert_eq!((checked.entries, checked.aside, checked.logs), (relay.len(), 1, 1));
}

#[test]
fn a_log_that_a_restored_relay_continued_verifies_through_all_its_keys() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    owner.put_message(&mut relay, DOC, "before");
    rig.sync(&mut relay);
    rig.disconnect();
    let mut relay = relay.restored(relay.len(), 21);
    rig.sync(&mut relay);
    rig.conversation("after");
    rig.talk(&mut relay);
    let checked = check(&rig);
    assert_eq!((checked.faults.as_slice(), checked.logs), ([].as_slice(), 2));
    assert_eq!(checked.signed, Some(Position(relay.len())));
    let changed = rig.device.store().connection().execute("DELETE FROM state WHERE name = 'succession'", ());
    assert_eq!(changed.unwrap(), 1);
    assert!(!check(&rig).faults.is_empty(), "the second key signs for a log that begins with the first one");
}

/// What is found after this was done to the database, as place and what.
fn found(damage: &str) -> (Vec<(u64, Fault)>, Checked) {
    let (rig, _, _) = eventful();
    let changed = rig.device.store().connection().execute(damage, ()).unwrap();
    assert!(changed > 0, "{damage}");
    let checked = check(&rig);
    assert_eq!(checked.faults_in_all, checked.faults.len() as u64);
    (checked.faults.iter().map(|LogFault { position, fault }| (position.0, fault.clone())).collect(), checked)
}

/// Whether these are the faults, each with its place.
fn assert_found(damage: &str, expected: &[(u64, Fault)]) {
    assert_eq!(found(damage).0, expected, "{damage}");
}

#[test]
fn what_is_altered_is_named_with_its_place_and_nothing_else_is() {
    let bad_signature = Fault::Header(EntryError::Header(VerifyError::BadSignature));
    assert_found("UPDATE entry SET signature = zeroblob(64) WHERE pos = 6", &[(6, bad_signature)]);
    let body =
        "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE entry = (SELECT n FROM entry WHERE pos = 6)";
    assert_found(body, &[(6, Fault::Body)]);
    assert_found("UPDATE entry SET seq = seq + 1 WHERE pos = 6", &[(6, Fault::Columns)]);
    assert_found("UPDATE entry SET type = 2 WHERE pos = 6", &[(6, Fault::Columns)]);
    assert_found("UPDATE entry SET wire = zeroblob(16) WHERE pos = 6", &[(6, Fault::Columns)]);
    assert_found("UPDATE entry SET device = zeroblob(32) WHERE pos = 6", &[(6, Fault::Columns)]);
    // The one behind it goes back in time by it, though its hash follows.
    let times = "UPDATE entry SET time = time + 1 WHERE pos = 6";
    assert_found(times, &[(6, Fault::LogHash), (7, Fault::LogHash)]);
    let hash = "UPDATE entry SET log_hash = zeroblob(32) WHERE pos = 6";
    assert_found(hash, &[(6, Fault::LogHash), (7, Fault::LogHash)]);
    assert_eq!(found(hash).1.judged_to, Position(5));
}

#[test]
fn of_a_record_whose_body_was_altered_nothing_more_can_be_judged() {
    let body =
        "UPDATE body SET bytes = zeroblob(length(bytes)) WHERE entry = (SELECT n FROM entry WHERE pos = 2)";
    let (faults, checked) = found(body);
    assert_eq!(faults, [(2, Fault::Body)]);
    assert_eq!(checked.judged_to, Position(1));
}

#[test]
fn what_is_missing_is_named_from_where_to_where() {
    let (faults, checked) = found("DELETE FROM entry WHERE pos IN (5, 6)");
    assert_eq!(faults[0], (5, Fault::Missing(Position(6))));
    assert_eq!(checked.judged_to, Position(4));
    let (faults, checked) = found("DELETE FROM entry WHERE pos = 1");
    assert_eq!(faults[0], (1, Fault::Missing(Position(1))));
    assert_eq!(checked.from, Position(2), "from where signatures are still there");
    let last = "DELETE FROM entry WHERE pos = (SELECT max(pos) FROM entry)";
    let (faults, checked) = found(last);
    assert_eq!(faults[0], (checked.to.0 + 1, Fault::Missing(checked.to.next())));
}

#[test]
fn an_entry_that_counts_here_and_may_not_is_found_by_the_rules_of_the_log() {
    let (rig, _, relay) = eventful();
    let id = relay.entry(ASIDE).id();
    let connection = rig.device.store().connection();
    let counted = "UPDATE entry SET id = ?1, state = 1, reason = NULL WHERE pos = ?2";
    assert_eq!(connection.execute(counted, (id.as_bytes(), ASIDE.cast_signed())).unwrap(), 1);
    let checked = check(&rig);
    let fault = Fault::NotAcceptable(Refusal::NotActive);
    assert_eq!(checked.faults, [LogFault { position: Position(ASIDE), fault }]);
    assert_eq!(checked.judged_to, Position(ASIDE - 1));
}

#[test]
fn an_entry_that_was_put_aside_and_breaks_no_rule_is_found() {
    let (rig, _, relay) = eventful();
    let last = relay.len();
    let id = relay.entry(last).id();
    let parts: &[&[u8]] = &[b"bowline/aside/1", id.as_bytes(), &last.to_be_bytes()];
    let aside = EntryId::from_bytes(bowline_wire::hash::sha256(parts));
    let set = "UPDATE entry SET id = ?1, state = 2, reason = 25 WHERE pos = ?2";
    let done = rig.device.store().connection().execute(set, (aside.as_bytes(), last.cast_signed()));
    assert_eq!(done.unwrap(), 1);
    let faults = check(&rig).faults;
    assert_eq!(faults[0], LogFault { position: Position(last), fault: Fault::Acceptable });
}

#[test]
fn an_entry_under_an_id_that_is_not_its_own_is_found() {
    let (faults, _) = found("UPDATE entry SET id = zeroblob(32) WHERE pos = 6");
    assert_eq!(faults, [(6, Fault::Id)]);
}

#[test]
fn what_the_next_entry_is_judged_by_has_to_follow_from_the_entries() {
    let (rig, _, relay) = eventful();
    let last = relay.len();
    drop(rig);
    let tip = "UPDATE chain SET tip = (SELECT tip FROM chain ORDER BY tip DESC LIMIT 1)
               WHERE tip = (SELECT tip FROM chain ORDER BY tip LIMIT 1)";
    assert_found(tip, &[(last, Fault::State)]);
    assert_found("DELETE FROM chain WHERE tip = (SELECT min(tip) FROM chain)", &[(last, Fault::State)]);
    assert_found("DELETE FROM weight", &[(last, Fault::State)]);
}

#[test]
fn the_relays_signature_has_to_be_for_this_log() {
    let (rig, _, relay) = eventful();
    let last = relay.len();
    let forged = FakeRelay::new(99, rig.workspace()).sign(last, relay.hash_at(last));
    let other = relay.sign(last, relay.hash_at(1));
    for head in [forged, other] {
        let bytes = bowline_wire::codec::encode(&head);
        let connection = rig.device.store().connection();
        assert_eq!(connection.execute("UPDATE workspace SET head = ?1", [bytes]).unwrap(), 1);
        let checked = check(&rig);
        assert_eq!(checked.faults, [LogFault { position: Position(last), fault: Fault::Head }]);
        assert_eq!(checked.signed, None);
    }
}

#[test]
fn a_workspace_that_is_too_damaged_to_be_used_is_checked_all_the_same() {
    let (rig, _, _) = eventful();
    let workspace = rig.workspace();
    let damage = "UPDATE entry SET signature = zeroblob(64) WHERE pos = 2";
    assert_eq!(rig.device.store().connection().execute(damage, ()).unwrap(), 1);
    let rig = rig.reopened();
    assert_eq!(rig.device.damaged_workspaces().unwrap(), [workspace]);
    assert!(rig.device.stored_log(workspace).audit().is_err());
    let checked = check(&rig);
    let fault = Fault::Header(EntryError::Header(VerifyError::BadSignature));
    assert_eq!(checked.faults, [LogFault { position: Position(2), fault }]);
}
