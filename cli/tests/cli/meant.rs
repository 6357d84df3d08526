//! What a person meant: names that are nearly right, several documents at once, and words that mean nothing.

use crate::machine::{Machine, write};
use crate::relay::TestRelay;
use crate::shared::{json, ok, owner};

/// Looks like a token of a well-known service, and is none.
const TOKEN: &str = "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j";

/// Runs what is to be refused with these words.
fn refused(machine: &mut Machine, line: &str, words: &str) {
    let ran = machine.run(line);
    assert!(ran.code != 0 && ran.stderr.contains(words), "{line}: {} {}", ran.code, ran.stderr);
}

#[test]
fn a_title_counts_whatever_its_capitals_and_a_wrong_one_gets_the_nearest() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    assert_eq!(json(&mut machine, "chat show groceries")["id"], id.as_str());
    refused(&mut machine, "chat show Grocereis", "did you mean \"Groceries\"");
}

#[test]
fn several_conversations_are_filed_deleted_and_restored_at_once_or_none_is() {
    let mut machine = Machine::with_home();
    machine.made("chat new --title Groceries");
    machine.made("chat new --title Travel");
    let titles = |machine: &mut Machine, list: &str| json(machine, list).as_array().unwrap().len();
    refused(&mut machine, "chat delete Groceries nothing-like-it", "There is no conversation");
    assert_eq!(titles(&mut machine, "chat list"), 2, "nothing is deleted if one is not there");
    assert_eq!(json(&mut machine, "chat pin Groceries Travel").as_array().unwrap().len(), 2);
    assert_eq!(json(&mut machine, "chat label Groceries plan --also Travel")[1]["labels"][0], "plan");
    let deleted = json(&mut machine, "chat delete Groceries Travel Groceries");
    assert_eq!(deleted.as_array().unwrap().len(), 2, "each once");
    assert_eq!(titles(&mut machine, "chat list --trash"), 2);
    assert_eq!(json(&mut machine, "chat restore Travel")["deleted"], false, "of one it is not an array");
    refused(&mut machine, "chat restore Travel", "is not in the trash");
    assert_eq!(titles(&mut machine, "chat list"), 1);
}

#[test]
fn nothing_is_called_by_nothing_and_nobody_says_nothing() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    refused(&mut machine, "chat new --title ' '", "A name has at least one character");
    machine.made("agent new Chef");
    machine.made("skill new Stew");
    for line in ["agent new ''", "agent edit Chef --name ''", "skill new ' '", "skill edit Stew --name ' '"] {
        refused(&mut machine, line, "A name has at least one character");
    }
    refused(&mut machine, &format!("chat label {id} ' '"), "A name has at least one character");
    refused(&mut machine, &format!("chat say {id} ' '"), "A message has at least one character");
}

#[test]
fn a_file_that_an_agent_does_not_have_is_not_taken_away() {
    let mut machine = Machine::with_home();
    write(&machine.path("chef/AGENTS.md"), "You cook.\n");
    let id = machine.made("agent new Chef --from ~/chef");
    refused(&mut machine, &format!("agent edit {id} --remove-file nope.md"), "nope.md");
    let ran = machine.run(&format!("agent edit {id} --remove-file AGENTS.md"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn a_conversation_goes_on_after_any_entry_and_says_that_it_has_two_ways() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Travel");
    for said in ["'Where to?'", "'To the sea.'"] {
        assert_eq!(machine.run(&format!("chat say {id} {said}")).code, 0);
    }
    let before = json(&mut machine, &format!("chat show {id}"));
    assert!(!machine.run(&format!("chat show {id}")).stdout.contains("It goes on in"));
    let first = before["entries"][0]["entry_id"].as_str().unwrap();
    let ran = machine.run(&format!("chat say {id} 'To the mountains.' --after {first}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let after = json(&mut machine, &format!("chat show {id}"));
    assert_eq!(after["entries"][2]["parent"], before["entries"][0]["key"]);
    let active: Vec<bool> =
        (0..3).map(|index| after["entries"][index]["active"].as_bool().unwrap()).collect();
    assert_eq!(active, [true, false, true]);
    assert!(machine.run(&format!("chat show {id}")).stdout.contains("It goes on in 2 ways"));
    refused(&mut machine, &format!("chat say {id} more --after zzzz"), "There is no entry");
}

#[test]
fn a_message_with_a_token_in_it_is_said_with_a_warning() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --local --title Keys");
    let ran = machine.run(&format!("chat say {id} 'use {TOKEN}'"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("1 secret") && ran.stderr.contains("on this device only"), "{}", ran.stderr);
    let ran = machine.run(&format!("chat say {id} 'use a spoon'"));
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn what_was_written_here_and_looks_like_a_secret_is_shared_only_if_a_person_says_so() {
    let relay = TestRelay::start();
    let mut machine = owner(&relay);
    let id = machine.made("chat new --local --title Keys");
    for text in ["hello", &format!("use {TOKEN}")] {
        ok(&mut machine, &format!("chat say {id} '{text}'"));
    }
    write(&machine.path("chef/AGENTS.md"), "You cook.\n");
    ok(&mut machine, "workspace use --none");
    machine.made("agent new Chef --from ~/chef");
    refused(&mut machine, &format!("share {id}"), "1 secret in it, and is not shared: entry 2, line 1");
    let ran = machine.run("share --all --yes");
    assert_eq!(ran.code, 10, "what has none is shared: {}", ran.stderr);
    assert!(ran.stdout.contains("Shared 1 agent into workspace"), "{}", ran.stdout);
    assert_eq!(json(&mut machine, &format!("chat show {id}"))["state"], "only_here");
    ok(&mut machine, &format!("share {id} --allow-secret"));
    assert_eq!(json(&mut machine, &format!("chat show {id}"))["state"], "queued");
    ok(&mut machine, &format!("share {id}"));
}

#[test]
fn what_looks_like_a_secret_in_an_imported_transcript_is_counted_and_holds_nothing_up() {
    let relay = TestRelay::start();
    let mut machine = owner(&relay);
    ok(&mut machine, "workspace use --none");
    let said = |id: &str, text: &str| {
        format!("{{\"id\":\"{id}\",\"messages\":[{{\"text\":\"hello\"}},{{\"text\":\"use {text}\"}}]}}\n")
    };
    write(&machine.path("old.jsonl"), &said("a", TOKEN));
    ok(&mut machine, "import jsonl ~/old.jsonl");
    let ran = machine.run("share --all --yes");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let told =
        "Shared as it came: 1 line that looks like a secret, in 1 imported document; --verbose names them";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    write(&machine.path("new.jsonl"), &said("b", TOKEN));
    ok(&mut machine, "import jsonl ~/new.jsonl");
    let ran = machine.run("share --all --yes --verbose");
    assert!(ran.stderr.contains("\": 1 line\n") && !ran.stderr.contains(TOKEN), "{}", ran.stderr);
}

#[test]
fn a_conversation_is_shown_in_pages_on_a_terminal_only() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    let first = |machine: &mut Machine, line: &str| {
        machine.run(line).stdout.lines().next().unwrap_or_default().to_owned()
    };
    let show = format!("chat show {id}");
    assert_eq!(first(&mut machine, &show), "Groceries");
    machine.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: true, ..machine.terminal };
    assert_eq!(first(&mut machine, &show), "[by less]");
    assert_eq!(first(&mut machine, &format!("{show} --no-pager")), "Groceries");
    machine.env.insert("PAGER".to_owned(), "most -w".into());
    assert_eq!(first(&mut machine, &show), "[by most -w]");
    assert!(first(&mut machine, &format!("--json {show}")).starts_with('{'));
}
