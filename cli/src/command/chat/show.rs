//! `bowline chat show`: everything that was said, with branches marked.

use std::fmt::{self, Write as _};

use bowline_engine::device::Shown;
use bowline_engine::document::{Entry, Transcript};
use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::command::kind::Named;
use crate::documents::{self, Whereabouts};
use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::listing::Filed;
use crate::text::{OneLine, Safe, count};
use crate::time::{iso, moment};

/// Show a conversation
///
/// Shows every entry in order. Where a conversation was continued in more than one way, entries of the way it goes on now
/// are marked with ●, those of others with ○.
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Which conversation: its title, or the beginning of its id
    id: String,
    /// Only the way from the beginning to the latest entry, without other branches
    #[arg(long)]
    path: bool,
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
    /// The conversation of another workspace that this one is a copy of: the workspace's id, and the conversation's.
    copied_from: Option<String>,
    entries: Vec<Line>,
    issues: Vec<String>,
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
        let Named { id, document: shown, .. } = named;
        let issues = shown.transcript.issues.iter().map(documents::issue).collect();
        let entries = lines(&shown, self.path);
        invocation.answer(&Conversation {
            id: id.to_string(),
            prefix,
            title: shown.title,
            filed: Filed::from(shown.marks),
            whereabouts,
            only_here: shown.only_here.len(),
            copied_from: shown.copied_from,
            entries,
            issues,
        })
    }
}

fn lines(shown: &Shown, only_path: bool) -> Vec<Line> {
    let transcript = &shown.transcript;
    let branched = transcript.entries.iter().any(|entry| !entry.is_active);
    let wanted = transcript.entries.iter().enumerate().filter(|(_, entry)| entry.is_active || !only_path);
    wanted.map(|(index, entry)| line(shown, index, entry, branched && !only_path)).collect()
}

fn line(shown: &Shown, index: usize, entry: &Entry, branched: bool) -> Line {
    let transcript = &shown.transcript;
    let by = shown.written_by.get(&entry.key);
    let only_here = shown.only_here.contains(&entry.key);
    let (role, text) = entry.message().unzip();
    let parent = entry.parent.and_then(|parent| transcript.entries.get(parent));
    let mut head = String::new();
    if branched {
        head.push_str(if entry.is_active { "● " } else { "○ " });
    }
    let speaker = role.as_deref().filter(|role| !role.is_empty()).unwrap_or(&entry.kind);
    head.push_str(&OneLine(if speaker.is_empty() { "entry" } else { speaker }).to_string());
    if let Some(by) = by {
        let _ = write!(head, " · {}", OneLine(&by.name));
    }
    if let Some(time) = entry.time {
        let _ = write!(head, " · {}", moment(time));
    }
    if branched {
        head.push_str(&branch(transcript, index, entry));
    }
    if only_here {
        head.push_str(" · only here");
    }
    // What is not a message, or is one without text, is shown as it was written: nothing is left out.
    let body = text.as_deref().filter(|text| !text.is_empty()).unwrap_or(&entry.raw);
    let body = Safe(body).to_string();
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
        shown: format!("{head}\n{}\n", body.join("\n")),
    }
}

/// How an entry stands in the tree, where that is not simply below the one before.
fn branch(transcript: &Transcript, index: usize, entry: &Entry) -> String {
    let mut told = String::new();
    if !entry.id.is_empty() {
        let _ = write!(told, " · {}", OneLine(&entry.id));
    }
    if entry.parent != index.checked_sub(1) {
        match entry.parent.and_then(|parent| transcript.entries.get(parent)) {
            Some(parent) => {
                let _ = write!(told, " · continues {}", OneLine(&parent.id));
            }
            None => told.push_str(" · a beginning"),
        }
    }
    if entry.children > 1 {
        let _ = write!(told, " · {} from here", count(entry.children, "way"));
    }
    told
}

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = documents::title(self.title.as_deref().unwrap_or_default());
        let n = documents::count_entries(self.entries.len());
        write!(f, "{title}\n{} · {n} · {}", self.prefix, self.whereabouts)?;
        let filed = self.filed.to_string();
        writeln!(f, "{}{filed}", if filed.is_empty() { "" } else { " · " })?;
        if self.only_here > 0 {
            let n = documents::count_entries(self.only_here);
            writeln!(f, "{n} only here: `bowline share {}` puts them into the workspace", self.prefix)?;
        }
        if let Some(from) = &self.copied_from {
            writeln!(f, "copied from {}", OneLine(from))?;
        }
        self.entries.iter().try_for_each(|line| write!(f, "\n{}", line.shown))
    }
}
