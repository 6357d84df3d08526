//! The homes that real releases of OpenClaw wrote: each comes in with exactly what its README says, once.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bowline_import::{Outcome, What};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::desk::{Desk, copy};

/// Tree, conversations, entries, agents, skills, jobs of the person.
const EXPECTED: [(&str, [u64; 5]); 5] = [
    ("gen-a-2026.3.28", [4, 51, 2, 1, 1]),
    ("gen-a-2026.7.1", [4, 51, 2, 1, 1]),
    ("gen-b-2026.9.6", [4, 61, 2, 1, 1]),
    ("migrated-2026.7.1-to-2026.9.6", [4, 51, 2, 1, 1]),
    ("gen-b-2026.9.6-wal", [1, 14, 2, 0, 0]),
];

/// The names of the trees.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    EXPECTED.into_iter().map(|(name, _)| name)
}

/// A copy of one of the trees; `None` where they are not.
pub(crate) fn tree(name: &str) -> Option<TempDir> {
    let shared =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/fixtures/openclaw")).join(name);
    if !shared.is_dir() {
        println!(
            "skipped: the homes of OpenClaw are not beside this repository, in ../shared/fixtures/openclaw"
        );
        return None;
    }
    let copied = tempfile::tempdir().unwrap();
    copy(&shared, copied.path());
    Some(copied)
}

/// The state directory in a tree.
pub(crate) fn state(tree: &TempDir) -> PathBuf {
    tree.path().join(".openclaw")
}

/// Session id to the bytes of its file: of files, or of rows joined by line ends.
fn transcripts(tree: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for agent in ["main", "research"] {
        let folder = state(tree).join("agents").join(agent);
        for file in fs::read_dir(folder.join("sessions")).into_iter().flatten() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if let Some(id) = name.strip_suffix(".jsonl").filter(|id| !id.ends_with(".trajectory")) {
                found.insert(id.to_owned(), fs::read(&path).unwrap());
            }
        }
        let database = folder.join("agent/openclaw-agent.sqlite");
        if database.exists() {
            rows(&database, &mut found);
        }
    }
    found
}

fn rows(database: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    let connection = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let sql = "SELECT session_id, event_json, event_zstd FROM transcript_events ORDER BY session_id, seq";
    let mut statement = connection.prepare(sql).unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let mut line = Vec::new();
        match (row.get::<_, Option<String>>(1).unwrap(), row.get::<_, Option<Vec<u8>>>(2).unwrap()) {
            (Some(text), _) => line = text.into_bytes(),
            (None, Some(frame)) => drop(zstd::Decoder::new(&*frame).unwrap().read_to_end(&mut line).unwrap()),
            (None, None) => panic!("a row without a line"),
        }
        line.push(b'\n');
        found.entry(row.get(0).unwrap()).or_default().extend(line);
    }
}

#[test]
fn every_home_comes_in_with_exactly_what_is_in_it() {
    for (name, expected) in EXPECTED {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        let report = desk.import(&state(&tree)).clone();
        let found = [
            report.count(What::Conversation, Outcome::New),
            report.entries.new,
            report.count(What::Agent, Outcome::New),
            report.count(What::Skill, Outcome::New),
            report.count(What::Schedule, Outcome::New),
        ];
        assert_eq!(found, expected, "{name}: {:#?}", desk.items);
        assert_eq!(report.failed(), 0, "{name}: {:#?}", desk.items);
        assert_eq!((report.entries.aside, report.entries.left, report.entries.too_long), (0, 0, 0), "{name}");
        assert_eq!(desk.device.list(false).unwrap().len() as u64, expected[0], "{name}");
        assert_eq!(report.bytes, desk.begun, "{name}: as many bytes as were announced");
    }
}

