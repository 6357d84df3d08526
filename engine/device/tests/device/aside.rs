//! What is only here of documents that are in a workspace: it is neither lost nor sent, whatever fails and whatever a person says.

use bowline_core::document::{AgentEdit, FilePath};
use bowline_core::sync::JoinFailed;
use bowline_device::{DocumentState, Error, Kept, Notice, OnlyHere, Shared};
use bowline_wire::ids::DocId;

use crate::author::Author;
use crate::imported_twice::one_id_in_two_workspaces;
use crate::importing::{self, file, import, message, session, source};
use crate::one_row::only_here;
use crate::relay::FakeRelay;
use crate::rig::{Rig, code, exchange, join_again, two};
use crate::way_out::removed;

fn is_in_trash(rig: &Rig, id: DocId) -> bool {
    rig.device.list(true).unwrap().iter().any(|it| it.id == id)
}

fn write(rig: &mut Rig, agent: DocId, path: &str, text: &str) {
    let mut edit = AgentEdit::default();
    edit.write_file(FilePath::parse(path).unwrap(), text);
    rig.device.edit_agent(agent, &edit, rig.now).unwrap();
}

/// One has shared an import of two messages, and the other has one more that is only there.
fn partly_here() -> (Rig, Rig, FakeRelay, DocId) {
    let (mut one, mut other, mut relay) = two();
    let id = import(&mut one, &session(2, &[])).id;
    assert_eq!(import(&mut other, &session(2, &["only here"])).id, id);
    one.device.share(id, one.workspace(), one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
    (one, other, relay, id)
}

#[test]
fn forgetting_that_fails_half_way_leaves_what_is_only_here_where_it_was() {
    for nth in 1.. {
        let (mut one, mut other, mut relay, id) = partly_here();
        let workspace = other.workspace();
        other.commits.refuse(nth);
        let is_forgotten = other.device.forget_workspace(workspace, other.now).is_ok();
        let spent = other.commits.is_spent();
        other.commits.refuse(0);
        let mut other = other.reopened();
        assert_eq!(other.texts(id), ["text 0", "text 1", "only here"], "{nth}");
        if is_forgotten {
            assert!(nth > 1 && !spent, "{nth}");
            return;
        }
        assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1), "{nth}");
        other.say(id, "for everybody");
        exchange(&mut one, &mut other, &mut relay);
        assert_eq!(one.texts(id), ["text 0", "text 1", "for everybody"], "{nth}");
    }
}

#[test]
fn what_is_kept_here_before_it_was_sent_is_whole_also_where_this_device_has_a_key_of_its_own() {
    let (mut rig, mut owner, mut relay) = removed();
    let removed = rig.device.id();
    let secret = owner.put_ticket(&mut relay, false);
    let first = rig.device.rejoin(&code(&relay, &secret), rig.now).unwrap();
    for _ in 0..3 {
        rig.sync(&mut relay);
    }
    rig.disconnect();
    assert_ne!(rig.device.id_in(first), removed);

    let id = rig.conversation("not sent yet");
    rig.say(id, "under the key of one workspace");
    assert_eq!(rig.device.keep_local(id, rig.now).unwrap(), Kept::OnlyHere);
    let mut rig = rig.reopened();
    assert_eq!(rig.texts(id), ["under the key of one workspace"]);
    let mut second_relay = rig.begin_workspace(9);
    let second = rig.workspace();
    assert_eq!(rig.device.share(id, second, rig.now).unwrap(), Shared::Moved);
    for _ in 0..2 {
        rig.sync(&mut second_relay);
        rig = rig.reopened();
        assert_eq!(rig.texts(id), ["under the key of one workspace"]);
    }
}

#[test]
fn what_waits_of_a_document_that_is_partly_here_is_said_to_wait() {
    let (_, mut other, mut relay, id) = partly_here();
    other.disconnect();
    other.say(id, "for everybody, later");
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::Queued);
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
    other.sync(&mut relay);
    other.sync(&mut relay);
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::PartlyHere);
}

