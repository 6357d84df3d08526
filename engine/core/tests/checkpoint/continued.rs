//! Logs that were continued: what an entry says of places that its author knew is said of the log as it went on.

use bowline_wire::confirm::Word;
use bowline_wire::ids::Position;

use crate::support::*;

/// Each of two has said something, up to the place where the log will be continued.
fn two() -> (Story, [Author; 2], [Position; 2]) {
    let people = ["ana", "ben"].map(Author::new);
    let mut story = Story::of(&[&people[0], &people[1]]);
    let said = [0, 1].map(|number: usize| story.says(&people[number], DOC));
    (story, people, said)
}

#[test]
fn a_snapshot_that_is_sent_again_lets_go_up_to_the_end_of_the_log_that_it_was_of() {
    let (mut before, [ana, ben], said) = two();
    let end = before.here();
    let lost = before.says(&ben, DOC);
    let snapshot = before.snapshot(&ben, DOC, lost);
    let mut story = before.continued(end);
    let between = story.says(&ana, DOC);
    let [lost, snapshot] = [lost, snapshot].map(|at| story.again(&before, at));
    let state = story.state();
    assert_eq!(document(&state, DOC).snapshot, Some(snapshot));
    assert_eq!(live(&state, &said), [true, false], "ana has not signed");
    assert_eq!(live(&state, &[between, lost]), [true, true], "at these places something else was covered");
    assert_eq!(word(&state, DOC, &ben), Some((end, snapshot)));
}

#[test]
fn a_row_about_a_place_that_was_lost_says_nothing_of_what_stands_there_now() {
    let (mut before, [ana, ben], said) = two();
    let end = before.here();
    before.says(&ben, OTHER_DOC);
    let lost = before.snapshot(&ben, DOC, end);
    let confirm = before.confirms(&ana, &[lost]);
    let dispute = before.disputes(&ana, lost);
    let mut story = before.continued(end);
    story.says(&ben, OTHER_DOC);
    let other = story.snapshot(&ben, DOC, end);
    assert_eq!(other, lost, "in the place of the one that ana has looked at");
    story.again(&before, confirm);
    let state = story.state();
    assert_eq!((document(&state, DOC).snapshot, word(&state, DOC, &ana)), (Some(other), None));
    assert_eq!(live(&state, &said), [true, false]);
    let dispute = story.again(&before, dispute);
    let state = story.state();
    assert_eq!((document(&state, DOC).snapshot, state.is_live(dispute)), (Some(other), false));
}

#[test]
fn a_row_about_what_stood_before_the_end_goes_on_saying_it() {
    let (mut before, [ana, ben], said) = two();
    let snapshot = before.snapshot(&ben, DOC, before.here());
    let end = before.here();
    before.says(&ben, OTHER_DOC);
    let confirm = before.confirms(&ana, &[snapshot]);
    let mut story = before.continued(end);
    let confirm = story.again(&before, confirm);
    let state = story.state();
    assert_eq!(word(&state, DOC, &ana), Some((Position(end.0 - 1), confirm)));
    assert_eq!(live(&state, &said), [false, false]);
}

#[test]
fn a_code_pins_what_its_maker_had_seen_of_the_log_as_it_went_on_and_nothing_that_was_lost() {
    let (mut before, [ana, ben], _) = two();
    let end = before.here();
    let early = before.code(&ana, "early", before.clock.plus(60 * 1000));
    let late = before.link(&ben, "late", before.clock.plus(60 * 1000));
    let mut story = before.continued(end);
    story.says(&ana, DOC);
    for at in [early, late] {
        story.again(&before, at);
    }
    let pins = story.state().pins;
    assert_eq!(pins.iter().map(|pin| (pin.at, pin.hash)).collect::<Vec<_>>(), [(end, story.hash_at(end))]);
}

#[test]
fn whoever_begins_from_a_state_of_a_log_that_was_continued_since_comes_to_the_same() {
    let (mut before, [ana, ben], _) = two();
    let snapshot = before.snapshot(&ana, DOC, before.here());
    let code = before.code(&ana, "carl", before.clock.plus(60 * 1000));
    let state = before.state();
    before.checkpoint(&state, &ana, &ben);
    let end = before.here();
    let lost = [before.says(&ben, DOC), before.confirms(&ben, &[snapshot])];
    let next = before.snapshot(&ben, DOC, before.here());
    let mut story = before.continued(end);
    story.says(&ana, DOC);
    for at in lost.into_iter().chain([next]) {
        story.again(&before, at);
    }
    let [first, second] = [0, 1].map(|round| {
        let state = story.state();
        let base = story.base().unwrap().clone();
        let kept = |at: Position| at > base.at || base.is_live(at);
        assert_eq!(story.state_by(&story.begun(&base), kept).as_ref(), Ok(&state), "round {round}");
        assert!(state.is_live(code) && state.hash_at(Position(code.0 - 1)).is_some());
        story.checkpoint(&state, &ana, &ben);
        state
    });
    assert!(first.at < second.at);
    let confirmed = story.row(&ana, document(&second, DOC).snapshot.unwrap(), Word::Confirms(None));
    assert!(!story.state().is_live(confirmed));
}
