//! An agent's workspace: its files, the personal ones among them, and where its skills are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::openclaw::definitions::agents::Workspace;
use crate::openclaw::definitions::folder::{Descend, Kit, walk};
use crate::tree::{Sort, Tree};
use crate::{Item, Reporter, What};

/// What is in a workspace.
#[derive(Debug)]
pub(crate) struct Contents {
    /// What the agent works from.
    pub(crate) files: Kit,
    /// What the agent knows about its person.
    pub(crate) personal: Kit,
    /// Folders of skills, each with its path from the workspace.
    pub(crate) skills: Vec<(Tree, String)>,
    /// How the report calls the workspace.
    pub(crate) shown: String,
}

/// Reads a workspace, and reports what stays where it is. `all` are the workspaces of all agents, by where they really are.
pub(crate) fn read(report: &mut Reporter<'_>, workspace: Workspace, all: &BTreeSet<PathBuf>) -> Contents {
    let mut contents = Contents {
        files: Kit::of_texts("an agent"),
        personal: Kit::of_texts("a memory"),
        skills: Vec::new(),
        shown: String::new(),
    };
    let (tree, shown) = match workspace {
        Workspace::At(tree, shown, _) => (tree, shown),
        Workspace::SharedWith(owner, shown) => {
            let why = format!("it is the workspace of {owner} as well, with which its files are imported");
            report.item(&Item::skipped(What::File, shown, why));
            return contents;
        }
        Workspace::Nowhere(shown, why) => {
            report.item(&Item::new(What::File, why.outcome(), shown).because(why.to_string()));
            return contents;
        }
    };
    let (files, personal, skills) = (&mut contents.files, &mut contents.personal, &mut contents.skills);
    let mut workspaces = vec![String::new()];
    walk(report, tree, &shown, &mut |report, tree, found, path| {
        let here = format!("{shown}/{path}");
        match found.sort {
            Sort::Folder if path == "skills" || path == ".agents/skills" => {
                match tree.enter(&found.name) {
                    Ok(folder) => skills.push((folder, path.to_owned())),
                    Err(why) => report.item(&Item::failed(What::Skill, here, why.to_string())),
                }
                Descend::No
            }
            Sort::Folder if all.contains(&tree.real().join(&found.name)) => {
                let why = "it is the workspace of another agent, with which its files are imported";
                report.item(&Item::skipped(What::File, here, why));
                Descend::No
            }
            Sort::Folder => {
                if tree.enter(&found.name).is_ok_and(|folder| is_workspace(&folder)) {
                    workspaces.push(format!("{path}/"));
                }
                Descend::Yes
            }
            _ => {
                let within = workspaces.iter().filter_map(|workspace| path.strip_prefix(workspace.as_str()));
                let is_personal = within.into_iter().any(is_personal);
                let kit = if is_personal { &mut *personal } else { &mut *files };
                kit.take(report, tree, found, path, &here);
                Descend::No
            }
        }
    });
    contents.files.report_beyond(report);
    contents.personal.report_beyond(report);
    contents.shown = shown;
    contents
}

/// Whether a folder is one in which OpenClaw has worked: maybe the workspace of an agent that is no more.
fn is_workspace(folder: &Tree) -> bool {
    ["SOUL.md", "IDENTITY.md", "USER.md"].iter().any(|name| folder.sort_of(name) == Ok(Sort::File))
}

/// Whether a file of a workspace is about the person: such files never go along when an agent is shared.
fn is_personal(path: &str) -> bool {
    let lower = path.to_lowercase();
    matches!(lower.as_str(), "user.md" | "memory.md") || lower.starts_with("memory/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_the_person_is_told_by_its_path() {
        for path in ["USER.md", "MEMORY.md", "memory.md", "memory/2026-03-14.md", "memory/deep/er.md"] {
            assert!(is_personal(path), "{path}");
        }
        for path in ["AGENTS.md", "notes/USER.md", "memories/x.md", "USER.md.txt", "memory"] {
            assert!(!is_personal(path), "{path}");
        }
    }
}
