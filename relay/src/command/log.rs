//! Log lines on stderr: for people on a terminal, as JSON for programs elsewhere. Whatever becomes of stderr, serving goes
//! on.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, IsTerminal, Write};
use std::panic::{self, PanicHookInfo};
use std::time::Duration;

use bowline_disk::sink::Sink;
use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

use super::output;

/// How long the end waits for the last log lines, where nobody takes them.
const LAST_LINES: Duration = Duration::from_secs(1);

/// What log lines look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON object in each line.
    Json,
}

impl Format {
    /// The chosen format, or else the one that fits stderr.
    pub(crate) fn or_fitting(chosen: Option<Self>) -> Self {
        chosen.unwrap_or_else(|| if io::stderr().is_terminal() { Self::Text } else { Self::Json })
    }
}

/// The log of a relay that serves. Dropping it waits a moment for the last lines.
pub(crate) struct Log {
    format: Format,
    lines: Sink,
}

impl Log {
    /// Writes log lines from here on. `BOWLINE_LOG` says which, as in `debug` or `bowline_relay=debug,info`.
    pub(crate) fn start(format: Format) -> io::Result<Self> {
        let sink = Sink::start(stderr()?, move |missing| gap(format, missing))?;
        let filter = EnvFilter::builder()
            .with_default_directive(tracing::Level::INFO.into())
            .with_env_var("BOWLINE_LOG");
        let (filter, nonsense) = match filter.try_from_env() {
            Ok(filter) => (filter, None),
            Err(error) if std::env::var_os("BOWLINE_LOG").is_some() => (EnvFilter::new("info"), Some(error)),
            Err(_) => (EnvFilter::new("info"), None),
        };
        let writer = sink.clone();
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .log_internal_errors(false)
            .with_writer(move || writer.clone());
        match format {
            Format::Text => lines.with_target(false).init(),
            Format::Json => {
                lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
            }
        }
        // What is printed otherwise would wait for a stderr that nobody reads.
        panic::set_hook(Box::new(log_panic));
        if let Some(error) = nonsense {
            tracing::warn!(%error, "BOWLINE_LOG makes no sense, so lines from info upwards are written");
        }
        Ok(Self { format, lines: sink })
    }

    /// Says a line to a person; programs are not told.
    pub(crate) fn say(&mut self, line: &str) {
        if self.format == Format::Text {
            let _always_taken = writeln!(self.lines, "{line}");
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.lines.flush_within(LAST_LINES);
    }
}

/// Stderr by itself: whoever else writes to stderr does not wait for a line that is stuck there.
#[cfg(unix)]
fn stderr() -> io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(io::stderr().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail elsewhere")]
fn stderr() -> io::Result<io::Stderr> {
    Ok(io::stderr())
}

/// The line that says how many are missing before it.
fn gap(format: Format, missing: u64) -> String {
    let now = output::time(bowline_relay::wall());
    match format {
        Format::Text => format!("{now}  WARN log lines are missing here missing={missing}\n"),
        Format::Json => {
            let line = serde_json::json!({
                "timestamp": now,
                "level": "WARN",
                "message": "log lines are missing here",
                "missing": missing,
                "target": env!("CARGO_CRATE_NAME"),
            });
            format!("{line}\n")
        }
    }
}

fn log_panic(bug: &PanicHookInfo<'_>) {
    let trace = Backtrace::capture();
    let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
    let place = bug.location().map(ToString::to_string);
    tracing::error!(what = bug.payload_as_str(), place, trace, "a bug of the relay");
}
