//! What an import says about itself: one item for each thing it met, as it meets it, and counts at the end.

use std::collections::BTreeMap;

use bowline_device::Outcome;
use serde::Serialize;

/// Bytes between two events of progress.
const PROGRESS_EVERY: u64 = 256 << 10;

/// What happens while an import runs. Items are handed out one by one and not kept, so that memory does not grow with what is
/// imported.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Transcripts begin to be read.
    Begin {
        /// Bytes of all transcripts together; 0 if nobody knows.
        bytes: u64,
    },
    /// Some of the transcripts have been read. Sent about every quarter of a megabyte, and at the end.
    Progress {
        /// Bytes read so far.
        bytes: u64,
        /// Lines read so far.
        lines: u64,
    },
    /// One thing was imported, or was not.
    Item(&'a Item),
}

/// One thing that an import met. Its texts come from files of other programs: who prints them has to make them harmless. No
/// member ever holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What sort of thing it is.
    pub what: What,
    /// What became of it.
    pub outcome: Outcome,
    /// The file or folder, seen from the folder that is imported, with `/`; outside of it as OpenClaw's settings name it.
    pub path: String,
    /// Where in the file: `line 12`, or the path of a member such as `gateway.auth.token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Why it had that outcome, where the outcome does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Item {
    /// What became of something, without more words.
    pub fn new(what: What, outcome: Outcome, path: impl Into<String>) -> Self {
        Self { what, outcome, path: path.into(), at: None, title: None, why: None }
    }

    /// Something that is left where it is, and why.
    pub fn skipped(what: What, path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(what, Outcome::Skipped, path).because(why)
    }

    /// Something that should have come in and could not, and why.
    pub fn failed(what: What, path: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(what, Outcome::Failed, path).because(why)
    }

    /// Adds why the item has its outcome.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds where in the file it is.
    #[must_use]
    pub fn at(mut self, at: impl Into<String>) -> Self {
        self.at = Some(at.into());
        self
    }

    /// Adds what people call it.
    #[must_use]
    pub fn titled(mut self, title: Option<impl Into<String>>) -> Self {
        self.title = title.map(Into::into);
        self
    }
}

/// What an [`Item`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A conversation: one transcript.
    Conversation,
    /// One line of a transcript that did not become an entry. Lines that did are counted, not listed.
    Line,
    /// An agent.
    Agent,
    /// A skill.
    Skill,
    /// An agent's personal files.
    Memory,
    /// A job that runs by the clock.
    Schedule,
    /// A file of one of the others, or a file or folder that belongs to none.
    File,
    /// A file or folder of which Bowline does not know what it is. Always skipped.
    Unknown,
    /// A part of the settings.
    Setting,
    /// A secret, or a file of secrets. Always skipped.
    Secret,
}

/// How many lines of transcripts became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entries {
    /// Entries that were added.
    pub new: u64,
    /// Entries that were here already.
    pub present: u64,
    /// Lines kept beside the transcript because they are not entries: damaged, torn or blank ones.
    pub aside: u64,
    /// Lines that were left in the file because they are too long.
    pub too_long: u64,
    /// Lines that were left in the file for another reason.
    pub left: u64,
}

/// What an import did, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many things of each sort had each outcome.
    pub counts: BTreeMap<What, BTreeMap<Outcome, u64>>,
    /// The lines of all transcripts, headers apart.
    pub entries: Entries,
    /// Secrets found, none of which was imported.
    pub secrets: u64,
    /// Bytes of transcripts read.
    pub bytes: u64,
    /// Lines of transcripts read, headers included.
    pub lines: u64,
}

impl Report {
    /// How many things of a sort had an outcome.
    pub fn count(&self, what: What, outcome: Outcome) -> u64 {
        self.counts.get(&what).and_then(|outcomes| outcomes.get(&outcome)).copied().unwrap_or(0)
    }

