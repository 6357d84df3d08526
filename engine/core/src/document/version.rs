//! Versions of a document: which one somebody has looked at, and the document as it was then.

use std::fmt;

use super::hex::hex;
use super::intake::hash::ChangeHash;
use super::loaded::Document;

/// Hex digits of each head in [`Version::short`]: two changes of one document that begin alike so far are not to be expected, and
/// a person can copy them.
const SHORT: usize = 12;

/// Hex digits of a head that a version must be told by.
const SHORTEST: usize = 8;

/// What stands between two heads of a version.
const BETWEEN: char = '.';

/// What a document was at some time: the changes nothing built on then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(Vec<ChangeHash>);

/// Why a text names no version of a document. The fault is with whoever typed it, or the version is of another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoVersion {
    /// The text is not hex digits, or too few of them.
    #[error("a version is written in hex digits, at least {SHORTEST} for each of its parts")]
    NotOne,
    /// The document has no such change here.
    #[error("the document does not have that version here")]
    Unknown,
    /// More than one change begins so.
    #[error("more than one version begins so")]
    Several,
}

impl Version {
    /// The version that has these heads.
    pub fn of(mut heads: Vec<ChangeHash>) -> Self {
        heads.sort_unstable();
        heads.dedup();
        Self(heads)
    }

    /// The version's heads, in order.
    pub fn heads(&self) -> &[ChangeHash] {
        &self.0
    }

    /// The version as people copy it: the beginning of each head.
    pub fn short(&self) -> String {
        self.joined(|head| head.get(..SHORT).unwrap_or(head).to_owned())
    }

    fn joined(&self, part: impl Fn(&str) -> String) -> String {
        let parts: Vec<String> = self.0.iter().map(|head| part(&hex(head.as_bytes()))).collect();
        parts.join(&BETWEEN.to_string())
    }
}

impl fmt::Display for Version {
    /// Each head in full.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.joined(str::to_owned))
    }
}

impl Document {
    /// What the document is now.
    pub fn version(&self) -> Version {
        Version::of(self.heads())
    }

    /// The version that a text names, as [`Version::short`] or in full.
    pub fn find_version(&self, text: &str) -> Result<Version, NoVersion> {
        let parts: Vec<String> = text.trim().split(BETWEEN).map(str::to_lowercase).collect();
        let is_hex =
            |part: &String| part.len() >= SHORTEST && part.chars().all(|digit| digit.is_ascii_hexdigit());
        if !parts.iter().all(is_hex) {
            return Err(NoVersion::NotOne);
        }
        let all: Vec<(String, ChangeHash)> =
            self.changes().map(|change| (hex(change.as_bytes()), change)).collect();
        let find = |part: &String| {
            let mut found = all.iter().filter(|(name, _)| name.starts_with(part.as_str()));
            match (found.next(), found.next()) {
                (None, _) => Err(NoVersion::Unknown),
                (Some((_, change)), None) => Ok(*change),
                (Some(_), Some(_)) => Err(NoVersion::Several),
            }
        };
        parts.iter().map(find).collect::<Result<_, _>>().map(Version::of)
    }

    /// The document as it was then; `None` if it does not have all of that version.
    pub fn as_of(&self, version: &Version) -> Option<Self> {
        if version.heads().is_empty() || !version.heads().iter().all(|head| self.contains(head)) {
            return None;
        }
        let heads: Vec<_> = version.heads().iter().map(|head| head.to_automerge()).collect();
        let then = self.automerge().fork_at(&heads).ok()?;
        Some(Self::from_parts(self.kind(), then))
    }
}
