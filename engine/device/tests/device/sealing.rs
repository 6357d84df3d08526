//! When unsealed work leaves, in what form, and what `status` says while it does not.

use bowline_core::document::limits::CONTENT_MAX;
use bowline_core::sync::NotReady;
use bowline_device::{DocumentState, Kept, Shared};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{HpkePublicKey, Position};
use bowline_wire::roster::record::Record;
use rand_core::Rng;

use crate::author::{Author, rng};
use crate::relay::FakeRelay;
use crate::rig::{Rig, entries_on};

fn types(rig: &Rig) -> Vec<EntryType> {
    let header = |entry: bowline_wire::entry::Entry| entry.header().entry_type;
    rig.appended().into_iter().map(header).collect()
}

/// Text that hardly compresses: this many bytes of it take three quarters as many.
pub(crate) fn noise(bytes: usize) -> String {
    let mut raw = vec![0; bytes];
    rng(9).fill_bytes(&mut raw);
    raw.iter().map(|byte| char::from(b' ' + byte % 64)).filter(|c| !"\"\\".contains(*c)).collect()
}

#[test]
fn offline_everything_works_and_nothing_is_sealed() {
    let (mut rig, _) = Rig::creator(1);
    let id = rig.conversation("offline");
    rig.say(id, "hello");
    rig.device.delete(id, rig.now).unwrap();
    rig.device.restore_deleted(id, rig.now).unwrap();
    assert_eq!(rig.texts(id), ["hello"]);
    assert!(rig.take_sent().is_empty());
    let offered: Vec<_> = rig.device.store().read().offered(rig.workspace()).unwrap();
    assert_eq!(offered.len(), 1, "the Genesis only");
    assert_eq!(rig.status().waiting_for, Some(NotReady::Offline));
    assert_eq!(rig.status().queued, 1);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
}

#[test]
fn a_document_is_sealed_whole_first_and_then_as_changes() {
    let (mut rig, owner, mut relay) = Rig::member();
    let id = rig.conversation("a title");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    rig.say(id, "one");
    rig.talk(&mut relay);
    assert_eq!(types(&rig), [EntryType::Snapshot, EntryType::Changes]);
    assert_eq!(entries_on(&relay, &owner, id).len(), 2);
    assert_eq!(rig.status().queued, 0);
}

#[test]
fn another_devices_word_that_it_has_seen_it_is_counted() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("a title");
    rig.talk(&mut relay);
    let other = bowline_wire::ids::DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, other, "i have seen it");
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnDevices(1));
    rig.say(id, "more");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

#[test]
fn nothing_is_sealed_before_the_relays_log_is_here() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    rig.disconnect();
    rig.conversation("waits");
    let other = bowline_wire::ids::DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, other, "meanwhile");
    rig.connect(&relay);
    assert_eq!(rig.status().waiting_for, Some(NotReady::CatchingUp));
    rig.take_sent();
    assert!(rig.appended().is_empty());
    rig.receive(&relay.frame(relay.len(), relay.len()));
    rig.take_sent();
    let sealed = rig.appended()[0].clone();
    assert_eq!(sealed.header().seen, Some(relay.head().into()));
}

#[test]
fn a_document_first_seen_on_the_log_is_not_sealed_whole_again() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = bowline_wire::ids::DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, id, "theirs");
    rig.sync(&mut relay);
    rig.say(id, "ours");
    rig.talk(&mut relay);
    assert_eq!(types(&rig), [EntryType::Changes]);
    assert_eq!(rig.texts(id), ["theirs", "ours"]);
}

