//! One session on several devices: imported apart, shared, merged.

use bowline_core::document::limits::LINE_MAX;
use bowline_device::{DocumentState, Kept, OnlyHere, Outcome, Shared, Why};
use bowline_wire::ids::{DocId, WorkspaceId};

use crate::importing::{
    bytes_of, everything, file, heads, import, import_again, import_as, message, session, source,
};
use crate::one_row::only_here;
use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, two};

fn rows(rig: &Rig, id: DocId) -> Vec<Option<WorkspaceId>> {
    let mut places: Vec<_> =
        rig.device.list(false).unwrap().into_iter().filter(|it| it.id == id).map(|it| it.workspace).collect();
    places.sort();
    places
}

#[test]
fn one_session_imported_on_two_devices_is_one_conversation_once_both_are_shared() {
    let (mut one, mut other, mut relay) = two();
    let (a, b) = (session(3, &["on one"]), session(3, &["on the other"]));
    let id = import(&mut one, &a).id;
    assert_eq!(import(&mut other, &b).id, id);
    assert_eq!(rows(&one, id), [None], "an import shares nothing");
    let workspace = one.workspace();
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    // Before anybody looks at it, too: one row, and all of it is shown.
    assert_eq!(rows(&other, id), [Some(workspace)]);
    assert_eq!(only_here(&mut other, id), OnlyHere::Parts(1));
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::PartlyHere);
    assert_eq!((other.texts(id).len(), one.texts(id).len()), (5, 4));
    assert_eq!(other.device.share(id, workspace, other.now).unwrap(), Shared::PutIn);
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(rows(rig, id), [Some(workspace)]);
        assert_eq!(only_here(rig, id), OnlyHere::Nothing);
        let mut said = rig.texts(id);
        said.sort();
        assert_eq!(said, ["on one", "on the other", "text 0", "text 1", "text 2"]);
        assert_eq!(rig.device.list(false).unwrap()[0].count, 5);
        assert_ne!(rig.device.document_state(id).unwrap(), DocumentState::Queued);
    }
    assert_eq!(heads(&mut one, id), heads(&mut other, id));
    import_again(&mut one, &a);
    // What comes later goes to where the conversation is by now.
    let more = import(&mut other, &session(3, &["on the other", "later"]));
    assert_eq!((more.outcome, more.workspace, more.added), (Outcome::More, Some(workspace), 1));
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id).len(), 6);
}

#[test]
fn what_a_workspace_has_already_is_left_alone_and_what_it_lacks_comes_beside_it() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let bytes = session(3, &[]);
    let id = import(&mut one, &bytes).id;
    one.device.share(id, workspace, one.now).unwrap();
    one.say(id, "said here");
    exchange(&mut one, &mut other, &mut relay);
    other.texts(id);
    let before = everything(&other);
    let same = import(&mut other, &bytes);
    assert_eq!((same.outcome, same.workspace, same.id), (Outcome::Unchanged, Some(workspace), id));
    assert_eq!(everything(&other), before);
    let (more, outcomes) = import_as(&mut other, &source(), &session(3, &["new"]));
    assert_eq!((more.outcome, more.workspace, more.added), (Outcome::More, None, 1));
    assert_eq!(more.why, Some(Why::LessInWorkspace(workspace)));
    assert_eq!(outcomes.iter().filter(|line| line.outcome == Outcome::Unchanged).count(), 4);
    assert_eq!((rows(&other, id), only_here(&mut other, id)), (vec![Some(workspace)], OnlyHere::Parts(1)));
    assert_eq!(other.texts(id).len(), 5);
    import_again(&mut other, &session(3, &["new"]));
    other.sync(&mut relay);
    one.sync(&mut relay);
    assert_eq!(one.texts(id).len(), 4, "nothing was shared that nobody has shared");
    other.device.share(id, workspace, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(rows(rig, id), [Some(workspace)]);
        let mut said = rig.texts(id);
        said.sort();
        assert_eq!(said, ["new", "said here", "text 0", "text 1", "text 2"]);
    }
    assert_eq!(heads(&mut one, id), heads(&mut other, id));
    import_again(&mut other, &session(3, &["new"]));
}

