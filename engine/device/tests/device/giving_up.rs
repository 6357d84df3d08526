//! Content that the Owner gives up: it keeps nothing waiting any more, whoever wrote it and still has it says it again, and every device
//! shows the same, whatever came to it in which order.
//!
//! Longer than 500 lines because one record has all these consequences, and a test for each shares the few people on top.

use bowline_core::document::{ActorId, ChangeHash, Document, Kind, MessageId, Pen, Role};
use bowline_device::intent::Decision;
use bowline_device::{Error, Lacks, NotHere, Notice, QuarantineReason};
use bowline_wire::bodies::Supplied;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{DeviceId, DocId, EntryId, EpochId, LogTime, Millis, Position, WireDoc};
use bowline_wire::limits::MAX_GIVEN_UP;
use bowline_wire::roster::record::{Lost, Record};
use bowline_wire::roster::{Deed, Void};

use crate::author::{Author, message, payload_of};
use crate::relay::FakeRelay;
use crate::restored_relay::assert_in_step;
use crate::rig::{Rig, code, exchange, owner_and_member};
use crate::sealing::noise;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);

pub(crate) fn lost(entries: &[EntryId]) -> Record {
    let mut entries = entries.to_vec();
    entries.sort();
    Record::Lost(Lost { epochs: vec![], entries })
}

/// The Owner, and two members who have everything.
pub(crate) fn two_members() -> (Rig, Rig, Author, FakeRelay) {
    let (one, mut owner, mut relay) = Rig::member();
    let other = newcomer(&mut owner, &mut relay, 3);
    (one, other, owner, relay)
}

/// Somebody whom the Owner lets in, and who has what the relay gives.
pub(crate) fn newcomer(owner: &mut Author, relay: &mut FakeRelay, seed: u8) -> Rig {
    let secret = owner.put_ticket(relay, false);
    let mut rig = Rig::new(seed);
    rig.join(&code(relay, &secret));
    for _ in 0..2 {
        rig.sync(relay);
    }
    assert!(rig.status().member);
    rig
}

pub(crate) fn nth_on(relay: &FakeRelay, nth: u64) -> Entry {
    relay.verified().nth(usize::try_from(nth).unwrap()).unwrap()
}

fn place_of(relay: &FakeRelay, entry: &Entry) -> Position {
    Position(relay.verified().position(|it| it.id() == entry.id()).unwrap() as u64 + 1)
}

/// The entries here that are aside because they are given up.
pub(crate) fn given_up(rig: &Rig) -> Vec<EntryId> {
    let aside = rig.status().quarantined.into_iter();
    let mut given_up: Vec<EntryId> =
        aside.filter(|it| it.reason == QuarantineReason::GivenUp).map(|it| it.entry).collect();
    given_up.sort();
    given_up
}

pub(crate) fn assert_nothing_waits(rig: &Rig) {
    let status = rig.status();
    assert_eq!((status.withheld, status.incomplete, status.update_needed), (None, 0, 0));
    assert_eq!((status.queued, status.offered, status.waiting_for), (0, 0, None));
    assert!(status.evidence.is_empty() && status.fault.is_none());
}

pub(crate) fn heads(rig: &mut Rig, id: DocId) -> Vec<ChangeHash> {
    rig.device.show(id, rig.now).unwrap().heads
}

pub(crate) fn sorted(rig: &mut Rig, id: DocId) -> Vec<String> {
    let mut texts = rig.texts(id);
    texts.sort();
    texts
}

#[test]
fn a_body_that_never_comes_keeps_a_document_incomplete_no_longer() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let gone = ben.put_message(&mut relay, DOC, "nobody has this any more");
    relay.withholds.insert(relay.len());
    owner.put_message(&mut relay, DOC, "stays");
    rig.sync(&mut relay);
    assert_eq!(rig.device.withheld(DOC).unwrap().map(|it| it.entries), Some(1));
    owner.put_record(&mut relay, &lost(&[gone.id()]));
    rig.disconnect();
    rig.sync(&mut relay);
    for _ in 0..2 {
        assert_eq!(rig.device.withheld(DOC).unwrap(), None);
        assert_eq!(given_up(&rig), [gone.id()]);
        assert_nothing_waits(&rig);
        assert_eq!(rig.texts(DOC), ["stays"]);
        rig = rig.reopened();
        rig.sync(&mut relay);
    }
    // It comes after all.
    let body = gone.body().unwrap().to_vec();
    let position = place_of(&relay, &gone);
    relay.withholds.clear();
    rig.receive(&Frame::Supply { bodies: vec![Supplied { position, body }] });
    rig.talk(&mut relay);
    assert_eq!((rig.texts(DOC), given_up(&rig)), (vec!["stays".to_owned()], vec![gone.id()]));
}

