//! Agents: what the settings say about each, and the files of its workspace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use bowline_core::document::limits::{JSON_MAX, NAME_MAX};
use bowline_core::document::{AgentValues, Json};
use serde_json::Value;

use crate::openclaw::definitions::schedules::Job;
use crate::openclaw::home::left_out::list;
use crate::openclaw::home::place::{Away, Home, Place};
use crate::openclaw::home::settings::{Listed, Settings};
use crate::secrets::{self, Around};
use crate::spelling::known_as;
use crate::tree::Tree;
use crate::{Item, Reporter, What};

/// Settings of an agent that go with it wherever it runs.
const PARAMS: [&str; 14] = [
    "identity",
    "skills",
    "groupChat",
    "subagents",
    "heartbeat",
    "humanDelay",
    "thinkingDefault",
    "verboseDefault",
    "reasoningDefault",
    "elevatedDefault",
    "fastModeDefault",
    "contextTokens",
    "compaction",
    "params",
];

/// Settings that say where and how an agent runs on this machine, or that are taken over in another way.
const HOST: [&str; 7] = ["workspace", "agentDir", "sandbox", "runtime", "id", "default", "name"];

/// Names of members that hold a path of this machine.
const PATH_NAMES: [&str; 6] = ["workspace", "agentdir", "cwd", "sessionfile", "root", "home"];

/// An agent to be imported.
#[derive(Debug)]
pub(crate) struct Agent {
    pub(crate) id: String,
    pub(crate) listed: Option<Listed>,
    pub(crate) workspace: Workspace,
}

/// Where an agent's workspace is.
#[derive(Debug)]
pub(crate) enum Workspace {
    /// A folder, how the report calls it, and whether it lies in the state directory.
    At(Tree, String, bool),
    /// The agent shares the workspace of the agent named first, and its files are imported with that one; then how the
    /// report calls it.
    SharedWith(String, String),
    /// There is no workspace that may be read: how the report calls it, and why.
    Nowhere(String, Away),
}

/// Every agent there is: those that are listed, and those that have a folder.
pub(crate) fn all(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    settings: &Settings,
    folders: &[String],
) -> Vec<Agent> {
    let mut ids: Vec<String> = settings.agents.iter().map(|agent| agent.id.clone()).collect();
    let of_folders = folders.iter().map(|folder| id_of(folder, folders));
    ids.extend(of_folders.filter(|id| !ids.contains(id)).collect::<Vec<_>>());
    if ids.is_empty() && home.inside("workspace").is_ok() {
        ids.push(settings.default_agent.clone());
    }
    // The default agent comes first, so that a folder that several agents share is its workspace.
    ids.sort_by_key(|id| *id != settings.default_agent);
    let mut owners: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut agents = Vec::new();
    for id in ids {
        if !is_id(&id) {
            let why = "an id that is not a name: letters, digits, - and _ are allowed, 64 at most";
            report.item(&Item::failed(What::Agent, "openclaw.json", why).at(id));
            continue;
        }
        let listed = settings.agents.iter().find(|agent| agent.id == id).cloned();
        let workspace = workspace(home, settings, &id, listed.as_ref());
        let owner = match &workspace {
            Workspace::At(tree, ..) => {
                Some(owners.entry(tree.real().to_owned()).or_insert_with(|| id.clone()))
            }
            _ => None,
        };
        let workspace = match (owner, workspace) {
            (Some(owner), Workspace::At(_, shown, _)) if *owner != id => {
                Workspace::SharedWith(owner.clone(), shown)
            }
            (_, workspace) => workspace,
        };
        agents.push(Agent { id, listed, workspace });
    }
    agents
}

/// The id of the agent that a folder is of.
pub(crate) fn id_of(folder: &str, folders: &[String]) -> String {
    known_as(folder, folders.iter().map(String::as_str)).into_owned()
}

/// Where the workspaces of these agents really are.
pub(crate) fn workspaces(agents: &[Agent]) -> BTreeSet<PathBuf> {
    let real = |agent: &Agent| match &agent.workspace {
        Workspace::At(tree, ..) => Some(tree.real().to_owned()),
        Workspace::SharedWith(..) | Workspace::Nowhere(..) => None,
    };
    agents.iter().filter_map(real).collect()
}

/// Whether an id can be part of a path and of a name.
fn is_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= 64 && !id.starts_with('.') && id.chars().all(is_plain)
}

/// Finds an agent's workspace.
fn workspace(home: Home<'_>, settings: &Settings, id: &str, listed: Option<&Listed>) -> Workspace {
    let is_default = id == settings.default_agent;
    let own = listed.and_then(|agent| agent.text("workspace"));
    let set = own.or(settings.default_workspace.as_deref().filter(|_| is_default));
    let usual = if is_default { "workspace".to_owned() } else { format!("workspace-{id}") };
    let place = set.map_or_else(|| Place::Inside(usual), |set| home.place(set));
    let shown = place.shown(set.unwrap_or_default());
    match home.open_for_files(&place) {
        Ok(tree) => Workspace::At(tree, shown, matches!(place, Place::Inside(_))),
        Err(why) => Workspace::Nowhere(shown, why),
    }
}

/// What is said about an agent, apart from its files.
#[derive(Debug, Default)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) model: Option<String>,
    pub(crate) values: Vec<(AgentValues, String, Json)>,
}

