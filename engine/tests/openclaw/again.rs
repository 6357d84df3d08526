//! One session met in several ways: what it is known by, and what the second time may and may not change.

use std::fs;

use bowline_engine::import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, copy, header, id, message, transcript};

/// How many conversations there are.
fn conversations(desk: &Desk) -> usize {
    desk.device.list(false).unwrap().len()
}

#[test]
fn a_copied_folder_of_an_agent_does_not_set_anything_to_and_fro() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 3));
    home.session(
        "sessions.json",
        json!({"agent:main:main": {"sessionId": id(1), "label": "Garden"}}).to_string(),
    );
    copy(&home.at("agents/main"), &home.at("agents/work"));
    let more = transcript(&id(1), 3) + message(7).trim_end();
    home.write(&format!("agents/work/sessions/{}.jsonl", id(1)), more);
    home.write(
        "agents/work/sessions/sessions.json",
        json!({"agent:work:main": {"sessionId": id(1), "label": "Shed", "pinnedAt": 1}}).to_string(),
    );
    desk.import(&home.path());
    assert_eq!(desk.titled("Garden"), desk.device.list(false).unwrap()[0].id);
    assert_eq!(desk.file(&id(1)).key.as_deref(), Some("agent:main:main"));
    assert_eq!(desk.report.entries.new, 4);
    for _ in 0..2 {
        let before = desk.state();
        desk.import(&home.path());
        assert_eq!(desk.state(), before);
        assert_eq!(desk.report.count(What::Conversation, Outcome::Unchanged), 2);
    }
}

#[test]
fn the_transcript_of_a_topic_is_the_session_that_its_name_begins_with() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}-topic-7.jsonl", id(1)), transcript(&id(1), 2));
    desk.import(&home.path());
    // By that id a database knows it, whatever its file was called.
    fs::rename(
        home.at(&format!("agents/main/sessions/{}-topic-7.jsonl", id(1))),
        home.at(&format!("agents/main/sessions/{}.jsonl", id(1))),
    )
    .unwrap();
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!((desk.state(), conversations(&desk)), (before, 1));
}

#[test]
fn a_transcript_at_fault_is_said_and_the_others_come() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for n in 1..=2 {
        home.session(&format!("{}.jsonl", id(n)), transcript(&id(n), 1));
    }
    desk.import(&home.path());
    desk.sql(&format!("UPDATE import SET value = x'ff' WHERE source = 'session/openclaw/{}'", id(1)));
    for n in 1..=2 {
        home.session(&format!("{}.jsonl", id(n)), transcript(&id(n), 3));
    }
    desk.import(&home.path());
    let outcomes: Vec<_> = desk.said(What::Conversation).into_iter().map(|(_, outcome, _)| outcome).collect();
    assert_eq!(outcomes, [Outcome::Failed, Outcome::More]);
}

#[test]
fn a_label_that_was_taken_off_here_stays_off_when_the_import_is_forgotten() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), header(&id(1)) + &message(0));
    let index =
        |label: &str| json!({"k": {"sessionId": id(1), "label": label, "displayName": "plants"}}).to_string();
    home.session("sessions.json", index("Garden"));
    desk.import(&home.path());
    let (document, now) = (desk.titled("Garden"), desk.now());
    desk.device.set_label(document, "plants", false, now).unwrap();
    desk.sql("DELETE FROM import WHERE source LIKE 'session/%'");
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!(desk.state(), before, "nothing was said differently");
    assert!(desk.device.show(document, now).unwrap().marks.labels.is_empty());
    // What OpenClaw says differently from the last time still counts.
    desk.sql("DELETE FROM import WHERE source LIKE 'session/%'");
    home.session("sessions.json", index("Orchard"));
    desk.import(&home.path());
    desk.titled("Orchard");
    assert!(desk.device.show(document, now).unwrap().marks.labels.is_empty());
}
