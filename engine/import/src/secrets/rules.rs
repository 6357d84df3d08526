//! Rules for what keys of services look like, and the search that finds all such keys in one pass over a text. For a service
//! that is missing, add a rule to one of the tables; nothing else has to change.

mod clouds;
mod code;
mod models;
mod private_keys;
mod rule;
mod services;

use std::sync::LazyLock;

use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, Match};

use rule::Rule;

/// The tables of rules. If the beginning of one rule begins that of another, the longer one comes first, since the first that
/// fits decides.
const TABLES: [&[Rule]; 4] = [services::RULES, clouds::RULES, code::RULES, models::RULES];

/// All rules as one regular expression, with its patterns in the order of the rules; `None` if one of them is not a regular
/// expression, which the tests exclude.
fn compiled(patterns: impl Iterator<Item = String>) -> Option<Regex> {
    let patterns: Vec<String> = patterns.collect();
    Regex::builder()
        .configure(meta::Config::new().onepass(false).backtrack(false))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build_many(&patterns)
        .ok()
}

fn rules() -> impl Iterator<Item = &'static Rule> {
    TABLES.into_iter().flatten()
}

/// Whether a key of a well-known service is somewhere in a value of a setting.
pub(super) fn has_key_in_value(text: &str) -> bool {
    static REGEX: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(rules().map(Rule::pattern_in_values)));
    is_found(text, REGEX.as_ref(), Rule::holds_in_values)
}

/// Whether something is in a text that is a key of a well-known service and cannot be anything else.
pub(super) fn has_certain_key(text: &str) -> bool {
    static REGEX: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(rules().map(Rule::pattern_in_sources)));
    is_found(text, REGEX.as_ref(), Rule::holds_in_sources)
}

/// Whether a private key in text form is somewhere in a text: of PEM, GPG, SSH or another program.
pub(super) fn has_private_key(text: &str) -> bool {
    static REGEX: LazyLock<Option<Regex>> =
        LazyLock::new(|| compiled(private_keys::RULES.iter().map(Rule::pattern_in_sources)));
    REGEX.as_ref().is_none_or(|regex| regex.is_match(text))
}

/// Whether a rule applies somewhere. Without rules, everything counts as a key.
fn is_found(text: &str, regex: Option<&Regex>, holds: fn(&Rule, &str) -> bool) -> bool {
    let Some(regex) = regex else { return true };
    let mut at = 0;
    while let Some(found) = regex.search(&Input::new(text).range(at..)) {
        let rule = rules().nth(found.pattern().as_usize());
        let key = text.get(found.range()).unwrap_or_default();
        if stands_alone(text, &found) && rule.is_some_and(|rule| holds(rule, key)) {
            return true;
        }
        // A key begins after what cannot be part of a word, so the rest of this word holds none.
        let word = key.bytes().skip(1).position(|byte| !is_of_word(byte));
        at = word.map_or(found.end(), |end| found.start() + 1 + end).max(at + 1);
    }
    false
}

/// Whether neither a word goes on before what was found nor after it.
fn stands_alone(text: &str, found: &Match) -> bool {
    let bytes = text.as_bytes();
    let before = found.start().checked_sub(1).and_then(|before| bytes.get(before));
    let after = bytes.get(found.end());
    ![before, after].into_iter().flatten().any(|byte| is_of_word(*byte))
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every key that a rule has as an example: its beginnings, each with what may follow.
    fn examples(rule: &Rule) -> Vec<String> {
        let begins = if rule.begins.is_empty() { &[""] } else { rule.begins };
        begins.iter().map(|begin| format!("{begin}{}", rule.example)).collect()
    }

    #[test]
    fn every_rule_finds_its_example_in_values_and_in_sources() {
        for rule in rules() {
            for key in examples(rule) {
                for text in
                    [key.clone(), format!("see '{key}', please"), format!("a={key}\n"), format!("x.{key}")]
                {
                    assert!(has_key_in_value(&text), "{}: {text}", rule.service);
                    assert!(has_certain_key(&text), "{}: {text}", rule.service);
                }
            }
        }
    }

    #[test]
    fn every_rule_leaves_its_counterexample_alone() {
        for rule in rules() {
            assert!(!rule.counterexample.is_empty(), "{}", rule.service);
            assert!(!has_key_in_value(rule.counterexample), "{}: {}", rule.service, rule.counterexample);
            assert!(!has_certain_key(rule.counterexample), "{}: {}", rule.service, rule.counterexample);
        }
    }

    #[test]
    fn every_rule_decides_about_its_own_examples() {
        let regex = compiled(rules().map(Rule::pattern_in_sources)).unwrap();
        for (index, rule) in rules().enumerate() {
            for key in examples(rule) {
                let found = regex.search(&Input::new(&key)).unwrap();
                assert_eq!(
                    found.pattern().as_usize(),
                    index,
                    "{}: an earlier rule takes {key}",
                    rule.service
                );
                assert_eq!(found.range(), 0..key.len(), "{}: {key}", rule.service);
            }
        }
    }

    #[test]
    fn a_key_in_a_longer_word_or_made_of_one_letter_is_none() {
        let is_word = |text: &str| text.bytes().all(is_of_word);
        for rule in rules().filter(|rule| !rule.begins.is_empty()) {
            for key in examples(rule).iter().filter(|_| rule.begins.iter().all(|begin| is_word(begin))) {
                assert!(!has_certain_key(&format!("task{key}")), "{}: {key}", rule.service);
            }
            for begin in rule.begins {
                let stand_in = format!("{begin}{}", "x".repeat(rule.example.len()));
                assert!(!has_key_in_value(&stand_in), "{}: {stand_in}", rule.service);
                assert!(!has_certain_key(&stand_in), "{}: {stand_in}", rule.service);
            }
        }
    }

    #[test]
    fn private_keys_are_found_and_public_ones_are_not() {
        for rule in private_keys::RULES {
            for key in examples(rule) {
                assert!(has_private_key(&format!("text\n{key}\ntext")), "{}: {key}", rule.service);
            }
            assert!(!has_private_key(rule.counterexample), "{}", rule.service);
        }
    }

    #[test]
    fn what_almost_is_a_key_is_read_a_few_times_at_most() {
        let almost = [
            "sk-.",
            "eyJ.",
            "SG.a.",
            "-sk-a",
            "hooks.slack.com/services/",
            "discord.com/api/",
            "1234567:",
            "key-0",
            "MTAw",
        ];
        for text in almost
            .into_iter()
            .chain(rules().flat_map(|rule| rule.begins.iter().copied().filter(|begin| !begin.is_empty())))
        {
            let long = text.repeat(60_000 / text.len());
            let _ = (has_key_in_value(&long), has_certain_key(&long), has_private_key(&long));
        }
    }
}
