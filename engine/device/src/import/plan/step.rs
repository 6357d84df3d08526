//! What goes into a plan and what comes out of it, line by line.

use bowline_core::document::{Aside, Gap, ImportedLine, LeftLine};
use bowline_store::LineHash;

use super::super::remembered::{About, left_line_hash, line_hash};
use super::super::source::LineVerdict;

/// A line of a session, read once.
#[derive(Clone, Copy)]
pub(in crate::import) struct SourceLine<'a> {
    pub(in crate::import) bytes: &'a [u8],
    pub(in crate::import) class: ImportedLine<'a>,
    pub(in crate::import) hash: LineHash,
}

impl<'a> SourceLine<'a> {
    /// Reads a line, without its `\n`; only the first of a file can be its header.
    pub(in crate::import) fn read(bytes: &'a [u8], is_first: bool) -> Self {
        Self { bytes, class: ImportedLine::read(bytes, is_first), hash: line_hash(bytes) }
    }
}

/// A line that cannot be held in memory, and stays in its file.
#[derive(Clone, Copy, Debug)]
pub(in crate::import) struct HugeLine {
    pub(super) line: LeftLine,
    pub(in crate::import) hash: LineHash,
}

impl HugeLine {
    pub(in crate::import) fn new(line: LeftLine) -> Self {
        Self { line, hash: left_line_hash(&line) }
    }
}

/// Either what is planned, or what has to be answered before it can be.
pub(in crate::import) enum Step<T> {
    Planned(T),
    Ask(Question),
}

/// What a plan has to know before it can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::import) enum Question {
    /// Which lines are remembered, in a stretch with this one in it: answer with `SessionPlan::answer_remembered`.
    Remembered(u64),
    /// Whether nobody has written into the document since: answer with `SessionPlan::answer_untouched`.
    Untouched,
    /// Which lines the document has, but for the first `SessionPlan::passed` of those that are remembered: answer with
    /// `SessionPlan::answer_held`.
    Held,
}

/// What is to become of one line.
pub(in crate::import) struct LinePlan<'a> {
    pub(in crate::import) verdict: LineVerdict,
    /// What is written of it.
    pub(in crate::import) write: Option<LineWrite<'a>>,
    /// The line kept aside that was its torn beginning, and goes.
    pub(in crate::import) completes: Option<Aside>,
    /// Notes of lines that stayed in their file and have come since.
    pub(in crate::import) fills: Vec<Gap>,
    /// Whether it is remembered at its place already.
    pub(in crate::import) is_remembered: bool,
}

/// What a line is written as.
pub(in crate::import) enum LineWrite<'a> {
    Header(&'a str),
    /// An entry, with its number among the entries of the file.
    Entry(u32, &'a str),
    Aside(Aside),
    /// Nothing but a note that it stays in its file.
    Gap(Gap),
}

/// What is to be done at the end of a session.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::import) enum EndPlan {
    /// Nothing: nothing of it is stored, or may be changed.
    Leave,
    /// What is left goes into the document that this import makes, with all that is said of it.
    Make,
    /// What is left goes into the document, of which nothing else is said than before.
    Keep,
    /// What is left goes into the document, of which something else is said now than this.
    Tell(About),
}
