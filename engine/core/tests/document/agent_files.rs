//! Files of an agent: what two people write at once comes together, and nothing that was written vanishes.

use crate::support::{Author, Sealed, assemble, device, files, hash, open, owned, pen, shown};
use bowline_core::document::limits::{EDIT_OPS_MAX, OPS_MAX};
use bowline_core::document::{ActorId, Document, FilePath, Kind, Pen, Source, operation_count};
use proptest::prelude::*;

const AGENT: Kind = Kind::Agent;

/// A text of so many lines, each with a number.
fn lines(count: u32, number: impl Fn(u32) -> u32) -> String {
    let lines: Vec<String> = (0..count).map(|line| format!("line {}\n", number(line))).collect();
    lines.concat()
}

/// Two devices that have the same files.
fn two(texts: &[(&str, &str)]) -> (Sealed, Author, Author) {
    let (mut ana, mut ben) = (Author::agent(1), Author::agent(2));
    for (path, text) in texts {
        ana.write(path, text);
    }
    let base = ana.seal(1);
    ben.receive(std::slice::from_ref(&base));
    (base, ana, ben)
}

fn merged(base: Sealed, mut ana: Author, mut ben: Author) -> Document {
    let entries = [base, ana.seal(2), ben.seal(3)];
    let one = assemble(AGENT, &entries).document;
    let other = assemble(AGENT, &[entries[2].clone(), entries[0].clone(), entries[1].clone()]).document;
    assert_eq!(shown(&one), shown(&other), "in any order");
    one
}

#[test]
fn two_people_edit_one_file_at_once_and_both_edits_are_in_it() {
    let (base, mut ana, mut ben) = two(&[("AGENTS.md", "# Rules\nBe brief.\nBe kind.\n")]);
    ana.write("AGENTS.md", "# Rules\nBe very brief.\nBe kind.\n");
    ben.write("AGENTS.md", "# House rules\nBe brief.\nBe kind to all.\n");
    let both = merged(base, ana, ben);
    let expected = "# House rules\nBe very brief.\nBe kind to all.\n";
    assert_eq!(files(&both), owned(&[("AGENTS.md", expected)]));
}

#[test]
fn an_edit_is_written_as_what_it_changed() {
    let long = "All work and no play.\n".repeat(1000);
    let mut ana = Author::agent(1);
    ana.write("a", &long).write("a", &long.replacen("no play", "little play", 1));
    assert_eq!(operation_count(&ana.unsealed[1]), Some(2 + 6), "no is gone and little is there");
    ana.write("a", "");
    assert_eq!(files(&ana.document), owned(&[("a", "")]));
}

#[test]
fn two_files_begun_apart_under_one_path_are_both_there() {
    let (base, mut ana, mut ben) = two(&[]);
    ana.write("notes/TOOLS.md", "from ana");
    ben.write("notes/TOOLS.md", "from ben");
    let both = merged(base, ana, ben);
    let found = both.agent().unwrap().files();
    let [second, first] = &found[..] else { panic!("{found:?}") };
    assert_eq!(first.path.as_str(), "notes/TOOLS.md");
    assert!(second.path.as_str().starts_with("notes/TOOLS.conflict-"), "{}", second.path);
    assert_eq!((&first.conflicts_with, &second.conflicts_with), (&None, &Some(first.path.clone())));
    let mut texts = [first.text.as_str(), second.text.as_str()];
    texts.sort_unstable();
    assert_eq!(texts, ["from ana", "from ben"]);

    // Each can be edited and removed by its name, and the one that is left has the path.
    let mut carl = Author { document: both, ..Author::agent(3) };
    carl.write(second.path.as_str(), "edited").remove("notes/TOOLS.md");
    assert_eq!(files(&carl.document), owned(&[("notes/TOOLS.md", "edited")]));
    assert_eq!(carl.document.agent().unwrap().files()[0].conflicts_with, None);
}

#[test]
fn two_equal_files_begun_apart_under_one_path_are_one_and_stay_one() {
    let (base, mut ana, mut ben) = two(&[]);
    ana.write("a", "the template");
    ben.write("a", "the template");
    let both = merged(base, ana, ben);
    assert_eq!(files(&both), owned(&[("a", "the template")]));
    let mut carl = Author { document: both, ..Author::agent(3) };
    carl.write("a", "the template, filled in");
    assert_eq!(files(&carl.document), owned(&[("a", "the template, filled in")]));
    carl.remove("a");
    assert_eq!(files(&carl.document), []);
}

