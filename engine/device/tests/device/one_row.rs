//! One document, one row: wherever parts of it are, all of it is shown, and what is said to stay here never leaves.

use bowline_core::document::Role;
use bowline_device::{DocumentState, Kept, OnlyHere, Shared, WrittenBy};
use bowline_wire::ids::DocId;

use crate::importing::{import, session};
use crate::rig::{Rig, exchange, join_again, two};

/// How much of a document is only here.
pub(crate) fn only_here(rig: &mut Rig, id: DocId) -> OnlyHere {
    while rig.device.index_one(rig.now).unwrap() {}
    let mut found = rig.device.list(false).unwrap().into_iter().filter(|it| it.id == id);
    let row = found.next().unwrap();
    assert!(found.next().is_none(), "one row");
    row.only_here
}

#[test]
fn what_is_said_after_a_document_was_kept_here_stays_also_when_it_is_another_devices_as_well() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let bytes = session(2, &[]);
    let id = import(&mut one, &bytes).id;
    assert_eq!(import(&mut other, &bytes).id, id);
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(only_here(&mut other, id), OnlyHere::Nothing, "the same lines are in both");
    assert_eq!(other.device.keep_local(id, other.now).unwrap(), Kept::Beside(workspace));
    other.say(id, "private");
    assert_eq!(other.device.keep_local(id, other.now).unwrap(), Kept::Beside(workspace));
    let mut other = other.reopened();
    other.say(id, "private as well");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!((one.texts(id).len(), other.texts(id).len()), (2, 4));
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(2));
    assert_eq!(other.device.show(id, other.now).unwrap().only_here.len(), 2);
}

#[test]
fn what_was_written_and_had_not_left_when_a_document_was_kept_here_stays() {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("plans");
    one.say(id, "for everybody");
    exchange(&mut one, &mut other, &mut relay);
    let workspace = other.workspace();
    other.device.handle_disconnected(workspace).unwrap();
    other.say(id, "written before, offline");
    other.device.keep_local(id, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["for everybody"]);
    other.device.set_title(id, Some("private title"), other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.device.show(id, one.now).unwrap().title.as_deref(), Some("plans"));
    other.device.share(id, workspace, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["for everybody", "written before, offline"]);
    assert_eq!(one.device.show(id, one.now).unwrap().title.as_deref(), Some("private title"));
}

#[test]
fn edits_from_before_a_workspace_was_forgotten_are_shown_after_joining_again_and_go_in_when_shared() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = one.conversation("plans");
    one.say(id, "for everybody");
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "queued, never sent");
    other.device.forget_workspace(workspace, other.now).unwrap();
    assert_eq!(other.texts(id), ["for everybody", "queued, never sent"]);
    join_again(&mut one, &mut other, &mut relay);
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::PartlyHere);
    assert_eq!(other.texts(id), ["for everybody", "queued, never sent"]);
    // What is said now goes where the document is.
    other.say(id, "said after");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["for everybody", "said after"]);
    let here = other.texts(id);
    assert!(here.contains(&"queued, never sent".to_owned()) && here.len() == 3, "{here:?}");
    assert_eq!(other.device.share(id, workspace, other.now).unwrap(), Shared::PutIn);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!((one.texts(id).len(), only_here(&mut other, id)), (3, OnlyHere::Nothing));
}

#[test]
fn what_is_shared_and_said_before_the_log_has_come_again_displaces_nothing_in_it() {
    // Which of two changes with one number displaces the other is up to their hashes: with one text it may go well.
    for attempt in 0..8 {
        let (mut one, mut other, mut relay) = two();
        let workspace = one.workspace();
        let id = other.conversation("plans");
        exchange(&mut one, &mut other, &mut relay);
        one.say(id, "an answer to it");
        one.sync(&mut relay);
        other.disconnect();
        other.device.forget_workspace(workspace, other.now).unwrap();
        let key = one.device.link_device(workspace, one.now).unwrap();
        one.sync(&mut relay);
        let code = one.device.code(workspace, key).unwrap().unwrap();
        other.join(&code);
        assert_eq!(other.device.share(id, workspace, other.now).unwrap(), Shared::Moved);
        other.say(id, &format!("said before the log has come, {attempt}"));
        for _ in 0..3 {
            exchange(&mut one, &mut other, &mut relay);
        }
        let (here, there) = (one.texts(id), other.texts(id));
        assert_eq!(here.len(), 2, "{here:?}");
        assert_eq!(here, there);
    }
}

