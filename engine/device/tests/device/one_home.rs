//! One home of another application on two devices: agents, skills and memories that are one once both are shared, and two that
//! stay two.

use bowline_core::document::{AgentEdit, AgentField, FilePath, Kind};
use bowline_device::{
    Error, FilesEdit, FilesImport, Merged, Notice, Outcome, Shared, SourceFile, Unmergeable, Verdict, Why,
};
use bowline_wire::ids::{DocId, WorkspaceId};

use crate::relay::FakeRelay;
use crate::rig::{Rig, exchange, join_again, two};

/// What no template says, and enough of it.
const SOUL: &str = "You are the cook of Ada's kitchen.\n";
const USER: &str = "# USER.md - About Your Human\n\nAda, who cannot eat nuts.\n";
/// The beginning of a file that OpenClaw writes for everybody.
const TEMPLATE: &str = "# SOUL.md - Who You Are\n";

type File<'a> = (&'a str, &'a str);

/// Two devices of one person, in one workspace.
fn own_two() -> (Rig, Rig, FakeRelay) {
    let (mut one, _, mut relay) = Rig::member();
    let mut other = Rig::new(3);
    join_again(&mut one, &mut other, &mut relay);
    (one, other, relay)
}

fn import(rig: &mut Rig, kind: Kind, name: &str, files: &[File<'_>]) -> (DocId, Outcome) {
    let source = format!("openclaw//{}/main", kind.words().one);
    let paths: Vec<FilePath> = files.iter().map(|(at, _)| FilePath::parse(at).unwrap()).collect();
    let files: Vec<SourceFile<'_>> = files
        .iter()
        .zip(&paths)
        .map(|((_, text), path)| SourceFile { path, content: text.as_bytes(), executable: false })
        .collect();
    let import = FilesImport {
        source: &source,
        app: "openclaw",
        kind,
        name: Some(name),
        description: None,
        model: None,
        values: &[],
        files: &files,
    };
    let done = rig.device.import_files(&import, rig.now).unwrap();
    (done.id.unwrap(), done.outcome)
}

fn agent(rig: &mut Rig, files: &[File<'_>]) -> DocId {
    import(rig, Kind::Agent, "Cook", files).0
}

fn share(rig: &mut Rig, id: DocId) -> Shared {
    rig.device.share(id, rig.workspace(), rig.now).unwrap()
}

/// Goes on until nothing more comes and nothing more is joined.
fn settle(one: &mut Rig, other: &mut Rig, relay: &mut FakeRelay) {
    for _ in 0..2 {
        exchange(one, other, relay);
        for rig in [&mut *one, &mut *other] {
            while rig.device.index_one(rig.now).unwrap() {}
            while rig.device.join_twins(rig.now).unwrap() {}
        }
    }
    exchange(one, other, relay);
}

fn rows(rig: &Rig, kind: Kind) -> Vec<(DocId, Option<WorkspaceId>)> {
    rig.device.list_kind(kind, false).unwrap().into_iter().map(|row| (row.id, row.workspace)).collect()
}

fn files(rig: &mut Rig, id: DocId) -> Vec<(String, String)> {
    let exported = rig.device.versions(id, rig.now).unwrap().files(None).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    exported.iter().map(|file| (file.path.to_string(), text(file.content.as_bytes()))).collect()
}

fn pairs(files: &[File<'_>]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// How often a device said that two documents are one now.
fn notices(rig: &Rig) -> usize {
    rig.notices.iter().filter(|it| matches!(it, Notice::Merged { .. })).count()
}

const HOME: [(Kind, &[File<'static>]); 3] = [
    (Kind::Agent, &[("AGENTS.md", "Be brief, and never guess a recipe.\n"), ("SOUL.md", SOUL)]),
    (Kind::Skill, &[("SKILL.md", "---\nname: Cook\n---\nWeigh the flour first.\n")]),
    (Kind::Memory, &[("MEMORY.md", "The oven runs hot.\n"), ("USER.md", USER)]),
];

fn import_all(rig: &mut Rig) -> Vec<(DocId, Outcome)> {
    HOME.iter().map(|(kind, files)| import(rig, *kind, "Cook", files)).collect()
}

#[test]
fn one_home_on_two_devices_makes_one_of_each_once_both_are_shared_in_either_order() {
    for is_known_before in [false, true] {
        let (mut one, mut other, mut relay) = own_two();
        let workspace = one.workspace();
        let firsts = import_all(&mut one);
        let seconds = import_all(&mut other);
        for (id, _) in &firsts {
            assert_eq!(share(&mut one, *id), Shared::Moved);
        }
        if is_known_before {
            exchange(&mut one, &mut other, &mut relay);
        } else {
            one.sync(&mut relay);
        }
        for ((id, _), (first, _)) in seconds.iter().zip(&firsts) {
            let expected =
                if is_known_before { Shared::Joined { into: *first, differ: 0 } } else { Shared::Moved };
            assert_eq!(share(&mut other, *id), expected);
        }
        settle(&mut one, &mut other, &mut relay);
        for rig in [&mut one, &mut other] {
            for ((kind, expected), (first, _)) in HOME.iter().zip(&firsts) {
                assert_eq!(rows(rig, *kind), [(*first, Some(workspace))], "{kind:?}, {is_known_before}");
                assert_eq!(files(rig, *first), pairs(expected));
            }
            let again = import_all(rig);
            assert!(again.iter().zip(&firsts).all(|(again, first)| *again == (first.0, Outcome::Unchanged)));
        }
        // Who is asked hears of it by the answer; who was not, by a notice.
        let expected = if is_known_before { 0 } else { 3 };
        assert_eq!((notices(&other), notices(&one)), (expected, 0));
        // What is new in either home goes to the one document, and to the other device.
        let more = [("AGENTS.md", "Be brief, and never guess a recipe.\n"), ("SOUL.md", "You are new.\n")];
        assert_eq!(import(&mut other, Kind::Agent, "Cook", &more), (firsts[0].0, Outcome::More));
        exchange(&mut one, &mut other, &mut relay);
        assert_eq!(files(&mut one, firsts[0].0), pairs(&more));
    }
}

#[test]
fn of_two_that_were_shared_at_once_only_the_later_one_joins_and_nobody_is_left_without() {
    let (mut one, mut other, mut relay) = own_two();
    let (a, b) = (agent(&mut one, HOME[0].1), agent(&mut other, HOME[0].1));
    share(&mut one, a);
    share(&mut other, b);
    // The other one's comes first, and both look as soon as they can.
    other.sync(&mut relay);
    settle(&mut one, &mut other, &mut relay);
    settle(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(rows(rig, Kind::Agent), [(b, Some(rig.workspace()))]);
        assert_eq!(agent(rig, HOME[0].1), b);
    }
    // Who takes it out of the trash wants two.
    one.device.restore_deleted(a, one.now).unwrap();
    settle(&mut one, &mut other, &mut relay);
    assert_eq!(rows(&one, Kind::Agent).len(), 2);
}

#[test]
fn homes_that_went_on_apart_become_one_with_all_that_is_in_both() {
    let (mut one, mut other, mut relay) = own_two();
    let (first, _) = import(&mut one, Kind::Memory, "Cook", &[("MEMORY.md", "a"), ("USER.md", USER)]);
    let theirs = [("MEMORY.md", "b"), ("USER.md", USER), ("memory/1.md", "new")];
    let (second, _) = import(&mut other, Kind::Memory, "Cook", &theirs);
    share(&mut one, first);
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(share(&mut other, second), Shared::Joined { into: first, differ: 1 });
    settle(&mut one, &mut other, &mut relay);
    let expected =
        pairs(&[("MEMORY.md", "a"), ("MEMORY.merged.md", "b"), ("USER.md", USER), ("memory/1.md", "new")]);
    for rig in [&mut one, &mut other] {
        assert_eq!(rows(rig, Kind::Memory), [(first, Some(rig.workspace()))]);
        assert_eq!(files(rig, first), expected);
    }
    assert_eq!(import(&mut other, Kind::Memory, "Cook", &theirs), (first, Outcome::Unchanged));
    // What joined is as it was, for whoever wants it back.
    let trash = other.device.list_kind(Kind::Memory, true).unwrap();
    assert_eq!(trash.iter().map(|row| row.id).collect::<Vec<_>>(), [second]);
    assert_eq!(files(&mut other, second), pairs(&theirs));
}

/// Has one share an agent and the other one another, and gives how many there are then.
fn apart(
    (mut one, mut other, mut relay): (Rig, Rig, FakeRelay),
    first: &[File<'_>],
    second: (&str, &[File<'_>]),
) -> usize {
    let a = agent(&mut one, first);
    let (b, _) = import(&mut other, Kind::Agent, second.0, second.1);
    share(&mut one, a);
    settle(&mut one, &mut other, &mut relay);
    share(&mut other, b);
    settle(&mut one, &mut other, &mut relay);
    assert_eq!(rows(&one, Kind::Agent).len(), rows(&other, Kind::Agent).len());
    rows(&one, Kind::Agent).len()
}

#[test]
fn in_doubt_they_stay_two() {
    let files: &[File<'_>] = &[("AGENTS.md", TEMPLATE), ("SOUL.md", SOUL)];
    assert_eq!(apart(own_two(), files, ("Cook", files)), 1);
    assert_eq!(apart(two(), files, ("Cook", files)), 2, "another person's");
    assert_eq!(apart(own_two(), files, ("Chef", files)), 2, "another name");
    assert_eq!(
        apart(own_two(), &[("SOUL.md", TEMPLATE)], ("Cook", &[("SOUL.md", TEMPLATE)])),
        2,
        "templates"
    );
    let differs: &[File<'_>] = &[("AGENTS.md", TEMPLATE), ("SOUL.md", "You are somebody else altogether.\n")];
    assert_eq!(apart(own_two(), files, ("Cook", differs)), 2, "only a template in common");
    let short = |soul| [("note.md", "Nuts.\n"), ("SOUL.md", soul)];
    assert_eq!(apart(own_two(), &short("a"), ("Cook", &short("b"))), 2, "a word in common");
    let licence = |soul| [("LICENSE", "Do what you want with all of this.\n"), ("SOUL.md", soul)];
    assert_eq!(apart(own_two(), &licence("a"), ("Cook", &licence("b"))), 2, "a licence in common");
}

#[test]
fn one_that_may_be_either_of_two_stays_by_itself() {
    let (mut one, mut other, mut relay) = own_two();
    for more in ["a", "b"] {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some("Cook"));
        edit.write_file(FilePath::parse("SOUL.md").unwrap(), SOUL);
        edit.write_file(FilePath::parse("more.md").unwrap(), more);
        let id = one.device.create_agent_with(&edit, one.now).unwrap();
        share(&mut one, id);
    }
    exchange(&mut one, &mut other, &mut relay);
    let id = agent(&mut other, &[("SOUL.md", SOUL)]);
    assert_eq!(share(&mut other, id), Shared::Moved);
    assert_eq!(other.device.namesakes(id).unwrap().len(), 2);
    // One that holds the same and nothing else is the one, whatever is like it besides.
    let id = import(&mut one, Kind::Skill, "Cook", HOME[1].1).0;
    share(&mut one, id);
    exchange(&mut one, &mut other, &mut relay);
    let same = import(&mut other, Kind::Skill, "Cook", HOME[1].1).0;
    assert_eq!(share(&mut other, same), Shared::Joined { into: id, differ: 0 });
}

#[test]
fn what_a_person_deletes_of_two_that_are_one_is_imported_into_the_other_one_from_then_on() {
    let (mut one, mut other, mut relay) = own_two();
    let (a, b) = (agent(&mut one, HOME[0].1), agent(&mut other, HOME[0].1));
    share(&mut one, a);
    one.sync(&mut relay);
    share(&mut other, b);
    other.device.delete(b, other.now).unwrap();
    settle(&mut one, &mut other, &mut relay);
    assert_eq!(import(&mut other, Kind::Agent, "Cook", HOME[0].1), (a, Outcome::Unchanged));
    assert_eq!(rows(&other, Kind::Agent), [(a, Some(one.workspace()))]);
}

#[test]
fn two_are_merged_by_hand_where_they_are_and_where_the_first_is() {
    let (mut one, mut other, mut relay) = own_two();
    let workspace = one.workspace();
    let made = |rig: &mut Rig, name: &str, soul: &str| {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some(name)).write_file(FilePath::parse("SOUL.md").unwrap(), soul);
        rig.device.create_agent_with(&edit, rig.now).unwrap()
    };
    let a = made(&mut one, "Cook", "a");
    share(&mut one, a);
    let (b, _) = import(&mut one, Kind::Agent, "Chef", &[("SOUL.md", "b"), ("b.md", "b")]);
    assert_eq!(
        one.device.merge(b, a, one.now).unwrap_err().to_string(),
        Error::Unmergeable(Unmergeable::OnlyHere(b)).to_string()
    );
    let merged = one.device.merge(a, b, one.now).unwrap();
    let path = |path| FilePath::parse(path).unwrap();
    let beside = Why::ChangedOnBothSides(Some(path("SOUL.merged.md")));
    let verdict = |outcome, why| Verdict { outcome, why };
    assert_eq!(
        merged,
        Merged {
            into: a,
            from: b,
            workspace: Some(workspace),
            fields: vec![(
                "name".to_owned(),
                verdict(Outcome::Conflict, Some(Why::ChangedOnBothSides(None)))
            )],
            files: vec![
                (path("SOUL.md"), verdict(Outcome::Conflict, Some(beside))),
                (path("b.md"), verdict(Outcome::New, None)),
            ],
        }
    );
    exchange(&mut one, &mut other, &mut relay);
    for rig in [&mut one, &mut other] {
        assert_eq!(files(rig, a), pairs(&[("SOUL.md", "a"), ("SOUL.merged.md", "b"), ("b.md", "b")]));
        assert_eq!(rows(rig, Kind::Agent), [(a, Some(workspace))]);
    }
    // The home it came from is imported into what it is now.
    assert_eq!(import(&mut one, Kind::Agent, "Chef", &[("SOUL.md", "b"), ("b.md", "c")]), (a, Outcome::More));
    // Two in one workspace, and two on this device.
    let c = made(&mut other, "Baker", "c");
    share(&mut other, c);
    exchange(&mut one, &mut other, &mut relay);
    one.device.merge(a, c, one.now).unwrap();
    exchange(&mut one, &mut other, &mut relay);
    assert_eq!(rows(&other, Kind::Agent), [(a, Some(workspace))]);
    assert_eq!(files(&mut other, a)[1], ("SOUL.merged-2.md".to_owned(), "c".to_owned()));
    one.device.forget_workspace(workspace, one.now).unwrap();
    let d = made(&mut one, "Cook", "d");
    assert_eq!(one.device.merge(d, a, one.now).unwrap().workspace, None);
    assert_eq!(rows(&one, Kind::Agent), [(d, None)]);
}

#[test]
fn what_cannot_be_merged_is_left_as_it_is() {
    let (mut one, _, _) = own_two();
    let a = agent(&mut one, &[("SOUL.md", "a")]);
    share(&mut one, a);
    let (memory, _) = import(&mut one, Kind::Memory, "Cook", &[("USER.md", "x")]);
    let conversation = one.conversation("Cook");
    let b = one.device.create_agent("Cook", one.now).unwrap();
    let refused = |rig: &mut Rig, first, second| rig.device.merge(first, second, rig.now).unwrap_err();
    assert!(matches!(refused(&mut one, a, memory), Error::OtherKind(id) if id == memory));
    assert!(matches!(refused(&mut one, conversation, conversation), Error::OtherKind(_)));
    assert!(matches!(refused(&mut one, a, a), Error::Unmergeable(Unmergeable::Same)));
    one.device.delete(b, one.now).unwrap();
    assert!(matches!(refused(&mut one, a, b), Error::Unmergeable(Unmergeable::InTrash(id)) if id == b));
    one.device.restore_deleted(b, one.now).unwrap();
    let c = one.device.create_files(&FilesEdit::of(Kind::Agent).unwrap(), one.now).unwrap();
    one.device.keep_local(c, one.now).unwrap();
    let kept = refused(&mut one, a, c);
    assert!(matches!(kept, Error::Unmergeable(Unmergeable::Kept(id)) if id == c), "{kept}");
    let first = one.workspace();
    one.begin_workspace(9);
    let second = one.workspace();
    let d = one.device.create_agent("Cook", one.now).unwrap();
    share(&mut one, d);
    let apart = refused(&mut one, a, d);
    assert!(matches!(apart, Error::Unmergeable(why) if why == Unmergeable::Apart { first, second }));
    assert!(one.device.list_kind(Kind::Agent, true).unwrap().is_empty());
}

#[test]
fn an_end_in_the_middle_of_a_merge_loses_nothing_and_the_same_again_finishes_it() {
    for nth in 1..=2 {
        let (mut one, mut other, mut relay) = own_two();
        let files = [("AGENTS.md", "a"), ("SOUL.md", SOUL)];
        let a = agent(&mut one, &files);
        share(&mut one, a);
        exchange(&mut one, &mut other, &mut relay);
        let theirs = [("AGENTS.md", "b"), ("SOUL.md", SOUL)];
        let b = agent(&mut other, &theirs);
        while other.device.index_one(other.now).unwrap() {}
        other.device.show_agent(a, other.now).unwrap();
        other.device.show_agent(b, other.now).unwrap();
        other.commits.refuse(nth);
        assert!(other.device.share(b, other.workspace(), other.now).is_err());
        assert!(other.commits.is_spent());
        let mut other = other.reopened();
        assert_eq!(self::files(&mut other, b), pairs(&theirs), "{nth}");
        assert_eq!(agent(&mut other, &theirs), b, "the home is still imported where it was");
        assert_eq!(share(&mut other, b), Shared::Joined { into: a, differ: 1 });
        settle(&mut one, &mut other, &mut relay);
        let expected = pairs(&[("AGENTS.md", "a"), ("AGENTS.merged.md", "b"), ("SOUL.md", SOUL)]);
        assert_eq!(self::files(&mut one, a), expected, "{nth}");
        assert_eq!(rows(&other, Kind::Agent), [(a, Some(one.workspace()))]);
    }
}