#[test]
fn the_name_of_a_conflict_is_never_that_of_another_file() {
    let (base, mut ana, mut ben) = two(&[]);
    ana.write("a.md", "from ana");
    ben.write("a.md", "from ben");
    let entries = [base, ana.seal(2), ben.seal(3)];
    let both = assemble(AGENT, &entries).document;
    let name = both.agent().unwrap().files()[0].path.to_string();
    assert!(name.contains("conflict"));
    let taken = Author { document: both, ..Author::agent(3) }.write("other", "").seal(4);
    let mut carl = Author::agent(4);
    carl.write(&name, "a file of this very name");
    let all = [&entries[..], &[taken, carl.seal(5)]].concat();
    let found = files(&assemble(AGENT, &all).document);
    assert_eq!(found.len(), 4, "{found:?}");
    let paths: std::collections::BTreeSet<_> = found.iter().map(|(path, _)| path).collect();
    assert_eq!(paths.len(), 4);
}

#[test]
fn a_removed_file_is_gone_and_can_be_written_again() {
    let (base, mut ana, ben) = two(&[("a", "one"), ("b", "two")]);
    ana.remove("a");
    assert_eq!(files(&ana.document), owned(&[("b", "two")]));
    ana.write("a", "one");
    assert_eq!(files(&ana.document), owned(&[("a", "one"), ("b", "two")]), "even with the same text");
    ana.remove("a").write("a", "again").remove("b");
    assert_eq!(files(&merged(base, ana, ben)), owned(&[("a", "again")]));
}

#[test]
fn a_file_that_was_edited_while_somebody_removed_it_is_back_with_all_of_its_text() {
    let (base, mut ana, mut ben) = two(&[("a", "much work\n")]);
    ana.remove("a");
    ben.write("a", "much work\nand more\n");
    assert_eq!(files(&merged(base, ana, ben)), owned(&[("a", "much work\nand more\n")]));
}

#[test]
fn a_file_that_two_people_removed_is_gone() {
    let (base, mut ana, mut ben) = two(&[("a", "x")]);
    ana.remove("a");
    ben.remove("a");
    assert_eq!(files(&merged(base, ana, ben)), []);
}

#[test]
fn a_large_file_is_several_changes_that_others_take_in_entries_of_their_own() {
    let text = lines(12_000, |line| line);
    assert!(text.len() > 100_000 && text.len() > OPS_MAX);
    let mut ana = Author::agent(1);
    ana.write("AGENTS.md", &text);
    assert!(ana.unsealed.len() > 1);
    let entries: Vec<Sealed> = (1..)
        .zip(&ana.unsealed)
        .inspect(|(_, change)| assert!(operation_count(change).unwrap() <= EDIT_OPS_MAX as u64))
        .map(|(number, change)| Sealed::new(number, 1, Source::Changes, change.clone()))
        .collect();
    let assembled = assemble(AGENT, &entries);
    assert_eq!((assembled.refused, assembled.unsettled), (vec![], vec![]));
    assert_eq!(files(&assembled.document), owned(&[("AGENTS.md", &text)]));
    // One entry with all of it is more than anybody takes.
    assert_eq!(assemble(AGENT, &[ana.seal(1)]).refused.len(), 1);

    let rewritten = lines(9_000, |line| line * 7);
    ana.write("AGENTS.md", &rewritten);
    assert_eq!(files(&ana.document), owned(&[("AGENTS.md", &rewritten)]));
}

#[test]
fn what_is_written_survives_being_saved_and_loaded() {
    let (base, mut ana, mut ben) = two(&[("a", "x"), ("b", "日本")]);
    ana.remove("a").write("c", "ü");
    ben.write("b", "日 本").write("c", "é");
    let both = merged(base, ana, ben);
    assert_eq!(shown(&Document::load(AGENT, &both.save()).unwrap()), shown(&both));
    let snapshot = Sealed::new(9, 7, Source::Snapshot, both.save()).standing_alone_for(&[1, 2, 3]);
    let assembled = assemble(AGENT, &[snapshot]);
    assert_eq!(assembled.refused, []);
    assert_eq!(shown(&assembled.document), shown(&both));
}

