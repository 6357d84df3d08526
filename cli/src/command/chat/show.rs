//! `bowline chat show`: everything that was said, with branches marked.

use std::fmt::{self, Write as _};

use bowline_engine::device::Shown;
use bowline_engine::document::{Entry, Missing};
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::rendered::Rendered;
use crate::command::kind::Named;
use crate::documents::{self, Whereabouts};
use crate::error::CommandError;
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::listing::Filed;
use crate::text::{OneLine, Safe, count, grouped};
use crate::time::{iso, moment};

/// Show a conversation
///
/// Shows every entry in order. Where a conversation was continued in more than one way, entries of the way it goes on now
/// are marked with ●, those of others with ○, and at the end stands how each is continued. On a terminal it is shown page by
/// page, by the program that `PAGER` names, else by less.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// Only the way from the beginning to the latest entry, without other branches
    #[arg(long)]
    path: bool,
    /// Every entry as it was written, as JSON
    #[arg(long)]
    raw: bool,
    /// Print it all at once, also on a terminal
    #[arg(long)]
    no_pager: bool,
}

#[derive(Serialize)]
struct Conversation {
    id: String,
    #[serde(skip)]
    prefix: String,
    title: Option<String>,
    #[serde(flatten)]
    filed: Filed,
    #[serde(flatten)]
    whereabouts: Whereabouts,
    /// How many entries are only here, beside what its workspace has.
    only_here: usize,
    /// How many entries of its log the relay holds back.
    withheld: u64,
    /// The conversation of another workspace that this one is a copy of: the workspace's id, and the conversation's.
    copied_from: Option<String>,
    entries: Vec<Line>,
    /// Lines that are not among the entries, since they stayed in the file that was imported.
    missing: Vec<MissingLine>,
    issues: Vec<String>,
    /// What is missing after the last entry.
    #[serde(skip)]
    at_end: String,
    /// The ways it goes on, if there are several, each with its last entry.
    #[serde(skip)]
    ways: Vec<String>,
}

#[derive(Serialize)]
struct MissingLine {
    /// The number of the line in its file, from 1.
    line: u64,
    /// How many bytes the line has, if that is known.
    bytes: Option<u64>,
    /// Key of the entry before it; `None` at the beginning.
    after: Option<String>,
}

#[derive(Serialize)]
struct Line {
    key: String,
    entry_id: String,
    kind: String,
    time: Option<String>,
    role: Option<String>,
    text: Option<String>,
    parent: Option<String>,
    /// Who wrote it, and on which device if that is known here.
    by: Option<String>,
    device: Option<String>,
    /// The entry is only here, beside what the conversation's workspace has.
    only_here: bool,
    active: bool,
    /// The entry as it was written.
    raw: Option<Box<RawValue>>,
    #[serde(skip)]
    shown: String,
}

impl Show {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let named = Named::<Shown>::read_to_show(invocation, &self.id)?;
        let (prefix, whereabouts) = (named.prefix()?, named.whereabouts()?);
        let withheld = named.withheld()?;
        let Named { id, document: shown, .. } = named;
        let issues = shown.transcript.issues.iter().map(documents::issue).collect();
        let reader = Reader::of(&shown, &self);
        let (entries, missing, ways) = (reader.lines(), reader.missing_lines(), reader.ways());
        let at_end = reader.missing_before(shown.transcript.entries.len());
        let conversation = Conversation {
            id: id.to_string(),
            prefix,
            title: shown.title,
            filed: Filed::from(shown.marks),
            whereabouts,
            only_here: shown.only_here.len(),
            withheld,
            copied_from: shown.copied_from,
            entries,
            missing,
            issues,
            at_end,
            ways,
        };
        if self.no_pager {
            invocation.answer(&conversation)
        } else {
            invocation.answer_in_pages(&conversation)
        }
    }
}

/// A conversation that is being written down for somebody.
struct Reader<'a> {
    shown: &'a Shown,
    ids: Prefixes,
    only_path: bool,
    is_raw: bool,
    /// The conversation goes on in more than one way, and all of them are shown.
    branched: bool,
}

impl<'a> Reader<'a> {
    fn of(shown: &'a Shown, options: &Show) -> Self {
        let entries = &shown.transcript.entries;
        Self {
            shown,
            ids: Prefixes::new(entries.iter().map(|entry| &entry.id)),
            only_path: options.path,
            is_raw: options.raw,
            branched: !options.path && entries.iter().any(|entry| !entry.is_active),
        }
    }

    /// The beginning of an entry's id, which `bowline chat say --after` takes.
    fn shorten(&self, id: &str) -> String {
        OneLine(&self.ids.shorten(id)).to_string()
    }

    fn lines(&self) -> Vec<Line> {
        let entries = self.shown.transcript.entries.iter().enumerate();
        let wanted = entries.filter(|(_, entry)| entry.is_active || !self.only_path);
        wanted.map(|(index, entry)| self.line(index, entry)).collect()
    }