#[test]
fn what_is_written_while_an_entry_is_on_its_way_goes_into_one_more() {
    let (mut rig, owner, mut relay) = Rig::member();
    let id = rig.conversation("first");
    for text in ["one", "two", "three"] {
        rig.say(id, text);
    }
    let first = rig.take_sent();
    assert_eq!(rig.appended().len(), 1, "the rest waits for the answer");
    for answer in first.into_iter().flat_map(|frame| relay.answer(frame)).collect::<Vec<_>>() {
        rig.receive(&answer);
    }
    rig.talk(&mut relay);
    assert_eq!(entries_on(&relay, &owner, id).len(), 2);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

/// All of it is in a base, so that its changes are no longer apart, and nobody takes so much at once. An earlier version has
/// shared it so; today's writes it anew.
#[test]
fn a_document_that_nobody_would_take_stays_and_says_so_while_others_go_on() {
    let (mut rig, _, mut relay) = Rig::member();
    let large = rig.device.create_conversation(None, rig.now).unwrap();
    for _ in 0..3 {
        rig.say(large, &noise(3_500_000));
    }
    rig.talk(&mut relay);
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    let mut relay = rig.begin_workspace(9);
    let workspace = rig.workspace();
    let database = rig.device.store().connection();
    for sql in ["UPDATE doc SET ws = ?1 WHERE ws IS NULL", "UPDATE change SET ws = ?1 WHERE ws IS NULL"] {
        database.execute(sql, [workspace.as_bytes()]).unwrap();
    }
    let small = rig.conversation("small");
    for _ in 0..2 {
        rig.sync(&mut relay);
        rig.sync(&mut relay);
        assert_eq!(rig.device.document_state(small).unwrap(), DocumentState::OnRelay);
        let DocumentState::TooLarge(bytes) = rig.device.document_state(large).unwrap() else {
            panic!("{:?}", rig.device.document_state(large))
        };
        assert!(bytes > CONTENT_MAX, "{bytes}");
        assert_eq!(rig.status().queued, 1);
        assert_eq!(rig.texts(large).len(), 3);
        rig = rig.reopened();
    }
    // There is a way out.
    rig.device.keep_local(large, rig.now).unwrap();
    rig.device.share(large, workspace, rig.now).unwrap();
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(large).unwrap(), DocumentState::OnRelay);
}

#[test]
fn messages_that_nobody_would_take_together_go_one_after_the_other() {
    let (mut rig, owner, mut relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("long");
    for text in noise(12_000_000).as_bytes().chunks(3_000_000) {
        rig.say(id, std::str::from_utf8(text).unwrap());
    }
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let payloads = entries_on(&relay, &owner, id).iter().filter(|it| it.header().part.is_last()).count();
    assert_eq!(payloads, 4);
    let mut second = Rig::new(5);
    let mut owner = owner;
    let secret = owner.put_ticket(&mut relay, false);
    second.join(&crate::rig::code(&relay, &secret));
    second.sync(&mut relay);
    second.sync(&mut relay);
    assert!(second.texts(id) == rig.texts(id), "all of it is there");
}

fn rekey_for_all(owner: &mut Author, relay: &FakeRelay) -> bowline_wire::roster::record::Rekey {
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    owner.rekey(&recipients)
}

#[test]
fn after_somebody_left_the_device_rekeys_by_itself_and_seals_under_the_new_key_only() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let before = relay.log().roster().epoch().unwrap();
    let leave = Record::Leave { whole_user: true, cut: Vec::new() };
    other.put_record(&mut relay, &leave);
    rig.disconnect();
    rig.conversation("waits for the key");
    rig.sync(&mut relay);
    let sent: Vec<_> = rig.appended();
    let after = relay.log().roster().epoch().unwrap();
    assert!(after != before && !relay.log().roster().is_rekey_due());
    assert_eq!(sent[0].header().entry_type, EntryType::Roster);
    assert_eq!(sent[1].header().epoch, after);
    assert_eq!(sent.len(), 2);
}

#[test]
fn a_rekey_that_was_faster_makes_ours_void_and_changes_nothing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let leave = Record::Leave { whole_user: true, cut: Vec::new() };
    other.put_record(&mut relay, &leave);
    rig.sync_without_answers(&relay);
    let ours = rig.appended();
    assert_eq!(ours.len(), 1);
    let rekey = rekey_for_all(&mut owner, &relay);
    owner.put_record(&mut relay, &Record::Rekey(rekey));
    relay.put(ours[0].to_signed());
    rig.conversation("goes on");
    rig.sync(&mut relay);
    let epoch = relay.log().roster().epoch().unwrap();
    let last = rig.appended().last().unwrap().clone();
    assert_eq!(last.header().epoch, epoch);
    assert_eq!(rig.status().waiting_for, None);
    assert_eq!(rig.status().offered, 0);
}

#[test]
fn a_refused_entry_is_kept_and_shown_and_its_work_goes_out_again() {
    let (mut rig, owner, mut relay) = Rig::member();
    let id = rig.conversation("refused once");
    rig.take_sent();
    let first = rig.appended()[0].clone();
    rig.receive(&FakeRelay::refused(first.id(), Reason::WrongEpoch, None));
    rig.talk(&mut relay);
    assert_eq!(rig.status().refused, 1);
    let row = rig.device.store().read().entry_by_id(rig.workspace(), first.id()).unwrap().unwrap();
    assert_eq!(row.reason.unwrap().number, Reason::WrongEpoch.number());
    assert!(rig.device.store().read().body(row.n).unwrap().is_none(), "what it held goes out again");
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let on_relay = entries_on(&relay, &owner, id);
    assert_eq!(on_relay.len(), 1);
    assert!(on_relay[0].id() != first.id());
}

