//! Plans without a device.

use bowline_core::document::limits::GAPS_MAX;

use super::super::lines::HeldAside;
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

/// A line of so many bytes that is not in memory.
fn huge(bytes: u64, digest: u8) -> HugeLine {
    HugeLine::new(LeftLine { bytes: Some(bytes), digest: Some([digest; 32]) })
}

/// Hands over a line that is not in memory: the note that is written of it, and those that go.
fn noted(plan: &mut SessionPlan, line: &HugeLine) -> (Option<Gap>, Vec<Gap>) {
    match plan.huge_line(line) {
        Step::Planned(LinePlan { write: Some(LineWrite::Gap(gap)), fills, .. }) => (Some(gap), fills),
        Step::Planned(LinePlan { write: None, fills, .. }) => (None, fills),
        Step::Planned(_) => panic!("it cannot be anything else"),
        Step::Ask(question) => panic!("{question:?}"),
    }
}

/// Hands over a line that nothing has to be asked for: the notes that go.
fn filled(plan: &mut SessionPlan, line: &str) -> Vec<Gap> {
    let line = SourceLine::read(line.as_bytes(), plan.is_at_the_beginning());
    match plan.line(&line).unwrap() {
        Step::Planned(plan) => plan.fills,
        Step::Ask(question) => panic!("{question:?}"),
    }
}

fn gap(position: u32, number: u16, line: &HugeLine) -> Gap {
    Gap { position, number, line: line.line }
}

/// A plan of a session that another device has imported: these entries, and these lines that stayed in their file.
fn beside(entries: &[&str], gaps: &[Gap]) -> SessionPlan {
    let mut held = holding(entries);
    for gap in gaps {
        held.add_gap(*gap);
    }
    SessionPlan::asking(None, false, held, None)
}

#[test]
fn a_line_too_long_to_be_looked_at_does_not_let_the_next_one_pass_for_new() {
    let (one, two) = (message("1"), message("2"));
    let mut plan = after(&[&one]);
    planned(&mut plan, &one);
    assert!(matches!(plan.huge_line(&huge(9, 1)), Step::Ask(Question::Held)));
    plan.answer_held(holding(&[&one, &two]));
    assert_eq!(noted(&mut plan, &huge(9, 1)), (Some(gap(1, 0, &huge(9, 1))), vec![]));
    assert_eq!(planned(&mut plan, &two).outcome, Outcome::Unchanged);
    assert_eq!((plan.counts().left, plan.verdict(false)), (1, Outcome::Updated.into()));
}

#[test]
fn a_line_that_stays_in_its_file_is_noted_at_its_place_once() {
    let (one, two, long) = (message("1"), message("2"), huge(9, 1));
    let mut plan = SessionPlan::new(None);
    for line in [HEADER, &one, "torn"] {
        planned(&mut plan, line);
    }
    assert_eq!(noted(&mut plan, &long), (Some(gap(1, 1, &long)), vec![]));
    assert_eq!(noted(&mut plan, &long), (Some(gap(1, 2, &long)), vec![]), "the file has it twice");
    // On another device, whose file it is as well, or which cannot hash it.
    for there in [long, HugeLine::new(LeftLine { bytes: Some(9), digest: None })] {
        let mut plan = beside(&[&one, &two], &[gap(1, 0, &long)]);
        planned(&mut plan, &one);
        assert_eq!(noted(&mut plan, &there), (None, vec![]));
        assert_eq!(planned(&mut plan, &two).outcome, Outcome::Unchanged);
        assert!(!plan.is_changed());
    }
}