#[test]
fn a_line_that_stayed_in_a_file_is_missing_on_the_other_device_until_that_has_it() {
    let (mut one, mut other, mut relay) = two();
    let (first, last) = (message("a", "first"), message("c", "last"));
    let huge = message("b", &"x".repeat(LINE_MAX));
    let long = file(&[&first, &huge, &last]);
    let id = import(&mut one, &long).id;
    let workspace = one.workspace();
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        let out = rig.device.session_file(id, rig.now).unwrap();
        assert_eq!(out.bytes, file(&[&first, &last]));
        assert_eq!(
            out.missing.iter().map(|line| (line.line, line.bytes)).collect::<Vec<_>>(),
            [(2, Some(huge.len() as u64))]
        );
        import_again(rig, &long);
    }
    assert_eq!(only_here(&mut other, id), OnlyHere::Nothing, "it was noted already");
    // The application has compacted the line.
    let short = file(&[&first, &message("b", "short"), &last]);
    let more = import(&mut one, &short);
    assert_eq!((more.outcome, more.added, more.left), (Outcome::More, 1, 0));
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(rig.device.session_file(id, rig.now).unwrap().missing, []);
        assert_eq!(rig.texts(id).len(), 3);
    }
    import_again(&mut one, &short);
}

#[test]
fn a_merge_that_cannot_be_stored_leaves_both_as_they_were() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = import(&mut one, &session(3, &["a"])).id;
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    import(&mut other, &session(3, &["b"]));
    other.device.index_one(other.now).unwrap();
    other.device.show(id, other.now).unwrap();
    other.commits.refuse(1);
    assert!(other.device.share(id, workspace, other.now).is_err());
    assert!(other.commits.is_spent());
    let mut other = other.reopened();
    assert_eq!((rows(&other, id), only_here(&mut other, id)), (vec![Some(workspace)], OnlyHere::Parts(1)));
    other.device.share(id, workspace, other.now).unwrap();
    assert_eq!((rows(&other, id), other.texts(id).len()), (vec![Some(workspace)], 5));
    assert_eq!(only_here(&mut other, id), OnlyHere::Nothing);
}

/// One has shared a session into the first workspace, and the other, who is in that too, its own of the same id into a second.
pub(crate) fn one_id_in_two_workspaces() -> (Rig, Rig, FakeRelay, DocId, [WorkspaceId; 2]) {
    let (mut one, mut other, mut relay) = two();
    let first = one.workspace();
    let id = import(&mut other, &session(1, &["b"])).id;
    other.begin_workspace(9);
    let second = other.workspace();
    other.device.share(id, second, other.now).unwrap();
    import(&mut one, &session(1, &["a"]));
    one.device.share(id, first, one.now).unwrap();
    one.sync(&mut relay);
    other.return_to(first);
    other.sync(&mut relay);
    (one, other, relay, id, [first, second])
}

#[test]
fn documents_of_one_id_in_two_workspaces_are_two_documents_each_with_an_id_of_its_own_here() {
    let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
    assert_eq!(rows(&other, id), [Some(second)]);
    let beside =
        other.device.list(false).unwrap().into_iter().find(|it| it.workspace == Some(first)).unwrap();
    assert_ne!(beside.id, id);
    assert_eq!(other.texts(beside.id), ["text 0", "a"]);
    // It goes on where it is, for the others under the id that it has for them.
    other.say(beside.id, "from the other");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id), ["text 0", "a", "from the other"]);

    other.device.forget_workspace(first, other.now).unwrap();
    assert_eq!((rows(&other, id), rows(&other, beside.id)), (vec![Some(second)], vec![None]));
    // What others wrote elsewhere is written again in this device's name, and says whose it was.
    assert_eq!(other.device.share(beside.id, second, other.now).unwrap(), Shared::Moved);
    assert_eq!(rows(&other, beside.id), [Some(second)]);
    assert_eq!(other.texts(beside.id), ["text 0", "a", "from the other"]);
}

#[test]
fn a_document_of_one_workspace_is_copied_into_another_and_says_where_it_came_from() {
    let (mut one, _, mut relay) = two();
    let first = one.workspace();
    let id = one.conversation("in both");
    one.say(id, "said in the first");
    one.sync(&mut relay);
    one.begin_workspace(9);
    let second = one.workspace();
    let Shared::Copied(copy) = one.device.share(id, second, one.now).unwrap() else { panic!("moved") };
    assert_ne!(copy, id);
    assert_eq!((rows(&one, id), rows(&one, copy)), (vec![Some(first)], vec![Some(second)]));
    assert_eq!(one.texts(copy), ["said in the first"]);
    let shown = one.device.show(copy, one.now).unwrap();
    assert_eq!(shown.copied_from, Some(format!("{first}/{id}")));
    one.say(copy, "only in the second");
    assert_eq!(one.texts(id), ["said in the first"]);
}

