//! One entry of a transcript, read from its key and its line.

use bowline_wire::ids::Millis;

use super::key::Key;
use super::line::{Line, ParentId};

/// One transcript entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's key in the document: one entry, one key, on every device.
    pub key: String,
    /// The line as it was written, byte for byte.
    pub raw: String,
    /// How many entries the author had when writing this one.
    pub position: u32,
    /// The entry's id; empty if it has none. Unique in one file of OpenClaw's, not among devices.
    pub id: String,
    /// `type`, as `message`; empty if it has none. Unknown types are kept and shown.
    pub kind: String,
    /// When the entry was written, as its author says.
    pub time: Option<Millis>,
    /// Index of the entry that this one hangs on; `None` for a beginning.
    pub parent: Option<usize>,
    /// How many entries hang on this one; with more than one, branches begin here.
    pub children: usize,
    /// Whether the entry lies on the way from the active leaf to the beginning.
    pub is_active: bool,
}

/// Role and text of a line of a transcript, if it is a message.
pub fn message_of(line: &str) -> Option<(String, String)> {
    Line::parse(line)?.message()
}

impl Entry {
    /// Role and text, if this is a message.
    pub fn message(&self) -> Option<(String, String)> {
        message_of(&self.raw)
    }

    /// The entry under a key, as it is by itself: without its place in the tree.
    pub(super) fn alone(key: &str, raw: &str) -> Option<Self> {
        Self::read(key, raw).map(|(entry, _)| entry)
    }

    pub(super) fn read(key: &str, raw: &str) -> Option<(Self, Link)> {
        let parsed = Key::parse(key).filter(|key| key.is_of(raw))?;
        let line = Line::parse(raw)?;
        let id = line.id().filter(|id| id == parsed.id)?;
        let kind = line.text("type").unwrap_or_default();
        let entry = Self {
            key: key.to_owned(),
            raw: raw.to_owned(),
            position: parsed.position,
            id,
            time: line.time(),
            parent: None,
            children: 0,
            is_active: false,
            kind,
        };
        let names = Link {
            parent: line.parent_id(),
            target: line.text("targetId"),
            append_to: line.text("appendParentId"),
        };
        Some((entry, names))
    }

    /// A total order: two entries that agree in the first three have different keys.
    pub(super) fn order(&self) -> (u32, Option<Millis>, &str, &str) {
        (self.position, self.time, &self.id, &self.key)
    }
}

/// The ids a line names.
pub(super) struct Link {
    pub(super) parent: ParentId,
    pub(super) target: Option<String>,
    pub(super) append_to: Option<String>,
}
