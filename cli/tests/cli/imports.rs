//! What other programs have written, in and out.

use std::fs;
use std::path::Path;

use bowline_cast::leash;
use insta::assert_snapshot;
use serde_json::Value;

use crate::machine::{Machine, sample_home, write};
use crate::shared::json;

/// What no terminal should be given by a name: an escape, a C1 control, direction.
const HOSTILE: &str = "a\u{1b}[2Jb\u{9b}31m\u{202e}c";

/// Sessions of the sample home's two agents.
const SESSIONS: [&str; 2] = ["agents/main/sessions", "agents/garden/sessions"];

fn with_openclaw() -> Machine {
    let machine = Machine::with_home();
    sample_home(&machine.path(".openclaw"));
    machine
}

/// The session files in a folder, by name.
fn sessions_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let named = files.map(|file| (file.file_name().into_string().unwrap(), file.path()));
    let is_session = |path: &Path| path.extension().is_some_and(|it| it == "jsonl");
    let sessions = named.filter(|(name, path)| is_session(path) && !name.contains("trajectory"));
    let mut sessions: Vec<_> = sessions.map(|(name, path)| (name, fs::read(path).unwrap())).collect();
    sessions.sort();
    sessions
}

#[test]
fn an_openclaw_home_comes_in_and_a_second_time_nothing_does() {
    let mut machine = with_openclaw().after_the_samples();
    assert_snapshot!(machine.story(&[
        "import openclaw",
        "chat list",
        "agent list",
        "status",
        "import openclaw"
    ]));
}