#[test]
fn a_list_counts_no_more_what_is_given_up() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    owner.put_message(&mut relay, DOC, "stays");
    let gone = ben.put_message(&mut relay, DOC, "given up");
    let count = |rig: &mut Rig| {
        while rig.device.index_one(rig.now).unwrap() {}
        rig.device.list(false).unwrap()[0].count
    };
    rig.sync(&mut relay);
    assert_eq!(count(&mut rig), 2);
    owner.put_record(&mut relay, &lost(&[gone.id()]));
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(count(&mut rig), 1);
}

#[test]
fn what_is_given_up_is_said_again_by_its_author_and_by_who_built_on_it_and_stands_once() {
    let (mut one, mut other, mut owner, mut relay) = two_members();
    let id = one.conversation("shared");
    one.say(id, "first");
    exchange(&mut one, &mut other, &mut relay);
    let at = relay.len();
    one.say(id, "given up");
    one.talk(&mut relay);
    let gone = nth_on(&relay, at).id();
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    // One newcomer gets it before it is given up and another one behind that, and never with its body.
    relay.withholds.insert(at + 1);
    let mut before = newcomer(&mut owner, &mut relay, 4);
    assert_eq!(before.texts(id), ["first"], "the answer waits");
    owner.put_record(&mut relay, &lost(&[gone]));
    let mut after = newcomer(&mut owner, &mut relay, 5);
    for rig in [&mut one, &mut other, &mut before, &mut after] {
        rig.disconnect();
        rig.sync(&mut relay);
        assert_eq!(given_up(rig), [gone]);
    }
    let told = |rig: &Rig| rig.notices.iter().find(|it| matches!(it, Notice::GivenUp { .. })).cloned();
    let (workspace, entries) = (one.workspace(), 1);
    assert_eq!(told(&one), Some(Notice::GivenUp { workspace, entries, own: 1 }));
    assert_eq!(told(&other), Some(Notice::GivenUp { workspace, entries, own: 0 }));
    for _ in 0..3 {
        for rig in [&mut one, &mut other, &mut before, &mut after] {
            rig.sync(&mut relay);
            rig.texts(id);
        }
    }
    let expected = heads(&mut one, id);
    for mut rig in [one, other, before, after] {
        assert_eq!(sorted(&mut rig, id), ["answer", "first", "given up"]);
        assert_eq!(heads(&mut rig, id), expected);
        assert_nothing_waits(&rig);
        let mut rig = rig.reopened();
        assert_eq!(heads(&mut rig, id), expected, "after a start");
    }
}

#[test]
fn a_document_that_was_given_up_as_it_began_is_sealed_anew() {
    let (mut one, mut other, mut owner, mut relay) = two_members();
    let at = relay.len();
    let id = one.conversation("begun");
    let mut said: Vec<String> = (0..300).map(|turn| turn.to_string()).collect();
    for text in &said {
        one.say(id, text);
    }
    one.talk(&mut relay);
    let gone: Vec<EntryId> = (at..relay.len()).map(|nth| nth_on(&relay, nth).id()).collect();
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id).len(), 301);
    // What is stored of its own is folded by then.
    let mut one = one.reopened();
    one.texts(id);
    relay.withholds.extend(at + 1..at + 1 + gone.len() as u64);
    owner.put_record(&mut relay, &lost(&gone));
    for _ in 0..4 {
        exchange(&mut one, &mut other, &mut relay);
        one.texts(id);
        other.texts(id);
    }
    let mut late = newcomer(&mut owner, &mut relay, 4);
    said.push("answer".to_owned());
    said.sort();
    for rig in [&mut one, &mut other, &mut late] {
        assert!(sorted(rig, id) == said, "{} of {}", rig.texts(id).len(), said.len());
        assert_nothing_waits(rig);
    }
    assert_eq!(heads(&mut one, id), heads(&mut late, id));
}

