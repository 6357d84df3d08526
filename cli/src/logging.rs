//! What goes on behind the scenes: the libraries' tracing events, which carry no content, keys or codes.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use bowline_engine::ids::Millis;
use tracing::Dispatch;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt};

use crate::invocation::Invocation;

/// Bytes of the log file beyond which the next `sync` begins a new one and keeps this one as `.old`: months of a quiet
/// `sync --watch`, and small enough to send to somebody.
const LOG_MAX: u64 = 4 * 1024 * 1024;

/// What is recorded of a long `sync`, on stderr and in the file. Automerge logs at its own discretion, so it is not asked.
const WATCH_LEVEL: &str = "info,automerge=off";

/// To stderr what `-v` asks for: nothing by default, since commands say themselves what a person has to know.
pub(crate) fn to_stderr(invocation: &Invocation<'_>, verbose: u8) -> Dispatch {
    let level = match verbose {
        0 => return Dispatch::none(),
        1 => "info,automerge=off",
        _ => "debug,automerge=off",
    };
    let stderr = invocation.host.stderr.clone();
    let layer = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_timer(Clock(Arc::clone(&invocation.host.clock)))
        .with_writer(move || stderr.clone());
    Dispatch::new(Registry::default().with(layer.with_filter(EnvFilter::new(level))))
}

/// To the log file of a `sync` that runs for long, and to stderr as well.
pub(crate) fn to_file(invocation: &Invocation<'_>, folder: &Path) -> io::Result<Dispatch> {
    let clock = || Clock(Arc::clone(&invocation.host.clock));
    let file = Arc::new(open(&folder.join("bowline.log"))?);
    let to_file = tracing_subscriber::fmt::layer().with_ansi(false).with_timer(clock()).with_writer(file);
    let stderr = invocation.host.stderr.clone();
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .with_timer(clock())
        .with_writer(move || stderr.clone());
    let to_stderr = (!invocation.is_quiet()).then_some(to_stderr);
    let both = Registry::default()
        .with(to_file.with_filter(EnvFilter::new(WATCH_LEVEL)))
        .with(to_stderr.with_filter(EnvFilter::new(WATCH_LEVEL)));
    Ok(Dispatch::new(both))
}

fn open(path: &Path) -> io::Result<File> {
    if path.metadata().is_ok_and(|about| about.len() > LOG_MAX) {
        std::fs::rename(path, path.with_extension("log.old"))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The host's clock, for log lines.
struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl FormatTime for Clock {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        to.write_str(&crate::time::iso((self.0)()).unwrap_or_default())
    }
}
