//! One session met in several ways: what it is known by, and what the second time may and may not change.

use std::fs;

use bowline_device::Error;
use bowline_device::Marks;
use bowline_device::SourceSession;
use bowline_import::{Outcome, What};
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

/// A session that was begun anew under its id twice, as it lies on the disk after each time.
fn begun_anew(home: &Home, times: usize) -> String {
    let live = format!("{}.jsonl", id(1));
    let parts = [[0, 1], [2, 3], [4, 5]].map(|lines| header(&id(1)) + &lines.map(message).concat());
    for (n, part) in parts.iter().take(times).enumerate() {
        home.session(&format!("{live}.reset.2026-11-2{n}T10-00-00.000Z"), part);
    }
    home.session(&live, &parts[times]);
    parts[..=times].concat()
}

#[test]
fn a_session_begun_anew_under_its_id_is_one_conversation_whenever_it_was_imported() {
    let mut often = Desk::new();
    for times in 0..=2 {
        let home = Home::new();
        let all = begun_anew(&home, times);
        often.import(&home.path());
        let mut once = Desk::new();
        once.import(&home.path());
        for desk in [&mut often, &mut once] {
            assert_eq!((conversations(desk), desk.file(&id(1)).bytes), (1, all.clone().into_bytes()));
            let before = desk.state();
            desk.import(&home.path());
            assert_eq!(desk.state(), before, "after {times} times");
        }
    }
    // When OpenClaw has cleared the old ones away, what was imported stays as it is.
    let home = Home::new();
    let all = begun_anew(&home, 2);
    fs::remove_file(home.at(&format!("agents/main/sessions/{}.jsonl.reset.2026-11-20T10-00-00.000Z", id(1))))
        .unwrap();
    let before = often.state();
    often.import(&home.path());
    assert_eq!(often.state(), before);
    assert_eq!(often.file(&id(1)).bytes, all.into_bytes());
}

#[test]
fn a_damaged_archive_of_a_session_keeps_nothing_of_what_came_after_it_back() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    home.session(&format!("{}.jsonl.reset.1.zst", id(1)), "this is nothing packed");
    desk.import(&home.path());
    assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 2).into_bytes());
    let failed: Vec<_> = desk
        .said(What::Conversation)
        .into_iter()
        .filter(|(_, outcome, _)| *outcome == Outcome::Failed)
        .collect();
    assert!(failed.len() == 1 && failed[0].2.contains(".jsonl.reset.1.zst"), "{failed:?}");
}

/// Messages enough for several changes.
const MANY: u32 = 5_000;

#[test]
fn an_import_that_was_given_up_beside_another_loses_nothing_and_does_not_stop_the_next_one() {
    let session = id(1);
    let text = transcript(&session, MANY);
    let lines: Vec<_> = text.lines().map(str::as_bytes).collect();
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{session}.jsonl"), transcript(&session, 1));
    desk.import(&home.path());
    let (mut other, now) = (desk.another_process(), desk.now());
    let source = SourceSession {
        app: "openclaw".to_owned(),
        id: session.clone(),
        archived: true,
        agent: Some("main".to_owned()),
        ..SourceSession::default()
    };
    let mut one = desk.device.begin_import(&source, now).unwrap();
    let mut two = other.begin_import(&source, now).unwrap();
    for line in &lines[..4_500] {
        desk.device.import_line(&mut one, line, now).unwrap();
    }
    for line in &lines[..3_000] {
        other.import_line(&mut two, line, now).unwrap();
    }
    for line in &lines[4_500..] {
        desk.device.import_line(&mut one, line, now).unwrap();
    }
    desk.device.finish_import(one, true, now).unwrap();
    drop((two, other));
    home.session(&format!("{session}.jsonl"), &text);
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.failed()), (0, 0));
    assert!(desk.file(&session).bytes == text.as_bytes());
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!(desk.state(), before);
}

#[test]
fn lines_that_come_from_another_process_meanwhile_are_not_there_twice() {
    let session = id(1);
    let text = transcript(&session, 9);
    let lines: Vec<_> = text.lines().map(str::as_bytes).collect();
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{session}.jsonl"), transcript(&session, 1));
    desk.import(&home.path());
    desk.sql("DELETE FROM import WHERE source LIKE 'session/%'");
    let (mut other, now) = (desk.another_process(), desk.now());
    let source =
        SourceSession { app: "openclaw".to_owned(), id: session.clone(), ..SourceSession::default() };
    let mut one = desk.device.begin_import(&source, now).unwrap();
    let mut two = other.begin_import(&source, now).unwrap();
    for line in &lines {
        desk.device.import_line(&mut one, line, now).unwrap();
        other.import_line(&mut two, line, now).unwrap();
    }
    other.finish_import(two, true, now).unwrap();
    assert!(matches!(desk.device.finish_import(one, true, now), Err(Error::Changed(_))));
    drop(other);
    home.session(&format!("{session}.jsonl"), &text);
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.failed()), (0, 0));
    assert!(desk.file(&session).bytes == text.as_bytes());
}

#[test]
fn how_openclaw_files_a_session_is_how_it_is_listed_until_somebody_files_it_here() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    let index = |more: &str| {
        format!(r#"{{"k": {{"sessionId": "{}", "label": "Garden", "displayName": "plants"{more}}}}}"#, id(1))
    };
    let listed = |desk: &Desk| desk.device.list(false).unwrap()[0].marks.clone();
    let plants = vec!["plants".to_owned()];
    home.session("sessions.json", index(r#", "pinnedAt": 1"#));
    desk.import(&home.path());
    assert_eq!(listed(&desk), Marks { pinned: true, archived: false, labels: plants.clone() });

    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 5));
    desk.import(&home.path());
    assert_eq!(listed(&desk), Marks { pinned: true, archived: false, labels: plants.clone() });

    home.session("sessions.json", index(r#", "archivedAt": 1"#));
    desk.import(&home.path());
    assert_eq!(listed(&desk), Marks { pinned: false, archived: true, labels: plants.clone() });

    let (document, now) = (desk.titled("Garden"), desk.now());
    desk.device.set_archived(document, false, now).unwrap();
    home.session("sessions.json", index(r#", "archivedAt": 2, "pinnedAt": 3"#));
    desk.import(&home.path());
    let expected = Marks { pinned: true, archived: false, labels: plants };
    assert_eq!((listed(&desk), desk.device.show(document, now).unwrap().marks), (expected.clone(), expected));
}
