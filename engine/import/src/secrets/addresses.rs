//! Finds web addresses that let in whoever has them, by what stands before the host or in the query. Addresses with a secret in
//! their path are found by rules.

use super::names::is_secret_in_query;
use super::words::{is_set, is_stand_in, words};

/// Whether a web address is in a text that lets in whoever has it, by what is before the host or in the query.
pub(super) fn has_secret_address(text: &str) -> bool {
    words(text).any(|word| has_credentials_before_host(word) || has_secret_query(word))
}

/// Whether a word has `scheme://name:password@host`, or for the web also `scheme://token@host`.
fn has_credentials_before_host(word: &str) -> bool {
    let mut scheme = "";
    for (index, part) in word.split("://").enumerate() {
        let authority = part.split(['/', '?', '#', ',']).next().unwrap_or_default();
        if let (true, Some((user, _))) = (index > 0, authority.rsplit_once('@')) {
            let is_web = ["http", "https", "ws", "wss"].iter().any(|end| ends_with_word(scheme, end));
            let secret = match user.split_once(':') {
                Some((_, password)) if !password.is_empty() => password,
                Some((name, _)) if is_web => name,
                None if is_web => user,
                _ => "",
            };
            if !secret.is_empty() && !is_stand_in(secret) {
                return true;
            }
        }
        scheme = part;
    }
    false
}

/// Whether the last word of a text is this one, in any case.
fn ends_with_word(text: &str, word: &str) -> bool {
    let lower = text.rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    lower.eq_ignore_ascii_case(word)
}

/// Whether an address has `?token=…`, `&sig=…` or `#access_token=…`.
fn has_secret_query(word: &str) -> bool {
    let mut parts = word.split(['?', '&', '#', ';']);
    let address = parts.next().unwrap_or_default();
    let is_address = address.contains("://") || address.contains('/');
    is_address
        && parts.any(|part| {
            part.split_once('=').is_some_and(|(name, value)| is_secret_in_query(name) && is_set(name, value))
        })
}

#[cfg(test)]
mod tests {
    use super::super::has_secret_shape;

    #[test]
    fn a_web_address_that_lets_in_whoever_has_it_is_a_secret() {
        for text in [
            "see https://ada:hunter2@example.org/x",
            "https://tok3n@example.org/repo.git",
            "git clone https://ghp@example.org",
            "postgres://ada:pw@db/x",
            "https://example.org/?token=abc",
            "https://example.org/sse?a=b&api_key=abc",
            "https://example.org/x#access_token=abc",
            "https://example.org/blob?sv=1&sig=abc",
            "wss://example.org/v1?key=abc",
            "/relative/path?password=abc",
            "post to https://hooks.slack.com/services/T0/B0/abc please",
            "https://discord.com/api/v10/webhooks/1/abc",
            "https://api.telegram.org/bot123456789:abcdefghijklmnopqrstuvwxyz_ABCDEF/send",
        ] {
            assert!(has_secret_shape(text), "{text}");
        }
        for text in [
            "https://example.org/a:b@c",
            "ssh://git@example.org/x",
            "git@example.org:ada/x.git",
            "https://${TOKEN}@example.org",
            "https://example.org/?token=${TOKEN}&max_tokens=4096",
            "https://example.org/?q=token&page=2",
            "https://hooks.slack.com/services/",
            "https://discord.com/channels/1/2",
        ] {
            assert!(!has_secret_shape(text), "{text}");
        }
    }
}