#[test]
fn a_dry_run_says_what_the_import_then_says_and_writes_nothing() {
    let mut machine = with_openclaw();
    let ran = machine.run("import openclaw --dry-run");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let first = ran.stdout.lines().next().unwrap();
    assert!(first.starts_with("Would import from ") && first.ends_with(".openclaw:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("conversations  4    -\n"), "{}", ran.stdout);
    assert!(ran.stdout.ends_with("15 secrets would be left out\n"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("Hint: nothing was written; run it without --dry-run to import this"),
        "{}",
        ran.stderr
    );
    for list in ["chat list --archived", "agent list", "skill list", "memory list"] {
        assert_eq!(json(&mut machine, list), Value::Array(Vec::new()), "{list}");
    }
    let mut planned = json(&mut machine, "import openclaw --dry-run");
    let imported = json(&mut machine, "import openclaw");
    assert_eq!((&planned["dry_run"], &imported["dry_run"]), (&true.into(), &false.into()));
    planned["dry_run"] = false.into();
    assert_eq!(planned, imported);
    let again = machine.run("import openclaw --dry-run");
    assert!(again.stderr.contains("Hint: nothing was written; nothing is new"), "{}", again.stderr);
}

#[test]
fn a_dry_run_of_files_of_json_lines_goes_through_them_as_an_import_does() {
    let mut machine = Machine::with_home();
    let line = |texts: &[&str]| {
        let messages: Vec<String> = texts.iter().map(|text| format!(r#"{{"text":"{text}"}}"#)).collect();
        format!(r#"{{"id":"c","messages":[{}]}}"#, messages.join(","))
    };
    write(&machine.path("one.jsonl"), &line(&["a"]));
    write(&machine.path("two.jsonl"), &format!("{}\nnot JSON\n", line(&["a", "b"])));
    let command = "--json import jsonl ~/one.jsonl ~/two.jsonl";
    let planned = machine.run(&format!("{command} --dry-run"));
    // It ends as the import will: something cannot be read.
    assert_eq!(planned.code, 10, "{}", planned.stderr);
    assert!(planned.stderr.contains("1 thing cannot be imported; nothing was written"), "{}", planned.stderr);
    assert_eq!(json(&mut machine, "chat list"), Value::Array(Vec::new()));
    let imported = machine.run(command);
    assert_eq!(imported.code, 10);
    let counts = |ran: &str| serde_json::from_str::<Value>(ran).unwrap()["counts"].clone();
    assert_eq!(counts(&planned.stdout), counts(&imported.stdout));
    assert_eq!(counts(&planned.stdout)["conversation"], serde_json::json!({"new": 1, "more": 1}));
}

#[test]
fn what_is_left_out_is_named_on_request_with_the_reason() {
    let mut machine = with_openclaw();
    assert_snapshot!(machine.story(&["import openclaw --verbose"]));
}

#[test]
fn quietly_only_what_is_wrong_is_said() {
    let mut machine = with_openclaw();
    let ran = machine.run("import openclaw --quiet");
    assert_eq!(ran.code, 0);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
}

#[test]
fn no_secret_is_in_what_an_import_says() {
    let mut machine = with_openclaw();
    for line in ["import openclaw --verbose", "import openclaw --json -v"] {
        let ran = machine.run(line);
        assert!(
            ran.stderr.contains("Left out a secret: openclaw.json, gateway.auth.token"),
            "{}",
            ran.stderr
        );
        assert!(!(ran.stdout + &ran.stderr).contains("FAKE"), "{line}");
    }
}

#[test]
fn programs_get_counts_and_everything_that_was_met() {
    let mut machine = with_openclaw();
    let report = json(&mut machine, "import openclaw");
    assert_eq!(report["counts"]["conversation"]["new"], 4);
    assert_eq!(report["entries"]["aside"], 1);
    assert_eq!(report["items_left_out"], 0);
    let items = report["items"].as_array().unwrap();
    let secrets = items.iter().filter(|item| item["what"] == "secret");
    assert_eq!(report["secrets"], secrets.count());
    assert!(items.iter().any(|item| item["what"] == "conversation" && item["title"] == "Speech for Solveig"));
}

#[test]
fn a_home_is_named_by_its_folder_or_the_one_it_is_in() {
    let mut machine = Machine::with_home();
    sample_home(&machine.path("old/.openclaw"));
    assert_eq!(json(&mut machine, "import openclaw ~/old/.openclaw")["counts"]["conversation"]["new"], 4);
    assert_eq!(json(&mut machine, "import openclaw ~/old")["counts"]["conversation"]["unchanged"], 4);
}

#[test]
fn without_a_home_of_openclaws_it_says_where_it_looked() {
    let mut machine = Machine::with_home();
    fs::create_dir(machine.path("photos")).unwrap();
    assert_snapshot!(machine.story(&[
        "import openclaw",
        "import openclaw ~/nowhere",
        "import openclaw ~/photos",
        "import openclaw --outside",
    ]));
}

#[test]
fn sessions_go_out_byte_for_byte_as_they_came_in() {
    let mut machine = with_openclaw();
    assert_eq!(machine.run("import openclaw").code, 0);
    let ran = machine.run("export openclaw --all --output ~/out");
    assert_snapshot!(machine.told("export openclaw --all --output ~/out", &ran));
    let home = machine.path(".openclaw");
    let mut came_in: Vec<_> = SESSIONS.iter().flat_map(|folder| sessions_in(&home.join(folder))).collect();
    came_in.sort();
    assert_eq!(sessions_in(&machine.path("out")), came_in);
    assert_eq!(came_in.len(), 4);

    let listed = json(&mut machine, "chat list");
    let speech = listed.as_array().unwrap().iter().find(|row| row["title"] == "Speech for Solveig").unwrap();
    let printed = machine.run(&format!("export openclaw {}", speech["id"].as_str().unwrap())).stdout;
    assert!(came_in.iter().any(|(_, bytes)| bytes == printed.as_bytes()), "{printed}");
}

#[test]
fn an_export_overwrites_nothing_and_several_need_a_folder() {
    let mut machine = with_openclaw();
    assert_eq!(machine.run("import openclaw").code, 0);
    let ids: Vec<String> = json(&mut machine, "chat list")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect();
    let several = machine.run(&format!("export openclaw {} {}", ids[0], ids[1]));
    assert_eq!((several.code, several.stdout.as_str()), (2, ""));
    assert!(several.stderr.contains("--output DIR"), "{}", several.stderr);
    assert_eq!(machine.run("export openclaw --all").code, 2);
    assert_eq!(machine.run("export openclaw --all --output ~/.openclaw").code, 2);
    let two = json(&mut machine, &format!("export openclaw {} {} {} --output ~/two", ids[0], ids[1], ids[0]));
    assert_eq!(two["files"].as_array().unwrap().len(), 2);
    assert_eq!(sessions_in(&machine.path("two")).len(), 2);
}

#[test]
fn a_conversation_of_bowlines_own_goes_out_as_a_session_too() {
    let mut machine = Machine::with_home();
    let id = machine.made("chat new --title Groceries");
    assert_eq!(machine.run(&format!("chat say {id} 'Buy milk'")).code, 0);
    let lines = machine.run(&format!("export openclaw {id}")).stdout;
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["type"], "session", "{lines}");
    assert!(lines.lines().last().unwrap().contains("Buy milk"), "{lines}");
}

#[cfg(unix)]
#[test]
fn names_of_files_do_not_act_on_the_terminal_and_lead_nowhere() {
    let mut machine = with_openclaw();
    let sessions = machine.path(".openclaw/agents/main/sessions");
    let line = r#"{"type":"session","version":3,"id":"../../evil","timestamp":"2026-10-04T18:12:09.417Z"}"#;
    let said =
        r#"{"type":"message","id":"00000001","parentId":null,"message":{"role":"user","content":"hi"}}"#;
    write(&sessions.join(format!("{HOSTILE}.jsonl")), &format!("{line}\n{said}\nno entry {HOSTILE}\n"));
    write(&machine.path(".openclaw/workspace").join(format!("{HOSTILE}.md")), "text\n");
    machine.terminal = bowline::Terminal { stdin: true, stdout: true, stderr: false, ..machine.terminal };
    // No agent can have a file of such a name, which is said.
    for (line, code) in [
        ("import openclaw -v", 10),
        ("--json import openclaw -v", 10),
        ("chat list", 0),
        ("export openclaw --all --output ~/out", 0),
    ] {
        let ran = machine.run(line);
        let printed = ran.stdout + &ran.stderr;
        let acting = printed.chars().find(|c| {
            (c.is_control() && *c != '\n' && *c != '\t')
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(acting, None, "{line}: {printed}");
        assert_eq!(ran.code, code, "{line}: {printed}");
    }
    let names: Vec<String> = sessions_in(&machine.path("out")).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), 5, "{names:?}");
    assert!(
        names.iter().all(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))),
        "{names:?}"
    );
    assert!(!machine.path("evil.jsonl").exists());
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_told_and_the_rest_comes_in() {
    let mut machine = with_openclaw();
    let sessions = machine.path(".openclaw/agents/main/sessions");
    std::os::unix::fs::symlink("/etc/hostname", sessions.join("0aaaaaaa-0000-4000-8000-000000000001.jsonl"))
        .unwrap();
    let fifo = sessions.join("0aaaaaaa-0000-4000-8000-000000000002.jsonl");
    assert!(leash::ends_well(leash::command("mkfifo").arg(&fifo)));
    let ran = machine.run("import openclaw");
    assert_eq!(ran.code, 10, "{}", ran.stderr);
    assert_snapshot!(machine.told("import openclaw", &ran));
    assert!(ran.stdout.contains("conversations  4"), "{}", ran.stdout);
}

#[test]
fn a_transcript_in_json_lines_comes_in_under_its_own_name() {
    let mut machine = Machine::with_home().after_the_samples();
    sample_home(&machine.path(".openclaw"));
    let session = "~/.openclaw/agents/main/sessions/12f1a718-1ad2-44e1-8486-501e01c619bb.jsonl";
    assert_snapshot!(machine.story(&[
        &format!("import jsonl {session}"),
        "chat list",
        &format!("import jsonl {session}")
    ]));
}

#[test]
fn conversations_come_in_one_from_each_line_from_files_and_from_stdin() {
    let mut machine = Machine::with_home();
    let line = |id: &str, text: &str| {
        format!(
            r#"{{"id":"{id}","messages":[{{"sender":"ana","text":"{text}","timestamp":"2026-04-10T18:23:49Z"}}]}}"#
        )
    };
    write(&machine.path("one.jsonl"), &format!("{}\n{}\n", line("a", "Buy milk"), line("b", "Buy bread")));
    write(&machine.path("two.jsonl"), &line("c", "Fix the gate"));
    let report = json(&mut machine, "import jsonl ~/one.jsonl ~/two.jsonl");
    assert_eq!((&report["counts"]["conversation"]["new"], &report["entries"]["new"]), (&3.into(), &3.into()));
    let ran =
        machine.run_with("import jsonl -", &(line("b", "Buy bread") + "\n" + &line("d", "Water the beans")));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_snapshot!(machine.told("import jsonl -", &ran));
}

#[test]
fn what_is_no_transcript_is_said_with_its_line_and_the_rest_comes_in() {
    let mut machine = Machine::with_home();
    write(
        &machine.path("mixed.jsonl"),
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\nnot JSON\n{\"a\":1}\n",
    );
    assert_snapshot!(machine.story(&[
        "import jsonl ~/mixed.jsonl",
        "import jsonl ~/nothere.jsonl",
        "import jsonl ~"
    ]));
}

#[test]
fn a_second_import_at_the_same_time_is_told_to_wait() {
    let mut machine = with_openclaw();
    let home = bowline_engine::Home::open(&machine.path(".bowline")).unwrap();
    let importing = home.try_import_lock().unwrap();
    write(&machine.path("one.jsonl"), "{\"messages\":[{\"text\":\"hello\"}]}\n");
    for command in ["import openclaw", "import jsonl ~/one.jsonl"] {
        let ran = machine.run(command);
        assert_eq!((ran.code, ran.stdout.as_str()), (9, ""), "{command}");
        assert!(ran.stderr.contains("Another import into this home is under way"), "{}", ran.stderr);
    }
    drop(importing);
    assert_eq!(machine.run("import jsonl ~/one.jsonl").code, 0);
}

#[test]
fn a_line_that_stays_in_its_file_is_shown_at_its_place_and_missed_by_every_export() {
    let mut machine = Machine::with_home();
    let session = "b16b00b5-1111-4222-8333-444455556666";
    let message = |id: &str, parent: &str, text: &str| {
        format!(
            r#"{{"type":"message","id":"{id}","parentId":{parent},"message":{{"role":"user","content":"{text}"}}}}"#
        )
    };
    let header = format!(r#"{{"type":"session","version":3,"id":"{session}"}}"#);
    let first = message("a0000001", "null", "look at this picture");
    let huge = message("a0000002", "\"a0000001\"", &"A".repeat(9_123_456));
    let last = message("a0000003", "\"a0000002\"", "it is the fuse");
    let sessions = machine.path(".openclaw/agents/main/sessions");
    fs::create_dir_all(&sessions).unwrap();
    write(&machine.path(".openclaw/openclaw.json"), "{}");
    write(
        &sessions.join("sessions.json"),
        &format!(r#"{{"agent:main:main":{{"sessionId":"{session}","updatedAt":1,"label":"Picture"}}}}"#),
    );
    write(&sessions.join(format!("{session}.jsonl")), &format!("{header}\n{first}\n{huge}\n{last}\n"));
    let bytes =
        format!("{},{:03},{:03}", huge.len() / 1_000_000, huge.len() / 1000 % 1000, huge.len() % 1000);
    let (kept, left) = (
        format!("{header}\n{first}\n{last}\n"),
        format!("Picture: line 3 ({bytes} bytes) was left in its file when that was imported"),
    );
    for _ in 0..2 {
        assert_eq!(machine.run("import openclaw").code, 10);
        for command in ["chat show Picture", "chat show Picture --path"] {
            let shown = machine.run(command);
            let note = format!("[a line of {bytes} bytes stayed in the file it was imported from]");
            let order = ["look at this picture", &note, "it is the fuse"].map(|text| shown.stdout.find(text));
            assert!(order.is_sorted() && !order.contains(&None), "{command}: {}", shown.stdout);
            assert_eq!((shown.code, shown.stderr.as_str()), (0, ""), "{command}");
        }
        let out = machine.run("export openclaw Picture");
        assert_eq!((out.code, &out.stdout), (10, &kept));
        assert!(out.stderr.starts_with("Error: 1 line is missing in what was exported\n"), "{}", out.stderr);
        assert!(out.stderr.contains(&left), "{}", out.stderr);
    }
    let out = machine.run("chat export Picture");
    assert_eq!((out.code, out.stdout), (10, format!("{first}\n{last}\n")));
    assert!(out.stderr.contains(&left), "{}", out.stderr);
    let missing = serde_json::json!([{"line": 3, "bytes": huge.len()}]);
    for command in ["chat export Picture --output ~/one.jsonl", "export openclaw --all --output ~/all"] {
        let out = machine.run(&format!("--json {command}"));
        let answer: Value = serde_json::from_str(&out.stdout).unwrap();
        let told = answer.get("missing").unwrap_or_else(|| &answer["files"][0]["missing"]);
        assert_eq!((out.code, told), (10, &missing), "{command}");
        let error = out.stderr.lines().find(|line| line.starts_with('{')).unwrap();
        let error: Value = serde_json::from_str(error).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["causes"][0]),
            (&"export_incomplete".into(), &left.as_str().into())
        );
    }
    assert_eq!(sessions_in(&machine.path("all")), [(format!("{session}.jsonl"), kept.into_bytes())]);
    let shown = json(&mut machine, "chat show Picture");
    assert_eq!(shown["missing"][0]["after"], shown["entries"][0]["key"]);
    assert_eq!(shown["entries"][1]["parent"], shown["entries"][0]["key"]);
}
