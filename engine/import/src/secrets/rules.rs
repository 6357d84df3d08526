//! Rules for what keys of services look like, and the search that finds them all in one pass over a text. A service that is
//! missing is a rule to add to one of the tables; nothing else has to change.

mod clouds;
mod code;
mod models;
mod private_keys;
mod services;

use std::sync::LazyLock;

use regex_automata::meta::{self, Regex};
use regex_automata::util::syntax;
use regex_automata::{Input, Match};

use super::words::{has_digit, is_placeholder, is_varied, longest_run};

/// Where rules are. Of rules whose beginnings begin alike, the one with the longest comes first, since the first that fits
/// decides.
const TABLES: [&[Rule]; 4] = [services::RULES, clouds::RULES, code::RULES, models::RULES];

/// What follows the beginning of a key, unless a rule knows better.
const ANYTHING: &str = r"[\w-]+";

/// What is taken for a key in a value, after a beginning that is enough. Few parts, so that looking stays linear.
const ANYTHING_IN_PARTS: &str = r"[\w-]*(?:\.[\w-]+){0,2}";

/// Characters of what is too short to be a key of a service, its beginning included.
const SHORTEST: usize = 16;

/// Characters after the beginning of a key that cannot be anything else.
const SHORTEST_CERTAIN: usize = 20;

/// Letters and digits without a break that no word has.
const RUN_OF_KEY: usize = 16;

/// Letters and digits without a break that a key has somewhere, after a beginning of its own.
const RUN_AFTER_BEGINNING: usize = 8;

/// What a key of one service looks like. Patterns are regular expressions over ASCII; each spans a few parts between `.`, `:`
/// and `/`, so that a text that almost fits is not read again and again.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "tests read the service and the examples"))]
struct Rule {
    service: &'static str,
    /// How the key begins, word for word. The pattern says it all if there is none.
    begins: &'static [&'static str],
    /// What follows in a key that cannot be anything else. That counts in sources of programs, too.
    rest: &'static str,
    in_values: InValues,
    /// What may follow a beginning, random as in a real key. Beginnings stand apart from it, so that this table does not set
    /// off those who look for leaked keys.
    example: &'static str,
    /// What people and programs write that begins alike and is not a key.
    counterexample: &'static str,
}

/// How much of a key has to be there to count in a value of a setting, where keys are likely.
#[derive(Clone, Copy, Debug)]
enum InValues {
    /// The beginning is enough, since nothing else begins like that.
    Beginning,
    /// Names and words begin like that, too: digits or a long run of letters have to follow.
    Digits,
    /// Something that looks like this has to follow.
    Like(&'static str),
    /// Nothing less than in sources.
    Whole,
}

/// A rule for keys with a beginning that nothing else has.
const fn own(service: &'static str, begins: &'static [&'static str]) -> Rule {
    Rule { service, begins, rest: ANYTHING, in_values: InValues::Beginning, example: "", counterexample: "" }
}

/// A rule for keys that begin as names and words can.
const fn word(service: &'static str, begins: &'static [&'static str]) -> Rule {
    Rule { in_values: InValues::Digits, ..own(service, begins) }
}

/// A rule for keys that only their whole shape tells from anything else.
const fn shape(service: &'static str, begins: &'static [&'static str], rest: &'static str) -> Rule {
    Rule { in_values: InValues::Whole, rest, ..own(service, begins) }
}

impl Rule {
    /// The same rule, with what follows the beginning as its service documents it.
    const fn rest(self, rest: &'static str) -> Self {
        Self { rest, ..self }
    }

    /// The same rule, with a looser pattern for values.
    const fn in_values(self, like: &'static str) -> Self {
        Self { in_values: InValues::Like(like), ..self }
    }

    /// The same rule, with what follows a beginning in a key, and with a text that is not a key.
    const fn tested(self, example: &'static str, counterexample: &'static str) -> Self {
        Self { example, counterexample, ..self }
    }

    fn pattern(&self, rest: &str) -> String {
        let begins: Vec<String> = self.begins.iter().map(|begin| escaped(begin)).collect();
        format!("(?:{})(?:{rest})", begins.join("|"))
    }

    fn pattern_in_values(&self) -> String {
        self.pattern(match self.in_values {
            InValues::Beginning | InValues::Digits => ANYTHING_IN_PARTS,
            InValues::Like(rest) => rest,
            InValues::Whole => self.rest,
        })
    }

    fn pattern_in_sources(&self) -> String {
        self.pattern(self.rest)
    }

    /// What comes after the beginning in a text that fits one of the patterns.
    fn after_beginning<'a>(&self, key: &'a str) -> &'a str {
        let rests = self.begins.iter().filter_map(|begin| key.strip_prefix(begin));
        rests.min_by_key(|rest| rest.len()).unwrap_or(key)
    }

    /// Whether what fits the pattern for values is a key rather than a name or what stands for a key.
    fn holds_in_values(&self, key: &str) -> bool {
        let rest = self.after_beginning(key);
        let is_enough = match self.in_values {
            InValues::Digits => longest_run(rest) >= RUN_OF_KEY || has_digit(rest),
            _ => true,
        };
        key.len() >= SHORTEST && is_enough && !is_placeholder(rest)
    }

    /// Whether what fits the pattern for sources is as random as a key is.
    fn holds_in_sources(&self, key: &str) -> bool {
        let rest = self.after_beginning(key);
        let is_random = match self.in_values {
            InValues::Beginning => is_open(rest, RUN_AFTER_BEGINNING),
            InValues::Digits => is_open(rest, RUN_OF_KEY),
            InValues::Like(_) | InValues::Whole => rest.split(['.', ':', '/']).any(|part| {
                let has_lower = part.bytes().any(|byte| byte.is_ascii_lowercase());
                part.len() >= SHORTEST && is_varied(part) && (has_digit(part) || !has_lower)
            }),
        };
        is_random && !is_placeholder(rest)
    }
}

/// Whether what follows a beginning, in no shape in particular, is long and random.
fn is_open(rest: &str, run: usize) -> bool {
    rest.len() >= SHORTEST_CERTAIN && has_digit(rest) && is_varied(rest) && longest_run(rest) >= run
}

/// The regular expression of a text that stands for itself.
fn escaped(text: &str) -> String {
    let mut pattern = String::new();
    for char in text.chars() {
        if char.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(char);
    }
    pattern
}

/// All rules as one regular expression, with its patterns in the order of the rules. None if one is not a regular expression,
/// which the tests exclude.
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