#[test]
fn every_line_goes_out_as_it_came_in() {
    for (name, expected) in EXPECTED {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        desk.import(&state(&tree));
        let sources = transcripts(&tree);
        assert_eq!(sources.len() as u64, expected[0]);
        let lines: usize =
            sources.values().map(|bytes| bytes.split_inclusive(|byte| *byte == b'\n').count()).sum();
        assert_eq!(lines as u64, expected[1] + expected[0], "{name}: entries and headers");
        for file in desk.files() {
            assert_eq!(file.app.as_deref(), Some("openclaw"));
            assert!(file.bytes == sources[&file.session], "{name}: {}", file.session);
            assert!(file.key.unwrap().starts_with("agent:"));
        }
    }
}

#[test]
fn a_second_import_changes_nothing() {
    for (name, expected) in EXPECTED {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        desk.import(&state(&tree));
        let before = desk.state();
        let report = desk.import(&state(&tree)).clone();
        assert_eq!(desk.state(), before, "{name}");
        assert_eq!(report.changed(), 0, "{name}: {:#?}", desk.items);
        assert_eq!(report.count(What::Conversation, Outcome::Unchanged), expected[0], "{name}");
        assert_eq!((report.entries.new, report.entries.present), (0, expected[1]), "{name}");
    }
}

#[test]
fn the_upgrade_to_a_database_adds_nothing_and_removes_nothing() {
    let (Some(before), Some(after)) = (tree("gen-a-2026.7.1"), tree("migrated-2026.7.1-to-2026.9.6")) else {
        return;
    };
    let mut desk = Desk::new();
    desk.import(&state(&before));
    let listed = desk.device.list(false).unwrap().len();
    let report = desk.import(&state(&after)).clone();
    assert_eq!(report.entries.new, 0);
    assert_eq!(report.count(What::Conversation, Outcome::Unchanged), 4, "{:#?}", desk.items);
    assert_eq!(report.imported(What::Conversation), 4);
    assert_eq!(report.count(What::Schedule, Outcome::Unchanged), 1);
    assert_eq!(desk.device.list(false).unwrap().len(), listed);
    // TOOLS.md is retired in the newer release: it stays here.
    let gone = desk.items.iter().find(|item| item.path == "workspace/TOOLS.md").unwrap();
    assert_eq!(gone.outcome, Outcome::Kept);
}

#[test]
fn no_secret_comes_in_and_each_is_listed() {
    for (name, _) in EXPECTED {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        desk.import(&state(&tree));
        assert!(!desk.holds(b"FAKE"), "{name}: in the device's files");
        assert!(!format!("{:?}", desk.items).contains("FAKE"), "{name}: in the report");
        let listed = |path: &str, at: &str| {
            let is_it = |item: &&bowline_import::Item| item.path == path && item.at.as_deref() == Some(at);
            assert!(
                desk.items.iter().filter(|item| item.what == What::Secret).any(|item| is_it(&item)),
                "{name}: {path} {at}"
            );
        };
        for at in [
            "gateway.auth.token",
            "models.providers.mock.apiKey",
            "channels.telegram.botToken",
            "hooks.token",
            "env.vars.WEATHER_API_KEY",
            "skills.entries.trip-planner.apiKey",
            "skills.entries.trip-planner.env.EXTRA_TOKEN",
        ] {
            listed("openclaw.json", at);
        }
        let settings =
            desk.items.iter().filter(|item| item.what == What::Secret && item.path == "openclaw.json");
        assert_eq!(settings.count(), 7, "{name}: a reference is not a secret");
        if name != "gen-b-2026.9.6-wal" {
            listed(".env", "BACKUP_API_KEY");
            listed(".env", "OTHER_TOKEN");
        }
        if name.starts_with("gen-a") {
            listed("agents/main/agent/auth-profiles.json", "profiles[\"mock:default\"].key");
            listed("agents/main/agent/auth-profiles.json", "profiles[\"backup:spare\"].token");
            listed("agents/main/agent/models.json", "providers.mock.apiKey");
        }
        if ["gen-b-2026.9.6", "migrated-2026.7.1-to-2026.9.6"].contains(&name) {
            listed("state/openclaw.sqlite", "config_machine_state[\"authProfiles.store\"]");
            listed("state/openclaw.sqlite", "device_identities");
        }
    }
}

