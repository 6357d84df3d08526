//! The rest of OpenClaw's home: the state database, folders of agents that are gone, and all that an import leaves where
//! it is. Each is reported once, a folder as one.

use bowline_device::composed;
use rusqlite::Connection;

use crate::openclaw::home::left_out::{list, report_database_secrets, report_secrets, report_skipped};
use crate::openclaw::home::place::{Away, Home, Place};
use crate::openclaw::home::settings::Listed;
use crate::openclaw::home::skip::{self, Skip};
use crate::openclaw::transcripts::conversations::Conversations;
use crate::openclaw::transcripts::copies;
use crate::openclaw::transcripts::database::{self, DATABASE};
use crate::tree::{Found, Refused, Sort, Tree};
use crate::{Item, Reporter, What};

/// The state database.
const STATE: &str = "openclaw.sqlite";
const STATE_PATH: &str = "state/openclaw.sqlite";

/// Opens the state database, which may hold jobs, and reports its secrets. `None` if there is none, or it cannot be read.
pub(crate) fn state_database(
    report: &mut Reporter<'_>,
    home: Home<'_>,
) -> Option<(Connection, &'static str)> {
    let folder = home.inside("state").ok()?;
    if folder.sort_of(STATE) == Err(Refused::Missing) {
        return None;
    }
    match database::open(&folder, STATE) {
        Ok(connection) => {
            report_database_secrets(report, &connection, STATE_PATH);
            Some((connection, STATE_PATH))
        }
        Err(why) => {
            report.item(&Item::failed(What::File, STATE_PATH, why));
            None
        }
    }
}

/// Finds the transcripts of an agent, in `agents/<folder>` or where the settings say its database is.
pub(crate) fn conversations(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    (folder, id): (&str, &str),
    listed: Option<&Listed>,
) -> Conversations {
    let path = format!("agents/{folder}");
    if let Ok(tree) = home.inside(&path) {
        let workspace = listed.and_then(|agent| agent.text("workspace")).map(|set| home.place(set));
        for found in list(report, &tree, &path) {
            let here = format!("{path}/{}", found.name);
            let is_workspace = || workspace == Some(Place::Inside(here.clone()));
            let is_read = matches!(found.name.as_str(), "sessions" | "agent") || is_workspace();
            if !(is_read && home.is_folder(&here, found.sort)) {
                report_skipped(report, &found, &here, skip::in_agent(&found.name));
            }
        }
    }
    let usual = Place::Inside(format!("{path}/agent"));
    let set = listed.and_then(|agent| agent.text("agentDir"));
    let own = set.map_or(usual, |set| home.place(set));
    let own_shown = own.shown(set.unwrap_or_default());
    let own_tree = open(report, home, &own, &own_shown);
    if let Some(tree) = &own_tree {
        look_at_agent_folder(report, tree, &own_shown);
    }
    let sessions = format!("{path}/sessions");
    let sessions_tree = open(report, home, &Place::Inside(sessions.clone()), &sessions);
    let own_tree = own_tree.as_ref().map(|tree| (tree, own_shown.as_str()));
    Conversations::find(report, id, own_tree, sessions_tree.map(|tree| (tree, sessions.as_str())))
}

/// Reports what else lies in an agent's folder: mostly what it signs in with.
fn look_at_agent_folder(report: &mut Reporter<'_>, tree: &Tree, path: &str) {
    for found in list(report, tree, path) {
        let is_read = matches!(found.name.as_str(), DATABASE | "workshop-skills");
        if is_read || database::is_made_to_read(&found, DATABASE) {
            continue;
        }
        let at = format!("{path}/{}", found.name);
        if found.name.starts_with("openclaw-agent") && copies::has_mark(&found.name) {
            let why = "a copy of the database, made where two devices had written into it: its conversations are not read";
            report.item(&Item::failed(What::File, at, why));
            continue;
        }
        let skip = match found.name.as_str() {
            "models.json" => Some(Skip::Secret("which models there are, and the keys to them")),
            name if name.starts_with("auth") && name.contains(".json") => Some(Skip::Secret("sign-ins")),
            "codex-home" => Some(Skip::Secret("sign-ins")),
            "plugins" => Some(Skip::Local("what OpenClaw found out about models")),
            name if name.starts_with(DATABASE) => {
                Some(Skip::Local("a part of the database, or a lock on it"))
            }
            name => skip::in_agent(name),
        };
        if let (Some(Skip::Secret(why)), Sort::File) = (skip, found.sort) {
            report_secrets(report, tree, &found, &at, why);
        } else {
            report_skipped(report, &found, &at, skip);
        }
    }
}

/// Opens a folder; `None` if it is missing, or cannot be opened, which is reported.
fn open(report: &mut Reporter<'_>, home: Home<'_>, place: &Place, shown: &str) -> Option<Tree> {
    match home.open(place) {
        Ok(tree) => Some(tree),
        Err(Away::Missing) => None,
        Err(Away::Refused(why)) => {
            report.item(&Item::failed(What::Conversation, shown, why));
            None
        }
    }
}

/// Reports everything in the state directory that no other part of the import has looked at.
pub(crate) fn report_leftovers(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    settings: &str,
    workspaces: &[String],
) {
    let root = home.root;
    for found in list(report, root, "") {
        let name = found.name.as_str();
        let is_workspace =
            |path: &String| path.split('/').next().is_some_and(|first| composed(first) == composed(name));
        let is_folder = home.is_folder(name, found.sort);
        match name {
            _ if name == settings => {}
            _ if is_folder && workspaces.iter().any(is_workspace) => {}
            "skills" if is_folder => {}
            "agents" if is_folder => {
                let is_agent = |found: &Found| home.is_folder(&format!("agents/{}", found.name), found.sort);
                report_leftovers_in(report, home, name, &is_agent, &skip::anywhere);
            }
            "cron" if is_folder => {
                let known = |name: &str| match name {
                    "runs" => Some(Skip::Local("how jobs went on this machine")),
                    name if name.starts_with("jobs.json") => Some(Skip::Local("a copy that OpenClaw made")),
                    name => skip::anywhere(name),
                };
                report_leftovers_in(report, home, name, &|found| found.name == "jobs.json", &known);
            }
            "state" if is_folder => {
                let is_read = |found: &Found| found.name == STATE || database::is_made_to_read(found, STATE);
                report_leftovers_in(report, home, name, &is_read, &skip::anywhere);
            }
            name if is_folder && name.starts_with("workspace-") && skip::in_state(name).is_none() => {
                let why = "it is the workspace of an agent that is not there, so that nobody has its files";
                report.item(&Item::failed(What::File, format!("{name}/"), why));
            }
            name => match (skip::in_state(name), found.sort) {
                (Some(Skip::Secret(why)), Sort::File) => report_secrets(report, root, &found, name, why),
                (skip, _) => report_skipped(report, &found, name, skip),
            },
        }
    }
}

/// Reports what is in a folder besides what was read.
fn report_leftovers_in(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    path: &str,
    is_read: &dyn Fn(&Found) -> bool,
    known: &dyn Fn(&str) -> Option<Skip>,
) {
    let Ok(tree) = home.inside(path) else { return };
    for found in list(report, &tree, path) {
        if !is_read(&found) {
            report_skipped(report, &found, &format!("{path}/{}", found.name), known(&found.name));
        }
    }
}
