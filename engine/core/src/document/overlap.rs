//! Where what others wrote meets what this device wrote at the same time: Automerge merges it, and a person wants to know.

mod graph;

use std::collections::BTreeSet;
use std::ops::Range;

use automerge::{ObjId, ROOT, ReadDoc, Value};
use serde::{Deserialize, Serialize};

use self::graph::{Both, Graph};
use super::actor::ActorId;
use super::edit::deletion;
use super::edit::fields::container;
use super::edit::files::{FilePath, Files, changed_lines};
use super::intake::first::FirstChange;
use super::intake::hash::ChangeHash;
use super::kind::{ENTRIES, FILES, REMOVED};
use super::limits::SUMMARY_PREVIEW_MAX;
use super::loaded::Document;
use super::version::Version;

/// Maps in which nobody sets a text that another would miss: files and entries, and what applications say of their sessions.
const WITHOUT_TEXTS: [&str; 4] = [ENTRIES, FILES, REMOVED, "origin"];

/// Maps of files by their paths.
const OF_FILES: [&str; 2] = [FILES, "bytes"];

/// Something that this device and others changed at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// What both changed.
    pub at: OverlapAt,
    /// Under whom the others wrote, each device once and a few dozen of them at most. If there are several, at least one of them wrote there.
    pub others: Vec<ActorId>,
}

/// What two changed at the same time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverlapAt {
    /// A field or value that holds one text, of which one counts.
    Value {
        /// Path of the field, as `name` or `tools/search`.
        field: String,
        /// What it holds now, or its beginning.
        holds: String,
        /// What does not count, or its beginning: this device's text if `ours_holds` is false.
        lost: String,
        /// Whether what it holds is this device's.
        ours_holds: bool,
    },
    /// The same lines of a file, which has both changes in it.
    Lines {
        /// The file.
        path: FilePath,
        /// The first of these lines as the file is now, from 1, and the one after the last.
        lines: Range<usize>,
    },
    /// Both put a file at one path: one has a name of its own.
    Beside {
        /// The path.
        path: FilePath,
    },
    /// The others removed a file that this device changed: it is there.
    TheyRemoved {
        /// The file.
        path: FilePath,
    },
    /// The others changed a file that this device removed: it is there.
    WeRemoved {
        /// The file.
        path: FilePath,
    },
}

impl std::fmt::Debug for OverlapAt {
    /// Content never reaches a trace.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value { ours_holds, .. } => write!(f, "Value(ours holds: {ours_holds})"),
            Self::Lines { lines, .. } => write!(f, "Lines({lines:?})"),
            Self::Beside { .. } => f.write_str("Beside"),
            Self::TheyRemoved { .. } => f.write_str("TheyRemoved"),
            Self::WeRemoved { .. } => f.write_str("WeRemoved"),
        }
    }
}

impl Document {
    /// Where what has come since the document had these heads meets what this device had written at the same time. `is_own` says of
    /// which actors this device is.
    pub fn overlaps(&self, before: &[ChangeHash], is_own: impl Fn(&ActorId) -> bool) -> Vec<Overlap> {
        let known: Vec<_> = before.iter().filter(|head| self.contains(head)).copied().collect();
        let since = self
            .automerge()
            .get_changes_meta(&known.iter().map(|head| head.to_automerge()).collect::<Vec<_>>());
        let is_others = |actor: &[u8]| ActorId::from_slice(actor).is_some_and(|actor| !is_own(&actor));
        if known.is_empty() || !graph::has_unaware(&known, &since, is_others) {
            return Vec::new();
        }
        // Walking the graph of a long conversation costs more than taking in what came, which is seldom about anything that can meet.
        let (fields, has_files) = (self.contested(), FirstChange::of(self.kind()).texts().is_some());
        if fields.is_empty() && !has_files {
            return Vec::new();
        }
        let Some(both) = Graph::of(self.automerge()).both(&known, &is_own) else { return Vec::new() };
        let mut found: Vec<OverlapAt> = fields.into_iter().filter_map(|field| field.overlap(&both)).collect();
        if has_files {
            found.extend(self.files_overlap(&both));
        }
        let others = both.others();
        found.into_iter().map(|at| Overlap { at, others: others.clone() }).collect()
    }

