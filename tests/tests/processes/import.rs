//! What others wrote comes in on one device and is on the other: the real corpora, through the real programs.

use std::path::{Path, PathBuf};
use std::time::Instant;

use bowline_tests::processes::{Home, Relay, Tls};
use serde_json::Value;

use crate::two_devices;

/// A corpus, if this machine has it.
fn corpus(path: &str) -> Option<PathBuf> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/corpora");
    let path = corpora.join(path);
    if !path.exists() {
        println!("skipped: there is no {} on this machine", path.file_name()?.display());
        return None;
    }
    Some(path)
}

fn json(home: &Home, arguments: &[&str]) -> Value {
    let arguments = arguments.iter().chain(&["--json"]);
    serde_json::from_str(&home.run(arguments).answer()).expect("an answer in JSON")
}

/// The conversation with the most entries: its id and how many it has.
fn longest(list: &Value) -> (String, u64) {
    let rows = list.as_array().expect("a list").iter();
    let longest = rows.max_by_key(|row| row["count"].as_u64()).expect("a conversation");
    (longest["id"].as_str().expect("an id").to_owned(), longest["count"].as_u64().expect("a number"))
}

#[test]
fn a_thousand_conversations_come_in_and_the_longest_is_listed_shown_and_synced() {
    let Some(corpus) = corpus("chitchat/chitchat-1000.jsonl") else { return };
    let corpus = corpus.to_str().expect("a path in UTF-8");
    let relay = Relay::start(Tls::SelfSigned);
    let (laptop, desktop) = two_devices(&relay);
    let began = Instant::now();
    laptop.run(["import", "jsonl", corpus]).answer();
    let imported = began.elapsed();
    let listed = json(&laptop, &["chat", "list"]);
    assert_eq!(listed.as_array().expect("a list").len(), 1000);
    let (id, entries) = longest(&listed);
    assert_eq!(entries, 2895);
    assert_eq!(laptop.messages(&id).len(), 2895);
    assert_eq!(json(&laptop, &["chat", "show", &id])["entries"].as_array().expect("entries").len(), 2895);

    let began = Instant::now();
    laptop.run(["share", "--all", "--yes"]).answer();
    laptop.run(["sync"]).answer();
    let sent = began.elapsed();
    let began = Instant::now();
    desktop.run(["sync"]).answer();
    println!(
        "1,000 conversations: imported in {imported:.1?}, sent in {sent:.1?}, received in {:.1?}",
        began.elapsed()
    );
    assert_eq!(json(&desktop, &["chat", "list"]).as_array().expect("a list").len(), 1000);
    assert_eq!(desktop.messages(&id), laptop.messages(&id));
    let before = in_view(&laptop);
    laptop.run(["import", "jsonl", corpus]).answer();
    assert_eq!(in_view(&laptop), before, "a second import changes nothing");
}

/// Ids, titles, sizes and times of all conversations.
fn in_view(home: &Home) -> Vec<Value> {
    let listed = json(home, &["chat", "list"]);
    let told = |row: &Value| ["id", "title", "count", "updated_at"].map(|field| row[field].clone());
    listed.as_array().expect("a list").iter().map(|row| Value::from(told(row).to_vec())).collect()
}

#[test]
fn a_coding_session_of_a_thousand_lines_goes_out_as_it_came_in_on_the_other_device() {
    let Some(corpus) = corpus("pi-sessions/large-session.jsonl") else { return };
    let relay = Relay::start(Tls::SelfSigned);
    let (laptop, desktop) = two_devices(&relay);
    laptop.run(["import", "jsonl", corpus.to_str().expect("a path in UTF-8")]).answer();
    let (id, _) = longest(&json(&laptop, &["chat", "list"]));
    laptop.run(["share", &id]).answer();
    laptop.run(["sync"]).answer();
    desktop.run(["sync"]).answer();
    let there = desktop.run(["export", "openclaw", &id]).answer();
    assert_eq!(there, std::fs::read_to_string(corpus).expect("the corpus"), "byte for byte");
}
