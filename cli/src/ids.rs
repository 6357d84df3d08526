//! Ids as people type them: any unique beginning will do, as with jj and git.

use std::fmt::Display;

use unicode_normalization::UnicodeNormalization;

use crate::error::{CommandError, ErrorCode};
use crate::text::{OneLine, count};

/// Hex digits of an id that are shown at least: shorter ones would soon be ambiguous, and are not easier to type.
const SHORTEST: usize = 4;

/// Candidates that are listed when a prefix is ambiguous: more do not help anybody choose.
const MAX_CANDIDATES: usize = 8;

/// Names that are offered when nothing is called as was typed: whoever mistyped one finds it among these, or not at all.
const MAX_NEAREST: usize = 3;

/// How alike two names are at least for one to be offered for the other, from 0 to 1 (Jaro and Winkler's measure): one slip
/// in a short word, a few in a long one.
const ALIKE: f64 = 0.85;

/// The ids among which a shown prefix has to be unique.
#[derive(Debug)]
pub(crate) struct Prefixes(Vec<String>);

impl Prefixes {
    pub(crate) fn new(ids: impl IntoIterator<Item = impl Display>) -> Self {
        let mut ids: Vec<String> = ids.into_iter().map(|id| id.to_string()).collect();
        ids.sort();
        ids.dedup();
        Self(ids)
    }

    /// The shortest beginning of `id` that no other id has, and at least [`SHORTEST`] digits.
    pub(crate) fn shorten(&self, id: impl Display) -> String {
        let id = id.to_string();
        let at = self.0.partition_point(|other| *other < id);
        let before = at.checked_sub(1).and_then(|before| self.0.get(before));
        let after = self.0.iter().skip(at).find(|other| **other != id);
        let shared = [before, after].into_iter().flatten().map(|other| common(other, &id)).max();
        let len = shared.map_or(0, |shared| shared + 1).max(SHORTEST);
        id.get(..len).unwrap_or(&id).to_owned()
    }
}

/// Groups of an id that is compared and not typed: 64 bits of it, which nobody finds again by trying.
const GROUPS: usize = 4;

/// The beginning of an id, in groups of four digits.
pub(crate) fn spelled(id: &impl Display) -> String {
    let digits: Vec<char> = id.to_string().chars().take(4 * GROUPS).collect();
    digits.chunks(4).map(String::from_iter).collect::<Vec<_>>().join(" ")
}

fn common(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Something that can be named by the beginning of its id, or by its name.
#[derive(Clone, Debug)]
pub(crate) struct Candidate<T> {
    /// The thing that is named.
    pub(crate) value: T,
    /// The thing's id in full, as lower-case hex.
    pub(crate) id: String,
    /// What people call it: shown when a prefix is ambiguous.
    pub(crate) name: String,
}

/// Whether what was typed may also be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Ids only: names are many, and not unique.
    Ignored,
    /// Whole names count, if exactly one thing has it.
    Count,
}

/// Whether two names are one to people: capitals do not count, nor how an accent is put together.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    folded(a) == folded(b)
}