/// Takes over what the settings say about an agent, and its jobs. What is left out is reported.
pub(crate) fn definition(
    report: &mut Reporter<'_>,
    agent: &Agent,
    settings: &Settings,
    file: &str,
    jobs: &[Job],
) -> Definition {
    let empty = Listed { id: agent.id.clone(), members: serde_json::Map::new(), at: String::new() };
    let listed = agent.listed.as_ref().unwrap_or(&empty);
    let identity = listed.members.get("identity").and_then(|identity| identity.get("name")?.as_str());
    let name = identity.filter(|name| !name.trim().is_empty()).or(listed.text("name")).unwrap_or(&agent.id);
    let model = listed.members.get("model").or(settings.default_model.as_ref());
    let model = model.and_then(|model| model.as_str().or_else(|| model.get("primary")?.as_str()));
    let mut values = Vec::new();
    for (name, value) in &listed.members {
        let at = crate::json::member(&listed.at, name);
        match name.as_str() {
            "tools" => {
                for (tool, value) in value.as_object().into_iter().flatten() {
                    let at = crate::json::member(&at, tool);
                    put(report, &mut values, AgentValues::Tools, tool, value, file, &at);
                }
            }
            name if PARAMS.contains(&name) => {
                put(report, &mut values, AgentValues::Params, name, value, file, &at);
            }
            "model" if value["fallbacks"].is_array() => {
                put(
                    report,
                    &mut values,
                    AgentValues::Params,
                    "modelFallbacks",
                    &value["fallbacks"],
                    file,
                    &at,
                );
            }
            "model" if value.is_string() || value["primary"].is_string() => {}
            name if HOST.contains(&name) => {}
            _ => report
                .item(&Item::skipped(What::Setting, file, "a setting that Bowline does not know").at(at)),
        }
    }
    for job in jobs {
        put(report, &mut values, AgentValues::Schedules, &job.id, &job.value, &job.file, &job.id);
    }
    let bounded = |text: &str| text.chars().take(NAME_MAX / 4).collect::<String>();
    Definition { name: bounded(name.trim()), model: model.map(bounded), values }
}

/// Puts one value among those of an agent, without what is secret in it or of this machine.
fn put(
    report: &mut Reporter<'_>,
    values: &mut Vec<(AgentValues, String, Json)>,
    of: AgentValues,
    name: &str,
    value: &Value,
    file: &str,
    at: &str,
) {
    let mut value = value.clone();
    let around = match of {
        // A job's id does not say whether its value is secret.
        AgentValues::Schedules => Around::Nothing,
        _ => Around::Nothing.below(name),
    };
    let is_secret = secrets::has_secret_shape(name);
    let found =
        if is_secret { vec![crate::json::HIDDEN.to_owned()] } else { secrets::scrub(&mut value, at, around) };
    let is_gone = is_secret || (value.is_null() && !found.is_empty());
    for at in found {
        report.item(&Item::skipped(What::Secret, file, "a secret of an agent").at(at));
    }
    if is_gone {
        return;
    }
    without_paths(&mut value);
    match Json::of(&value) {
        _ if name.is_empty() || name.len() > NAME_MAX => {
            report.item(&Item::failed(What::Setting, file, "its name is too long, or empty").at(at));
        }
        Ok(json) => values.push((of, name.to_owned(), json)),
        Err(_) => {
            let why = format!("it has more than {JSON_MAX} bytes");
            report.item(&Item::failed(What::Setting, file, why).at(at));
        }
    }
}

/// Removes members that say where something is on this machine.
fn without_paths(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, value| {
                let is_path = value
                    .as_str()
                    .is_some_and(|text| text.starts_with(['/', '~']) || text.get(1..3) == Some(":\\"));
                !(is_path && PATH_NAMES.contains(&name.to_lowercase().as_str()))
            });
            members.values_mut().for_each(without_paths);
        }
        Value::Array(items) => items.iter_mut().for_each(without_paths),
        _ => {}
    }
}

/// The folders under `agents/`, by name. What is wrong with them is reported.
pub(crate) fn folders(report: &mut Reporter<'_>, home: Home<'_>) -> Vec<String> {
    let tree = match home.inside("agents") {
        Ok(tree) => tree,
        Err(Away::Missing) => return Vec::new(),
        Err(why) => {
            report.item(&Item::failed(What::Conversation, "agents", why.to_string()));
            return Vec::new();
        }
    };
    let mut found = list(report, &tree, "agents");
    found.retain(|found| found.is_text && home.is_folder(&format!("agents/{}", found.name), found.sort));
    found.into_iter().map(|found| found.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_id_is_a_name_and_no_path() {
        for id in ["main", "research-2", "über", "a_b"] {
            assert!(is_id(id), "{id}");
        }
        for id in ["", "..", "../x", "a/b", "a b", ".hidden", &"a".repeat(65)] {
            assert!(!is_id(id), "{id}");
        }
    }

    #[test]
    fn paths_of_this_machine_are_left_out_of_values() {
        let mut value =
            json!({"cwd": "/home/ada", "nested": [{"workspace": "~/x", "path": "/status"}], "root": "words"});
        without_paths(&mut value);
        assert_eq!(value, json!({"nested": [{"path": "/status"}], "root": "words"}));
    }
}
