//! Where the folders are that OpenClaw's layout or its settings name, and which of them may be read.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use crate::Outcome;
use crate::openclaw::home::find::{NAMES, StateDir, expand};
use crate::openclaw::home::skip;
use crate::tree::{Refused, Sort, Tree};

/// What to import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether workspaces outside of a state directory that somebody named are imported. They always are if the directory was
    /// found where OpenClaw looks for it.
    pub outside: bool,
}

/// The home that is imported from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Home<'a> {
    pub(crate) root: &'a Tree,
    pub(crate) state: &'a StateDir,
    pub(crate) options: Options,
}

/// Why there is nothing to be read where a folder should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// The folder is not there: maybe nothing was ever put into it.
    Missing,
    /// The folder may not be read, or cannot, for this reason.
    Refused(String),
}

impl Away {
    /// What the report says became of the folder: one that is there and was meant to come along has failed.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::Missing => Outcome::Skipped,
            Self::Refused(_) => Outcome::Failed,
        }
    }
}

impl fmt::Display for Away {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Refused::Missing.fmt(f),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

impl From<Refused> for Away {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Missing => Self::Missing,
            refused => Self::Refused(refused.to_string()),
        }
    }
}

impl Home<'_> {
    /// A folder at a path below the state directory. If a link is on the way, it is followed where what lies outside is: it is
    /// how people put a folder onto another disk.
    pub(crate) fn inside(&self, path: &str) -> Result<Tree, Away> {
        match self.root.enter(path) {
            Ok(tree) => Ok(tree),
            Err(Refused::Link) => self.follow(&self.root.real().join(path), "it is a link"),
            Err(refused) => Err(refused.into()),
        }
    }

    /// A folder anywhere, such as the person's skills.
    pub(crate) fn outside(&self, path: &Path) -> Result<Tree, Away> {
        self.follow(path, "it lies outside of the folder you named")
    }

    fn follow(&self, path: &Path, is: &str) -> Result<Tree, Away> {
        if self.state.is_named() && !self.options.outside {
            return Err(Away::Refused(format!("{is}: say --outside to import it")));
        }
        let tree = Tree::open(path).map_err(Refused::from)?;
        if self.root.real().starts_with(tree.real()) {
            let why = "OpenClaw's own state is in it: such a folder is not imported";
            return Err(Away::Refused(why.to_owned()));
        }
        Ok(tree)
    }

    /// Where a path of the settings leads.
    pub(crate) fn place(&self, text: &str) -> Place {
        place(text, self.state, self.root.real())
    }

    /// The folder at a place.
    pub(crate) fn open(&self, place: &Place) -> Result<Tree, Away> {
        match place {
            Place::Inside(path) => self.inside(path),
            Place::Outside(path) => self.outside(path),
            Place::Relative => {
                let why = "a path that is not absolute, and depends on where OpenClaw is started";
                Err(Away::Refused(why.to_owned()))
            }
        }
    }

    /// Opens a folder for what people and agents write, such as a workspace; refuses those that OpenClaw keeps for itself.
    pub(crate) fn open_for_files(&self, place: &Place) -> Result<Tree, Away> {
        let own = || {
            let why = "it is a folder of OpenClaw's own, in which no files of people are looked for";
            Err(Away::Refused(why.to_owned()))
        };
        if matches!(place, Place::Inside(path) if is_openclaws_own(Path::new(path))) {
            return own();
        }
        let tree = self.open(place)?;
        match tree.real().strip_prefix(self.root.real()) {
            Ok(path) if is_openclaws_own(path) => own(),
            _ => Ok(tree),
        }
    }

    /// Whether something in the state directory is a folder, or leads to one that is read.
    pub(crate) fn is_folder(&self, path: &str, sort: Sort) -> bool {
        match sort {
            Sort::Folder => true,
            Sort::Link => self.inside(path).is_ok(),
            Sort::File | Sort::Special => false,
        }
    }
}

