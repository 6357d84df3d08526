//! How a person has filed a conversation: what lists know of that without loading it.

use bowline_core::document::Document;
use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};

/// Bound of what is read back: this device wrote it.
const ANY: usize = usize::MAX;

/// Pin, archive mark and labels of a conversation.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Whether lists show it first.
    pub pinned: bool,
    /// Whether lists leave it out unless asked.
    pub archived: bool,
    /// The labels on it, in alphabetical order.
    pub labels: Vec<String>,
}

impl Marks {
    /// The marks of a loaded document; only a conversation has any.
    pub(crate) fn of(document: &Document) -> Self {
        let Ok(conversation) = document.conversation() else {
            return Self::default();
        };
        Self {
            pinned: conversation.is_pinned(),
            archived: conversation.is_archived(),
            labels: conversation.labels(),
        }
    }

    /// As a row keeps them: nothing if there are none.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        if *self == Self::default() { Vec::new() } else { encode(self) }
    }

    /// From a row. What cannot be read counts as none, until the document is loaded.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        decode(bytes).unwrap_or_default()
    }
}

impl std::fmt::Debug for Marks {
    /// Content stays out of logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Marks");
        shown.field("pinned", &self.pinned).field("archived", &self.archived);
        shown.field("labels", &self.labels.len()).finish()
    }
}

impl Canonical for Marks {
    fn write(&self, to: &mut Writer) {
        to.array(2 + self.labels.len()).bool(self.pinned).bool(self.archived);
        for label in &self.labels {
            to.text(label);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let members = from.array_up_to("marks", ANY)?;
        let (pinned, archived) = (from.bool()?, from.bool()?);
        let labels = (2..members).map(|_| Ok(from.text("label", ANY)?.to_owned()));
        Ok(Self { pinned, archived, labels: labels.collect::<Result<_, DecodeError>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_read_back_as_they_were_and_nonsense_is_none() {
        let marks = Marks { pinned: true, archived: false, labels: vec!["a".to_owned(), "b".to_owned()] };
        for marks in [marks, Marks { archived: true, ..Marks::default() }, Marks::default()] {
            assert_eq!(Marks::from_bytes(&marks.to_bytes()), marks);
        }
        assert_eq!(Marks::from_bytes(b"nonsense"), Marks::default());
        assert_eq!(Marks::from_bytes(&[0x80]), Marks::default());
    }
}
