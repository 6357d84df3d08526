//! Conversations without any workspace: everything works alone.

use bowline_engine::Home;
use insta::assert_snapshot;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::machine::{Machine, write};

#[test]
fn a_conversation_from_its_first_word_to_the_trash_and_back() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    assert_eq!(id.len(), 32);
    assert_snapshot!(machine.story(&[
        "chat say @1 'Buy milk'",
        "chat say @1 'And bread?' --role assistant",
        "chat list",
        "chat show @1",
        "chat delete @1",
        "chat list",
        "chat list --trash",
        "chat restore @1",
        "chat list",
    ]));
}

#[test]
fn a_conversation_without_a_title_is_called_as_it_begins() {
    let mut machine = Machine::with_home();
    machine.made("chat new");
    assert_snapshot!(machine.story(&["chat show @1", "chat say @1 'Where is the key?'", "chat list"]));
}

#[test]
fn an_empty_list_says_what_to_do_on_stderr_and_nothing_on_stdout() {
    let mut machine = Machine::with_home();
    assert_snapshot!(machine.story(&["chat list", "chat list --trash", "chat list --json"]));
}

#[test]
fn text_comes_from_stdin_as_it_is_but_for_its_last_line_break() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Recipe");
    let id = machine.made("chat new");
    let ran = machine.run_with(&format!("chat say {id} - --role assistant"), "one\n\n  two\ttabbed\n\n");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let shown: serde_json::Value =
        serde_json::from_str(&machine.run(&format!("--json chat show {id}")).stdout).unwrap();
    assert_eq!(shown["entries"][0]["text"], "one\n\n  two\ttabbed\n");
    assert_eq!(shown["entries"][0]["role"], "assistant");
}

#[test]
fn newest_conversations_come_first_and_a_limit_keeps_those() {
    let mut machine = Machine::with_home();
    for (title, age) in [("Old", 40 * 24 * 3600), ("Older", 90 * 24 * 3600), ("New", 7200), ("Newest", 5)] {
        let now = machine.now;
        machine.now.0 -= age * 1000;
        let id = machine.made(&format!("chat new --title {title}"));
        assert_eq!(machine.run(&format!("chat say {id} hello")).code, 0);
        machine.now = now;
    }
    assert_snapshot!(machine.story(&["chat list", "chat list -n 2"]));
}

#[test]
fn every_branch_is_shown_and_marked_and_the_path_leaves_out_the_others() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Travel");
    let home = Home::open(&machine.home("")).unwrap();
    let mut open = home.device(Box::new(ChaCha20Rng::seed_from_u64(4))).unwrap();
    let (id, _) = open.device.find_by_prefix(&id).unwrap().remove(0);
    let entry = |id: &str, parent: &str, role: &str, text: &str| {
        let parent = if parent.is_empty() { "null".to_owned() } else { format!("\"{parent}\"") };
        format!(
            "{{\"type\":\"message\",\"id\":\"{id}\",\"parentId\":{parent},\"message\":{{\"role\":\"{role}\",\"content\":\"{text}\"}}}}"
        )
    };
    let tool = "{\"type\":\"compaction\",\"id\":\"e5\",\"parentId\":\"e4\",\"tokens\":7}";
    for line in [
        entry("e1", "", "user", "Where to?"),
        entry("e2", "e1", "assistant", "To the sea."),
        entry("e3", "e1", "assistant", "To the mountains."),
        entry("e4", "e3", "user", "Which ones?"),
        tool.to_owned(),
    ] {
        open.device.append_line(id, &line, machine.now).unwrap();
    }
    drop(open);
    assert_snapshot!(machine.story(&["chat show @1", "chat show @1 --path"]));
}

#[test]
fn what_is_exported_is_every_entry_as_it_was_written() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    assert_eq!(machine.run(&format!("chat say {id} 'Buy \"milk\" \\ and 日本'")).code, 0);
    assert_eq!(machine.run(&format!("chat say {id} Fine --role assistant")).code, 0);
    let exported = machine.run(&format!("chat export {id}"));
    assert!(exported.stderr.is_empty(), "{}", exported.stderr);
    let lines: Vec<serde_json::Value> =
        exported.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["message"]["content"][0]["text"], "Buy \"milk\" \\ and 日本");
    assert_eq!(lines[1]["parentId"], lines[0]["id"]);

    let ran = machine.run(&format!("chat export {id} --output ~/out.jsonl"));
    assert_snapshot!(machine.told("chat export @1 --output ~/out.jsonl", &ran));
    assert_eq!(std::fs::read_to_string(machine.path("out.jsonl")).unwrap(), exported.stdout);
}

#[test]
fn an_export_overwrites_nothing() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    write(&machine.path("there.jsonl"), "mine");
    assert_snapshot!(machine.story(&["chat export @1 --output ~/there.jsonl"]));
    assert_eq!(std::fs::read_to_string(machine.path("there.jsonl")).unwrap(), "mine");
}

#[test]
fn talk_is_silent_when_asked_and_answers_are_not() {
    let mut machine = Machine::with_home();
    let ran = machine.run("-q chat new --title Groceries");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let id = ran.stdout.trim().to_owned();
    let ran = machine.run(&format!("chat say {id} hello --quiet"));
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn every_answer_is_json_when_asked() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    assert_snapshot!(machine.story(&[
        "--json chat new --title Holidays",
        "chat say @1 hello --json",
        "chat show @1 --json",
        "chat delete @1 --json",
        "chat list --trash --json",
    ]));
}

#[test]
fn a_conversation_is_renamed_pinned_labelled_and_put_away() {
    let mut machine = Machine::with_home();
    for title in ["Garden", "Boiler", "Lisbon"] {
        machine.made(&format!("chat new --title {title}"));
        machine.now.0 += 60_000;
    }
    assert_snapshot!(machine.story(&[
        "chat pin Garden",
        "chat label Lisbon travel family",
        "chat archive Boiler",
        "chat list",
        "chat list --archived",
        "chat list --label travel",
        "chat rename Lisbon 'Lisbon with Mum'",
        "chat show 'Lisbon with Mum'",
        "chat unlabel 'Lisbon with Mum' family",
        "chat unpin Garden --json",
        "chat unarchive Boiler",
        "chat list",
        "chat list --json --label travel",
    ]));
}
