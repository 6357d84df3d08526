//! What counts as a secret, by name, by place and by shape. Values are looked at here and never leave: what comes out is paths.

use serde_json::{Map, Value};

use super::json::{element, member};

/// Names that mean a secret when a word of the name says so at its end: `apiKey`, `bot_token`, `signingSecret`.
const LAST_WORDS: [&str; 20] = [
    "pass",
    "pwd",
    "passcode",
    "pin",
    "bearer",
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "authorization",
    "cookie",
    "cookies",
    "apikey",
    "apikeys",
    "pin",
];

/// Endings of words that are several without a break.
const RUN_TOGETHER: [&str; 9] = [
    "accesstoken",
    "apitoken",
    "authtoken",
    "bottoken",
    "refreshtoken",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
];

/// Words that make a `key` or `keys` after them a secret one. A `sessionKey` or a `declarationKey` is none.
const SECRET_KEYS: [&str; 14] = [
    "api",
    "private",
    "secret",
    "access",
    "signing",
    "encryption",
    "auth",
    "vapid",
    "service",
    "account",
    "license",
    "master",
    "client",
    "shared",
];

/// Objects all of whose texts are secrets, whatever they are called.
const SECRET_MAPS: [&str; 3] = ["env", "vars", "headers"];

/// Beginnings of keys that well-known services give out, and what is too short to be one.
const PREFIXES: [&str; 20] = [
    "sk-",
    "rk-",
    "pk_live_",
    "sk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "AKIA",
    "AIza",
    "hf_",
    "npm_",
];
const SHORTEST: usize = 16;

/// Removes what is secret from a value, and gives the path of each member that was removed.
pub(super) fn scrub(value: &mut Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(value, path, false, &mut found, true);
    found
}

/// The path of each member that is secret.
pub(super) fn find(value: &Value, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&mut value.clone(), path, false, &mut found, false);
    found
}

/// The same for a file that holds nothing but secrets: there a plain `key`, `access` or `refresh` is one, too.
pub(super) fn find_in_vault(value: &Value) -> Vec<String> {
    let mut found = find(value, "");
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
                if matches!(name.as_str(), "key" | "access" | "refresh" | "d") && is_plain_secret(value) {
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

/// Looks at a value and all in it; `all` if it is in an object whose texts are all secret.
fn walk(value: &mut Value, path: &str, all: bool, found: &mut Vec<String>, remove: bool) {
    match value {
        Value::Object(members) if is_reference(members) => {}
        Value::Object(members) => {
            let mut gone = Vec::new();
            for (name, value) in members.iter_mut() {
                let path = member(path, name);
                let is_count = value.is_number() && is_name_of_count(name);
                let named = is_secret_name(name) && !value.is_object() && !is_count;
                if (all || named) && is_plain_secret(value) || is_secret_text(value) {
                    found.push(path);
                    gone.push(name.clone());
                } else {
                    let all = all
                        || SECRET_MAPS.contains(&name.as_str())
                        || (is_secret_name(name) && (value.is_object() || value.is_array()));
                    walk(value, &path, all, found, remove);
                }
            }
            if remove {
                for name in gone {
                    members.remove(&name);
                }
            }
        }
        Value::Array(items) => {
            let mut index = 0;
            items.retain_mut(|item| {
                let path = element(path, index);
                index += 1;
                if (all && is_plain_secret(item)) || is_secret_text(item) {
                    found.push(path);
                    return !remove;
                }
                walk(item, &path, all, found, remove);
                true
            });
        }
        _ => {}
    }
}

/// A text that stands for itself, or a list of such: nothing empty, and no reference to what is kept elsewhere.
fn is_plain_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty() && !is_variable(text),
        Value::Array(items) => items.iter().any(is_plain_secret),
        Value::Number(_) => true,
        _ => false,
    }
}

/// `{"source": "env" | "file" | "exec" | "store", "provider": …, "id": …}`: says where a secret is, and is none.
fn is_reference(members: &Map<String, Value>) -> bool {
    let source = members.get("source").and_then(Value::as_str);
    let is_known = matches!(source, Some("env" | "file" | "exec" | "store" | "keychain"));
    let is_all = members.keys().all(|name| matches!(name.as_str(), "source" | "provider" | "id"));
    is_known && is_all && members.get("id").is_some_and(Value::is_string)
}

/// `${VAR}` or `$VAR`: the name of a variable of the environment, and nothing else.
fn is_variable(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else { return false };
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a member of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some((last, before)) = words.split_last() else { return false };
    match last.as_str() {
        "key" | "keys" => before.last().is_some_and(|word| SECRET_KEYS.contains(&word.as_str())),
        last => LAST_WORDS.contains(&last) || RUN_TOGETHER.iter().any(|end| last.ends_with(end)),
    }
}

/// Whether a number of this name is how many tokens there are or may be, which is no secret.
fn is_name_of_count(name: &str) -> bool {
    words(name).last().is_some_and(|last| last.ends_with("token") || last.ends_with("tokens"))
}

/// The words of `camelCase`, `HTTPCase`, `snake_case`, `kebab-case` and `UPPER_CASE`, in lower case, without a number at the
/// end of the last.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    let mut chars = name.chars().peekable();
    while let Some(char) = chars.next() {
        let was_lower = before.is_lowercase() || before.is_ascii_digit();
        let ends_run = before.is_uppercase() && chars.peek().is_some_and(|next| next.is_lowercase());
        let starts_word = char.is_uppercase() && (was_lower || ends_run);
        if (starts_word || !char.is_alphanumeric()) && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if let (true, Some(word)) = (char.is_alphanumeric(), words.last_mut()) {
            word.extend(char.to_lowercase());
        }
        before = char;
    }
    words.retain(|word| word.chars().any(|c| !c.is_ascii_digit()));
    if let Some(last) = words.last_mut() {
        last.truncate(last.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    }
    words
}

