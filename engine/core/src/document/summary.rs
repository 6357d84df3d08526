//! What a list shows of a document without loading it.

use bowline_wire::ids::Millis;

use super::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_SCAN_MAX, SUMMARY_TITLE_MAX};
use super::{Document, Entry, Kind};

/// One row of a list. Travels with every payload as its author's claim and is checked when the document is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The title somebody gave it, else the name its application gave the session, else how its first message begins;
    /// empty if there is none of these. At most [`SUMMARY_TITLE_MAX`] bytes.
    pub title: String,
    /// The latest time any of its entries claims; without entries, when it was last edited.
    pub updated_at: Millis,
    /// How many entries its transcript has, or how many names a profile.
    pub count: u64,
    /// How its last message with text begins. At most [`SUMMARY_PREVIEW_MAX`] bytes.
    pub preview: String,
}

impl Summary {
    pub(super) fn of(document: &Document) -> Self {
        match document.kind() {
            Kind::Conversation => Self::of_conversation(document),
            Kind::Profile => Self::of_profile(document),
        }
    }

    fn of_conversation(document: &Document) -> Self {
        let conversation = super::Conversation::new(document);
        let entries = conversation.transcript().entries;
        let session_name = || {
            let named = |entry: &Entry| (entry.kind == "session_info").then(|| entry.text("name"))?;
            entries.iter().rev().find_map(named)
        };
        let text = |entry: &Entry| {
            let (_, text) = entry.message()?;
            Some(text).filter(|text| !text.trim().is_empty())
        };
        let title = conversation.title().or_else(session_name).or_else(|| entries.iter().find_map(text));
        let preview = entries.iter().rev().find_map(text).unwrap_or_default();
        let updated_at = entries.iter().filter_map(|entry| entry.time).max();
        Self {
            title: shortened(&title.unwrap_or_default(), SUMMARY_TITLE_MAX),
            updated_at: updated_at.unwrap_or_else(|| last_edit(document)),
            count: entries.len() as u64,
            preview: shortened(&preview, SUMMARY_PREVIEW_MAX),
        }
    }

    fn of_profile(document: &Document) -> Self {
        let count = super::Profile::new(document).count() as u64;
        Self { updated_at: last_edit(document), count, ..Self::default() }
    }
}

/// When the newest change says it was made; zero for a document nobody has edited.
fn last_edit(document: &Document) -> Millis {
    let heads = document.automerge().get_heads().into_iter();
    let times = heads.filter_map(|head| Some(document.automerge().get_change_meta_by_hash(&head)?.timestamp));
    let seconds = times.filter_map(|seconds| u64::try_from(seconds).ok()).max();
    Millis(seconds.unwrap_or(0).saturating_mul(1000))
}

/// On one line, without runs of white space, and if that is too long cut between two characters with an ellipsis.
fn shortened(text: &str, limit: usize) -> String {
    const ELLIPSIS: &str = "…";
    let scanned = text.get(..text.floor_char_boundary(SUMMARY_SCAN_MAX)).unwrap_or_default();
    let mut line = String::new();
    for word in scanned.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > limit {
            line.truncate(line.floor_char_boundary(limit - ELLIPSIS.len()));
            line.truncate(line.trim_end().len());
            line.push_str(ELLIPSIS);
            break;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_stays_as_it_is_but_for_its_white_space() {
        assert_eq!(shortened("  one\n\ttwo  ", 20), "one two");
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_never_longer_than_its_limit() {
        assert_eq!(shortened("aaaa bbbb", 8), "aaaa…");
        for limit in 3..40 {
            let cut = shortened(&"né 日本 ".repeat(50), limit);
            assert!(cut.len() <= limit && cut.ends_with('…'), "{limit}: {cut}");
        }
    }

    #[test]
    fn a_text_longer_than_is_looked_at_still_ends_between_characters() {
        let cut = shortened(&"日".repeat(SUMMARY_SCAN_MAX), SUMMARY_PREVIEW_MAX);
        assert!(cut.len() <= SUMMARY_PREVIEW_MAX && cut.ends_with('…'));
    }
}