mod written_again {
    use super::*;

    fn fresh(process: u8) -> Pen {
        Pen { actor: ActorId::for_device(device(2), [process; 8]), ..pen(2) }
    }

    fn recommit(document: &mut Document, process: u8, lost: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let lost: Vec<&[u8]> = lost.iter().map(Vec::as_slice).collect();
        document.recommit(fresh(process), &lost).unwrap()
    }

    /// A machine was copied while it ran: both copies write under one actor, and the one whose change has the higher hash
    /// loses all it wrote. Answers the document without it, and what was lost.
    fn lost(text: &str, stays: &[&str], edit: impl Fn(&mut Author)) -> (Vec<Sealed>, Document, Vec<Vec<u8>>) {
        let (base, _, ben) = two(&[("a", text)]);
        for salt in 0.. {
            let mut copies = [ben.clone(), ben.clone()];
            edit(&mut copies[0]);
            copies[1].edit(|edit| {
                edit.write_file(FilePath::parse("salt").unwrap(), &format!("{salt}"));
                for text in stays {
                    edit.write_file(FilePath::parse("a").unwrap(), text);
                }
            });
            if hash(&copies[0].unsealed[0]) < hash(&copies[1].unsealed[0]) {
                continue;
            }
            let made = copies[0].unsealed.clone();
            let mut entries = vec![base.clone(), copies[1].seal(3)];
            // One change for each entry: all of them may be more than one takes.
            entries.extend(
                (100..)
                    .zip(&made)
                    .map(|(number, change)| Sealed::new(number, 2, Source::Changes, change.clone())),
            );
            let assembled = assemble(AGENT, &entries);
            let lost: Vec<_> = assembled.lost.into_iter().map(|lost| lost.bytes).collect();
            assert!(lost == made, "all that the copy wrote is lost, and nothing else");
            return (entries, assembled.document, lost);
        }
        unreachable!()
    }

    fn text_of(document: &Document, path: &str) -> String {
        files(document).into_iter().find(|(found, _)| found == path).unwrap().1
    }

    #[test]
    fn a_lost_edit_is_made_again_where_it_was_made() {
        let (mut entries, mut document, lost) = lost("one two three", &["one two three four"], |ben| {
            ben.write("a", "one twö three").write("a", "zero one twö");
        });
        let changes = recommit(&mut document, 99, &lost);
        assert_eq!(text_of(&document, "a"), "zero one twö four");
        assert_eq!(changes.len(), 1);
        entries.push(Sealed::new(9, 2, Source::Changes, changes.concat()));
        assert_eq!(shown(&assemble(AGENT, &entries).document), shown(&document), "others accept it");
    }

    #[test]
    fn a_lost_file_is_made_again_and_what_is_there_stays() {
        let (_, mut document, lost) = lost("x", &[], |ben| {
            ben.write("new", "all of it").write("salt", "mine ");
        });
        recommit(&mut document, 99, &lost);
        assert_eq!(text_of(&document, "new"), "all of it");
        assert!(text_of(&document, "salt").starts_with("mine "), "before what the other copy wrote there");
    }

    #[test]
    fn what_was_made_again_once_is_not_made_again() {
        let (_, mut document, lost) = lost("x", &[], |ben| {
            ben.write("a", "xyz").write("b", "b");
        });
        assert_eq!(recommit(&mut document, 99, &lost).len(), 1);
        let before = shown(&document);
        assert_eq!(recommit(&mut document, 98, &lost), Vec::<Vec<u8>>::new());
        assert_eq!(shown(&document), before);
    }

    #[test]
    fn what_was_lost_later_goes_near_to_what_it_followed() {
        let (_, mut document, lost) = lost("begin end", &[], |ben| {
            ben.write("a", "begin middle end").write("a", "begin middle more end");
        });
        assert_eq!(lost.len(), 2);
        recommit(&mut document, 99, &lost[..1]);
        recommit(&mut document, 98, &lost);
        let text = text_of(&document, "a");
        assert!(text.contains("more") && text.contains("middle"), "{text}");
        assert!(text.starts_with("begin") && text.ends_with("end"), "{text}");
    }

