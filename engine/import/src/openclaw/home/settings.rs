//! `openclaw.json`: which agents there are and where their workspaces lie. It may be missing, broken, or spread over files.

use bowline_device::composed;
use serde_json::{Map, Value};

use crate::json::{self, parse};
use crate::openclaw::home::find::{SETTINGS, StateDir};
use crate::secrets::{self, Around};
use crate::tree::{Refused, Tree};
use crate::{Item, What};

/// Bytes of a settings file. OpenClaw's own have some kilobytes.
const SETTINGS_MAX: u64 = 4 << 20;

/// How deep files may include each other, as OpenClaw has it.
const INCLUDE_DEPTH: usize = 10;

/// Files that may be included altogether.
const INCLUDES_MAX: usize = 100;

/// What is taken from the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    /// The agents that are listed, in their order.
    pub(crate) agents: Vec<Listed>,
    /// The agent that counts where none is named.
    pub(crate) default_agent: String,
    /// The workspace of that agent, if it has none of its own.
    pub(crate) default_workspace: Option<String>,
    /// The model of agents that have none of their own.
    pub(crate) default_model: Option<Value>,
    /// Folders of skills elsewhere, where each is set.
    pub(crate) skill_folders: Vec<(String, String)>,
}

/// An agent in the settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Listed {
    pub(crate) id: String,
    /// Everything that the settings say about the agent.
    pub(crate) members: Map<String, Value>,
    /// Where the settings say it, as `agents.entries.main`.
    pub(crate) at: String,
}

impl Listed {
    /// A text among its members.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty())
    }
}

/// Reads the settings, and reports what is wrong with them and which secrets are in there. The second part of the result is
/// the name of the file they are in.
pub(crate) fn read(root: &Tree, state: &StateDir, items: &mut Vec<Item>) -> (Settings, Option<String>) {
    let elsewhere = state.settings().and_then(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((Tree::open(path.parent()?), name))
    });
    let (tree, name) = match elsewhere {
        Some((Ok(tree), name)) => (tree, name),
        Some((Err(error), name)) => {
            items.push(Item::failed(What::Setting, name, Refused::from(error).to_string()));
            return (of(&Value::Null), None);
        }
        None => {
            let name = SETTINGS.iter().find(|name| root.sort_of(name) != Err(Refused::Missing));
            let Some(name) = name else {
                let why = "it is not there: agents are known by their folders alone";
                items.push(Item::skipped(What::Setting, SETTINGS[0], why));
                return (of(&Value::Null), None);
            };
            match root.enter("") {
                Ok(tree) => (tree, (*name).to_owned()),
                Err(refused) => {
                    items.push(Item::failed(What::Setting, *name, refused.to_string()));
                    return (of(&Value::Null), None);
                }
            }
        }
    };
    let mut files = Files { tree: &tree, items, left: INCLUDES_MAX };
    let value = files.load(&name, 0, Around::Nothing).unwrap_or_default();
    (of(&value), Some(name))
}

/// What is taken from the settings once they are one value.
fn of(value: &Value) -> Settings {
    let at = |path: &str| value.pointer(path);
    let mut listed = Vec::new();
    for (index, entry) in at("/agents/list").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let id = entry.get("id").and_then(Value::as_str);
        if let (Some(members), Some(id)) = (entry.as_object(), id) {
            let at = json::element("agents.list", index);
            listed.push(Listed { id: normal(id), members: members.clone(), at });
        }
    }
    for (id, entry) in at("/agents/entries").and_then(Value::as_object).into_iter().flatten() {
        if let Some(members) = entry.as_object() {
            let at = json::member("agents.entries", id);
            listed.push(Listed { id: normal(id), members: members.clone(), at });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    listed.retain(|agent| seen.insert(agent.id.clone()));
    let is_default = |agent: &&Listed| agent.members.get("default") == Some(&Value::Bool(true));
    let main = listed.iter().find(|agent| agent.id == "main");
    let default = listed.iter().find(is_default).or(main).or(listed.first());
    let folders = at("/skills/load/extraDirs").and_then(Value::as_array).into_iter().flatten().enumerate();
    Settings {
        default_agent: default.map_or_else(|| "main".to_owned(), |agent| agent.id.clone()),
        default_workspace: at("/agents/defaults/workspace").and_then(Value::as_str).map(str::to_owned),
        default_model: at("/agents/defaults/model").filter(|model| !model.is_null()).cloned(),
        skill_folders: folders
            .filter_map(|(index, folder)| {
                Some((json::element("skills.load.extraDirs", index), folder.as_str()?.to_owned()))
            })
            .collect(),
        agents: listed,
    }
}

/// An id in the form in which OpenClaw compares it, whatever its case.
fn normal(id: &str) -> String {
    composed(&id.trim().to_lowercase()).into_owned()
}

/// The files that the settings are spread over.
struct Files<'a> {
    tree: &'a Tree,
    items: &'a mut Vec<Item>,
    /// How many more may be read.
    left: usize,
}