#[test]
fn an_import_under_way_adds_nothing_to_what_somebody_else_shares_meanwhile() {
    let (mut one, mut other, mut relay) = two();
    let lines: Vec<String> =
        (0..3_000).map(|at| message(&format!("{at:08x}"), &format!("text {at}"))).collect();
    let file = |to: usize| file(&lines[..to].iter().map(String::as_str).collect::<Vec<_>>());
    let mut import = other.device.begin_import(&source(), other.now).unwrap();
    for line in &lines[..2_500] {
        other.device.import_line(&mut import, line.as_bytes(), other.now).unwrap();
    }
    // The same session, as far as it is here by now.
    let had = other.device.list(false).unwrap()[0].count;
    assert!((1..2_500).contains(&had), "a first batch is here: {had}");
    let id = importing::import(&mut one, &file(usize::try_from(had).unwrap())).id;
    one.device.share(id, one.workspace(), one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    while other.device.index_one(other.now).unwrap() {}
    let rest: Result<Vec<_>, _> = lines[2_500..]
        .iter()
        .map(|line| other.device.import_line(&mut import, line.as_bytes(), other.now))
        .collect();
    let finished = rest.and_then(|_| other.device.finish_import(import, true, other.now));
    assert!(
        matches!(finished, Err(Error::Changed(changed)) if changed == id),
        "it is begun anew: {finished:?}"
    );
    importing::import(&mut other, &file(3_000));
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id).len() as u64, had);
    assert_eq!(other.texts(id).len(), 3_000);
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(3_000 - had));
}

