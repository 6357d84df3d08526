//! Which names mean a secret: of members, of variables, of options and of files, in every spelling people use.

/// Names that mean a secret when a word of the name says so at its end: `apiKey`, `bot_token`, `signingSecret`.
const LAST_WORDS: [&str; 27] = [
    "authorization",
    "bearer",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "jwt",
    "mnemonic",
    "pass",
    "passcode",
    "passcodes",
    "passphrase",
    "passphrases",
    "passwd",
    "password",
    "passwords",
    "pin",
    "psk",
    "pw",
    "pwd",
    "secret",
    "secrets",
    "token",
    "tokens",
    "totp",
    "apikey",
    "apikeys",
];

/// Endings of words that are several words run together.
const RUN_TOGETHER: [&str; 13] = [
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "apikeys",
    "authkey",
    "accesskey",
    "privatekey",
    "secretkey",
    "signingkey",
    "encryptionkey",
];

/// Words that make a `key` or `keys` after them a secret one, unlike in `sessionKey` or `declarationKey`.
const SECRET_KEYS: [&str; 31] = [
    "access",
    "account",
    "admin",
    "aes",
    "anthropic",
    "api",
    "app",
    "auth",
    "brave",
    "client",
    "deploy",
    "elevenlabs",
    "encryption",
    "gemini",
    "groq",
    "hmac",
    "jwt",
    "license",
    "master",
    "openai",
    "openrouter",
    "private",
    "rsa",
    "secret",
    "service",
    "shared",
    "signing",
    "ssh",
    "tavily",
    "vapid",
    "webhook",
];

/// Words behind the one that counts, which only say in which form the secret is there: `tokenValue`, `client-key-data`.
const FORMS: [&str; 10] =
    ["value", "data", "string", "raw", "plain", "plaintext", "base64", "b64", "hex", "pem"];

/// Objects all of whose texts are secrets, whatever they are called: `env`, `defaultHeaders`.
const SECRET_MAPS: [&str; 3] = ["env", "vars", "headers"];

/// Names in the query of a web address that let in whoever has what is behind them, besides those that count everywhere.
const QUERY_NAMES: [&str; 7] = ["key", "sig", "signature", "auth", "code", "credential", "hmac"];

/// Whether a member of this name holds a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let words = words(name);
    let Some((last, before)) = words.split_last() else { return false };
    match last.as_str() {
        "key" | "keys" => before.last().is_some_and(|word| SECRET_KEYS.contains(&word.as_str())),
        last => LAST_WORDS.contains(&last) || RUN_TOGETHER.iter().any(|end| last.ends_with(end)),
    }
}

/// Whether a parameter of this name in the query of a web address holds a secret.
pub(super) fn is_secret_in_query(name: &str) -> bool {
    is_secret_name(name) || words(name).last().is_some_and(|last| QUERY_NAMES.contains(&last.as_str()))
}

/// Whether a name that means a secret means something else as often, once there is more than a text behind it.
pub(super) fn is_ambiguous(name: &str) -> bool {
    words(name).last().is_some_and(|last| matches!(last.as_str(), "pass" | "pin" | "bearer"))
}

/// Whether all texts of an object of this name are secrets, since it holds variables or headers.
pub(super) fn is_secret_map(name: &str) -> bool {
    words(name).last().is_some_and(|last| SECRET_MAPS.contains(&last.as_str()))
}

/// Whether a number of this name is how many tokens there are or may be, which is not a secret.
pub(super) fn is_name_of_count(name: &str) -> bool {
    words(name).last().is_some_and(|last| last.ends_with("token") || last.ends_with("tokens"))
}

/// The words of `camelCase`, `HTTPCase`, `snake_case`, `kebab-case` and `UPPER_CASE`, in lower case, without a number at the
/// end of the last and without words that say only the form.
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
    while words.len() > 1 && words.last().is_some_and(|last| FORMS.contains(&last.as_str())) {
        words.pop();
    }
    if let Some(last) = words.last_mut() {
        last.truncate(last.trim_end_matches(|c: char| c.is_ascii_digit()).len());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name_however_that_is_spelled() {
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
            "passwords",
            "dbpassword",
            "tokenValue",
            "client-key-data",
            "private_key_pem",
            "OPENAI_KEY",
            "wifi psk",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_sound_alike_are_none() {
        for name in [
            "key",
            "keys",
            "keywords",
            "sessionKey",
            "primaryKey",
            "tokenizer",
            "secretary",
            "passwordless",
            "maxTokensPerTurn",
            "keychain",
            "passive",
            "compass",
            "keyboard",
            "monkey",
            "bypass-cache",
            "passage",
            "spinning",
            "data",
            "value",
            "2",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn maps_of_variables_and_headers_are_known_under_longer_names() {
        assert!(["env", "vars", "headers", "defaultHeaders", "ENV"].iter().all(|name| is_secret_map(name)));
        assert!(["environment", "variable", "header"].iter().all(|name| !is_secret_map(name)));
    }
}
