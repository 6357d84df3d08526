//! Agents with their workspaces, skills, personal files and jobs.

use std::fs;

use bowline_core::document::limits::FILES_MAX;
use bowline_device::ShownAgent;
use bowline_import::openclaw::{Options, StateDir};
use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home};

/// The agent of this name.
fn agent(desk: &mut Desk, name: &str) -> ShownAgent {
    let now = desk.now();
    let ids: Vec<_> = desk.device.agents(false).unwrap().into_iter().map(|listed| listed.id).collect();
    let shown = ids.into_iter().map(|id| desk.device.show_agent(id, now).unwrap());
    let shown: Vec<_> = shown.filter(|agent| agent.name == name).collect();
    assert_eq!(shown.len(), 1, "agents called {name}");
    shown.into_iter().next().unwrap()
}

fn paths(agent: &ShownAgent) -> Vec<&str> {
    agent.files.iter().map(|file| file.path.as_str()).collect()
}

fn settings(value: &serde_json::Value) -> String {
    value.to_string()
}

#[test]
fn an_agent_has_what_the_settings_say_about_it_without_secrets_and_paths() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("openclaw.json", settings(&json!({"agents": {
        "defaults": {"model": {"primary": "p/default"}},
        "list": [
            {"id": "main", "identity": {"name": "Quill", "emoji": "x"}, "tools": {"allow": ["read"], "exec": {"apiKey": "FAKE-1", "ask": true}},
             "sandbox": {"mode": "off"}, "agentDir": "/home/ada/x", "thinkingDefault": "low",
             "memorySearch": {"remote": {"apiKey": "FAKE-2"}}, "params": {"cwd": "/home/ada", "temperature": 1}},
            {"id": "two", "name": "Second", "model": {"primary": "p/own", "fallbacks": ["p/a"]}}
        ]}})));
    desk.import(&home.path());
    let main = agent(&mut desk, "Quill");
    assert_eq!(main.model.as_deref(), Some("p/default"));
    let values: Vec<_> =
        main.tools.iter().chain(&main.params).map(|(name, json)| format!("{name} {json}")).collect();
    let values = values.join("\n");
    for there in [
        "allow [\"read\"]",
        "exec {\"ask\":true}",
        "identity {",
        "thinkingDefault \"low\"",
        "params {\"temperature\":1}",
    ] {
        assert!(values.contains(there), "{there} in {values}");
    }
    for absent in ["FAKE", "sandbox", "agentDir", "/home/ada", "memorySearch"] {
        assert!(!values.contains(absent), "{absent} in {values}");
    }
    let secrets: Vec<_> = desk
        .items
        .iter()
        .filter(|item| item.what == What::Secret)
        .map(|item| item.at.clone().unwrap())
        .collect();
    assert_eq!(secrets, ["agents.list[0].memorySearch.remote.apiKey", "agents.list[0].tools.exec.apiKey"]);
    let unknown =
        desk.items.iter().find(|item| item.at.as_deref() == Some("agents.list[0].memorySearch")).unwrap();
    assert_eq!(unknown.outcome, Outcome::Skipped);
    assert_eq!(agent(&mut desk, "Second").model.as_deref(), Some("p/own"));
}

