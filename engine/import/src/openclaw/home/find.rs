//! Where OpenClaw keeps its state: found the way OpenClaw finds it, or named by a person.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Names of the state directory, the present one first.
pub(crate) const NAMES: [&str; 4] = [".openclaw", ".clawdbot", ".moltbot", ".moldbot"];

/// Names of the settings file, the present one first.
pub(crate) const SETTINGS: [&str; 4] = ["openclaw.json", "clawdbot.json", "moltbot.json", "moldbot.json"];

/// OpenClaw's state directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir {
    path: PathBuf,
    /// The settings, where the environment names another file than the one in the directory.
    settings: Option<PathBuf>,
    /// The person's home folder, for paths that begin with `~`.
    home: Option<PathBuf>,
    /// Whether a person named the directory: then what lies outside of it is followed only if they say so.
    named: bool,
}

/// Why there is no state directory. Whoever asked can name one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotFound {
    /// Where OpenClaw would look, there is none.
    #[error("there is no OpenClaw here: looked for {}", list(.0))]
    Nowhere(Vec<PathBuf>),
    /// The environment or a person names a folder that is not there.
    #[error("{0} is not a folder")]
    NoFolder(PathBuf),
    /// The folder is there, and nothing of OpenClaw's is in it.
    #[error("{0} is not a state directory of OpenClaw: it has neither openclaw.json nor agents/ in it")]
    NotOpenClaws(PathBuf),
    /// The home folder is not known, so there is nowhere to look.
    #[error("the home folder is not known: set HOME or name the state directory")]
    NoHome,
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl StateDir {
    /// Looks where OpenClaw looks: `OPENCLAW_STATE_DIR` or its older name; else in the home folder, which
    /// `OPENCLAW_HOME` can move, the profile's that `OPENCLAW_PROFILE` names, `.openclaw`, and what it was called before.
    /// `env` gives a variable of the environment, `home` is the person's home folder.
    pub fn find(env: &dyn Fn(&str) -> Option<OsString>, home: Option<&Path>) -> Result<Self, NotFound> {
        let set = |name| env(name).filter(|value| !value.is_empty());
        let settings = set("OPENCLAW_CONFIG_PATH").map(|path| expand(Path::new(&path), home));
        let moved = set("OPENCLAW_HOME").map(|path| expand(Path::new(&path), home));
        let home = moved.or_else(|| home.map(Path::to_owned));
        let found =
            |path: PathBuf| Self { path, settings: settings.clone(), home: home.clone(), named: false };
        if let Some(path) = set("OPENCLAW_STATE_DIR").or_else(|| set("CLAWDBOT_STATE_DIR")) {
            let path = absolute(&expand(Path::new(&path), home.as_deref()));
            return if path.is_dir() { Ok(found(path)) } else { Err(NotFound::NoFolder(path)) };
        }
        let home = home.as_deref().ok_or(NotFound::NoHome)?;
        let profile = set("OPENCLAW_PROFILE").filter(|profile| profile != "default");
        let candidates: Vec<PathBuf> = match profile {
            Some(profile) => {
                let mut name = OsString::from(".openclaw-");
                name.push(profile);
                // A profile is a name, not a path to somewhere else.
                if Path::new(&name).components().count() != 1 {
                    return Err(NotFound::NoFolder(home.join(name)));
                }
                vec![home.join(name)]
            }
            None => NAMES.iter().map(|name| home.join(name)).collect(),
        };
        match candidates.iter().find(|path| path.is_dir()) {
            Some(path) => Ok(found(path.clone())),
            None => Err(NotFound::Nowhere(candidates)),
        }
    }

    /// A folder that somebody names: the state directory itself, or one that has `.openclaw` in it.
    pub fn at(path: &Path) -> Result<Self, NotFound> {
        let path = &absolute(path);
        if !path.is_dir() {
            return Err(NotFound::NoFolder(path.to_owned()));
        }
        let within = NAMES.iter().map(|name| path.join(name)).find(|inner| is_state(inner));
        let path = match within {
            _ if is_state(path) => path.to_owned(),
            Some(inner) => inner,
            None => return Err(NotFound::NotOpenClaws(path.to_owned())),
        };
        // A copy of somebody's home has their folders beside it.
        let home = path.parent().map(Path::to_owned);
        Ok(Self { path, settings: None, home, named: true })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The settings, where the environment names another file than the one in the directory.
    pub(crate) fn settings(&self) -> Option<&Path> {
        self.settings.as_deref()
    }

    /// The person's home folder.
    pub(crate) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Whether a person named the directory.
    pub(crate) fn is_named(&self) -> bool {
        self.named
    }

    /// The profile that the directory belongs to: what follows `.openclaw-` in its name, and empty for any other name.
    pub(crate) fn profile(&self) -> String {
        let real = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        // The name that was given counts: a profile may be a link to wherever.
        let name = self.path.file_name().or_else(|| real.file_name()).unwrap_or_default().to_string_lossy();
        name.strip_prefix(".openclaw-").unwrap_or_default().to_owned()
    }
}

/// A path made absolute, since what lies beside a folder is found by its path.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn is_state(path: &Path) -> bool {
    let has_settings = SETTINGS.iter().any(|name| path.join(name).is_file());
    has_settings || path.join("agents").is_dir() || path.join("state/openclaw.sqlite").is_file()
}

