//! `bowline workspace put-aside`: what was put aside, and what it says.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use bowline_engine::device::{PutAside as Entry, Says};
use bowline_engine::document::{Piece, message_of};
use clap::Args;
use serde::Serialize;

use crate::documents;
use crate::error::{CommandError, put_aside};
use crate::ids::{Candidate, Names, Prefixes, resolve};
use crate::invocation::Invocation;
use crate::text::{OneLine, Safe};
use crate::time::{iso, moment};
use crate::workspaces::{self, Called};

/// List entries that were put aside, or show what one of them says
///
/// What somebody writes who was removed, or what breaks a rule, stands in no document. It is kept, with the reason, and can be read here. What
/// it says is its author's word alone.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  bowline workspace put-aside
  bowline workspace put-aside 3f2a")]
pub(crate) struct PutAside {
    /// Which entry to read: the beginning of its id, as `bowline status` shows it
    entry: Option<String>,
    /// In which workspace: its name, or the beginning of its id [default: the one in use]
    #[arg(long, short, value_name = "ID")]
    workspace: Option<String>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answer {
    entries: Vec<Shown>,
    #[serde(skip)]
    is_read: bool,
}

#[derive(Serialize)]
struct Shown {
    entry: String,
    #[serde(skip)]
    prefix: String,
    author: String,
    #[serde(skip)]
    author_name: String,
    /// When the log took it, if it did.
    at: Option<String>,
    #[serde(skip)]
    when: String,
    why: String,
    /// What it is about; nothing if it cannot be opened here, or is about no document.
    document: Option<Document>,
}

#[derive(Serialize)]
struct Document {
    id: String,
    /// The kind, by the word that its commands begin with; nothing if this version does not know it.
    kind: Option<&'static str>,
    title: String,
    /// What is written, in the order of writing; nothing if it cannot be read.
    says: Option<Vec<String>>,
}

impl PutAside {
    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let mut here = invocation.open()?;
        let workspace = workspaces::chosen(&here.device, self.workspace.as_deref())?;
        let members = here.device.status(workspace)?.members;
        let called = Called::load(&mut here.device, workspace, &members, invocation.now())?;
        let mut found = here.device.put_aside(workspace)?;
        let prefixes = Prefixes::new(found.iter().map(|it| it.what.entry));
        if let Some(typed) = &self.entry {
            // What stands on the log twice is there twice.
            let ids: BTreeMap<String, &Entry> =
                found.iter().map(|it| (it.what.entry.to_string(), it)).collect();
            let candidates = ids.into_iter().map(|(id, it)| Candidate {
                value: it.what.entry,
                id,
                name: called.device(it.what.author),
            });
            let hint = "`bowline workspace put-aside` lists them";
            let one = resolve("entry that was put aside", typed, candidates.collect(), Names::Ignored, hint)?;
            found.retain(|it| it.what.entry == one.value);
        }
        if found.is_empty() {
            invocation.say(format_args!("Nothing was put aside in this workspace."));
        }
        let entries = found.iter().map(|it| Shown::of(it, &prefixes, &called)).collect();
        invocation.answer(&Answer { entries, is_read: self.entry.is_some() })
    }
}

impl Shown {
    fn of(entry: &Entry, prefixes: &Prefixes, called: &Called) -> Self {
        let what = &entry.what;
        Self {
            entry: what.entry.to_string(),
            prefix: prefixes.shorten(what.entry),
            author: what.author.to_string(),
            author_name: called.device(what.author),
            at: entry.at.and_then(|at| iso(at.millis())),
            when: entry.at.map_or_else(|| "not on the log".to_owned(), |at| moment(at.millis())),
            why: put_aside(what),
            document: entry.says.as_ref().map(Document::from),
        }
    }
}

impl From<&Says> for Document {
    fn from(says: &Says) -> Self {
        let pieces = says.pieces.as_ref();
        Self {
            id: says.doc.to_string(),
            kind: says.kind.map(documents::command),
            title: says.title.clone(),
            says: pieces.map(|pieces| pieces.iter().map(in_words).collect()),
        }
    }
}

/// A piece as a person reads it.
fn in_words(piece: &Piece) -> String {
    match piece {
        Piece::Line(line) => match message_of(line) {
            Some((role, text)) => format!("{role}: {text}"),
            None => line.clone(),
        },
        Piece::File(path) => format!("new file {path}"),
        Piece::Text(text) => text.clone(),
        Piece::Field { key, value } => format!("{key} = {value}"),
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for it in &self.entries {
            writeln!(f, "{} by {}, {}: {}", it.prefix, it.author_name, it.when, OneLine(&it.why))?;
            match &it.document {
                None => writeln!(f, "  It cannot be read here, or is about no document")?,
                Some(document) => document.write(f, self.is_read)?,
            }
        }
        Ok(())
    }
}

impl Document {
    fn write(&self, f: &mut Formatter<'_>, is_read: bool) -> fmt::Result {
        let kind = self.kind.unwrap_or("a document of a kind that this version does not know");
        writeln!(f, "  In {kind} {}", documents::title(&self.title))?;
        match &self.says {
            None => writeln!(f, "  What is in it cannot be read"),
            Some(says) if is_read => says
                .iter()
                .try_for_each(|piece| piece.lines().try_for_each(|line| writeln!(f, "    {}", Safe(line)))),
            Some(_) => Ok(()),
        }
    }
}
