//! Homes in which somebody has laid traps: each costs itself, is said, and the rest comes in.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;

use bowline_cast::leash;
use bowline_core::document::limits::FILES_MAX;
use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, header, id, message, transcript};

/// A home with one good conversation and one good file.
fn home() -> Home {
    let home = Home::new();
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    home.write("workspace/AGENTS.md", "fine");
    home
}

/// Imports, and the good things have come in.
fn import(home: &Home) -> Desk {
    let mut desk = Desk::new();
    desk.import(&home.path());
    assert!(desk.report.entries.new >= 2, "{:#?}", desk.items);
    assert_eq!(desk.about("workspace/AGENTS.md").outcome, Outcome::New);
    desk
}

fn fifo(path: &std::path::Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(leash::ends_well(leash::command("mkfifo").arg(path)));
}

#[test]
fn links_are_not_followed_wherever_they_lead() {
    let home = home();
    fs::write(home.outer().join("outside.md"), "OUTSIDE").unwrap();
    fs::create_dir(home.outer().join("folder")).unwrap();
    fs::write(home.outer().join("folder/x.md"), "OUTSIDE").unwrap();
    home.write(".env", "TOKEN=OUTSIDE");
    symlink(home.outer().join("outside.md"), home.at("workspace/out.md")).unwrap();
    symlink("../.env", home.at("workspace/within.md")).unwrap();
    symlink("..", home.at("workspace/loop")).unwrap();
    symlink(home.outer().join("folder"), home.at("workspace/folder")).unwrap();
    symlink(home.outer().join("outside.md"), home.at(&format!("agents/main/sessions/{}.jsonl", id(2))))
        .unwrap();
    symlink(home.outer().join("folder"), home.at("agents/two")).unwrap();
    symlink(home.outer().join("folder"), home.at("skills")).unwrap();
    symlink(home.outer().join("folder"), home.at("workspace/skills")).unwrap();
    let desk = import(&home);
    assert!(!desk.holds(b"OUTSIDE"));
    let session = format!("agents/main/sessions/{}.jsonl", id(2));
    for path in [
        "workspace/out.md",
        "workspace/within.md",
        "workspace/loop",
        "workspace/folder",
        &session,
        "agents/two",
        "workspace/skills",
    ] {
        let item = desk.about(path);
        assert!(item.why.as_deref().unwrap().contains("link"), "{item:?}");
    }
    assert!(
        desk.items.iter().filter(|item| item.path == "skills").all(|item| item
            .why
            .as_deref()
            .unwrap()
            .contains("link"))
    );
}

#[test]
fn what_is_no_file_is_not_opened_and_holds_nothing_up() {
    let home = home();
    let session = format!("agents/main/sessions/{}.jsonl", id(2));
    let fifos = [
        &session,
        "workspace/pipe.md",
        "workspace/skills/x/SKILL.md",
        "agents/main/sessions/sessions.json",
        "agents/main/agent/models.json",
        "agents/main/agent/openclaw-agent.sqlite",
        "cron/jobs.json",
        ".env",
    ];
    for path in fifos {
        fifo(&home.at(path));
    }
    let socket = std::os::unix::net::UnixListener::bind(home.at("workspace/socket.md")).unwrap();
    let desk = import(&home);
    for path in fifos.iter().chain(&["workspace/socket.md"]) {
        let item = desk.about(path);
        assert!(matches!(item.outcome, Outcome::Failed | Outcome::Skipped) && item.why.is_some(), "{item:?}");
    }
    drop(socket);
}

#[test]
fn the_settings_may_be_a_pipe_and_the_log_of_a_database_a_link() {
    let home = home();
    fs::remove_file(home.at("openclaw.json")).unwrap();
    fifo(&home.at("openclaw.json"));
    home.write("agents/main/agent/openclaw-agent.sqlite", "");
    symlink("/dev/zero", home.at("agents/main/agent/openclaw-agent.sqlite-wal")).unwrap();
    let desk = import(&home);
    assert!(desk.about("openclaw.json").why.as_deref().unwrap().contains("FIFO"));
    let database = desk.about("agents/main/agent/openclaw-agent.sqlite");
    assert!(database.why.as_deref().unwrap().contains("link"), "{database:?}");
}

#[test]
fn no_name_leads_out_of_the_state_directory() {
    let home = home();
    fs::create_dir(home.outer().join("outside")).unwrap();
    fs::write(home.outer().join("outside/AGENTS.md"), "OUTSIDE").unwrap();
    let agents = json!([
        {"id": "main"}, {"id": "../../outside"}, {"id": "..", "workspace": "../outside"},
        {"id": "two", "workspace": format!("{}/.openclaw/../outside", home.outer().display())},
        {"id": "three", "workspace": "~/.openclaw/workspace/../../outside"},
        {"id": "four", "agentDir": "/home/ada/.openclaw/../../etc"},
    ]);
    home.write("openclaw.json", json!({"agents": {"list": agents}}).to_string());
    let file = "/home/ada/../../outside/AGENTS.jsonl";
    home.session(
        "sessions.json",
        json!({"../../../outside": {"sessionId": "../../../../outside/AGENTS", "sessionFile": file}})
            .to_string(),
    );
    let desk = import(&home);
    assert!(!desk.holds(b"OUTSIDE"));
    let refused = desk.said(What::Agent);
    assert_eq!(
        refused.iter().filter(|(_, outcome, _)| *outcome == Outcome::Failed).count(),
        2,
        "{refused:?}"
    );
}