#[test]
fn the_trash_takes_and_gives_back_all_of_a_document_that_is_partly_here() {
    let (mut one, mut other, mut relay, id) = partly_here();
    other.device.delete(id, other.now).unwrap();
    assert!(is_in_trash(&other, id));
    let mut other = other.reopened();
    while other.device.index_one(other.now).unwrap() {}
    assert!(is_in_trash(&other, id));
    exchange(&mut one, &mut other, &mut relay);
    assert!(is_in_trash(&one, id) && is_in_trash(&other, id));
    other.device.restore_deleted(id, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert!(!is_in_trash(&one, id) && !is_in_trash(&other, id));
    assert_eq!((one.texts(id).len(), other.texts(id).len()), (2, 3));
}

#[test]
fn a_copy_that_was_deleted_here_comes_back_when_a_person_restores_it() {
    let (mut one, mut other, mut relay) = two();
    let id = import(&mut one, &session(2, &[])).id;
    import(&mut other, &session(2, &[]));
    other.device.delete(id, other.now).unwrap();
    one.device.share(id, one.workspace(), one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    while other.device.index_one(other.now).unwrap() {}
    other.device.restore_deleted(id, other.now).unwrap();
    assert!(!is_in_trash(&other, id));
    exchange(&mut one, &mut other, &mut relay);
    assert!(!is_in_trash(&one, id) && !is_in_trash(&other, id));
}

#[test]
fn what_a_person_says_of_a_document_that_is_partly_here_is_what_they_see() {
    let (mut one, mut other, mut relay) = two();
    let id = import(&mut one, &session(2, &[])).id;
    import(&mut other, &session(2, &["only here"]));
    other.device.set_title(id, Some("Mine"), other.now).unwrap();
    other.device.set_label(id, "draft", true, other.now).unwrap();
    one.device.share(id, one.workspace(), one.now).unwrap();
    one.device.set_title(id, Some("Theirs"), one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    while other.device.index_one(other.now).unwrap() {}
    other.device.set_label(id, "draft", false, other.now).unwrap();
    other.device.set_title(id, Some("Theirs"), other.now).unwrap();
    for _ in 0..2 {
        let shown = other.device.show(id, other.now).unwrap();
        assert_eq!((shown.title.as_deref(), shown.marks.labels), (Some("Theirs"), vec![]));
        other = other.reopened();
    }
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
}

#[test]
fn what_is_only_here_and_comes_to_what_all_have_is_not_only_here_any_more() {
    let (mut one, mut other, mut relay) = two();
    let id = one.conversation("Theirs");
    one.say(id, "hello");
    exchange(&mut one, &mut other, &mut relay);
    let workspace = other.workspace();
    other.device.set_title(id, Some("Mine"), other.now).unwrap();
    other.device.keep_local(id, other.now).unwrap();
    other.device.forget_workspace(workspace, other.now).unwrap();
    join_again(&mut one, &mut other, &mut relay);
    other.device.keep_local(id, other.now).unwrap();
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
    other.device.set_title(id, Some("Theirs"), other.now).unwrap();
    for _ in 0..2 {
        assert_eq!(other.device.show(id, other.now).unwrap().title.as_deref(), Some("Theirs"));
        assert_eq!(only_here(&mut other, id), OnlyHere::Nothing);
        other = other.reopened();
    }
    other.device.share(id, workspace, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.device.show(id, one.now).unwrap().title.as_deref(), Some("Theirs"));
}

#[test]
fn a_local_document_joins_the_one_that_came_while_its_id_was_taken_here() {
    let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
    other.device.forget_workspace(second, other.now).unwrap();
    assert_eq!(other.device.share(id, first, other.now).unwrap(), Shared::PutIn);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.device.list(false).unwrap().len(), 1);
    for mut rig in [one, other] {
        let texts = rig.texts(id);
        assert!(
            texts.len() == 3 && texts.contains(&"a".to_owned()) && texts.contains(&"b".to_owned()),
            "{texts:?}"
        );
    }
}

#[test]
fn what_others_put_into_the_workspaces_document_meanwhile_stays_when_a_local_one_joins_it() {
    let (mut one, mut other, mut relay) = two();
    let first = one.workspace();
    let talk = one.conversation("plans");
    let agent = one.device.create_agent("Scribe", one.now).unwrap();
    write(&mut one, agent, "both.md", "of both");
    exchange(&mut one, &mut other, &mut relay);
    other.device.forget_workspace(first, other.now).unwrap();
    other.begin_workspace(9);
    let second = other.workspace();
    for id in [talk, agent] {
        other.device.share(id, second, other.now).unwrap();
    }
    other.say(talk, "from the other");
    write(&mut other, agent, "mine.md", "of the other");
    write(&mut one, agent, "theirs.md", "of one");
    one.device.set_label(talk, "theirs", true, one.now).unwrap();
    one.device.set_pinned(talk, true, one.now).unwrap();
    other.return_to(first);
    join_again(&mut one, &mut other, &mut relay);
    other.device.forget_workspace(second, other.now).unwrap();
    for id in [talk, agent] {
        assert_eq!(other.device.share(id, first, other.now).unwrap(), Shared::PutIn);
    }
    exchange(&mut one, &mut other, &mut relay);
    for mut rig in [one, other] {
        let shown = rig.device.show_agent(agent, rig.now).unwrap();
        let paths: Vec<String> = shown.files.iter().map(|file| file.path.to_string()).collect();
        assert_eq!(paths, ["both.md", "mine.md", "theirs.md"]);
        let shown = rig.device.show(talk, rig.now).unwrap();
        assert_eq!((shown.marks.labels, shown.marks.pinned), (vec!["theirs".to_owned()], true));
        assert_eq!(rig.texts(talk), ["from the other"]);
        assert_eq!(rig.device.list(false).unwrap().len(), 1);
    }
}

#[test]
fn joining_that_fails_half_way_and_is_asked_for_again_loses_nothing() {
    for nth in 1.. {
        let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
        other.device.forget_workspace(second, other.now).unwrap();
        other.commits.refuse(nth);
        let is_shared = other.device.share(id, first, other.now).is_ok();
        let spent = other.commits.is_spent();
        other.commits.refuse(0);
        let mut other = other.reopened();
        other.device.share(id, first, other.now).unwrap();
        exchange(&mut one, &mut other, &mut relay);
        assert_eq!((one.texts(id).len(), only_here(&mut other, id)), (3, OnlyHere::Nothing), "{nth}");
        assert_eq!(other.device.list(false).unwrap().len(), 1, "{nth}");
        if is_shared {
            assert!(nth > 2 && !spent, "{nth}");
            return;
        }
    }
}

#[test]
fn what_waits_in_a_local_document_that_joins_another_goes_along() {
    let (mut one, mut other, mut relay) = two();
    let first = one.workspace();
    let id = one.conversation("plans");
    one.say(id, "from one");
    exchange(&mut one, &mut other, &mut relay);
    other.disconnect();
    other.say(id, "said on top");
    let row = |rig: &Rig| rig.device.store().read().find_doc(id).unwrap().unwrap();
    let on_top = other.device.store().read().unsealed(row(&other).n).unwrap().remove(0).bytes;
    other.device.forget_workspace(first, other.now).unwrap();
    // What it builds on is gone, as it is where that never came.
    let database = other.device.store().connection();
    database.execute("DELETE FROM base WHERE doc = ?1", [row(&other).n]).unwrap();
    database.execute("UPDATE change SET bytes = ?2 WHERE doc = ?1", (row(&other).n, on_top)).unwrap();
    let mut other = other.reopened();
    assert_eq!(other.texts(id), [""; 0]);
    other.begin_workspace(9);
    let second = other.workspace();
    other.device.share(id, second, other.now).unwrap();
    other.return_to(first);
    join_again(&mut one, &mut other, &mut relay);
    other.device.forget_workspace(second, other.now).unwrap();
    assert_eq!(other.device.share(id, first, other.now).unwrap(), Shared::PutIn);
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(rig.texts(id), ["from one", "said on top"]);
    }
}

#[test]
fn what_two_changed_at_once_is_told_also_after_the_document_has_another_id() {
    let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
    let beside = other.device.list(false).unwrap().into_iter().find(|it| it.id != id).unwrap().id;
    for (rig, id) in [(&mut one, id), (&mut other, beside)] {
        rig.disconnect();
        rig.device.set_title(id, Some(&format!("named by {}", rig.device.id())), rig.now).unwrap();
    }
    exchange(&mut one, &mut other, &mut relay);
    while other.device.index_one(other.now).unwrap() {}
    assert_eq!(other.device.overlaps(other.now).unwrap().len(), 1);
    other.device.forget_workspace(second, other.now).unwrap();
    other.device.share(id, first, other.now).unwrap();
    let told = other.device.overlaps(other.now).unwrap();
    assert_eq!(told.iter().map(|it| it.document).collect::<Vec<_>>(), [id]);
}

#[test]
fn a_document_that_had_an_id_of_its_own_here_is_found_again_after_its_workspace_was_forgotten() {
    let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
    let beside = other.device.list(false).unwrap().into_iter().find(|it| it.id != id).unwrap().id;
    for workspace in [first, second] {
        other.device.forget_workspace(workspace, other.now).unwrap();
    }
    join_again(&mut one, &mut other, &mut relay);
    while other.device.index_one(other.now).unwrap() {}
    let rows = other.device.list(false).unwrap();
    let place = |id| rows.iter().find(|row| row.id == id).map(|row| row.workspace);
    assert_eq!((rows.len(), place(id), place(beside)), (2, Some(None), Some(Some(first))));
    assert_eq!(other.texts(id), ["text 0", "b"]);
    assert_eq!(other.texts(beside), ["text 0", "a"]);
}

#[test]
fn of_a_kept_document_a_list_counts_messages_however_they_were_written() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = import(&mut one, &session(2, &[])).id;
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    one.device.keep_local(id, one.now).unwrap();
    import(&mut one, &session(2, &["a", "b", "c"]));
    assert_eq!(only_here(&mut one, id), OnlyHere::Parts(3));
    one.say(id, "and this");
    one.device.set_title(id, Some("a title"), one.now).unwrap();
    one.device.set_label(id, "a label", true, one.now).unwrap();
    assert_eq!(only_here(&mut one, id), OnlyHere::Parts(4));
    assert_eq!(one.device.show(id, one.now).unwrap().only_here.len(), 4);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id).len(), 2);
}

