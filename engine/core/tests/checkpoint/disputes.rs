//! What a dispute keeps, and which confirms stay.

use bowline_wire::confirm::{Row, Word};
use bowline_wire::ids::{Position, SnapshotDigest};

use crate::support::*;

const OTHER: Word = Word::Disputes(SnapshotDigest::from_bytes([9; 32]));

/// A snapshot that everybody has signed, its checkpoint standing, and what ana has said since.
fn rested(people: [&Author; 3]) -> (Story, Position, Position) {
    let [ana, ben, carl] = people;
    let mut story = Story::of(&people);
    for author in people {
        story.says(author, DOC);
    }
    let snapshot = story.snapshot(ana, DOC, story.here());
    story.confirms(ben, &[snapshot]);
    story.confirms(carl, &[snapshot]);
    let state = story.state();
    story.checkpoint(&state, ana, ben);
    let said = story.says(ana, DOC);
    (story, snapshot, said)
}

#[test]
fn a_dispute_keeps_everything_that_would_go_by_the_snapshot_and_stays_itself() {
    let people = ["ana", "ben", "carl"].map(Author::new);
    let [ana, ben, carl] = &people;
    let (mut story, before, said) = rested([ana, ben, carl]);
    let next = story.snapshot(ana, DOC, story.here());
    assert_eq!(live(&story.state(), &[before, said, next]), [false, false, true]);
    let dispute = story.disputes(ben, next);
    let state = story.state();
    assert_eq!(document(&state, DOC).snapshot, Some(before));
    assert_eq!(live(&state, &[before, said, next, dispute]), [true; 4]);
    story.checkpoint(&state, ana, carl);
    assert_eq!(live(&story.state(), &[before, said, next, dispute]), [true; 4], "in the next round as well");
    let taken_back = story.row(ben, next, Word::Confirms(None));
    assert_eq!(
        live(&story.state(), &[before, said, next, dispute, taken_back]),
        [false, false, true, false, false]
    );
}

#[test]
fn nothing_more_goes_by_the_snapshot_before_while_that_is_disputed() {
    let people = ["ana", "ben", "carl"].map(Author::new);
    let [ana, ben, carl] = &people;
    let mut story = Story::of(&[ana, ben, carl]);
    let said = [ana, ben, carl].map(|author| story.says(author, DOC));
    let snapshot = story.snapshot(ana, DOC, story.here());
    let state = story.state();
    story.checkpoint(&state, ana, ben);
    story.confirms(carl, &[snapshot]);
    assert_eq!(live(&story.state(), &said), [false, true, false]);
    story.disputes(ben, snapshot);
    let state = story.state();
    assert_eq!((document(&state, DOC).snapshot, live(&state, &said[1..])), (Some(snapshot), vec![true; 2]));
}

#[test]
fn a_dispute_goes_with_its_device_and_with_its_snapshot() {
    let people = ["ana", "ben", "carl"].map(Author::new);
    let [ana, ben, carl] = &people;
    let (mut story, before, _) = rested([ana, ben, carl]);
    let next = story.snapshot(ana, DOC, story.here());
    let dispute = story.disputes(carl, next);
    let mut removed = story.clone();
    removed.removes(ana, carl);
    assert_eq!(live(&removed.state(), &[dispute, before]), [false, false]);
    let after = story.snapshot(ana, DOC, story.here());
    story.confirms(ben, &[after]);
    assert_eq!(live(&story.state(), &[next, dispute, after]), [false, false, true]);
}

#[test]
fn a_confirm_with_many_rows_stays_for_one_that_disputes() {
    let [ana, ben, carl] = ["ana", "ben", "carl"].map(Author::new);
    let mut story = Story::of(&[&ana, &ben, &carl]);
    let [one, two] = [DOC, OTHER_DOC].map(|doc| {
        story.says(&ana, doc);
        story.snapshot(&ana, doc, story.here())
    });
    let row = |snapshot, word| Row { snapshot, word };
    let mixed = story.rows(&ben, vec![row(one, Word::Confirms(None)), row(two, OTHER)]);
    let plain = story.rows(&carl, vec![row(one, Word::Confirms(None)), row(two, Word::Confirms(None))]);
    assert_eq!(live(&story.state(), &[mixed, plain]), [true, false]);
    let other_row = story.row(&ben, one, OTHER);
    assert_eq!(live(&story.state(), &[mixed, other_row]), [true, true]);
    let last = story.row(&ben, two, OTHER);
    assert_eq!(
        live(&story.state(), &[mixed, other_row, last]),
        [false, true, true],
        "its last row alone counts"
    );
}
