//! How a person has filed a conversation: what lists know of that without loading it.

use bowline_wire::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};

use super::limits::{CLAIMED_LABELS_MAX, NAME_MAX};
use super::loaded::Document;

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
    pub fn of(document: &Document) -> Self {
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
    pub fn to_bytes(&self) -> Vec<u8> {
        if *self == Self::default() { Vec::new() } else { encode(self) }
    }

    /// From a row. What cannot be read counts as none, until the document is loaded.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        decode(bytes).unwrap_or_default()
    }

    /// The marks as a payload claims them: labels beyond what it takes are left out, and show once the document is loaded.
    #[must_use]
    pub fn claimed(mut self) -> Self {
        self.labels.retain(|label| label.len() <= NAME_MAX);
        self.labels.truncate(CLAIMED_LABELS_MAX);
        self
    }

    /// The marks that show as much as possible, where nobody knows which of two claims holds: a conversation that is archived
    /// by one of them only is better shown than hidden.
    #[must_use]
    pub fn or_shown(mut self, other: Self) -> Self {
        self.pinned |= other.pinned;
        self.archived &= other.archived;
        self.labels.extend(other.labels);
        self.labels.sort();
        self.labels.dedup();
        self
    }

    /// Reads what somebody else claims.
    pub(crate) fn read_claim(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::read_within(from, CLAIMED_LABELS_MAX, NAME_MAX)
    }

    fn read_within(from: &mut Reader<'_>, labels: usize, label: usize) -> Result<Self, DecodeError> {
        let members = from.array_up_to("marks", labels.saturating_add(2))?;
        let (pinned, archived) = (from.bool()?, from.bool()?);
        let labels = (2..members).map(|_| Ok(from.text("label", label)?.to_owned()));
        Ok(Self { pinned, archived, labels: labels.collect::<Result<_, DecodeError>>()? })
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
        Self::read_within(from, ANY, ANY)
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

    #[test]
    fn a_claim_keeps_to_its_limits_and_a_row_has_all() {
        let mut labels: Vec<String> = (0..=CLAIMED_LABELS_MAX).map(|n| format!("{n:04}")).collect();
        labels.push("x".repeat(NAME_MAX + 1));
        let all = Marks { labels, ..Marks::default() };
        assert_eq!(Marks::from_bytes(&all.to_bytes()), all);
        let read = |marks: &Marks| Marks::read_claim(&mut Reader::new(&encode(marks)));
        assert!(read(&all).is_err());
        let claimed = all.claimed();
        assert_eq!(claimed.labels.len(), CLAIMED_LABELS_MAX);
        assert_eq!(read(&claimed), Ok(claimed));
    }

    #[test]
    fn of_two_claims_what_shows_more_holds() {
        let label = |label: &str| vec![label.to_owned()];
        let one = Marks { pinned: true, archived: true, labels: label("b") };
        let other = Marks { pinned: false, archived: false, labels: label("a") };
        let both = Marks { pinned: true, archived: false, labels: vec!["a".to_owned(), "b".to_owned()] };
        assert_eq!(one.clone().or_shown(other.clone()), both);
        assert_eq!(other.or_shown(one), both);
    }
}