#[test]
fn a_way_in_that_has_failed_and_is_begun_anew_loses_nothing_of_what_is_here() {
    let (mut rig, _, mut relay) = Rig::member();
    let id = rig.conversation("plans");
    rig.say(id, "from before");
    rig.sync(&mut relay);
    rig.device.forget_workspace(rig.workspace(), rig.now).unwrap();
    // Another workspace, in which this device was never.
    let (mut stranger, mut other_relay) = Author::owner(5);
    let used_there = stranger.put_ticket(&mut other_relay, false);
    Author::join(9, &used_there, &mut other_relay);
    rig.join(&code(&other_relay, &used_there));
    let workspace = rig.workspace();
    assert_eq!(rig.device.share(id, workspace, rig.now).unwrap(), Shared::Moved);
    rig.say(id, "while waiting");
    rig.sync(&mut other_relay);
    rig.sync(&mut other_relay);
    assert!(matches!(rig.notices.last(), Some(Notice::JoinFailed(_, JoinFailed::TicketUsed))));
    let good = stranger.put_ticket(&mut other_relay, false);
    rig.join(&code(&other_relay, &good));
    for _ in 0..2 {
        assert_eq!(rig.texts(id), ["from before", "while waiting"]);
        rig.sync(&mut other_relay);
        rig = rig.reopened();
    }
    assert!(rig.status().member);
}