    /// How many things of a sort are in Bowline now: those that are neither skipped nor failed.
    pub fn imported(&self, what: What) -> u64 {
        let outcomes = self.counts.get(&what).into_iter().flatten();
        outcomes
            .filter(|(outcome, _)| !matches!(outcome, Outcome::Skipped | Outcome::Failed))
            .map(|(_, n)| n)
            .sum()
    }

    /// How many things have changed anything in Bowline.
    pub fn changed(&self) -> u64 {
        let is_change = |outcome: &Outcome| {
            matches!(outcome, Outcome::New | Outcome::More | Outcome::Updated | Outcome::Conflict)
        };
        let all = self.counts.values().flatten();
        all.filter(|(outcome, _)| is_change(outcome)).map(|(_, n)| n).sum()
    }

    /// How many things could not be imported.
    pub fn failed(&self) -> u64 {
        self.counts.values().filter_map(|outcomes| outcomes.get(&Outcome::Failed)).sum()
    }

    /// Adds what another import did.
    pub fn merge(&mut self, other: &Self) {
        for (what, outcomes) in &other.counts {
            let sums = self.counts.entry(*what).or_default();
            for (outcome, n) in outcomes {
                *sums.entry(*outcome).or_default() += n;
            }
        }
        self.entries.add(&other.entries);
        self.secrets += other.secrets;
        self.bytes += other.bytes;
        self.lines += other.lines;
    }

    pub(crate) fn add(&mut self, item: &Item) {
        let outcomes = self.counts.entry(item.what).or_default();
        *outcomes.entry(item.outcome).or_default() += 1;
        if item.what == What::Secret {
            self.secrets += 1;
        }
    }
}

impl Entries {
    fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.present += other.present;
        self.aside += other.aside;
        self.too_long += other.too_long;
        self.left += other.left;
    }
}

/// Counts what an import meets and hands it on, as it meets it.
pub(crate) struct Reporter<'a> {
    on: &'a mut dyn FnMut(Event<'_>),
    report: Report,
    /// Bytes at the last event of progress.
    told: u64,
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(on: &'a mut dyn FnMut(Event<'_>)) -> Self {
        Self { on, report: Report::default(), told: 0 }
    }

    /// Hands on how many bytes of transcripts there are; 0 if nobody knows.
    pub(crate) fn begin(&mut self, bytes: u64) {
        (self.on)(Event::Begin { bytes });
    }

    /// Counts one thing and hands it on.
    pub(crate) fn item(&mut self, item: &Item) {
        self.report.add(item);
        (self.on)(Event::Item(item));
    }

    /// Counts what became of the lines of one transcript.
    pub(crate) fn add_entries(&mut self, entries: &Entries) {
        self.report.entries.add(entries);
    }

    /// Counts a line that was read, `bytes` long with its end.
    pub(crate) fn advance(&mut self, bytes: u64) {
        self.report.bytes += bytes;
        self.report.lines += 1;
        if self.report.bytes - self.told >= PROGRESS_EVERY {
            self.tell();
        }
    }

    /// Ends the import.
    pub(crate) fn finish(mut self) -> Report {
        self.tell();
        self.report
    }

    fn tell(&mut self) {
        self.told = self.report.bytes;
        (self.on)(Event::Progress { bytes: self.report.bytes, lines: self.report.lines });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_what_it_is_told_and_knows_what_came_in() {
        let mut report = Report::default();
        for outcome in [Outcome::New, Outcome::New, Outcome::Unchanged, Outcome::Skipped, Outcome::Failed] {
            report.add(&Item::new(What::Agent, outcome, "agents/main"));
        }
        report.add(&Item::skipped(What::Secret, ".env", "a secret").at("TOKEN"));
        assert_eq!(report.count(What::Agent, Outcome::New), 2);
        assert_eq!(report.count(What::Skill, Outcome::New), 0);
        assert_eq!(report.imported(What::Agent), 3);
        assert_eq!((report.changed(), report.failed(), report.secrets), (2, 1, 1));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["counts"]["agent"]["new"], 2);
        assert_eq!(json["counts"]["secret"]["skipped"], 1);
    }
}
