//! What an import shows: how far it is, what it met that a person should know, and a report at the end.

use std::collections::BTreeMap;
use std::fmt;

use bowline_engine::ids::WorkspaceId;
use bowline_import::{Entries, Event, ImportError, Item, Outcome, Report, What};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::documents;
use crate::error::{CommandError, ErrorCode};
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::progress::TICK;
use crate::syncing;
use crate::text::{OneLine, Table, count, grouped};

/// Items that the answer for programs lists; of those beyond it says how many. A home with more has one trouble many times.
const ITEMS_MAX: usize = 10_000;

/// Outcomes in the order of the table's columns, and what they are called there.
const OUTCOMES: [(Outcome, &str); 8] = [
    (Outcome::New, "NEW"),
    (Outcome::More, "WENT ON"),
    (Outcome::Updated, "CHANGED"),
    (Outcome::Unchanged, "AS BEFORE"),
    (Outcome::Kept, "KEPT"),
    (Outcome::Conflict, "CONFLICT"),
    (Outcome::Skipped, "LEFT OUT"),
    (Outcome::Failed, "FAILED"),
];

/// What is a document.
const DOCUMENTS: [What; 4] = [What::Conversation, What::Agent, What::Skill, What::Memory];

/// What the table has rows for.
const ROWS: [(What, &str); 5] = [
    (What::Conversation, "conversations"),
    (What::Agent, "agents"),
    (What::Skill, "skills"),
    (What::Memory, "memories"),
    (What::Schedule, "schedules"),
];

/// Whether what is shown happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Import,
    /// The import is only planned, and nothing is written.
    DryRun,
}

/// An import that is shown.
pub(super) struct Shown<'i, 'h> {
    invocation: &'i mut Invocation<'h>,
    mode: Mode,
    /// The bar on a terminal; `None` if nobody looks at one.
    bar: Option<ProgressBar>,
    /// What is imported, safe for a terminal.
    of: String,
    /// What was met, for the answer in JSON.
    items: Vec<Item>,
    items_left_out: usize,
    /// What was left out and not told.
    untold: usize,
}

#[derive(Serialize)]
struct Answer {
    imported: String,
    /// Whether nothing was written, and this is what importing would come to.
    dry_run: bool,
    #[serde(flatten)]
    report: Report,
    /// What was met, but for single lines that are entries.
    items: Vec<Item>,
    /// How many more things were met than `items` holds.
    items_left_out: usize,
}

impl<'i, 'h> Shown<'i, 'h> {
    /// Begins to show the import of `of`, which is safe for a terminal.
    pub(super) fn begin(invocation: &'i mut Invocation<'h>, of: String, mode: Mode) -> Self {
        let bar = invocation.shows_progress().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { invocation, mode, bar, of, items: Vec::new(), items_left_out: 0, untold: 0 }
    }

