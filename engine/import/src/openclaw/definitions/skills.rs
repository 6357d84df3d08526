//! Skills: folders with a `SKILL.md` in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bowline_core::document::limits::{DESCRIPTION_MAX, NAME_MAX};
use serde::Deserialize;

use crate::openclaw::definitions::folder::{Descend, Kept, Kit, join, walk};
use crate::tree::{Refused, Sort, Tree};
use crate::{Item, Reporter, What};

/// How deep a skill may lie below the folder of skills, as in OpenClaw.
const DEPTH_MAX: usize = 6;

/// Bytes of front matter that are looked at.
const FRONT_MAX: usize = 64 << 10;

/// The file that makes a folder a skill.
const SKILL_FILE: &str = "SKILL.md";

/// A skill that was read.
#[derive(Debug)]
pub(crate) struct Skill {
    /// Where it lies below the folder of skills.
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) files: Vec<Kept>,
}

/// Reads all skills in a folder, or the folder as a skill if it is one, except for those whose real places are in `read`
/// already. What belongs to no skill is reported.
pub(crate) fn read(
    report: &mut Reporter<'_>,
    tree: Tree,
    shown: &str,
    read: &mut BTreeSet<PathBuf>,
) -> Vec<Skill> {
    let mut roots = Vec::new();
    if tree.sort_of(SKILL_FILE) == Ok(Sort::File) {
        roots.push((tree, String::new()));
    } else {
        find(report, tree, shown, &mut roots);
    }
    roots.retain(|(tree, _)| read.insert(tree.real().to_owned()));
    roots.into_iter().filter_map(|(tree, path)| one(report, tree, path, shown)).collect()
}

/// Finds the skills below a folder.
fn find(report: &mut Reporter<'_>, tree: Tree, shown: &str, roots: &mut Vec<(Tree, String)>) {
    walk(report, tree, shown, &mut |report, tree, found, path| {
        let here = join(shown, path);
        if found.sort != Sort::Folder {
            report.item(&Item::skipped(What::File, here, "it belongs to no skill"));
            return Descend::No;
        }
        let folder = match tree.enter(&found.name) {
            Ok(folder) => folder,
            Err(why) => {
                report.item(&Item::failed(What::Skill, here, why.to_string()));
                return Descend::No;
            }
        };
        match folder.sort_of(SKILL_FILE) {
            Ok(Sort::File) => {
                roots.push((folder, path.to_owned()));
                Descend::No
            }
            Ok(_) => {
                report.item(&Item::failed(
                    What::Skill,
                    join(&here, SKILL_FILE),
                    Refused::Special.to_string(),
                ));
                Descend::No
            }
            Err(_) if path.split('/').count() >= DEPTH_MAX => {
                report.item(&Item::skipped(What::File, here, "no skill is looked for so deep"));
                Descend::No
            }
            Err(_) => Descend::Yes,
        }
    });
}

fn one(report: &mut Reporter<'_>, tree: Tree, path: String, shown: &str) -> Option<Skill> {
    let shown = join(shown, &path);
    let mut kit = Kit::of_files("a skill");
    walk(report, tree, &shown, &mut |report, tree, found, path| {
        if found.sort == Sort::File {
            kit.take(report, tree, found, path, &join(&shown, path));
        }
        Descend::Yes
    });
    kit.report_beyond(report);
    let text =
        kit.files.iter().find(|file| file.path.as_str() == SKILL_FILE).map(|file| file.content.as_slice());
    let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) else {
        report.item(&Item::failed(What::Skill, shown, "its SKILL.md cannot be read"));
        return None;
    };
    let front = front(text).unwrap_or_else(|why| {
        report.item(&Item::failed(What::Setting, join(&shown, SKILL_FILE), why));
        Front::default()
    });
    let folder = shown.rsplit(['/', '\\']).next().unwrap_or(&shown).to_owned();
    let bounded = |text: String, limit: usize| text.chars().take(limit / 4).collect::<String>();
    Some(Skill {
        name: bounded(front.name.filter(|name| !name.trim().is_empty()).unwrap_or(folder), NAME_MAX),
        description: front.description.map(|text| bounded(text, DESCRIPTION_MAX)),
        files: kit.files,
        path,
    })
}

/// What is read of the front matter; the whole of it stays in the file.
#[derive(Debug, Default, Deserialize)]
struct Front {
    name: Option<String>,
    description: Option<String>,
}

/// The front matter of a skill: YAML between two lines of three dashes.
fn front(text: &str) -> Result<Front, String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else {
        return Ok(Front::default());
    };
    let mut length = 0;
    for line in lines {
        if is_fence(line) {
            let yaml = text.get(first.len()..first.len() + length).unwrap_or_default();
            return serde_saphyr::from_str(yaml)
                .map_err(|_| "its front matter is not YAML with a name in it".to_owned());
        }
        length += line.len();
        if length > FRONT_MAX {
            break;
        }
    }
    Err("its front matter does not end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_matter_gives_name_and_description() {
        let text = "---\nname: trip-planner\ndescription: \"Plan: trips\"\nmetadata: {\"openclaw\": {\"emoji\": \"x\"}}\n---\n# Text\n";
        let read = front(text).unwrap();
        assert_eq!(
            (read.name.as_deref(), read.description.as_deref()),
            (Some("trip-planner"), Some("Plan: trips"))
        );
        let windows = front("\u{feff}---\r\nname: a\r\n---\r\ntext").unwrap();
        assert_eq!(windows.name.as_deref(), Some("a"));
    }

    #[test]
    fn a_skill_without_front_matter_has_none_and_a_broken_one_is_said() {
        assert!(front("# No front matter\n").unwrap().name.is_none());
        for text in ["---\nname: [\n---\n", "---\nname: a\n", "---\n- a\n---\n"] {
            assert!(front(text).is_err(), "{text:?}");
        }
        let bomb = format!("---\n{}---\n", "a: &x [*x]\n".repeat(3));
        assert!(front(&bomb).is_err() || front(&bomb).unwrap().name.is_none());
    }
}
