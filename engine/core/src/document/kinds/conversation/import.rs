//! Taking over the file of a session, line by line, without having the conversation in memory: what an import writes does
//! not depend on what else is in the document, so any document of the kind will do to make the changes.

use automerge::ScalarValue;

use super::aside::Aside;
use super::edit::ConversationMut;
use super::field;
use super::gap::Gap;
use super::key;
use super::line::Line;
use super::origin::Origin;
use crate::document::edit::commit::{EditError, bounded};
use crate::document::edit::fields::container;
use crate::document::edit::write::{is_already, write};
use crate::document::kind::{ENTRIES, Kind};
use crate::document::limits::{LINE_ID_MAX, LINE_MAX, NAME_MAX};

/// What a line of a session's file is, without the `\n` that ends it. A `\r` before that belongs to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportedLine<'a> {
    /// What stands before the transcript.
    Header(&'a str),
    /// A transcript entry: one JSON object whose id, if it has one, is a string.
    Entry(&'a str),
    /// Anything else, with the reason.
    Aside(&'static str),
}

impl<'a> ImportedLine<'a> {
    /// Reads a line; only the first of a file can be its header.
    pub fn read(line: &'a [u8], is_first: bool) -> Self {
        let Ok(text) = std::str::from_utf8(line) else {
            return Self::Aside("it is not UTF-8");
        };
        if text.trim().is_empty() {
            return Self::Aside("it is empty");
        }
        if text.contains('\n') {
            return Self::Aside("it holds a line end");
        }
        let Some(parsed) = Line::parse(text) else {
            return Self::Aside("it is not a JSON object");
        };
        if is_first && parsed.text("type").as_deref() == Some("session") {
            return Self::Header(text);
        }
        match parsed.id() {
            None => Self::Aside("its id is not a string"),
            Some(id) if id.len() > LINE_ID_MAX => Self::Aside("its id is too long"),
            Some(_) => Self::Entry(text),
        }
    }
}

/// What one change of an import writes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ImportBatch {
    entries: Vec<(u32, String)>,
    asides: Vec<Aside>,
    completed: Vec<Aside>,
    gaps: Vec<Gap>,
    filled: Vec<Gap>,
    header: Option<String>,
    origin: Option<Origin>,
    labels: Vec<(String, bool)>,
    bytes: usize,
}

impl ImportBatch {
    /// Adds an entry with its number among the entries of its file.
    pub fn add_entry(&mut self, position: u32, line: &str) {
        self.bytes += line.len();
        self.entries.push((position, line.to_owned()));
    }

    /// Adds a line that is none.
    pub fn add_aside(&mut self, aside: Aside) {
        self.bytes += aside.bytes.len();
        self.asides.push(aside);
    }

    /// Takes away a line kept aside that was the beginning of one that has come since.
    pub fn complete_aside(&mut self, aside: Aside) {
        self.completed.push(aside);
    }

    /// Notes a line that stays in its file.
    pub fn add_gap(&mut self, gap: Gap) {
        self.gaps.push(gap);
    }

    /// Takes away the note of a line that has come since.
    pub fn fill_gap(&mut self, gap: Gap) {
        self.filled.push(gap);
    }

    /// Sets the header and nothing else of where it comes from.
    pub fn set_header(&mut self, header: &str) {
        self.bytes += header.len();
        self.header = Some(header.to_owned());
    }

    /// Sets everything about where it comes from but the header.
    pub fn set_origin(&mut self, origin: Origin) {
        self.origin = Some(origin);
    }

    /// Puts a label on, or takes it off.
    pub fn set_label(&mut self, label: &str, on: bool) {
        self.labels.push((label.to_owned(), on));
    }

    /// Lines in it, and notes of lines.
    pub fn lines(&self) -> usize {
        self.entries.len() + self.asides.len() + self.gaps.len() + usize::from(self.header.is_some())
    }

    /// Bytes of these lines.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it writes nothing.
    pub fn is_empty(&self) -> bool {
        let takes_away = !self.completed.is_empty() || !self.filled.is_empty();
        self.lines() == 0 && self.origin.is_none() && self.labels.is_empty() && !takes_away
    }

    fn check(&self) -> Result<(), EditError> {
        let lines = self.entries.iter().map(|(_, line)| line).chain(&self.header);
        lines.into_iter().try_for_each(|line| bounded("the line", line, LINE_MAX))?;
        self.labels.iter().try_for_each(|(label, _)| bounded("the label", label, NAME_MAX))?;
        self.origin.iter().try_for_each(Origin::check)
    }
}

impl std::fmt::Debug for ImportBatch {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportBatch").field("lines", &self.lines()).finish_non_exhaustive()
    }
}

impl ConversationMut<'_> {
    /// Writes a batch as one change and answers its raw bytes; `None` if there is nothing in it. An entry or a line kept
    /// aside that is there already at its place is written beside it: what is new is for the caller to know.
    ///
    /// # Errors
    /// As of any edit; nothing is written then.
    pub fn import(&mut self, batch: &ImportBatch) -> Result<Option<Vec<u8>>, EditError> {
        batch.check()?;
        let entries = container(Kind::Conversation, ENTRIES);
        let origin = container(Kind::Conversation, field::ORIGIN);
        let labels = container(Kind::Conversation, field::LABELS);
        let done = self.document.commit(self.pen, |tx| {
            for (position, line) in &batch.entries {
                let id = Line::parse(line).and_then(|line| line.id()).unwrap_or_default();
                if let Some(key) = key::free(tx, &entries, *position, &id, line) {
                    write(tx, &entries, &key, Some(ScalarValue::from(line.as_str())))?;
                }
            }
            for aside in &batch.completed {
                write(tx, &origin, &aside.key(), None)?;
            }
            for gap in &batch.filled {
                write(tx, &origin, &gap.key(), None)?;
            }
            for gap in &batch.gaps {
                let (key, value) = (gap.key(), gap.value());
                if !is_already(tx, &origin, &key, Some(&value)) {
                    write(tx, &origin, &key, Some(value))?;
                }
            }
            for aside in &batch.asides {
                write(tx, &origin, &aside.free_key(tx, &origin), Some(aside.bytes.clone().into()))?;
            }
            if let Some(header) = &batch.header {
                write(tx, &origin, field::HEADER, Some(ScalarValue::from(header.as_str())))?;
            }
            if let Some(about) = &batch.origin {
                for (key, value) in about.values() {
                    write(tx, &origin, key, value)?;
                }
            }
            for (label, on) in &batch.labels {
                write(tx, &labels, label, on.then_some(ScalarValue::Boolean(true)))?;
            }
            Ok(())
        });
        self.document.forget_outline();
        done
    }
}