    /// Shows one event.
    pub(super) fn show(&mut self, event: Event<'_>) {
        match event {
            Event::Begin { bytes } => self.measure(bytes),
            Event::Progress { bytes, lines } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(bytes);
                    let per_second = rate(lines, bar.elapsed().as_secs_f64());
                    bar.set_message(format!("{} lines, {per_second} lines/s", grouped(lines)));
                }
            }
            Event::Item(item) => {
                self.tell(item);
                if !self.invocation.is_json() {
                } else if self.items.len() < ITEMS_MAX {
                    self.items.push(item.clone());
                } else {
                    self.items_left_out += 1;
                }
            }
        }
    }

    fn measure(&self, bytes: u64) {
        let Some(bar) = &self.bar else { return };
        let template = if bytes > 0 {
            bar.set_length(bytes);
            "{spinner} {binary_bytes} of {binary_total_bytes}, {binary_bytes_per_sec}, {msg}"
        } else {
            "{spinner} {binary_bytes}, {binary_bytes_per_sec}, {msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
    }

    /// Says what a person should know of an item: what could not be taken as it is, and which secrets there are.
    fn tell(&mut self, item: &Item) {
        let is_secret = item.what == What::Secret;
        match item.outcome {
            Outcome::Failed => {
                let what = if self.mode == Mode::DryRun { "cannot be imported" } else { "not imported" };
                self.line(true, &format!("{what}: {}", sentence(item)));
            }
            Outcome::Conflict => self.line(true, &format!("changed here and there: {}", sentence(item))),
            Outcome::Kept => self.line(true, &format!("kept as it is: {}", sentence(item))),
            Outcome::Skipped if is_secret => {
                let left = if self.mode == Mode::DryRun { "Would leave out" } else { "Left out" };
                self.line(false, &format!("{left} a secret: {}", sentence(item)));
            }
            // What nobody knows may be a person's own.
            Outcome::Skipped if item.what == What::Unknown || self.invocation.is_verbose() => {
                let left = if self.mode == Mode::DryRun { "Would leave out" } else { "Left out" };
                self.line(false, &format!("{left}: {}", sentence(item)));
            }
            Outcome::Skipped => self.untold += 1,
            Outcome::New | Outcome::More | Outcome::Updated | Outcome::Unchanged => {}
        }
    }

    /// A line that stays on the terminal, above how far it is.
    fn line(&mut self, is_warning: bool, text: &str) {
        let invocation = &mut *self.invocation;
        let mut say = || {
            if is_warning {
                invocation.warn(format_args!("{text}"));
            } else {
                invocation.say(format_args!("{text}"));
            }
        };
        match &self.bar {
            Some(bar) => bar.suspend(say),
            None => say(),
        }
    }

    /// The report, or why there is none.
    pub(super) fn stopped_or(&self, result: Result<Report, ImportError>) -> Result<Report, CommandError> {
        result.map_err(|error| {
            if let Some(bar) = &self.bar {
                bar.finish_and_clear();
            }
            CommandError::from(error).hint(match self.mode {
                Mode::Import => "what was imported by then is stored; run it again to go on from there",
                Mode::DryRun => "nothing was written; run it again when that is mended",
            })
        })
    }

    /// Shows the report of an import, before which `waiting` was queued. An error if something could not be imported.
    pub(super) fn end(self, here: &Opened, waiting: &Queued, report: Report) -> Result<(), CommandError> {
        let (failed, changed) = (report.failed(), report.changed());
        let new = DOCUMENTS.iter().map(|what| report.count(*what, Outcome::New)).sum();
        let invocation = self.answer(report)?;
        if changed > 0 {
            next_steps(invocation, here, waiting, new)?;
        }
        all_or_partial(failed, "could not be imported; the rest is here")
    }

    /// Shows the report of a dry run. An error if something could not be imported.
    pub(super) fn end_dry_run(self, report: Report) -> Result<(), CommandError> {
        let (failed, changed) = (report.failed(), report.changed());
        let invocation = self.answer(report)?;
        let next = if changed > 0 { "run it without --dry-run to import this" } else { "nothing is new" };
        invocation.hint(format_args!("nothing was written; {next}"));
        all_or_partial(failed, "cannot be imported; nothing was written")
    }

    fn answer(self, report: Report) -> Result<&'i mut Invocation<'h>, CommandError> {
        let Self { invocation, mode, bar, of, items, items_left_out, untold } = self;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        if untold > 0 {
            let left = match mode {
                Mode::Import => "Left out",
                Mode::DryRun => "Would leave out",
            };
            invocation.say(format_args!(
                "{left} {} that other programs make; --verbose names them",
                count(untold, "thing")
            ));
        }
        let dry_run = mode == Mode::DryRun;
        invocation.answer(&Answer { imported: of, dry_run, report, items, items_left_out })?;
        Ok(invocation)
    }
}

/// Ends a command that could not do all of it with the error that says so.
fn all_or_partial(failed: u64, became: &str) -> Result<(), CommandError> {
    if failed == 0 {
        return Ok(());
    }
    let n = count(usize::try_from(failed).unwrap_or(usize::MAX), "thing");
    Err(CommandError::new(ErrorCode::ImportIncomplete, format!("{n} {became}"))
        .hint("what it was, and why, is said above; run it again when that is mended"))
}

