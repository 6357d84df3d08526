//! What a device built on words that a restored relay does not take again, or that are given up: it is written again, so that it is shown, and
//! once.

use bowline_core::document::{AgentEdit, FilePath};
use bowline_wire::frame::Reason;
use bowline_wire::ids::{DocId, EntryId, Lane};
use bowline_wire::roster::record::{Lost, Record};

use crate::relay::FakeRelay;
use crate::restored_relay::assert_in_step;
use crate::rig::{Rig, exchange, linked, newcomer, two};
use crate::sealing::noise;

pub(crate) fn write(rig: &mut Rig, id: DocId, text: &str) {
    let mut edit = AgentEdit::default();
    edit.write_file(FilePath::parse("SOUL.md").unwrap(), text);
    rig.device.edit_agent(id, &edit, rig.now).unwrap();
}

pub(crate) fn text(rig: &mut Rig, id: DocId) -> String {
    let files = rig.device.show_agent(id, rig.now).unwrap().files;
    files.into_iter().map(|file| file.text).collect()
}

/// The entry of the log behind so many.
fn nth_on(relay: &FakeRelay, nth: u64) -> EntryId {
    relay.verified().nth(usize::try_from(nth).unwrap()).unwrap().id()
}

/// The relay, restored to a state in which it lacks this entry, which it does not take again.
fn restored_without(lost: EntryId, relay: FakeRelay, backup: u64) -> FakeRelay {
    let mut relay = relay.restored(backup, 21);
    relay.refuses.insert(lost, Reason::WrongEpoch);
    relay
}

/// A conversation in which one has answered what the other one said, and a relay that does not take the latter again.
fn answered(said: &str) -> (Rig, Rig, FakeRelay, DocId) {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("shared");
    one.say(id, "first");
    exchange(&mut one, &mut other, &mut relay);
    let backup = relay.len();
    other.say(id, said);
    other.talk(&mut relay);
    let lost = nth_on(&relay, backup);
    exchange(&mut one, &mut other, &mut relay);
    one.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.disconnect();
    let relay = restored_without(lost, relay, backup);
    (one, other, relay, id)
}

#[test]
fn an_answer_to_a_message_that_is_not_taken_again_is_shown_without_it() {
    let (mut one, _, mut relay, id) = answered("lost");
    for _ in 0..3 {
        one.sync(&mut relay);
        one.texts(id);
    }
    assert_eq!(one.texts(id), ["first", "answer"]);
    assert_in_step(&one, &relay);
    let mut one = one.reopened();
    assert_eq!(one.texts(id), ["first", "answer"], "after a start");
    one.say(id, "and on");
    one.sync(&mut relay);
    assert_eq!(one.texts(id), ["first", "answer", "and on"]);
}

#[test]
fn an_answer_to_a_message_in_parts_that_is_not_taken_again_is_shown_without_it() {
    let (mut one, _, mut relay, id) = answered(&noise(3 << 20));
    for _ in 0..4 {
        one.now = one.now.plus(6_000);
        one.device.handle_timeout(one.now).unwrap();
        one.sync(&mut relay);
    }
    assert!(one.status().quarantined.len() > 1, "every part is aside");
    assert_eq!(one.texts(id), ["first", "answer"]);
    one.sync(&mut relay);
    assert_in_step(&one, &relay);
}

#[test]
fn a_message_that_its_author_sends_again_stands_beside_the_answer_and_both_stand_once() {
    let (mut one, mut other, mut relay, id) = answered("lost");
    for _ in 0..3 {
        one.sync(&mut relay);
        one.texts(id);
    }
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    let mut shown = one.texts(id);
    assert_eq!(shown, other.texts(id));
    shown.sort();
    assert_eq!(shown, ["answer", "first", "lost"]);
}

#[test]
fn an_answer_that_waited_while_its_document_was_sealed_anew_comes_to_all_once_what_it_answers_is_back() {
    let (mut one, mut other, mut relay) = two();
    exchange(&mut one, &mut other, &mut relay);
    let backup = relay.len();
    let id = one.conversation("shared");
    one.say(id, "first");
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "said");
    other.talk(&mut relay);
    exchange(&mut one, &mut other, &mut relay);
    one.say(id, "answer");
    exchange(&mut one, &mut other, &mut relay);
    one.disconnect();
    other.disconnect();
    let lost: Vec<EntryId> = (backup..relay.len()).map(|nth| nth_on(&relay, nth)).collect();
    let mut relay = relay.restored(backup, 21);
    relay.refuses.extend(lost.into_iter().map(|entry| (entry, Reason::WrongEpoch)));
    for _ in 0..3 {
        one.sync(&mut relay);
        one.texts(id);
    }
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    let shown = one.device.show(id, one.now).unwrap();
    assert_eq!(shown.heads, other.device.show(id, other.now).unwrap().heads);
    let mut shown = one.texts(id);
    shown.sort();
    assert_eq!(shown, ["answer", "first", "said"]);
    assert_in_step(&one, &relay);
}

/// An agent's text of which the other one wrote a line, and then one a line below: the text, the entry with the former, and where the log was
/// before it.
fn two_lines_and_all() -> (Rig, Rig, FakeRelay, (DocId, EntryId, u64)) {
    let (mut one, mut relay) = Rig::creator(1);
    one.sync(&mut relay);
    let mut other = Rig::new(3);
    other.join(&one.invited(&mut relay));
    exchange(&mut one, &mut other, &mut relay);
    let id = one.device.create_agent("Scribe", one.now).unwrap();
    one.device.share(id, one.workspace(), one.now).unwrap();
    write(&mut one, id, "a\n");
    exchange(&mut one, &mut other, &mut relay);
    exchange(&mut one, &mut other, &mut relay);
    let backup = relay.len();
    write(&mut other, id, "a\nlost\n");
    other.talk(&mut relay);
    let lost = nth_on(&relay, backup);
    exchange(&mut one, &mut other, &mut relay);
    write(&mut one, id, "a\nlost\nbelow\n");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(text(&mut other, id), "a\nlost\nbelow\n");
    one.disconnect();
    other.disconnect();
    (one, other, relay, (id, lost, backup))
}

