//! Ids as people type them: any unique beginning will do, as with jj and git.

use std::fmt::Display;

use crate::error::{CommandError, ErrorCode};
use crate::text::{OneLine, count};

/// Hex digits of an id that are shown at least: shorter ones would soon be ambiguous, and are not easier to type.
const SHORTEST: usize = 4;

/// Candidates that are listed when a prefix is ambiguous: more do not help anybody choose.
const MAX_CANDIDATES: usize = 8;

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

/// The one candidate that `typed` means.
pub(crate) fn resolve<T>(
    what: &str,
    typed: &str,
    candidates: Vec<Candidate<T>>,
    names: Names,
    hint: &str,
) -> Result<Candidate<T>, CommandError> {
    let prefix = typed.trim().to_ascii_lowercase();
    let meant = |it: &Candidate<T>| {
        !prefix.is_empty() && (it.id.starts_with(&prefix) || (names == Names::Count && it.name == typed))
    };
    let mut found: Vec<Candidate<T>> = candidates.into_iter().filter(meant).collect();
    match (found.len(), found.pop()) {
        (1, Some(only)) => Ok(only),
        (0, _) | (_, None) => {
            let message = format!("There is no {what} \"{}\"", OneLine(typed));
            Err(CommandError::new(ErrorCode::NotFound, message).hint(hint))
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
