//! Words that can be a secret's value: which are random as keys are, which only switch something, and which stand for a secret
//! that is elsewhere.

use super::names::is_name_of_count;

/// Words that switch something, in the place of a secret.
const SWITCHES: [&str; 15] = [
    "read", "write", "true", "false", "yes", "no", "on", "off", "none", "null", "auto", "required",
    "optional", "enabled", "disabled",
];

/// What examples in documentation have in the place of a key, in lower case.
const OF_PLACEHOLDERS: [&str; 5] = ["example", "placeholder", "your", "xxxx", "goes-here"];

/// Letters and digits without a break that no word in a sentence has.
const RUN_MIN: usize = 20;

/// Different bytes that a key has at least.
const DIFFERENT_MIN: usize = 8;

/// Splits a text into words, without the quotes and brackets around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_between = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | '|');
    text.split(is_between).filter(|word| !word.is_empty())
}

/// Whether a value under a name can be the secret itself: it is not empty, does not stand for a secret, does not switch
/// something, and does not say how many tokens there are.
pub(super) fn is_set(name: &str, value: &str) -> bool {
    let is_count = value.parse::<f64>().is_ok() && is_name_of_count(name);
    !value.is_empty() && !is_stand_in(value) && !is_switch(value) && !is_count
}

/// Whether a text is `${VAR}` or `$VAR`, the name of a variable of the environment, and nothing else.
pub(super) fn is_variable(text: &str) -> bool {
    let Some(name) = text.strip_prefix('$') else { return false };
    let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a text is what people write in the place of a secret: a variable, `<token>`, `{{ token }}`, `YOUR_KEY`, `xxxx`.
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

/// Whether what follows the beginning of a key is what documentation has there: `your-token-here`, `xxxx`, or a web address that
/// ends with such.
pub(super) fn is_placeholder(rest: &str) -> bool {
    let last = rest.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let lower = rest.to_ascii_lowercase();
    is_stand_in(last) || OF_PLACEHOLDERS.iter().any(|word| lower.contains(word))
}

/// Whether a word only switches something.
pub(super) fn is_switch(word: &str) -> bool {
    SWITCHES.iter().any(|switch| word.eq_ignore_ascii_case(switch))
}

/// Whether people would not write a word in a sentence.
pub(super) fn is_strong(word: &str) -> bool {
    let is_number = word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let has_letter = word.chars().any(char::is_alphabetic);
    is_number || (word.len() >= 6 && has_digit(word) && has_letter) || longest_run(word) >= RUN_MIN
}

/// Whether a text is random letters and digits without a break, as keys are and names are not.
pub(super) fn is_random(text: &str) -> bool {
    longest_run(text) >= RUN_MIN && has_digit(text)
}

/// Whether a text has as many different letters as random ones have.
pub(super) fn is_varied(text: &str) -> bool {
    let mut different: Vec<u8> = text.bytes().collect();
    different.sort_unstable();
    different.dedup();
    different.len() >= DIFFERENT_MIN
}

pub(super) fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// The number of letters and digits that follow each other without a break.
pub(super) fn longest_run(text: &str) -> usize {
    text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::len).max().unwrap_or_default()
}

/// Whether a variable or header of this value says how to run or to answer: a flag, a version, a number, a type.
pub(super) fn is_harmless(text: &str) -> bool {
    const WORDS: [&str; 9] =
        ["always", "never", "full", "debug", "info", "production", "development", "test", "utf-8"];
    let is_version = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_type = ["application/", "text/", "image/"].iter().any(|begin| text.starts_with(begin));
    is_version || is_type || text.starts_with('-') || WORDS.contains(&text.to_lowercase().as_str())
}

/// Whether a text stands for itself in a file that people write, where it can be an example or a description.
pub(super) fn is_plain_in_file(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && !is_stand_in(text) && !is_switch(text)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