#[test]
fn files_of_a_workspace_come_in_as_text_and_personal_ones_apart() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for (path, text) in [
        ("AGENTS.md", "# Agents"),
        ("notes/deep/plan.md", "plan"),
        ("USER.md", "Ada"),
        ("MEMORY.md", "m"),
        ("memory/2026-11-22.md", "day"),
        (".env", "TOKEN=FAKE-1"),
        ("prod.pem", "FAKE"),
        (".git/config", "x"),
        ("node_modules/a/b.js", "x"),
        ("data.json", r#"{"apiKey": "FAKE-2"}"#),
        ("note.md", "-----BEGIN RSA PRIVATE KEY-----\nFAKE"),
        ("bad:name.md", "x"),
        ("cache.sqlite", "x"),
        ("fine.json", r#"{"a": 1}"#),
    ] {
        home.write(&format!("workspace/{path}"), text);
    }
    home.write("workspace/picture.png", b"\x89PNG\x00\xff");
    home.write("workspace/huge.md", vec![b'x'; (512 << 10) + 1]);
    desk.import(&home.path());
    assert_eq!(paths(&agent(&mut desk, "main")), ["AGENTS.md", "fine.json", "notes/deep/plan.md"]);
    assert_eq!(desk.report.count(What::Memory, Outcome::New), 1);
    let memory: Vec<_> = desk
        .items
        .iter()
        .filter(|item| item.outcome == Outcome::New && item.what == What::File)
        .map(|item| &*item.path)
        .collect();
    assert!(memory.contains(&"workspace/memory/2026-11-22.md") && memory.contains(&"workspace/USER.md"));
    for (path, what, why) in [
        ("workspace/.env", What::Secret, "variables"),
        ("workspace/prod.pem", What::Secret, "key"),
        ("workspace/data.json", What::Secret, "secret"),
        ("workspace/note.md", What::Secret, "private key"),
        ("workspace/.git/", What::File, "history"),
        ("workspace/node_modules/", What::File, "installed"),
        ("workspace/bad:name.md", What::File, "path"),
        ("workspace/cache.sqlite", What::File, "database"),
        ("workspace/picture.png", What::File, "not text"),
        ("workspace/huge.md", What::File, "bytes"),
    ] {
        let item = desk.about(path);
        assert_eq!(item.what, what, "{path}");
        assert!(item.why.as_deref().unwrap().contains(why), "{path}: {item:?}");
    }
    assert!(!desk.holds(b"FAKE"));
}

#[test]
fn a_file_that_changed_on_one_side_follows_and_one_that_changed_on_both_is_there_twice() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("workspace/AGENTS.md", "first");
    home.write("workspace/SOUL.md", "first");
    home.write("workspace/TOOLS.md", "first");
    desk.import(&home.path());
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!((desk.state(), desk.report.changed()), (before, 0));
    let id = agent(&mut desk, "main").id;
    let mut edit = bowline_core::document::AgentEdit::default();
    edit.write_file("SOUL.md".parse().unwrap(), "ours");
    let now = desk.now();
    desk.device.edit_agent(id, &edit, now).unwrap();
    home.write("workspace/AGENTS.md", "second");
    home.write("workspace/SOUL.md", "theirs");
    fs::remove_file(home.at("workspace/TOOLS.md")).unwrap();
    desk.import(&home.path());
    let files: Vec<_> =
        agent(&mut desk, "main").files.iter().map(|file| format!("{} {}", file.path, file.text)).collect();
    assert_eq!(files, ["AGENTS.md second", "SOUL.md ours", "SOUL.openclaw.md theirs", "TOOLS.md first"]);
    assert_eq!(desk.about("workspace/SOUL.md").outcome, Outcome::Conflict);
    assert_eq!(desk.about("workspace/TOOLS.md").why.as_deref(), Some("gone from OpenClaw, kept here"));
}

#[test]
fn a_workspace_elsewhere_is_followed_when_openclaw_was_found_and_else_only_when_asked() {
    let home = Home::new();
    let outside = home.outer().join("clawd");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("AGENTS.md"), "outside").unwrap();
    home.write(
        "openclaw.json",
        settings(&json!({"agents": {"list": [{"id": "main", "workspace": outside}]}})),
    );
    let named = StateDir::at(&home.path()).unwrap();
    let outer = home.outer().to_owned();
    let found = StateDir::find(&|_| None, Some(&outer)).unwrap();
    for (from, options, count) in [
        (&named, Options { outside: false }, 0),
        (&named, Options { outside: true }, 1),
        (&found, Options::default(), 1),
    ] {
        let mut desk = Desk::new();
        desk.import_from(from, options);
        assert_eq!(agent(&mut desk, "main").files.len(), count);
        let said =
            desk.items.iter().any(|item| item.why.as_deref().is_some_and(|why| why.contains("--outside")));
        assert_eq!(said, count == 0);
    }
}

#[test]
fn a_workspace_that_holds_openclaw_itself_is_not_read() {
    let home = Home::new();
    home.write(
        "openclaw.json",
        settings(&json!({"agents": {"list": [{"id": "main", "workspace": home.outer()}]}})),
    );
    home.write("secret.md", "x");
    let mut desk = Desk::new();
    desk.import_from(&StateDir::at(&home.path()).unwrap(), Options { outside: true });
    assert!(agent(&mut desk, "main").files.is_empty());
    assert!(desk.items.iter().any(|item| item.why.as_deref().is_some_and(|why| why.contains("own state"))));
}

