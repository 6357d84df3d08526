//! Folders of skills that all agents have: the state directory's, the person's own, and those that the settings name.

use crate::openclaw::home::place::{Away, Home};
use crate::openclaw::home::settings::Settings;
use crate::tree::Tree;
use crate::{Item, Reporter, What};

/// The state directory's own, which OpenClaw calls managed skills.
const MANAGED: &str = "skills";

/// The folder of skills in the home folder, shared with other assistants.
const PERSONAL: &str = ".agents/skills";

/// A folder of skills.
#[derive(Debug)]
pub(crate) struct SkillFolder {
    pub(crate) tree: Tree,
    /// How the report calls it.
    pub(crate) shown: String,
    /// What its skills are remembered by; empty for the state directory's own.
    pub(crate) owner: String,
}

/// Every such folder there is, in OpenClaw's order: of skills with one name it uses the first. A folder that is not read is
/// reported.
pub(crate) fn all(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    settings: &Settings,
    settings_file: &str,
) -> Vec<SkillFolder> {
    let mut folders = Vec::new();
    if let Some(person) = home.state.home() {
        let shown = format!("~/{PERSONAL}");
        match home.outside(&person.join(PERSONAL)) {
            Ok(tree) => folders.push(of(tree, shown)),
            Err(Away::Refused(why)) if person.join(PERSONAL).is_dir() => {
                report.item(&Item::failed(What::Skill, shown, why));
            }
            Err(_) => {}
        }
    }
    match home.inside(MANAGED) {
        Ok(tree) => folders.push(SkillFolder { owner: String::new(), ..of(tree, MANAGED.to_owned()) }),
        Err(Away::Missing) => {}
        Err(why) => report.item(&Item::failed(What::Skill, MANAGED, why.to_string())),
    }
    for (at, text) in &settings.skill_folders {
        let place = home.place(text);
        match home.open_for_files(&place) {
            Ok(tree) => folders.push(of(tree, place.shown(text))),
            Err(why) => {
                let outcome = why.outcome();
                let why = format!("skills in {text}: {why}");
                report.item(&Item::new(What::Skill, outcome, settings_file).because(why).at(at));
            }
        }
    }
    folders
}

fn of(tree: Tree, shown: String) -> SkillFolder {
    SkillFolder { tree, owner: shown.clone(), shown }
}
