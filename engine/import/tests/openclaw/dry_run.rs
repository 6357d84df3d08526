//! A dry run says what the import that follows it comes to, and writes nothing. Every other import of these tests is asked for
//! the same by [`Desk`]; here are the cases in which the two could come apart.

use std::fs;

use bowline_core::document::Role;
use bowline_import::{Outcome, What};
use rusqlite::Connection;

use crate::desk::{Desk, Home, copy, id, message, transcript};
use crate::fixtures;

#[test]
fn every_home_comes_in_as_a_dry_run_said_and_a_dry_run_says_nothing_is_new_then() {
    for name in fixtures::names() {
        let Some(tree) = fixtures::tree(name) else { return };
        let state = fixtures::state(&tree);
        let mut desk = Desk::new();
        let (items, report) = desk.plan(&state);
        assert!(report.count(What::Conversation, Outcome::New) > 0, "{name}");
        assert!(desk.device.list(false).unwrap().is_empty(), "{name}: nothing is here yet");
        desk.import(&state);
        assert_eq!((&desk.items, &desk.report), (&items, &report), "{name}");
        let (_, again) = desk.plan(&state);
        assert_eq!((again.changed(), again.entries.new), (0, 0), "{name}");
    }
}

#[test]
fn a_session_that_lies_in_two_places_is_new_once() {
    let home = Home::new();
    let session = id(1);
    home.session(&format!("{session}.jsonl"), transcript(&session, 3));
    copy(&home.at("agents/main"), &home.at("agents/other"));
    // The copy went on, and then on again in another way.
    home.write(&format!("agents/other/sessions/{session}.jsonl"), transcript(&session, 5));
    copy(&home.at("agents/main"), &home.at("agents/third"));
    let other_end = transcript(&session, 3) + &message(9) + &message(4);
    home.write(&format!("agents/third/sessions/{session}.jsonl"), other_end);
    let mut desk = Desk::new();
    let (items, report) = desk.plan(&home.path());
    let outcomes = items.iter().filter(|item| item.what == What::Conversation).map(|item| item.outcome);
    assert_eq!(outcomes.collect::<Vec<_>>(), [Outcome::New, Outcome::More, Outcome::More]);
    assert_eq!((report.entries.new, report.entries.present), (6, 7));
    desk.import(&home.path());
}

#[test]
fn a_torn_line_that_is_whole_in_another_place_is_foretold() {
    let home = Home::new();
    let session = id(1);
    let whole = transcript(&session, 3);
    home.session(&format!("{session}.jsonl"), &whole[..whole.len() - 20]);
    home.write(&format!("agents/other/sessions/{session}.jsonl"), &whole);
    let mut desk = Desk::new();
    let (_, report) = desk.plan(&home.path());
    assert_eq!((report.entries.new, report.entries.aside), (3, 1));
    desk.import(&home.path());
    assert_eq!(
        desk.file(&session).bytes,
        whole.trim_end().as_bytes(),
        "the end is as where it was met first"
    );
}

#[test]
fn what_was_written_here_in_between_is_foretold() {
    let home = Home::new();
    let session = id(1);
    home.session(&format!("{session}.jsonl"), transcript(&session, 3));
    home.write("workspace/AGENTS.md", "one");
    home.write("workspace/NOTES.md", "one");
    let mut desk = Desk::new();
    desk.import(&home.path());
    let doc = desk.device.list(false).unwrap()[0].id;
    let now = desk.now();
    desk.device.say(doc, Role::User, "said here", now).unwrap();
    home.session(&format!("{session}.jsonl"), transcript(&session, 4));
    home.write("workspace/AGENTS.md", "two");
    home.write("workspace/MORE.md", "more");
    let (_, report) = desk.plan(&home.path());
    assert_eq!(report.count(What::Conversation, Outcome::More), 1);
    assert_eq!((report.count(What::File, Outcome::Updated), report.count(What::File, Outcome::New)), (1, 1));
    desk.import(&home.path());
    desk.device.delete(doc, now).unwrap();
    home.session(&format!("{session}.jsonl"), transcript(&session, 5));
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::Skipped), 1);
}

#[test]
fn a_dry_run_takes_what_another_process_has_written_into_account() {
    let home = Home::new();
    let session = id(1);
    home.session(&format!("{session}.jsonl"), transcript(&session, 3));
    let mut desk = Desk::new();
    desk.import(&home.path());
    let doc = desk.device.list(false).unwrap()[0].id;
    let now = desk.now();
    desk.another_process().say(doc, Role::User, "said there", now).unwrap();
    home.session(&format!("{session}.jsonl"), transcript(&session, 4));
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 1);
}

#[test]
fn a_dry_run_is_not_seen_by_anybody_else_who_has_the_database_open() {
    let home = Home::new();
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 3));
    let desk = Desk::new();
    let observer = Connection::open(desk.database()).unwrap();
    let version = || observer.query_row("PRAGMA data_version", (), |row| row.get::<_, i64>(0)).unwrap();
    let before = version();
    desk.plan(&home.path());
    assert_eq!(version(), before);
    // It would have been seen.
    let mut desk = desk;
    desk.import(&home.path());
    assert_ne!(version(), before);
    assert_eq!(fs::read_dir(home.outer()).unwrap().count(), 1, "and nothing is made beside the home");
}

#[test]
fn several_files_of_json_lines_are_planned_as_they_are_imported_one_after_the_other() {
    let line = |title: &str, texts: &[&str]| {
        let messages: Vec<_> = texts.iter().map(|text| format!(r#"{{"text":"{text}"}}"#)).collect();
        format!(r#"{{"id":"c","title":"{title}","messages":[{}]}}"#, messages.join(","))
    };
    let file = [line("first", &["a"]), line("first", &["a", "b"]), line("second", &["a", "b"])].join("\n");
    let mut desk = Desk::new();
    desk.import_jsonl("c.jsonl", file.as_bytes());
    let outcomes: Vec<_> = desk.said(What::Conversation).iter().map(|(_, outcome, _)| *outcome).collect();
    assert_eq!(outcomes, [Outcome::New, Outcome::More, Outcome::Unchanged]);
}
