//! Finds secrets in values by name, by place and by shape. Values never leave here: what comes out is paths.

mod addresses;
mod files;
mod lines;
mod names;
mod rules;
mod shapes;
mod tables;
mod text;
mod words;

use serde_json::{Map, Value};

use crate::json::{HIDDEN, element, member};
pub(crate) use files::{Hidden, hidden_in, text_of};
pub(crate) use lines::dot_env_names;
use names::{is_ambiguous, is_name_of_count, is_secret_map, is_secret_name};
pub(crate) use shapes::has_secret_shape;
use shapes::is_option;
pub use text::SecretPlace;
pub(crate) use text::in_text;
use words::{is_harmless, is_plain_in_file, is_random, is_variable};

/// Members that describe a value, as in JSON Schema, and cannot hold a secret.
const OF_SCHEMAS: [&str; 11] = [
    "type",
    "title",
    "description",
    "format",
    "minLength",
    "maxLength",
    "pattern",
    "writeOnly",
    "readOnly",
    "nullable",
    "deprecated",
];

/// Members of a list of packages whose own members are called as packages, commands or files are.
const OF_PACKAGES: [&str; 12] = [
    "bin",
    "engines",
    "exports",
    "importers",
    "imports",
    "overrides",
    "packages",
    "require",
    "requires",
    "resolutions",
    "scripts",
    "snapshots",
];

/// What the names around a value say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Around {
    /// The names around the value say nothing about it.
    #[default]
    Nothing,
    /// The value is in a list of variables or headers: texts such as `NAME=value` and `Name: value` are secrets.
    Pairs,
    /// Inside an object of a list of variables or headers: every value except the name is secret.
    Entries,
    /// The value is in a file of variables: texts are secrets, except for those that are the same everywhere.
    Variables,
    /// Texts are secrets, and numbers may be numbers of tokens.
    Texts,
    /// Texts and numbers are secrets.
    All,
}

/// Which rules decide what is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// For files of settings, where a false alarm costs a member, and `$include` names a file.
    Settings,
    /// For values, where a false alarm costs a member.
    Values,
    /// For files, where a false alarm costs the file: stand-ins and descriptions of values are not secrets.
    File,
    /// For a file that lists packages: its names are names of packages.
    Packages,
}

/// Removes what is secret from a value, and gives the path of each member that was removed. What is secret as a whole
/// becomes null.
pub(crate) fn scrub(value: &mut Value, path: &str, around: Around) -> Vec<String> {
    let mut search = Search { rules: Rules::Values, remove: true, found: Vec::new() };
    search.root(value, path, around);
    search.found
}

/// Removes what is secret from a file of settings whose includes are still to be read, and gives the paths as `scrub` does.
pub(crate) fn scrub_settings(value: &mut Value, around: Around) -> Vec<String> {
    let mut search = Search { rules: Rules::Settings, remove: true, found: Vec::new() };
    search.root(value, "", around);
    search.found
}

/// The path of each member that is secret.
#[cfg(test)]
fn find(value: &Value) -> Vec<String> {
    let mut search = Search { rules: Rules::Values, remove: false, found: Vec::new() };
    search.root(&mut value.clone(), "", Around::Nothing);
    search.found
}

/// The path of each secret member of a file that holds nothing but secrets, where a plain `key`, `access` or `refresh` is one.
pub(crate) fn find_in_vault(value: &Value) -> Vec<String> {
    let mut search = Search { rules: Rules::Values, remove: false, found: Vec::new() };
    search.root(&mut value.clone(), "", Around::Nothing);
    let mut found = search.found;
    vault(value, "", &mut found);
    found.sort();
    found.dedup();
    found
}

fn vault(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let path = member(path, name);
                if matches!(name.as_str(), "key" | "access" | "refresh" | "d") && is_plain(value) {
                    found.push(path);
                } else {
                    vault(value, &path, found);
                }
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                vault(value, &element(path, index), found);
            }
        }
        _ => {}
    }
}

/// A search through a value and all in it.
struct Search {
    rules: Rules,
    /// Whether secrets that are found are removed from the value.
    remove: bool,
    found: Vec<String>,
}

impl Search {
    fn root(&mut self, value: &mut Value, path: &str, around: Around) {
        if self.is_secret(value, around) {
            self.found.push(if path.is_empty() { "all of it".to_owned() } else { path.to_owned() });
            if self.remove {
                *value = Value::Null;
            }
        } else {
            self.walk(value, path, around);
        }
    }