/// A name as it is compared.
fn folded(name: &str) -> String {
    name.trim().nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// The one candidate that `typed` means: by the beginning of its id, or by its name. A name that is written exactly so goes
/// before one that differs in capitals.
pub(crate) fn resolve<T>(
    what: &str,
    typed: &str,
    candidates: Vec<Candidate<T>>,
    names: Names,
    hint: &str,
) -> Result<Candidate<T>, CommandError> {
    let prefix = typed.trim().to_ascii_lowercase();
    let is_name = |it: &Candidate<T>| names == Names::Count && same_name(&it.name, typed);
    let meant = |it: &Candidate<T>| !prefix.is_empty() && (it.id.starts_with(&prefix) || is_name(it));
    let (mut found, others): (Vec<_>, Vec<_>) = candidates.into_iter().partition(meant);
    if found.iter().any(|it| it.name == typed) {
        found.retain(|it| it.id.starts_with(&prefix) || it.name == typed);
    }
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => {
            let message = format!("There is no {what} \"{}\"", OneLine(typed));
            let error = CommandError::new(ErrorCode::NotFound, message);
            let nearest = if names == Names::Count { nearest(&prefix, &others) } else { Vec::new() };
            let error = match nearest.as_slice() {
                [] => error,
                nearest => error.hint(format!("did you mean {}?", nearest.join(" or "))),
            };
            Err(error.hint(hint))
        }
        (n, Some(last)) => {
            found.push(last);
            let message = format!("\"{}\" could be {}", OneLine(typed), count(n, what));
            let shortened = Prefixes::new(found.iter().map(|it| &it.id));
            let lines = found.iter().take(MAX_CANDIDATES);
            let mut listed: Vec<String> = lines
                .map(|it| {
                    format!("{}  {}", shortened.shorten(&it.id), OneLine(&it.name)).trim_end().to_owned()
                })
                .collect();
            if n > MAX_CANDIDATES {
                listed.push(format!("and {} more", n - MAX_CANDIDATES));
            }
            let hint = format!("type more of the id:\n  {}", listed.join("\n  "));
            Err(CommandError::new(ErrorCode::Ambiguous, message).hint(hint))
        }
    }
}

/// What may have been meant by a word that names nothing, the most alike first: names that are nearly so or begin so, and
/// ids of which one digit was mistyped.
fn nearest<T>(typed: &str, candidates: &[Candidate<T>]) -> Vec<String> {
    let word = folded(typed);
    let shortened = Prefixes::new(candidates.iter().map(|it| &it.id));
    let mut alike: Vec<(f64, &Candidate<T>)> = candidates
        .iter()
        .filter(|it| !word.is_empty() && !it.name.trim().is_empty())
        .map(|it| (likeness(&word, &folded(&it.name)), it))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    alike.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    let by_name = alike.into_iter().map(|(_, it)| it);
    let is_id = word.len() >= SHORTEST && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let slipped = |id: &str| id.get(..word.len()).is_some_and(|id| strsim::hamming(id, &word) == Ok(1));
    let by_id = candidates.iter().filter(|it| is_id && slipped(&it.id));
    let told = |it: &Candidate<T>| {
        let id = shortened.shorten(&it.id);
        if it.name.trim().is_empty() { id } else { format!("\"{}\" ({id})", OneLine(&it.name)) }
    };
    let mut told: Vec<String> = by_name.chain(by_id).map(told).collect();
    told.dedup();
    told.truncate(MAX_NEAREST);
    told
}

/// Whether somebody may have typed one word and meant the other.
pub(crate) fn alike(typed: &str, word: &str) -> bool {
    likeness(typed, word) >= ALIKE
}

