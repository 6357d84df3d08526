//! Errors for programs: with `--json` an error is one line of JSON on stderr, as `docs/JSON.md` promises.

use std::fs::OpenOptions;
use std::net::TcpListener;

use serde_json::{Value, json};

use crate::machine::{Machine, Ran, write};
use crate::relay::TestRelay;
use crate::shared::{ok, owner};

/// The error on the only line of stderr, after a check of its shape and that its kind is the one of the exit code.
#[track_caller]
fn only_error(ran: &Ran, kind: &str, exit_code: u8, code: &str) -> Value {
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    last_error(ran, kind, exit_code, code)
}

/// The error on the last line of stderr, where talk may stand before it.
#[track_caller]
fn last_error(ran: &Ran, kind: &str, exit_code: u8, code: &str) -> Value {
    assert_eq!(ran.code, exit_code, "{}", ran.stderr);
    let line: Value = serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    let error = &line["error"];
    assert_eq!((&error["code"], &error["kind"]), (&json!(code), &json!(kind)), "{line}");
    let fields: Vec<&String> = error.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["causes", "code", "hint", "kind", "message"]);
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{line}");
    assert!(error["causes"].as_array().unwrap().iter().all(Value::is_string), "{line}");
    assert!(error["hint"].is_string() || error["hint"].is_null(), "{line}");
    error.clone()
}

#[test]
fn each_kind_of_error_is_one_line_with_its_code() {
    let mut bare = Machine::new("laptop");
    let error = only_error(&bare.run("--json status"), "home", 4, "no_home");
    assert!(error["hint"].as_str().unwrap().contains("`bowline init` makes one"), "{error}");

    let mut machine = Machine::with_home();
    only_error(&machine.run("chat show zzzz --json"), "not_found", 7, "not_found");
    let ran = machine.run("--json reset");
    assert_eq!(last_error(&ran, "unconfirmed", 8, "unconfirmed")["hint"], "run it again with --yes");
    assert!(
        ran.stderr.starts_with("There is nothing in this home but its key."),
        "talk stays text: {}",
        ran.stderr
    );
    only_error(&machine.run("--json sync"), "not_found", 7, "no_workspace");

    let id = machine.made("chat new --title Groceries");
    let ran = machine.run(&format!("--json chat export {id} --output ~/nowhere/x.jsonl"));
    let error = only_error(&ran, "environment", 3, "file_failed");
    assert_eq!(error["causes"].as_array().unwrap().len(), 1, "{error}");

    let home = bowline_engine::Home::open(&machine.home("")).unwrap();
    let importing = home.try_import_lock().unwrap();
    write(&machine.path("one.jsonl"), "{\"messages\":[{\"text\":\"hello\"}]}\nnot JSON\n");
    let import = "--json import jsonl ~/one.jsonl";
    only_error(&machine.run(import), "busy", 9, "import_running");
    drop(importing);
    let ran = machine.run(import);
    last_error(&ran, "partial", 10, "import_incomplete");
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(answer["counts"]["conversation"]["new"], 1, "the rest is here, and the answer is complete");
}

#[test]
fn what_a_relay_does_not_do_has_a_code_of_its_own() {
    let mut relay = TestRelay::start();
    let mut machine = Machine::new("phone").with_clock();
    ok(&mut machine, "init --user Ben");
    let ran = machine.run(&format!("--json --quiet workspace create --relay {}", relay.public()));
    only_error(&ran, "refused", 6, "bad_token");
    let mut laptop = owner(&relay);
    relay.stop();
    let error = only_error(&laptop.run("--json --quiet sync"), "network", 5, "relay_unreachable");
    assert!(error["hint"].as_str().unwrap().contains('\n'), "several hints are lines of one text: {error}");
}

#[test]
fn what_a_person_stops_is_said_to_be_interrupted() {
    let mut relay = TestRelay::start();
    let (mut machine, stop) = owner(&relay).that_stops();
    relay.stop();
    // It takes connections and never answers.
    let _silent = TcpListener::bind(("127.0.0.1", relay.port())).unwrap();
    stop.send(true).unwrap();
    only_error(&machine.run("--json --quiet sync"), "interrupted", 130, "interrupted");
}

#[test]
fn arguments_that_mean_nothing_are_told_in_the_same_way() {
    let mut machine = Machine::new("laptop");
    let error = only_error(&machine.run("--json chats list"), "misuse", 2, "usage");
    assert_eq!(error["message"], "Unrecognized subcommand 'chats'");
    assert!(error["hint"].as_str().unwrap().contains("tip: a similar subcommand exists: 'chat'"), "{error}");
    let error = only_error(&machine.run("chat list -n many --json"), "misuse", 2, "usage");
    assert!(error["message"].as_str().unwrap().contains("Invalid value 'many'"), "{error}");
    let error = only_error(&machine.run("--json"), "misuse", 2, "usage");
    assert_eq!(error["message"], "A command is missing");

    // What stands behind `--` is a text, and without `--json` people are told as before.
    let ran = machine.run("chats list -- --json");
    assert!(ran.stderr.starts_with("error: unrecognized subcommand"), "{}", ran.stderr);
    let ran = machine.run("--json chat --help");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "help is not an error");
}

#[test]
fn an_error_without_a_hint_has_null_in_its_place() {
    let mut machine = Machine::with_home();
    std::fs::write(machine.path("picture"), [0xff, 0xfe]).unwrap();
    let error = only_error(&machine.run("--json agent new Ada --from ~/picture"), "misuse", 2, "not_text");
    assert_eq!(error["hint"], Value::Null);
}

#[test]
fn what_was_typed_is_repeated_without_what_acts_on_a_terminal() {
    let mut machine = Machine::with_home();
    for line in ["--json chat show '\u{9b}2Jx\u{202e}'", "--json chat list -n '\u{9b}2Jx\u{202e}'"] {
        let ran = machine.run(line);
        let acting = ran.stderr.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(acting, None, "{}", ran.stderr);
        assert!(serde_json::from_str::<Value>(&ran.stderr).unwrap()["error"]["code"].is_string());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_nobody_takes_is_an_error_as_well() {
    let home = tempfile::tempdir().unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = bowline_cast::leash::bare_command(env!("CARGO_BIN_EXE_bowline"));
    command.env("BOWLINE_HOME", home.path().join("home")).stdin(std::process::Stdio::null());
    let output = command.args(["init", "--user", "Ana", "--json", "--quiet"]).stdout(full).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let code = u8::try_from(output.status.code().unwrap()).unwrap();
    only_error(&Ran { code, stdout: String::new(), stderr }, "bug", 1, "output_not_taken");
}