    fn walk(&mut self, value: &mut Value, path: &str, around: Around) {
        match value {
            Value::Object(members) if is_reference(members) => {}
            Value::Object(members) => {
                let is_schema = self.is_lenient() && is_schema(members);
                let around = if is_schema { Around::Nothing } else { around };
                let mut gone = Vec::new();
                for (name, value) in members.iter_mut() {
                    if self.member(name, value, path, around) {
                        gone.push(name.clone());
                    }
                }
                if self.remove {
                    for name in gone {
                        members.remove(&name);
                    }
                }
            }
            Value::Array(items) => {
                let (mut index, mut is_after_option) = (0, false);
                items.retain_mut(|item| {
                    let path = element(path, index);
                    index += 1;
                    let text = item.as_str();
                    let is_value = text.is_some_and(|text| !text.starts_with('-')) && self.is_plain(item);
                    let is_secret = self.is_secret(item, around) || (is_after_option && is_value);
                    is_after_option = text.is_some_and(is_option);
                    if is_secret {
                        self.found.push(path);
                        return !self.remove;
                    }
                    let around = match (around, &item) {
                        (Around::Pairs, Value::Object(_)) => Around::Entries,
                        (Around::Pairs, Value::Array(_)) => self.of_entries(),
                        (around, _) => around,
                    };
                    self.walk(item, &path, around);
                    true
                });
            }
            _ => {}
        }
    }

    /// Checks one member; true if the caller must drop it.
    fn member(&mut self, name: &str, value: &mut Value, path: &str, around: Around) -> bool {
        let is_hidden = has_secret_shape(name) || (around >= Around::Texts && is_random(name));
        let path = if is_hidden { format!("{path}{HIDDEN}") } else { member(path, name) };
        let is_include = name == "$include" && self.rules == Rules::Settings;
        let is_name = around == Around::Entries && matches!(name, "name" | "key" | "header");
        let around = match around {
            _ if is_include || is_name => Around::Nothing,
            Around::Entries => self.of_entries(),
            around => around,
        };
        if self.rules == Rules::Packages && is_list_of_packages(name) && !is_hidden {
            self.packages(value, &path);
            return false;
        }
        let is_named = is_secret_name(name) && !value.is_object() && self.is_plain(value);
        let is_count = value.is_number() && is_name_of_count(name) && around < Around::All;
        if is_hidden || (is_named && !is_count) || self.is_secret(value, around) {
            self.found.push(path);
            return true;
        }
        let mut below = if self.is_lenient() { around.below_in_file(name) } else { around.below(name) };
        // A list of words under such a name holds names or columns.
        if value.is_array() && is_secret_map(name) && !is_secret_name(name) && around < Around::Texts {
            below = Around::Pairs;
        }
        self.walk(value, &path, below);
        false
    }

    /// Looks at packages, where names mean nothing and only texts can be secrets.
    fn packages(&mut self, value: &Value, path: &str) {
        match value {
            Value::String(text) if has_secret_shape(text) => self.found.push(path.to_owned()),
            Value::Object(members) => {
                for (name, value) in members {
                    self.packages(value, &member(path, name));
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    self.packages(value, &element(path, index));
                }
            }
            _ => {}
        }
    }

    /// Whether a value is a secret by its place or its shape.
    fn is_secret(&self, value: &Value, around: Around) -> bool {
        let by_place = match around {
            Around::Nothing | Around::Entries => false,
            Around::Pairs => {
                value.as_str().is_some_and(|text| text.contains(['=', ':'])) && self.is_plain(value)
            }
            Around::Variables => {
                value.as_str().is_some_and(|text| !is_harmless(text)) && self.is_plain(value)
            }
            Around::Texts => value.is_string() && self.is_plain(value),
            Around::All => (value.is_string() || value.is_number()) && self.is_plain(value),
        };
        by_place || value.as_str().is_some_and(has_secret_shape)
    }

    /// What is known of a variable or header that stands in a list with its name and value.
    fn of_entries(&self) -> Around {
        if self.is_lenient() { Around::Variables } else { Around::All }
    }

    fn is_lenient(&self) -> bool {
        matches!(self.rules, Rules::File | Rules::Packages)
    }