#[test]
fn of_a_payload_in_parts_nothing_counts_if_one_of_them_is_given_up() {
    for part in 0..3 {
        for before_the_last in [false, true] {
            let (mut rig, mut owner, mut relay) = Rig::member();
            let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
            let text = "all of it or nothing ".repeat(90_000);
            let entries = ben.parts(&relay, &message(ben.id(), DOC, &text));
            assert_eq!(entries.len(), 3);
            for entry in entries.iter().take(2) {
                relay.put(entry.to_signed());
            }
            let record = lost(&[entries[part].id()]);
            if before_the_last {
                rig.sync(&mut relay);
                owner.put_record(&mut relay, &record);
                rig.disconnect();
                rig.sync(&mut relay);
            }
            relay.put(entries[2].to_signed());
            if !before_the_last {
                rig.disconnect();
                rig.sync(&mut relay);
                assert!(rig.texts(DOC) == [text]);
                owner.put_record(&mut relay, &record);
            }
            rig.disconnect();
            rig.sync(&mut relay);
            for _ in 0..2 {
                let mut all: Vec<EntryId> = entries.iter().map(Entry::id).collect();
                all.sort();
                assert_eq!(given_up(&rig), all, "part {part}, {before_the_last}");
                assert!(rig.try_texts(DOC).is_err() && rig.device.list(false).unwrap().is_empty());
                assert_nothing_waits(&rig);
                rig = rig.reopened();
                rig.sync(&mut relay);
            }
        }
    }
}

#[test]
fn an_own_payload_in_parts_of_which_one_is_given_up_is_sealed_anew() {
    for part in 0..3 {
        let (mut one, mut other, mut owner, mut relay) = two_members();
        let id = one.conversation("shared");
        exchange(&mut one, &mut other, &mut relay);
        let at = relay.len();
        let said = noise(3 << 20);
        one.say(id, &said);
        one.talk(&mut relay);
        assert!(relay.len() > at + 3);
        relay.withholds.insert(at + 1 + part);
        let gone = nth_on(&relay, at + part).id();
        owner.put_record(&mut relay, &lost(&[gone]));
        for _ in 0..4 {
            for rig in [&mut one, &mut other] {
                rig.now = rig.now.plus(6_000);
                rig.device.handle_timeout(rig.now).unwrap();
            }
            exchange(&mut one, &mut other, &mut relay);
        }
        for rig in [&mut one, &mut other] {
            assert!(rig.texts(id) == [said.clone()], "part {part}");
            assert_nothing_waits(rig);
        }
    }
}

/// A log that is continued has the record before the entry.
#[test]
fn who_had_an_entry_who_gets_it_behind_the_record_and_who_comes_late_show_the_same() {
    let (mut had, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    owner.put_message(&mut relay, DOC, "stays");
    had.sync(&mut relay);
    let mut behind = newcomer(&mut owner, &mut relay, 4);
    behind.disconnect();
    let with_ticket = relay.len();
    let gone = ben.put_message(&mut relay, DOC, "given up");
    let record = owner.record_with(&relay, &lost(&[gone.id()]), |_| {});
    relay.put(record.to_signed());
    had.disconnect();
    had.sync(&mut relay);
    assert_eq!((had.texts(DOC), given_up(&had)), (vec!["stays".to_owned()], vec![gone.id()]));
    had.disconnect();
    let mut back = relay.restored(with_ticket, 21);
    back.put(record.to_signed());
    back.put(gone.to_signed());
    for rig in [&mut had, &mut behind] {
        for _ in 0..2 {
            rig.sync(&mut back);
            rig.disconnect();
        }
    }
    let mut late = newcomer(&mut owner, &mut back, 5);
    for rig in [&mut had, &mut behind, &mut late] {
        rig.sync(&mut back);
        assert_eq!((rig.texts(DOC), given_up(rig)), (vec!["stays".to_owned()], vec![gone.id()]));
        assert_in_step(rig, &back);
    }
    assert_eq!(heads(&mut had, DOC), heads(&mut late, DOC));
    assert_eq!(heads(&mut behind, DOC), heads(&mut late, DOC));
}

#[test]
fn what_was_given_up_by_a_record_that_a_continued_log_does_not_take_again_counts_as_before() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let entry = owner.put_message(&mut relay, DOC, "counts again");
    let backup = relay.len();
    owner.put_record(&mut relay, &lost(&[entry.id()]));
    let record = nth_on(&relay, backup).id();
    rig.sync(&mut relay);
    assert_eq!(given_up(&rig), [entry.id()]);
    rig.disconnect();
    for is_taken in [true, false] {
        let mut rig = rig.copied();
        let mut back = relay.restored(backup, 21);
        if !is_taken {
            back.refuses.insert(record, Reason::RosterStale);
        }
        for _ in 0..3 {
            rig.sync(&mut back);
            rig.disconnect();
        }
        let mut rig = rig.reopened();
        rig.sync(&mut back);
        assert_eq!(given_up(&rig).is_empty(), !is_taken);
        assert_eq!(rig.try_texts(DOC).ok(), (!is_taken).then(|| vec!["counts again".to_owned()]));
        assert_in_step(&rig, &back);
    }
}

