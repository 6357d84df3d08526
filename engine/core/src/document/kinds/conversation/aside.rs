//! Lines of a session's file that are not transcript entries: kept byte for byte at their places, for export.

use std::fmt;

use automerge::{ObjId, ReadDoc, ScalarValue, Value};
use bowline_wire::hash::sha256;

use super::field;
use crate::document::edit::fields::{Issue, container};
use crate::document::hex::hex;
use crate::document::kind::Kind;
use crate::document::loaded::Document;

/// What the keys of such lines begin with, among those of the origin.
const PREFIX: &str = "aside/";

/// A line that is not a transcript entry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Aside {
    /// How many entries stand before it in its file.
    pub position: u32,
    /// How many other such lines stand between the last of those and this.
    pub number: u16,
    /// The line, without the `\n` that ends it.
    pub bytes: Vec<u8>,
}

impl Aside {
    /// The line's key in the document: `aside/<8-hex position>-<4-hex number>-<8 hex of SHA-256(line)>`.
    pub(super) fn key(&self) -> String {
        format!("{PREFIX}{:08x}-{:04x}-{}", self.position, self.number, digest(&self.bytes))
    }

    /// The first key from its own on that nothing is under.
    pub(super) fn free_key(&self, document: &impl ReadDoc, origin: &ObjId) -> String {
        let mut aside = self.clone();
        loop {
            let key = aside.key();
            let is_free = matches!(document.get(origin, key.as_str()), Ok(None));
            match aside.number.checked_add(1).filter(|_| !is_free) {
                Some(next) => aside.number = next,
                None => return key,
            }
        }
    }

    /// All of a document, in order; a value that does not match its key is ignored and reported.
    pub(super) fn all(document: &Document) -> (Vec<Self>, Vec<Issue>) {
        let origin = container(Kind::Conversation, field::ORIGIN);
        let (mut asides, mut issues) = (Vec::new(), Vec::new());
        for key in document.automerge().keys(&origin).filter(|key| key.starts_with(PREFIX)) {
            match Self::read(document, &origin, &key) {
                Some(aside) => asides.push(aside),
                None => issues.push(Issue::KeyMismatch { key }),
            }
        }
        asides.sort();
        (asides, issues)
    }

    fn read(document: &Document, origin: &ObjId, key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(PREFIX)?.split('-');
        let position = u32::from_str_radix(parts.next()?, 16).ok()?;
        let number = u16::from_str_radix(parts.next()?, 16).ok()?;
        let values = document.automerge().get_all(origin, key).ok()?;
        values.into_iter().find_map(|(value, _)| match value {
            Value::Scalar(value) => match value.as_ref() {
                ScalarValue::Bytes(bytes) => {
                    let aside = Self { position, number, bytes: bytes.clone() };
                    (aside.key() == key).then_some(aside)
                }
                _ => None,
            },
            Value::Object(_) => None,
        })
    }
}

impl fmt::Debug for Aside {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aside({} bytes at {})", self.bytes.len(), self.position)
    }
}

fn digest(bytes: &[u8]) -> String {
    hex(sha256(&[bytes]).get(..4).unwrap_or_default())
}
