//! What goes on behind the scenes: the libraries' tracing events, which carry no content, keys or codes.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bowline_engine::Home;
use bowline_engine::ids::Millis;
use bowline_engine::sink::Sink;
use tracing::Dispatch;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::{EnvFilter, Layer, Registry, layer::SubscriberExt};

use crate::error::CommandError;
use crate::invocation::Invocation;

/// Bytes of the log file beyond which the next `sync` begins a new one and keeps this one as `.old`: months of a quiet
/// `sync --watch`, and small enough to send to somebody.
const LOG_MAX: u64 = 4 * 1024 * 1024;

/// How long the end of a long `sync` waits for its last log lines, where nobody takes them.
const LAST_LINES: Duration = Duration::from_secs(1);

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
        .log_internal_errors(false)
        .with_writer(move || stderr.clone());
    Dispatch::new(Registry::default().with(layer.with_filter(EnvFilter::new(level))))
}

/// The log of a `sync` that runs for long: in its file, and on stderr unless that is not wanted. Neither of them can stop the
/// syncing, or keep it waiting.
pub(crate) struct WatchLog {
    /// Where events go.
    pub(crate) dispatch: Dispatch,
    places: Vec<Sink>,
}

impl WatchLog {
    /// Begins a log; a place that cannot be written to is left out, and that is said in the other one.
    pub(crate) fn start(invocation: &Invocation<'_>, home: &Home) -> Self {
        let stderr =
            if invocation.is_quiet() { None } else { Some(sink(invocation, invocation.host.stderr.clone())) };
        let file = match home.log_file(LOG_MAX) {
            Ok(file) => Some(sink(invocation, file)),
            Err(error) => Some(Err(io::Error::other(CommandError::from(error).causes.join(": ")))),
        };
        let failed: Vec<String> = [&stderr, &file]
            .into_iter()
            .flatten()
            .filter_map(|it| it.as_ref().err())
            .map(ToString::to_string)
            .collect();
        let places: Vec<Sink> = [stderr, file].into_iter().flatten().filter_map(Result::ok).collect();
        let to = |place: &Sink| {
            let place = place.clone();
            tracing_subscriber::fmt::layer()
                .with_ansi(false)
                .with_timer(Clock(Arc::clone(&invocation.host.clock)))
                .log_internal_errors(false)
                .with_writer(move || place.clone())
                .with_filter(EnvFilter::new(WATCH_LEVEL))
        };
        let layers: Vec<_> = places.iter().map(to).collect();
        let log = Self { dispatch: Dispatch::new(Registry::default().with(layers)), places };
        tracing::dispatcher::with_default(&log.dispatch, || {
            for why in failed {
                tracing::warn!(why, "some of the log is not written");
            }
        });
        log
    }
}

impl Drop for WatchLog {
    fn drop(&mut self) {
        for place in &self.places {
            place.flush_within(LAST_LINES);
        }
    }
}

fn sink(invocation: &Invocation<'_>, place: impl Write + Send + 'static) -> io::Result<Sink> {
    let clock = Arc::clone(&invocation.host.clock);
    Sink::start(place, move |missing| {
        let now = crate::time::iso(clock()).unwrap_or_default();
        format!("{now}  WARN bowline: log lines are missing here missing={missing}\n")
    })
}

/// The host's clock, for log lines.
struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl FormatTime for Clock {
    fn format_time(&self, to: &mut Writer<'_>) -> fmt::Result {
        to.write_str(&crate::time::iso((self.0)()).unwrap_or_default())
    }
}