    /// Fields and values that hold more than one text, because nobody has set them since they were set without knowing of one
    /// another.
    fn contested(&self) -> Vec<Contested> {
        let mut fields: Vec<(ObjId, String, String)> = Vec::new();
        let root = self.automerge().keys(ROOT).filter(|key| !deletion::is_field(key));
        fields.extend(root.map(|key| (ROOT, String::new(), key)));
        for map in self.kind().maps().iter().filter(|map| !WITHOUT_TEXTS.contains(map)) {
            let object = container(self.kind(), map);
            let keys = self.automerge().keys(&object);
            fields.extend(keys.map(|key| (object.clone(), format!("{map}/"), key)));
        }
        let contested = |(object, path, key): (ObjId, String, String)| {
            let values = self.automerge().get_all(&object, key.as_str()).unwrap_or_default();
            if values.len() < 2 {
                return None;
            }
            let text = |(value, id): (Value<'_>, ObjId)| Some((value.into_string().ok()?, id));
            let values = values.into_iter().map(text).collect::<Option<_>>()?;
            Some(Contested { field: format!("{path}{key}"), values })
        };
        fields.into_iter().filter_map(contested).collect()
    }

    /// Files in which both changed the same, or that one removed while the other changed them.
    fn files_overlap(&self, both: &Both) -> Vec<OverlapAt> {
        let as_of = |heads: &[ChangeHash]| self.as_of(&Version::of(heads.to_vec()));
        let (Some(base), Some(mine), Some(theirs)) =
            (as_of(&both.base), as_of(&both.mine), as_of(&both.theirs))
        else {
            return Vec::new();
        };
        let [base, mine, theirs, now] = [&base, &mine, &theirs, self].map(Files::of);
        let text = |files: &Files, path: &FilePath| files.find(path).map(|shown| shown.file.text.clone());
        let mut found = Vec::new();
        for shown in now.shown() {
            let path = &shown.file.path;
            if shown.file.conflicts_with.is_some() {
                continue;
            }
            let at = match (text(&base, path), text(&mine, path), text(&theirs, path)) {
                (Some(base), Some(mine), Some(theirs)) => {
                    same_lines(&base, [&mine, &theirs], &shown.file.text)
                        .map(|lines| OverlapAt::Lines { path: path.clone(), lines })
                }
                (Some(base), None, Some(theirs)) if base != theirs => {
                    Some(OverlapAt::WeRemoved { path: path.clone() })
                }
                (Some(base), Some(mine), None) if base != mine => {
                    Some(OverlapAt::TheyRemoved { path: path.clone() })
                }
                _ => None,
            };
            found.extend(at);
        }
        found.extend(self.beside(both));
        found
    }

    /// Paths at which both put a file of their own.
    fn beside(&self, both: &Both) -> Vec<OverlapAt> {
        let mut found = Vec::new();
        for map in self.kind().maps().iter().filter(|map| OF_FILES.contains(map)) {
            let object = container(self.kind(), map);
            for key in self.automerge().keys(&object) {
                let all = self.automerge().get_all(&object, key.as_str()).unwrap_or_default();
                let contents = |is: fn(&Both, &ObjId) -> bool| -> BTreeSet<Vec<u8>> {
                    all.iter().filter(|(_, id)| is(both, id)).filter_map(|it| self.content(it)).collect()
                };
                let (mine, theirs) = (contents(Both::is_mine), contents(Both::is_theirs));
                if !mine.is_empty() && !theirs.is_empty() && mine != theirs {
                    found.extend(FilePath::parse(&key).ok().map(|path| OverlapAt::Beside { path }));
                }
            }
        }
        found
    }

    /// What is in a file, text or not.
    fn content(&self, (value, id): &(Value<'_>, ObjId)) -> Option<Vec<u8>> {
        match value {
            Value::Scalar(value) => value.as_bytes().map(<[u8]>::to_vec),
            Value::Object(_) => self.automerge().text(id).ok().map(String::into_bytes),
        }
    }
}

/// A field or value with all texts that it holds. Automerge lists the one that counts last.
struct Contested {
    field: String,
    values: Vec<(String, ObjId)>,
}

impl Contested {
    /// Whether both have set it.
    fn overlap(mut self, both: &Both) -> Option<OverlapAt> {
        let (holds, winner) = self.values.pop()?;
        let ours_holds = both.is_mine(&winner);
        let meets = |id: &ObjId| if ours_holds { both.is_theirs(id) } else { both.is_mine(id) };
        let (lost, _) = self.values.into_iter().rev().find(|(text, id)| meets(id) && *text != holds)?;
        let is_met = ours_holds || both.is_theirs(&winner);
        let [holds, lost] = [holds, lost].map(beginning);
        is_met.then_some(OverlapAt::Value { field: self.field, holds, lost, ours_holds })
    }
}

/// As much of a text as tells it from another: who wrote it may have written megabytes.
fn beginning(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(SUMMARY_PREVIEW_MAX));
    text
}

/// The lines of a text as it is now in which two have changed what they had.
fn same_lines(base: &str, [mine, theirs]: [&str; 2], now: &str) -> Option<Range<usize>> {
    let (ours, others) = (changed_lines(base, mine), changed_lines(base, theirs));
    let mut met: Option<Range<usize>> = None;
    for (at, with) in &ours {
        let before = others.partition_point(|(other, _)| other.end < at.start);
        let near = others.iter().skip(before).take_while(|(other, _)| other.start <= at.end);
        for (other, other_with) in near.filter(|(other, _)| meet(at, other)) {
            // What both only took out is gone as both meant it; what both put in alike is there twice.
            if at != other || !with.is_empty() || !other_with.is_empty() {
                let met = met.get_or_insert_with(|| at.clone());
                *met = met.start.min(at.start).min(other.start)..met.end.max(at.end).max(other.end);
            }
        }
    }
    let met = met?;
    let by_now = changed_lines(base, now);
    let mut lines: Option<Range<usize>> = None;
    for (_, now) in by_now.iter().filter(|(at, _)| meet(at, &met)) {
        let lines = lines.get_or_insert_with(|| now.clone());
        *lines = lines.start.min(now.start)..lines.end.max(now.end);
    }
    lines.map(|lines| lines.start + 1..lines.end + 1)
}

/// Whether two stretches of lines have a line in common, or are both nothing at the same place.
fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start == other.start || (one.start < other.end && other.start < one.end)
}
