//! Which entries go and which stay whatever becomes of documents.

use bowline_wire::entry::Entry;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::roster::record::{Cut, Record};

use crate::support::*;

fn two() -> (Story, Author, Author) {
    let [ana, ben] = ["ana", "ben"].map(Author::new);
    (Story::of(&[&ana, &ben]), ana, ben)
}

/// Up to here.
fn cut_at(entry: &Entry) -> Cut {
    let Header { device, incarnation, lane, seq, .. } = *entry.header();
    Cut { device, incarnation, lane, seq, id: entry.id() }
}

#[test]
fn roster_records_stay_and_what_is_only_passed_goes() {
    let (mut story, ana, ben) = two();
    let records = [1, 2, 3].map(at);
    let void = story.record(&ben, &Record::RemoveDevice { device: ana.id(), cut: vec![], rekey: no_rekey() });
    // It would be applied by the fold, and was not accepted.
    let header = story.draft(&ana, EntryType::Roster);
    let mut chain_gap = header.clone();
    chain_gap.seq += 5;
    let record = Record::Complaint { epoch: story.log.roster().epoch().unwrap() };
    let passed = story.pass(&ana.sign(chain_gap, &record.to_body()));
    let content = Header { doc: DOC, ..story.draft(&ben, EntryType::Changes) };
    let content = story.pass(&ben.sign(Header { seq: 7, prev: seed_id(), ..content }, b"sealed"));
    let state = story.state();
    assert_eq!(live(&state, &records), [true; 3]);
    assert_eq!(live(&state, &[void, passed, content]), [true, false, false]);
    story.begun(&state);
}

#[test]
fn words_about_checkpoints_and_witnesses_go() {
    let (mut story, ana, ben) = two();
    let witness = story.writes(&ana, EntryType::Witness, ZERO);
    let from = story.here();
    let state = story.state();
    story.checkpoint(&state, &ana, &ben);
    let words = [from.next(), from.next().next()];
    let state = story.state();
    assert_eq!(live(&state, &[witness, words[0], words[1]]), [false; 3]);
    assert_eq!(state.said, *story.log.checkpoints(), "and what they came to is in the state");
}

#[test]
fn types_without_a_rule_stay_though_a_snapshot_covers_them() {
    let (mut story, ana, ben) = two();
    let content = [EntryType::Adopted, EntryType::Receipt, EntryType::Secret, EntryType::Unknown(15)];
    let content = content.map(|kind| story.writes(&ana, kind, DOC));
    let erase = story.writes(&ana, EntryType::Erase, DOC);
    let control = [EntryType::Erased, EntryType::Unknown(30)].map(|kind| story.writes(&ana, kind, ZERO));
    let changes = story.says(&ana, DOC);
    story.snapshot(&ben, DOC, story.here());
    let snapshot = story.here();
    story.confirms(&ana, &[snapshot]);
    let state = story.state();
    assert!(!state.is_live(changes), "the snapshot stands for ana");
    assert_eq!(live(&state, &content), [true; 4]);
    assert_eq!(live(&state, &[erase, control[0], control[1]]), [true; 3]);
}

#[test]
fn a_payload_in_parts_goes_as_a_whole_and_stays_while_its_last_part_may_come() {
    let (mut story, ana, ben) = two();
    let whole = story.says_in_parts(&ana, DOC, 3);
    let begun = [0, 1].map(|index| story.part(&ana, DOC, Part { index, count: 3 }));
    let covers = story.here();
    let snapshot = story.snapshot(&ben, DOC, covers);
    story.confirms(&ana, &[snapshot]);
    let state = story.state();
    assert_eq!((live(&state, &whole), live(&state, &begun)), (vec![false; 3], vec![true; 2]));
    let last = story.part(&ana, DOC, Part { index: 2, count: 3 });
    story.notes(&ana, DOC, last);
    assert_eq!(
        live(&story.state(), &[begun[0], begun[1], last]),
        [true; 3],
        "it is behind what ana has signed"
    );
    let next = story.snapshot(&ben, DOC, story.here());
    story.confirms(&ana, &[next]);
    assert_eq!(live(&story.state(), &[begun[0], begun[1], last]), [false; 3]);
}

#[test]
fn parts_that_their_author_has_not_gone_on_with_go() {
    let (mut story, ana, ben) = two();
    let begun = [0, 1].map(|index| story.part(&ana, DOC, Part { index, count: 3 }));
    let another = story.part(&ana, DOC, Part { index: 0, count: 2 });
    let said = story.says(&ana, DOC);
    let stray = story.part(&ana, DOC, Part { index: 1, count: 3 });
    let state = story.state();
    assert_eq!(live(&state, &[begun[0], begun[1], another, said]), [false, false, false, true]);
    assert!(!state.is_live(stray), "nor is there anything that it goes on with");
    story.checkpoint(&state, &ana, &ben);
    assert_eq!(live(&story.state(), &[said]), [true]);
}

#[test]
fn parts_of_somebody_removed_go_once_no_more_of_them_is_accepted() {
    let (story, ana, ben) = two();
    let mut before = story.clone();
    let first = before.part(&ben, DOC, Part { index: 0, count: 3 });
    let mut others = before.clone();
    let second = others.part(&ben, DOC, Part { index: 1, count: 3 });
    // Ana may have had another part when she removed him, which comes later.
    let mut cut_behind = before.clone();
    cut_behind.removes_up_to(&ana, &ben, vec![cut_at(&others.stored_at(second).entry)]);
    assert!(cut_behind.state().is_live(first), "what the cut allows may come");
    let run = [&others.stored_at(second).entry];
    cut_behind.put_run(&run);
    assert_eq!(live(&cut_behind.state(), &[first, cut_behind.here()]), [false, false]);
    before.removes(&ana, &ben);
    assert!(!before.state().is_live(first));
}

#[test]
fn parts_of_two_documents_are_not_one_payload() {
    let (mut story, ana, _) = two();
    let first = story.part(&ana, DOC, Part { index: 0, count: 2 });
    let last = story.part(&ana, OTHER_DOC, Part { index: 1, count: 2 });
    assert_eq!(live(&story.state(), &[first, last]), [false, true]);
}

#[test]
fn what_a_broken_payload_ends_with_goes_alone_and_takes_nothing_of_others_along() {
    let (mut story, ana, ben) = two();
    let in_another_document = story.says(&ana, OTHER_DOC);
    let broken = story.part(&ana, DOC, Part { index: 1, count: 2 });
    let snapshot = story.snapshot(&ben, DOC, story.here());
    story.confirms(&ana, &[snapshot]);
    assert_eq!(live(&story.state(), &[in_another_document, broken]), [true, false]);
}

#[test]
fn what_is_given_up_goes_with_all_of_its_parts() {
    let (mut story, ana, ben) = two();
    let [one, other] = [(); 2].map(|()| story.says(&ben, DOC));
    let parts = story.says_in_parts(&ben, DOC, 3);
    let begun = story.part(&ben, DOC, Part { index: 0, count: 2 });
    story.gives_up(&ana, &[one, parts[1], begun]);
    let state = story.state();
    assert_eq!(live(&state, &[one, other]), [false, true]);
    assert_eq!(live(&state, &parts), [false; 3]);
    assert!(state.is_live(begun), "its last part may come, and then they go together");
    let last = story.part(&ben, DOC, Part { index: 1, count: 2 });
    assert_eq!(live(&story.state(), &[begun, last]), [false; 2]);
}