#[test]
fn a_document_of_a_forgotten_workspace_is_shared_again_with_a_note_of_who_wrote_what() {
    let (mut one, mut other, mut relay) = two();
    let first = one.workspace();
    let id = one.conversation("plans");
    one.say(id, "from one");
    one.device.name_user(first, "Ana", one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "from the other");
    other.device.forget_workspace(first, other.now).unwrap();
    let mut relay = other.begin_workspace(9);
    let second = other.workspace();
    assert_eq!(other.device.share(id, second, other.now).unwrap(), Shared::Moved);
    other.sync(&mut relay);
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::OnRelay);
    assert_eq!(other.texts(id), ["from one", "from the other"]);
    let shown = other.device.show(id, other.now).unwrap();
    let writers: Vec<_> =
        shown.transcript.entries.iter().map(|it| shown.written_by[&it.key].clone()).collect();
    assert_eq!(writers[0], WrittenBy { name: "Ana".to_owned(), device: None });
    assert_eq!(writers[1].device, Some(other.device.id()));
}

#[test]
fn who_wrote_each_message_is_told_by_the_names_that_people_and_devices_have() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = one.conversation("plans");
    one.say(id, "from one");
    exchange(&mut one, &mut other, &mut relay);
    other.say(id, "from the other");
    for (rig, user, device) in [(&mut one, "Ana", "laptop"), (&mut other, "Ben", "Ben's phone")] {
        rig.device.name_user(workspace, user, rig.now).unwrap();
        rig.device.name_device(workspace, device, rig.now).unwrap();
    }
    exchange(&mut one, &mut other, &mut relay);
    exchange(&mut one, &mut other, &mut relay);
    let told = |rig: &mut Rig| -> Vec<String> {
        let shown = rig.device.show(id, rig.now).unwrap();
        shown.transcript.entries.iter().map(|it| shown.written_by[&it.key].name.clone()).collect()
    };
    assert_eq!(told(&mut one), ["Ana", "Ben's phone"]);
    assert_eq!(told(&mut other), ["Ana's laptop", "Ben"]);
}

#[test]
fn an_empty_conversation_is_shared_like_any_other_and_has_the_time_at_which_it_was_begun() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    one.device.use_workspace(None).unwrap();
    let id = one.device.create_conversation(None, one.now).unwrap();
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        while rig.device.index_one(rig.now).unwrap() {}
        rig.device.show(id, rig.now).unwrap();
        assert_eq!(rig.device.list(false).unwrap()[0].updated_at, rig.now);
    }
    assert_ne!(one.device.document_state(id).unwrap(), DocumentState::OnlyHere);
    other.device.say(id, Role::User, "found it", other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["found it"]);
}

#[test]
fn a_document_shared_again_before_the_workspace_was_read_brings_what_only_its_base_has() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = one.conversation("plans");
    one.sync(&mut relay);
    one.device.handle_disconnected(workspace).unwrap();
    one.say(id, "never sent");
    one.device.forget_workspace(workspace, one.now).unwrap();
    let key = other.device.link_device(workspace, other.now).unwrap();
    other.sync(&mut relay);
    let code = other.device.code(workspace, key).unwrap().unwrap();
    one.join(&code);
    one.device.share(id, workspace, one.now).unwrap();
    for _ in 0..3 {
        exchange(&mut one, &mut other, &mut relay);
    }
    assert_eq!(other.texts(id), ["never sent"]);
}
