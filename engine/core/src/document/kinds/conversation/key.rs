//! Keys of transcript entries: `<8-hex position>-<entry id>-<8 hex of SHA-256(line)>`.

use std::fmt::Write as _;

use automerge::{ObjId, ReadDoc, ScalarValue, Value};
use bowline_wire::hash::sha256;

/// Hex digits of the position, and of the digest.
const HEX: usize = 8;

/// A key taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key<'a> {
    /// How many entries the author had.
    pub(super) position: u32,
    /// The entry's id, empty if it has none.
    pub(super) id: &'a str,
    digest: &'a str,
}

impl<'a> Key<'a> {
    /// `None` for what no key looks like: hex digits are lower case, so that one entry has one key.
    pub(super) fn parse(key: &'a str) -> Option<Self> {
        let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let (position, rest) = key.split_at_checked(HEX)?;
        let (id, digest) = rest.strip_prefix('-')?.rsplit_once('-')?;
        if digest.len() != HEX || !is_hex(position) || !is_hex(digest) {
            return None;
        }
        Some(Self { position: u32::from_str_radix(position, 16).ok()?, id, digest })
    }

    /// Whether this is the key of `line` as far as its bytes go.
    pub(super) fn is_of(&self, line: &str) -> bool {
        self.digest == digest(line)
    }
}

/// The key of a line.
pub(super) fn format(position: u32, id: &str, line: &str) -> String {
    format!("{position:08x}-{id}-{}", digest(line))
}

fn digest(line: &str) -> String {
    let mut hex = String::with_capacity(HEX);
    for byte in sha256(&[line.as_bytes()]).iter().take(HEX / 2) {
        // writing to a String cannot fail
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Where a line goes that is written at `position`: `None` if it is there already. The next position if somebody has put
/// something else under its key, which is never overwritten; running out of positions finds it there as well.
pub(in crate::document) fn place(
    document: &impl ReadDoc,
    entries: &ObjId,
    position: u32,
    id: &str,
    line: &str,
) -> Option<String> {
    for position in position..=u32::MAX {
        let key = format(position, id, line);
        let found = document.get_all(entries, key.as_str()).unwrap_or_default();
        if found.is_empty() {
            return Some(key);
        }
        let is_line =
            |(value, _): &(Value<'_>, ObjId)| matches!(value, Value::Scalar(value) if is_text(value, line));
        if found.iter().any(is_line) {
            return None;
        }
    }
    None
}

/// The key of a line that is written at `position`, or the next one there is nothing under.
pub(super) fn free(
    document: &impl ReadDoc,
    entries: &ObjId,
    position: u32,
    id: &str,
    line: &str,
) -> Option<String> {
    let keys = (position..=u32::MAX).map(|position| format(position, id, line));
    keys.into_iter().find(|key| matches!(document.get(entries, key.as_str()), Ok(None)))
}

fn is_text(value: &ScalarValue, line: &str) -> bool {
    matches!(value, ScalarValue::Str(text) if text == line)
}

/// Position and id in the key of an entry that this device wrote.
pub(in crate::document) fn parts(key: &str) -> Option<(u32, &str)> {
    Key::parse(key).map(|key| (key.position, key.id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_position_id_and_the_beginning_of_the_hash_of_the_line() {
        // printf '{}' | sha256sum
        assert_eq!(format(26, "0badcafe", "{}"), "0000001a-0badcafe-44136fa3");
    }

    #[test]
    fn a_key_reads_back_as_it_was_made_even_if_the_id_has_dashes_or_is_empty() {
        for id in ["0badcafe", "8c1f4f6e-0d2c-4f43-9f0e-1a2b3c4d5e6f", "", "é"] {
            let key = format(7, id, "{}");
            let parsed = Key::parse(&key).unwrap();
            assert_eq!((parsed.position, parsed.id), (7, id));
            assert!(parsed.is_of("{}"));
            assert!(!parsed.is_of("{ }"));
        }
    }

    #[test]
    fn what_is_no_key_is_no_key() {
        for text in [
            "",
            "00000001",
            "00000001-",
            "0000001-x-44136fa3",
            "00000001-x-44136FA3",
            "0000000g-x-44136fa3",
            "00000001-44136fa3",
            "0000000é-x-44136fa3",
        ] {
            assert_eq!(Key::parse(text), None, "{text}");
        }
    }
}
