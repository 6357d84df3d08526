//! Log lines on stderr: for people on a terminal, as JSON for programs elsewhere.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

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

/// Writes log lines from here on. `BOWLINE_LOG` says which, as in `debug` or `bowline_relay=debug,info`.
pub(crate) fn start(format: Format) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::Level::INFO.into())
        .with_env_var("BOWLINE_LOG")
        .from_env_lossy();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        Format::Text => lines.with_target(false).init(),
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
    }
}
