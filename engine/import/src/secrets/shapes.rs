//! What looks like a secret whatever it is called: private keys, keys of well-known services, and commands and headers with a
//! secret in them.

use super::addresses::{has_secret_address, secret_of_hook};
use super::names::{is_name_of_count, is_secret_name};

/// Beginnings of keys that well-known services give out, and that begin nothing else.
const PREFIXES: [&str; 42] = [
    "AIza",
    "AGE-SECRET-KEY-1",
    "AKIA",
    "ASIA",
    "GOCSPX-",
    "SG.",
    "dapi",
    "dckr_pat_",
    "dop_v1_",
    "figd_",
    "gho_",
    "ghp_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "glsa_",
    "hvs.",
    "lin_api_",
    "nvapi-",
    "pk_live_",
    "pplx-",
    "pypi-AgE",
    "rk_live_",
    "shpat_",
    "shpss_",
    "sk_live_",
    "sk_test_",
    "sntrys_",
    "tskey-",
    "tvly-",
    "whsec_",
    "xapp-",
    "xoxa-",
    "xoxb-",
    "xoxc-",
    "xoxe-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "ya29.",
];

/// The same, but also beginnings of words and names: what follows must not look like some.
const PREFIXES_OF_WORDS: [&str; 10] =
    ["gsk_", "hf_", "npm_", "ntn_", "r8_", "rk-", "secret_", "sk-", "sk_", "xai-"];

/// Words that switch something, in the place of a secret.
const SWITCHES: [&str; 15] = [
    "read", "write", "true", "false", "yes", "no", "on", "off", "none", "null", "auto", "required",
    "optional", "enabled", "disabled",
];

/// Characters of what is too short to be a key of a service, its beginning included.
const SHORTEST: usize = 16;

/// Characters after the beginning of a key that cannot be anything else.
const SHORTEST_CERTAIN: usize = 20;

/// Letters and digits without a break in no word that people write.
const RUN_MIN: usize = 16;

/// Bytes of a value in a text that are looked at.
const VALUE_MAX: usize = 256;

/// Whether a text looks like a secret or has one in it, as values of settings can: commands, headers and web addresses
/// included.
pub(crate) fn has_secret_shape(text: &str) -> bool {
    has_private_key(text)
        || has_known_key(text, false)
        || has_secret_address(text)
        || has_named_value(text)
        || has_credentials_of_header(text)
}

/// Whether something is in a text that is a secret and cannot be anything else, as in the sources of a program.
pub(super) fn has_certain_secret(text: &str) -> bool {
    has_private_key(text)
        || has_known_key(text, true)
        || words(text).any(|word| secret_of_hook(word).is_some_and(|secret| secret.split('/').any(is_mixed)))
}

/// Whether a private key in text form is somewhere in a text: of PEM, GPG, SSH or another program.
pub(super) fn has_private_key(text: &str) -> bool {
    let framed = text.split("---BEGIN ").chain(text.split("--- BEGIN ").skip(1)).skip(1).any(|rest| {
        rest.split_once("---").is_some_and(|(label, _)| label.len() < 64 && label.contains("PRIVATE KEY"))
    });
    framed || (text.contains("PuTTY-User-Key-File-") && text.contains("Private-Lines:"))
}

/// `${VAR}` or `$VAR`: the name of a variable of the environment, and nothing else.
pub(super) fn is_variable(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else { return false };
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// What people write in the place of a secret: a variable, `<token>`, `{{ token }}`, `YOUR_KEY`, `xxxx`.
pub(super) fn is_stand_in(text: &str) -> bool {
    let between = |begin: &str, end: &str| {
        text.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).is_some_and(|name| !name.is_empty())
    };
    let is_upper = |c: char| c.is_ascii_uppercase() || matches!(c, '_' | '%');
    is_variable(text)
        || between("<", ">")
        || between("{{", "}}")
        || between("${", "}")
        || (between("%", "%") && text.chars().all(is_upper))
        || ["your_", "your-", "your "].iter().any(|begin| text.to_lowercase().starts_with(begin))
        || text.chars().all(|c| matches!(c, 'x' | 'X' | '*' | '.' | '-' | '_' | '…' | '•'))
}

/// Whether a word only switches something.
pub(super) fn is_switch(word: &str) -> bool {
    SWITCHES.iter().any(|switch| word.eq_ignore_ascii_case(switch))
}

/// Whether a text is random letters and digits without a break, as keys are and names are not.
pub(super) fn is_random(text: &str) -> bool {
    longest_run(text) >= SHORTEST_CERTAIN && has_digit(text)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn longest_run(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or_default()
}

/// Whether a text is long, has digits among its letters, and is none of the examples that people write.
fn is_mixed(text: &str) -> bool {
    let mut different: Vec<u8> = text.bytes().collect();
    different.sort_unstable();
    different.dedup();
    text.len() >= SHORTEST_CERTAIN
        && has_digit(text)
        && different.len() >= 8
        && !text.to_lowercase().contains("example")
}

/// The words of a text, quotes and brackets around them left out.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|');
    text.split(is_between).filter(|word| !word.is_empty())
}

