//! Which lines of a session are there already, when what is remembered does not say.

use std::collections::HashMap;

use bowline_core::document::{Aside, ChangeHash, Conversation, ImportedLine};
use bowline_store::LineHash;

use super::remembered::line_hash;

/// The lines that a document has and nobody has handed over yet: a line counts as there if one with the same bytes is, at
/// whatever place. Takes some 50 bytes for each line, beside the document, which has to be in memory for it.
pub(super) struct Lines {
    left: HashMap<LineHash, u32>,
    /// The document's heads when they were read, and after each batch of this import's since.
    pub(super) heads: Vec<ChangeHash>,
    header: Option<String>,
    asides: Vec<Aside>,
}

impl Lines {
    pub(super) fn of(conversation: Conversation<'_>, heads: Vec<ChangeHash>) -> Self {
        let (header, asides) = (conversation.origin().header, conversation.asides());
        let mut left: HashMap<LineHash, u32> = HashMap::new();
        let entries =
            conversation.transcript().entries.into_iter().map(|entry| line_hash(entry.raw.as_bytes()));
        for hash in entries.chain(asides.iter().map(|aside| line_hash(&aside.bytes))) {
            *left.entry(hash).or_default() += 1;
        }
        Self { left, heads, header, asides }
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
    pub(super) fn has_header(&self, line: ImportedLine<'_>) -> bool {
        matches!(line, ImportedLine::Header(header) if self.header.as_deref() == Some(header))
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
        (self.asides.len(), self.asides.iter().map(|aside| aside.bytes.len()).sum())
    }

    /// The line that was kept aside at this place and is the torn beginning of this one; it is not there any more then.
    pub(super) fn take_torn(&mut self, position: u32, line: &[u8]) -> Option<Aside> {
        let is_torn = |aside: &Aside| {
            aside.position == position
                && aside.bytes.len() < line.len()
                && line.starts_with(&aside.bytes)
                && !aside.bytes.trim_ascii().is_empty()
        };
        let found = self.asides.iter().position(is_torn)?;
        let hash = self.asides.get(found).map(|aside| line_hash(&aside.bytes))?;
        // One that was handed over again still stands in the file by itself.
        self.take(hash).then(|| self.asides.remove(found))
    }
}
