//! What is kept in memory of a transcript, so that appending to it and listing it read nothing again.

use std::collections::HashSet;

use bowline_wire::ids::Millis;

use super::entry::Entry;
use super::tally::Tally;

/// What the summary of a conversation, and whoever appends to it, needs to know of its transcript, kept so that one more
/// message does not mean reading all those before it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::document) struct Outline {
    tally: Tally,
    /// Every id there is.
    ids: HashSet<Box<str>>,
    /// Position, time, id and key of the last entry.
    last: Option<(u32, Option<Millis>, String, String)>,
}

impl Outline {
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut outline = Self::default();
        for entry in entries {
            outline.add(entry);
        }
        outline
    }

    /// With an entry that was appended just now; `None` if it does not come last.
    pub(in crate::document) fn with(mut self, entry: &Entry) -> Option<Self> {
        let last =
            self.last.as_ref().map(|(position, time, id, key)| (*position, *time, id.as_str(), key.as_str()));
        if last.is_some_and(|last| last >= entry.order()) {
            return None;
        }
        self.add(entry);
        Some(self)
    }

    pub(in crate::document) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether an entry has this id.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    fn add(&mut self, entry: &Entry) {
        self.tally.add(&entry.raw);
        self.ids.insert(entry.id.as_str().into());
        let (position, time, id, key) = entry.order();
        self.last = Some((position, time, id.to_owned(), key.to_owned()));
    }
}
