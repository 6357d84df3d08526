//! What a list says of a transcript, added up entry by entry.

use bowline_wire::ids::Millis;

use super::line::Line;
use crate::document::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_TITLE_MAX};
use crate::document::summary::{Summary, shortened};

/// What the summary of a conversation says of its transcript, added up entry by entry in the order of display.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many entries there are.
    pub count: u64,
    /// The latest time that any entry claims.
    pub latest: Option<Millis>,
    /// The name that the session's application gave it in the transcript.
    pub session_name: Option<String>,
    /// How the transcript's first message with text begins.
    pub first_text: Option<String>,
    /// How the transcript's last message with text begins.
    pub last_text: Option<String>,
}

impl Tally {
    /// Adds the next entry's line.
    pub fn add(&mut self, line: &str) {
        self.count += 1;
        let Some(line) = Line::parse(line) else {
            return;
        };
        self.latest = self.latest.max(line.time());
        if line.text("type").as_deref() == Some("session_info") {
            let name = line.text("name").map(|name| shortened(&name, SUMMARY_TITLE_MAX));
            self.session_name = name.or_else(|| self.session_name.take());
        }
        if let Some((_, text)) = line.message().filter(|(_, text)| !text.trim().is_empty()) {
            self.first_text.get_or_insert_with(|| shortened(&text, SUMMARY_TITLE_MAX));
            self.last_text = Some(shortened(&text, SUMMARY_PREVIEW_MAX));
        }
    }

    /// The summary of a conversation with these entries, this title and this time of its last edit.
    pub fn summary(&self, title: Option<&str>, last_edit: Millis) -> Summary {
        let title = title.map(|title| shortened(title, SUMMARY_TITLE_MAX));
        let title = title.or_else(|| self.session_name.clone()).or_else(|| self.first_text.clone());
        Summary {
            title: title.unwrap_or_default(),
            updated_at: self.latest.unwrap_or(last_edit),
            count: self.count,
            preview: self.last_text.clone().unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Tally {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("count", &self.count).finish_non_exhaustive()
    }
}