/// How many documents wait to be sent, by workspace.
pub(super) type Queued = BTreeMap<WorkspaceId, usize>;

/// What waits to be sent now.
pub(super) fn queued(here: &Opened) -> Result<Queued, CommandError> {
    let workspaces = here.device.workspaces();
    workspaces.map(|workspace| Ok((workspace, here.device.outstanding(workspace)?.queued))).collect()
}

/// What to do with what came in: what went on in a workspace waits to be sent, and `new` documents are only here.
fn next_steps(
    invocation: &mut Invocation<'_>,
    here: &Opened,
    before: &Queued,
    new: u64,
) -> Result<(), CommandError> {
    let mut goes_out = false;
    for (workspace, now) in queued(here)? {
        if now > before.get(&workspace).copied().unwrap_or_default() {
            syncing::after_change(invocation, here, workspace)?;
            goes_out = true;
        }
    }
    let show = "`bowline chat list` and `bowline agent list` show what came in";
    if new == 0 || documents::shareable(&here.device)?.is_empty() {
        invocation.hint(format_args!("{show}"));
    } else {
        let what = if goes_out { "what is new" } else { "it" };
        invocation.hint(format_args!("{show}; {what} is on this device only until you `bowline share` it"));
    }
    Ok(())
}

/// Where it is, and why it is told. Names of files are not ours.
fn sentence(item: &Item) -> String {
    let mut told = OneLine(&item.path).to_string();
    if let Some(at) = &item.at {
        told = format!("{told}, {}", OneLine(at));
    }
    match &item.why {
        Some(why) => format!("{told}: {}", OneLine(why)),
        None => told,
    }
}

/// How many there are in a second, for a person.
fn rate(n: u64, seconds: f64) -> String {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate for people, never negative"
    )]
    let per_second = if seconds > 0.0 { (n as f64 / seconds) as u64 } else { 0 };
    grouped(per_second)
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &self.report;
        let rows = ROWS.iter().filter(|(what, _)| report.counts.contains_key(what));
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            return writeln!(f, "Found nothing to import in {}", self.imported);
        }
        let did = if self.dry_run { "Would import" } else { "Imported" };
        writeln!(f, "{did} from {}:", self.imported)?;
        let is_there = |outcome| rows.iter().any(|(what, _)| report.count(*what, outcome) > 0);
        let columns: Vec<_> = OUTCOMES.iter().filter(|(outcome, _)| is_there(*outcome)).collect();
        let names: Vec<&str> = columns.iter().map(|(_, name)| *name).collect();
        let mut table = Table::new(&[[""].as_slice(), &names].concat());
        for (what, name) in rows {
            let number = |outcome| match report.count(*what, outcome) {
                0 => "-".to_owned(),
                n => grouped(n),
            };
            let mut cells = vec![format!("  {name}")];
            cells.extend(columns.iter().map(|(outcome, _)| number(*outcome)));
            table.row(cells);
        }
        write!(f, "{table}")?;
        writeln!(f, "{}", lines(&report.entries))?;
        match (report.secrets, self.dry_run) {
            (0, _) => Ok(()),
            (1, false) => writeln!(f, "1 secret was left out"),
            (n, false) => writeln!(f, "{} secrets were left out", grouped(n)),
            (1, true) => writeln!(f, "1 secret would be left out"),
            (n, true) => writeln!(f, "{} secrets would be left out", grouped(n)),
        }
    }
}

/// What became of the lines of all conversations.
fn lines(entries: &Entries) -> String {
    let parts = [
        (entries.new, "new"),
        (entries.present, "here before"),
        (entries.aside, "kept aside, as they are not entries"),
        (entries.too_long, "left in their files, as they are too long"),
        (entries.left, "left in their files"),
    ];
    let told = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", grouped(*n)));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "Lines: none".to_owned() } else { format!("Lines: {}", told.join(", ")) }
}
