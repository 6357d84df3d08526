//! What an import leaves behind is named and ends with 10, what somebody else's program made is called what it is, and what
//! was exported comes back as what it was.

use std::fs;

use serde_json::Value;

use crate::machine::{Machine, write};

fn with_workspace() -> Machine {
    let machine = Machine::with_home();
    write(&machine.path(".openclaw/openclaw.json"), r#"{"agents": {"list": [{"id": "main"}]}}"#);
    write(&machine.path(".openclaw/workspace/AGENTS.md"), "Be kind.\n");
    machine
}

fn json(machine: &mut Machine, line: &str) -> Value {
    serde_json::from_str(&machine.run(&format!("--json {line}")).stdout).unwrap()
}

#[test]
fn a_persons_own_file_that_stays_behind_is_named_and_is_not_called_a_programs() {
    for (name, content, why) in [
        ("photo.jpg", b"\xff\xd8\xff\x00\x01".to_vec(), "it is not text, and an agent holds texts alone"),
        ("letter.txt", b"caf\xe9 au lait\n".to_vec(), "it is text in another encoding than UTF-8"),
        ("long.md", vec![b'x'; 600 << 10], "more than 524288"),
        ("memory/long.md", vec![b'x'; 600 << 10], "more than 524288"),
        ("skills/README.md", b"About my skills\n".to_vec(), "it belongs to no skill"),
        ("half.json", b"{\"a\": ".to_vec(), "it cannot be told whether secrets are in it"),
    ] {
        let mut machine = with_workspace();
        let path = machine.path(&format!(".openclaw/workspace/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        for command in ["import openclaw --dry-run", "import openclaw", "import openclaw"] {
            let ran = machine.run(command);
            assert_eq!(ran.code, 10, "{command}: {}", ran.stderr);
            let line = ran.stderr.lines().find(|line| line.contains(&format!("workspace/{name}"))).unwrap();
            assert!(line.starts_with("Warning: ") && line.contains(why), "{line}");
            assert!(!ran.stderr.contains("that other programs make"), "{}", ran.stderr);
        }
    }
}

#[test]
fn what_bowline_does_not_know_is_named_and_does_not_count_as_failed() {
    let mut machine = with_workspace();
    write(&machine.path(".openclaw/my-notes.txt"), "mine");
    let ran = machine.run("import openclaw");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("Left out: my-notes.txt: Bowline does not know what it is"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_long_line_comes_in_and_one_beyond_all_limits_is_named() {
    let mut machine = with_workspace();
    let session = "b16b00b5-1111-4222-8333-444455556666";
    let line = |id: &str, len: usize| {
        format!(
            r#"{{"type":"message","id":"{id}","message":{{"role":"user","content":"{}"}}}}"#,
            "A".repeat(len)
        )
    };
    let path = machine.path(&format!(".openclaw/agents/main/sessions/{session}.jsonl"));
    let header = format!(r#"{{"type":"session","version":3,"id":"{session}"}}"#);
    write(&path, &format!("{header}\n{}\n{}\n", line("a0000001", 10), line("a0000002", 7_800_000)));
    assert_eq!(machine.run("import openclaw").code, 0);
    let id = json(&mut machine, "chat list --archived")[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(machine.run(&format!("export openclaw {id}")).stdout, fs::read_to_string(&path).unwrap());
    write(&path, &format!("{}{}\n", fs::read_to_string(&path).unwrap(), line("a0000003", 9_000_000)));
    let ran = machine.run("import openclaw");
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{session}.jsonl, line 4: it has 90000")), "{}", ran.stderr);
}

#[test]
fn an_export_of_another_program_is_called_what_it_is_in_one_sentence() {
    let mut machine = Machine::with_home();
    let line = r#"{"parentUuid":null,"uuid":"u","sessionId":"s","type":"user","message":{"role":"user"}}"#;
    write(&machine.path("claude.jsonl"), &format!("{line}\n").repeat(200));
    let ran = machine.run("import jsonl ~/claude.jsonl");
    assert_eq!(ran.code, 10);
    let said: Vec<_> = ran.stderr.lines().filter(|line| line.starts_with("Warning")).collect();
    assert_eq!(said.len(), 1, "{}", ran.stderr);
    assert!(
        said[0].ends_with("it is a session of Claude Code, which Bowline cannot import yet"),
        "{}",
        said[0]
    );
}

#[test]
fn a_folder_brings_an_agent_no_secret_and_what_it_withholds_is_said() {
    let mut machine = Machine::with_home();
    write(&machine.path("cook/AGENTS.md"), "Cook well.\n");
    write(&machine.path("cook/.prettierrc"), "tabWidth: 2\n");
    write(&machine.path("cook/device.key"), "0123456789\n");
    write(&machine.path("cook/.env"), "KITCHEN_KEY=FAKE\n");
    write(&machine.path("cook/settings.json"), r#"{"apiKey": "FAKE"}"#);
    let ran = machine.run("agent new Cook --from ~/cook");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for said in ["device.key: a key", ".env, KITCHEN_KEY", "settings.json, apiKey"] {
        assert!(ran.stderr.contains(&format!("cook/{said}")), "{said}: {}", ran.stderr);
    }
    let shown = json(&mut machine, "agent show Cook");
    let paths: Vec<_> = shown["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
    assert_eq!(paths, [".prettierrc", "AGENTS.md"]);
    assert!(!shown.to_string().contains("FAKE"));
}

#[test]
fn a_conversation_that_was_exported_comes_back_as_the_one_it_was() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    assert_eq!(machine.run(&format!("chat say {id} 'Buy milk'")).code, 0);
    assert_eq!(machine.run(&format!("export openclaw {id} --output ~/out")).code, 0);
    let file = fs::read_dir(machine.path("out")).unwrap().next().unwrap().unwrap().path();
    let exported = fs::read_to_string(&file).unwrap();
    let again =
        json(&mut machine, &format!("import jsonl ~/out/{}", file.file_name().unwrap().to_str().unwrap()));
    assert_eq!(again["counts"]["conversation"]["unchanged"], 1, "{again}");
    let mut other = Machine::new("desktop");
    assert_eq!(other.run("init --user Ana").code, 0);
    assert_eq!(other.run_with("import jsonl -", &exported).code, 0);
    let listed = json(&mut other, "chat list");
    assert_eq!((&listed[0]["id"], &listed[0]["title"]), (&id.as_str().into(), &"Groceries".into()));
    assert_eq!(other.run(&format!("export openclaw {id}")).stdout, exported);
}

#[test]
fn a_session_of_openclaws_is_the_same_from_its_folder_and_as_a_mere_file() {
    let mut machine = with_workspace();
    let session = "b16b00b5-1111-4222-8333-444455556666";
    let sessions = machine.path(".openclaw/agents/main/sessions");
    let text = format!(
        "{{\"type\":\"session\",\"version\":3,\"id\":\"{session}\"}}\n{{\"type\":\"message\",\"id\":\"a\",\"message\":{{\"role\":\"user\",\"content\":\"hi\"}}}}\n"
    );
    write(&sessions.join(format!("{session}.jsonl")), &text);
    write(
        &sessions.join("sessions.json"),
        &format!(r#"{{"agent:main:main": {{"sessionId": "{session}", "label": "Garden", "pinnedAt": 5}}}}"#),
    );
    assert_eq!(machine.run("import openclaw").code, 0);
    let before = json(&mut machine, "chat list");
    let again = machine.run_with("--json import jsonl -", &text).stdout;
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["counts"]["conversation"]["unchanged"], 1, "{again}");
    assert_eq!(json(&mut machine, "chat list"), before);
    let mut other = Machine::with_home();
    assert_eq!(other.run_with("import jsonl -", &text).code, 0);
    assert_eq!(json(&mut other, "chat list")[0]["id"], before[0]["id"]);
}