#[test]
fn content_of_an_epoch_whose_key_is_gone_is_given_up_with_it() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    owner.put_message(&mut relay, DOC, "stays");
    rig.sync(&mut relay);
    // Everybody gets the key of the next epoch but this device.
    let recipients: Vec<_> = relay.log().roster().recipients().into_iter().collect();
    let own = relay.log().roster().device(&rig.device.id()).unwrap().hpke.clone();
    let at = recipients.iter().position(|recipient| *recipient == own).unwrap();
    let mut rekey = owner.rekey(&recipients);
    rekey.wraps[at].ciphertext.reverse();
    owner.put_record(&mut relay, &Record::Rekey(rekey.clone()));
    owner.accept(&relay, &rekey);
    let epoch = relay.log().roster().epoch().unwrap();
    let unreadable = owner.put_message(&mut relay, DOC, "the key of this is gone");
    rig.disconnect();
    rig.sync(&mut relay);
    let aside: Vec<_> = rig.status().quarantined.iter().map(|it| (it.entry, it.reason)).collect();
    assert_eq!(aside, [(unreadable.id(), QuarantineReason::NoKey)]);
    let record = Record::Lost(Lost { epochs: vec![epoch], entries: vec![] });
    assert_eq!(rig.device.not_here(rig.workspace()).unwrap().len(), 1, "whether or not a complaint stands");
    // This device has complained and begun another epoch, under which somebody else complains.
    let newest = relay.log().roster().epoch().unwrap();
    assert_ne!(newest, epoch);
    ben.put_record(&mut relay, &Record::Complaint { epoch: newest });
    assert!(relay.log().roster().has_complaint());
    rig.sync(&mut relay);
    let seen = rig.device.not_here(rig.workspace()).unwrap();
    assert_eq!(seen.iter().map(|it| (it.lacks, it.epochs.len())).collect::<Vec<_>>(), [(Lacks::Key, 1)]);
    assert_eq!(NotHere::to_give_up(&seen), [Lost { epochs: vec![epoch], entries: vec![] }]);
    owner.put_record(&mut relay, &record);
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(given_up(&rig), [unreadable.id()]);
    assert_eq!(rig.texts(DOC), ["stays"]);
    let mut rig = rig.reopened();
    assert_eq!((given_up(&rig), rig.texts(DOC)), (vec![unreadable.id()], vec!["stays".to_owned()]));
}

#[test]
fn a_member_gives_up_nothing_and_the_owner_does_with_a_record() {
    let (mut rig, _, mut relay) = Rig::member();
    let (workspace, now) = (rig.workspace(), rig.now);
    let what = || Lost { epochs: vec![], entries: vec![EntryId::from_bytes([7; 32])] };
    rig.disconnect();
    let told = rig.device.decide(workspace, Decision::GiveUp(what()), now);
    assert!(matches!(told, Err(Error::NotPermitted(Deed::GiveUp))), "{told:?}");
    rig.sync(&mut relay);
    assert!(relay.log().roster().given_up().is_empty());
    let (mut rig, mut member, mut relay) = owner_and_member();
    let gone = member.put_message(&mut relay, DOC, "gone");
    relay.withholds.insert(relay.len());
    rig.sync(&mut relay);
    let (workspace, now) = (rig.workspace(), rig.now);
    let what = Lost { epochs: vec![], entries: vec![gone.id()] };
    rig.device.decide(workspace, Decision::GiveUp(what), now).unwrap();
    rig.talk(&mut relay);
    assert!(relay.log().roster().given_up().covers(gone.id(), gone.header()));
    rig.conversation("goes on");
    rig.talk(&mut relay);
    let held = rig.appended().last().unwrap().header().held;
    assert!(held > place_of(&relay, &gone), "it keeps this device from holding everything no longer");
    let (epoch, before) = (relay.log().roster().epoch().unwrap(), rig.appended().len());
    rig.device
        .decide(workspace, Decision::GiveUp(Lost { epochs: vec![epoch], entries: vec![] }), now)
        .unwrap();
    rig.talk(&mut relay);
    rig.disconnect();
    rig.sync(&mut relay);
    let why = Void::NoComplaint;
    assert!(rig.notices.contains(&Notice::DecisionVoid { workspace, why }), "nobody lacks a key");
    assert_eq!(rig.appended().len(), before, "nothing is sent");
    assert_eq!((given_up(&rig), rig.status().undecided), (vec![gone.id()], 0));
    assert_nothing_waits(&rig);
}

