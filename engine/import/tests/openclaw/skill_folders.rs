//! Skills that all agents have: OpenClaw's own folder of them, the person's, and those that the settings name.

use std::fs;
use std::path::Path;

use bowline_import::openclaw::{Options, StateDir};
use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home};

fn skill(folder: &Path, name: &str) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("SKILL.md"), format!("---\nname: {name}\n---\n# {name}\n")).unwrap();
}

fn names(desk: &Desk) -> Vec<String> {
    let mut names: Vec<_> = desk.device.skills(false).unwrap().into_iter().map(|row| row.title).collect();
    names.sort();
    names
}

/// As OpenClaw finds it, with the folder that the home lies in as the person's home.
fn found(home: &Home) -> StateDir {
    StateDir::find(&|_| None, Some(home.outer())).unwrap()
}

/// A home with a skill in each of the places.
fn everywhere() -> Home {
    let home = Home::new();
    let (personal, team) = (home.outer().join(".agents/skills"), home.outer().join("team"));
    home.write(
        "openclaw.json",
        json!({
            "agents": {"list": [{"id": "main"}]},
            "skills": {"load": {"extraDirs": ["~/team", home.at("more"), "relative", "~/nowhere", "~/single/"]}},
        })
        .to_string(),
    );
    skill(&personal, "mine");
    skill(&team, "nested/ours");
    skill(&home.at("skills"), "managed");
    skill(&home.at("more"), "more");
    skill(&home.at("workspace/skills"), "local");
    skill(home.outer(), "single");
    home
}

#[test]
fn skills_come_from_every_folder_where_openclaw_looks_for_them() {
    let (home, mut desk) = (everywhere(), Desk::new());
    desk.import_from(&found(&home), Options::default());
    assert_eq!(names(&desk), ["local", "managed", "mine", "more", "nested/ours", "single"]);
    let skipped: Vec<_> = desk
        .said(What::Skill)
        .into_iter()
        .filter(|(.., outcome, _)| *outcome == Outcome::Skipped)
        .map(|(_, _, why)| why.to_owned())
        .collect();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert!(skipped[0].contains("~/nowhere: it is not there"));
    let failed =
        desk.said(What::Skill).into_iter().find(|(.., outcome, _)| *outcome == Outcome::Failed).unwrap();
    assert!(failed.2.contains("relative"));

    let before = desk.state();
    desk.import_from(&found(&home), Options::default());
    assert_eq!(desk.state(), before);
    assert_eq!(desk.report.count(What::Skill, Outcome::Unchanged), 6);
}

#[test]
fn skills_outside_of_a_folder_that_somebody_named_come_only_when_asked_for() {
    let (home, mut desk) = (everywhere(), Desk::new());
    desk.import(&home.path());
    assert_eq!(names(&desk), ["local", "managed", "more"]);
    let asked = |why: &str| why.contains("--outside");
    let said = desk.said(What::Skill).into_iter().filter(|(.., why)| asked(why)).count();
    assert_eq!(said, 4, "{:?}", desk.said(What::Skill));
    desk.import_from(&StateDir::at(&home.path()).unwrap(), Options { outside: true });
    assert_eq!(names(&desk).len(), 6);
}

#[test]
fn a_skill_that_is_reached_in_two_ways_is_one() {
    let (home, mut desk) = (Home::new(), Desk::new());
    skill(&home.at("workspace/skills"), "local");
    let twice = [home.at("workspace/skills"), home.at("workspace"), home.at("workspace/skills/local")];
    home.write("openclaw.json", json!({"skills": {"load": {"extraDirs": twice}}}).to_string());
    desk.import(&home.path());
    assert_eq!(names(&desk), ["local"]);
}

#[test]
fn a_folder_of_openclaws_own_or_around_it_is_no_folder_of_skills() {
    let (home, mut desk) = (Home::new(), Desk::new());
    skill(&home.at("credentials"), "wallet");
    let folders = [home.at("credentials"), home.path(), home.outer().to_owned()];
    home.write("openclaw.json", json!({"skills": {"load": {"extraDirs": folders}}}).to_string());
    desk.import_from(&StateDir::at(&home.path()).unwrap(), Options { outside: true });
    assert!(names(&desk).is_empty());
    assert_eq!(desk.report.count(What::Skill, Outcome::Failed), 3);
}