/// Whether a path in the state directory leads to what OpenClaw keeps there for itself, as sign-ins or sessions.
fn is_openclaws_own(path: &Path) -> bool {
    let names: Option<Vec<&str>> = path.iter().map(|name| name.to_str()).collect();
    match names.as_deref() {
        None | Some([] | ["state" | "cron", ..] | ["agents"]) => true,
        Some(["agents", of_agent @ ..]) => matches!(of_agent, [_] | [_, "sessions" | "agent", ..]),
        Some([name, below @ ..]) => {
            skip::in_state(name).is_some() || below.iter().any(|name| skip::anywhere(name).is_some())
        }
    }
}

/// Where a path of the settings leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Into the state directory: the rest of the path, with `/`.
    Inside(String),
    Outside(PathBuf),
    /// Somewhere that depends on where OpenClaw is started, so nobody knows.
    Relative,
}

impl Place {
    /// How the report calls the place: by its path below the state directory if it is there, else as the settings have it.
    pub(crate) fn shown(&self, text: &str) -> String {
        match self {
            Self::Inside(path) => path.clone(),
            Self::Outside(_) | Self::Relative => text.trim_end_matches(['/', '\\']).to_owned(),
        }
    }
}

/// Finds out where a path of the settings leads. It may have been written on another machine, with another home: what follows
/// a folder that is called like a state directory is looked for in this one.
fn place(text: &str, state: &StateDir, real: &Path) -> Place {
    let path = expand(Path::new(text.trim()), state.home());
    for base in [state.path(), real] {
        if let Ok(rest) = path.strip_prefix(base) {
            return inside(rest.components());
        }
    }
    let windows: PathBuf;
    let is_windows = text.get(1..3) == Some(":\\");
    let path = if is_windows {
        windows = Path::new("/").join(text.replace('\\', "/"));
        &windows
    } else {
        &path
    };
    let own = real.file_name();
    let is_state = |name: &std::ffi::OsStr| {
        Some(name) == own
            || NAMES.iter().any(|known| name == *known)
            || (name.to_string_lossy().starts_with(".openclaw-") && !is_profile(own))
    };
    let mut components = path.components();
    while let Some(component) = components.next() {
        if let Component::Normal(name) = component
            && is_state(name)
        {
            return inside(components);
        }
    }
    if path.is_absolute() && !is_windows { Place::Outside(path.clone()) } else { Place::Relative }
}

/// Whether a name is that of a state directory with a profile: each profile has a directory of its own.
fn is_profile(name: Option<&std::ffi::OsStr>) -> bool {
    name.is_some_and(|name| {
        NAMES.iter().any(|known| name == *known) || name.to_string_lossy().starts_with(".openclaw-")
    })
}

fn inside(rest: std::path::Components<'_>) -> Place {
    let mut names = Vec::new();
    for component in rest {
        match component {
            Component::Normal(name) => names.push(name.to_string_lossy().into_owned()),
            Component::CurDir => {}
            _ => return Place::Relative,
        }
    }
    Place::Inside(names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Place {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".openclaw");
        std::fs::create_dir_all(path.join("agents")).unwrap();
        let state = StateDir::at(&path).unwrap();
        place(
            &text.replace("HOME", &home.path().display().to_string()),
            &state,
            &path.canonicalize().unwrap(),
        )
    }

    #[test]
    fn a_path_that_was_written_under_another_home_is_looked_for_here() {
        for text in [
            "/home/ada/.openclaw/workspace",
            "HOME/.openclaw/workspace",
            "~/.openclaw/workspace",
            "/Users/ada/.clawdbot/workspace",
            "C:\\Users\\Ada\\.openclaw\\workspace",
        ] {
            assert_eq!(at(text), Place::Inside("workspace".to_owned()), "{text}");
        }
        assert_eq!(at("/home/ada/.openclaw"), Place::Inside(String::new()));
    }

    #[test]
    fn a_path_elsewhere_is_outside_and_one_with_dots_is_none() {
        assert_eq!(at("/srv/clawd"), Place::Outside(PathBuf::from("/srv/clawd")));
        assert_eq!(
            at("/home/ada/.openclaw-work/workspace"),
            Place::Outside("/home/ada/.openclaw-work/workspace".into())
        );
        assert_eq!(at("clawd"), Place::Relative);
        assert_eq!(at("D:\\clawd"), Place::Relative);
        assert_eq!(at("/home/ada/.openclaw/../../etc"), Place::Relative);
    }
}