/// The relay does not take the one line again.
fn two_lines() -> (Rig, Rig, FakeRelay, DocId) {
    let (one, other, relay, (id, lost, backup)) = two_lines_and_all();
    (one, other, restored_without(lost, relay, backup), id)
}

#[test]
fn a_line_of_text_waits_for_an_author_who_stays_and_stands_once() {
    let (mut one, mut other, mut relay, id) = two_lines();
    for _ in 0..3 {
        one.sync(&mut relay);
    }
    assert_eq!(text(&mut one, id), "a\n", "until the other one is back");
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    for rig in [&mut one, &mut other] {
        assert_eq!(text(rig, id), "a\nlost\nbelow\n");
    }
}

#[test]
fn a_line_of_text_does_not_wait_for_an_author_who_is_removed() {
    let (mut one, other, mut relay, id) = two_lines();
    for _ in 0..3 {
        one.sync(&mut relay);
    }
    let (workspace, now) = (one.workspace(), one.now);
    assert_eq!(text(&mut one, id), "a\n");
    one.device.remove_device(workspace, other.device.id(), now).unwrap();
    one.sync(&mut relay);
    assert_eq!(text(&mut one, id), "a\nbelow\n");
    one.sync(&mut relay);
    assert_in_step(&one, &relay);
}

/// Another device of the Owner's lacks these, and gives them up.
fn give_up(owner: &mut Rig, relay: &mut FakeRelay, entries: Vec<EntryId>) {
    let mut own = linked(owner, relay, 8);
    own.put_record(relay, &Record::Lost(Lost { epochs: vec![], entries }));
}

#[test]
fn a_line_that_is_given_up_is_waited_for_as_long_as_its_author_stays() {
    let (mut one, other, mut relay, (id, gone, _)) = two_lines_and_all();
    let (workspace, now) = (one.workspace(), one.now);
    give_up(&mut one, &mut relay, vec![gone]);
    for _ in 0..2 {
        one.sync(&mut relay);
        assert_eq!(text(&mut one, id), "a\n");
    }
    one.device.remove_device(workspace, other.device.id(), now).unwrap();
    one.sync(&mut relay);
    assert_eq!(text(&mut one, id), "a\nbelow\n");
    one.sync(&mut relay);
    assert_in_step(&one, &relay);
}

/// Making a document anew costs as much as the document is long.
#[test]
fn a_document_of_which_something_is_given_up_is_not_made_anew_because_somebody_comes_in() {
    let (mut one, mut other, mut relay, (id, gone, _)) = two_lines_and_all();
    give_up(&mut one, &mut relay, vec![gone]);
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    assert_eq!(text(&mut one, id), "a\nlost\nbelow\n");
    let rev = |rig: &Rig| rig.device.store().read().find_doc(id).unwrap().unwrap().rev;
    let (before, at) = (rev(&one), relay.len());
    let mut late = newcomer(&mut one, &mut relay, 9);
    one.sync(&mut relay);
    assert!(relay.len() >= at + 2, "an invite and a join");
    assert_eq!(rev(&one), before);
    assert_eq!(text(&mut late, id), "a\nlost\nbelow\n");
}

#[test]
fn a_line_that_is_given_up_stands_once_when_its_author_is_back() {
    let (mut one, mut other, mut relay, (id, gone, _)) = two_lines_and_all();
    give_up(&mut one, &mut relay, vec![gone]);
    one.disconnect();
    one.sync(&mut relay);
    assert_eq!(text(&mut one, id), "a\n");
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    for rig in [&mut one, &mut other] {
        assert_eq!(text(rig, id), "a\nlost\nbelow\n");
    }
}

/// A document that its own device began, of which everything is given up.
#[test]
fn own_text_that_is_given_up_is_shown_and_sealed_anew_while_anothers_line_is_waited_for() {
    let (one, mut other, mut relay, (id, _, _)) = two_lines_and_all();
    let mut one = one.reopened();
    one.sync(&mut relay);
    // What is stored of its own is in the base alone by then.
    write(&mut other, id, "a\nlost\nbelow\nlast\n");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(text(&mut one, id), "a\nlost\nbelow\nlast\n");
    other.disconnect();
    let all = contents(&relay);
    give_up(&mut one, &mut relay, all);
    one.disconnect();
    one.sync(&mut relay);
    assert_eq!(text(&mut one, id), "a\n");
    for _ in 0..2 {
        one = one.reopened();
        one.sync(&mut relay);
        assert_eq!(text(&mut one, id), "a\n");
    }
    let mut late = newcomer(&mut one, &mut relay, 9);
    assert_eq!(text(&mut late, id), "a\n");
    exchange(&mut one, &mut other, &mut relay);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(text(&mut one, id), "a\nlost\nbelow\nlast\n");
}

/// The ids of all content on the relay, ascending.
fn contents(relay: &FakeRelay) -> Vec<EntryId> {
    let mut ids: Vec<EntryId> =
        relay.verified().filter(|it| it.header().lane == Lane::Content).map(|it| it.id()).collect();
    ids.sort();
    ids
}
