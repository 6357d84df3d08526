//! Folders in unusual places, and documents that are at fault: what is followed, whose files are whose, and that the rest comes.

use std::fs;
use std::os::unix::fs::symlink;

use bowline_core::document::limits::FILES_MAX;
use bowline_core::document::{AgentEdit, FilePath};
use bowline_import::openclaw::{Options, StateDir};
use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, id, transcript};

/// The paths of an agent's files.
fn files(desk: &mut Desk, name: &str) -> Vec<String> {
    let now = desk.now();
    let listed = desk.device.agents(false).unwrap().into_iter().find(|agent| agent.title == name).unwrap();
    let shown = desk.device.show_agent(listed.id, now).unwrap();
    shown.files.iter().map(|file| file.path.to_string()).collect()
}

/// The paths of what an agent knows about its person.
fn memories(desk: &mut Desk, name: &str) -> Vec<String> {
    let now = desk.now();
    let listed = desk.device.memories(false).unwrap().into_iter().find(|memory| memory.title == name);
    let Some(listed) = listed else { return Vec::new() };
    let shown = desk.device.show_memory(listed.id, now).unwrap();
    shown.files.iter().map(|file| file.path.to_string()).collect()
}

/// As OpenClaw finds it, with the folder that the home lies in as the person's home.
fn found(home: &Home) -> StateDir {
    StateDir::find(&|_| None, Some(home.outer())).unwrap()
}

fn named(home: &Home) -> StateDir {
    StateDir::at(&home.path()).unwrap()
}

/// A home of which every folder that can lie on another disk is a link to one there.
fn spread() -> Home {
    let home = Home::new();
    let disk = home.outer().join("disk");
    home.write("workspace/AGENTS.md", "here");
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    let job = json!({"id": "paper", "name": "Paper", "schedule": {"kind": "cron", "expr": "0 8 * * *"}});
    home.write("cron/jobs.json", json!({"jobs": [job]}).to_string());
    fs::create_dir_all(&disk).unwrap();
    fs::rename(home.at("cron"), disk.join("cron")).unwrap();
    symlink(disk.join("cron"), home.at("cron")).unwrap();
    fs::rename(home.at("workspace"), disk.join("workspace")).unwrap();
    fs::rename(home.at("agents/main/sessions"), disk.join("sessions")).unwrap();
    fs::rename(home.at("agents/main"), disk.join("main")).unwrap();
    fs::rename(home.at("agents"), disk.join("agents")).unwrap();
    symlink(disk.join("workspace"), home.at("workspace")).unwrap();
    symlink(disk.join("agents"), home.at("agents")).unwrap();
    symlink("../main", disk.join("agents/main")).unwrap();
    symlink(disk.join("sessions"), disk.join("main/sessions")).unwrap();
    home
}

#[test]
fn a_folder_that_is_a_link_is_followed_where_what_lies_outside_is() {
    let home = spread();
    for (from, options) in [(found(&home), Options::default()), (named(&home), Options { outside: true })] {
        let mut desk = Desk::new();
        desk.import_from(&from, options);
        assert_eq!(files(&mut desk, "main"), ["AGENTS.md"]);
        assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 2).into_bytes());
        assert_eq!(desk.report.count(What::Schedule, Outcome::New), 1);
        assert_eq!(desk.report.count(What::File, Outcome::Failed), 0, "{:#?}", desk.items);
    }
    let mut desk = Desk::new();
    desk.import_from(&named(&home), Options::default());
    assert!(files(&mut desk, "main").is_empty());
    for path in ["workspace", "agents", "cron/jobs.json"] {
        let said: Vec<_> = desk.items.iter().filter(|item| item.path == path).collect();
        let asks = |why: &Option<String>| why.as_deref().is_some_and(|why| why.contains("--outside"));
        assert!(said.iter().any(|item| item.outcome == Outcome::Failed && asks(&item.why)), "{said:?}");
    }
}

#[test]
fn a_link_does_not_make_a_workspace_of_what_openclaw_keeps_for_itself() {
    for target in ["credentials", "agents/main/sessions", ".", ".."] {
        let (home, mut desk) = (Home::new(), Desk::new());
        home.write("credentials/notes.md", "FAKE");
        home.write("agents/main/sessions/notes.md", "FAKE");
        symlink(target, home.at("workspace")).unwrap();
        desk.import_from(&found(&home), Options::default());
        assert!(files(&mut desk, "main").is_empty(), "{target}");
        assert!(!desk.holds(b"FAKE"), "{target}");
    }
}

