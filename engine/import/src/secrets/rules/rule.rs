//! One rule: what the keys of a service look like, and whether a text that looks so is a key.

use crate::secrets::words::{has_digit, is_placeholder, is_varied, longest_run};

/// What follows the beginning of a key, unless a rule knows better.
const ANYTHING: &str = r"[\w-]+";

/// What follows in a value after a beginning that is enough by itself. Few parts, so that searching stays linear.
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
pub(super) struct Rule {
    pub(super) service: &'static str,
    /// How the key begins, word for word. The pattern says it all if there is none.
    pub(super) begins: &'static [&'static str],
    /// What follows in a key that cannot be anything else. That counts in sources of programs, too.
    pub(super) rest: &'static str,
    pub(super) in_values: InValues,
    /// What may follow a beginning, random as in a real key. Beginnings stand apart from it, so that this table does not set
    /// off those who look for leaked keys.
    pub(super) example: &'static str,
    /// What people and programs write that begins alike and is not a key.
    pub(super) counterexample: &'static str,
}

/// How much of a key has to be there to count in a value of a setting, where keys are likely.
#[derive(Clone, Copy, Debug)]
pub(super) enum InValues {
    /// The beginning is enough, since nothing else begins like that.
    Beginning,
    /// Names and words begin like that, too: digits or a long run of letters have to follow.
    Digits,
    /// Something that looks like this has to follow.
    Like(&'static str),
    /// The whole key has to be there, as in sources.
    Whole,
}

/// A rule for keys with a beginning that nothing else has.
pub(super) const fn own(service: &'static str, begins: &'static [&'static str]) -> Rule {
    Rule { service, begins, rest: ANYTHING, in_values: InValues::Beginning, example: "", counterexample: "" }
}

/// A rule for keys that begin as names and words can.
pub(super) const fn word(service: &'static str, begins: &'static [&'static str]) -> Rule {
    Rule { in_values: InValues::Digits, ..own(service, begins) }
}

/// A rule for keys that only their whole shape tells from anything else.
pub(super) const fn shape(
    service: &'static str,
    begins: &'static [&'static str],
    rest: &'static str,
) -> Rule {
    Rule { in_values: InValues::Whole, rest, ..own(service, begins) }
}

impl Rule {
    /// This rule, with what follows the beginning as the service documents it.
    pub(super) const fn rest(self, rest: &'static str) -> Self {
        Self { rest, ..self }
    }

    /// This rule, with a looser pattern for values.
    pub(super) const fn in_values(self, like: &'static str) -> Self {
        Self { in_values: InValues::Like(like), ..self }
    }

    /// This rule, with an example of what follows a beginning, and with a text that is not a key.
    pub(super) const fn tested(self, example: &'static str, counterexample: &'static str) -> Self {
        Self { example, counterexample, ..self }
    }

    pub(super) fn pattern(&self, rest: &str) -> String {
        let begins: Vec<String> = self.begins.iter().map(|begin| escaped(begin)).collect();
        format!("(?:{})(?:{rest})", begins.join("|"))
    }

    pub(super) fn pattern_in_values(&self) -> String {
        self.pattern(match self.in_values {
            InValues::Beginning | InValues::Digits => ANYTHING_IN_PARTS,
            InValues::Like(rest) => rest,
            InValues::Whole => self.rest,
        })
    }

    pub(super) fn pattern_in_sources(&self) -> String {
        self.pattern(self.rest)
    }

    /// What comes after the beginning in a text that fits one of the patterns.
    pub(super) fn after_beginning<'a>(&self, key: &'a str) -> &'a str {
        let rests = self.begins.iter().filter_map(|begin| key.strip_prefix(begin));
        rests.min_by_key(|rest| rest.len()).unwrap_or(key)
    }

    /// Whether what fits the pattern for values is a key rather than a name or what stands for a key.
    pub(super) fn holds_in_values(&self, key: &str) -> bool {
        let rest = self.after_beginning(key);
        let is_enough = match self.in_values {
            InValues::Digits => longest_run(rest) >= RUN_OF_KEY || has_digit(rest),
            _ => true,
        };
        key.len() >= SHORTEST && is_enough && !is_placeholder(rest)
    }

    /// Whether what fits the pattern for sources is as random as a key is.
    pub(super) fn holds_in_sources(&self, key: &str) -> bool {
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
