//! What is never imported, by its name, and why. What a name does not tell is decided where the file is read.

/// Why something is left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skip {
    /// The file holds secrets, of this sort.
    Secret(&'static str),
    /// The file is of no use on another machine, for this reason.
    Local(&'static str),
}

const LOCK: &str = "a lock, which means something only while OpenClaw runs";
const HALF: &str = "a half-written file";
const TRACE: &str = "a trace of what ran, not a conversation";
const DERIVED: &str = "derived from other files";
const CACHE: &str = "a cache";
const LOCAL: &str = "the state of this machine";
const COPY: &str = "a copy that OpenClaw made";
const MIGRATED: &str = "what OpenClaw moved into its database; it is imported from there";
const DATABASE: &str = "a database, or a part of one";
const QUEUE: &str = "messages on their way out, which must not be sent twice";
const INSTALLED: &str = "installed by OpenClaw, and installed again elsewhere";
const DEVICE: &str = "keys and pairings of this machine, which no other may use";
const SIGN_IN: &str = "sign-ins";
const KEY: &str = "a key";
const VARIABLES: &str = "variables that programs read their secrets from";
const LOG: &str = "logs of this machine";
const VERSIONS: &str = "another program's history of the files";

/// Files and folders in which programs keep how they sign in.
const SIGN_INS: [&str; 46] = [
    ".authinfo",
    ".aws",
    ".azure",
    ".boto",
    ".curlrc",
    ".databrickscfg",
    ".docker",
    ".dockercfg",
    ".dockerconfigjson",
    ".fetchmailrc",
    ".gcloud",
    ".git-credentials",
    ".gnupg",
    ".htpasswd",
    ".kube",
    ".kubeconfig",
    ".msmtprc",
    ".my.cnf",
    ".mylogin.cnf",
    ".netrc",
    ".npmrc",
    ".password-store",
    ".pgpass",
    ".pypirc",
    ".s3cfg",
    ".secrets",
    ".smbcredentials",
    ".ssh",
    ".terraformrc",
    ".vault-token",
    ".vault_pass",
    ".wgetrc",
    "_netrc",
    "application_default_credentials.json",
    "auth.json",
    "credentials",
    "credentials.json",
    "kubeconfig",
    "logins.json",
    "rclone.conf",
    "secrets",
    "secrets.json",
    "secrets.toml",
    "secrets.yaml",
    "secrets.yml",
    "wallet.dat",
];

/// Why something directly in the state directory is skipped; `None` if its name does not say so.
pub(crate) fn in_state(name: &str) -> Option<Skip> {
    use Skip::{Local, Secret};
    Some(match name {
        "identity" | "devices" | "node-host" | "nodes" => Secret(DEVICE),
        "oauth" | "auth-profiles" | "codex-home" => Secret(SIGN_IN),
        "exec-approvals.json" | "approvals" => {
            Local("permissions given on this machine, to be given again elsewhere")
        }
        "logs" => Local(LOG),
        "cache" | "canvas" | "plugin-skills" | "completions" => Local(CACHE),
        "tmp" => Local(HALF),
        "media" | "browser" => Local("files of running conversations and browsers"),
        "npm" | "npm-runtime" | "dev" | "git" | "tools" | "extensions" | "plugins" | "bin" => {
            Local(INSTALLED)
        }
        "sandbox" | "sandboxes" | "worktrees" => Local("working copies of this machine"),
        "delivery-queue" | "session-delivery-queue" => Local(QUEUE),
        "workspace-attestations" | "update-check.json" | "telegram" | "subagents" | "settings" | "wizard" => {
            Local(LOCAL)
        }
        "backups" | "backup" | "migration" => Local(COPY),
        "skill-library" => Local("skills that OpenClaw looks after, and fetches again elsewhere"),
        "memory" => Local(DERIVED),
        name if name.starts_with("session-sqlite-") => Local(MIGRATED),
        name if is_copy_of_settings(name) => Secret("a copy of the settings, with the same secrets"),
        name if name.ends_with(".update-captures") => Local(COPY),
        name => return anywhere(name),
    })
}

/// Why something in an agent's folder, `agents/<id>/`, is skipped; `None` if its name does not say so.
pub(crate) fn in_agent(name: &str) -> Option<Skip> {
    match name {
        "session-sqlite-import-archive" => Some(Skip::Local(MIGRATED)),
        name if name.starts_with("session-sqlite-") => Some(Skip::Local(MIGRATED)),
        "cache" | "qmd" => Some(Skip::Local(CACHE)),
        name => anywhere(name),
    }
}

/// Why something beside an agent's sessions is skipped; `None` if its name does not say so.
pub(crate) fn in_sessions(name: &str) -> Option<Skip> {
    use Skip::Local;
    match name {
        "skills-prompts" => Some(Local(DERIVED)),
        "cold" => Some(Local("transcripts that the database points to; they are imported through it")),
        name if name.contains(".trajectory.jsonl") || name.contains(".trajectory-path.json") => {
            Some(Local(TRACE))
        }
        name if name.contains(".jsonl.deleted.") => Some(Local("deleted in OpenClaw")),
        name if name.contains(".bak") || name.contains(".checkpoint.") => Some(Local(COPY)),
        name if name.starts_with("sessions.json.") => anywhere(name).or(Some(Local(COPY))),
        name => anywhere(name),
    }
}

/// Why something in a workspace, a skill or anywhere else is skipped; `None` if its name does not say so.
pub(crate) fn anywhere(name: &str) -> Option<Skip> {
    use Skip::{Local, Secret};
    let lower = name.to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let begins = |beginnings: &[&str]| beginnings.iter().any(|beginning| lower.starts_with(beginning));
    Some(match lower.as_str() {
        ".git" | ".hg" | ".svn" | ".jj" | ".gitmodules" => Local(VERSIONS),
        "node_modules" | ".venv" | "venv" | "__pycache__" | ".pnpm-store" => Local(INSTALLED),
        ".cache" | ".ds_store" | "thumbs.db" | "desktop.ini" | ".trash" => Local(CACHE),
        ".openclaw" | ".clawdbot" | ".moltbot" | ".clawhub" | ".clawdhub" => Local(LOCAL),
        name if SIGN_INS.contains(&name) => Secret(SIGN_IN),
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" | "id_ecdsa_sk" | "id_ed25519_sk" => Secret(KEY),
        _ if is_dot_env(&lower) => Secret(VARIABLES),
        // A note may have any name.
        _ if begins(&["service-account", "service_account", "client_secret"]) && !ends(&[".md"]) => {
            Secret(SIGN_IN)
        }
        _ if begins(&["auth-profiles.json"]) || ends(&[".kubeconfig", ".tfstate", ".tfstate.backup"]) => {
            Secret(SIGN_IN)
        }
        _ if ends(&[".key", ".pem", ".p12", ".pfx", ".jks", ".keystore", ".ppk", ".kdbx", ".p8", ".gpg"]) => {
            Secret(KEY)
        }
        _ if begins(&["openclaw-workspace-state.json"]) => Local(LOCAL),
        _ if ends(&[".lock", ".lock.sqlite", ".pid", ".sock"]) => Local(LOCK),
        _ if ends(&[".tmp", ".swp", ".part", ".crdownload", "~"]) || begins(&[".tmp."]) => Local(HALF),
        _ if is_database(&lower) => Local(DATABASE),
        _ => return None,
    })
}

/// Whether a name is one of a dot-env file: `.env`, `.env.local`, `production.env`.
pub(crate) fn is_dot_env(name: &str) -> bool {
    let lower = name.to_lowercase();
    let ending = lower.rsplit_once('.').map(|(_, ending)| ending);
    ending == Some("env") || lower.starts_with(".env.") || lower == ".envrc"
}

/// Whether a name is one of SQLite's own files, temporary ones included.
pub(crate) fn is_database(name: &str) -> bool {
    let lower = name.to_lowercase();
    // `openclaw-agent.sqlite.memory-reindex-1-wal` is one as well.
    let of_sqlite = [".sqlite", ".sqlite3"].iter().any(|ending| {
        lower.split_once(ending).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with(['-', '.']))
    });
    of_sqlite || [".db", ".db-wal", ".db-shm", ".db-journal"].iter().any(|ending| lower.ends_with(ending))
}

