//! Where what others wrote meets what this device wrote at the same time: each of the two hears of it, and nobody else.

use crate::support::{Author, device};
use bowline_core::document::{ActorId, AgentField, FilePath, Kind, Overlap, OverlapAt};

/// Two devices that have the same agent.
fn two() -> (Author, Author) {
    let (mut ana, mut ben) = (Author::agent(1), Author::agent(2));
    ana.edit(|edit| {
        edit.set(AgentField::Name, Some("Benny"));
    });
    ana.write("AGENTS.md", "# Rules\nBe brief.\nBe kind.\nBe there.\n");
    ben.receive(&[ana.seal(1)]);
    (ana, ben)
}

/// What each of the two is told once it has the other's work.
fn told(mut ana: Author, mut ben: Author) -> [Vec<OverlapAt>; 2] {
    let before = [ana.document.heads(), ben.document.heads()];
    let sealed = [ana.seal(2), ben.seal(3)];
    ana.receive(&sealed[1..]);
    ben.receive(&sealed[..1]);
    let told = |author: &Author, before, other: u8| {
        let own = device(author.number);
        let overlaps = author.document.overlaps(before, |actor| actor.belongs_to(own));
        assert!(overlaps.iter().all(|it| it.others.len() == 1 && it.others[0].belongs_to(device(other))));
        overlaps.into_iter().map(|Overlap { at, .. }| at).collect()
    };
    [told(&ana, &before[0], 2), told(&ben, &before[1], 1)]
}

fn path(path: &str) -> FilePath {
    FilePath::parse(path).unwrap()
}

fn rename(author: &mut Author, name: &str) {
    author.edit(|edit| {
        edit.set(AgentField::Name, Some(name));
    });
}

#[test]
fn two_who_change_one_line_are_both_told_which() {
    let (mut ana, mut ben) = two();
    ana.write("AGENTS.md", "# Rules\nBe brief.\nBe very kind.\nBe there.\n");
    ben.write("AGENTS.md", "# Rules\nBe brief.\nBe kind to all.\nBe there.\n");
    let lines = vec![OverlapAt::Lines { path: path("AGENTS.md"), lines: 3..4 }];
    assert_eq!(told(ana, ben), [lines.clone(), lines]);
}

#[test]
fn two_who_change_different_lines_are_told_nothing() {
    let (mut ana, mut ben) = two();
    ana.write("AGENTS.md", "# Rules!\nBe brief.\nBe kind.\nBe there.\n");
    ben.write("AGENTS.md", "# Rules\nBe brief.\nBe kind.\nBe there!\n").write("NEW.md", "new");
    assert_eq!(told(ana, ben), [vec![], vec![]]);
}

#[test]
fn what_one_wrote_after_having_seen_the_other_is_no_overlap() {
    let (mut ana, mut ben) = two();
    ana.write("AGENTS.md", "# Rules\nBe very brief.\nBe kind.\nBe there.\n");
    ben.receive(&[ana.seal(2)]);
    ben.write("AGENTS.md", "# Rules\nBe extremely brief.\nBe kind.\nBe there.\n");
    let before = ana.document.heads();
    ana.receive(&[ben.seal(3)]);
    assert_eq!(ana.document.overlaps(&before, |actor| actor.belongs_to(device(1))), []);
}

#[test]
fn an_overlap_that_came_together_with_a_later_edit_is_still_told() {
    let (mut ana, mut ben) = two();
    ana.write("AGENTS.md", "# Rules\nBe very brief.\nBe kind.\nBe there.\n");
    ben.write("AGENTS.md", "# Rules\nBe somewhat brief.\nBe kind.\nBe there.\n");
    let (of_ana, before) = (ana.seal(2), ana.document.heads());
    ben.receive(&[of_ana]).write("OTHER.md", "seen both");
    ana.receive(&[ben.seal(3)]);
    let found = ana.document.overlaps(&before, |actor| actor.belongs_to(device(1)));
    let at = OverlapAt::Lines { path: path("AGENTS.md"), lines: 2..3 };
    assert_eq!(found.into_iter().map(|it| it.at).collect::<Vec<_>>(), [at]);
}

#[test]
fn of_two_names_both_are_told_which_holds_and_which_does_not() {
    let (mut ana, mut ben) = two();
    rename(&mut ana, "Anna's");
    rename(&mut ben, "Ben's");
    let [to_ana, to_ben] = told(ana, ben);
    let ours = |told: &[OverlapAt]| match told {
        [OverlapAt::Value { field, holds, lost, ours_holds }] if field == "name" && holds != lost => {
            *ours_holds
        }
        _ => panic!("one value each"),
    };
    assert_ne!(ours(&to_ana), ours(&to_ben), "one of the two names holds, on both devices");
}