fn is_secret_text(value: &Value) -> bool {
    value.as_str().is_some_and(has_secret_shape)
}

/// Whether a text looks like a key, whatever it is called: a private key, a well-known service's token, a web address with a
/// password in it.
fn has_secret_shape(text: &str) -> bool {
    let is_one_word = text.len() >= SHORTEST && !text.contains(char::is_whitespace);
    has_private_key(text)
        || (is_one_word && PREFIXES.iter().any(|prefix| text.starts_with(prefix)))
        || (is_one_word && (is_jwt(text) || is_bot_token(text)))
        || has_password_in_address(text)
}

/// Whether a private key in PEM form is somewhere in a text.
pub(super) fn has_private_key(text: &str) -> bool {
    text.split("-----BEGIN ").skip(1).any(|rest| {
        rest.split_once("-----").is_some_and(|(label, _)| label.len() < 64 && label.ends_with("PRIVATE KEY"))
    })
}

/// Three parts of base64, of which the first is a JSON object.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3
}

/// Digits, a colon and at least 30 letters, as Telegram's.
fn is_bot_token(text: &str) -> bool {
    text.split_once(':').is_some_and(|(digits, rest)| {
        digits.len() >= 6
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && rest.len() >= 30
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    })
}

/// `scheme://name:password@host`.
fn has_password_in_address(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', '\n']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| {
            user.split_once(':').is_some_and(|(_, password)| !password.is_empty() && !is_variable(password))
        })
    })
}

/// The names in a dot-env file, each with its line, counted from 1.
pub(super) fn dot_env_names(text: &str) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { continue };
        let name = name.trim();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        // The last line of a key in several lines looks like a name with nothing behind it.
        let is_set = !value.trim_matches('=').trim().is_empty();
        if begins && is_set && name.len() <= 128 && name.chars().all(is_name) {
            names.push((number, name.to_owned()));
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_secret_is_known_by_its_name_however_that_is_spelled() {
        for name in [
            "apiKey",
            "API_KEY",
            "APIToken",
            "HFToken",
            "JWTSecret",
            "accesstoken",
            "bottoken",
            "secretkey",
            "token2",
            "password_2",
            "pass",
            "pwd",
            "passcode",
            "bearer",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in ["passive", "compass", "keyboard", "tokenizer", "monkey", "bypass-cache", "passage", "2"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn numbers_and_lists_of_objects_can_be_secrets_and_counts_of_tokens_are_none() {
        let found = find(&json!({"pin": 4821, "password": 12_345_678, "apiKeys": [{"value": "abc"}]}), "");
        assert_eq!(found, ["apiKeys[0].value", "password", "pin"].map(str::to_owned).to_vec());
        assert!(
            find(&json!({"maxTokens": 4096, "tokens": 200_000, "maxtokens": 1, "token2": 5}), "").is_empty()
        );
    }

    #[test]
    fn a_reference_with_something_else_beside_it_is_looked_at() {
        let value = json!({"key": {"source": "file", "id": "x", "password": "abc"}});
        assert_eq!(find(&value, ""), ["key.password"]);
    }

    #[test]
    fn the_end_of_a_key_in_several_lines_is_no_name() {
        let text =
            "KEY=\"-----BEGIN EC PRIVATE KEY-----\nAbC123==\nXyZ=\n-----END EC PRIVATE KEY-----\"\nOTHER=1\n";
        let names: Vec<String> = dot_env_names(text).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["KEY", "OTHER"]);
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
            find(&settings, ""),
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
        assert_eq!(find(&settings, ""), Vec::<String>::new());
    }

    #[test]
    fn what_looks_like_a_key_is_one_whatever_it_is_called() {
        for text in [
            "sk-0123456789abcdefg",
            "ghp_0123456789abcdefg",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
            "eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0dXJl",
            "123456789:abcdefghijklmnopqrstuvwxyz_ABCDEF",
            "see https://ada:hunter2@example.org/x",
        ] {
            assert_eq!(find(&json!({"note": text}), ""), ["note"], "{text}");
            assert_eq!(find(&json!(["fine", text]), "list"), ["list[1]"], "{text}");
        }
        for text in
            ["sk-short", "a sentence about sk-0123456789abcdefg", "https://example.org/a:b@c", "12:30"]
        {
            assert!(find(&json!({"note": text}), "").is_empty(), "{text}");
        }
    }

    #[test]
    fn scrubbing_removes_what_is_secret_and_nothing_else() {
        let mut value =
            json!({"a": {"token": "x", "b": 1}, "list": ["sk-0123456789abcdefg", "y"], "env": {"A": "z"}});
        assert_eq!(scrub(&mut value, "tools"), ["tools.a.token", "tools.env.A", "tools.list[0]"]);
        assert_eq!(value, json!({"a": {"b": 1}, "list": ["y"], "env": {}}));
    }

    #[test]
    fn names_are_read_in_every_spelling() {
        for name in [
            "apiKey",
            "api_key",
            "API_KEY",
            "x-api-key",
            "APIKey",
            "apikey",
            "botToken",
            "clientSecret",
            "Password",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            ["key", "sessionKey", "tokenizer", "secretary", "passwordless", "maxTokensPerTurn", "keychain"]
        {
            assert!(!is_secret_name(name), "{name}");
        }
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
    fn a_dot_env_file_gives_its_names_and_no_values() {
        let names = dot_env_names("# comment\nA_KEY=1\n export B=two=three\nno name here\n=x\nbad name=1\n");
        assert_eq!(names, [(2, "A_KEY".to_owned()), (3, "B".to_owned())]);
    }
}