#[test]
fn a_crash_while_something_is_given_up_loses_nothing() {
    for commit in 1..4 {
        let (mut one, mut other, mut owner, mut relay) = two_members();
        let id = one.conversation("shared");
        one.say(id, "first");
        exchange(&mut one, &mut other, &mut relay);
        let at = relay.len();
        one.say(id, "given up");
        one.talk(&mut relay);
        relay.withholds.insert(at + 1);
        let gone = nth_on(&relay, at).id();
        owner.put_record(&mut relay, &lost(&[gone]));
        one.disconnect();
        one.commits.refuse(commit);
        let _ = one.try_sync(&mut relay);
        one.commits.refuse(0);
        let mut one = one.reopened();
        for _ in 0..3 {
            exchange(&mut one, &mut other, &mut relay);
        }
        for rig in [&mut one, &mut other] {
            assert_eq!(rig.texts(id), ["first", "given up"], "commit {commit}");
            assert_nothing_waits(rig);
        }
    }
}

/// What hangs on nothing but words that nobody has any more, by somebody who does not come back, is shown on no device.
#[test]
fn what_is_built_on_words_that_are_given_up_is_shown_nowhere_if_its_author_is_gone() {
    let (mut has_it, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let pen = Pen { actor: ActorId::for_device(ben.id(), [9; 8]), now: Millis(1_000) };
    let mut document = Document::create(Kind::Conversation);
    let mut entries = Vec::new();
    for n in 1..=2 {
        let mut conversation = document.conversation_mut(pen).unwrap();
        let id = MessageId::from_bytes([n; 4]);
        let bytes =
            conversation.append_message(id, Role::User, &n.to_string(), Millis(1_000)).unwrap().unwrap();
        let entry = ben.content(&relay, &payload_of(&document, DOC, bytes));
        relay.put(entry.to_signed());
        entries.push(entry);
    }
    owner.put_message(&mut relay, DOC, "stays");
    has_it.sync(&mut relay);
    assert_eq!(has_it.texts(DOC).len(), 3);
    relay.withholds.insert(relay.len() - 2);
    owner.put_record(&mut relay, &lost(&[entries[0].id()]));
    has_it.disconnect();
    has_it.sync(&mut relay);
    let mut late = newcomer(&mut owner, &mut relay, 4);
    has_it.sync(&mut relay);
    for rig in [&mut has_it, &mut late] {
        assert_eq!(rig.texts(DOC), ["stays"]);
        assert_nothing_waits(rig);
    }
}

#[test]
fn what_was_given_up_without_a_body_goes_with_the_end_of_a_log_and_is_not_called_damaged() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut ben = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    rig.sync(&mut relay);
    let backup = relay.len();
    let gone = ben.put_message(&mut relay, DOC, "gone");
    relay.withholds.insert(relay.len());
    let record = owner.record_with(&relay, &lost(&[gone.id()]), |_| {});
    relay.put(record.to_signed());
    rig.disconnect();
    rig.sync(&mut relay);
    assert_eq!(given_up(&rig), [gone.id()]);
    rig.disconnect();
    let mut back = relay.restored(backup, 21);
    for _ in 0..2 {
        rig.sync(&mut back);
        rig.disconnect();
    }
    assert_eq!(rig.status().quarantined, []);
    assert!(back.holds(record.id()), "the record is sent again");
    // Somebody else brings it.
    back.put(gone.to_signed());
    rig.sync(&mut back);
    assert_eq!(given_up(&rig), [gone.id()]);
    assert_in_step(&rig, &back);
}