/// Replaces a leading `~`.
pub(crate) fn expand(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Component;
    use std::{env, fs};

    fn find(vars: &[(&str, &Path)], home: &Path) -> Result<PathBuf, NotFound> {
        let env = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_os_str().to_owned())
        };
        StateDir::find(&env, Some(home)).map(|found| found.path)
    }

    #[test]
    fn it_is_looked_for_where_openclaw_looks_in_that_order() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        assert!(matches!(find(&[], home.path()), Err(NotFound::Nowhere(looked)) if looked.len() == 4));
        for name in [".moldbot", ".clawdbot", ".openclaw", ".openclaw-work", "moved/.openclaw", "elsewhere"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        assert_eq!(find(&[], home.path()), Ok(at(".openclaw")));
        assert_eq!(find(&[("OPENCLAW_PROFILE", Path::new("work"))], home.path()), Ok(at(".openclaw-work")));
        assert_eq!(find(&[("OPENCLAW_PROFILE", Path::new("default"))], home.path()), Ok(at(".openclaw")));
        assert_eq!(find(&[("OPENCLAW_HOME", &at("moved"))], home.path()), Ok(at("moved/.openclaw")));
        let both = [("OPENCLAW_STATE_DIR", at("elsewhere")), ("CLAWDBOT_STATE_DIR", at(".moldbot"))];
        let both = both.each_ref().map(|(name, path)| (*name, path.as_path()));
        assert_eq!(find(&both, home.path()), Ok(at("elsewhere")));
        assert_eq!(
            find(&[("OPENCLAW_STATE_DIR", Path::new("~/.clawdbot"))], home.path()),
            Ok(at(".clawdbot"))
        );
        fs::remove_dir(at(".openclaw")).unwrap();
        assert_eq!(find(&[], home.path()), Ok(at(".clawdbot")));
    }

    #[test]
    fn a_folder_that_is_named_but_not_there_is_said() {
        let home = tempfile::tempdir().unwrap();
        let gone = home.path().join("gone");
        assert_eq!(
            find(&[("OPENCLAW_STATE_DIR", &gone)], home.path()),
            Err(NotFound::NoFolder(gone.clone()))
        );
        assert!(find(&[("OPENCLAW_PROFILE", Path::new("../../etc"))], home.path()).is_err());
        assert_eq!(StateDir::at(&gone), Err(NotFound::NoFolder(gone)));
        assert_eq!(StateDir::at(home.path()), Err(NotFound::NotOpenClaws(home.path().to_owned())));
    }

    #[test]
    fn what_is_named_from_here_is_known_by_where_it_is() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join(".openclaw/agents")).unwrap();
        // From here up to the root, and down again.
        let up: PathBuf = env::current_dir().unwrap().ancestors().skip(1).map(|_| "..").collect();
        let down: PathBuf =
            folder.path().components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let relative = up.join(down).join(".openclaw");
        assert!(relative.is_relative());
        let found = StateDir::at(&relative).unwrap();
        assert!(found.path().is_absolute());
        assert_eq!(found.home().unwrap().canonicalize().unwrap(), folder.path().canonicalize().unwrap());
    }

    #[test]
    fn a_person_may_name_the_directory_or_the_folder_it_is_in() {
        let home = tempfile::tempdir().unwrap();
        let state = home.path().join(".openclaw-work");
        fs::create_dir_all(state.join("agents")).unwrap();
        assert_eq!(StateDir::at(&state).unwrap().profile(), "work");
        fs::create_dir_all(home.path().join(".openclaw/agents")).unwrap();
        let found = StateDir::at(home.path()).unwrap();
        assert_eq!((found.path(), found.profile().as_str()), (home.path().join(".openclaw").as_path(), ""));
    }
}
