//! Sessions of other applications as they come in, again and again, on several devices.

use bowline_core::document::limits::{ASIDES_MAX, ASIDES_TOTAL_MAX, LINE_MAX};
use bowline_core::document::{ChangeHash, LeftLine, Missing, Role};
use bowline_device::{Device, DryRun, Error, ImportTarget};
use bowline_device::{ImportedSession, LineVerdict, Outcome, SessionImport, SourceSession, Why};
use bowline_store::DocRow;
use bowline_wire::ids::{DocId, Millis};

use crate::rig::Rig;

const HEADER: &str =
    r#"{"type":"session","version":3,"id":"s","timestamp":"2026-01-31T09:05:00.250Z","cwd":"/home/ada"}"#;

/// The session that is imported if nothing else is said.
pub(crate) fn source() -> SourceSession {
    let text = str::to_owned;
    SourceSession {
        app: text("openclaw"),
        id: text("5e551011"),
        key: Some(text("agent:main:main")),
        ..SourceSession::default()
    }
}

/// An outcome for a reason.
pub(crate) fn because(outcome: Outcome, why: Why) -> (Outcome, Option<Why>) {
    (outcome, Some(why))
}

pub(crate) fn message(id: &str, text: &str) -> String {
    format!(r#"{{"type":"message","id":"{id}","message":{{"role":"user","content":"{text}"}}}}"#)
}

/// A file of these lines, each with its end.
pub(crate) fn file(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// `first` messages, then one for each text.
pub(crate) fn session(first: usize, more: &[&str]) -> Vec<u8> {
    let mut lines = vec![HEADER.to_owned()];
    lines.extend((0..first).map(|at| message(&format!("{at:08x}"), &format!("text {at}"))));
    lines.extend(more.iter().map(|text| message(text, text)));
    file(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn hand_over(
    target: &mut dyn ImportTarget,
    now: Millis,
    import: &mut SessionImport,
    bytes: &[u8],
) -> (Vec<LineVerdict>, bool) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let ends = lines.last() == Some(&&b""[..]);
    if ends {
        lines.pop();
    }
    let outcomes = lines.iter().map(|line| target.import_line(import, line, now).unwrap());
    (outcomes.collect(), ends)
}

pub(crate) fn import_as(
    rig: &mut Rig,
    session: &SourceSession,
    bytes: &[u8],
) -> (ImportedSession, Vec<LineVerdict>) {
    let before = everything(rig);
    let planned = import_into(&mut DryRun::of(&rig.device), rig.now, session, bytes);
    assert_eq!(everything(rig), before, "a dry run has written");
    let imported = import_into(&mut rig.device, rig.now, session, bytes);
    assert_eq!(imported, planned, "a dry run said something else");
    imported
}

pub(crate) fn import_into(
    target: &mut dyn ImportTarget,
    now: Millis,
    session: &SourceSession,
    bytes: &[u8],
) -> (ImportedSession, Vec<LineVerdict>) {
    let mut import = target.begin_import(session, now).unwrap();
    let (outcomes, ends_with_newline) = hand_over(target, now, &mut import, bytes);
    (target.finish_import(import, ends_with_newline, now).unwrap(), outcomes)
}

pub(crate) fn import(rig: &mut Rig, bytes: &[u8]) -> ImportedSession {
    import_as(rig, &source(), bytes).0
}

/// Imports what has been imported before: nothing about the document may be different afterwards.
pub(crate) fn import_again(rig: &mut Rig, bytes: &[u8]) {
    let before = everything(rig);
    let again = import(rig, bytes);
    assert_eq!((again.outcome, again.added, again.asides), (Outcome::Unchanged, 0, 0));
    assert_eq!(everything(rig), before);
}

/// Every row of documents, and how often the database was written to.
pub(crate) fn everything(rig: &Rig) -> (Vec<DocRow>, Vec<usize>, i64) {
    let read = rig.device.store().read();
    let filter = bowline_store::DocFilter { trash: bowline_store::Trash::With, ..Default::default() };
    let rows = read.list_docs(&filter).unwrap();
    let changes = rows.iter().map(|row| read.changes(row.n).unwrap().len()).collect();
    let total =
        rig.device.store().connection().query_row("SELECT total_changes()", (), |row| row.get(0)).unwrap();
    (rows, changes, total)
}

pub(crate) fn bytes_of(rig: &mut Rig, id: DocId) -> Vec<u8> {
    rig.device.session_file(id, rig.now).unwrap().bytes
}

pub(crate) fn heads(rig: &mut Rig, id: DocId) -> Vec<ChangeHash> {
    rig.device.show(id, rig.now).unwrap().heads
}

#[test]
fn a_session_comes_in_once_with_all_that_is_said_about_it_and_goes_out_as_it_was() {
    let mut rig = Rig::new(1);
    let bytes = session(3, &[]);
    let end = SourceSession {
        title: Some("Lisbon".to_owned()),
        labels: vec!["trips".to_owned()],
        pinned: true,
        archived: true,
        agent: Some("main".to_owned()),
        ..source()
    };
    let (made, outcomes) = import_as(&mut rig, &end, &bytes);
    assert_eq!((made.outcome, made.added, made.workspace), (Outcome::New, 3, None));
    assert!(outcomes.iter().all(|line| line.outcome == Outcome::New));
    assert_eq!(outcomes.iter().map(|line| line.is_header).collect::<Vec<_>>(), [true, false, false, false]);
    assert_eq!(made.id, Device::session_doc("openclaw", "5e551011"));
    let listed = &rig.device.list(false).unwrap()[0];
    assert_eq!((&*listed.title, listed.count, &*listed.preview), ("Lisbon", 3, "text 2"));
    let row = everything(&rig).0;
    assert_eq!(rig.texts(made.id), ["text 0", "text 1", "text 2"]);
    assert_eq!(everything(&rig).0, row, "what the list said without loading it was right");
    let out = rig.device.session_file(made.id, rig.now).unwrap();
    assert_eq!((out.bytes, out.app.as_deref(), &*out.session), (bytes.clone(), Some("openclaw"), "5e551011"));
    assert_eq!(out.key.as_deref(), Some("agent:main:main"));
    let before = everything(&rig);
    let (again, outcomes) = import_as(&mut rig, &end, &bytes);
    assert_eq!((again.outcome, again.present), (Outcome::Unchanged, 4));
    assert!(outcomes.iter().all(|line| line.outcome == Outcome::Unchanged));
    assert_eq!(everything(&rig), before);
}

#[test]
fn the_document_of_a_session_is_the_hash_of_where_it_comes_from() {
    // printf 'bowline/imported/1\0\0\0\0\0\0\0\x08openclaw\0\0\0\0\0\0\0\x01s\0\0\0\0\0\0\0\0' | sha256sum
    let id = Device::session_doc("openclaw", "s");
    assert_eq!(id.to_string(), "afbe699896695ba2bf9bf0783688d7a8");
    assert_ne!(id, Device::session_doc("jsonl", "s"));
    assert_ne!(Device::session_doc("a", "bc"), Device::session_doc("ab", "c"));
}

#[test]
fn a_session_that_has_become_longer_adds_only_what_is_new_and_loads_nothing() {
    let mut rig = Rig::new(1);
    let made = import(&mut rig, &session(3, &[]));
    for turn in 0..40 {
        let texts: Vec<String> = (0..=turn).map(|it| format!("more {it}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let bytes = session(3, &texts);
        let more = import(&mut rig, &bytes);
        assert_eq!((more.outcome, more.added, more.present), (Outcome::More, 1, 4 + turn));
        assert_eq!(rig.device.list(false).unwrap()[0].count, 4 + turn);
    }
    let listed = rig.device.list(false).unwrap().remove(0);
    assert_eq!((&*listed.title, &*listed.preview), ("text 0", "more 39"));
    assert_eq!(rig.texts(made.id).len(), 43);
    assert!(heads(&mut rig, made.id).len() < 40, "now and then heads are brought together");
    let texts: Vec<String> = (0..40).map(|it| format!("more {it}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(bytes_of(&mut rig, made.id), session(3, &texts));
    import_again(&mut rig, &session(3, &texts));
}

#[test]
fn lines_that_are_no_entries_are_kept_aside_and_told_of() {
    let mut rig = Rig::new(1);
    let long = format!(r#"{{"id":"{}"}}"#, "x".repeat(LINE_MAX));
    let lines: [&[u8]; 7] = [
        HEADER.as_bytes(),
        b"",
        b"\xff\xfe",
        b"{\"type\":\"message\",\"id\":\"a\"}\r",
        b"not json",
        long.as_bytes(),
        b"{\"type\":\"mess",
    ];
    let bytes = lines.join(&b'\n');
    let (made, outcomes) = import_as(&mut rig, &source(), &bytes);
    assert_eq!((made.added, made.asides, made.left), (1, 4, 1));
    assert_eq!(
        outcomes.into_iter().map(|line| (line.outcome, line.why)).collect::<Vec<_>>(),
        [
            (Outcome::New, None),
            because(Outcome::Kept, Why::NotAnEntry("it is empty")),
            because(Outcome::Kept, Why::NotAnEntry("it is not UTF-8")),
            (Outcome::New, None),
            because(Outcome::Kept, Why::NotAnEntry("it is not a JSON object")),
            because(Outcome::Failed, Why::LineTooLong),
            because(Outcome::Kept, Why::NotAnEntry("it is not a JSON object")),
        ]
    );
    let kept: Vec<&[u8]> = lines.into_iter().filter(|line| line.len() < LINE_MAX).collect();
    let out = rig.device.session_file(made.id, rig.now).unwrap();
    let missing = Missing { before: 1, line: 6, bytes: Some(long.len() as u64) };
    assert_eq!((out.bytes, out.missing), (kept.join(&b'\n'), vec![missing]));
    import_again(&mut rig, &bytes);
    // A line that is too long to be held at all is the same to the next import.
    let before = everything(&rig);
    let mut again = rig.device.begin_import(&source(), rig.now).unwrap();
    for line in lines {
        if line.len() > LINE_MAX {
            rig.device.skip_line(&mut again, LeftLine::of(line), rig.now).unwrap();
        } else {
            rig.device.import_line(&mut again, line, rig.now).unwrap();
        }
    }
    let again = rig.device.finish_import(again, false, rig.now).unwrap();
    assert_eq!((again.outcome, everything(&rig)), (Outcome::Unchanged, before));
}

#[test]
fn only_so_many_lines_are_kept_aside() {
    let mut rig = Rig::new(1);
    let bytes = "x\n".repeat(ASIDES_MAX + 44).into_bytes();
    let (made, outcomes) = import_as(&mut rig, &source(), &bytes);
    assert_eq!((made.asides, made.left), (ASIDES_MAX as u64, 44));
    let beyond = &outcomes[ASIDES_MAX];
    assert_eq!((beyond.outcome, &beyond.why), (Outcome::Failed, &Some(Why::TooManyAsides)));
    let missing = rig.device.session_file(made.id, rig.now).unwrap().missing;
    assert_eq!((missing.len(), missing[0].line), (44, ASIDES_MAX as u64 + 1));
    import_again(&mut rig, &bytes);
    let large = "y".repeat(ASIDES_TOTAL_MAX / 2 + 1);
    let other = SourceSession { id: "other".to_owned(), ..source() };
    let (made, _) = import_as(&mut rig, &other, &file(&[&large, &large]));
    assert_eq!((made.asides, made.left), (1, 1));
    let missing = rig.device.session_file(made.id, rig.now).unwrap().missing;
    assert_eq!(missing, [Missing { before: 0, line: 2, bytes: Some(large.len() as u64) }]);
}

#[test]
fn a_torn_line_is_dropped_once_the_whole_of_it_has_come() {
    let mut rig = Rig::new(1);
    let whole = message("b", "two");
    let torn = [file(&[HEADER, "", &message("a", "one")]), whole.as_bytes()[..30].to_vec()].concat();
    let made = import(&mut rig, &torn);
    assert_eq!((made.added, made.asides), (1, 2));
    assert_eq!(bytes_of(&mut rig, made.id), torn);
    let bytes = file(&[HEADER, "", &message("a", "one"), &whole, &message("c", "three")]);
    let more = import(&mut rig, &bytes);
    assert_eq!((more.outcome, more.added, more.asides), (Outcome::More, 2, 0));
    assert_eq!(rig.texts(made.id), ["one", "two", "three"]);
    assert_eq!(bytes_of(&mut rig, made.id), bytes);
    import_again(&mut rig, &bytes);
}

#[test]
fn a_file_that_was_written_anew_loses_nothing_and_doubles_nothing() {
    let mut rig = Rig::new(1);
    let (one, two, three, four) =
        (message("1", "1"), message("2", "2"), message("3", "3"), message("4", "4"));
    let made = import(&mut rig, &file(&[HEADER, &one, &two, &three, &four]));
    // Two is gone, three hangs on another, and something has come.
    let other = message("3", "3 elsewhere");
    let rewritten = file(&[HEADER, &one, &other, &four, &message("5", "5")]);
    let more = import(&mut rig, &rewritten);
    assert_eq!((more.outcome, more.added, more.present), (Outcome::More, 2, 3));
    let mut said = rig.texts(made.id);
    said.sort();
    assert_eq!(said, ["1", "2", "3", "3 elsewhere", "4", "5"]);
    import_again(&mut rig, &rewritten);
    // What was gone comes back, and is there already.
    let back = import(&mut rig, &[rewritten, file(&[&two, &message("6", "6"), &message("6", "6")])].concat());
    assert_eq!((back.added, back.present), (2, 6));
    assert_eq!(rig.texts(made.id).len(), 8);
}

#[test]
fn a_file_that_has_lost_its_end_changes_nothing_and_can_grow_anew() {
    let mut rig = Rig::new(1);
    let made = import(&mut rig, &session(4, &[]));
    import_again(&mut rig, &session(2, &[]));
    import_again(&mut rig, b"");
    let more = import(&mut rig, &session(2, &["other"]));
    assert_eq!((more.added, more.present), (1, 3));
    let more = import(&mut rig, &session(4, &["later"]));
    assert_eq!((more.added, more.present), (1, 5));
    assert_eq!(rig.texts(made.id).len(), 6);
}

#[test]
fn another_header_comes_aside() {
    let mut rig = Rig::new(1);
    let made = import(&mut rig, &session(1, &[]));
    let header = HEADER.replace("\"version\":3", "\"version\":4");
    let bytes = file(&[&header, &message("00000000", "text 0")]);
    let (more, outcomes) = import_as(&mut rig, &source(), &bytes);
    assert_eq!((more.added, more.asides), (0, 1));
    let outcomes: Vec<_> = outcomes.into_iter().map(|line| line.outcome).collect();
    assert_eq!(outcomes, [Outcome::Kept, Outcome::Unchanged]);
    assert_eq!(bytes_of(&mut rig, made.id), file(&[HEADER, &header, &message("00000000", "text 0")]));
    import_again(&mut rig, &bytes);
}

#[test]
fn what_is_written_here_stays_and_an_export_that_comes_back_is_there_already() {
    let mut rig = Rig::new(1);
    let made = import(&mut rig, &session(2, &[]));
    rig.say(made.id, "said here");
    let exported = bytes_of(&mut rig, made.id);
    let more = import(&mut rig, &session(2, &["said there"]));
    assert_eq!((more.outcome, more.added), (Outcome::More, 1));
    assert_eq!(rig.texts(made.id).len(), 4);
    let back = import(&mut rig, &exported);
    assert_eq!((back.outcome, back.added), (Outcome::Unchanged, 0));
    let mut both = exported;
    both.extend(message("new", "new").bytes().chain([b'\n']));
    let back = import(&mut rig, &both);
    assert_eq!((back.outcome, back.added), (Outcome::More, 1));
    assert_eq!(rig.texts(made.id).len(), 5);
}

#[test]
fn a_title_given_here_is_not_overwritten_and_a_change_there_is_taken_over() {
    let mut rig = Rig::new(1);
    let bytes = session(1, &[]);
    let end = |title: &str, pinned| SourceSession { title: Some(title.to_owned()), pinned, ..source() };
    let (made, _) = import_as(&mut rig, &end("theirs", false), &bytes);
    let (again, _) = import_as(&mut rig, &end("theirs, too", true), &bytes);
    assert_eq!((again.outcome, again.added), (Outcome::Updated, 0));
    assert_eq!(rig.device.list(false).unwrap()[0].title, "theirs, too");
    rig.device.set_title(made.id, Some("ours"), rig.now).unwrap();
    let (again, _) = import_as(&mut rig, &end("theirs at last", true), &bytes);
    assert_eq!(again.outcome, Outcome::Updated);
    let before = everything(&rig);
    assert_eq!(before.0[0].summary.title, "ours");
    let (again, _) = import_as(&mut rig, &end("theirs at last", true), &bytes);
    assert_eq!((again.outcome, everything(&rig)), (Outcome::Unchanged, before));
}

#[test]
fn labels_that_are_gone_there_go_and_those_put_on_here_stay() {
    let mut rig = Rig::new(1);
    let bytes = session(1, &[]);
    let end = |labels: &[&str]| SourceSession {
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        ..source()
    };
    let (made, _) = import_as(&mut rig, &end(&["a", "b"]), &bytes);
    rig.device.set_label(made.id, "mine", true, rig.now).unwrap();
    import_as(&mut rig, &end(&["b", "c"]), &bytes);
    let n = everything(&rig).0[0].n;
    assert_eq!(rig.device.store().read().changes(n).unwrap().len(), 4, "one change for each label");
    import_as(&mut rig, &end(&["b", "c"]), &bytes);
    assert_eq!(rig.device.store().read().changes(n).unwrap().len(), 4);
}

#[test]
fn what_is_in_the_trash_stays_there_as_it_is() {
    let mut rig = Rig::new(1);
    let made = import(&mut rig, &session(1, &[]));
    rig.device.delete(made.id, rig.now).unwrap();
    let before = everything(&rig);
    let (again, outcomes) = import_as(&mut rig, &source(), &session(3, &[]));
    assert_eq!(
        (again.outcome, again.why, again.added, again.id),
        (Outcome::Skipped, Some(Why::InTrash), 0, made.id)
    );
    assert!(outcomes.contains(&LineVerdict {
        is_header: true,
        outcome: Outcome::Skipped,
        why: Some(Why::InTrash)
    }));
    assert_eq!(everything(&rig), before);
    rig.device.restore_deleted(made.id, rig.now).unwrap();
    assert_eq!(import(&mut rig, &session(3, &[])).added, 2);
}

#[test]
fn a_session_with_nothing_in_it_makes_no_document() {
    let mut rig = Rig::new(1);
    let before = everything(&rig);
    let made = import(&mut rig, b"");
    assert_eq!((made.outcome, made.why, everything(&rig)), (Outcome::Skipped, Some(Why::Empty), before));
}

#[test]
fn an_import_that_ends_in_the_middle_goes_on_where_it_was() {
    let mut rig = Rig::new(1);
    let bytes = session(5_000, &[]);
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut import = rig.device.begin_import(&source(), rig.now).unwrap();
    for line in &lines[..4_500] {
        rig.device.import_line(&mut import, line, rig.now).unwrap();
    }
    drop(import);
    let mut rig = rig.reopened();
    let listed = rig.device.list(false).unwrap().remove(0);
    assert_eq!(
        (listed.count, rig.texts(listed.id).len()),
        (3_999, 3_999),
        "whole batches, and the row of those"
    );
    let (more, outcomes) = import_as(&mut rig, &source(), &bytes);
    assert_eq!((more.outcome, more.added, more.present), (Outcome::More, 1_001, 4_000));
    assert_eq!((outcomes[3_999].outcome, outcomes[4_000].outcome), (Outcome::Unchanged, Outcome::New));
    assert_eq!(bytes_of(&mut rig, listed.id), bytes);
    import_again(&mut rig, &bytes);
}

#[test]
fn a_batch_that_cannot_be_stored_leaves_nothing_of_itself() {
    for nth in 1..4 {
        let mut rig = Rig::new(1);
        let bytes = session(5_000, &[]);
        rig.commits.refuse(nth);
        let mut import = rig.device.begin_import(&source(), rig.now).unwrap();
        let mut failed = false;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            failed |= rig.device.import_line(&mut import, line, rig.now).is_err();
            if failed {
                break;
            }
        }
        failed = failed || rig.device.finish_import(import, false, rig.now).is_err();
        assert!(failed && rig.commits.is_spent());
        let made = import_as(&mut rig, &source(), &bytes).0;
        assert!(made.added >= 1_000 && made.added + made.present >= 5_000, "{nth}: {made:?}");
        assert_eq!(bytes_of(&mut rig, made.id), bytes);
    }
}

#[test]
fn names_that_are_too_long_are_refused_and_titles_are_cut() {
    let mut rig = Rig::new(1);
    let long = "ä".repeat(600);
    let origin = SourceSession { id: long.clone(), ..source() };
    assert!(matches!(rig.device.begin_import(&origin, rig.now), Err(Error::Edit(_))));
    let end = SourceSession { title: Some(long), ..source() };
    let (made, _) = import_as(&mut rig, &end, &session(1, &[]));
    assert!(rig.device.show(made.id, rig.now).unwrap().title.unwrap().len() <= 1024);
}

#[test]
fn a_conversation_made_here_is_exported_with_a_header() {
    let mut rig = Rig::new(1);
    let id = rig.conversation("made here");
    rig.say(id, "hello");
    let file = rig.device.session_file(id, rig.now).unwrap();
    assert_eq!((file.app, file.key, file.session.len()), (None, None, 36));
    assert!(file.bytes.starts_with(br#"{"type":"session","version":3"#));
    let agent = rig.device.create_agent("no conversation", rig.now).unwrap();
    assert!(matches!(rig.device.session_file(agent, rig.now), Err(Error::OtherKind(_))));
}

#[test]
fn what_is_imported_does_not_print() {
    let mut rig = Rig::new(1);
    let mut import = rig.device.begin_import(&source(), rig.now).unwrap();
    rig.device.import_line(&mut import, message("secret", "secret").as_bytes(), rig.now).unwrap();
    let printed = format!("{import:?}");
    let made = rig.device.finish_import(import, false, rig.now).unwrap();
    let file = rig.device.session_file(made.id, rig.now).unwrap();
    assert!(!format!("{printed} {file:?}").contains("secret"));
    rig.device.say(made.id, Role::User, "more", rig.now).unwrap();
}