#[test]
fn a_record_that_the_version_before_did_not_know_is_followed_after_the_update() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let gone = owner.put_message(&mut relay, DOC, "given up");
    owner.put_record(&mut relay, &lost(&[gone.id()]));
    rig.sync(&mut relay);
    assert_eq!(given_up(&rig), [gone.id()]);
    let as_before =
        "UPDATE entry SET state = 1, reason = NULL WHERE state = 2; DELETE FROM meta WHERE key = 'version'";
    rig.device.store().connection().execute_batch(as_before).unwrap();
    assert_eq!(given_up(&rig), []);
    let rig = rig.reopened();
    assert_eq!(given_up(&rig), [gone.id()]);
}

#[test]
fn a_body_that_is_given_up_keeps_a_device_from_holding_everything_no_longer_once_it_is_updated() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let gone = owner.put_message(&mut relay, DOC, "gone");
    relay.withholds.insert(relay.len());
    owner.put_record(&mut relay, &lost(&[gone.id()]));
    rig.sync(&mut relay);
    let as_before = "UPDATE entry SET state = 5, reason = NULL WHERE state = 2;
                     INSERT INTO withheld (entry, since) SELECT n, 0 FROM entry WHERE state = 5;
                     DELETE FROM meta WHERE key = 'version'";
    rig.device.store().connection().execute_batch(as_before).unwrap();
    let mut rig = rig.reopened();
    assert_eq!(given_up(&rig), [gone.id()]);
    rig.conversation("goes on");
    rig.sync(&mut relay);
    assert!(rig.appended().last().unwrap().header().held > place_of(&relay, &gone));
    assert_nothing_waits(&rig);
}

#[test]
fn the_owner_sees_whose_words_are_not_here_since_when_and_who_may_have_them() {
    let (mut rig, mut ben, mut relay) = owner_and_member();
    let code = rig.invited(&mut relay);
    let mut eve = Author::join(8, &code.secret, &mut relay);
    let workspace = rig.workspace();
    rig.sync(&mut relay);
    assert_eq!(rig.device.not_here(workspace).unwrap(), []);
    let stays = ben.put_message(&mut relay, DOC, "stays");
    let gone = ben.put_message(&mut relay, DOC, "gone");
    relay.withholds.insert(relay.len());
    let place = place_of(&relay, &gone);
    rig.disconnect();
    rig.sync(&mut relay);
    let only = |rig: &Rig| {
        let [it] = rig.device.not_here(workspace).unwrap().try_into().unwrap();
        it
    };
    let it: NotHere = only(&rig);
    assert_eq!((it.author, it.user, it.lacks), (ben.id(), Some(ben.user()), Lacks::Body));
    assert_eq!(it.entries, [gone.id()]);
    assert_eq!(it.document.unwrap().id, DOC);
    assert_eq!(it.since, relay.logged(place.0).time);
    assert_eq!(it.holders.into_iter().collect::<Vec<_>>(), [ben.id()], "who wrote it");
    for (held, says_it_holds_it) in [(place_of(&relay, &stays), false), (place, true)] {
        let other =
            eve.content_with(&relay, &message(eve.id(), DOC, "here").encode(), DOC, |it| it.held = held);
        relay.put(other.to_signed());
        rig.disconnect();
        rig.sync(&mut relay);
        assert_eq!(only(&rig).holders.contains(&eve.id()), says_it_holds_it);
    }
    rig.device.remove_member(workspace, ben.user(), rig.now).unwrap();
    rig.talk(&mut relay);
    assert_eq!(only(&rig).holders.into_iter().collect::<Vec<_>>(), [eve.id()], "who is gone brings nothing");
    for lost in NotHere::to_give_up(&rig.device.not_here(workspace).unwrap()) {
        rig.device.decide(workspace, Decision::GiveUp(lost), rig.now).unwrap();
    }
    rig.talk(&mut relay);
    assert_eq!(rig.device.not_here(workspace).unwrap(), []);
}

