//! Skills: folders with a `SKILL.md` in them.

use std::collections::BTreeSet;
use std::path::PathBuf;

use bowline_core::document::limits::{DESCRIPTION_MAX, NAME_MAX};
use bowline_device::composed;
use serde::Deserialize;

use crate::openclaw::definitions::folder::{Descend, Kept, Kit, join, walk};
use crate::tree::{Refused, Sort, Tree};
use crate::{Item, Reporter, What, encoding};

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
            report.item(&Item::failed(What::File, here, "it belongs to no skill"));
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
                let why =
                    format!("no skill is looked for more than {DEPTH_MAX} folders deep, as in OpenClaw");
                report.item(&Item::failed(What::File, here, why));
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
    let Some(text) = text.and_then(encoding::text) else {
        report.item(&Item::failed(What::Skill, shown, "its SKILL.md cannot be read"));
        return None;
    };
    let front = front(&text);
    let folder = shown.rsplit(['/', '\\']).next().unwrap_or(&shown);
    let folder = composed(folder).into_owned();
    let bounded = |text: String, limit: usize| text.chars().take(limit / 4).collect::<String>();
    Some(Skill {
        name: bounded(front.name.filter(|name| !name.trim().is_empty()).unwrap_or(folder), NAME_MAX),
        description: front.description.map(|text| bounded(text, DESCRIPTION_MAX)),
        files: kit.files,
        path,
    })
}

/// What is read of the front matter; the whole of it stays in the file.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
struct Front {
    name: Option<String>,
    description: Option<String>,
}

/// The front matter of a skill, between two lines of three dashes: YAML, or else read line by line, as OpenClaw does. Nothing
/// if it does not end.
fn front(text: &str) -> Front {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_fence = |line: &str| line.trim_end() == "---";
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| is_fence(line)) else {
        return Front::default();
    };
    let mut length = 0;
    for line in lines {
        if is_fence(line) {
            let block = text.get(first.len()..first.len() + length).unwrap_or_default();
            return serde_saphyr::from_str(block).unwrap_or_else(|_| in_lines(block));
        }
        length += line.len();
        if length > FRONT_MAX {
            break;
        }
    }
    Front::default()
}

/// Name and description from lines such as `name: value`. A value that is not on its line is in the indented ones below it.
fn in_lines(block: &str) -> Front {
    let mut front = Front::default();
    let mut lines = block.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let mut value = unquoted(value.trim()).to_owned();
        if matches!(value.as_str(), "" | ">" | ">-" | ">+" | "|" | "|-" | "|+") {
            let mut below = Vec::new();
            while let Some(line) = lines.next_if(|line| line.starts_with([' ', '\t'])) {
                below.push(line.trim());
            }
            let separator = if value.starts_with('|') { "\n" } else { " " };
            value = below.join(separator);
        }
        let field = match name {
            "name" => &mut front.name,
            "description" => &mut front.description,
            _ => continue,
        };
        *field = Some(value).filter(|value| !value.is_empty());
    }
    front
}

/// A value without the quotes around it.
fn unquoted(value: &str) -> &str {
    let within = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_matter_gives_name_and_description() {
        let text = "---\nname: trip-planner\ndescription: \"Plan: trips\"\nmetadata: {\"openclaw\": {\"emoji\": \"x\"}}\n---\n# Text\n";
        let read = front(text);
        assert_eq!(
            (read.name.as_deref(), read.description.as_deref()),
            (Some("trip-planner"), Some("Plan: trips"))
        );
        let windows = front("---\r\nname: a\r\n---\r\ntext");
        assert_eq!(windows.name.as_deref(), Some("a"));
    }

    #[test]
    fn front_matter_that_is_not_yaml_is_read_line_by_line() {
        let named = |name: &str, description: Option<&str>| Front {
            name: Some(name.to_owned()),
            description: description.map(str::to_owned),
        };
        for (block, read) in [
            (
                "name: tides\ndescription: Use when: somebody asks",
                named("tides", Some("Use when: somebody asks")),
            ),
            ("name: \"tides\"\ndescription: 'It's high: look'\n", named("tides", Some("It's high: look"))),
            ("name: tides\ndescription: [words] and: more\n", named("tides", Some("[words] and: more"))),
            ("name: 7\nbad: [\ndescription:\n  one: two\n  three\n", named("7", Some("one: two three"))),
            ("name: a\n\tbad: x\ndescription: |\n  one\n  two\n", named("a", Some("one\ntwo"))),
            ("name: a\n- b\n", named("a", None)),
        ] {
            assert_eq!(front(&format!("---\n{block}\n---\ntext")), read, "{block}");
            let windows = format!("---\n{block}\n---\ntext").replace('\n', "\r\n");
            assert_eq!(front(&windows), read, "{block}");
        }
    }

    #[test]
    fn a_skill_without_front_matter_or_a_name_in_it_has_none() {
        for text in ["# No front matter\n", "---\nname: a\n", "---\n- a\n---\n", "---\nname: [\n---\n", ""] {
            assert!(front(text).name.is_none_or(|name| name == "["), "{text:?}");
        }
        let bomb = format!("---\n{}---\n", "a: &x [*x]\n".repeat(3));
        assert_eq!(front(&bomb), Front::default());
    }
}
