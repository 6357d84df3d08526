//! Lines of a session's file that are not in the conversation: where each was and what is known of it, so that nobody takes what is
//! there for all of it.

use automerge::{ObjId, ReadDoc, ScalarValue, Value};
use bowline_wire::hash::sha256;

use super::aside::Aside;
use super::entry::Entry;
use super::field;
use super::origin::Origin;
use crate::document::edit::fields::{Issue, container};
use crate::document::hex::hex;
use crate::document::kind::Kind;
use crate::document::limits::GAPS_READ_MAX;
use crate::document::loaded::Document;

/// What the keys of such lines begin with, among those of the origin.
const PREFIX: &str = "gap/";

/// The first text after all that begin with [`PREFIX`].
const AFTER: &str = "gap0";

/// What is known of a line that stays in its file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeftLine {
    /// How many bytes the line has, without its line end.
    pub bytes: Option<u64>,
    /// SHA-256 of the line.
    pub digest: Option<[u8; 32]>,
}

impl LeftLine {
    /// A line that is in memory and stays in its file all the same.
    pub fn of(line: &[u8]) -> Self {
        Self { bytes: Some(line.len() as u64), digest: Some(sha256(&[line])) }
    }
}

/// A line that stayed in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Gap {
    /// How many entries stand before it in its file.
    pub position: u32,
    /// How many lines that are not entries stand between the last of those and this one.
    pub number: u16,
    /// The line.
    pub line: LeftLine,
}

impl Gap {
    /// The line's key in the document: `gap/<8-hex position>-<4-hex number>-<64-hex SHA-256, or nothing if it is not known>`.
    pub(super) fn key(&self) -> String {
        let digest = self.line.digest.map(|digest| hex(&digest)).unwrap_or_default();
        format!("{PREFIX}{:08x}-{:04x}-{digest}", self.position, self.number)
    }

    /// The value under the key: how many bytes the line has.
    pub(super) fn value(&self) -> ScalarValue {
        self.line.bytes.map_or(ScalarValue::Null, ScalarValue::Uint)
    }

    /// All of a document that are read, in order; what does not look like one is ignored and reported.
    pub(super) fn all(document: &Document) -> (Vec<Self>, Vec<Issue>) {
        let origin = container(Kind::Conversation, field::ORIGIN);
        let (mut gaps, mut issues) = (Vec::new(), Vec::new());
        let found = document.automerge().map_range(&origin, PREFIX.to_owned()..AFTER.to_owned());
        for item in found.take(GAPS_READ_MAX) {
            match Self::read(document, &origin, &item.key) {
                Some(gap) => gaps.push(gap),
                None => issues.push(Issue::KeyMismatch { key: item.key.into_owned() }),
            }
        }
        gaps.sort();
        (gaps, issues)
    }

    /// Reads the note under a key. If somebody wrote several lengths there, the largest counts, and any before none.
    fn read(document: &Document, origin: &ObjId, key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(PREFIX)?.split('-');
        let position = u32::from_str_radix(parts.next()?, 16).ok()?;
        let number = u16::from_str_radix(parts.next()?, 16).ok()?;
        let digest = match parts.next()? {
            "" => None,
            digest => Some(digest_of(digest)?),
        };
        let values = document.automerge().get_all(origin, key).ok()?;
        let lengths = values.into_iter().filter_map(|(value, _)| match value {
            Value::Scalar(value) => match value.as_ref() {
                ScalarValue::Uint(bytes) => Some(Some(*bytes)),
                ScalarValue::Null => Some(None),
                _ => None,
            },
            Value::Object(_) => None,
        });
        let gap = Self { position, number, line: LeftLine { bytes: lengths.max()?, digest } };
        (gap.key() == key).then_some(gap)
    }
}

/// A line that is missing from a transcript, where it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// How many of the entries that are shown stand before it.
    pub before: usize,
    /// The number of the line in its file, from 1: with the header, the entries, and what is kept aside and missing before it.
    pub line: u64,
    /// How many bytes the line has, if that is known.
    pub bytes: Option<u64>,
}

impl Missing {
    /// All that are missing among these entries, which are in the order of display.
    pub(super) fn of(document: &Document, entries: &[Entry]) -> Vec<Self> {
        let gaps = Gap::all(document).0;
        if gaps.is_empty() {
            return Vec::new();
        }
        let (asides, has_header) = (Aside::all(document).0, Origin::of(document).has_header());
        let earlier = gaps.iter().map(|gap| gaps.partition_point(|other| other.position < gap.position));
        let missing = gaps.iter().zip(earlier).map(|(gap, earlier)| {
            let asides = asides.partition_point(|aside| aside.position < gap.position);
            let before = usize::from(has_header) + asides + earlier;
            Self {
                before: entries.partition_point(|entry| entry.position < gap.position),
                line: before as u64 + u64::from(gap.position) + u64::from(gap.number) + 1,
                bytes: gap.line.bytes,
            }
        });
        missing.collect()
    }
}

fn digest_of(hex: &str) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    if hex.len() != 2 * digest.len() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}
