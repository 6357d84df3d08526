//! What an import says of everything it leaves where it is: files, folders, and the secrets in a file or a database.

use rusqlite::Connection;

use crate::openclaw::home::skip::{self, Skip};
use crate::openclaw::transcripts::database::{self, table};
use crate::tree::{Found, LIST_MAX, Refused, Sort, Tree};
use crate::{Item, Reporter, What};
use crate::{json, secrets};

/// Bytes of a file of secrets in which their names are looked for.
const VAULT_MAX: u64 = 4 << 20;

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

/// What is in a folder. If it cannot be listed, or only in part, that is reported.
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
            Item::skipped(What::Unknown, shown, "Bowline does not know what it is")
        }
    };
    report.item(&item);
}

/// Lists the secrets in a file that holds secrets: by the names of variables or members, or else the file as one.
pub(crate) fn report_secrets(report: &mut Reporter<'_>, tree: &Tree, found: &Found, shown: &str, why: &str) {
    let content = tree.read(&found.name, VAULT_MAX).unwrap_or_default();
    let names = if skip::is_dot_env(&found.name) {
        secrets::dot_env_names(&secrets::text_of(&content)).into_iter().map(|(_, name)| name).collect()
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