/// How alike a typed word and a name are: a name that begins so, or has it as one of its words, is as good as the same.
fn likeness(word: &str, name: &str) -> f64 {
    let says_much = word.chars().count() >= 3;
    if says_much && (name.starts_with(word) || name.split_whitespace().any(|part| part == word)) {
        return 1.0;
    }
    strsim::jaro_winkler(word, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn things(ids: &[&str]) -> Vec<Candidate<usize>> {
        let thing = |(value, id): (usize, &&str)| Candidate {
            value,
            id: (*id).to_owned(),
            name: format!("name {value}"),
        };
        ids.iter().enumerate().map(thing).collect()
    }

    fn meant(typed: &str, ids: &[&str]) -> Result<usize, CommandError> {
        resolve("thing", typed, things(ids), Names::Count, "list them").map(|it| it.value)
    }

    #[test]
    fn a_shown_prefix_names_one_thing_and_has_four_digits_at_least() {
        let prefixes = Prefixes::new(["aabbccdd", "aabbccee", "aabbxxxx", "ffffffff"]);
        assert_eq!(prefixes.shorten("aabbccdd"), "aabbccd");
        assert_eq!(prefixes.shorten("aabbccee"), "aabbcce");
        assert_eq!(prefixes.shorten("aabbxxxx"), "aabbx");
        assert_eq!(prefixes.shorten("ffffffff"), "ffff");
        assert_eq!(Prefixes::new(["aabbccdd"; 2]).shorten("aabbccdd"), "aabb");
    }

    #[test]
    fn whatever_is_shown_as_prefix_is_understood() {
        let ids = ["00000000", "00000001", "0000001f", "abcdef01"];
        let prefixes = Prefixes::new(ids);
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(meant(&prefixes.shorten(id), &ids).unwrap(), index);
        }
    }

    #[test]
    fn capitals_and_names_are_understood() {
        assert_eq!(meant("AB", &["abcd", "bbcd"]).unwrap(), 0);
        assert_eq!(meant("name 1", &["abcd", "bbcd"]).unwrap(), 1);
        assert!(resolve("thing", "name 1", things(&["abcd", "bbcd"]), Names::Ignored, "").is_err());
    }

    #[test]
    fn a_name_is_understood_whatever_its_capitals_and_however_its_accents_are_put_together() {
        let named = |names: &[&str], typed: &str| {
            let thing = |(value, name): (usize, &&str)| Candidate {
                value,
                id: format!("{value:08x}"),
                name: (*name).to_owned(),
            };
            let all = names.iter().enumerate().map(thing).collect();
            resolve("thing", typed, all, Names::Count, "list them").map(|it| it.value)
        };
        assert_eq!(named(&["Groceries", "Trip"], "groceries").unwrap(), 0);
        assert_eq!(named(&["Caf\u{e9}", "Trip"], "cafe\u{301}").unwrap(), 0);
        assert_eq!(named(&["ÄRGER", "Trip"], "ärger").unwrap(), 0);
        assert_eq!(named(&["trip", "Trip"], "Trip").unwrap(), 1, "what is written exactly so goes first");
        assert_eq!(named(&["trip", "Trip"], "TRIP").unwrap_err().code, ErrorCode::Ambiguous);
    }

    #[test]
    fn whoever_mistypes_a_name_or_an_id_is_told_what_is_near() {
        let thing = |id: &str, name: &str| Candidate { value: (), id: id.to_owned(), name: name.to_owned() };
        let hints = |typed| {
            let all = vec![
                thing("3fa90000", "Groceries"),
                thing("81c00000", "Trip to Brest"),
                thing("c0de0000", ""),
            ];
            resolve("thing", typed, all, Names::Count, "list them").unwrap_err().hints
        };
        assert_eq!(hints("grocereis"), ["did you mean \"Groceries\" (3fa9)?", "list them"]);
        assert_eq!(hints("Brest"), ["did you mean \"Trip to Brest\" (81c0)?", "list them"]);
        assert_eq!(hints("3fa8"), ["did you mean \"Groceries\" (3fa9)?", "list them"]);
        assert_eq!(hints("c0df"), ["did you mean c0de?", "list them"]);
        assert_eq!(hints("zzzz"), ["list them"]);
        assert_eq!(hints(""), ["list them"]);
    }

    #[test]
    fn an_ambiguous_prefix_lists_what_it_could_be() {
        let error = meant("a", &["abcd1", "abcd2", "ffff"]).unwrap_err();
        assert_eq!(error.code, ErrorCode::Ambiguous);
        assert_eq!(error.message, "\"a\" could be 2 things");
        assert_eq!(error.hints, ["type more of the id:\n  abcd1  name 0\n  abcd2  name 1"]);
    }

    #[test]
    fn nothing_typed_means_nothing() {
        assert_eq!(meant("", &["abcd"]).unwrap_err().message, "There is no thing \"\"");
        assert_eq!(meant("x", &["abcd"]).unwrap_err().hints, ["list them"]);
    }
}