    #[test]
    fn a_large_loss_is_several_changes() {
        let text = "x".repeat(OPS_MAX + 10);
        let (mut entries, mut document, lost) = lost("", &[], |ben| {
            ben.write("a", &text);
        });
        let changes = recommit(&mut document, 99, &lost);
        assert!(changes.len() > 2);
        assert_eq!(text_of(&document, "a"), text);
        for (number, change) in (10..).zip(changes) {
            entries.push(Sealed::new(number, 2, Source::Changes, change));
        }
        assert_eq!(text_of(&assemble(AGENT, &entries).document, "a"), text);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Write(usize, String),
    Remove(usize),
    Seal,
    Receive(prop::sample::Index),
}

const PATHS: [&str; 2] = ["a.md", "b"];

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0_usize..2, "[a-c \n]{0,12}").prop_map(|(path, text)| Act::Write(path, text)),
        2 => (0_usize..2).prop_map(Act::Remove),
        4 => Just(Act::Seal),
        4 => any::<prop::sample::Index>().prop_map(Act::Receive),
    ]
}

/// What three devices seal that edit one agent as it comes, and what they wait for.
fn sealed(acts: &[(u8, Act)]) -> Vec<Sealed> {
    let mut authors = [1, 2, 3].map(Author::agent);
    let mut entries: Vec<Sealed> = Vec::new();
    for (who, act) in acts {
        let author = &mut authors[usize::from(*who)];
        match act {
            Act::Write(path, text) => {
                author.write(PATHS[*path], text);
            }
            Act::Remove(path) => {
                author.remove(PATHS[*path]);
            }
            Act::Seal if author.unsealed.is_empty() => {}
            Act::Seal => {
                let entry = author.seal(u8::try_from(entries.len()).unwrap());
                entries.push(entry);
            }
            Act::Receive(upto) => {
                let upto = upto.index(entries.len() + 1);
                author.document.apply(&open(&entries[..upto])).unwrap();
            }
        }
    }
    for author in &mut authors {
        let entry = author.seal(u8::try_from(entries.len()).unwrap());
        entries.push(entry);
    }
    entries
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_batching_of_the_same_edits_shows_the_same_files(
        acts in prop::collection::vec((0_u8..3, act()), 1..40),
        order in any::<u64>(),
        size in 1_usize..5,
    ) {
        let mut entries = sealed(&acts);
        let expected = assemble(AGENT, &entries);
        prop_assert!(expected.refused.is_empty(), "honest edits are accepted: {:?}", expected.refused);
        entries.sort_by_key(|sealed| u64::from(sealed.entry.as_bytes()[0] + 1).wrapping_mul(order | 1).rotate_left(17));
        prop_assert_eq!(shown(&assemble(AGENT, &entries).document), shown(&expected.document));
        let mut document = Document::create(AGENT);
        let mut unsettled: Vec<Sealed> = Vec::new();
        for batch in entries.chunks(size) {
            let handed = [&unsettled[..], batch].concat();
            let applied = document.apply(&open(&handed)).unwrap();
            unsettled = handed.into_iter().filter(|one| applied.unsettled.contains(&one.entry)).collect();
        }
        prop_assert_eq!(shown(&document), shown(&expected.document));
    }

    #[test]
    fn writing_a_file_makes_it_read_so_whatever_was_there(acts in prop::collection::vec((0_u8..3, act()), 1..30)) {
        let document = assemble(AGENT, &sealed(&acts)).document;
        let mut carl = Author { document, ..Author::agent(4) };
        let before = files(&carl.document);
        carl.write("a.md", "as I say\n");
        let after = files(&carl.document);
        prop_assert!(after.contains(&("a.md".to_owned(), "as I say\n".to_owned())));
        let others = |files: Vec<(String, String)>| files.into_iter().filter(|(path, _)| path != "a.md").collect::<Vec<_>>();
        prop_assert_eq!(others(after), others(before));
        for (path, _) in files(&carl.document) {
            let path = FilePath::parse(&path);
            prop_assert!(path.is_ok(), "every name that is shown can be said");
        }
    }
}