#[test]
fn a_commit_that_fails_while_a_payload_is_given_up_leaves_nothing_stuck() {
    for nth in 1..=4 {
        let (mut rig, _, mut relay) = Rig::member();
        let id = rig.conversation("large");
        rig.talk(&mut relay);
        rig.take_sent();
        rig.sent.clear();
        rig.say(id, &noise(2_500_000));
        rig.take_sent();
        let first = rig.appended()[0].clone();
        rig.commits.refuse(nth);
        let refused = rig.try_receive(&FakeRelay::refused(first.id(), Reason::WrongEpoch, None));
        assert!(refused.is_err() && rig.commits.is_spent(), "{nth}");
        let mut rig = rig.reopened();
        rig.sync(&mut relay);
        for _ in 0..3 {
            rig.now.0 += 10_000;
            rig.device.handle_timeout(rig.now).unwrap();
            rig.talk(&mut relay);
        }
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay, "{nth}");
        rig.say(id, "and it goes on");
        rig.talk(&mut relay);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay, "{nth}");
    }
}

#[test]
fn a_document_that_outgrows_its_refused_snapshot_goes_out_all_the_same() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.disconnect();
    let id = rig.conversation("grows");
    for _ in 0..2 {
        rig.say(id, &noise(3_000_000));
    }
    rig.connect(&relay);
    rig.take_sent();
    let first = rig.appended()[0].clone();
    assert_eq!(first.clone().header().entry_type, EntryType::Snapshot);
    for _ in 0..3 {
        rig.say(id, &noise(3_000_000));
    }
    rig.receive(&FakeRelay::refused(first.id(), Reason::WrongEpoch, None));
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    rig.say(id, "and it goes on");
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
}

/// What it holds is in a base, so that the one change it has left is not the whole of it.
#[test]
fn a_refused_snapshot_is_sealed_whole_again() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("out of another workspace");
    rig.say(id, "said there");
    rig.talk(&mut relay);
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    let mut relay = rig.begin_workspace(9);
    rig.sync(&mut relay);
    rig.sent.clear();
    rig.device.share(id, rig.workspace(), rig.now).unwrap();
    rig.take_sent();
    let first = rig.appended()[0].clone();
    rig.receive(&FakeRelay::refused(first.id(), Reason::WrongEpoch, None));
    rig.sync(&mut relay);
    assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::OnRelay);
    let (workspace, now) = (rig.workspace(), rig.now);
    assert_eq!(rig.device.keep_local(id, now).unwrap(), Kept::Beside(workspace), "it has left");
    assert_eq!(rig.device.share(id, workspace, now).unwrap(), Shared::PutIn);
    let key = rig.device.invite(workspace, now).unwrap();
    rig.talk(&mut relay);
    let mut second = Rig::new(5);
    second.join(&rig.device.code(workspace, key).unwrap().unwrap());
    second.sync(&mut relay);
    second.sync(&mut relay);
    assert_eq!(second.texts(id), ["said there"]);
}

#[test]
fn an_entry_that_only_waits_is_offered_and_not_called_synced() {
    let (mut rig, _, relay) = Rig::member();
    let id = rig.conversation("on its way");
    rig.take_sent();
    let sent = rig.appended()[0].clone();
    for answer in [
        FakeRelay::refused(sent.id(), Reason::Quota, None),
        Frame::Appended { entries: vec![(sent.id(), Position(relay.len()))], head: relay.head() },
    ] {
        rig.receive(&answer);
        assert_eq!(rig.device.document_state(id).unwrap(), DocumentState::Queued, "a claim is not a log");
        assert_eq!(rig.status().offered, 1);
    }
}

#[test]
fn a_local_document_is_in_no_workspace_and_is_never_sent() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.device.use_workspace(None).unwrap();
    let local = rig.conversation("private");
    rig.say(local, "only here");
    rig.sync(&mut relay);
    assert!(rig.appended().is_empty());
    assert_eq!(rig.device.document_state(local).unwrap(), DocumentState::OnlyHere);
    let (workspace, now) = (rig.workspace(), rig.now);
    rig.device.share(local, workspace, now).unwrap();
    rig.talk(&mut relay);
    assert_eq!(rig.device.document_state(local).unwrap(), DocumentState::OnRelay);
    assert_eq!(types(&rig), [EntryType::Snapshot]);
}