#[test]
fn lines_that_are_no_text_or_nested_without_end_are_kept_as_they_are() {
    let home = home();
    let mut text = header(&id(2)).into_bytes();
    text.extend(message(0).bytes());
    text.extend(b"{\"type\":\"message\",\"id\":\"\xff\xfe\"}\n");
    let deep = format!(
        "{{\"type\":\"custom\",\"id\":\"00000009\",\"data\":{}{}}}\n",
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    text.extend(deep.bytes());
    text.extend(format!("{}\n", "[".repeat(100_000)).bytes());
    text.extend(b"{\"type\":\"message\",\"id\":\"\\u001b[2J\",\"message\":{\"role\":\"user\",\"content\":\"\\u001b]0;x\\u0007\"}}\n");
    home.session(&format!("{}.jsonl", id(2)), &text);
    let mut desk = import(&home);
    assert_eq!(desk.report.failed(), 0, "{:#?}", desk.items);
    assert!(desk.file(&id(2)).bytes == text);
}

#[test]
fn control_characters_in_names_come_through_to_whoever_prints_them() {
    let home = home();
    home.write("workspace/\u{1b}[31mred.md", "x");
    home.session(&format!("{}.jsonl", id(2)), transcript(&id(2), 1));
    home.session(
        "sessions.json",
        json!({"agent:main:\u{1b}[2J": {"sessionId": id(2), "label": "\u{1b}]0;title\u{7}"}}).to_string(),
    );
    let desk = import(&home);
    let refused = desk.about("workspace/\u{1b}[31mred.md");
    assert_eq!(refused.outcome, Outcome::Failed);
    let conversation = desk.about(&format!("agents/main/sessions/{}.jsonl", id(2)));
    assert_eq!(conversation.title.as_deref(), Some("\u{1b}]0;title\u{7}"));
}

#[test]
fn names_that_are_no_text_are_said() {
    use std::os::unix::ffi::OsStrExt;
    let home = home();
    let name = std::ffi::OsStr::from_bytes(b"odd\xff.md");
    if fs::write(home.at("workspace").join(name), "x").is_err() {
        println!("skipped: this file system has no names that are not text");
        return;
    }
    let desk = import(&home);
    assert_eq!(desk.about("workspace/odd\u{fffd}.md").outcome, Outcome::Failed);
}

#[test]
fn settings_nested_without_end_cost_the_settings() {
    let home = home();
    home.write("openclaw.json", "[".repeat(1_000_000));
    home.write("workspace/deep.json", "[".repeat(400_000));
    home.write("workspace/skills/x/SKILL.md", format!("---\nname: {}\n---\n", "[".repeat(60_000)));
    let desk = import(&home);
    let item = desk.about("openclaw.json");
    assert!(item.outcome == Outcome::Failed && item.why.as_deref().unwrap().contains("deep"), "{item:?}");
}

#[test]
fn a_folder_of_very_many_files_is_looked_at_in_part() {
    let home = home();
    let notes = home.at("workspace/notes");
    fs::create_dir(&notes).unwrap();
    for n in 0..20_100 {
        fs::File::create(notes.join(format!("{n}.md"))).unwrap();
    }
    let desk = import(&home);
    assert!(desk.items.len() < FILES_MAX + 1000, "{} lines", desk.items.len());
    let said = desk.items.iter().filter(|item| item.path == "workspace" && item.why.is_some());
    let said: Vec<_> = said.map(|item| item.why.as_deref().unwrap()).collect();
    assert!(said.iter().any(|why| why.contains("the rest was not looked at")), "{said:?}");
}

#[test]
fn titles_keys_and_ids_beyond_all_measure_are_cut_or_refused() {
    let home = home();
    let long = "x".repeat(100_000);
    home.session(&format!("{}.jsonl", id(2)), transcript(&id(2), 1));
    home.session(
        "sessions.json",
        json!({&long: {"sessionId": id(2), "label": long, "displayName": format!("{long}y")}}).to_string(),
    );
    let agents = json!([{"id": "main", "name": long, "model": long, "tools": {&long: 1, "big": long}}]);
    home.write("openclaw.json", json!({"agents": {"list": agents}}).to_string());
    home.write(
        "workspace/skills/x/SKILL.md",
        format!("---\nname: {}\ndescription: {}\n---\n", &long[..30_000], &long[..30_000]),
    );
    let desk = import(&home);
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 2, "{:#?}", desk.items);
    assert_eq!(desk.report.count(What::Skill, Outcome::New), 1);
}
