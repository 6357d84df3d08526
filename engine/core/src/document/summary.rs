//! What a list shows of a document without loading it.

use bowline_wire::ids::Millis;

use super::limits::SUMMARY_SCAN_MAX;

/// One row of a list. Travels with every payload as its author's claim and is checked when the document is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The title somebody gave it, else the name its application gave the session, else how its first message begins;
    /// empty if there is none of these. The name of an agent or skill,
    /// or of the agent whose memory it is. At most [`SUMMARY_TITLE_MAX`](super::limits::SUMMARY_TITLE_MAX) bytes.
    pub title: String,
    /// The latest time that any entry claims; without entries, when the document was last edited.
    pub updated_at: Millis,
    /// How many entries a conversation has, how many names a profile, how many files any other document.
    pub count: u64,
    /// How the last message with text begins, or the description of an agent or skill. At most [`SUMMARY_PREVIEW_MAX`](super::limits::SUMMARY_PREVIEW_MAX) bytes.
    pub preview: String,
}

/// A text on one line, without runs of white space, and if that is too long cut between two characters with an ellipsis.
pub(super) fn shortened(text: &str, limit: usize) -> String {
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
    use crate::document::limits::SUMMARY_PREVIEW_MAX;

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