/// Whether a name is one of a copy of the settings: `openclaw.json.bak.2`, `openclaw.json.last-good`.
fn is_copy_of_settings(name: &str) -> bool {
    crate::openclaw::home::find::SETTINGS
        .iter()
        .any(|settings| name.strip_prefix(settings).is_some_and(|rest| rest.starts_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_on_the_list_of_what_never_travels_is_recognised() {
        for name in [
            "a.lock",
            "a.lock.sqlite",
            "a.tmp",
            ".tmp.1",
            "gateway.sock",
            "gateway.pid",
            "a.sqlite",
            "a.sqlite-wal",
            "a.sqlite-shm",
            "a.sqlite.memory-reindex-1",
            "a.sqlite-journal",
            ".git",
            "node_modules",
            "openclaw-workspace-state.json.migrated.x",
        ] {
            assert!(matches!(anywhere(name), Some(Skip::Local(_))), "{name}");
        }
        for name in [
            "tmp",
            "cache",
            "logs",
            "media",
            "plugin-skills",
            "npm",
            "npm-runtime",
            "dev",
            "git",
            "tools",
            "sandboxes",
            "sandbox",
            "delivery-queue",
            "session-delivery-queue",
            "workspace-attestations",
            "session-sqlite-migration-runs",
            "backups",
            "skill-library",
            "canvas",
            "update-check.json",
            "exec-approvals.json",
        ] {
            assert!(matches!(in_state(name), Some(Skip::Local(_))), "{name}");
        }
        for name in [
            "x.trajectory.jsonl",
            "x.trajectory-path.json",
            "skills-prompts",
            "x.jsonl.deleted.2026",
            "sessions.json.bak",
        ] {
            assert!(matches!(in_sessions(name), Some(Skip::Local(_))), "{name}");
        }
    }

    #[test]
    fn files_of_secrets_are_recognised_in_any_case() {
        for name in [
            ".env",
            ".ENV.local",
            "prod.env",
            "server.key",
            "a.PEM",
            "id_ed25519",
            ".netrc",
            "credentials.json",
            ".ssh",
            ".boto",
            ".vault-token",
            "kubeconfig",
            "prod.kubeconfig",
            "service_account.json",
        ] {
            assert!(matches!(anywhere(name), Some(Skip::Secret(_))), "{name}");
        }
        for name in [
            "identity",
            "devices",
            "credentials",
            "openclaw.json.bak.1",
            "openclaw.json.last-good",
            "clawdbot.json.bak",
        ] {
            assert!(matches!(in_state(name), Some(Skip::Secret(_))), "{name}");
        }
    }

    #[test]
    fn what_people_write_is_not_on_any_list() {
        for name in [
            "AGENTS.md",
            "notes.txt",
            "plan.db.md",
            "keynote.md",
            "environment.md",
            "a.key.md",
            "tokens.md",
            "service-accounts.md",
            "cookies",
            "db",
        ] {
            assert_eq!(anywhere(name), None, "{name}");
        }
        assert_eq!(in_state("openclaw.json"), None);
        assert_eq!(in_sessions("2f9c57a5-b6a1-4002-9708-f10eca0ce5ee.jsonl"), None);
    }
}