#[test]
fn the_same_name_twice_is_no_overlap() {
    let (mut ana, mut ben) = two();
    rename(&mut ana, "Bea");
    rename(&mut ben, "Bea");
    assert_eq!(told(ana, ben), [vec![], vec![]]);
}

#[test]
fn two_who_rename_a_conversation_at_once_are_told_and_who_says_something_is_not() {
    let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
    ana.say("hello").title("First");
    ben.receive(&[ana.seal(1)]);
    ana.title("Ana's").say("more");
    ben.title("Ben's").say("and more");
    assert_eq!(told(ana.clone(), ben).map(|told| told.len()), [1, 1]);
    let mut carl = Author::conversation(3);
    carl.receive(&[Author::conversation(1).say("hello").title("First").seal(1)]).say("hi");
    let mut ana = Author::conversation(1);
    ana.say("hello").title("First");
    ana.seal(1);
    ana.title("Ana's");
    let before = ana.document.heads();
    ana.receive(&[carl.seal(3)]);
    assert_eq!(ana.document.overlaps(&before, |actor| actor.belongs_to(device(1))), []);
}

#[test]
fn a_file_that_one_removed_and_the_other_changed_is_there_and_both_are_told() {
    let (mut ana, mut ben) = two();
    ana.remove("AGENTS.md");
    ben.write("AGENTS.md", "# Rules\nBe brief.\nBe kind to all.\nBe there.\n");
    let agents = || path("AGENTS.md");
    assert_eq!(
        told(ana, ben),
        [vec![OverlapAt::WeRemoved { path: agents() }], vec![OverlapAt::TheyRemoved { path: agents() }]]
    );
}

#[test]
fn two_files_begun_at_one_path_are_both_told_of_and_equal_ones_are_not() {
    let (mut ana, mut ben) = two();
    ana.write("TOOLS.md", "from ana").write("SAME.md", "template");
    ben.write("TOOLS.md", "from ben").write("SAME.md", "template");
    let beside = vec![OverlapAt::Beside { path: path("TOOLS.md") }];
    assert_eq!(told(ana, ben), [beside.clone(), beside]);
}

#[test]
fn whoever_wrote_nothing_is_told_nothing() {
    let (mut ana, mut ben) = two();
    let mut carl = Author { document: ana.document.clone(), ..Author::agent(3) };
    ana.write("AGENTS.md", "ana's\n");
    ben.write("AGENTS.md", "ben's\n");
    let before = carl.document.heads();
    carl.receive(&[ana.seal(2), ben.seal(3)]);
    assert_eq!(carl.document.overlaps(&before, |actor| actor.belongs_to(device(3))), []);
}

#[test]
fn a_document_that_came_just_now_overlaps_with_nothing() {
    let (mut ana, _) = two();
    let mut carl = Author::new(3, Kind::Agent);
    ana.unsealed.clear();
    let all = ana.snapshot(5);
    carl.receive(&[all]);
    assert_eq!(carl.document.overlaps(&[], |actor| actor.belongs_to(device(3))), []);
}

#[test]
fn whoever_had_seen_one_of_two_lines_of_work_overlaps_with_the_other_alone() {
    let (mut ana, mut ben) = two();
    let carl = |document: &Author| Author { document: document.document.clone(), ..Author::agent(3) };
    rename(&mut ana, "Ana's");
    ben.write("BEN.md", "of ben");
    let mut of_carl = [carl(&ana), carl(&ben)];
    ana.receive(&[ben.seal(2)]);
    let before = ana.document.heads();
    assert_eq!(before.len(), 2);
    let counts = of_carl.each_mut().map(|carl| {
        rename(carl, "Carl's");
        let mut ana = ana.clone();
        ana.receive(&[carl.seal(3)]);
        ana.document.overlaps(&before, |actor| actor.belongs_to(device(1))).len()
    });
    assert_eq!(counts, [0, 1]);
}

#[test]
fn of_others_and_their_texts_no_more_is_told_than_a_person_reads() {
    let (mut ana, mut ben) = two();
    let long = |text: &str| text.repeat(4_000);
    let describe = |author: &mut Author, text: String| {
        author.edit(|edit| {
            edit.set(AgentField::Description, Some(&text));
        });
    };
    describe(&mut ana, long("a"));
    let before = ana.document.heads();
    for process in 0..3 {
        ben.pen.actor = ActorId::for_device(device(2), [process; 8]);
        describe(&mut ben, format!("{process}{}", long("ß")));
    }
    ana.receive(&[ben.seal(2)]);
    let told = ana.document.overlaps(&before, |actor| actor.belongs_to(device(1)));
    let [Overlap { at: OverlapAt::Value { holds, lost, .. }, others }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(others.len(), 1, "one device under three names");
    assert!([holds, lost].iter().all(|text| (279..=280).contains(&text.len())));
}
