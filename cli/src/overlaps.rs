//! What two changed at the same time, as sentences.

use std::fmt;
use std::ops::Range;

use bowline_engine::device::Overlapping;
use bowline_engine::document::OverlapAt;
use bowline_engine::ids::DocId;
use serde::Serialize;

use crate::documents::{self, command, title};
use crate::error::CommandError;
use crate::ids::Prefixes;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::{OneLine, fit};

/// Columns of a text that somebody wrote in a sentence about it.
const TEXT_COLUMNS: usize = 40;

/// What two changed at the same time, for programs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Overlap {
    document: String,
    kind: &'static str,
    title: String,
    /// Who else wrote.
    by: Vec<String>,
    /// What happened, as a sentence.
    text: String,
    /// How to look at it.
    #[serde(skip)]
    command: String,
}

impl Overlap {
    /// All that no person has looked at.
    pub(crate) fn all(invocation: &Invocation<'_>, here: &mut Opened) -> Result<Vec<Self>, CommandError> {
        let prefixes = documents::prefixes(&here.device)?;
        let found = here.device.overlaps(invocation.now())?;
        let mut all: Vec<Self> = found.iter().map(|it| Self::of(it, &prefixes)).collect();
        all.sort_by(|one, other| one.document.cmp(&other.document));
        Ok(all)
    }

    fn of(it: &Overlapping, prefixes: &Prefixes) -> Self {
        Self {
            document: it.document.to_string(),
            kind: it.kind.words().one,
            title: it.title.clone(),
            by: it.by.clone(),
            text: what(it),
            command: format!("bowline {} show {}", command(it.kind), prefixes.shorten(it.document)),
        }
    }
}

/// Writes lines of a report: what happened, and after all that happened to one document how to look at it.
pub(crate) fn write_all(f: &mut fmt::Formatter<'_>, all: &[Overlap]) -> fmt::Result {
    for of_one in all.chunk_by(|one, next| one.document == next.document) {
        for it in of_one {
            writeln!(f, "  {} \"{}\": {}", it.kind, title(&it.title), it.text)?;
        }
        of_one.iter().take(1).try_for_each(|it| writeln!(f, "    `{}` shows it", it.command))?;
    }
    Ok(())
}

/// What happened, with the document it happened to.
pub(crate) fn sentence(it: &Overlapping) -> String {
    format!("{} \"{}\": {}", it.kind.words().one, title(&it.title), what(it))
}

/// Tells a person who looks at a document what others changed of it at the same time. It is told no more after that.
pub(crate) fn told(
    invocation: &mut Invocation<'_>,
    here: &mut Opened,
    id: DocId,
) -> Result<(), CommandError> {
    let found = here.device.overlaps(invocation.now())?;
    for it in found.iter().filter(|it| it.document == id) {
        invocation.warn(format_args!("{}", what(it)));
    }
    // A program that asks has not looked for its person.
    if !invocation.is_json()
        && let Err(error) = here.device.note_overlaps_seen(id)
    {
        tracing::debug!(%error, "what was told could not be noted");
    }
    Ok(())
}

fn what(it: &Overlapping) -> String {
    let names: Vec<String> = it.by.iter().map(|name| OneLine(name).to_string()).collect();
    let by = match names.as_slice() {
        [] => "somebody else".to_owned(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} or {last}", others.join(", ")),
    };
    match &it.at {
        OverlapAt::Value { field, holds, lost, ours_holds } => value(&by, field, (holds, lost), *ours_holds),
        OverlapAt::Lines { path, lines } => format!(
            "{by} changed the same lines of {} at the same time as you: {} what both of you wrote",
            OneLine(path.as_str()),
            stretch(lines)
        ),
        OverlapAt::Beside { path } => format!(
            "{by} put another {0} there at the same time as you: both are here, one as {0} and one under a name with \
             \"conflict\" in it",
            OneLine(path.as_str())
        ),
        OverlapAt::TheyRemoved { path } => {
            format!("{by} removed {} while you changed it: it is still here", OneLine(path.as_str()))
        }
        OverlapAt::WeRemoved { path } => {
            format!("{by} changed {} while you removed it: it is here again", OneLine(path.as_str()))
        }
    }
}

/// What became of a field or value that holds one text.
fn value(by: &str, field: &str, (holds, lost): (&str, &str), ours_holds: bool) -> String {
    let [holds, lost] = [holds, lost].map(|text| fit(&OneLine(text).to_string(), TEXT_COLUMNS));
    match (["name", "title"].contains(&field), ours_holds) {
        (true, true) => {
            format!("{by} renamed it at the same time as you, to \"{lost}\": your \"{holds}\" counts")
        }
        (true, false) => {
            format!(
                "{by} renamed it at the same time as you: \"{holds}\" counts, and your \"{lost}\" does not"
            )
        }
        (false, true) => format!(
            "{by} changed its {} at the same time as you: your \"{holds}\" counts, and \"{lost}\" does not",
            OneLine(field)
        ),
        (false, false) => format!(
            "{by} changed its {} at the same time as you: \"{holds}\" counts, and your \"{lost}\" does not",
            OneLine(field)
        ),
    }
}

/// Where in a file, as the subject of what has both.
fn stretch(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("line {} is beside", lines.start),
        1 => format!("line {} has", lines.start),
        _ => format!("lines {} to {} have", lines.start, lines.end - 1),
    }
}

#[cfg(test)]
mod tests {
    use bowline_engine::document::{FilePath, Kind};

    use super::*;

    fn told(at: OverlapAt, by: &[&str]) -> String {
        let by = by.iter().map(|name| (*name).to_owned()).collect();
        let document = DocId::from_bytes([0; DocId::LEN]);
        let title = "Benny".to_owned();
        sentence(&Overlapping { document, kind: Kind::Agent, title, at, by })
    }

    #[test]
    fn each_overlap_is_a_sentence_that_says_who_what_and_what_counts() {
        let path = || FilePath::parse("AGENTS.md").unwrap();
        let value = |field: &str, ours_holds| OverlapAt::Value {
            field: field.to_owned(),
            holds: "Bea".to_owned(),
            lost: "Ben".to_owned(),
            ours_holds,
        };
        let all = [
            told(OverlapAt::Lines { path: path(), lines: 3..4 }, &["Ben"]),
            told(OverlapAt::Lines { path: path(), lines: 3..6 }, &["Ben", "Cleo"]),
            told(OverlapAt::Beside { path: path() }, &["Ben"]),
            told(OverlapAt::TheyRemoved { path: path() }, &["Ben"]),
            told(OverlapAt::WeRemoved { path: path() }, &["Ben"]),
            told(value("name", true), &["Ben"]),
            told(value("name", false), &["Ben"]),
            told(value("tools/search", true), &["Ben"]),
            told(value("model", false), &["Ben"]),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