#[test]
fn an_agents_database_elsewhere_is_said_if_it_is_not_read() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let elsewhere = home.outer().join("elsewhere");
    fs::create_dir_all(&elsewhere).unwrap();
    fs::write(elsewhere.join("openclaw-agent.sqlite"), "no database").unwrap();
    home.write("agents/main/agent/x", "");
    home.write(
        "openclaw.json",
        json!({"agents": {"list": [{"id": "main", "agentDir": elsewhere}]}}).to_string(),
    );
    desk.import_from(&named(&home), Options::default());
    let said = desk.about(elsewhere.to_str().unwrap());
    assert!(said.outcome == Outcome::Failed && said.why.as_deref().unwrap().contains("--outside"));
    desk.import_from(&found(&home), Options::default());
    let said = desk.about(elsewhere.join("openclaw-agent.sqlite").to_str().unwrap());
    assert_eq!(said.outcome, Outcome::Failed, "it was looked at, and is damaged");
}

#[test]
fn a_workspace_in_another_agents_is_its_own_agents_alone() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let agents = json!([{"id": "main"}, {"id": "research", "workspace": home.at("workspace/research")}]);
    home.write("openclaw.json", json!({"agents": {"list": agents}}).to_string());
    for path in ["AGENTS.md", "USER.md", "research/AGENTS.md", "research/USER.md", "research/memory/day.md"] {
        home.write(&format!("workspace/{path}"), path);
    }
    desk.import(&home.path());
    assert_eq!(files(&mut desk, "main"), ["AGENTS.md"]);
    assert_eq!(memories(&mut desk, "main"), ["USER.md"]);
    assert_eq!(files(&mut desk, "research"), ["AGENTS.md"]);
    assert_eq!(memories(&mut desk, "research"), ["USER.md", "memory/day.md"]);
}

#[test]
fn what_is_personal_in_a_workspace_that_nobody_has_any_more_stays_personal() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for path in ["AGENTS.md", "old/SOUL.md", "old/MEMORY.md", "old/memory/day.md", "src/memory/alloc.rs"] {
        home.write(&format!("workspace/{path}"), path);
    }
    desk.import(&home.path());
    assert_eq!(files(&mut desk, "main"), ["AGENTS.md", "old/SOUL.md", "src/memory/alloc.rs"]);
    assert_eq!(memories(&mut desk, "main"), ["old/MEMORY.md", "old/memory/day.md"]);
}

#[test]
fn a_document_at_fault_is_said_and_the_others_come() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("openclaw.json", json!({"agents": {"list": [{"id": "main"}, {"id": "two"}]}}).to_string());
    for path in ["workspace/AGENTS.md", "workspace-two/AGENTS.md"] {
        home.write(path, "first");
    }
    desk.import(&home.path());
    desk.sql("UPDATE import SET value = x'ff' WHERE source = 'openclaw//agent/main'");
    for path in ["workspace/AGENTS.md", "workspace-two/AGENTS.md"] {
        home.write(path, "second");
    }
    desk.import(&home.path());
    let agents = desk.said(What::Agent);
    assert_eq!(agents[0].1, Outcome::Failed, "{agents:?}");
    assert_eq!(agents[1].1, Outcome::More, "{agents:?}");
}

#[test]
fn files_that_were_removed_here_count_and_those_beyond_are_said_one_by_one() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for n in 0..FILES_MAX - 6 {
        home.write(&format!("workspace/{n:03}.md"), "text");
    }
    desk.import(&home.path());
    let (listed, now) = (desk.device.agents(false).unwrap(), desk.now());
    let mut edit = AgentEdit::default();
    for n in 0..100 {
        edit.remove_file(FilePath::parse(&format!("{n:03}.md")).unwrap());
    }
    desk.device.edit_agent(listed[0].id, &edit, now).unwrap();
    for n in 0..10 {
        home.write(&format!("workspace/new-{n}.md"), "text");
        fs::remove_file(home.at(&format!("workspace/{n:03}.md"))).unwrap();
    }
    home.write("workspace/100.md", "changed");
    desk.import(&home.path());
    let outcome = |path: &str| desk.about(&format!("workspace/{path}")).outcome;
    assert_eq!(outcome("100.md"), Outcome::Updated);
    let new: Vec<_> = (0..10).map(|n| outcome(&format!("new-{n}.md"))).collect();
    assert_eq!(new.iter().filter(|outcome| **outcome == Outcome::New).count(), 6);
    assert_eq!(new.iter().filter(|outcome| **outcome == Outcome::Failed).count(), 4);
}