#[test]
fn what_is_more_than_a_record_holds_is_given_up_by_several() {
    let it = |lacks, entries: std::ops::Range<u32>| NotHere {
        wire: WireDoc::ZERO,
        document: None,
        author: DeviceId::from_bytes([1; 32]),
        user: None,
        lacks,
        entries: entries
            .map(|n| EntryId::from_bytes([n.to_be_bytes(); 8].concat().try_into().unwrap()))
            .collect(),
        epochs: if lacks == Lacks::Key { [EpochId::from_bytes([5; 16])].into() } else { [].into() },
        since: LogTime::default(),
        holders: [].into(),
    };
    let all = [it(Lacks::Key, 3_000..3_001), it(Lacks::Body, 0..1_000), it(Lacks::Body, 900..1_500)];
    let records = NotHere::to_give_up(&all);
    let sizes: Vec<_> = records.iter().map(|lost| (lost.epochs.len(), lost.entries.len())).collect();
    assert_eq!(sizes, [(1, 0), (0, MAX_GIVEN_UP), (0, 1_500 - MAX_GIVEN_UP)]);
    for lost in records {
        let record = Record::Lost(lost);
        assert_eq!(Record::parse(&record.to_body()).unwrap(), record);
    }
}

#[test]
fn an_answer_to_what_is_given_up_is_shown_without_it_if_that_never_comes_back() {
    let (mut one, mut other, mut owner, mut relay) = two_members();
    let id = one.conversation("shared");
    one.say(id, "first");
    exchange(&mut one, &mut other, &mut relay);
    let at = relay.len();
    one.say(id, "given up");
    one.talk(&mut relay);
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id), ["first", "given up", "answer"]);
    let gone = nth_on(&relay, at).id();
    relay.withholds.insert(at + 1);
    owner.put_record(&mut relay, &lost(&[gone]));
    for _ in 0..3 {
        other.disconnect();
        other.sync(&mut relay);
        assert_eq!(other.texts(id), ["first", "answer"]);
    }
    let mut late = newcomer(&mut owner, &mut relay, 4);
    assert_eq!(late.texts(id), ["first", "answer"]);
    assert_eq!(heads(&mut late, id), heads(&mut other, id));
}

#[test]
fn a_document_of_which_all_is_given_up_keeps_its_own_words_here_and_they_are_sealed_anew() {
    let (mut one, mut other, mut owner, mut relay) = two_members();
    let at = relay.len();
    let id = one.conversation("begun");
    let said: Vec<String> = (0..300).map(|turn| turn.to_string()).collect();
    for text in &said {
        one.say(id, text);
    }
    one.talk(&mut relay);
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    one.texts(id);
    let mut one = one.reopened();
    one.texts(id);
    let gone: Vec<EntryId> = (at..relay.len()).map(|nth| nth_on(&relay, nth).id()).collect();
    relay.withholds.extend(at + 1..=relay.len());
    owner.put_record(&mut relay, &lost(&gone));
    for _ in 0..3 {
        one.disconnect();
        one.sync(&mut relay);
        assert!(one.texts(id) == said, "{}", one.texts(id).len());
        one = one.reopened();
    }
    let mut late = newcomer(&mut owner, &mut relay, 4);
    assert!(late.texts(id) == said, "{}", late.texts(id).len());
    assert_nothing_waits(&late);
}

#[test]
fn own_words_that_are_given_up_are_sealed_anew_once_whatever_a_continued_log_takes_again() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("shared");
    rig.talk(&mut relay);
    let backup = relay.len();
    rig.say(id, "given up");
    rig.talk(&mut relay);
    let gone = nth_on(&relay, backup).id();
    owner.put_record(&mut relay, &lost(&[gone]));
    for _ in 0..2 {
        rig.disconnect();
        rig.sync(&mut relay);
    }
    assert_eq!((rig.texts(id), given_up(&rig)), (vec!["given up".to_owned()], vec![gone]));
    rig.disconnect();
    let mut back = relay.restored(backup, 21);
    back.refuses.insert(gone, Reason::BadSeen);
    for _ in 0..3 {
        rig.sync(&mut back);
        rig.disconnect();
    }
    let wire = nth_on(&relay, backup).header().doc;
    let behind = usize::try_from(backup).unwrap();
    let written = back.verified().skip(behind).filter(|entry| entry.header().doc == wire).count();
    assert_eq!((rig.texts(id), written), (vec!["given up".to_owned()], 1));
}
