//! Copies of transcripts that programs make which keep folders in step, when two devices have written into one file.

use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, header, id, message, transcript};

/// A message after another one, on a branch of its own.
fn branch(after: u32, text: &str) -> String {
    let id = format!("{:08x}", 0xb000_0000_u32 + after);
    message(after + 1)
        .replace(&format!("{:08x}\",\"parentId", after + 1), &format!("{id}\",\"parentId"))
        .replace("words", text)
}

#[test]
fn what_only_a_copy_has_is_in_the_sessions_conversation_whoever_made_the_copy() {
    for ending in [
        ".sync-conflict-20260301-101500-ABCDEFG.jsonl",
        " (Ana's conflicted copy 2026-03-01).jsonl",
        " (in Konflikt stehende Kopie 2026-03-01).jsonl",
        "_conflict-20260301-101500.jsonl",
        ".jsonl.conflict.20260301101500",
        " (1).jsonl",
        "-LAPTOP.jsonl",
    ] {
        let (home, mut desk) = (Home::new(), Desk::new());
        home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 4));
        home.session(
            &format!("{}{ending}", id(1)),
            format!("{}{}", transcript(&id(1), 2), branch(1, "elsewhere")),
        );
        let index = json!({"agent:main:main": {"sessionId": id(1), "label": "Garden"}});
        home.session("sessions.json", index.to_string());
        desk.import(&home.path());
        let doc = desk.titled("Garden");
        assert_eq!(desk.device.list(false).unwrap().len(), 1, "{ending}: {:#?}", desk.items);
        let now = desk.now();
        let shown = desk.device.show(doc, now).unwrap().transcript;
        assert_eq!((shown.entries.len(), desk.report.failed()), (5, 0), "{ending}");
        assert_eq!(
            shown.entries.iter().filter(|entry| entry.children == 2).count(),
            1,
            "{ending}: both ways on"
        );
        let before = desk.state();
        desk.import(&home.path());
        assert_eq!((desk.report.changed(), desk.state()), (0, before), "{ending}");
        // Somebody tidies up, with the copy as the one to stay.
        std::fs::remove_file(home.at(&format!("agents/main/sessions/{}{ending}", id(1)))).unwrap();
        desk.import(&home.path());
        assert_eq!(desk.device.show(doc, now).unwrap().transcript.entries.len(), 5, "{ending}");
    }
}

#[test]
fn sessions_with_names_of_their_own_have_copies_too_and_names_alone_do_not_make_one() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session("merge.jsonl", transcript("merge", 2));
    home.session("merge.sync-conflict-20260301-101500-ABCDEFG.jsonl", transcript("merge", 3));
    home.session("merge-conflict-talk.jsonl", transcript("another", 1));
    home.session(&format!("{}-LAPTOP.jsonl", id(2)), transcript("third", 1));
    desk.import(&home.path());
    let mut counts: Vec<_> = desk.device.list(false).unwrap().iter().map(|row| row.count).collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 1, 3], "{:#?}", desk.items);
}

#[test]
fn a_copy_alone_is_its_session_and_a_copy_of_the_index_says_what_the_index_does_not() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{} (conflicted copy).jsonl", id(1)), transcript(&id(1), 2));
    home.session(&format!("{} (conflicted copy 2).jsonl", id(1)), transcript(&id(1), 3));
    home.session(&format!("{}.jsonl", id(2)), transcript(&id(2), 1));
    let entry = |session: &str, label: &str| json!({"sessionId": session, "label": label});
    home.session("sessions.json", json!({"agent:main:b": entry(&id(2), "Ours")}).to_string());
    let theirs = json!({"agent:main:a": entry(&id(1), "Theirs"), "agent:main:b": entry(&id(2), "Older")});
    home.session("sessions.sync-conflict-20260301-101500-ABCDEFG.json", theirs.to_string());
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 2, "{:#?}", desk.items);
    let doc = desk.titled("Theirs");
    let now = desk.now();
    assert_eq!(desk.device.show(doc, now).unwrap().transcript.entries.len(), 3);
    desk.titled("Ours");
}

#[test]
fn a_copy_of_what_a_session_was_before_doubles_nothing() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let reset = format!("{}.jsonl.reset.2026-11-22T10-00-00.000Z", id(1));
    home.session(&reset, transcript(&id(1), 2));
    home.session(&format!("{reset}.sync-conflict-20260301-101500-ABCDEFG"), transcript(&id(1), 3));
    home.session(&format!("{}.jsonl", id(1)), format!("{}{}", header(&id(1)), message(7)));
    desk.import(&home.path());
    let rows = desk.device.list(false).unwrap();
    // Three messages of before, one of now, and the header that stands between them.
    assert_eq!((rows.len(), rows[0].count), (1, 5), "{:#?}", desk.items);
}

#[test]
fn a_copy_of_a_database_is_named_as_what_stays_behind() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let path = "agents/main/agent/openclaw-agent.sync-conflict-20260301-101500-ABCDEFG.sqlite";
    home.write(path, "SQLite format 3\0");
    desk.import(&home.path());
    assert_eq!(desk.about(path).outcome, Outcome::Failed);
}