/// Whether a key of a well-known service is somewhere in a text.
fn has_known_key(text: &str, certain: bool) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    text.split(|c: char| !is_part(c)).filter(|word| word.len() >= SHORTEST).any(|word| {
        is_bot_token(word.strip_prefix("bot").unwrap_or(word), certain)
            || word.split(':').any(|part| {
                is_jwt(part, certain)
                    || is_known_key(part, certain)
                    || part.split('.').any(|part| is_known_key(part, certain))
            })
    })
}

fn is_known_key(word: &str, certain: bool) -> bool {
    let after = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| word.strip_prefix(prefix));
    let is_long = |rest: &str| if certain { is_mixed(rest) } else { word.len() >= SHORTEST };
    let is_no_word = |rest: &str| longest_run(rest) >= RUN_MIN || (!certain && has_digit(rest));
    is_amazons(word)
        || after(&PREFIXES).is_some_and(|rest| is_long(rest) && (!certain || longest_run(rest) >= 8))
        || after(&PREFIXES_OF_WORDS).is_some_and(|rest| is_long(rest) && is_no_word(rest))
}

/// `AKIA` or `ASIA` and 16 capitals and digits.
fn is_amazons(word: &str) -> bool {
    let rest = word.strip_prefix("AKIA").or_else(|| word.strip_prefix("ASIA"));
    let is_of_it = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    rest.is_some_and(|rest| rest.len() == 16 && rest.bytes().all(is_of_it) && !rest.ends_with("EXAMPLE"))
}

/// Three parts of base64, of which the first is a JSON object.
fn is_jwt(word: &str, certain: bool) -> bool {
    let shortest = if certain { 16 } else { 1 };
    word.starts_with("eyJ")
        && word.split('.').count() == 3
        && word.split('.').all(|part| part.len() >= shortest)
}

/// Digits, a colon and at least 30 letters, as Telegram's.
fn is_bot_token(word: &str, certain: bool) -> bool {
    word.split_once(':').is_some_and(|(digits, rest)| {
        digits.len() >= 6
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && rest.len() >= 30
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
            && (!certain || (rest.len() == 35 && is_mixed(rest)))
    })
}

/// Whether a value in a text stands for itself: it is there, it is no stand-in, and no number of tokens.
pub(super) fn is_set(name: &str, value: &str) -> bool {
    let is_count = value.parse::<f64>().is_ok() && is_name_of_count(name);
    !value.is_empty() && !is_stand_in(value) && !is_switch(value) && !is_count
}

/// `--api-key=…`, `--api-key …`, `API_KEY=…`, `X-Api-Key: …`, `password: …`.
fn has_named_value(text: &str) -> bool {
    let mut option = false;
    for word in text.split_whitespace() {
        let bare = word.trim_matches(['"', '\'', '`', ',']);
        // `KEY` in `--api-key KEY` says what to put there.
        if option
            && is_set("", bare)
            && !bare.starts_with('-')
            && bare.chars().any(|c| !c.is_ascii_uppercase())
        {
            return true;
        }
        option = is_option(bare);
    }
    let header = text.split_whitespace().count() == 2;
    text.match_indices(['=', ':']).any(|(at, separator)| {
        let (before, after) = (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default());
        let is_compared = after.starts_with('=') || before.ends_with(['=', '!', '<', '>', ':']);
        let name = name_before(before);
        if is_compared || name.is_empty() || !is_secret_name(name) {
            return false;
        }
        let value = value_after(after);
        let begins = before.trim_start_matches(['"', '\'']).len() <= name.len() + 1;
        let is_value = match separator {
            "=" => !value.contains(['(', '[']),
            _ => (header && begins) || is_strong(value),
        };
        is_value && is_set(name, value)
    })
}

/// The name that a text ends with, a quote after it left out.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches(['"', '\'']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begin = text.char_indices().rev().take_while(|(_, c)| is_name(*c)).last();
    begin.and_then(|(at, _)| text.get(at..)).unwrap_or_default()
}

/// The word that a text begins with, a quote before it left out.
fn value_after(text: &str) -> &str {
    let text = text.get(..text.floor_char_boundary(VALUE_MAX)).unwrap_or_default();
    let text = text.trim_start_matches([' ', '\t']).trim_start_matches(['"', '\'', '`']);
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | ')');
    text.split(is_end).next().unwrap_or_default()
}

/// `--api-key`, after which the secret comes.
pub(super) fn is_option(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|name| !name.contains(['=', ':']) && is_secret_name(name))
}

