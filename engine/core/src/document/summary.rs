//! What a list shows of a document without loading it.

use std::collections::HashSet;

use bowline_wire::ids::Millis;

use super::conversation::line::Line;
use super::limits::{SUMMARY_PREVIEW_MAX, SUMMARY_SCAN_MAX, SUMMARY_TITLE_MAX};
use super::{Agent, AgentField, Document, Entry, Kind};

/// One row of a list. Travels with every payload as its author's claim and is checked when the document is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The title somebody gave it, else the name its application gave the session, else how its first message begins;
    /// empty if there is none of these. The name of an agent or skill,
    /// or of the agent whose memory it is. At most [`SUMMARY_TITLE_MAX`] bytes.
    pub title: String,
    /// The latest time any of its entries claims; without entries, when it was last edited.
    pub updated_at: Millis,
    /// How many entries its transcript has, how many names a profile, how many files any other.
    pub count: u64,
    /// How its last message with text begins, or the description of an agent or skill. At most [`SUMMARY_PREVIEW_MAX`] bytes.
    pub preview: String,
}

impl Summary {
    pub(super) fn of(document: &Document) -> Self {
        match document.kind() {
            Kind::Conversation => Self::of_conversation(document),
            Kind::Profile => Self::of_profile(document),
            Kind::Agent => Self::of_agent(document),
            Kind::Skill => Self::of_skill(document),
            Kind::Memory => Self::of_memory(document),
        }
    }

    fn of_conversation(document: &Document) -> Self {
        let title = super::Conversation::new(document).title();
        document.outline().tally().summary(title.as_deref(), last_edit(document))
    }

    fn of_agent(document: &Document) -> Self {
        let agent = Agent::new(document);
        let text = |field| agent.field(field).unwrap_or_default();
        Self {
            title: shortened(&text(AgentField::Name), SUMMARY_TITLE_MAX),
            updated_at: last_edit(document),
            count: agent.file_count() as u64,
            preview: shortened(&text(AgentField::Description), SUMMARY_PREVIEW_MAX),
        }
    }

    fn of_skill(document: &Document) -> Self {
        let skill = super::Skill::new(document);
        Self {
            title: shortened(&skill.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
            updated_at: last_edit(document),
            count: skill.file_count() as u64,
            preview: shortened(&skill.description().unwrap_or_default(), SUMMARY_PREVIEW_MAX),
        }
    }

    fn of_memory(document: &Document) -> Self {
        let memory = super::Memory::new(document);
        Self {
            title: shortened(&memory.name().unwrap_or_default(), SUMMARY_TITLE_MAX),
            updated_at: last_edit(document),
            count: memory.file_count() as u64,
            preview: String::new(),
        }
    }

    fn of_profile(document: &Document) -> Self {
        let count = super::Profile::new(document).count() as u64;
        Self { updated_at: last_edit(document), count, ..Self::default() }
    }
}

/// What the summary of a conversation says of its transcript, added up entry by entry in the order of display.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many entries there are.
    pub count: u64,
    /// The latest time any of them claims.
    pub latest: Option<Millis>,
    /// The name its application gave the session in its transcript.
    pub session_name: Option<String>,
    /// How its first message with text begins.
    pub first_text: Option<String>,
    /// How its last message with text begins.
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

/// What the summary of a conversation, and whoever appends to it, needs to know of its transcript, kept so that one more
/// message does not mean reading all those before it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    tally: Tally,
    /// Every id there is.
    ids: HashSet<Box<str>>,
    /// Position, time, id and key of the last entry.
    last: Option<(u32, Option<Millis>, String, String)>,
}

impl Outline {
    pub(super) fn of(document: &Document) -> Self {
        let mut outline = Self::default();
        for entry in super::Conversation::new(document).transcript().entries {
            outline.add(&entry);
        }
        outline
    }

    /// With an entry that was appended just now; `None` if it does not come last.
    pub(super) fn with(mut self, entry: &Entry) -> Option<Self> {
        let last =
            self.last.as_ref().map(|(position, time, id, key)| (*position, *time, id.as_str(), key.as_str()));
        if last.is_some_and(|last| last >= entry.order()) {
            return None;
        }
        self.add(entry);
        Some(self)
    }

    pub(super) fn tally(&self) -> &Tally {
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