#[test]
fn a_folder_that_openclaw_keeps_for_itself_is_no_workspace() {
    for folder in
        ["credentials", "agents/main/sessions", "agents/main/agent", "state", "identity/x", "agents", ""]
    {
        let (home, mut desk) = (Home::new(), Desk::new());
        home.write(format!("{folder}/notes.md").trim_start_matches('/'), "FAKE");
        let workspace = format!("/home/ada/.openclaw/{folder}");
        home.write(
            "openclaw.json",
            settings(&json!({"agents": {"list": [{"id": "main", "workspace": workspace}]}})),
        );
        desk.import(&home.path());
        assert!(agent(&mut desk, "main").files.is_empty(), "{folder}");
        assert!(!desk.holds(b"FAKE"), "{folder}");
    }
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("agents/main/workspace/notes.md", "fine");
    home.write(
        "openclaw.json",
        settings(
            &json!({"agents": {"list": [{"id": "main", "workspace": "~/.openclaw/agents/main/workspace"}]}}),
        ),
    );
    desk.import(&home.path());
    assert_eq!(agent(&mut desk, "main").files.len(), 1);
}

#[test]
fn a_home_that_is_not_beside_the_state_directory_is_where_paths_begin() {
    let home = Home::new();
    let person = tempfile::tempdir().unwrap();
    fs::create_dir(person.path().join("clawd")).unwrap();
    fs::write(person.path().join("clawd/AGENTS.md"), "at home").unwrap();
    home.write(
        "openclaw.json",
        settings(&json!({"agents": {"list": [{"id": "main", "workspace": "~/clawd"}]}})),
    );
    let state = home.path();
    let env = |name: &str| (name == "OPENCLAW_STATE_DIR").then(|| state.clone().into_os_string());
    let mut desk = Desk::new();
    desk.import_from(&StateDir::find(&env, Some(person.path())).unwrap(), Options::default());
    assert_eq!(agent(&mut desk, "main").files[0].text, "at home");
}

#[test]
fn agents_without_settings_are_known_by_their_folders_and_share_no_files() {
    let (home, mut desk) = (Home::new(), Desk::new());
    fs::remove_file(home.at("openclaw.json")).unwrap();
    home.write("agents/main/sessions/x", "");
    home.write("agents/two/sessions/x", "");
    home.write("workspace/AGENTS.md", "main's");
    home.write("workspace-two/AGENTS.md", "two's");
    home.write("workspace-three/AGENTS.md", "nobody's");
    desk.import(&home.path());
    assert_eq!(agent(&mut desk, "main").files[0].text, "main's");
    assert_eq!(agent(&mut desk, "two").files[0].text, "two's");
    assert_eq!(desk.about("workspace-three/").outcome, Outcome::Failed);
    home.write("openclaw.json", settings(&json!({"agents": {"list": [{"id": "main"}, {"id": "two", "workspace": "~/.openclaw/workspace"}]}})));
    let mut desk = Desk::new();
    desk.import(&home.path());
    assert_eq!((agent(&mut desk, "main").files.len(), agent(&mut desk, "two").files.len()), (1, 0));
}

#[test]
fn skills_come_in_with_all_their_files() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let skill = "workspace/skills/group/trip";
    home.write(&format!("{skill}/SKILL.md"), "---\nname: Trip planner\ndescription: Plans\n---\ntext");
    home.write(&format!("{skill}/scripts/run.sh"), "#!/bin/sh\n");
    home.write(&format!("{skill}/logo.png"), b"\x89PNG\x00\xff");
    home.write(&format!("{skill}/.env"), "KEY=FAKE");
    home.write("workspace/skills/README.md", "no skill");
    home.write("workspace/.agents/skills/other/SKILL.md", "no front matter");
    home.write("skills/shared/SKILL.md", "---\nname: [broken\n---\n");
    home.write("agents/main/agent/workshop-skills/made/SKILL.md", "made by the agent");
    #[cfg(unix)]
    fs::set_permissions(
        home.at(&format!("{skill}/scripts/run.sh")),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Skill, Outcome::New), 4, "{:#?}", desk.items);
    let titles: Vec<_> = desk
        .items
        .iter()
        .filter(|item| item.what == What::Skill)
        .map(|item| item.title.clone().unwrap())
        .collect();
    // As OpenClaw reads it, and nobody complains.
    assert_eq!(titles, ["Trip planner", "other", "made", "[broken"]);
    assert_eq!(desk.about("skills/shared/SKILL.md").outcome, Outcome::New);
    assert_eq!(desk.about(&format!("{skill}/logo.png")).outcome, Outcome::New);
    assert_eq!(desk.about(&format!("{skill}/.env")).what, What::Secret);
    assert_eq!(desk.about("workspace/skills/README.md").outcome, Outcome::Failed);
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!((desk.state(), desk.report.changed()), (before, 0));
}

