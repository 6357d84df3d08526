//! Texts with a secret in them, whatever they are called: keys of well-known services, private keys, web addresses, and
//! commands and headers that name a secret and give it.

use super::addresses::has_secret_address;
use super::names::is_secret_name;
pub(super) use super::rules::has_private_key;
use super::rules::{has_certain_key, has_key_in_value};
use super::words::{is_set, is_stand_in, is_strong};

/// Bytes of a value in a text that are looked at.
const VALUE_MAX: usize = 256;

/// Whether a text looks like a secret or has one in it, as values of settings can: commands, headers and web addresses
/// included.
pub(crate) fn has_secret_shape(text: &str) -> bool {
    has_private_key(text)
        || has_key_in_value(text)
        || has_secret_address(text)
        || has_named_value(text)
        || has_credentials_of_header(text)
}

/// Whether something is in a text that is a secret and cannot be anything else, as in the sources of a program.
pub(super) fn has_certain_secret(text: &str) -> bool {
    has_private_key(text) || has_certain_key(text)
}

/// Whether a text names a secret and has it behind the name: `--api-key=…`, `--api-key …`, `API_KEY=…`, `X-Api-Key: …`, `password: …`.
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

/// The name that a text ends with, without a quote after it.
fn name_before(text: &str) -> &str {
    let text = text.trim_end_matches(['"', '\'']);
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
    let begin = text.char_indices().rev().take_while(|(_, c)| is_name(*c)).last();
    begin.and_then(|(at, _)| text.get(at..)).unwrap_or_default()
}

/// The word that a text begins with, without a quote before it.
fn value_after(text: &str) -> &str {
    let text = text.get(..text.floor_char_boundary(VALUE_MAX)).unwrap_or_default();
    let text = text.trim_start_matches([' ', '\t']).trim_start_matches(['"', '\'', '`']);
    let is_end = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | ',' | ';' | '&' | ')');
    text.split(is_end).next().unwrap_or_default()
}

/// Whether a word is an option such as `--api-key`, after which the secret comes.
pub(super) fn is_option(word: &str) -> bool {
    word.strip_prefix('-').is_some_and(|name| !name.contains(['=', ':']) && is_secret_name(name))
}

/// Whether a text has the credentials of a header: `Bearer …` or `Basic …`.
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
    fn what_people_and_programs_write_every_day_is_not_a_secret() {
        let picture = "iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mNk+M9Qz0AEYBxVSF+FAAhKDveksOjmAAAAAElFTkSuQmCC";
        let lines = [
            "Set your key: sk-... or sk-proj-..., as the page on keys says.",
            "Slack's is xoxb-your-token",
            "bot token: xoxb-your-token-goes-here",
            "It begins with ghp_ or github_pat_, Stripe's with sk_live_ and Anthropic's with sk-ant-api03-...",
            "such as sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxx",
            "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
            "commit 3f9a1c7be2d4056889ab3c1d7e5f20416b8c9d0a",
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "integrity sha512-ab3dEf6hIj9lMn2pQr5tUv8xYz1bCd4fGh7jKl0mNo3pQr6sTu9vWx2yZa5bCd8eFg1hIj4kLm7nOp0qRs3t==",
            "id 3f9a1c7b-e2d4-4056-889a-b3c1d7e5f204 at 2026-11-28T19:20:21Z",
            "import { task_from_queue, risk_2_of_many } from './disk-based-2026/sk.js'",
            "npm_package_version, hf_transfer, r8_unorm, secret_manager, xai-explainability",
            "self.AIzawa.bot2.SG.Module.Class(key_value, dapi.service_call)",
            "<div class=\"sk-circle sk-folding-cube\">",
            "10.0.0.1:8080 1700000000:error 12:30:15 ::1 a:b@c",
            "cursor=eyJjdXJzb3IiOjEyMzQ1Njc4fQ==&page=2",
            "url(data:font/woff2;base64,d09GMgABAAAAAAfQAA0AAAAAD9QAAAd8AAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP0ZGVE0cGh4GYACCQgg)",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN PUBLIC KEY-----",
            "https://discord.com/channels/123456789012345678/123456789012345678",
            "https://api.slack.com/methods/chat.postMessage",
            "arn:aws:iam::123456789012:role/deploy-2026",
            "the model claude-3-5-sonnet-20241022 and gpt-4o-2024-08-06",
        ];
        for line in lines.into_iter().chain([picture, &format!("data:image/png;base64,{picture}")]) {
            assert!(!has_secret_shape(line), "{line}");
            assert!(!has_certain_secret(line), "{line}");
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
