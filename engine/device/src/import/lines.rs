//! Which lines of a session are in its document already, when what is remembered does not say.

use std::collections::HashMap;

use bowline_core::document::{Aside, Conversation, ImportedLine};
use bowline_store::LineHash;

use super::remembered::line_hash;

/// The lines that a document has and nobody has handed over yet: a line counts as there if one with the same bytes is, at
/// whatever place. Takes some 50 bytes for each line and none of its text.
#[derive(Default)]
pub(super) struct HeldLines {
    left: HashMap<LineHash, u32>,
    header: Option<LineHash>,
    asides: Vec<HeldAside>,
}

/// A line that a document keeps aside, without its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeldAside {
    position: u32,
    number: u16,
    len: usize,
    hash: LineHash,
    is_blank: bool,
}

impl HeldAside {
    pub(super) fn of(aside: &Aside) -> Self {
        Self {
            position: aside.position,
            number: aside.number,
            len: aside.bytes.len(),
            hash: line_hash(&aside.bytes),
            is_blank: aside.bytes.trim_ascii().is_empty(),
        }
    }

    /// Whether it is the beginning of a line and has more to come.
    fn is_torn_off(&self, line: &[u8]) -> bool {
        let beginning = line.get(..self.len).filter(|_| self.len < line.len() && !self.is_blank);
        beginning.is_some_and(|beginning| line_hash(beginning) == self.hash)
    }
}

impl HeldLines {
    pub(super) fn of(conversation: Conversation<'_>) -> Self {
        let mut held = Self::default();
        if let Some(header) = conversation.origin().header {
            held.add_header(line_hash(header.as_bytes()));
        }
        for entry in conversation.transcript().entries {
            held.add_entry(line_hash(entry.raw.as_bytes()));
        }
        for aside in conversation.asides() {
            held.add_aside(HeldAside::of(&aside));
        }
        held
    }

    /// Counts the header in, unless there is one.
    pub(super) fn add_header(&mut self, hash: LineHash) {
        self.header.get_or_insert(hash);
    }

    /// Counts an entry in.
    pub(super) fn add_entry(&mut self, hash: LineHash) {
        *self.left.entry(hash).or_default() += 1;
    }

    /// Counts a line in that is kept aside.
    pub(super) fn add_aside(&mut self, aside: HeldAside) {
        self.add_entry(aside.hash);
        self.asides.push(aside);
    }

    /// Leaves a line out again that was kept aside and is not any more.
    pub(super) fn drop_aside(&mut self, aside: &HeldAside) {
        if let Some(at) = self.asides.iter().position(|held| held == aside) {
            self.asides.remove(at);
            self.take(aside.hash);
        }
    }

    /// Whether a line is among them; it is not any more then.
    pub(super) fn take(&mut self, hash: LineHash) -> bool {
        match self.left.get_mut(&hash) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            _ => false,
        }
    }

    /// Whether all of them were handed over.
    pub(super) fn are_taken(&self) -> bool {
        self.left.values().all(|count| *count == 0)
    }

    /// Whether it is a header, and the one that the document has.
    pub(super) fn has_header(&self, line: ImportedLine<'_>, hash: LineHash) -> bool {
        matches!(line, ImportedLine::Header(_)) && self.header == Some(hash)
    }

    /// What a new line is to the document: one header stays, and whoever reads the file finds any other below it.
    pub(super) fn beside_header<'a>(&self, line: ImportedLine<'a>) -> ImportedLine<'a> {
        match line {
            ImportedLine::Header(_) if self.header.is_some() => {
                ImportedLine::Aside("it is another header than the one that is there")
            }
            line => line,
        }
    }

    /// How many lines are kept aside, and their bytes.
    pub(super) fn asides(&self) -> (usize, usize) {
        (self.asides.len(), self.asides.iter().map(|aside| aside.len).sum())
    }

    /// The line that was kept aside at this place and is the torn beginning of this one; it is not there any more then.
    pub(super) fn take_torn(&mut self, position: u32, line: &[u8]) -> Option<Aside> {
        let is_torn = |aside: &HeldAside| aside.position == position && aside.is_torn_off(line);
        let found = self.asides.iter().position(is_torn)?;
        let hash = self.asides.get(found).map(|aside| aside.hash)?;
        // One that was handed over again still stands in the file by itself.
        if !self.take(hash) {
            return None;
        }
        let aside = self.asides.remove(found);
        let bytes = line.get(..aside.len).unwrap_or_default().to_vec();
        Some(Aside { position: aside.position, number: aside.number, bytes })
    }
}