#[test]
fn sharing_an_import_seals_it_and_the_next_one_adds_to_it() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let bytes = session(5_000, &[]);
    let id = import(&mut one, &bytes).id;
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(bytes_of(&mut other, id), bytes);
    let bytes = session(5_000, &["more"]);
    let more = import(&mut one, &bytes);
    assert_eq!((more.outcome, more.workspace), (Outcome::More, Some(workspace)));
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(bytes_of(&mut other, id), bytes);
    assert_eq!(heads(&mut one, id), heads(&mut other, id));
    import_again(&mut one, &bytes);
}

#[test]
fn what_was_shared_into_one_workspace_is_never_added_to_in_another() {
    let (mut one, mut other, mut relay, id, [first, second]) = one_id_in_two_workspaces();
    other.device.use_workspace(Some(first)).unwrap();
    let more = import(&mut other, &session(1, &["b", "c"]));
    assert_eq!((more.outcome, more.workspace, more.added), (Outcome::More, Some(second), 1));
    other.sync(&mut relay);
    one.sync(&mut relay);
    assert_eq!(one.texts(id), ["text 0", "a"], "nothing was shared that nobody has shared");
}

#[test]
fn what_is_only_here_beside_what_a_workspace_has_can_be_kept_here_and_is_exported() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let id = import(&mut one, &session(2, &[])).id;
    one.device.share(id, workspace, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    other.device.use_workspace(Some(workspace)).unwrap();
    let longer = session(2, &["more"]);
    assert_eq!(import(&mut other, &longer).why, Some(Why::LessInWorkspace(workspace)));
    assert_eq!(other.device.session_file(id, other.now).unwrap().bytes, longer);
    assert_eq!(other.device.shareable().unwrap().len(), 1);
    assert_eq!(other.device.keep_local(id, other.now).unwrap(), Kept::Beside(workspace));
    assert!(other.device.shareable().unwrap().is_empty());
    other.say(id, "private");
    assert_eq!(other.device.document_state(id).unwrap(), DocumentState::Kept);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!((one.texts(id).len(), other.texts(id).len()), (2, 4), "nothing leaves");
    one.say(id, "from one");
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(other.texts(id).len(), 5, "what others write still comes");
    let shown = other.device.show(id, other.now).unwrap();
    assert_eq!(shown.only_here.len(), 2);
    other.device.share(id, workspace, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!((one.texts(id).len(), heads(&mut one, id)), (5, heads(&mut other, id)));
}

#[test]
fn a_gap_in_what_is_remembered_makes_the_next_import_ask_the_document() {
    let mut rig = Rig::new(1);
    let bytes = session(3, &[]);
    let id = import(&mut rig, &bytes).id;
    // As two imports at once leave it: the number of lines of one, and the lines of the other.
    let gone = rig.device.store().connection().execute("DELETE FROM import_line", ()).unwrap();
    assert!(gone > 0);
    let longer = session(3, &["more"]);
    let more = import(&mut rig, &longer);
    assert_eq!((more.outcome, more.added, more.present), (Outcome::More, 1, 4));
    assert_eq!(bytes_of(&mut rig, id), longer);
    import_again(&mut rig, &longer);
}

#[test]
fn a_torn_line_goes_when_the_whole_of_it_comes_from_another_device() {
    let (mut one, mut other, mut relay) = two();
    let workspace = one.workspace();
    let whole = session(3, &["the last"]);
    let torn = &whole[..whole.len() - 20];
    let id = import(&mut one, torn).id;
    one.device.share(id, workspace, one.now).unwrap();
    import(&mut other, &whole);
    exchange(&mut one, &mut other, &mut relay);
    other.device.share(id, workspace, other.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(one.texts(id).len(), 4);
    assert_ne!(bytes_of(&mut one, id), whole, "the torn line is still there");
    import(&mut one, &whole);
    assert_eq!(bytes_of(&mut one, id), whole);
    import_again(&mut one, &whole);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(bytes_of(&mut other, id), whole);
}