    fn is_plain(&self, value: &Value) -> bool {
        match (self.rules, value) {
            (Rules::Settings | Rules::Values, _) => is_plain(value),
            (_, Value::Array(items)) => items.iter().any(|item| self.is_plain(item)),
            (_, Value::String(text)) => is_plain_in_file(text),
            _ => is_plain(value),
        }
    }
}

impl Around {
    /// What is known of the value of a member of this name.
    pub(crate) fn below(self, name: &str) -> Self {
        let own = match name {
            _ if is_name_of_count(name) && is_secret_name(name) => Self::Texts,
            _ if is_secret_name(name) || is_secret_map(name) => Self::All,
            _ => Self::Nothing,
        };
        self.max(own)
    }

    /// What is known of such a value in a file that people write, where `pass` and `pin` can be the names of whatever has members.
    fn below_in_file(self, name: &str) -> Self {
        match Self::Nothing.below(name) {
            Self::All if !is_secret_name(name) => self.max(Self::Variables),
            Self::All if is_ambiguous(name) => self,
            own => self.max(own),
        }
    }
}

/// Whether the members of this member are packages.
fn is_list_of_packages(name: &str) -> bool {
    name.to_lowercase().contains("dependencies") || OF_PACKAGES.contains(&name)
}

/// Whether a value is a text that stands for itself, or a list of such: neither empty nor a reference to what is kept elsewhere.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !is_variable(text),
        Value::Array(items) => items.iter().any(is_plain),
        Value::Number(_) => true,
        _ => false,
    }
}

/// Whether an object says where a secret is: `{"source": "env" | "file" | "exec" | "store", "provider": …, "id": …}`.
fn is_reference(members: &Map<String, Value>) -> bool {
    let source = members.get("source").and_then(Value::as_str);
    let is_known = matches!(source, Some("env" | "file" | "exec" | "store" | "keychain"));
    let is_all = members.keys().all(|name| matches!(name.as_str(), "source" | "provider" | "id"));
    let is_shaped = members.values().any(|value| value.as_str().is_some_and(has_secret_shape));
    is_known && is_all && !is_shaped && members.values().all(Value::is_string) && members.contains_key("id")
}

