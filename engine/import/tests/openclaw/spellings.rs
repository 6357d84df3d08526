//! A home whose names come back with the same letters in other bytes, as from a Mac or through a program for syncing.

use std::fs;

use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, transcript};

/// A home with names of every sort; `spell` says in which bytes.
fn write_home(home: &Home, spell: &dyn Fn(&str) -> String) {
    fs::remove_dir_all(home.path()).unwrap();
    let agents = json!([{"id": "main", "workspace": "/home/ada/.openclaw/B\u{fc}ro"}, {"id": "k\u{f6}chin"}]);
    home.write("openclaw.json", json!({"agents": {"list": agents}}).to_string());
    for (path, text) in [
        ("B\u{fc}ro/AGENTS.md", "rules"),
        ("B\u{fc}ro/\u{dc}bung.md", "practice"),
        ("B\u{fc}ro/memory/Gespr\u{e4}ch.md", "talk"),
        ("B\u{fc}ro/skills/br\u{fb}l\u{e9}e/SKILL.md", "no front matter"),
        ("workspace-k\u{f6}chin/AGENTS.md", "cooks"),
    ] {
        home.write(&spell(path), text);
    }
    let index = json!({"agent:main:x": {"sessionId": "g\u{e4}rtchen", "label": "Garden"}});
    home.session("sessions.json", index.to_string());
    home.session(&format!("{}.jsonl", spell("g\u{e4}rtchen")), transcript("g", 2));
    home.write(&spell("agents/k\u{f6}chin/sessions/k.jsonl"), transcript("k", 1));
}

fn apart(name: &str) -> String {
    [
        ("\u{fc}", "u\u{308}"),
        ("\u{dc}", "U\u{308}"),
        ("\u{e4}", "a\u{308}"),
        ("\u{f6}", "o\u{308}"),
        ("\u{fb}", "u\u{302}"),
        ("\u{e9}", "e\u{301}"),
    ]
    .iter()
    .fold(name.to_owned(), |name, (whole, apart)| name.replace(whole, apart))
}

#[test]
fn a_home_is_the_same_whichever_way_its_names_are_spelled() {
    let whole = |name: &str| name.to_owned();
    let spellings: [&dyn Fn(&str) -> String; 2] = [&whole, &apart];
    for (first, then) in [(0, 1), (1, 0)] {
        let (home, mut desk) = (Home::new(), Desk::new());
        write_home(&home, spellings[first]);
        desk.import(&home.path());
        assert_eq!(desk.report.failed(), 0, "{:#?}", desk.items);
        assert_eq!(desk.report.count(What::Agent, Outcome::New), 2);
        assert_eq!(desk.report.count(What::Skill, Outcome::New), 1);
        assert_eq!(desk.device.skills(false).unwrap()[0].title, "br\u{fb}l\u{e9}e");
        desk.titled("Garden");
        let before = desk.state();
        write_home(&home, spellings[then]);
        desk.import(&home.path());
        assert_eq!((desk.report.changed(), desk.report.failed()), (0, 0), "{:#?}", desk.items);
        assert_eq!(desk.state(), before);
        let kept = desk.items.iter().filter(|item| item.outcome == Outcome::Kept);
        assert_eq!(kept.count(), 0, "nothing is gone");
        home.write(&spellings[then]("B\u{fc}ro/\u{dc}bung.md"), "practice more");
        desk.import(&home.path());
        assert_eq!(desk.report.changed(), 2, "the file and its agent: {:#?}", desk.items);
    }
}

#[test]
fn two_names_in_one_folder_that_differ_in_spelling_alone_both_stay() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for name in ["\u{e9}", "e\u{301}"] {
        home.write(&format!("workspace/{name}.md"), name);
        home.write(&format!("workspace/skills/{name}/SKILL.md"), name);
        home.session(&format!("{name}.jsonl"), transcript(name, 1));
    }
    desk.import(&home.path());
    let agent = desk.device.agents(false).unwrap().remove(0);
    let now = desk.now();
    assert_eq!(desk.device.show_agent(agent.id, now).unwrap().files.len(), 2);
    assert_eq!((desk.device.skills(false).unwrap().len(), desk.device.list(false).unwrap().len()), (2, 2));
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!((desk.report.changed(), desk.state()), (0, before));
}

#[test]
fn names_that_differ_in_capitals_are_two() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.write("workspace/\u{dc}bung.md", "one");
    home.write("workspace/\u{fc}bung.md", "two");
    desk.import(&home.path());
    let agent = desk.device.agents(false).unwrap().remove(0);
    let now = desk.now();
    assert_eq!(desk.device.show_agent(agent.id, now).unwrap().files.len(), 2);
}