#[test]
fn a_note_goes_with_the_line_that_has_come_or_has_come_into_its_place() {
    let (one, two, three) = (message("1"), message("2"), message("3"));
    let left = HugeLine::new(LeftLine::of(two.as_bytes()));
    // The line itself: a later version takes longer ones.
    let mut plan = beside(&[&one, &three], &[gap(1, 0, &left)]);
    planned(&mut plan, &one);
    assert_eq!(filled(&mut plan, &two), [gap(1, 0, &left)]);
    // The line was torn then.
    let torn = HugeLine::new(LeftLine::of(&two.as_bytes()[..20]));
    let mut plan = beside(&[&one], &[gap(1, 0, &torn)]);
    planned(&mut plan, &one);
    assert_eq!(filled(&mut plan, &two), [gap(1, 0, &torn)]);
    // Another line, before the one that came after it.
    let long = huge(9, 1);
    let mut plan = beside(&[&one, &three], &[gap(1, 0, &long)]);
    planned(&mut plan, &one);
    assert_eq!(filled(&mut plan, &two), [], "the file may go on otherwise than the one it stayed in");
    assert_eq!(filled(&mut plan, &three), [gap(1, 0, &long)]);
    // Another line in a file that this device has read before.
    let mut plan = after(&[&one]);
    plan.remembered = 2;
    plan.answer_remembered(Some((0, vec![line_hash(one.as_bytes()), long.hash])));
    planned(&mut plan, &one);
    assert_eq!(asked(&mut plan, &two), Question::Held);
    let mut held = holding(&[]);
    held.add_gap(gap(1, 0, &long));
    plan.answer_held(held);
    assert_eq!(filled(&mut plan, &two), [gap(1, 0, &long)]);
}

#[test]
fn a_note_stays_beside_what_is_new_before_its_line_and_where_a_file_goes_on_otherwise() {
    let (one, two, three, long) = (message("1"), message("2"), message("3"), huge(9, 1));
    let mut plan = beside(&[&one, &three], &[gap(1, 0, &long)]);
    planned(&mut plan, &one);
    assert_eq!(filled(&mut plan, &two), []);
    assert_eq!(noted(&mut plan, &long), (None, vec![]));
    assert_eq!(filled(&mut plan, &three), []);
    let mut plan = beside(&[&one], &[gap(1, 0, &long)]);
    for line in [&one, &two, &three] {
        assert_eq!(filled(&mut plan, line), []);
    }
}

#[test]
fn lines_that_were_passed_as_remembered_keep_their_notes() {
    let (one, two, three, long) = (message("1"), message("2"), message("3"), huge(9, 1));
    let mut plan = after(&[&one]);
    plan.remembered = 3;
    plan.answer_remembered(Some((
        0,
        vec![line_hash(one.as_bytes()), long.hash, line_hash(three.as_bytes())],
    )));
    planned(&mut plan, &one);
    assert_eq!(noted(&mut plan, &long), (None, vec![]));
    assert_eq!(asked(&mut plan, &two), Question::Held);
    let mut held = holding(&[&three]);
    held.add_gap(gap(1, 0, &long));
    plan.answer_held(held);
    for line in [&two, &three] {
        assert_eq!(filled(&mut plan, line), []);
    }
}

#[test]
fn many_equal_lines_without_room_keep_their_notes() {
    let mut held = HeldLines::default();
    let room = u16::try_from(ASIDES_MAX).unwrap();
    for number in 0..room {
        held.add_aside(HeldAside::of(&Aside { position: 0, number, bytes: b"x".to_vec() }));
    }
    let line = LeftLine::of(b"x");
    held.add_gap(Gap { position: 0, number: room, line });
    let mut plan = SessionPlan::asking(None, false, held, None);
    for _ in 0..=ASIDES_MAX {
        assert_eq!(filled(&mut plan, "x"), []);
    }
    assert!(!plan.is_changed());
}

#[test]
fn a_line_that_has_grown_is_noted_as_it_is_now() {
    let (one, long, longer) = (message("1"), huge(9, 1), huge(12, 2));
    let mut plan = beside(&[&one], &[gap(1, 0, &long)]);
    planned(&mut plan, &one);
    assert_eq!(noted(&mut plan, &longer), (Some(gap(1, 0, &longer)), vec![gap(1, 0, &long)]));
}

#[test]
fn so_many_lines_are_noted_and_no_more() {
    let mut plan = SessionPlan::new(None);
    let notes = (0..GAPS_MAX + 3).filter(|_| noted(&mut plan, &huge(9, 1)).0.is_some()).count();
    assert_eq!((notes, plan.counts().left), (GAPS_MAX, GAPS_MAX as u64 + 3));
}
