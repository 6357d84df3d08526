//! Plans without a device.

use super::super::remembered::line_hash;
use super::*;

const HEADER: &str = r#"{"type":"session","version":3,"id":"s"}"#;

fn message(id: &str) -> String {
    format!(r#"{{"type":"message","id":"{id}","message":{{"role":"user","content":"{id}"}}}}"#)
}

/// Hands over a line that nothing has to be asked for.
fn planned(plan: &mut SessionPlan, line: &str) -> LineVerdict {
    match step(plan, line) {
        Step::Planned(verdict) => verdict,
        Step::Ask(question) => panic!("{question:?}"),
    }
}

/// Hands over a line that asks.
fn asked(plan: &mut SessionPlan, line: &str) -> Question {
    match step(plan, line) {
        Step::Planned(verdict) => panic!("{verdict:?}"),
        Step::Ask(question) => question,
    }
}

fn step(plan: &mut SessionPlan, line: &str) -> Step<LineVerdict> {
    let line = SourceLine::read(line.as_bytes(), plan.is_at_the_beginning());
    match plan.line(&line).unwrap() {
        Step::Planned(plan) => Step::Planned(plan.verdict),
        Step::Ask(question) => Step::Ask(question),
    }
}

fn end(plan: &mut SessionPlan, about: About) -> EndPlan {
    match plan.end(about) {
        Step::Planned(end) => end,
        Step::Ask(question) => panic!("{question:?}"),
    }
}

/// A plan of a session of which these lines are remembered, which it has been told.
fn after(lines: &[&str]) -> SessionPlan {
    let memory = SessionMemory { lines: lines.len() as u64, is_all: true, ..SessionMemory::default() };
    let mut plan = SessionPlan::remembered(None, &memory);
    plan.answer_remembered(Some((0, lines.iter().map(|line| line_hash(line.as_bytes())).collect())));
    plan
}

/// What a document holds that has these entries.
fn holding(entries: &[&str]) -> HeldLines {
    let mut held = HeldLines::default();
    for entry in entries {
        held.add_entry(line_hash(entry.as_bytes()));
    }
    held
}

#[test]
fn of_a_session_that_is_not_here_everything_is_new_and_nothing_is_asked() {
    let mut plan = SessionPlan::new(None);
    assert_eq!(
        end(&mut SessionPlan::new(None), About::default()),
        EndPlan::Leave,
        "an empty one makes nothing"
    );
    let header = planned(&mut plan, HEADER);
    assert!(header.is_header && header.outcome == Outcome::New);
    assert_eq!(planned(&mut plan, &message("a")).outcome, Outcome::New);
    let torn = planned(&mut plan, "{\"type\":");
    assert!(torn.outcome == Outcome::Kept && matches!(torn.why, Some(Why::NotAnEntry(_))));
    assert_eq!(end(&mut plan, About::default()), EndPlan::Make);
    assert_eq!(plan.counts(), Counts { added: 1, present: 0, asides: 1, left: 0 });
    assert_eq!(plan.verdict(false), Outcome::New.into());
}

#[test]
fn what_goes_on_beyond_what_is_remembered_is_new_if_nobody_has_written_in_between() {
    let (one, two, three) = (message("1"), message("2"), message("3"));
    let mut plan = after(&[HEADER, &one]);
    for line in [HEADER, &one] {
        assert_eq!(planned(&mut plan, line).outcome, Outcome::Unchanged);
    }
    assert_eq!(asked(&mut plan, &two), Question::Untouched);
    assert_eq!(asked(&mut plan, &two), Question::Untouched, "nothing has happened by asking");
    plan.answer_untouched(true);
    assert_eq!(planned(&mut plan, &two).outcome, Outcome::New);
    assert_eq!(planned(&mut plan, &three).outcome, Outcome::New);
    assert_eq!(end(&mut plan, About::default()), EndPlan::Keep);
    assert_eq!((plan.passed(), plan.verdict(false)), (2, Outcome::More.into()));
}

#[test]
fn a_document_that_was_written_into_is_asked_for_what_it_has() {
    let (one, two, three) = (message("1"), message("2"), message("3"));
    let mut plan = after(&[&one]);
    planned(&mut plan, &one);
    assert_eq!(asked(&mut plan, &two), Question::Untouched);
    plan.answer_untouched(false);
    assert_eq!(asked(&mut plan, &two), Question::Held);
    plan.answer_held(holding(&[&two]));
    assert_eq!(planned(&mut plan, &two).outcome, Outcome::Unchanged);
    assert_eq!(plan.has_all(), Some(true));
    assert_eq!(planned(&mut plan, &two).outcome, Outcome::New, "it is there once");
    assert_eq!(planned(&mut plan, &three).outcome, Outcome::New);
}

#[test]
fn a_line_that_is_not_as_remembered_asks_the_document() {
    let (one, two) = (message("1"), message("2"));
    let mut plan = after(&[&one]);
    assert_eq!(asked(&mut plan, &two), Question::Held);
    plan.answer_held(holding(&[&one]));
    assert_eq!(planned(&mut plan, &two).outcome, Outcome::New);
    assert_eq!((plan.passed(), plan.has_all()), (0, Some(false)));
}

#[test]
fn a_gap_in_what_is_remembered_asks_the_document() {
    let mut plan = after(&[&message("1"), &message("2")]);
    plan.answer_remembered(None);
    assert_eq!(asked(&mut plan, &message("1")), Question::Held);
}

#[test]
fn what_others_put_into_a_workspace_is_told_nothing_until_there_is_something_new_which_stays_here() {
    let workspace = WorkspaceId::from_bytes([7; WorkspaceId::LEN]);
    let (one, two) = (message("1"), message("2"));
    let asking = || SessionPlan::asking(Some(workspace), true, holding(&[&one]), None);
    let mut plan = asking();
    planned(&mut plan, &one);
    assert_eq!(end(&mut plan, About { pinned: true, ..About::default() }), EndPlan::Leave);
    assert_eq!((plan.place(), plan.verdict(false)), (Place::Beside(workspace), Outcome::Unchanged.into()));
    assert_eq!(plan.stays_beside(), None);
    let mut plan = asking();
    planned(&mut plan, &two);
    assert_eq!(plan.stays_beside(), Some(workspace));
    assert_eq!(plan.verdict(false).why, Some(Why::LessInWorkspace(workspace)));
}

#[test]
fn what_is_said_differently_is_told_and_the_beginning_of_a_file_says_nothing_of_its_end() {
    let one = message("1");
    let about = About { title: Some("new".to_owned()), no_final_newline: true, ..About::default() };
    let mut plan = after(&[&one]);
    planned(&mut plan, &one);
    assert_eq!(end(&mut plan, about.clone()), EndPlan::Tell(About::default()));
    assert_eq!(
        (plan.about(), plan.verdict(true), plan.verdict(false)),
        (&about, Outcome::Updated.into(), Outcome::Unchanged.into())
    );
    let mut plan = after(&[&one, &message("2")]);
    planned(&mut plan, &one);
    end(&mut plan, about);
    assert!(!plan.about().no_final_newline);
}

#[test]
fn a_line_too_long_to_be_looked_at_does_not_let_the_next_one_pass_for_new() {
    let (one, two) = (message("1"), message("2"));
    let mut plan = after(&[&one]);
    planned(&mut plan, &one);
    assert!(matches!(plan.long_line([0; 8]), Step::Planned(false)));
    assert_eq!(asked(&mut plan, &two), Question::Held);
    assert_eq!(plan.counts().left, 1);
}