impl Files<'_> {
    /// A file and what it includes, as one value; `None` if it cannot be read, which is reported. `around` is what the names
    /// around its place say about it.
    fn load(&mut self, path: &str, depth: usize, around: Around) -> Option<Value> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let content = self.tree.enter(folder).and_then(|tree| tree.read(name, SETTINGS_MAX));
        let parsed = match content {
            Ok(content) => parse(&content).map_err(|error| error.to_string()),
            Err(refused) => Err(refused.to_string()),
        };
        let mut value = match parsed {
            Ok(value) => value,
            Err(why) => {
                let why = format!("{why}: agents are known by their folders alone");
                self.items.push(Item::failed(What::Setting, path, why));
                return None;
            }
        };
        for at in secrets::scrub_settings(&mut value, around) {
            self.items.push(Item::skipped(What::Secret, path, "a secret of the settings").at(at));
        }
        self.include(&mut value, folder, path, depth, around);
        Some(value)
    }

    /// Puts what `$include` names into its place, wherever one stands.
    fn include(&mut self, value: &mut Value, folder: &str, file: &str, depth: usize, around: Around) {
        match value {
            Value::Array(items) => {
                for item in items {
                    self.include(item, folder, file, depth, around);
                }
            }
            Value::Object(members) => {
                for (name, value) in members.iter_mut() {
                    self.include(value, folder, file, depth, around.below(name));
                }
                let names = match members.remove("$include") {
                    None => return,
                    Some(Value::Array(names)) => names,
                    Some(name) => vec![name],
                };
                let mut merged = Value::Object(Map::new());
                for name in names {
                    if let Some(included) = self.included(&name, folder, file, depth, around) {
                        merge(&mut merged, included);
                    }
                }
                merge(&mut merged, Value::Object(std::mem::take(members)));
                *value = merged;
            }
            _ => {}
        }
    }

    fn included(
        &mut self,
        name: &Value,
        folder: &str,
        file: &str,
        depth: usize,
        around: Around,
    ) -> Option<Value> {
        let why = match name.as_str().map(|name| (name, within(folder, name))) {
            None => "an $include that names no file",
            Some((_, None)) => "an $include that leads out of the folder of the settings",
            Some(_) if depth == INCLUDE_DEPTH || self.left == 0 => "too many files that include each other",
            Some((_, Some(path))) => {
                self.left -= 1;
                return self.load(&path, depth + 1, around);
            }
        };
        self.items.push(Item::failed(What::Setting, file, why).at("$include"));
        None
    }
}

