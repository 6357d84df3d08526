//! Files of JSON lines from anywhere: a transcript, or a conversation in each line.

use std::path::Path;
use std::time::Instant;

use bowline_import::{Outcome, What};

use crate::desk::{Desk, id, transcript};

/// A corpus; `None` where it is not.
fn corpus(path: &str) -> Option<Vec<u8>> {
    let shared =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/corpora")).join(path);
    let read = std::fs::read(&shared).ok();
    if read.is_none() {
        println!("skipped: {path} is not beside this repository, in ../shared/fixtures/corpora");
    }
    read
}

#[test]
fn a_transcript_comes_in_byte_for_byte() {
    let mut desk = Desk::new();
    let text = transcript(&id(1), 3);
    desk.import_jsonl("session.jsonl", text.as_bytes());
    assert_eq!((desk.report.entries.new, desk.report.count(What::Conversation, Outcome::New)), (3, 1));
    assert_eq!(desk.file(&id(1)).bytes, text.as_bytes());
    desk.import_jsonl("session.jsonl", transcript(&id(1), 5).as_bytes());
    assert_eq!((desk.report.entries.new, desk.report.entries.present), (2, 3));
}

#[test]
fn conversations_one_in_each_line_come_in_once() {
    let mut desk = Desk::new();
    let text = "{\"id\":\"a\",\"title\":\"Garden\",\"messages\":[{\"role\":\"user\",\"text\":\"Hi\"},{\"sender\":\"bot\",\"text\":\"Yes\"}]}\n\
                \n{\"broken\": \n{\"messages\":[{\"text\":\"alone\"}]}\n{\"id\":\"empty\",\"messages\":[]}\n";
    desk.import_jsonl("chats.jsonl", text.as_bytes());
    assert_eq!((desk.report.entries.new, desk.report.count(What::Conversation, Outcome::New)), (3, 2));
    let broken = desk.items.iter().find(|item| item.what == What::Line).unwrap();
    assert_eq!((broken.at.as_deref(), broken.outcome), (Some("line 3"), Outcome::Failed));
    let doc = desk.titled("Garden");
    let now = desk.now();
    let shown = desk.device.show(doc, now).unwrap();
    assert_eq!(shown.transcript.entries.len(), 2);
    let before = desk.state();
    desk.import_jsonl("chats.jsonl", text.as_bytes());
    assert_eq!((desk.state(), desk.report.changed()), (before, 0));
}

#[test]
fn a_conversation_that_went_on_gets_what_is_new() {
    let mut desk = Desk::new();
    let line = |messages: &str| format!("{{\"id\":\"{}\",\"messages\":[{messages}]}}\n", id(1));
    desk.import_jsonl("chats.jsonl", line("{\"text\":\"one\"}").as_bytes());
    desk.import_jsonl("chats.jsonl", line("{\"text\":\"one\"},{\"text\":\"two\"}").as_bytes());
    assert_eq!((desk.report.entries.new, desk.report.count(What::Conversation, Outcome::More)), (1, 1));
}

#[test]
fn an_empty_file_is_nothing() {
    let mut desk = Desk::new();
    desk.import_jsonl("empty.jsonl", b"");
    assert!(desk.items.is_empty());
}

#[test]
fn the_session_of_a_coding_agent_comes_in_byte_for_byte() {
    let Some(text) = corpus("pi-sessions/large-session.jsonl") else { return };
    let mut desk = Desk::new();
    let started = Instant::now();
    desk.import_jsonl("large-session.jsonl", &text);
    println!("imported {} lines, {} bytes in {:?}", desk.report.lines, desk.report.bytes, started.elapsed());
    assert_eq!((desk.report.lines, desk.report.entries.new), (1019, 1018));
    assert!(desk.files()[0].bytes == text);
    let started = Instant::now();
    desk.import_jsonl("large-session.jsonl", &text);
    println!("and again in {:?}", started.elapsed());
    assert_eq!(desk.report.changed(), 0);
}

#[test]
fn a_thousand_chats_come_in_and_the_longest_lists_and_shows() {
    let Some(text) = corpus("chitchat/chitchat-1000.jsonl") else { return };
    let mut desk = Desk::new();
    let started = Instant::now();
    desk.import_jsonl("chitchat-1000.jsonl", &text);
    println!("imported {} messages in {:?}", desk.report.entries.new, started.elapsed());
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 1000, "{:#?}", desk.items.iter().take(5));
    assert_eq!(desk.report.entries.new, 40_480);
    let listed = desk.device.list(false).unwrap();
    let longest = listed.iter().max_by_key(|listed| listed.count).unwrap();
    assert_eq!((listed.len(), longest.count), (1000, 2895));
    let now = desk.now();
    let shown = desk.device.show(longest.id, now).unwrap();
    assert_eq!(shown.transcript.entries.len(), 2895);
    assert!(shown.transcript.issues.is_empty());
    let before = desk.state();
    let started = Instant::now();
    desk.import_jsonl("chitchat-1000.jsonl", &text);
    println!("and again in {:?}", started.elapsed());
    assert_eq!((desk.report.changed(), desk.state()), (0, before));
}
