//! What an import comes past besides conversations and definitions: the folders themselves, databases' secrets, and all that
//! stays where it is. Each is said once, a folder as one.

use rusqlite::Connection;

use crate::openclaw::home::place::{Away, Home, Place};
use crate::openclaw::home::settings::Listed;
use crate::openclaw::home::skip::{self, Skip};
use crate::openclaw::transcripts::conversations::{Conversations, look_at_agent_folder};
use crate::openclaw::transcripts::database::{self, table};
use crate::tree::{Found, LIST_MAX, Refused, Sort, Tree};
use crate::{Item, Reporter, What};
use crate::{json, secrets};

/// Bytes of a file of secrets in which their names are looked for.
const VAULT_MAX: u64 = 4 << 20;

/// The state database.
const STATE: &str = "openclaw.sqlite";
const STATE_PATH: &str = "state/openclaw.sqlite";

/// Tables that hold secrets, of agents and of the state.
const SECRET_TABLES: [&str; 27] = [
    "auth_profile_store",
    "auth_profile_stores",
    "auth_profile_state",
    "session_suggestions",
    "audit_identity_keys",
    "apns_registrations",
    "channel_ingress_events",
    "channel_pairing_requests",
    "clawhub_promotion_claims",
    "config_revision_keys",
    "device_auth_tokens",
    "device_bootstrap_tokens",
    "device_identities",
    "device_pairing_join_codes",
    "device_pairing_paired",
    "gateway_origin_device_tokens",
    "mcp_oauth_stores",
    "mcp_oauth_clients",
    "mcp_oauth_tokens",
    "mcp_oauth_sessions",
    "native_hook_relay_bridges",
    "node_host_config",
    "secret_store_entries",
    "web_push_subscriptions",
    "web_push_vapid_keys",
    "worker_environment_credentials",
    "node_pairing_paired",
];

/// Beginnings of the rows of `config_machine_state` that are secret.
const SECRET_ROWS: [&str; 3] = ["authProfiles.", "nodeHost.", "webPush.vapidKeys"];

/// What is in a folder. That it cannot be listed, or only in part, is said.
pub(crate) fn list(report: &mut Reporter<'_>, tree: &Tree, shown: &str) -> Vec<Found> {
    match tree.list() {
        Ok((found, 0)) => found,
        Ok((found, more)) => {
            let why = format!("it has {more} names more than {LIST_MAX}: those were not looked at");
            report.item(&Item::failed(What::File, shown, why));
            found
        }
        Err(why) => {
            report.item(&Item::failed(What::File, shown, why.to_string()));
            Vec::new()
        }
    }
}

/// Reports that something stays where it is. Without a reason, Bowline does not know what it is.
pub(crate) fn report_skipped(report: &mut Reporter<'_>, found: &Found, path: &str, why: Option<Skip>) {
    let is_folder = found.sort == Sort::Folder;
    let shown = if is_folder { format!("{path}/") } else { path.to_owned() };
    let besides = match found.sort {
        Sort::Special => format!("; {}", Refused::Special),
        Sort::Link => format!("; {}", Refused::Link),
        Sort::File | Sort::Folder => String::new(),
    };
    let item = match (why, found.sort) {
        (Some(Skip::Secret(why)), _) => Item::skipped(What::Secret, shown, format!("{why}{besides}")),
        (Some(Skip::Local(why)), _) => Item::skipped(What::File, shown, format!("{why}{besides}")),
        // A person who put it there expects it to come along.
        (None, Sort::Link) => Item::failed(What::File, shown, Refused::Link.to_string()),
        (None, Sort::Special) => Item::failed(What::File, shown, Refused::Special.to_string()),
        (None, Sort::File | Sort::Folder) => {
            Item::skipped(What::File, shown, "Bowline does not know what it is")
        }
    };
    report.item(&item);
}

/// Lists the secrets in a file that holds secrets: by the names of variables or members, or else the file as one.
pub(crate) fn report_secrets(report: &mut Reporter<'_>, tree: &Tree, found: &Found, shown: &str, why: &str) {
    let content = tree.read(&found.name, VAULT_MAX).unwrap_or_default();
    let names = if skip::is_dot_env(&found.name) {
        let text = String::from_utf8_lossy(&content);
        secrets::dot_env_names(&text).into_iter().map(|(_, name)| name).collect()
    } else if found.name.contains(".json") {
        json::parse(&content).map(|value| secrets::find_in_vault(&value)).unwrap_or_default()
    } else {
        Vec::new()
    };
    if names.is_empty() {
        report.item(&Item::skipped(What::Secret, shown, why));
    }
    for name in names {
        report.item(&Item::skipped(What::Secret, shown, why).at(name));
    }
}

/// Lists the secrets in a database, by table.
pub(crate) fn report_database_secrets(report: &mut Reporter<'_>, connection: &Connection, shown: &str) {
    for name in SECRET_TABLES {
        let count = table(connection, name).and_then(|columns| {
            let sql = format!("SELECT count(*) FROM {name}");
            if columns == database::Columns::default() {
                Ok(0)
            } else {
                connection.query_row(&sql, [], |row| row.get::<_, i64>(0))
            }
        });
        if count.is_ok_and(|count| count > 0) {
            report.item(&Item::skipped(What::Secret, shown, "keys and sign-ins of this machine").at(name));
        }
    }
    for key in secret_rows(connection).unwrap_or_default() {
        let at = json::member("config_machine_state", &key);
        report.item(&Item::skipped(What::Secret, shown, "keys and sign-ins of this machine").at(at));
    }
}

fn secret_rows(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    if !table(connection, "config_machine_state")?.contains("state_key") {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT state_key FROM config_machine_state ORDER BY state_key")?;
    let keys = statement.query_map([], |row| row.get::<_, String>(0))?;
    let keys = keys.collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(keys.into_iter().filter(|key| SECRET_ROWS.iter().any(|secret| key.starts_with(secret))).collect())
}

/// Opens the state database for what is in it of jobs, and lists its secrets.
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
    folder: &str,
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
    Conversations::find(report, folder, own_tree, sessions_tree.map(|tree| (tree, sessions.as_str())))
}

/// A folder that may be missing; any other trouble is said.
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

/// Goes through the state directory for what nobody has looked at yet.
pub(crate) fn report_leftovers(
    report: &mut Reporter<'_>,
    home: Home<'_>,
    settings: &str,
    workspaces: &[String],
) {
    let root = home.root;
    for found in list(report, root, "") {
        let name = found.name.as_str();
        let is_workspace = |path: &String| path.split('/').next() == Some(name);
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
            name if is_folder && name.starts_with("workspace-") => {
                report_skipped(
                    report,
                    &found,
                    name,
                    Some(Skip::Local("the workspace of an agent that is not there")),
                );
            }
            name => match (skip::in_state(name), found.sort) {
                (Some(Skip::Secret(why)), Sort::File) => report_secrets(report, root, &found, name, why),
                (skip, _) => report_skipped(report, &found, name, skip),
            },
        }
    }
}

/// Says what is in a folder besides what was read.
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