#[test]
fn jobs_of_the_person_go_with_their_agent_and_openclaws_own_stay() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("openclaw.json", settings(&json!({"agents": {"list": [{"id": "main"}, {"id": "two"}]}})));
    let jobs = json!({"version": 1, "jobs": [
        {"id": "a", "name": "Paper", "enabled": true, "updatedAtMs": 5, "schedule": {"kind": "cron", "expr": "0 8 * * *"}, "state": {"nextRunAtMs": 7}},
        {"id": "b", "name": "Tides", "agentId": "two", "payload": {"kind": "agentTurn", "message": "m", "token": "FAKE-1"}},
        {"id": "c", "name": "heartbeat-main", "declarationKey": "heartbeat:main"},
        {"id": "d", "name": "beat", "payload": {"kind": "heartbeat"}},
        {"id": "e", "name": "Nobody's", "agentId": "gone"},
        {"name": "without an id"},
    ]});
    home.write("cron/jobs.json", jobs.to_string());
    home.write("cron/jobs.json.bak", "x");
    home.write("cron/runs/a.jsonl", "x");
    desk.import(&home.path());
    let said: Vec<_> = desk
        .items
        .iter()
        .filter(|item| item.what == What::Schedule)
        .map(|item| (item.title.as_deref().unwrap(), item.outcome))
        .collect();
    for expected in [
        ("Paper", Outcome::New),
        ("Tides", Outcome::New),
        ("heartbeat-main", Outcome::Skipped),
        ("beat", Outcome::Skipped),
        ("Nobody's", Outcome::Failed),
        ("without an id", Outcome::Failed),
    ] {
        assert!(said.contains(&expected), "{expected:?} in {said:?}");
    }
    let value = agent(&mut desk, "main").schedules["a"].to_string();
    assert!(!value.contains("state") && !value.contains("updatedAtMs"), "{value}");
    assert!(!desk.holds(b"FAKE"));
    let said: Vec<_> = ["cron/jobs.json.bak", "cron/runs/"].map(|path| desk.about(path).outcome).to_vec();
    assert_eq!(said, [Outcome::Skipped; 2]);
}

#[test]
fn a_workspace_with_more_files_than_an_agent_has_room_for_is_taken_in_part_and_some_of_the_others_are_named()
{
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("workspace/AGENTS.md", "first");
    for n in 0..FILES_MAX + 40 {
        home.write(&format!("workspace/notes/{n:04}.md"), "n");
    }
    desk.import(&home.path());
    assert_eq!(agent(&mut desk, "main").files.len(), FILES_MAX);
    let said = desk.about("workspace/notes");
    assert!(said.why.as_deref().unwrap().starts_with("21 more files"), "{said:?}");
    let named = desk
        .items
        .iter()
        .filter(|item| item.outcome == Outcome::Failed && item.path.starts_with("workspace/notes/"));
    assert_eq!(named.count(), 20);
}

#[test]
fn a_model_is_known_by_name_or_as_the_first_of_several_and_nothing_more_is_said() {
    for model in [json!("mock/one"), json!({"primary": "mock/one"})] {
        let (home, mut desk) = (Home::new(), Desk::new());
        let agents = json!({"agents": {"list": [{"id": "main", "model": model, "novelty": 1}]}});
        home.write("openclaw.json", settings(&agents));
        desk.import(&home.path());
        assert_eq!(agent(&mut desk, "main").model.as_deref(), Some("mock/one"));
        let unknown: Vec<_> = desk
            .items
            .iter()
            .filter(|item| item.what == What::Setting)
            .map(|item| item.at.as_deref())
            .collect();
        assert_eq!(unknown, [Some("agents.list[0].novelty")]);
    }
}
