//! What is going on while a command waits for a relay: a line that changes on a terminal, milestones elsewhere.

use std::collections::BTreeSet;
use std::time::Duration;

use bowline_engine::Awaited;
use bowline_engine::device::Notice;
use bowline_engine::ids::WorkspaceId;
use bowline_engine::run::{Event, LineFailure, Waiting};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::error::no_connection;
use crate::invocation::Invocation;
use crate::notices;
use crate::overlaps;
use crate::text::{grouped, process};
use crate::workspaces::WorkspaceNames;

/// How often the line turns on a terminal: it shows that the process is alive.
pub(crate) const TICK: Duration = Duration::from_millis(120);

/// Shows what happens while this process syncs, to a person or in a log.
pub(crate) struct Progress {
    /// The line that turns on a terminal; `None` if nobody looks at one.
    bar: Option<ProgressBar>,
    /// Whether events go to a log instead of a person.
    logged: bool,
    /// A connection that was lost: told when it is made again, and not when the command ends with that very error.
    lost: Option<String>,
    /// What was told already of what the relay refused: one that refuses everything is told of once.
    told: BTreeSet<String>,
    names: WorkspaceNames,
}

impl Progress {
    /// For a person, on a terminal or in a file.
    pub(crate) fn shown(invocation: &Invocation<'_>, names: WorkspaceNames) -> Self {
        let bar = invocation.shows_progress().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar, logged: false, lost: None, told: BTreeSet::new(), names }
    }

    /// For the log of a process that runs for long.
    pub(crate) fn logged(names: WorkspaceNames) -> Self {
        Self { bar: None, logged: true, lost: None, told: BTreeSet::new(), names }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, invocation: &mut Invocation<'_>, event: &Event) {
        if self.logged {
            return self.log(event);
        }
        let lost = self.lost.take();
        let Some((text, stays)) = self.sentence(event) else {
            return;
        };
        if let Some(lost) = lost {
            self.keep(invocation, &lost);
        }
        if matches!(event, Event::Notice(Notice::Refused { .. })) && !self.told.insert(text.clone()) {
            return;
        }
        match (&self.bar, event) {
            (_, Event::Lost(..)) => self.lost = Some(text),
            _ if stays => self.keep(invocation, &text),
            (Some(bar), _) => bar.set_message(text),
            // Without a terminal each step is a line; how far catching up is would be a hundred of them.
            (None, Event::CatchingUp(..)) => {}
            (None, _) => invocation.say(format_args!("{text}")),
        }
    }

    /// A line that stays on the terminal.
    fn keep(&self, invocation: &mut Invocation<'_>, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| invocation.say(format_args!("{text}"))),
            None => invocation.say(format_args!("{text}")),
        }
    }

    /// Takes the line off the terminal.
    pub(crate) fn clear(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }

    /// What happened, and whether a person wants to read it afterwards.
    fn sentence(&self, event: &Event) -> Option<(String, bool)> {
        let name = |workspace: &WorkspaceId| self.names.label(*workspace);
        Some(match event {
            Event::OtherProcess(pid) => {
                (format!("{} is syncing this home; waiting for it", process(*pid)), true)
            }
            Event::Connecting(workspace) => (format!("workspace {}: connecting", name(workspace)), false),
            Event::Waiting(workspace, waiting) => {
                (format!("workspace {}: {}", name(workspace), waits(*waiting)), true)
            }
            Event::CatchingUp(workspace, at, of) => (
                format!("workspace {}: receiving {} of {}", name(workspace), grouped(at.0), grouped(of.0)),
                false,
            ),
            Event::Live(workspace) => (format!("workspace {}: connected", name(workspace)), false),
            Event::Lost(workspace, why, _) => (
                format!(
                    "workspace {}: no connection: {}",
                    name(workspace),
                    no_connection(&LineFailure::from(&**why))
                ),
                true,
            ),
            Event::Closed(workspace) => (format!("workspace {}: disconnected", name(workspace)), false),
            Event::Notice(notice) => {
                let (workspace, text) = notices::sentence(notice)?;
                (format!("workspace {}: {}", name(&workspace), text), true)
            }
            Event::Overlap(it) => (overlaps::sentence(it), true),
        })
    }

    fn log(&self, event: &Event) {
        let id = |workspace: &WorkspaceId| self.names.prefix(*workspace);
        match event {
            Event::OtherProcess(pid) => {
                tracing::info!(pid, "another process is syncing this home; waiting for it");
            }
            Event::Connecting(workspace) => tracing::info!(workspace = id(workspace), "connecting"),
            Event::Waiting(workspace, waiting) => {
                tracing::info!(workspace = id(workspace), "{}", waits(*waiting));
            }
            Event::CatchingUp(workspace, at, of) => {
                tracing::info!(workspace = id(workspace), at = at.0, of = of.0, "receiving");
            }
            Event::Live(workspace) => tracing::info!(workspace = id(workspace), "connected"),
            Event::Lost(workspace, why, pause) => {
                let (why, retry_s) = (no_connection(&LineFailure::from(&**why)), pause.as_secs());
                tracing::warn!(workspace = id(workspace), %why, retry_s, "no connection");
            }
            Event::Closed(workspace) => tracing::info!(workspace = id(workspace), "disconnected"),
            Event::Notice(notice) => {
                if let Some((workspace, text)) = notices::sentence(notice) {
                    tracing::warn!(workspace = id(&workspace), "{text}");
                }
            }
            // What it is stays out of the log.
            Event::Overlap(it) => {
                let (document, by) = (it.document.to_string(), it.by.join(", "));
                tracing::warn!(
                    document,
                    by,
                    "changed by others at the same time; `bowline status` says what"
                );
            }
        }
    }
}

/// What is being waited for, and has not come for some seconds.
fn waits(waiting: Waiting) -> &'static str {
    match waiting {
        Waiting::Connection => "still connecting: nothing has answered yet",
        Waiting::For(Awaited::Challenge | Awaited::Welcome) => {
            "connected, and the relay does not answer; waiting for it, half a minute at most"
        }
        Waiting::For(Awaited::Answer) => "the relay owes an answer; waiting for it, a minute at most",
    }
}