/// Whether a word is none that people write in a sentence.
pub(super) fn is_strong(word: &str) -> bool {
    let is_number = word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let has_letter = word.chars().any(char::is_alphabetic);
    is_number || (word.len() >= 6 && has_digit(word) && has_letter) || longest_run(word) >= SHORTEST_CERTAIN
}

/// `Bearer …` and `Basic …`, as a header has them.
fn has_credentials_of_header(text: &str) -> bool {
    let mut before: [&str; 2] = ["", ""];
    let count = text.split_whitespace().count();
    for word in text.split_whitespace() {
        let word = word.trim_matches(['"', '\'', '`', ',', ';']);
        let [name, scheme] = before;
        let is_bearer = scheme.eq_ignore_ascii_case("bearer");
        let is_header = name.trim_end_matches(':').to_lowercase().ends_with("authorization");
        let is_talk = ["token", "tokens", "auth", "authentication"].contains(&&*word.to_lowercase());
        let is_secret = match (is_bearer, scheme.eq_ignore_ascii_case("basic")) {
            (true, _) => is_header || count == 2 || is_strong(word),
            (_, true) => is_header || (count == 2 && (is_strong(word) || word.ends_with('='))),
            _ => false,
        };
        if is_secret && !is_talk && !word.is_empty() && !is_stand_in(word) {
            return true;
        }
        before = [scheme, word];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_one_wherever_it_stands() {
        for text in [
            "sk-0123456789abcdefg",
            "ghp_0123456789abcdefg",
            "a sentence about sk-0123456789abcdefg",
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nAAAA",
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\nAAAA",
            "eyJhbGciOiJ.eyJzdWIiOiI.c2lnbmF0dXJl",
            "123456789:abcdefghijklmnopqrstuvwxyz_ABCDEF",
            "AKIA0123456789ABCDEF",
        ] {
            assert!(has_secret_shape(text), "{text}");
        }
    }

    #[test]
    fn commands_and_headers_give_their_secrets_away() {
        for text in [
            "Bearer xyz",
            "curl -H 'Authorization: Bearer xyz' x",
            "with bearer abc123def",
            "Authorization: Basic YWRhOnB3",
            "X-Api-Key: abc",
            "run --api-key=abc now",
            "run --api-key abc now",
            "API_KEY=abc run",
            "export TOKEN='abc'",
            "the password: hunter2, please",
            "PIN: 4821",
            r#"{"token": "abc1234"}"#,
        ] {
            assert!(has_secret_shape(text), "{text}");
        }
        for text in [
            "sk-short",
            "sk-learn-some-more-words",
            "hf_inference_endpoint",
            "npm_config_registry",
            "12:30",
            "the bearer of news",
            "Bearer token",
            "basic understanding",
            "Bearer ${TOKEN}",
            "run --api-key $KEY",
            "run --api-key KEY",
            "API_KEY=${KEY} run",
            "--api-key=<key>",
            "if token == other",
            "token = tokenize(text)",
            "max_tokens=4096",
            "Reminder: pass: the salt",
            "token: the one you were given",
        ] {
            assert!(!has_secret_shape(text), "{text}");
        }
    }

    #[test]
    fn in_sources_only_what_cannot_be_anything_else_counts() {
        for text in [
            "key = 'sk-proj-Ab3dEf6hIj9lMn2pQr5tUv8x'",
            "ghp_Ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7j",
            "AKIA0123456789ABCDEF",
            "'https://hooks.slack.com/services/T0/B0/Ab3dEf6hIj9lMn2pQr5tUv8x'",
            "-----BEGIN PRIVATE KEY-----",
        ] {
            assert!(has_certain_secret(text), "{text}");
        }
        for text in [
            "token = 'abc123'",
            "AKIAIOSFODNN7EXAMPLE",
            "sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            ".sk-folding-cube-with-many-words-2",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://user:password@localhost/",
            "dapi.service_call_with_long_name2",
        ] {
            assert!(!has_certain_secret(text), "{text}");
        }
    }

    #[test]
    fn stand_ins_are_told_from_what_they_stand_for() {
        for text in
            ["${TOKEN}", "$TOKEN", "<token>", "{{ token }}", "YOUR_KEY", "your-key", "xxxx", "...", "%TOKEN%"]
        {
            assert!(is_stand_in(text), "{text}");
        }
        for text in ["$ecret", "hunter2", "xyz", "%abc%", "yours"] {
            assert!(!is_stand_in(text), "{text}");
        }
    }

    #[test]
    fn looking_takes_time_in_proportion() {
        for text in ["://", "token:", "a=", "?x=", "--", "bearer ", "\"", "---BEGIN "] {
            let long = text.repeat(50_000);
            let _ = has_secret_shape(&long);
        }
    }
}