/// Whether an object says what a value is like: `{"type": "string", "description": …}`.
fn is_schema(members: &Map<String, Value>) -> bool {
    const TYPES: [&str; 7] = ["string", "number", "integer", "boolean", "array", "object", "null"];
    let of = members.get("type").and_then(Value::as_str);
    of.is_some_and(|of| TYPES.contains(&of)) && members.keys().all(|name| OF_SCHEMAS.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_lists_of_objects_can_be_secrets_and_counts_of_tokens_are_none() {
        let found = find(&json!({"pin": 4821, "password": 12_345_678, "apiKeys": [{"value": "abc"}]}));
        assert_eq!(found, ["apiKeys[0].value", "password", "pin"].map(str::to_owned).to_vec());
        assert!(find(&json!({"maxTokens": 4096, "tokens": 200_000, "maxtokens": 1, "token2": 5})).is_empty());
    }

    #[test]
    fn a_reference_with_something_else_beside_it_is_looked_at() {
        let value = json!({"key": {"source": "file", "id": "x", "password": "abc"}});
        assert_eq!(find(&value), ["key.password"]);
    }

    #[test]
    fn every_secret_path_of_openclaws_settings_is_found() {
        let settings = json!({
            "gateway": {"auth": {"mode": "token", "token": "a", "password": "b"}, "remote": {"token": "c"}, "port": 1},
            "models": {"providers": {"mock": {"apiKey": "d", "headers": {"x-auth": "e"}, "baseUrl": "http://127.0.0.1"}}},
            "channels": {"telegram": {"botToken": "f", "accounts": {"two": {"webhookSecret": "g"}}}},
            "skills": {"entries": {"trip-planner": {"apiKey": "h", "env": {"EXTRA": "i"}}}},
            "plugins": {"entries": {"x": {"config": {"deep": [{"password": "j"}]}}}},
            "cron": {"webhookToken": "k"},
            "env": {"vars": {"WEATHER_API_KEY": "l"}},
            "mcp": {"servers": {"s": {"env": {"A": "m"}, "headers": {"Authorization": "n"}}}},
            "memory": {"search": {"remote": {"apiKey": "o"}}}
        });
        assert_eq!(
            find(&settings),
            [
                "channels.telegram.accounts.two.webhookSecret",
                "channels.telegram.botToken",
                "cron.webhookToken",
                "env.vars.WEATHER_API_KEY",
                "gateway.auth.password",
                "gateway.auth.token",
                "gateway.remote.token",
                "mcp.servers.s.env.A",
                "mcp.servers.s.headers.Authorization",
                "memory.search.remote.apiKey",
                "models.providers.mock.apiKey",
                "models.providers.mock.headers.x-auth",
                "plugins.entries.x.config.deep[0].password",
                "skills.entries.trip-planner.apiKey",
                "skills.entries.trip-planner.env.EXTRA",
            ]
        );
    }

    #[test]
    fn references_counts_and_flags_are_no_secrets() {
        let settings = json!({
            "apiKey": {"source": "env", "provider": "default", "id": "BACKUP_API_KEY"},
            "token": "${GATEWAY_TOKEN}", "password": "$PASSWORD", "secret": "",
            "maxTokens": 4096, "contextTokens": 200_000, "tokens": {"max": true},
            "sessionKey": "agent:main:main", "declarationKey": "heartbeat:main", "primaryKey": "id", "spinning": "no"
        });
        assert_eq!(find(&settings), Vec::<String>::new());
    }

    #[test]
    fn scrubbing_removes_what_is_secret_and_nothing_else() {
        let mut value =
            json!({"a": {"token": "x", "b": 1}, "list": ["sk-0123456789abcdefg", "y"], "env": {"A": "z"}});
        assert_eq!(
            scrub(&mut value, "tools", Around::Nothing),
            ["tools.a.token", "tools.env.A", "tools.list[0]"]
        );
        assert_eq!(value, json!({"a": {"b": 1}, "list": ["y"], "env": {}}));
    }

    #[test]
    fn a_vault_has_more_names_for_secrets() {
        let profiles = json!({"profiles": {"mock:default": {"type": "api_key", "key": "a"}, "b": {"access": "c", "refresh": "d"}}});
        assert_eq!(
            find_in_vault(&profiles),
            ["profiles.b.access", "profiles.b.refresh", "profiles[\"mock:default\"].key"]
        );
    }

    #[test]
    fn what_looks_like_a_key_is_one_whatever_it_is_called() {
        for text in ["sk-0123456789abcdefg", "see https://ada:hunter2@example.org/x", "run --api-key=abc"] {
            assert_eq!(find(&json!({"note": text})), ["note"], "{text}");
            assert_eq!(find(&json!({"list": ["fine", text]})), ["list[1]"], "{text}");
        }
        assert_eq!(find(&json!({"args": ["run", "--api-key", "abc", "--port", "1"]})), ["args[2]"]);
        assert!(find(&json!({"note": "12:30", "args": ["--token", "--verbose"]})).is_empty());
    }

    #[test]
    fn of_variables_and_headers_in_lists_the_values_are_secrets_and_the_names_are_none() {
        let value = json!({"headers": [{"name": "X-Mine", "value": "abc"}, "X-Mine: abc", ["X-Own", "abc"]], "env": ["A=abc", "PATH"],
            "passEnv": ["HOME"]});
        let found = ["env[0]", "headers[0].value", "headers[1]", "headers[2][0]", "headers[2][1]"];
        assert_eq!(find(&value), found);
        assert_eq!(
            hidden_in("a.json", value.to_string().as_bytes()),
            Some(Hidden::Members(found.map(str::to_owned).to_vec()))
        );
    }

    #[test]
    fn a_name_that_is_a_secret_goes_and_is_not_said() {
        let token = "ghp_0123456789abcdefghij";
        let mut value =
            json!({token: {"user": "ada"}, "tokens": {"Ab3dEf6hIj9lMn2pQr5tUv8x": true, "kind": true}});
        let found = scrub(&mut value, "tools", Around::Nothing);
        assert_eq!(found, ["tools[…]", "tools.tokens[…]"]);
        assert_eq!(value, json!({"tokens": {"kind": true}}));
        assert_eq!(member("tools", token), "tools[…]");
    }

    #[test]
    fn the_place_that_a_value_goes_to_counts() {
        let mut value = json!({"FOO": "abc"});
        assert_eq!(scrub(&mut value, "env", Around::Nothing.below("env")), ["env.FOO"]);
        let mut value = json!("abc");
        assert_eq!(scrub(&mut value, "tools.apiKey", Around::Nothing.below("apiKey")), ["tools.apiKey"]);
        assert_eq!(value, Value::Null);
    }
}