    /// Lines that stayed in their file, but for those beside the way that is shown.
    fn missing(&self, all: &'a [Missing]) -> impl Iterator<Item = &'a Missing> {
        let entries = &self.shown.transcript.entries;
        let is_shown = |missing: &&Missing| {
            let next = entries.get(missing.before).or(entries.last());
            !self.only_path || next.is_none_or(|entry| entry.is_active)
        };
        all.iter().filter(is_shown)
    }

    fn missing_lines(&self) -> Vec<MissingLine> {
        let before = |at: usize| at.checked_sub(1).and_then(|at| self.shown.transcript.entries.get(at));
        let line = |missing: &Missing| MissingLine {
            line: missing.line,
            bytes: missing.bytes,
            after: before(missing.before).map(|entry| entry.key.clone()),
        };
        self.missing(&self.shown.transcript.missing).map(line).collect()
    }

    /// What stayed in its file between an entry and the one before it.
    fn missing_before(&self, index: usize) -> String {
        let all = &self.shown.transcript.missing;
        let place = |before| all.partition_point(|missing| missing.before < before);
        let here = all.get(place(index)..place(index + 1)).unwrap_or_default();
        let told = self.missing(here).map(|missing| match missing.bytes {
            Some(bytes) => {
                format!("[a line of {} bytes stayed in the file it was imported from]\n", grouped(bytes))
            }
            None => "[a line stayed in the file it was imported from]\n".to_owned(),
        });
        told.collect()
    }

    fn line(&self, index: usize, entry: &Entry) -> Line {
        let by = self.shown.written_by.get(&entry.key);
        let only_here = self.shown.only_here.contains(&entry.key);
        let (role, text) = entry.message().unzip();
        let parent = entry.parent.and_then(|parent| self.shown.transcript.entries.get(parent));
        let rendered = Rendered::of(entry, &|id| self.shorten(id));
        let mut head = String::new();
        if self.branched {
            head.push_str(mark(entry));
            head.push(' ');
        }
        head.push_str(&self.said_by(entry, &rendered));
        if self.branched {
            head.push_str(&self.branch(index, entry));
        }
        if only_here {
            head.push_str(" · only here");
        }
        let body = Safe(if self.is_raw { &entry.raw } else { &rendered.body }).to_string();
        let body: Vec<String> = body.lines().map(|line| format!("  {line}").trim_end().to_owned()).collect();
        Line {
            key: entry.key.clone(),
            entry_id: entry.id.clone(),
            kind: entry.kind.clone(),
            time: entry.time.and_then(iso),
            role,
            text,
            parent: parent.map(|parent| parent.key.clone()),
            by: by.map(|by| by.name.clone()),
            device: by.and_then(|by| by.device).map(|device| device.to_string()),
            only_here,
            active: entry.is_active,
            raw: RawValue::from_string(entry.raw.clone()).ok(),
            shown: {
                let missing = self.missing_before(index);
                let apart = if missing.is_empty() { "" } else { "\n" };
                format!("{missing}{apart}{head}\n{}\n", body.join("\n"))
            },
        }
    }

    /// Who says what an entry says, and when.
    fn said_by(&self, entry: &Entry, rendered: &Rendered) -> String {
        let mut told = OneLine(&rendered.speaker).to_string();
        if let Some(by) = self.shown.written_by.get(&entry.key) {
            let _ = write!(told, " · {}", OneLine(&by.name));
        }
        if let Some(time) = entry.time {
            let _ = write!(told, " · {}", moment(time));
        }
        told
    }

    /// How an entry stands in the tree, where that is not simply below the one before.
    fn branch(&self, index: usize, entry: &Entry) -> String {
        let mut told = String::new();
        if !entry.id.is_empty() {
            let _ = write!(told, " · {}", self.shorten(&entry.id));
        }
        if entry.parent != index.checked_sub(1) {
            match entry.parent.and_then(|parent| self.shown.transcript.entries.get(parent)) {
                Some(parent) => {
                    let _ = write!(told, " · continues {}", self.shorten(&parent.id));
                }
                None => told.push_str(" · a beginning"),
            }
        }
        if entry.children > 1 {
            let _ = write!(told, " · {} from here", count(entry.children, "way"));
        }
        told
    }

    /// The last entry of each way on, that of the present one first: what it says stands above, once.
    fn ways(&self) -> Vec<String> {
        let entries = self.shown.transcript.entries.iter().filter(|_| self.branched);
        let mut ends: Vec<&Entry> = entries
            .filter(|entry| entry.children == 0 && !entry.id.is_empty() && entry.kind != "leaf")
            .collect();
        ends.sort_by_key(|entry| !entry.is_active);
        let way = |entry: &Entry| {
            let rendered = Rendered::of(entry, &|id| self.shorten(id));
            // With commas, so that who looks for the first lines of entries by their dots finds each entry once.
            let said_by = self.said_by(entry, &rendered).replace(" · ", ", ");
            format!("{} {}  {said_by}", mark(entry), self.shorten(&entry.id))
        };
        ends.into_iter().map(way).collect()
    }
}

/// Whether an entry is of the way that the conversation goes on now.
fn mark(entry: &Entry) -> &'static str {
    if entry.is_active { "●" } else { "○" }
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = documents::title(self.title.as_deref().unwrap_or_default());
        let n = documents::count_entries(self.entries.len() as u64);
        write!(f, "{title}\n{} · {n} · {}", self.prefix, self.whereabouts)?;
        let filed = self.filed.to_string();
        writeln!(f, "{}{filed}", if filed.is_empty() { "" } else { " · " })?;
        if self.only_here > 0 {
            let n = documents::count_entries(self.only_here as u64);
            match self.whereabouts {
                Whereabouts::Stays => writeln!(f, "{n} only here")?,
                _ => writeln!(
                    f,
                    "{n} only here: `bowline share {}` puts them into the workspace",
                    self.prefix
                )?,
            }
        }
        if let Some(from) = &self.copied_from {
            writeln!(f, "copied from {}", OneLine(from))?;
        }
        self.entries.iter().try_for_each(|line| write!(f, "\n{}", line.shown))?;
        if !self.at_end.is_empty() {
            write!(f, "\n{}", self.at_end)?;
        }
        if self.ways.len() < 2 {
            return Ok(());
        }
        writeln!(f, "\nIt goes on in {}, which end with", count(self.ways.len(), "way"))?;
        self.ways.iter().try_for_each(|way| writeln!(f, "  {way}"))?;
        writeln!(f, "`bowline chat say {} --after ID TEXT` continues one of them", self.prefix)
    }
}
