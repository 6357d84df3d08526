//! Folders of skills that all agents have: the state directory's, the person's own, and those that the settings name.

use std::path::Path;

use super::Options;
use super::agents::{Place, is_openclaws_own, place};
use super::find::StateDir;
use super::settings::Settings;
use super::tree::{Refused, Tree};
use crate::import::{Item, Taking, What};

/// The state directory's own, which OpenClaw calls managed skills.
const MANAGED: &str = "skills";

/// The one of the home folder, shared with other assistants.
const PERSONAL: &str = ".agents/skills";

/// A folder of skills.
#[derive(Debug)]
pub(super) struct SkillFolder {
    pub(super) tree: Tree,
    /// How the report calls it.
    pub(super) shown: String,
    /// What its skills are remembered by; empty for the state directory's own.
    pub(super) owner: String,
}

/// What is imported from, and how much of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Home<'a> {
    pub(super) root: &'a Tree,
    pub(super) state: &'a StateDir,
    pub(super) settings: &'a Settings,
    /// The settings' file.
    pub(super) file: &'a str,
    pub(super) options: Options,
}

/// Every such folder there is, in the order in which the first skill of a name is the one that OpenClaw uses. One that is not
/// read is said.
pub(super) fn all(taking: &mut Taking<'_>, home: Home<'_>) -> Vec<SkillFolder> {
    let mut folders = Vec::new();
    if let Some(folder) = home.state.home() {
        let path = folder.join(PERSONAL);
        if path.is_dir() {
            match outside(home, &path) {
                Ok(tree) => folders.push(of(tree, format!("~/{PERSONAL}"))),
                Err(why) => taking.item(&Item::skipped(What::Skill, format!("~/{PERSONAL}"), why)),
            }
        }
    }
    match home.root.enter(MANAGED) {
        Ok(tree) => folders.push(SkillFolder { owner: String::new(), ..of(tree, MANAGED.to_owned()) }),
        Err(Refused::Missing) => {}
        Err(why) => taking.item(&Item::failed(What::Skill, MANAGED, why.to_string())),
    }
    for (at, text) in &home.settings.skill_folders {
        match named(home, text) {
            Ok(tree) => folders.push(of(tree, text.trim_end_matches(['/', '\\']).to_owned())),
            Err(why) => {
                let why = format!("skills in {text}: {why}");
                taking.item(&Item::skipped(What::Skill, home.file, why).at(at));
            }
        }
    }
    folders
}

fn of(tree: Tree, shown: String) -> SkillFolder {
    SkillFolder { tree, owner: shown.clone(), shown }
}

/// A folder that the settings name.
fn named(home: Home<'_>, text: &str) -> Result<Tree, String> {
    match place(text, home.state, home.root.real()) {
        Place::Inside(path) if is_openclaws_own(&path) => {
            Err("it is a folder of OpenClaw's own, in which no skills are looked for".to_owned())
        }
        Place::Inside(path) => home.root.enter(&path).map_err(|why| why.to_string()),
        Place::Relative => {
            Err("a path that is not absolute, and depends on where OpenClaw is started".to_owned())
        }
        Place::Outside(path) => outside(home, &path),
    }
}

/// A folder outside of the state directory.
fn outside(home: Home<'_>, path: &Path) -> Result<Tree, String> {
    if home.state.is_named() && !home.options.outside {
        return Err("it lies outside of the folder you named: say --outside to import it".to_owned());
    }
    match Tree::open(path) {
        Ok(tree) if home.root.real().starts_with(tree.real()) => {
            Err("OpenClaw's own state is in it: in such a folder no skills are looked for".to_owned())
        }
        Ok(tree) => Ok(tree),
        Err(error) => Err(Refused::from(error).to_string()),
    }
}