/// `name` seen from `folder`, as a path from the folder of the settings; `None` if it leads out of that.
fn within(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if name.starts_with('/') || name.contains('\\') {
        return None;
    }
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Merges one value into another: objects member by member; of anything else the later one counts.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;
    use std::fs;

    fn settings(files: &[(&str, &str)]) -> (Settings, Vec<Item>) {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir_all(home.path().join("agents")).unwrap();
        for (name, text) in files {
            let path = home.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut items = Vec::new();
        let tree = Tree::open(home.path()).unwrap();
        let (settings, _) = read(&tree, &StateDir::at(home.path()).unwrap(), &mut items);
        (settings, items)
    }

    fn ids(settings: &Settings) -> Vec<&str> {
        settings.agents.iter().map(|agent| agent.id.as_str()).collect()
    }

    #[test]
    fn agents_are_listed_in_an_array_or_in_a_map() {
        let (old, _) =
            settings(&[("openclaw.json", "{agents: {list: [{id: 'Main'}, {id: 'two', default: true}, 7]}}")]);
        assert_eq!((ids(&old), old.default_agent.as_str()), (vec!["main", "two"], "two"));
        let (new, _) =
            settings(&[("openclaw.json", r#"{"agents":{"entries":{"main":{},"two":{"name":"Two"}}}}"#)]);
        assert_eq!((ids(&new), new.default_agent.as_str()), (vec!["main", "two"], "main"));
        assert_eq!(new.agents[1].text("name"), Some("Two"));
        assert_eq!(new.agents[1].at, "agents.entries.two");
    }

    #[test]
    fn settings_under_an_old_name_are_read() {
        let (settings, items) = settings(&[("clawdbot.json", "{agents: {list: [{id: 'a'}]}}")]);
        assert_eq!((ids(&settings), items.len()), (vec!["a"], 0));
    }

    #[test]
    fn missing_and_broken_settings_are_said_and_nothing_of_them_is_repeated() {
        let (none, items) = settings(&[]);
        assert_eq!((none.default_agent.as_str(), items[0].outcome), ("main", Outcome::Skipped));
        let (_, items) = settings(&[("openclaw.json", "{gateway: {token: 'FAKE-1' ")]);
        assert_eq!(items[0].outcome, Outcome::Failed);
        assert!(!format!("{items:?}").contains("FAKE"));
    }

    #[test]
    fn secrets_are_listed_with_file_and_path_and_are_gone_from_what_is_read() {
        let text = "{$include: './more.json5', agents: {list: [{id: 'a', params: {apiKey: 'FAKE-1'}}]}}";
        let (settings, items) =
            settings(&[("openclaw.json", text), ("more.json5", "{hooks: {token: 'FAKE-2'}}")]);
        let listed: Vec<_> =
            items.iter().map(|item| (item.path.as_str(), item.at.as_deref().unwrap())).collect();
        assert_eq!(
            listed,
            [("openclaw.json", "agents.list[0].params.apiKey"), ("more.json5", "hooks.token")]
        );
        assert!(!format!("{settings:?}{items:?}").contains("FAKE"));
    }

    #[test]
    fn included_files_are_merged_under_what_includes_them() {
        let (settings, items) = settings(&[
            (
                "openclaw.json",
                "{agents: {$include: ['parts/a.json5', 'parts/b.json5'], defaults: {workspace: 'mine'}}}",
            ),
            ("parts/a.json5", "{list: [{id: 'a'}], defaults: {workspace: 'theirs', model: 'm'}}"),
            ("parts/b.json5", "{$include: '../c.json5'}"),
            ("c.json5", "{list: [{id: 'c'}]}"),
        ]);
        assert!(items.is_empty(), "{items:?}");
        assert_eq!(ids(&settings), ["c"]);
        assert_eq!(settings.default_workspace.as_deref(), Some("mine"));
        assert_eq!(settings.default_model, Some(Value::from("m")));
    }

    #[test]
    fn no_include_leads_out_and_none_goes_on_for_ever() {
        for name in ["../x.json", "/etc/x.json", "a/../../x.json"] {
            let (_, items) = settings(&[("openclaw.json", &format!("{{$include: '{name}'}}"))]);
            assert!(items[0].why.as_deref().unwrap().contains("leads out"), "{name}");
        }
        let (_, items) = settings(&[(
            "openclaw.json",
            "{a: {$include: 'openclaw.json'}, b: {$include: 'openclaw.json'}}",
        )]);
        assert!(items.iter().any(|item| item.why.as_deref().unwrap().contains("too many")));
        assert!(items.len() < 300);
    }
}