#[test]
fn what_must_be_skipped_is_skipped_with_a_reason() {
    let paths = [
        ("gen-a-2026.7.1", "agents/main/sessions/2f9c57a5-b6a1-4002-9708-f10eca0ce5ee.jsonl.lock"),
        ("gen-a-2026.7.1", "agents/main/sessions/2f9c57a5-b6a1-4002-9708-f10eca0ce5ee.trajectory.jsonl"),
        (
            "gen-a-2026.7.1",
            "agents/main/sessions/sessions.json.4242.0f0f0f0f-0000-4000-8000-000000000000.tmp",
        ),
        ("gen-a-2026.7.1", "agents/main/sessions/skills-prompts/"),
        ("gen-a-2026.7.1", "openclaw.json.last-good"),
        ("gen-a-2026.7.1", "logs/"),
        ("gen-a-2026.3.28", "canvas/"),
        ("gen-a-2026.3.28", "devices/"),
        ("gen-a-2026.3.28", "identity/"),
        ("gen-a-2026.3.28", "workspace/.openclaw/"),
        ("migrated-2026.7.1-to-2026.9.6", "agents/main/session-sqlite-import-archive/"),
        ("migrated-2026.7.1-to-2026.9.6", "session-sqlite-migration-runs/"),
        ("migrated-2026.7.1-to-2026.9.6", "backups/"),
        ("gen-b-2026.9.6", "tmp/"),
        ("gen-b-2026.9.6", "config-journal-fingerprint.key"),
        ("gen-b-2026.9.6", "state/openclaw-quarantine.sqlite"),
        ("gen-b-2026.9.6", "agents/main/agent/openclaw-agent.sqlite.reindex-lock.sqlite"),
    ];
    for (name, path) in paths {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        desk.import(&state(&tree));
        let found: Vec<_> = desk.items.iter().filter(|item| item.path == path).collect();
        assert!(!found.is_empty(), "{name}: {path}: {:#?}", desk.items);
        assert!(
            found.iter().all(|item| item.outcome == Outcome::Skipped && item.why.is_some()),
            "{name}: {path}"
        );
    }
}

#[test]
fn titles_marks_agents_and_skills_are_as_in_openclaw() {
    for name in ["gen-a-2026.7.1", "gen-b-2026.9.6"] {
        let Some(tree) = tree(name) else { return };
        let mut desk = Desk::new();
        desk.import(&state(&tree));
        for title in [
            "Tomatoes on the balcony",
            "Letter about the boiler",
            "Lisbon with Mum",
            "Tide pools: what lives where",
        ] {
            desk.titled(title);
        }
        let now = desk.now();
        let mut names = Vec::new();
        for listed in desk.device.agents(false).unwrap() {
            let agent = desk.device.show_agent(listed.id, now).unwrap();
            assert_eq!(agent.model.as_deref(), Some("mock/mock-1"), "{name}");
            assert!(agent.files.iter().any(|file| file.path.as_str() == "AGENTS.md"), "{name}");
            assert!(!agent.files.iter().any(|file| file.path.as_str().contains("USER")), "{name}");
            names.push(agent.name);
        }
        names.sort();
        assert_eq!(names, ["main", "research"]);
        let skill = desk.items.iter().find(|item| item.what == What::Skill).unwrap();
        assert_eq!(
            (skill.title.as_deref(), &*skill.path),
            (Some("trip-planner"), "workspace/skills/trip-planner")
        );
        assert_eq!(desk.report.count(What::Memory, Outcome::New), 2, "{name}");
        let generated =
            desk.items.iter().filter(|item| item.what == What::Schedule && item.outcome == Outcome::Skipped);
        assert_eq!(generated.count(), if name == "gen-b-2026.9.6" { 4 } else { 0 });
    }
}
